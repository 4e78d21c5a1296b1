// SPDX-License-Identifier: GPL-2.0-or-later
/* BARs, ROM and VGA by read and write, at all lengths and alignments. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "transcript.h"

#define MAX_LEN 17

/*
 * In the configuration of an NVMe controller this neither starts nor stops it, and it is
 * not a driver status of virtio.
 */
#define PATTERN 0x12

static void read_around(const struct target *t, unsigned int index, uint64_t pos)
{
	uint8_t bytes[MAX_LEN];

	for (uint64_t start = pos; start < pos + 8; start++)
		for (size_t len = 0; len <= MAX_LEN; len++) {
			ssize_t ret = get(t, index, start, bytes, len);

			say_bytes(bytes, ret, "region %u: %zu at %#llx", index, len,
				  (unsigned long long)start);
		}
}

static void read_all(const struct target *t, unsigned int index, uint64_t size)
{
	size_t len = size > 1 << 16 ? 1 << 16 : size;
	uint8_t *bytes = calloc(1, len + 16);
	ssize_t ret = get(t, index, 0, bytes, len);

	say(ret, "region %u: all", index);
	if (ret > 0)
		printf("  %016llx\n", (unsigned long long)digest(bytes, ret));
	for (ssize_t pos = 0; pos + 16 <= ret && pos < 256; pos += 16)
		say_bytes(bytes + pos, 16, "  %03zx", (size_t)pos);
	say(get(t, index, 0, bytes, len + 16), "region %u: more than all", index);
	free(bytes);
}

static void write_around(const struct target *t, unsigned int index, uint64_t pos)
{
	uint8_t pattern[MAX_LEN], before[32], bytes[32];

	memset(pattern, PATTERN, sizeof(pattern));
	for (uint64_t start = pos; start < pos + 8; start++)
		for (size_t len = 0; len <= MAX_LEN; len++) {
			ssize_t ret, old = get(t, index, pos, before, sizeof(before));

			ret = put(t, index, start, pattern, len);
			say(ret, "region %u: write %zu at %#llx", index, len,
			    (unsigned long long)start);
			ret = get(t, index, pos, bytes, sizeof(bytes));
			say_bytes(bytes, ret, "  then");
			if (old > 0)
				put(t, index, pos, before, old);
		}
}

/* Clears the registers that an NVMe controller keeps over a reset: the admin queues. */
static void forget(const struct target *t, unsigned int index)
{
	const uint32_t zero = 0;

	for (uint64_t pos = 0x24; pos < 0x38; pos += 4)
		put(t, index, pos, &zero, sizeof(zero));
}

static void show_region(const struct target *t, unsigned int index)
{
	uint64_t size = region_size(t, index);
	uint32_t word;

	forget(t, index);
	printf("region %u has %#llx bytes\n", index, (unsigned long long)size);
	read_all(t, index, size);
	read_around(t, index, 0);
	if (size) {
		read_around(t, index, 0x1ffc);
		read_around(t, index, size - 8);
	}
	say(get(t, index, size, &word, 4), "region %u: at the end", index);
	say(get(t, index, 1ull << 39, &word, 4), "region %u: far beyond", index);
	say(get(t, index, 0, NULL, 4), "region %u: to a bad address", index);
	say(put(t, index, 0, NULL, 4), "region %u: from a bad address", index);

	write_around(t, index, 0);
	if (!size)
		return;
	/* NVMe: the admin queues; virtio: status and queue. */
	write_around(t, index, 0x14);
	write_around(t, index, 0x24);
	/* NVMe: the MSI-X table */
	write_around(t, index, 0x1ff8);
	write_around(t, index, size - 8);
}

void show_regions(const struct target *t)
{
	uint32_t word = 0;

	title("Regions");
	for (unsigned int index = 0; index < VFIO_PCI_NUM_REGIONS + 2; index++)
		if (index != VFIO_PCI_CONFIG_REGION_INDEX)
			show_region(t, index);

	title("Regions that are not decoded");
	reset(t);
	set_command(t, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	for (unsigned int index = 0; index < VFIO_PCI_NUM_REGIONS; index++) {
		say(get(t, index, 0, &word, 4), "region %u: read", index);
		if (index != VFIO_PCI_CONFIG_REGION_INDEX)
			say(put(t, index, 0, &word, 4), "region %u: write", index);
	}
}
