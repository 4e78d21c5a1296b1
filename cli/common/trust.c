// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether files are trusted, see trust.h. */
#include <errno.h>
#include <stdarg.h>

#include "common/trust.h"

/* A hint does not contain a longer path: a path that is cut off would be another path. */
#define NAMED_LEN 300

/*
 * Characters of a path that can be pasted into a shell, as they are or between quotes. @ is
 * not one of them: a hint stands for the device with it.
 */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+:,%="
#define QUOTED PLAIN " !\"#$&()*;<>?[\\]^`{|}~"

static void set_command(struct trust_fault *fault, const char *command, const char *path)
{
	size_t len = strlen(path);
	const char *quote = strspn(path, PLAIN) == len ? "" : "'";

	if (len > NAMED_LEN || strspn(path, QUOTED) != len)
		snprintf(fault->mend, sizeof(fault->mend), "run '%s' on it", command);
	else
		snprintf(fault->mend, sizeof(fault->mend), "%s %s%s%s", command, quote, path,
			 quote);
}

int trust_refuse(struct trust_fault *fault, const char *mend, const char *path, const char *fmt,
		 ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fault->why, sizeof(fault->why), fmt, ap);
	va_end(ap);
	if (path)
		set_command(fault, mend, path);
	else
		util_copy(fault->mend, sizeof(fault->mend), mend);
	return -EPERM;
}

int trust_owner(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st)
{
	const char *command = S_ISLNK(st->st_mode) ? "chown -h root" : "chown root";

	if (st->st_uid == 0 || st->st_uid == geteuid())
		return 0;
	if (streq(file, path))
		return trust_refuse(fault, command, path, "it belongs to user %u", st->st_uid);
	return trust_refuse(fault, command, path, "%.300s belongs to user %u", path, st->st_uid);
}

int trust_check(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st, mode_t denied)
{
	const char *command = denied == TRUST_NO_WRITE ? "chmod go-w" : "chmod go=";
	const char *what = denied == TRUST_NO_WRITE ? "write to" : "open";
	unsigned int mode = st->st_mode & 07777;
	int ret = trust_owner(fault, file, path, st);

	if (ret || !(st->st_mode & denied))
		return ret;
	if (streq(file, path))
		return trust_refuse(fault, command, path, "its mode is %04o, so others can %s it",
				    mode, what);
	return trust_refuse(fault, command, path, "the mode of %.300s is %04o, so others can %s it",
			    path, mode, what);
}
