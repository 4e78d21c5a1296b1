// SPDX-License-Identifier: GPL-2.0-or-later
/* Attributes of sysfs and configfs, see attr.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "host/attr.h"

/* Set when attr_read_within() reads and its time is over. */
static volatile sig_atomic_t expired;
/* attr_read_within() reads. */
static volatile sig_atomic_t within;

bool act(const struct ctx *ctx, const char *fmt, ...)
{
	cleanup_free char *what = NULL;
	cleanup_free char *safe = NULL;
	va_list ap;

	if (!ctx->verbose && !ctx->dry_run)
		return true;
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	safe = what ? util_printable(what) : NULL;
	/* with --json, standard error is empty unless the trace was asked for */
	if (ctx->verbose || !ctx->json)
		fprintf(stderr, "tsmctl: %s%s\n", ctx->dry_run ? "would " : "", safe ?: "");
	return !ctx->dry_run;
}

/*
 * Opens the directory part of a path step by step, so that no step is a link.
 * @last is set to the rest. Returns @dirfd itself if there is no directory part.
 */
static int walk(int dirfd, const char *path, const char **last)
{
	char name[NAME_MAX + 1];
	const char *slash;
	int fd = dirfd, next;

	while ((slash = strchr(path, '/'))) {
		size_t n = (size_t)(slash - path);

		if (n > NAME_MAX)
			next = -ENAMETOOLONG;
		else {
			memcpy(name, path, n);
			name[n] = '\0';
			next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (next < 0)
				next = -errno;
		}
		if (fd != dirfd)
			close(fd);
		if (next < 0)
			return next;
		fd = next;
		path = slash + 1;
	}
	*last = path;
	return fd;
}

/* The same in one system call, if the kernel has it. */
static int open_at_once(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Opens a file below a directory; no link is followed on the way. */
static int open_below(int dirfd, const char *path, int flags)
{
	const char *last;
	int dir, fd;

	fd = open_at_once(dirfd, path, flags | O_NOFOLLOW | O_CLOEXEC);
	/* in a sandbox that does not allow openat2(), it may fail with EPERM */
	if (fd >= 0 || (fd != -ENOSYS && fd != -EPERM))
		return fd;
	dir = walk(dirfd, path, &last);
	if (dir < 0)
		return dir;
	fd = openat(dir, last, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	if (dir != dirfd)
		close(dir);
	return fd;
}

int dir_open(int dirfd, const char *path)
{
	return open_below(dirfd, path, O_PATH | O_DIRECTORY);
}

int attr_open(int dirfd, const char *name)
{
	return open_below(dirfd, name, O_RDONLY);
}

/*
 * Reads a file, or as much of it as its first line takes. The kernel returns the whole text of
 * an attribute at once, so no read is needed to see the end of a text that ends in a newline.
 */
static int read_text(int dirfd, const char *name, char *buf, size_t size, bool line)
{
	cleanup_fd int fd = open_below(dirfd, name, O_RDONLY);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while (used < size) {
		n = read(fd, buf + used, size - used);
		if (n < 0 && errno == EINTR && !expired)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used < size && (line ? memchr(buf, '\n', used) != NULL : buf[used - 1] == '\n'))
			break;
	}
	if (used == size)
		return -EOVERFLOW;
	buf[used] = '\0';
	return 0;
}

int attr_read(int dirfd, const char *name, char *buf, size_t size)
{
	int ret = read_text(dirfd, name, buf, size, true);

	if (!ret)
		buf[strcspn(buf, "\n")] = '\0';
	return ret;
}

int attr_read_text(int dirfd, const char *name, char *buf, size_t size)
{
	return read_text(dirfd, name, buf, size, false);
}

int attr_variable(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key), len;

	buf[0] = '\0';
	for (; *text; text += strcspn(text, "\n"), text += *text != '\0') {
		if (strncmp(text, key, n) || text[n] != '=')
			continue;
		text += n + 1;
		len = strcspn(text, "\n");
		if (len >= size)
			return -EOVERFLOW;
		memcpy(buf, text, len);
		buf[len] = '\0';
		return 0;
	}
	return -ENOENT;
}

static void expire(int number)
{
	(void)number;
	expired = within;
}

/* Has SIGALRM interrupt a wait in the kernel, after @ms and then every 10 ms. 0 ends that. */
static void set_alarm(unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	const struct timeval again = { .tv_usec = ms ? 10000 : 0 };

	setitimer(ITIMER_REAL, &(struct itimerval){ .it_interval = again, .it_value = t }, NULL);
}

/* The alarm stays on from one read to the next, which saves two calls for each of them. */
static bool kept;
/* When it comes, in ms of CLOCK_MONOTONIC; in the past while it is off. */
static long long alarm_at;

/* Sets the alarm for a read that begins now, unless it will come at a good time anyway. */
static void begin_within(unsigned int ms)
{
	struct timespec t;
	long long now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
	if (!kept || alarm_at < now + ms / 2) {
		alarm_at = now + ms;
		set_alarm(ms);
	}
	expired = 0;
	within = 1;
}

static void end_within(void)
{
	within = 0;
	if (kept && !expired)
		return;
	set_alarm(0);
	alarm_at = 0;
}

void attr_keep_alarm(bool keep)
{
	kept = keep;
	if (!keep && alarm_at)
		end_within();
}

int attr_read_within(int dirfd, const char *name, char *buf, size_t size, unsigned int ms)
{
	const struct sigaction sa = { .sa_handler = expire };
	static bool ready;
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (!ready && (sigaction(SIGALRM, &sa, NULL) || sigprocmask(SIG_UNBLOCK, &set, NULL)))
		return -errno;
	ready = true;
	begin_within(ms);
	ret = attr_read(dirfd, name, buf, size);
	end_within();
	if (expired && ret == -EINTR)
		ret = -EBUSY;
	expired = 0;
	return ret;
}

int attr_write(const struct ctx *ctx, int dirfd, const char *where, const char *name,
	       const char *value)
{
	cleanup_fd int fd = -1;
	char line[ATTR_MAX];
	ssize_t n;
	int len;

	if (!act(ctx, "write '%s' to %s/%s", value, where, name))
		return 0;
	len = snprintf(line, sizeof(line), "%s\n", value);
	if (len < 0 || (size_t)len >= sizeof(line))
		return -EOVERFLOW;
	fd = open_below(dirfd, name, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return fd;
	/* one write(2): the kernel takes each one as a whole value */
	do {
		n = write(fd, line, (size_t)len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -EIO;
}

int dir_make(const struct ctx *ctx, int dirfd, const char *where, const char *name)
{
	if (!act(ctx, "create %s/%s", where, name))
		return 0;
	return util_mkdir(dirfd, name);
}

int dir_remove(const struct ctx *ctx, int dirfd, const char *where, const char *name)
{
	if (!act(ctx, "remove %s/%s", where, name))
		return 0;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) && errno != ENOENT)
		return -errno;
	return 0;
}

int text_put(const struct ctx *ctx, int dirfd, const char *where, const char *name,
	     const char *text)
{
	cleanup_free char *line = NULL;
	cleanup_fd int fd = -1;
	ssize_t n;

	if (!act(ctx, "write '%s' to %s/%s", text, where, name))
		return 0;
	if (asprintf(&line, "%s\n", text) < 0)
		return -ENOMEM;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = write(fd, line, strlen(line));
	return n < 0 ? -errno : (size_t)n == strlen(line) ? 0 : -EIO;
}

int text_remove(const struct ctx *ctx, int dirfd, const char *where, const char *name)
{
	if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!act(ctx, "remove %s/%s", where, name))
		return 0;
	return unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
}
