// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and replacing files, see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/lock.h"
#include "host/attr.h"

/* A save is short: a process that has the lock for longer hangs. */
#define WAIT_SECONDS 60

static int refuse_kind(struct trust_fault *fault)
{
	return trust_refuse(fault, "put a regular file there", NULL, "it is not a regular file");
}

/* Judges a step of the path @file. @sticky: its directory is sticky; updated for the next step. */
static int judge(const char *file, const char *path, bool *sticky, struct trust_fault *fault)
{
	bool end = streq(file, path);
	struct stat st;
	int ret;

	if (lstat(path, &st))
		return -errno;
	ret = trust_owner(fault, file, path, &st);
	if (ret)
		return ret;
	if (S_ISLNK(st.st_mode)) {
		if (*sticky)
			return trust_refuse(fault, "give the path that the link leads to", NULL,
					    end ? "it is a link where others can write" :
						  "its path has a link where others can write");
		/* a trusted user made the link; its target is judged below */
		if (stat(path, &st))
			return -errno;
	}
	if (end && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return refuse_kind(fault);
	*sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX);
	return *sticky ? trust_owner(fault, file, path, &st) :
			 trust_check(fault, file, path, &st, TRUST_NO_WRITE);
}

/* Judges each step of an absolute path down to its end. */
static int judge_all(const char *path, struct trust_fault *fault)
{
	char part[PATH_MAX];
	bool sticky = false;
	int ret;

	if (!util_copy(part, sizeof(part), path))
		return -ENAMETOOLONG;
	for (char *slash = part; slash; slash = strchr(slash + 1, '/')) {
		char c = slash[1];

		/* "/" itself, then the path up to each further slash */
		if (slash == part)
			slash[1] = '\0';
		else
			*slash = '\0';
		ret = judge(path, part, &sticky, fault);
		if (slash == part)
			slash[1] = c;
		else
			*slash = '/';
		if (ret)
			return ret;
	}
	return streq(path, "/") ? 0 : judge(path, path, &sticky, fault);
}

static int absolute(const char *path, char *buf, size_t size)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return util_copy(buf, size, path) ? 0 : -ENAMETOOLONG;
	if (!getcwd(cwd, sizeof(cwd)))
		return -errno;
	return snprintf(buf, size, "%s/%s", cwd, path) < (int)size ? 0 : -ENAMETOOLONG;
}

