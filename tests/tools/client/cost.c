// SPDX-License-Identifier: GPL-2.0-or-later
/* The cost of operations on a device, for tests/bench/vm. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "client.h"

#define UNUSED __attribute__((unused))

/* Few enough that most batches end before the next timer interrupt. */
#define BATCH 16
#define BATCHES 64

/**
 * struct place - the file and the offsets for the operations
 * @device: file of the device
 * @config: offset of configuration space in it
 * @bar: offset of BAR 0 in it
 */
struct place {
	int device;
	off_t config;
	off_t bar;
};

static int read_config(const struct place *p)
{
	uint32_t id;

	return pread(p->device, &id, sizeof(id), p->config + PCI_VENDOR_ID) == sizeof(id);
}

static int read_bar(const struct place *p)
{
	uint32_t value;

	return pread(p->device, &value, sizeof(value), p->bar) == sizeof(value);
}

static int get_info(const struct place *p)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return !ioctl(p->device, VFIO_DEVICE_GET_INFO, &info);
}

static int get_region_info(const struct place *p)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };

	return !ioctl(p->device, VFIO_DEVICE_GET_REGION_INFO, &info);
}

/* Writes the present value, because only the way to the register is measured. */
static int write_command(const struct place *p)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	return pwrite(p->device, &command, sizeof(command), p->config + PCI_COMMAND) ==
	       sizeof(command);
}

static int write_line_size(const struct place *p)
{
	uint8_t dwords = 16;

	return pwrite(p->device, &dwords, sizeof(dwords), p->config + PCI_CACHE_LINE_SIZE) ==
	       sizeof(dwords);
}

static int map_bar(const struct place *p)
{
	long size = sysconf(_SC_PAGESIZE);
	volatile uint32_t *bar = mmap(NULL, size, PROT_READ, MAP_SHARED, p->device, p->bar);

	if (bar == MAP_FAILED)
		return 0;
	(void)*bar;
	return !munmap((void *)bar, size);
}

static const struct operation {
	const char *name;
	int (*run)(const struct place *p);
} operations[] = {
	{ "config-read", read_config },	    { "bar-read", read_bar },
	{ "get-info", get_info },	    { "region-info", get_region_info },
	{ "command-write", write_command }, { "line-size-write", write_line_size },
	{ "mmap-fault", map_bar },
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The shortest time of an operation, in ns, or a negative errno. */
static int64_t measure(const struct operation *operation, const struct place *p)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < BATCHES; i++) {
		int64_t took = now();

		for (int j = 0; j < BATCH; j++)
			if (!operation->run(p))
				return errno ? -errno : -EIO;
		took = now() - took;
		best = took < best ? took : best;
	}
	return best / BATCH;
}

/* cost:OPERATION, in ns; in instructions, if each advances the VM's clock by 1 ns */
static int cost(struct client *c, UNUSED const unsigned long long *args, const char *text,
		char *answer, size_t size)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct vfio_region_info bar = { .argsz = sizeof(bar) };
	struct place place = { .device = c->device };

	if (ioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    ioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return -errno;
	place.config = config.offset;
	place.bar = bar.offset;
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		int64_t ns;

		if (strcmp(operations[i].name, text))
			continue;
		ns = measure(&operations[i], &place);
		if (ns < 0)
			return ns;
		snprintf(answer, size, "%lld", (long long)ns);
		return 0;
	}
	return -EINVAL;
}

const struct step cost_steps[] = {
	{ "cost", cost },
	{ NULL, NULL },
};
