// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest's objects in iommufd: nest parent, vIOMMU, vDEVICE; and a bind by vDEVICE. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio_tsm.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

/* AMD's driver accepts any type except 0, and has no type of its own. */
#define VIOMMU_TYPE IOMMU_VIOMMU_TYPE_ARM_SMMUV3

static int call(struct client *c, unsigned long request, void *arg)
{
	return ioctl(c->iommufd, request, arg) < 0 ? -errno : 0;
}

/* nest-parent, made from the IOAS */
STEP(nest_parent)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = c->iommufd_id,
		.pt_id = c->ioas,
	};
	int ret = call(c, IOMMU_HWPT_ALLOC, &arg);

	c->hwpt = ret ? 0 : arg.out_hwpt_id;
	return ret;
}

/* viommu, on the nest parent */
STEP(viommu)
{
	struct iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = VIOMMU_TYPE,
		.dev_id = c->iommufd_id,
		.hwpt_id = c->hwpt,
	};
	int ret = call(c, IOMMU_VIOMMU_ALLOC, &arg);

	c->viommu = ret ? 0 : arg.out_viommu_id;
	return ret;
}

/* vdevice:VIRT_ID, in the vIOMMU */
STEP(vdevice)
{
	struct iommu_vdevice_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = c->viommu,
		.dev_id = c->iommufd_id,
		.virt_id = args[0],
	};
	int ret = call(c, IOMMU_VDEVICE_ALLOC, &arg);

	if (!ret)
		c->vdevice = arg.out_vdevice_id;
	return ret;
}

/* Returns the id of vdevice, viommu, hwpt, ioas, device or sibling-vdevice, or an unused id. */
static uint32_t find_id(const struct client *c, const char *name)
{
	if (!strncmp(name, "sibling-", 8))
		return find_id(&sibling_client, name + 8);
	if (!strcmp(name, "vdevice"))
		return c->vdevice;
	if (!strcmp(name, "viommu"))
		return c->viommu;
	if (!strcmp(name, "hwpt"))
		return c->hwpt;
	if (!strcmp(name, "ioas"))
		return c->ioas;
	if (!strcmp(name, "device"))
		return c->iommufd_id;
	return 0x7fffffff;
}

/* destroy:NAME */
STEP(destroy)
{
	struct iommu_destroy arg = { .size = sizeof(arg), .id = find_id(c, text) };

	return call(c, IOMMU_DESTROY, &arg);
}

/* destroy-soon:NAME, once a lost device has released it, after 10 s at most */
STEP(destroy_soon)
{
	int ret = -EBUSY;

	for (int i = 0; ret == -EBUSY && i < 1000; i++) {
		ret = destroy(c, args, text, answer, size);
		usleep(10000);
	}
	return ret;
}

/* bind-by:NAME, a bind with the id of that object; the value is the id */
STEP(bind_by)
{
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg), .vdevice_id = find_id(c, text) };

	snprintf(answer, size, "%u", arg.vdevice_id);
	return ioctl(c->device, VFIO_DEVICE_TSM_BIND, &arg) < 0 ? -errno : 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* iommufd-close and device-close, close only that file, to which others may have references */
STEP(iommufd_close)
{
	shut(&c->iommufd);
	return 0;
}

STEP(device_close)
{
	shut(&c->device);
	return 0;
}

const struct step vdevice_steps[] = {
	{ "nest-parent", nest_parent },
	{ "viommu", viommu },
	{ "vdevice", vdevice },
	{ "destroy", destroy },
	{ "destroy-soon", destroy_soon },
	{ "bind-by", bind_by },
	{ "iommufd-close", iommufd_close },
	{ "device-close", device_close },
	{ NULL, NULL },
};
