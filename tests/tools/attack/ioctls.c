// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctls of the device's file: features, interrupts, IOMMU domains. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "attack.h"

static const uint32_t power_features[] = {
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
	VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
};

/* Enters low power, with or without wakeup, and mostly leaves it again. */
int low_power(struct thread *t)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_low_power_entry_with_wakeup wakeup;
	} arg = {
		.feature.argsz = sizeof(arg),
		.wakeup.wakeup_eventfd = one_in(t, 4) ? -1 : event,
	};
	unsigned int which = below(t, 3);
	int ret;

	note(t, " %u", which);
	arg.feature.flags = VFIO_DEVICE_FEATURE_SET | power_features[which];
	if (which != 1)
		arg.feature.argsz = sizeof(arg.feature);
	ret = call(victim.fd, VFIO_DEVICE_FEATURE, &arg);
	if (!ret && which != 2 && !one_in(t, 4)) {
		arg.feature.argsz = sizeof(arg.feature);
		arg.feature.flags = VFIO_DEVICE_FEATURE_SET | power_features[2];
		call(victim.fd, VFIO_DEVICE_FEATURE, &arg);
	}
	return ret;
}

/* Exports up to two pages of a BAR. Some dma-bufs stay open for a while. */
int dma_buf(struct thread *t)
{
	static _Atomic int kept[4] = { -1, -1, -1, -1 };
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf dma_buf;
		struct vfio_region_dma_range ranges[2];
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.dma_buf.region_index = one_in(t, 4) ? below(t, 10) : 0,
		.dma_buf.open_flags = O_RDWR | O_CLOEXEC,
		.dma_buf.nr_ranges = 1 + below(t, 2),
		.ranges[0].length = 4096 * below(t, 3),
		.ranges[1].offset = 4096,
		.ranges[1].length = one_in(t, 4) ? rnd(t) : 4096,
	};
	unsigned int which = below(t, 4);
	int fd = call(victim.fd, VFIO_DEVICE_FEATURE, &arg);

	note(t, " region %u", arg.dma_buf.region_index);
	if (fd < 0)
		return fd;
	/* The thread that takes a number out closes it. */
	fd = atomic_exchange(&kept[which], fd);
	if (fd >= 0)
		close(fd);
	return 0;
}

int any_feature(struct thread *t)
{
	struct {
		struct vfio_device_feature feature;
		uint8_t data[64];
	} arg = {
		.feature.argsz = below(t, 8) ? sizeof(arg) : below(t, sizeof(arg)),
		.feature.flags = below(t, 16) | (uint32_t)below(t, 8) << 16,
	};

	for (size_t i = 0; i < sizeof(arg.data); i++)
		arg.data[i] = one_in(t, 2) ? 0 : rnd(t);
	/* This feature returns a new file, which dma_buf() handles. */
	if ((arg.feature.flags & VFIO_DEVICE_FEATURE_MASK) == VFIO_DEVICE_FEATURE_DMA_BUF)
		arg.feature.flags |= VFIO_DEVICE_FEATURE_PROBE;
	note(t, " %#x, %u bytes", arg.feature.flags, arg.feature.argsz);
	return call(victim.fd, VFIO_DEVICE_FEATURE, &arg);
}

int set_irqs(struct thread *t)
{
	struct {
		struct vfio_irq_set set;
		int32_t fds[8];
	} arg = {
		.set.index = below(t, 6),
		.set.start = one_in(t, 8) ? rnd(t) : 0,
		.set.count = below(t, 5),
	};
	static const uint32_t data[] = {
		VFIO_IRQ_SET_DATA_NONE,
		VFIO_IRQ_SET_DATA_BOOL,
		VFIO_IRQ_SET_DATA_EVENTFD,
		VFIO_IRQ_SET_DATA_EVENTFD,
	};
	static const uint32_t actions[] = {
		VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_IRQ_SET_ACTION_MASK,
		VFIO_IRQ_SET_ACTION_UNMASK,
	};
	uint32_t kind = data[below(t, 4)];

	arg.set.flags = kind | actions[below(t, 4)];
	if (kind == VFIO_IRQ_SET_DATA_NONE && one_in(t, 2))
		arg.set.count = 0; /* off */
	arg.set.argsz = sizeof(arg.set);
	if (kind == VFIO_IRQ_SET_DATA_EVENTFD)
		arg.set.argsz += 4 * arg.set.count;
	else if (kind == VFIO_IRQ_SET_DATA_BOOL)
		arg.set.argsz += arg.set.count;
	for (int i = 0; i < 8; i++)
		arg.fds[i] = one_in(t, 4) ? -1 : event;
	note(t, " index %u flags %#x %u+%u", arg.set.index, arg.set.flags, arg.set.start,
	     arg.set.count);
	return call(victim.fd, VFIO_DEVICE_SET_IRQS, &arg);
}

int device_infos(struct thread *t)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = below(t, 6) };

	if (one_in(t, 2))
		return call(victim.fd, VFIO_DEVICE_GET_INFO, &info);
	return call(victim.fd, VFIO_DEVICE_GET_IRQ_INFO, &irq);
}

/* Adds an ioeventfd, sometimes triggers it, and mostly removes it, because it blocks binds. */
int ioeventfd(struct thread *t)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		/* The Admin queue's attributes */
		.offset = BAR_OFFSET(0) + 0x24,
		.data = 0,
		.fd = event,
	};
	bool keep = one_in(t, 8);
	uint64_t one = 1;
	int ret = call(victim.fd, VFIO_DEVICE_IOEVENTFD, &arg);

	note(t, "%s", keep ? ", kept" : "");
	if (one_in(t, 2) && write(event, &one, sizeof(one)) < 0)
		note(t, ", not triggered");
	if (!keep) {
		arg.fd = -1;
		call(victim.fd, VFIO_DEVICE_IOEVENTFD, &arg);
	}
	return ret;
}

/* With the present content of the buffer, which may not be mapped. */
int any_ioctl(struct thread *t)
{
	unsigned long request = VFIO_DEVICE_GET_INFO + below(t, 24);
	size_t at = one_in(t, 2) ? 4096 - 4 - below(t, 32) : 0;
	int ret;

	/* BIND_IOMMUFD and similar ioctls have sensible attacks of their own. */
	if (request == VFIO_DEVICE_FEATURE)
		request = VFIO_DEVICE_GET_INFO;
	for (int i = 0; i < 64; i += 4) {
		uint32_t value = one_in(t, 2) ? below(t, 32) : rnd(t);

		memcpy(t->alias + (at + i) % 8192, &value, 4);
	}
	note(t, " %#lx at %#zx", request, at);
	excuse_begin(&binds);
	excuse_begin(&unbinds);
	ret = call(victim.fd, request, t->buffer + at);
	excuse_end(&unbinds);
	excuse_end(&binds);
	return ret;
}

int iommu_attach(struct thread *t)
{
	struct vfio_device_attach_iommufd_pt arg = {
		.argsz = sizeof(arg),
		.pt_id = one_in(t, 8) ? below(t, 16) : ioas[below(t, 2)],
	};

	if (one_in(t, 4)) {
		arg.flags = VFIO_DEVICE_ATTACH_PASID;
		arg.pasid = below(t, 4);
	}
	note(t, " %u flags %#x pasid %u", arg.pt_id, arg.flags, arg.pasid);
	return call(victim.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);
}

int iommu_detach(struct thread *t)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = sizeof(arg) };

	if (one_in(t, 4)) {
		arg.flags = VFIO_DEVICE_DETACH_PASID;
		arg.pasid = below(t, 4);
	}
	return call(victim.fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}
