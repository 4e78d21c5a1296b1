// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One helper per device: a lock file with the helper's process ID in it. Who can open
 * it can lock it, for reading as well; so nobody else can. The number is once more in
 * a file that all may read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "helper/lock.h"

/* tsmctl tries the lock to see whether it is taken, which may be just now */
#define TRIES 5
#define TRY_NS 20000000L

/* Nobody but us may put files, or links, into the directory. */
int run_dir_open(const char *path, struct trust_fault *fault)
{
	struct stat st;
	int fd, ret;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : trust_check(fault, path, path, &st, TRUST_NO_WRITE);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int take(int fd)
{
	for (int i = 0; i < TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&(struct timespec){ .tv_nsec = TRY_NS }, NULL);
	}
	return -EBUSY;
}

/* A file of ours, whatever is there already. Answers a descriptor or negative errno. */
static int open_own(int dir, const char *name, mode_t mode)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0)
		return -errno;
	/* it may be from a time when its mode was another */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 && !fchmod(fd, mode))
		return fd;
	close(fd);
	return -EPERM;
}

int lock_file(int dir, const char *name, unsigned int *other)
{
	int fd = open_own(dir, name, 0600), ret;

	if (fd < 0)
		return fd;
	ret = take(fd);
	if (ret == -EBUSY)
		*other = util_read_pid(fd);
	if (!ret)
		ret = util_write_pid(fd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int lock_take(struct session *s)
{
	cleanup_fd int dir = run_dir_open(s->run_dir, &s->fault);
	char file[PCI_NAME_LEN + sizeof(".lock")];
	int fd, ret;

	if (dir < 0)
		return dir;
	snprintf(file, sizeof(file), "%s.lock", s->name);
	fd = lock_file(dir, file, &s->other);
	if (fd < 0)
		return fd;
	s->lock = fd;
	snprintf(file, sizeof(file), "%s.pid", s->name);
	fd = open_own(dir, file, 0644);
	ret = fd < 0 ? fd : util_write_pid(fd);
	if (!ret) {
		s->pid_file = fd;
		return 0;
	}
	util_close(&fd);
	lock_drop(s);
	return ret;
}

void lock_drop(struct session *s)
{
	bool emptied = true;

	/* the files stay, because removing them would race with the next helper */
	if (s->pid_file >= 0)
		emptied = !ftruncate(s->pid_file, 0);
	util_close(&s->pid_file);
	s->pid_file = -1;
	if (s->lock < 0 || ftruncate(s->lock, 0) || !emptied)
		return;
	close(s->lock);
	s->lock = -1;
}
