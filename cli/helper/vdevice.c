// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's view of the device in iommufd: a nest parent on the I/O address space,
 * a vIOMMU on it, and in that a vDEVICE with the guest's requester ID. A VMM with a
 * vIOMMU has all of them anyway. The holder makes them, if the IOMMU supports it.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <tsmbind.h>

#include "helper/compat.h"
#include "helper/cdev.h"
#include "helper/vdevice.h"

/* IOMMU drivers with one type of vIOMMU, such as AMD's, accept any; SMMUv3's has this one. */
#define VIOMMU_TYPE 1

int vdevice_mode_parse(const char *text, enum vdevice_mode *mode)
{
	static const char *const names[] = {
		[VDEVICE_AUTO] = "auto",
		[VDEVICE_ALWAYS] = "always",
		[VDEVICE_NEVER] = "never",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!streq(text, names[i]))
			continue;
		*mode = (enum vdevice_mode)i;
		return 0;
	}
	return -EINVAL;
}

/* Reads the guest's requester ID: the one from the command line, or the configured one. */
static int wanted_id(const struct session *s, uint32_t *id)
{
	char text[PCI_NAME_LEN];
	struct pci_addr addr;
	int ret;

	if (s->guest_id[0])
		util_copy(text, sizeof(text), s->guest_id);
	else if (cdev_attr(s, "tdi_id", text, sizeof(text)))
		return -ENODATA;
	ret = pci_addr_parse(text, &addr);
	if (ret)
		return -ENODATA;
	*id = addr.domain << 16 | (uint32_t)addr.bus << 8 | (uint32_t)addr.dev << 3 | addr.fn;
	return 0;
}

/* Makes a nest parent on the I/O address space, and a vIOMMU on that. */
static int make_viommu(struct session *s, const char **what)
{
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = s->device_id,
		.pt_id = s->page_table,
	};
	struct iommu_viommu_alloc viommu = {
		.size = sizeof(viommu),
		.type = VIOMMU_TYPE,
		.dev_id = s->device_id,
	};

	*what = "no nest parent";
	if (ioctl(s->iommufd, IOMMU_HWPT_ALLOC, &hwpt))
		return -errno;
	*what = "no vIOMMU";
	viommu.hwpt_id = hwpt.out_hwpt_id;
	if (ioctl(s->iommufd, IOMMU_VIOMMU_ALLOC, &viommu))
		return -errno;
	s->viommu = viommu.out_viommu_id;
	s->page_table = hwpt.out_hwpt_id;
	return 0;
}

static int make(struct session *s, const char **what)
{
	struct iommu_vdevice_alloc vdevice = { .size = sizeof(vdevice), .dev_id = s->device_id };
	unsigned int page_table = s->page_table;
	uint32_t id = 0;
	int ret;

	*what = "no requester ID of the guest";
	if (wanted_id(s, &id))
		return -ENODATA;
	*what = "no vIOMMU of its group";
	if (s->mate && !s->viommu)
		return -EOPNOTSUPP;
	ret = s->viommu ? 0 : make_viommu(s, what);
	if (ret)
		return ret;
	*what = "no vDEVICE";
	vdevice.viommu_id = s->viommu;
	vdevice.virt_id = id;
	if (!ioctl(s->iommufd, IOMMU_VDEVICE_ALLOC, &vdevice)) {
		s->vdevice = vdevice.out_vdevice_id;
		return 0;
	}
	ret = -errno;
	/* without a vDEVICE, the device is attached as if there were no vIOMMU */
	if (!s->mate) {
		s->page_table = page_table;
		s->viommu = 0;
	}
	return ret;
}

static void fall_back(struct session *s, const char *what, int err)
{
	snprintf(s->fallback, sizeof(s->fallback), "%s: %s", what, strerror(-err));
	s->vdevice = 0;
}

/* If a later part fails, the earlier parts stay until the iommufd is closed. They do no harm. */
int vdevice_make(struct session *s)
{
	const char *what = "";
	int ret;

	if (s->mode == VDEVICE_NEVER)
		return 0;
	ret = make(s, &what);
	if (!ret || s->mode == VDEVICE_ALWAYS)
		return ret;
	fall_back(s, what, ret);
	return 0;
}

/* Whether the bind failed at the look-up of the vDEVICE: a TSM may return the same errno. */
static bool look_up_failed(const struct session *s, int err)
{
	char stage[24];

	cdev_refused_at(s, err, stage, sizeof(stage));
	return streq(stage, "vdevice");
}

int vdevice_bind(struct session *s)
{
	int ret = tsmbind_bind(s->cdev, s->vdevice);

	if (ret == -EOPNOTSUPP && s->vdevice && s->mode == VDEVICE_AUTO && look_up_failed(s, ret)) {
		fall_back(s, "iommufd finds no vDEVICEs", ret);
		ret = tsmbind_bind(s->cdev, s->vdevice);
	}
	s->bound = !ret;
	return ret;
}

int vdevice_check(struct session *s)
{
	int ret = cdev_attr(s, "tdi_id", s->tdi_id, sizeof(s->tdi_id));

	if (!s->guest_id[0])
		return 0;
	return ret ?: streq(s->tdi_id, s->guest_id) ? 0 : -EINVAL;
}

int tdi_unbind(struct session *s)
{
	return tsmbind_unbind(s->cdev);
}
