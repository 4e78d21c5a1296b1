// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's objects in iommufd: nest parents, vIOMMUs and vDEVICEs are made, destroyed
 * and used for binds in every order. The iommufd itself is exchanged while devices are
 * open. If IOMMU or kernel do not support them, everything is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "attack.h"

/* Ids of the last objects of both devices, which may have been destroyed since */
static atomic_uint parents[2], viommus[2], vdevices[4];
static atomic_uint made;

static int nest_parent(uint32_t device)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = device,
		.pt_id = ioas[0],
	};
	int ret = call(iommufd_slot, IOMMU_HWPT_ALLOC, &arg);

	return ret ?: (int)arg.out_hwpt_id;
}

static int viommu(uint32_t device, uint32_t parent)
{
	struct iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3, /* AMD's driver accepts any */
		.dev_id = device,
		.hwpt_id = parent,
	};
	int ret = call(iommufd_slot, IOMMU_VIOMMU_ALLOC, &arg);

	return ret ?: (int)arg.out_viommu_id;
}

/* Also makes a vIOMMU and a nest parent for it, if there are none. */
int vdevice_make(struct thread *t)
{
	struct iommu_vdevice_alloc arg = {
		.size = sizeof(arg),
		.virt_id = one_in(t, 8) ? rnd(t) : below(t, 64),
	};
	unsigned int i = below(t, 2);
	int ret;

	arg.dev_id = one_in(t, 8) ? sibling.id : victim.id;
	arg.viommu_id = one_in(t, 8) ? below(t, 24) : viommus[i];
	note(t, " device %u vIOMMU %u virt_id %#llx", arg.dev_id, arg.viommu_id,
	     (unsigned long long)arg.virt_id);
	ret = call(iommufd_slot, IOMMU_VDEVICE_ALLOC, &arg);
	if (!ret)
		vdevices[made++ % 4] = arg.out_vdevice_id;
	if (ret != -ENOENT)
		return ret;

	/* There is no such vIOMMU, or no such device: the next call shows which. */
	ret = viommu(arg.dev_id, parents[i]);
	if (ret > 0)
		viommus[i] = ret;
	if (ret != -ENOENT)
		return ret > 0 ? 0 : ret;
	ret = nest_parent(arg.dev_id);
	if (ret > 0)
		parents[i] = ret;
	return ret > 0 ? 0 : ret;
}

/* Destroys any object except those to which the devices are attached. */
int iommufd_destroy(struct thread *t)
{
	struct iommu_destroy arg = { .size = sizeof(arg) };

	switch (below(t, 8)) {
	case 0:
		arg.id = below(t, 24);
		break;
	case 1:
		arg.id = parents[below(t, 2)];
		break;
	case 2:
		arg.id = viommus[below(t, 2)];
		break;
	default:
		arg.id = vdevices[below(t, 4)];
	}
	note(t, " %u", arg.id);
	if (arg.id == ioas[0] || arg.id == ioas[1])
		return -EPERM;
	return call(iommufd_slot, IOMMU_DESTROY, &arg);
}

int tsm_bind_vdevice(struct thread *t)
{
	uint32_t id = vdevices[(one_in(t, 2) ? below(t, 4) : made + 3) % 4];

	if (one_in(t, 8))
		id = below(t, 24);
	note(t, " %u", id);
	if (!looks_bound)
		device_settle(true);
	return device_bind(id);
}

/* Open devices stay in the old iommufd, which ends with the last of them. */
int iommufd_exchange(__attribute__((unused)) struct thread *t)
{
	return iommufd_new();
}
