// SPDX-License-Identifier: GPL-2.0-or-later
/* A request of a VMM's guest, see guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/vfio_tsm.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "common/exitcode.h"
#include "helper/guest.h"
#include "helper/protocol.h"

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

_Static_assert(REQUEST_BYTES_MAX == VFIO_PCI_TSM_REQ_MAX, "not the limit of the kernel");

const struct cause buffer_causes[] = {
	{ -EBADF, EXIT_FAILED, "no buffer came with the request",
	  "pass a memfd after the cdev file, with SCM_RIGHTS" },
	{ -EINVAL, EXIT_FAILED, "the second file is not a memfd, or has huge pages of hugetlb",
	  "make it with memfd_create(2), without MFD_HUGETLB" },
	{ -ENODATA, EXIT_FAILED, "the memfd has less data than request_len or response_len",
	  "write that many bytes into it, zeros if need be, so that it has no holes" },
	{ -EACCES, EXIT_FAILED, "the memfd is not open for reading and writing",
	  "pass the descriptor that memfd_create(2) returned" },
	{ -EPERM, EXIT_FAILED, "the memfd is sealed against writing",
	  "pass one without F_SEAL_WRITE and F_SEAL_FUTURE_WRITE" },
	{}
};

const struct cause guest_causes[] = {
	{ -ENXIO, EXIT_FAILED, "it is not bound, or was unbound meanwhile",
	  "ask for its state, and for a bind" },
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED,
	  "a TSM of this host takes no requests of guests, or does not support this one",
	  "if it takes none, install the TSM driver of the platform" },
	{ -EACCES, EXIT_NOT_PERMITTED, "its policy, or the TSM, does not allow such a request",
	  "'tsmctl requests @' shows the policy; 'tsmctl requests @ all' allows all" },
	{ -EPERM, EXIT_FAILED, "the TSM refused the request; it may be beyond its scope",
	  "use the scope state-change for a request that changes the state of the TDI" },
	{ -ENOTTY, EXIT_UNSUPPORTED,
	  "its driver takes no requests of guests, or the TSM does not support this one",
	  "if it takes none, run 'tsmctl assign @', with the modules of this version" },
	{ -EFAULT, EXIT_FAILED,
	  "the memfd was changed meanwhile, and the TSM may have done what was asked for",
	  "do not change the memfd before the answer" },
	{}
};

static size_t size_of(const struct guest_request *g)
{
	return g->request_len > g->response_len ? g->request_len : g->response_len;
}

/*
 * Rejects a memfd with holes. A write of the response would allocate the missing pages on the
 * account of this process, for as long as the client has the memfd. Pages that the client
 * has written are on the account of the client.
 */
static int check_data(int fd, size_t size)
{
	off_t at = lseek(fd, 0, SEEK_CUR), hole = lseek(fd, 0, SEEK_HOLE);
	int err = hole < 0 ? errno : 0;

	/* the client shares this file offset: restore it */
	lseek(fd, at < 0 ? 0 : at, SEEK_SET);
	if (err && err != ENXIO)
		return -err;
	return err || hole < (off_t)size ? -ENODATA : 0;
}

static int check_buffer(int fd, size_t size)
{
	/* only memory has seals: on other files this fails, and no file system is asked */
	int seals = fcntl(fd, F_GET_SEALS), flags = fcntl(fd, F_GETFL);
	struct statfs fs;

	if (fd < 0)
		return -EBADF;
	if (seals < 0)
		return -EINVAL;
	if (fstatfs(fd, &fs))
		return -errno;
	/* a page may have 1 GiB, which would be zeroed for a request of one byte */
	if (fs.f_type == HUGETLBFS_MAGIC)
		return -EINVAL;
	if ((flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return check_data(fd, size);
}

int guest_read(struct session *s)
{
	struct guest_request *g = &s->guest;
	ssize_t n;
	int ret;

	ret = check_buffer(g->buffer, size_of(g));
	if (ret)
		return ret;
	g->memory = malloc(size_of(g));
	if (!g->memory)
		return -ENOMEM;
	n = pread(g->buffer, g->memory, g->request_len, 0);
	return n < 0 ? -errno : n < (ssize_t)g->request_len ? -ENODATA : 0;
}

/* Writes at the beginning of the file, even if the client has set O_APPEND. */
static bool write_memory(int fd, void *memory, size_t size)
{
	const struct iovec iov = { memory, size };
	ssize_t n = pwritev2(fd, &iov, 1, 0, RWF_NOAPPEND);

	/* Linux before 6.9, where there are no guest requests */
	if (n < 0 && errno == EOPNOTSUPP)
		n = pwrite(fd, memory, size, 0);
	return n == (ssize_t)size;
}

/* The TSM has completed the request, so a memfd that was changed is EFAULT. */
static int write_response(const struct guest_request *g)
{
	if (!g->filled)
		return 0;
	if (check_data(g->buffer, size_of(g)))
		return -EFAULT;
	return write_memory(g->buffer, g->memory, g->filled) ? 0 : -EFAULT;
}

int guest_pass(struct session *s)
{
	struct guest_request *g = &s->guest;
	ssize_t ret = tsmbind_request(s->cdev, g->scope, g->memory, g->request_len, g->memory,
				      g->response_len, &g->tsm_code);

	g->passed = true;
	g->filled = ret > 0 ? (uint32_t)ret : 0;
	return ret < 0 ? (int)ret : write_response(g);
}

void guest_free(struct session *s)
{
	free(s->guest.memory);
	s->guest.memory = NULL;
}
