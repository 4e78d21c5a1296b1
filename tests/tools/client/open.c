// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens and closes a device: cdev or group, KVM, iommufd. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/kvm.h>
#include <linux/vfio.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	int step_##step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

const unsigned char vf_token[16] = "0123456789abcdef";

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

STEP(cdev)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", c->addr);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (ret == -ENOENT && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		ret = open_file(path);
	}
	closedir(dir);
	if (ret < 0)
		return ret;
	c->device = ret;
	return 0;
}

/* group, opens the device through its group, with an iommufd as the container */
STEP(group)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_vfio_ioas compat = { .size = sizeof(compat), .op = IOMMU_VFIO_IOAS_SET };
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", c->addr);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);

	c->iommufd = open_file("/dev/iommu");
	if (c->iommufd < 0)
		return c->iommufd;
	ret = call(c->iommufd, IOMMU_IOAS_ALLOC, &alloc);
	if (ret)
		return ret;
	compat.ioas_id = alloc.out_ioas_id;
	ret = call(c->iommufd, IOMMU_VFIO_IOAS, &compat);
	if (ret)
		return ret;

	c->group = open_file(path);
	if (c->group < 0)
		return c->group;
	ret = call(c->group, VFIO_GROUP_SET_CONTAINER, &c->iommufd);
	if (ret)
		return ret;
	ret = call(c->group, VFIO_GROUP_GET_DEVICE_FD, (void *)c->addr);
	if (ret < 0)
		return ret;
	c->device = ret;
	return 0;
}

STEP(kvm)
{
	struct kvm_create_device vfio = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = KVM_DEV_VFIO_FILE_ADD,
		.addr = (uintptr_t)&c->device,
	};
	int kvm = open_file("/dev/kvm");
	int ret;

	if (kvm < 0)
		return kvm;
	ret = call(kvm, KVM_CREATE_VM, NULL);
	close(kvm);
	if (ret < 0)
		return ret;
	c->kvm_vm = ret;

	ret = call(c->kvm_vm, KVM_CREATE_DEVICE, &vfio);
	if (ret)
		return ret;
	c->kvm_vfio = vfio.fd;
	return call(c->kvm_vfio, KVM_SET_DEVICE_ATTR, &attr);
}

STEP(kvm_close)
{
	shut(&c->kvm_vfio);
	shut(&c->kvm_vm);
	return 0;
}

/* bind-iommufd, or bind-iommufd:1 with the VF token */
STEP(bind_iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.flags = args[0] ? VFIO_DEVICE_BIND_FLAG_TOKEN : 0,
		.token_uuid_ptr = (uintptr_t)vf_token,
	};
	int ret;

	if (c->iommufd < 0)
		c->iommufd = open_file("/dev/iommu");
	if (c->iommufd < 0)
		return c->iommufd;
	bind.iommufd = c->iommufd;
	ret = call(c->device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	c->iommufd_id = ret ? 0 : bind.out_devid;
	return ret;
}

STEP(attach)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = c->ioas,
	};

	return call(c->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

/* attach-pasid:PASID, which needs an IOMMU with PASIDs */
STEP(attach_pasid)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pt_id = c->ioas,
		.pasid = args[0],
	};

	return call(c->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

STEP(detach_pasid)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = args[0],
	};

	return call(c->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

STEP(detach)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return call(c->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

STEP(ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret = call(c->iommufd, IOMMU_IOAS_ALLOC, &alloc);

	if (ret)
		return ret;
	c->ioas = alloc.out_ioas_id;
	return step_attach(c, args, text, answer, size);
}

/* close, closes everything, the VM first, because it has a reference to the device's file */
STEP(close)
{
	for (int bar = 0; bar < MAX_BARS; bar++) {
		if (c->map[bar])
			munmap((void *)c->map[bar], c->map_size[bar]);
		c->map[bar] = NULL;
	}
	shut(&c->kvm_vfio);
	shut(&c->kvm_vm);
	shut(&c->device);
	shut(&c->group);
	shut(&c->iommufd);
	c->iommufd_id = c->ioas = c->hwpt = c->viommu = c->vdevice = 0;
	return 0;
}
