// SPDX-License-Identifier: GPL-2.0-or-later
/* The device: its cdev, iommufd, and configuration space. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "compat.h"
#include "layout.h"
#include "vmm.h"

/* Opens the vfio cdev of the function. */
void device_open(struct vmm *vmm)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", vmm->addr);
	dir = opendir(path);
	if (!dir)
		die("%s: %m", path);
	while ((entry = readdir(dir)) && strncmp(entry->d_name, "vfio", 4))
		;
	if (!entry)
		die("%s is empty", path);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
	vmm->device = open(path, O_RDWR | O_CLOEXEC);
	if (vmm->device < 0)
		die("%s: %m", path);
}

/* The device's DMA reaches the guest's memory, at the same addresses. */
void device_attach(struct vmm *vmm)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.user_va = (uintptr_t)vmm->memory,
		.length = MEMORY_SIZE,
	};

	vmm->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (vmm->iommufd < 0)
		die("/dev/iommu: %m");
	bind.iommufd = vmm->iommufd;
	if (ioctl(vmm->device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		die("VFIO_DEVICE_BIND_IOMMUFD: %m");
	vmm->iommufd_id = bind.out_devid;
	if (ioctl(vmm->iommufd, IOMMU_IOAS_ALLOC, &ioas))
		die("IOMMU_IOAS_ALLOC: %m");
	map.ioas_id = ioas.out_ioas_id;
	if (ioctl(vmm->iommufd, IOMMU_IOAS_MAP, &map))
		die("IOMMU_IOAS_MAP: %m");
	attach.pt_id = ioas.out_ioas_id;
	if (ioctl(vmm->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		die("VFIO_DEVICE_ATTACH_IOMMUFD_PT: %m");
}

/* Returns the offset of a region in the cdev. */
uint64_t device_region(struct vmm *vmm, uint32_t index, size_t *size)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(vmm->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("VFIO_DEVICE_GET_REGION_INFO: %m");
	if (size)
		*size = info.size;
	return info.offset;
}

/* A bind needs memory decode and bus mastering. */
void device_enable(struct vmm *vmm)
{
	uint64_t at = device_region(vmm, VFIO_PCI_CONFIG_REGION_INDEX, NULL) + PCI_COMMAND;
	uint16_t command;

	if (pread(vmm->device, &command, sizeof(command), at) != sizeof(command))
		die("Command: %m");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(vmm->device, &command, sizeof(command), at) != sizeof(command))
		die("Command: %m");
}
