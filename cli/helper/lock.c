// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One holder for each device: a lock file with the holder's process ID in it. A process that
 * can open a file, even for reading, can lock it. So other users cannot open this one. A
 * second file, which all may read, has the process ID again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "common/rundir.h"
#include "helper/lock.h"

/* The lock may be busy for a moment, because tsmctl takes it to see whether it is free. */
#define TRIES 5
#define TRY_NS 20000000L

static int take(int fd)
{
	int ret;

	for (int i = 0; i < TRIES; i++) {
		ret = run_file_lock(fd);
		if (ret != -EBUSY)
			return ret;
		nanosleep(&(struct timespec){ .tv_nsec = TRY_NS }, NULL);
	}
	return -EBUSY;
}

/* Opens a file of the helper. An older file may have another mode, so the mode is set again. */
static int open_own(int dir, const char *name, const char *path, mode_t mode,
		    struct trust_fault *fault)
{
	int fd = run_file_open(dir, name, path, mode, fault);

	if (fd < 0 || !fchmod(fd, mode))
		return fd;
	close(fd);
	return -EPERM;
}

int lock_file(int dir, const char *name, const char *path, unsigned int *other,
	      struct trust_fault *fault)
{
	int fd = open_own(dir, name, path, 0600, fault), ret;

	if (fd < 0)
		return fd;
	ret = take(fd);
	if (ret == -EBUSY)
		*other = run_file_read_pid(fd);
	if (!ret)
		ret = run_file_write_pid(fd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int lock_device(struct session *s)
{
	cleanup_fd int dir = run_dir_open(s->run_dir, true, &s->fault);
	char name[RUN_NAME_LEN], path[PATH_MAX];
	int fd, ret;

	if (dir < 0)
		return dir;
	run_file_name(name, s->name, RUN_LOCK);
	if (snprintf(path, sizeof(path), "%s/%s", s->run_dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = lock_file(dir, name, path, &s->other, &s->fault);
	if (fd < 0) {
		util_copy(s->lock_path, sizeof(s->lock_path), path);
		return fd;
	}
	s->lock = fd;
	run_file_name(name, s->name, RUN_PID);
	snprintf(path, sizeof(path), "%s/%s", s->run_dir, name);
	fd = open_own(dir, name, path, 0644, &s->fault);
	ret = fd < 0 ? fd : run_file_write_pid(fd);
	if (!ret) {
		s->pid_file = fd;
		return 0;
	}
	util_close(&fd);
	util_copy(s->lock_path, sizeof(s->lock_path), path);
	unlock_device(s);
	return ret;
}

/* The lock belongs to the open file, and stays when the other process closes its copy. */
int lock_take_over(struct session *s)
{
	return run_file_write_pid(s->lock) ?: run_file_write_pid(s->pid_file);
}

void unlock_device(struct session *s)
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
