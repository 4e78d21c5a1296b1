// SPDX-License-Identifier: GPL-2.0-or-later
/* The run directory and its lock files, see rundir.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/process.h"
#include "common/rundir.h"

void run_file_name(char *name, const char *device, const char *what)
{
	snprintf(name, RUN_NAME_LEN, "%s.%s", device, what);
}

int run_dir_open(const char *path, bool make, struct trust_fault *fault)
{
	struct stat st;
	int fd, ret;

	fault->why[0] = '\0';
	ret = make ? util_mkdir(AT_FDCWD, path) : 0;
	if (ret)
		return ret;
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : trust_check(fault, path, path, &st, TRUST_NO_WRITE);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int judge(int fd, const char *path, struct trust_fault *fault)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return trust_refuse(fault, "rm", path, "it is not a regular file");
	/* another process may remove the file at any time: 0 links are not a fault */
	if (st.st_nlink > 1)
		return trust_refuse(fault, "rm", path, "it has a second hard link");
	return trust_owner(fault, path, path, &st);
}

/* Returns @fd if the file is trusted, else closes it. */
static int trusted(int fd, const char *path, struct trust_fault *fault)
{
	int ret = judge(fd, path, fault);

	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int run_file_open(int dir, const char *name, const char *path, mode_t mode,
		  struct trust_fault *fault)
{
	int fd = openat(dir, name,
			O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);

	fault->why[0] = '\0';
	if (fd < 0 && errno == ELOOP) {
		trust_refuse(fault, "rm", path, "it is a symbolic link");
		return -ELOOP;
	}
	return fd < 0 ? -errno : trusted(fd, path, fault);
}

int run_file_look(int dir, const char *name, struct trust_fault *fault)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	fault->why[0] = '\0';
	return fd < 0 ? -errno : trusted(fd, name, fault);
}

int run_file_lock(int fd)
{
	int ret;

	do {
		ret = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	} while (ret == -EINTR);
	return ret == -EWOULDBLOCK ? -EBUSY : ret;
}

bool run_file_is_locked(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

int run_file_write_pid(int fd)
{
	/* another process may have written before, through the same open file */
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return -errno;
	return dprintf(fd, "%d\n", getpid()) < 0 ? -errno : 0;
}

int run_file_write_owner(int fd, pid_t pid)
{
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return -errno;
	return dprintf(fd, "%d\n%llu %llu\n", pid, process_start(pid), process_space()) < 0 ?
		       -errno :
		       0;
}

int run_file_read_owner(int fd, struct run_owner *owner)
{
	char text[RUN_OWNER_LEN];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	*owner = (struct run_owner){ 0 };
	if (n < 0)
		return -errno;
	text[n] = '\0';
	/* a helper and an older tsmctl write only the first number */
	if (sscanf(text, "%u %llu %llu", &owner->pid, &owner->start, &owner->space) < 1)
		owner->pid = 0;
	return 0;
}

void run_file_remove(int dir, const char *name)
{
	unlinkat(dir, name, 0);
}

int run_socket_connect(int dir, const char *name, int type)
{
	cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int ret;

	if (fd < 0)
		return -errno;
	/* the path of the directory may be longer than that of a socket can be */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	ret = fd;
	fd = -1;
	return ret;
}

unsigned int run_file_read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	unsigned int pid = 0;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return util_parse_u32(text, &pid) ? 0 : pid;
}
