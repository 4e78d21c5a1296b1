// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BARs, by read, write and mapping. Writes go only to registers that an NVMe controller
 * keeps and ignores while it is not enabled: those of its Admin queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/vfio.h>

#include "attack.h"

#define ADMIN_QUEUE 0x24
#define ADMIN_QUEUE_SIZE 0x14
#define NO_REGISTERS 0x400

static unsigned int choose_bar(struct thread *t)
{
	return one_in(t, 8) ? below(t, MAX_BARS) : 0;
}

/* A place in the buffer, sometimes across the end of its first page */
static size_t place(struct thread *t, size_t length)
{
	return one_in(t, 4) ? 4096 - 1 - below(t, length) : below(t, 2048);
}

int bar_read(struct thread *t)
{
	unsigned int bar = choose_bar(t);
	size_t size = bar_size[bar] ?: 4096, offset = below(t, size + 16), length;

	length = 1 + below(t, one_in(t, 8) ? 256 : 16);
	note(t, " BAR%u %#zx+%zu", bar, offset, length);
	return pread(victim.fd, t->buffer + place(t, length), length, BAR_OFFSET(bar) + offset) <
			       0 ?
		       -errno :
		       0;
}

int bar_write(struct thread *t)
{
	size_t offset = ADMIN_QUEUE + below(t, ADMIN_QUEUE_SIZE);
	size_t length = 1 + below(t, ADMIN_QUEUE + ADMIN_QUEUE_SIZE - offset);

	note(t, " BAR0 %#zx+%zu", offset, length);
	return pwrite(victim.fd, t->buffer + place(t, length), length, BAR_OFFSET(0) + offset) < 0 ?
		       -errno :
		       0;
}

int bar_map(struct thread *t)
{
	unsigned int bar = choose_bar(t);
	size_t first = below(t, 16), pages = below(t, 4);

	note(t, " BAR%u page %zu+%zu", bar, first, pages);
	return window_map(bar, first, pages);
}

int bar_unmap(struct thread *t)
{
	unsigned int bar = choose_bar(t);
	size_t first = below(t, 16), pages = below(t, 4);

	note(t, " BAR%u page %zu+%zu", bar, first, pages);
	window_unmap(bar, first, pages);
	return 0;
}

int bar_touch(struct thread *t)
{
	unsigned int bar = choose_bar(t);
	bool write = !bar && one_in(t, 2);
	size_t offset = write ? ADMIN_QUEUE + below(t, ADMIN_QUEUE_SIZE) :
				below(t, bar_size[bar] ?: 4096);

	note(t, " BAR%u %#zx %s", bar, offset, write ? "write" : "read");
	return window_touch(bar, offset, write);
}

/* The user's buffer is a mapped BAR, so that the copy causes a fault on the device. */
int bar_from_bar(struct thread *t)
{
	size_t offset = ADMIN_QUEUE + 4 * below(t, 3), from = below(t, 4096);
	unsigned int length = 1 + below(t, 8);
	uint8_t *window = window_at(0, offset);
	int ret;

	if (!window)
		return -ENODEV;
	switch (below(t, 3)) {
	case 0:
		note(t, " BAR0 %#zx into it", from);
		ret = pread(victim.fd, window, length, BAR_OFFSET(0) + from);
		break;
	case 1:
		note(t, " configuration %#zx into it", from);
		ret = pread(victim.fd, window, length, CONFIG_OFFSET + from);
		break;
	default:
		note(t, " from it to configuration %#zx+%u", from, length);
		ret = pwrite(victim.fd, window, length, CONFIG_OFFSET + from);
	}
	return ret < 0 ? -errno : 0;
}

/*
 * The kernel writes to a mapped BAR while it has locks: that of a directory in sysfs, to
 * which SET_IRQS adds, and mmap_lock. It writes where the BAR has no registers.
 */
int bar_locked(struct thread *t)
{
	static const char *const names[] = { "a directory", "a futex", "interrupts" };
	unsigned int which = below(t, 3);
	uint8_t *window = window_at(0, NO_REGISTERS);
	int fd, ret;

	note(t, " %s", names[which]);
	if (!window)
		return -ENODEV;
	/* Map it anew, so that there is a fault. */
	if (which < 2)
		window_map(0, 0, 1);
	switch (which) {
	case 0:
		fd = open("/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* after "." and "..", which need no lock */
		lseek(fd, 2, SEEK_SET);
		ret = syscall(SYS_getdents64, fd, window, 64);
		ret = ret < 0 ? -errno : 0;
		close(fd);
		return ret;
	case 1:
		return syscall(SYS_futex, t->buffer, FUTEX_WAKE_OP_PRIVATE, 1, 1, window,
			       FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0)) < 0 ?
			       -errno :
			       0;
	default:
		return set_irqs(t);
	}
}

int rom_read(struct thread *t)
{
	unsigned int region = one_in(t, 4) ? VFIO_PCI_VGA_REGION_INDEX : VFIO_PCI_ROM_REGION_INDEX;
	size_t offset = below(t, 4096), length = 1 + below(t, 64);

	note(t, " region %u %#zx+%zu", region, offset, length);
	return pread(victim.fd, t->buffer, length, BAR_OFFSET(region) + offset) < 0 ? -errno : 0;
}

int region_info(struct thread *t)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = one_in(t, 2) ? VFIO_PCI_ROM_REGION_INDEX : below(t, 12),
	};

	note(t, " %u", info.index);
	return call(victim.fd, VFIO_DEVICE_GET_REGION_INFO, &info);
}
