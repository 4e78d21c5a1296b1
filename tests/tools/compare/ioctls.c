// SPDX-License-Identifier: GPL-2.0-or-later
/* ioctls of the device file: queries, features, resets, ioeventfds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "transcript.h"

#define PAGE 4096

union argument {
	struct {
		uint32_t argsz;
		uint32_t flags;
	};
	uint32_t word[PAGE / 4];
	uint8_t byte[PAGE];
};

static void clear(union argument *arg, uint32_t argsz, uint32_t flags)
{
	memset(arg, 0, sizeof(*arg));
	arg->argsz = argsz;
	arg->flags = flags;
}

void show_unbound_file(const struct target *t)
{
	union argument arg;
	uint32_t word = 0;

	title("A file that is bound to no iommufd");
	for (unsigned int nr = 0; nr < 24; nr++) {
		clear(&arg, 64, 0);
		/* Leave out the ioctl that would be an attempt to bind. */
		if (VFIO_BASE + nr != _IOC_NR(VFIO_DEVICE_BIND_IOMMUFD))
			say(call(t, _IO(VFIO_TYPE, VFIO_BASE + nr), &arg), "ioctl %u", nr);
	}
	say(get(t, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4), "read");
	say(put(t, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4), "write");
	for (uint32_t argsz = 0; argsz <= 20; argsz += 4)
		for (uint32_t flags = 0; flags < 4; flags++) {
			clear(&arg, argsz, flags);
			arg.word[2] = -1;
			say(call(t, VFIO_DEVICE_BIND_IOMMUFD, &arg),
			    "bind to no iommufd, argsz %u flags %u", argsz, flags);
		}
}

void show_infos(const struct target *t)
{
	union argument arg;

	title("What the device says of itself");
	for (uint32_t argsz = 0; argsz <= 32; argsz += 4) {
		clear(&arg, argsz, 0);
		say(call(t, VFIO_DEVICE_GET_INFO, &arg), "info, argsz %u", argsz);
		say_bytes(&arg, 32, "  it");
	}
	for (uint32_t index = 0; index <= VFIO_PCI_NUM_REGIONS + 2; index++) {
		static const uint32_t sizes[] = { 0, 8, 31, 32, 40, 64, PAGE };

		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			clear(&arg, sizes[i], 0);
			arg.word[2] = index;
			say(call(t, VFIO_DEVICE_GET_REGION_INFO, &arg), "region %u, argsz %u",
			    index, sizes[i]);
			say_bytes(&arg, 128, "  it");
		}
	}
	for (uint32_t index = 0; index <= VFIO_PCI_NUM_IRQS + 1; index++)
		for (uint32_t argsz = 0; argsz <= 24; argsz += 8) {
			clear(&arg, argsz, 0);
			arg.word[2] = index;
			say(call(t, VFIO_DEVICE_GET_IRQ_INFO, &arg), "irq %u, argsz %u", index,
			    argsz);
			say_bytes(&arg, 16, "  it");
		}
	for (uint32_t index = 6; index < 12; index++) {
		clear(&arg, 32, 0);
		arg.word[2] = 1u << index;
		say(call(t, VFIO_DEVICE_GET_REGION_INFO, &arg), "region %#x", arg.word[2]);
		say(call(t, VFIO_DEVICE_GET_IRQ_INFO, &arg), "irq %#x", arg.word[2]);
	}
}

/* Numbers from TSM_BIND to TSM_EVENT, which vfio-pci does not have */
static bool is_new(unsigned int nr)
{
	return nr >= 22 && nr <= 26;
}

/*
 * An argument at the end of readable memory. Otherwise the result for a larger size would
 * depend on the bytes after it, and on the distance between the stack and the end of the
 * address space.
 */
