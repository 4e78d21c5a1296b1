// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and replacing files, see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/lock.h"
#include "host/attr.h"

/* A save takes no time; who is waited for longer hangs. */
#define WAIT_SECONDS 60

static int refuse_kind(struct trust_fault *fault)
{
	return trust_refuse(fault, "put a regular file there", NULL, "it is not a regular file");
}

/* One step of a path: @file is the whole, @sticky tells whether others can write beside it. */
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
		/* made by root in root's directory; what it leads to is judged as well */
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

/* Opens a file of ours; what is opened is judged, not only what its name says. */
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

/* Writes a new file below a directory, and has it reach the disk. */
static int write_new(int dir, const char *name, const char *text, size_t len)
{
	cleanup_fd int fd = -1;
	int ret;

	/* left over from a save that was interrupted */
	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, len);
	return ret ?: fsync(fd) ? -errno : 0;
}

/* Makes PATH.old a second name of the file, in one step as well. */
static int keep_old(int dir, const char *name, const char *temp, const char *old)
{
	if (unlinkat(dir, temp, 0) && errno != ENOENT)
		return -errno;
	if (linkat(dir, name, dir, temp, 0))
		return errno == ENOENT ? 0 : -errno;
	if (renameat(dir, temp, dir, old))
		return -errno;
	/* a rename to another name of the same file does nothing, after a loss of power */
	return unlinkat(dir, temp, 0) && errno != ENOENT ? -errno : 0;
}

static int replace(int dir, const char *name, const char *text, size_t len)
{
	char new[NAME_MAX + 1], temp[NAME_MAX + 1], old[NAME_MAX + 1];
	int ret;

	if (snprintf(new, sizeof(new), ".%s.new", name) >= (int)sizeof(new) ||
	    snprintf(temp, sizeof(temp), ".%s.old", name) >= (int)sizeof(temp) ||
	    snprintf(old, sizeof(old), "%s.old", name) >= (int)sizeof(old))
		return -ENAMETOOLONG;
	ret = write_new(dir, new, text, len) ?: keep_old(dir, name, temp, old);
	if (!ret && renameat(dir, new, dir, name))
		ret = -errno;
	if (ret) {
		unlinkat(dir, new, 0);
		return ret;
	}
	return fsync(dir) ? -errno : 0;
}

/* One at a time: both would write the same temporary file. */
static int replace_locked(struct ctx *ctx, int dir, const char *parent, const char *name,
			  const char *text, size_t len)
{
	char lock[NAME_MAX + 1], path[2 * PATH_MAX];
	cleanup_fd int fd = -1;
	int ret;

	if (snprintf(lock, sizeof(lock), ".%s.lock", name) >= (int)sizeof(lock))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s%s%s", parent, parent[strlen(parent) - 1] == '/' ? "" : "/",
		 lock);
	fd = lock_take(ctx, dir, lock, path, WAIT_SECONDS);
	if (fd < 0)
		return fd;
	ret = replace(dir, name, text, len);
	unlinkat(dir, lock, 0);
	return ret;
}

int file_replace(struct ctx *ctx, const char *path, const char *text, size_t len)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[PATH_MAX] = ".";
	cleanup_fd int dir = -1;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return -EISDIR;
	if (slash && snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path + 1), path) >=
			     (int)sizeof(parent))
		return -ENAMETOOLONG;
	if (!act(ctx, "write %s", path))
		return 0;
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : replace_locked(ctx, dir, parent, name, text, len);
}
