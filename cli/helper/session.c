// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens and closes the files of a session, such as KVM and iommufd, see session.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "helper/compat.h"
#include "helper/session.h"
#include "helper/vdevice.h"

static int open_node(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

int session_open_iommufd(struct session *s)
{
	return open_node("/dev/iommu", &s->iommufd);
}

int session_open_kvm(struct session *s)
{
	return open_node("/dev/kvm", &s->kvm);
}

int session_create_vm(struct session *s)
{
	int ret;

	s->vm = ioctl(s->kvm, KVM_CREATE_VM, 0UL);
	ret = s->vm < 0 ? -errno : 0;
	/* only KVM_CREATE_VM needs it */
	close(s->kvm);
	s->kvm = -1;
	return ret;
}

int session_create_vfio(struct session *s)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };

	if (ioctl(s->vm, KVM_CREATE_DEVICE, &create))
		return -errno;
	s->vfio = (int)create.fd;
	return 0;
}

/* All functions of an IOMMU group must be in the same I/O address space. */
int session_share(struct session *s)
{
	s->iommufd = fcntl(s->mate->iommufd, F_DUPFD_CLOEXEC, 3);
	s->vfio = s->iommufd < 0 ? -1 : fcntl(s->mate->vfio, F_DUPFD_CLOEXEC, 3);
	s->page_table = s->mate->page_table;
	s->viommu = s->mate->viommu;
	return s->vfio < 0 ? -errno : 0;
}

static int tell_kvm(struct session *s, uint64_t what)
{
	int32_t fd = s->cdev;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = what,
		.addr = (uintptr_t)&fd,
	};

	return ioctl(s->vfio, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

int session_add_file(struct session *s)
{
	int ret = tell_kvm(s, KVM_DEV_VFIO_FILE_ADD);

	s->added = !ret;
	return ret;
}

int session_bind_iommufd(struct session *s)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = s->iommufd,
	};

	if (ioctl(s->cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return -errno;
	s->device_id = bind.out_devid;
	return 0;
}

int session_alloc_ioas(struct session *s)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (s->page_table)
		return 0;
	if (ioctl(s->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	s->page_table = alloc.out_ioas_id;
	return 0;
}

int session_attach(struct session *s)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = s->page_table,
	};

	return ioctl(s->cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno : 0;
}

static void close_all(int *const *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		util_close(fds[i]);
		*fds[i] = -1;
	}
}

/* KVM has a reference to the file: drop it, so that a later close is the last one. */
static void remove_file(struct session *s)
{
	if (s->added)
		tell_kvm(s, KVM_DEV_VFIO_FILE_DEL);
	s->added = false;
}

void session_leave(struct session *s)
{
	int *fds[] = { &s->vfio, &s->vm, &s->kvm, &s->iommufd };

	remove_file(s);
	close_all(fds, ARRAY_SIZE(fds));
}

void session_drop(struct session *s)
{
	int *fds[] = { &s->cdev,    &s->vfio,  &s->vm,	 &s->kvm,   &s->iommufd,
		       &s->request, &s->event, &s->proc, &s->pidfd, &s->guest.buffer };

	remove_file(s);
	close_all(fds, ARRAY_SIZE(fds));
}

int session_close(struct session *s)
{
	int ret = s->bound ? tdi_unbind(s) : 0;

	s->bound = false;
	session_drop(s);
	return ret;
}
