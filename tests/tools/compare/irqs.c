// SPDX-License-Identifier: GPL-2.0-or-later
/* VFIO_DEVICE_SET_IRQS: set up, loop back, mask, tear down, and all invalid arguments. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "transcript.h"

#define MAX_VECTORS 80

#define NONE VFIO_IRQ_SET_DATA_NONE
#define BOOL VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

struct irq_set {
	struct vfio_irq_set head;
	union {
		int32_t fd[MAX_VECTORS];
		uint8_t flag[MAX_VECTORS * sizeof(int32_t)];
	};
};

static const char *flags_name(uint32_t flags)
{
	static const char *const data[] = { "", "none", "bool", "", "eventfd" };
	static const char *const action[] = { "", "mask", "unmask", "", "trigger" };
	static char text[32];

	if (__builtin_popcount(flags & 7) != 1 || __builtin_popcount(flags >> 3) != 1 || flags >> 6)
		snprintf(text, sizeof(text), "%#x", flags);
	else
		snprintf(text, sizeof(text), "%s %s", action[flags >> 3], data[flags & 7]);
	return text;
}

/* @set: fd or flag may be filled in; the head is filled in here */
static void set_irqs(const struct target *t, struct irq_set *set, unsigned int index,
		     uint32_t flags, uint32_t start, uint32_t count)
{
	set->head = (struct vfio_irq_set){
		.argsz = sizeof(*set),
		.flags = flags,
		.index = index,
		.start = start,
		.count = count,
	};
	say(call(t, VFIO_DEVICE_SET_IRQS, set), "irq %u %s, %u from %u", index, flags_name(flags),
	    count, start);
}

/* How often an eventfd was signalled since the last look. */
static void count_events(int fd)
{
	uint64_t events = 0;

	if (read(fd, &events, sizeof(events)) < 0)
		events = 0;
	printf("  %llu events\n", (unsigned long long)events);
}

static void one_vector(const struct target *t, unsigned int index)
{
	struct irq_set set = { 0 };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	set_irqs(t, &set, index, NONE | TRIGGER, 0, 1);
	set.fd[0] = fd;
	set_irqs(t, &set, index, EVENTFD | TRIGGER, 0, 1);
	set_irqs(t, &set, index, NONE | TRIGGER, 0, 1);
	count_events(fd);
	set.flag[0] = 1;
	set_irqs(t, &set, index, BOOL | TRIGGER, 0, 1);
	count_events(fd);
	set.flag[0] = 0;
	set_irqs(t, &set, index, BOOL | TRIGGER, 0, 1);
	count_events(fd);

	set_irqs(t, &set, index, NONE | MASK, 0, 1);
	set_irqs(t, &set, index, NONE | UNMASK, 0, 1);
	set.flag[0] = 1;
	set_irqs(t, &set, index, BOOL | MASK, 0, 1);
	set_irqs(t, &set, index, BOOL | UNMASK, 0, 1);
	set.fd[0] = fd;
	set_irqs(t, &set, index, EVENTFD | MASK, 0, 1);
	set_irqs(t, &set, index, EVENTFD | UNMASK, 0, 1);
	set.fd[0] = -1;
	set_irqs(t, &set, index, EVENTFD | UNMASK, 0, 1);

	/* another eventfd instead of it, none, and off */
	set.fd[0] = fd;
	set_irqs(t, &set, index, EVENTFD | TRIGGER, 0, 1);
	set.fd[0] = -1;
	set_irqs(t, &set, index, EVENTFD | TRIGGER, 0, 1);
	set.fd[0] = 0;
	set_irqs(t, &set, index, EVENTFD | TRIGGER, 0, 1);
	set_irqs(t, &set, index, NONE | TRIGGER, 0, 0);
	set_irqs(t, &set, index, NONE | TRIGGER, 0, 0);
	count_events(fd);
	close(fd);
}

static void all_vectors(const struct target *t, unsigned int index, unsigned int count)
{
	struct irq_set set = { 0 };
	int fds[MAX_VECTORS];

	if (count > MAX_VECTORS)
		count = MAX_VECTORS;
	for (unsigned int i = 0; i < count; i++)
		set.fd[i] = fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_irqs(t, &set, index, EVENTFD | TRIGGER, 0, count);
	set_irqs(t, &set, index, NONE | TRIGGER, count / 2, count - count / 2);
	for (unsigned int i = 0; i < count; i++)
		count_events(fds[i]);

	/* a kind of interrupt that excludes the one in use */
	set_irqs(t, &set, VFIO_PCI_INTX_IRQ_INDEX, EVENTFD | TRIGGER, 0, 1);
	set_irqs(t, &set, VFIO_PCI_MSI_IRQ_INDEX, EVENTFD | TRIGGER, 0, 1);
	set_irqs(t, &set, VFIO_PCI_MSIX_IRQ_INDEX, EVENTFD | TRIGGER, 0, 1);
	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++)
		set_irqs(t, &set, i, NONE | TRIGGER, 0, 0);

	/* one after the other, beginning with the second */
	for (unsigned int i = 1; i < count; i++) {
		set.fd[0] = fds[i];
		set_irqs(t, &set, index, EVENTFD | TRIGGER, i, 1);
	}
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	set_irqs(t, &set, index, NONE | TRIGGER, 0, 0);
}

static void wrong_ones(const struct target *t, unsigned int index, unsigned int count)
{
	static const uint32_t flags[] = {
		0,
		NONE,
		TRIGGER,
		NONE | BOOL | TRIGGER,
		NONE | TRIGGER | MASK,
		EVENTFD | TRIGGER,
		EVENTFD | MASK | UNMASK,
		1 << 6 | NONE | TRIGGER,
		~0u,
	};
	const uint32_t ranges[][2] = {
		{ 0, count + 1 }, { count, 1 }, { count, 0 },	 { 1, count },	    { ~0u, 1 },
		{ 1, ~0u },	  { ~0u, ~0u }, { 0, 1u << 30 }, { 0x80000000, 1 },
	};
	struct irq_set set = { 0 };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		set_irqs(t, &set, index, flags[i], 0, 0);
	memset(set.fd, 0xff, sizeof(set.fd));
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		set_irqs(t, &set, index, NONE | TRIGGER, ranges[i][0], ranges[i][1]);
		set_irqs(t, &set, index, BOOL | MASK, ranges[i][0], ranges[i][1]);
		set_irqs(t, &set, index, EVENTFD | TRIGGER, ranges[i][0], ranges[i][1]);
	}

	for (uint32_t argsz = 0; argsz <= sizeof(set.head) + 4; argsz += 4) {
		set.head = (struct vfio_irq_set){
			.argsz = argsz,
			.flags = EVENTFD | TRIGGER,
			.index = index,
			.count = 1,
		};
		say(call(t, VFIO_DEVICE_SET_IRQS, &set), "irq %u with argsz %u", index, argsz);
	}
	set_irqs(t, &set, index, NONE | TRIGGER, 0, 0);
}

void show_irqs(const struct target *t)
{
	title("Interrupts");
	for (unsigned int index = 0; index <= VFIO_PCI_NUM_IRQS + 1; index++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

		say(call(t, VFIO_DEVICE_GET_IRQ_INFO, &info), "irq %u", index);
		printf("  flags %#x count %u\n", info.flags, info.count);
		one_vector(t, index);
		if (info.count)
			all_vectors(t, index, info.count);
		wrong_ones(t, index, info.count);
	}
	say(call(t, VFIO_DEVICE_SET_IRQS, NULL), "irq at a bad address");
}
