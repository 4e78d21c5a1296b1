// SPDX-License-Identifier: GPL-2.0-or-later
/* Attach and detach, with PASIDs and without. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "transcript.h"

static void attach(const struct target *t, uint32_t argsz, uint32_t flags, uint32_t pt,
		   uint32_t pasid, const char *to)
{
	struct vfio_device_attach_iommufd_pt arg = {
		.argsz = argsz,
		.flags = flags,
		.pt_id = pt,
		.pasid = pasid,
	};

	say(call(t, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg),
	    "attach to %s, argsz %u flags %u pasid %u", to, argsz, flags, pasid);
}

static void detach(const struct target *t, uint32_t argsz, uint32_t flags, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = argsz,
						     .flags = flags,
						     .pasid = pasid };

	say(call(t, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg), "detach, argsz %u flags %u pasid %u",
	    argsz, flags, pasid);
}

void show_iommu(const struct target *t)
{
	struct iommu_ioas_alloc other = { .size = sizeof(other) };
	uint32_t word = 0;

	title("IOMMU");
	ioctl(t->iommufd, IOMMU_IOAS_ALLOC, &other);
	for (uint32_t argsz = 0; argsz <= 20; argsz += 4)
		for (uint32_t flags = 0; flags < 4; flags++) {
			attach(t, argsz, flags, t->ioas, 0, "its IOAS");
			detach(t, argsz, flags, 0);
			attach(t, argsz, flags, t->ioas, 5, "its IOAS");
			detach(t, argsz, flags, 5);
		}

	detach(t, 8, 0, 0);
	detach(t, 8, 0, 0);
	say_bytes(&word, get(t, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4), "read while detached");
	attach(t, 12, 0, 0, 0, "nothing");
	attach(t, 12, 0, ~0u, 0, "what is not there");
	attach(t, 12, 0, other.out_ioas_id, 0, "another IOAS");
	attach(t, 12, 0, t->ioas, 0, "its own instead");
	attach(t, 12, 0, t->ioas, 0, "its own once more");
	say(call(t, VFIO_DEVICE_RESET, NULL), "reset");
	detach(t, 8, 0, 0);
	say(call(t, VFIO_DEVICE_RESET, NULL), "reset while detached");
	attach(t, 12, 0, t->ioas, 0, "its IOAS");
	say(call(t, VFIO_DEVICE_ATTACH_IOMMUFD_PT, NULL), "attach at a bad address");
	say(call(t, VFIO_DEVICE_DETACH_IOMMUFD_PT, NULL), "detach at a bad address");
}