static union argument *new_argument(void)
{
	union argument *arg = mmap(NULL, 2 * sizeof(*arg), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (arg == MAP_FAILED || mprotect(arg + 1, sizeof(*arg), PROT_NONE)) {
		perror("vfio-transcript: memory");
		exit(1);
	}
	return arg;
}

/*
 * Every number with every size and flag of an empty argument. The head of the result is
 * shown, except for the ids in GET_PCI_HOT_RESET_INFO.
 */
void show_all_ioctls(const struct target *t)
{
	static const uint32_t sizes[] = { 0, 4, 7, 8, 12, 16, 20, 24, 32, 40, PAGE, ~0u };
	static const uint32_t flags[] = { 0, 1, 2, 4, 8, 0x10, 0x80000000, ~0u };
	union argument *arg = new_argument();

	title("Every ioctl with empty arguments");
	for (unsigned int nr = 0; nr < 32; nr++) {
		/* The reset has no argument: see "Resets". */
		if (is_new(nr) || VFIO_BASE + nr == _IOC_NR(VFIO_DEVICE_RESET))
			continue;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (size_t j = 0; j < sizeof(flags) / sizeof(*flags); j++) {
				/* A hot reset is slow, so a single valid one is enough. */
				if (VFIO_BASE + nr == _IOC_NR(VFIO_DEVICE_PCI_HOT_RESET) &&
				    !flags[j] && sizes[i] > 12)
					continue;
				clear(arg, sizes[i], flags[j]);
				say(call(t, _IO(VFIO_TYPE, VFIO_BASE + nr), arg),
				    "ioctl %u, argsz %#x flags %#x", nr, sizes[i], flags[j]);
				if (VFIO_BASE + nr != _IOC_NR(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO))
					printf("  %016llx\n",
					       (unsigned long long)digest(arg, sizeof(*arg)));
			}
	}

	title("Unknown ioctls");
	for (unsigned int nr = 0; nr < 256; nr++) {
		int known = nr - VFIO_BASE;

		if (known == 11 || (known >= 0 && is_new(known)))
			continue;
		say(call(t, _IO(VFIO_TYPE, nr), NULL), "ioctl %d, no argument", known);
		say(call(t, _IOWR(VFIO_TYPE, nr, uint64_t), arg), "ioctl %d, with a size", known);
	}
	say(call(t, _IO('x', VFIO_BASE + 7), arg), "ioctl of another type");
	say(call(t, 0, arg), "ioctl 0");

	/* Undo what may have been set. */
	clear(arg, 8, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	say(call(t, VFIO_DEVICE_FEATURE, arg), "low power exit");
	if (t->group < 0) {
		clear(arg, 16, 0);
		arg->word[2] = t->ioas;
		say(call(t, VFIO_DEVICE_ATTACH_IOMMUFD_PT, arg), "attach");
	}
	munmap(arg, 2 * sizeof(*arg));
}

static void feature(const struct target *t, uint32_t nr, uint32_t flags, uint32_t argsz, int fill)
{
	union argument arg;
	long ret;

	clear(&arg, argsz, flags | nr);
	memset(arg.byte + 8, fill, sizeof(arg) - 8);
	ret = call(t, VFIO_DEVICE_FEATURE, &arg);
	say(ret, "feature %u flags %x argsz %u of %02x", nr, flags >> 16, argsz, fill);
	printf("  %016llx\n", (unsigned long long)digest(&arg, sizeof(arg)));
}

static void set_power(const struct target *t, uint32_t nr)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_low_power_entry_with_wakeup wakeup;
	} arg = {
		.feature.flags = VFIO_DEVICE_FEATURE_SET | nr,
		.wakeup.wakeup_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	bool wakeup = nr == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
	uint32_t word = 0;

	arg.feature.argsz = wakeup ? sizeof(arg) : sizeof(arg.feature);
	say(call(t, VFIO_DEVICE_FEATURE, &arg), "feature %u", nr);
	/*
	 * With wakeup, any later access wakes the device, which ends its low power, but
	 * only if it has gone to sleep by then.
	 */
	if (!wakeup) {
		say(call(t, VFIO_DEVICE_FEATURE, &arg), "and again");
		say_bytes(&word, get(t, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4), "read");
		say_bytes(&word, get(t, VFIO_PCI_BAR0_REGION_INDEX, 8, &word, 4), "read of BAR 0");
	}
	close(arg.wakeup.wakeup_eventfd);
}

static void set_master(const struct target *t, uint8_t op)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_bus_master master;
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_BUS_MASTER,
		.master.op = op,
	};
	uint16_t command = 0;

	say(call(t, VFIO_DEVICE_FEATURE, &arg), "bus master %u", op);
	say_bytes(&command, get(t, VFIO_PCI_CONFIG_REGION_INDEX, 4, &command, 2), "Command");
}

