// SPDX-License-Identifier: GPL-2.0-or-later
/* Exit codes, see exitcode.h. */
#include <errno.h>

#include "common/exitcode.h"
#include "common/util.h"

static const struct {
	int err;
	enum exit_code code;
	const char *hint;
} errno_table[] = {
	{ -EACCES, EXIT_NOT_PERMITTED, "run it as root" },
	{ -EPERM, EXIT_NOT_PERMITTED, "run it as root" },
	{ -EROFS, EXIT_NOT_PERMITTED, "the file system is read-only: run it on the host itself" },
	{ -EBUSY, EXIT_BUSY, NULL },
	{ -ETXTBSY, EXIT_BUSY, NULL },
	{ -ETIMEDOUT, EXIT_BUSY, NULL },
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED, NULL },
	{ -ENOSYS, EXIT_UNSUPPORTED, NULL },
	{ -ENOTTY, EXIT_UNSUPPORTED, NULL },
	{ -ENODEV, EXIT_NO_DEVICE, "'lspci -D' shows the addresses of all devices" },
};

int exit_code_of(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(errno_table); i++)
		if (errno_table[i].err == err)
			return errno_table[i].code;
	return err ? EXIT_FAILED : EXIT_DONE;
}

const char *errno_hint(int err)
{
	/* root does not need the advice to run it as root */
	if ((err == -EACCES || err == -EPERM) && geteuid() == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(errno_table); i++)
		if (errno_table[i].err == err)
			return errno_table[i].hint;
	return NULL;
}
