// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays KVM, iommufd, the cdev of a device that can be bound, and a TSM behind it: preloaded
 * into tsm-bind-helper. /dev/zero plays the files. An unbind, and each request of the
 * guest with its scope, is a line on standard error.
 *
 * ANSWERS	file with a line for each request: the response in hexadecimal, or '-' and
 *		the errno
 * GROUP	file that stands for an IOMMU group: the first process that binds a device to
 *		an iommufd makes it, and others get EPERM
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fake.h"

#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define TSM_UNBIND _IO(VFIO_TYPE, VFIO_BASE + 23)
#define TSM_REQ _IO(VFIO_TYPE, VFIO_BASE + 24)

/* As struct vfio_pci_tsm_req */
struct tsm_req {
	uint32_t argsz, flags, scope, tvm_arch, req_len, resp_len;
	uint64_t req_uptr, resp_uptr, tsm_code;
};

static FILE *answers;
/* the helper clears its environment */
static char *group;
static bool has_group;

__attribute__((constructor)) static void look(void)
{
	if (getenv("ANSWERS"))
		answers = fopen(getenv("ANSWERS"), "re");
	if (getenv("GROUP"))
		group = strdup(getenv("GROUP"));
}

int open(const char *path, int flags, ...)
{
	__typeof__(&open) real = REAL(open);

	if (!strncmp(path, "/dev/vfio/", 10) || !strcmp(path, "/dev/iommu") ||
	    !strcmp(path, "/dev/kvm"))
		path = "/dev/zero";
	return real(path, flags, 0666);
}

/* The helper closes every file that was open before it started. */
int close_range(unsigned int first, unsigned int last, int flags)
{
	(void)first;
	(void)last;
	(void)flags;
	return 0;
}

static int creat_new(const char *path)
{
	__typeof__(&open) real = REAL(open);

	return real(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static int answer(struct tsm_req *req)
{
	const unsigned char *in = (void *)(uintptr_t)req->req_uptr;
	unsigned char *out = (void *)(uintptr_t)req->resp_uptr;
	char line[16384] = "";
	unsigned int byte;
	uint32_t n = 0;

	fprintf(stderr, "%u ", req->scope);
	for (uint32_t i = 0; i < req->req_len; i++)
		fprintf(stderr, "%02x", in[i]);
	fputc('\n', stderr);
	if (!fgets(line, sizeof(line), answers) || line[0] == '-') {
		errno = line[0] ? atoi(line + 1) : EIO;
		return -1;
	}
	while (n < req->resp_len && sscanf(line + 2 * n, "%2x", &byte) == 1)
		out[n++] = (unsigned char)byte;
	return (int)(req->resp_len - n);
}

static int take_group(void)
{
	int fd = has_group || !group ? -1 : creat_new(group);

	has_group = has_group || !group || fd >= 0;
	if (fd >= 0)
		close(fd);
	errno = EPERM;
	return has_group ? 0 : -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case KVM_CREATE_VM:
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	case KVM_CREATE_DEVICE:
		((struct kvm_create_device *)arg)->fd = (uint32_t)fcntl(fd, F_DUPFD_CLOEXEC, 0);
		return 0;
	case BIND_IOMMUFD:
		return take_group();
	case TSM_UNBIND:
		fputs("unbind\n", stderr);
		return 0;
	case TSM_REQ:
		return answer(arg);
	default:
		return 0;
	}
}