void show_features(const struct target *t)
{
	static const uint32_t sizes[] = { 0, 7, 8, 12, 16, 24, 64, PAGE };
	static const int fills[] = { 0, 1, 0xff };

	title("Features");
	for (uint32_t nr = 0; nr <= 16; nr++)
		for (uint32_t flags = 0; flags < 8; flags++)
			for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
				for (size_t j = 0; j < sizeof(fills) / sizeof(*fills); j++)
					feature(t, nr, flags << 16, sizes[i], fills[j]);
	feature(t, 0xffff, VFIO_DEVICE_FEATURE_GET, 64, 0);
	feature(t, 0xffff, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET, 64, 0);

	set_power(t, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	set_power(t, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
	set_power(t, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	set_power(t, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP);
	set_power(t, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	for (unsigned int op = 0; op < 4; op++)
		set_master(t, op);
}

static void hot_reset(const struct target *t, uint32_t argsz, uint32_t flags, uint32_t count,
		      int first, int second)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t fd[2];
	} arg = { .head = { argsz, flags, count }, .fd = { first, second } };

	say(call(t, VFIO_DEVICE_PCI_HOT_RESET, &arg), "hot reset, argsz %u flags %u count %u",
	    argsz, flags, count);
}

void show_resets(const struct target *t)
{
	union argument arg = { 0 };
	struct vfio_pci_hot_reset_info *info = (void *)&arg;

	title("Resets");
	say(call(t, VFIO_DEVICE_RESET, NULL), "reset");
	say(call(t, VFIO_DEVICE_RESET, (void *)1), "reset with an argument");

	for (uint32_t argsz = 0; argsz <= 64; argsz += 4) {
		clear(&arg, argsz, 0);
		say(call(t, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &arg), "hot reset info, argsz %u",
		    argsz);
		printf("  argsz %u flags %#x count %u\n", info->argsz, info->flags, info->count);
	}
	/* The order shows to which device an id belongs. The numbers need not be equal. */
	for (uint32_t i = 0; i < info->count && i < 4; i++)
		printf("  device %04x:%02x:%02x.%x%s\n", info->devices[i].segment,
		       info->devices[i].bus, info->devices[i].devfn >> 3,
		       info->devices[i].devfn & 7,
		       (int32_t)info->devices[i].devid <= 0 ? ", no id" : "");

	hot_reset(t, 0, 0, 0, -1, -1);
	hot_reset(t, 8, 0, 0, -1, -1);
	hot_reset(t, 12, 1, 0, -1, -1);
	hot_reset(t, 12, 0, 0, -1, -1);
	hot_reset(t, 16, 0, 1, t->group >= 0 ? t->group : t->file, -1);
	hot_reset(t, 16, 0, 1, -1, -1);
	hot_reset(t, 16, 0, 1, 0, -1);
	hot_reset(t, 20, 0, 2, t->group, t->group);
	hot_reset(t, 20, 0, 2, t->iommufd, t->file);
	hot_reset(t, 12, 0, ~0u, -1, -1);
	hot_reset(t, ~0u, 0, 1u << 20, -1, -1);
}

static long ioeventfd(const struct target *t, uint32_t flags, uint64_t offset, uint64_t data,
		      int fd)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.offset = offset,
		.data = data,
		.fd = fd,
	};

	return say(call(t, VFIO_DEVICE_IOEVENTFD, &arg), "ioeventfd %#x at %#llx %s", flags,
		   (unsigned long long)offset, fd < 0 ? "removed" : "added");
}

/* NVMe's admin submission queue address, virtio's first fields: both can be written and read */
#define SCRATCH 0x28

void show_ioeventfds(const struct target *t)
{
	static const uint64_t offsets[] = { 0,	    2,	    4,	    7,	    SCRATCH,
					    0x1000, 0x1ffc, 0x2000, 0x3ff8, 1u << 20 };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	title("ioeventfds");
	for (uint64_t region = 0; region < VFIO_PCI_NUM_REGIONS + 1; region++) {
		for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
			for (uint32_t width = 1; width <= 8; width *= 2) {
				uint64_t offset = region << 40 | offsets[i];

				ioeventfd(t, width, offset, 1, -1);
				if (!ioeventfd(t, width, offset, 1, fd)) {
					ioeventfd(t, width, offset, 1, fd);
					ioeventfd(t, width, offset, 2, -1);
					ioeventfd(t, width, offset, 1, -1);
				}
			}
	}
	for (uint64_t bar = 0; bar < 6; bar++) {
		uint64_t word = 0, one = 1;

		if (!region_size(t, bar) || ioeventfd(t, 4, bar << 40 | SCRATCH, 0x1000, fd))
			continue;
		say(write(fd, &one, sizeof(one)), "signal");
		say_bytes(&word, get(t, bar, SCRATCH, &word, 4), "then");
		ioeventfd(t, 4, bar << 40 | SCRATCH, 0x1000, -1);
	}
	ioeventfd(t, 0, SCRATCH, 0, fd);
	ioeventfd(t, 3, SCRATCH, 0, fd);
	ioeventfd(t, 0x14, SCRATCH, 0, fd);
	ioeventfd(t, 4, SCRATCH, 0, t->iommufd);
	ioeventfd(t, 4, SCRATCH, 0, 1000);
	ioeventfd(t, 4, SCRATCH, 0, -2);
	close(fd);
}