/* Opens a trusted file. Judges its path, and then the file that was opened. */
static int open_trusted(const char *path, struct trust_fault *fault)
{
	char full[PATH_MAX];
	struct stat st;
	int fd, ret;

	ret = absolute(path, full, sizeof(full)) ?: judge_all(full, fault);
	if (ret)
		return ret;
	fd = open(full, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = refuse_kind(fault);
	else
		ret = trust_check(fault, full, full, &st, TRUST_NO_WRITE);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int file_read(const char *path, size_t max, char **text, size_t *len, struct trust_fault *fault)
{
	bool in = streq(path, "-");
	cleanup_fd int own = -1;
	size_t size = 0;
	ssize_t n;

	*text = NULL;
	*len = 0;
	fault->why[0] = '\0';
	if (!in) {
		own = open_trusted(path, fault);
		if (own < 0)
			return own;
	}
	for (;;) {
		if (*len + 1 >= size) {
			char *more = realloc(*text, size = size ? size * 2 : 4096);

			if (!more)
				return -ENOMEM;
			*text = more;
		}
		n = read(in ? STDIN_FILENO : own, *text + *len, size - 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		*len += (size_t)n;
		if (*len > max)
			return -EFBIG;
		if (n == 0)
			break;
	}
	(*text)[*len] = '\0';
	return 0;
}

int file_report_unreadable(struct ctx *ctx, struct problem *p, const struct trust_fault *fault)
{
	if (!fault || !fault->why[0])
		return report_error(ctx, p, "cannot read %s: %s", p->value, strerror(-p->err));
	p->hint = fault->mend;
	return report_error(ctx, p, "%s is not trusted: %s", p->value, fault->why);
}

int file_report_mistake(struct ctx *ctx, struct problem *p, const struct json_mistake *m)
{
	p->attribute = m->path[0] ? m->path : p->attribute;
	p->hint = m->hint ?: p->hint;
	p->code = EXIT_USAGE;
	return report_error(ctx, p, "%s:%u:%u: %s%s%s", p->value, m->line, m->column, m->path,
			    m->path[0] ? ": " : "", m->message);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Lets every user read a new file, whatever the umask is. */
static int make_readable(int fd)
{
	return fchmod(fd, 0644) ? -errno : 0;
}

/* Gives a new file the read permissions of the old one. Only its user may write to it. */
static int copy_mode(int dir, const char *name, int fd)
{
	struct stat old, new;
	mode_t mode;

	/* the mode of the target, if the name is a link */
	if (fstatat(dir, name, &old, 0))
		return errno == ENOENT ? make_readable(fd) : -errno;
	if (fstat(fd, &new))
		return -errno;
	mode = old.st_mode & 0644;
	/* if the group cannot be kept, another one must not read the file */
	if (old.st_gid != new.st_gid && fchown(fd, (uid_t)-1, old.st_gid))
		mode &= ~(mode_t)040;
	return fchmod(fd, mode) ? -errno : 0;
}

/*
 * Writes a new file beside the one that it is to replace, and syncs it to the disk. It gets
 * the read permissions of the file @like; if there is none, every user may read it.
 */
static int write_new(int dir, const char *like, const char *new, const char *text, size_t len)
{
	cleanup_fd int fd = -1;
	int ret;

	/* left over from a run that was interrupted */
	if (unlinkat(dir, new, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ret = like ? copy_mode(dir, like, fd) : make_readable(fd);
	ret = ret ?: write_all(fd, text, len);
	return ret ?: fsync(fd) ? -errno : 0;
}

/* Gives a new file its name, or removes it if it could not be written. */
static int put_new(const struct file_lock *l, const char *new, int ret)
{
	if (!ret && renameat(l->dir, new, l->dir, l->name))
		ret = -errno;
	if (ret) {
		unlinkat(l->dir, new, 0);
		return ret;
	}
	return fsync(l->dir) ? -errno : 0;
}

/* Whether two names are links to the same file. */
static bool is_same(int dir, const char *a, const char *b)
{
	struct stat x, y;

	return !fstatat(dir, a, &x, AT_SYMLINK_NOFOLLOW) &&
	       !fstatat(dir, b, &y, AT_SYMLINK_NOFOLLOW) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Gives each kept file the name of the next older one, which replaces the oldest one. */
static int shift_old(int dir, const char *old)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];

	for (unsigned int i = FILE_OLD; i > 1; i--) {
		if (snprintf(to, sizeof(to), "%s.%u", old, i) >= (int)sizeof(to))
			return -ENAMETOOLONG;
		util_copy(from, sizeof(from), old);
		if (i > 2)
			snprintf(from, sizeof(from), "%.*s.%u", NAME_MAX - 4, old, i - 1);
		if (!faccessat(dir, from, F_OK, AT_SYMLINK_NOFOLLOW) &&
		    renameat(dir, from, dir, to))
			return -errno;
	}
	return 0;
}

/* Makes PATH.old a second name of the file, in one step. */
static int keep_old(int dir, const char *name, const char *temp, const char *old)
{
	int ret;

	/* an interrupted replacement may have done that already */
	ret = is_same(dir, name, old) ? 0 : shift_old(dir, old);
	if (ret)
		return ret;
	if (unlinkat(dir, temp, 0) && errno != ENOENT)
		return -errno;
	if (linkat(dir, name, dir, temp, 0))
		return errno == ENOENT ? 0 : -errno;
	if (renameat(dir, temp, dir, old))
		return -errno;
	/* after a loss of power, both may be names of one file: then the rename did nothing */
	return unlinkat(dir, temp, 0) && errno != ENOENT ? -errno : 0;
}

int file_lock(struct ctx *ctx, const char *path, struct file_lock *l)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = "./", file[2 * PATH_MAX];

	*l = (struct file_lock)FILE_UNLOCKED;
	l->name = slash ? slash + 1 : path;
	if (!*l->name || streq(l->name, ".") || streq(l->name, ".."))
		return -EISDIR;
	if (slash && snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path + 1), path) >=
			     (int)sizeof(parent))
		return -ENAMETOOLONG;
	if (snprintf(l->lock, sizeof(l->lock), ".%s.lock", l->name) >= (int)sizeof(l->lock))
		return -ENAMETOOLONG;
	snprintf(file, sizeof(file), "%s%s", parent, l->lock);
	l->dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0)
		return -errno;
	/* a file that this user cannot replace needs no lock, and may need no change */
	if (ctx->dry_run || faccessat(l->dir, ".", W_OK, AT_EACCESS))
		return 0;
	l->fd = lock_take(ctx, l->dir, l->lock, file, WAIT_SECONDS);
	return l->fd < 0 ? l->fd : 0;
}

void file_unlock(struct file_lock *l)
{
	if (l->fd >= 0)
		unlinkat(l->dir, l->lock, 0);
	util_close(&l->fd);
	util_close(&l->dir);
}

const char *file_directory_hint(const char *path, char hint[FILE_HINT_LEN])
{
	const char *slash = strrchr(path, '/');

	snprintf(hint, FILE_HINT_LEN, "make its directory first, as root: 'install -d -m 755 %.*s'",
		 slash ? (int)(slash - path) : 1, slash ? path : ".");
	return hint;
}

int file_replace(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len)
{
	char new[NAME_MAX + 1], temp[NAME_MAX + 1], old[NAME_MAX + 1];
	int ret;

	if (!act(ctx, "write %s", path))
		return 0;
	if (snprintf(new, sizeof(new), ".%s.new", l->name) >= (int)sizeof(new) ||
	    snprintf(temp, sizeof(temp), ".%s.old", l->name) >= (int)sizeof(temp) ||
	    snprintf(old, sizeof(old), "%s.old", l->name) >= (int)sizeof(old))
		return -ENAMETOOLONG;
	ret = write_new(l->dir, l->name, new, text, len) ?: keep_old(l->dir, l->name, temp, old);
	return put_new(l, new, ret);
}

int file_publish(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len, struct trust_fault *fault)
{
	char new[NAME_MAX + 1];
	struct stat st;

	fault->why[0] = '\0';
	if (!act(ctx, "write %s", path))
		return 0;
	if (snprintf(new, sizeof(new), ".%s.new", l->name) >= (int)sizeof(new))
		return -ENAMETOOLONG;
	/* a rename would replace a device such as /dev/null with a file */
	if (!fstatat(l->dir, l->name, &st, AT_SYMLINK_NOFOLLOW) && !S_ISREG(st.st_mode))
		return refuse_kind(fault);
	return put_new(l, new, write_new(l->dir, NULL, new, text, len));
}
