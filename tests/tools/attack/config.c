// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration space: every offset, length and alignment, mostly at bits that would
 * move a TDI to ERROR (PCIe r7.0 table 11-2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "attack.h"

#define SIZE 4096
#define MAX_SPOTS 128
#define MAX_LENGTH 64

/**
 * struct spot - a register that is worth a try
 * @name: for the output
 * @offset: in configuration space
 * @length: in bytes, up to 4
 * @clear: bits that are an error when they are cleared
 * @set: bits that are an error when they are set
 */
struct spot {
	const char *name;
	unsigned int offset, length;
	uint32_t clear, set;
};

/**
 * struct plan - one write, or a race of two
 * @spot: the register, or NULL
 * @offset: in configuration space
 * @length: in bytes
 * @bytes: the written values; the second one is harmless
 */
struct plan {
	const struct spot *spot;
	unsigned int offset, length;
	uint8_t bytes[2][MAX_LENGTH];
};

unsigned int pmcsr;

static uint8_t snapshot[SIZE];
static struct spot spots[MAX_SPOTS];
static unsigned int nr_spots;

static void add(const char *name, unsigned int offset, unsigned int length, uint32_t clear,
		uint32_t set)
{
	if (nr_spots < MAX_SPOTS && offset + length <= SIZE)
		spots[nr_spots++] = (struct spot){ name, offset, length, clear, set };
}

static uint16_t word(unsigned int offset)
{
	return snapshot[offset] | snapshot[offset + 1] << 8;
}

static void add_express(unsigned int at)
{
	add("DEVCTL", at + PCI_EXP_DEVCTL, 2, 0,
	    PCI_EXP_DEVCTL_BCR_FLR | PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM |
		    PCI_EXP_DEVCTL_NOSNOOP_EN);
	add("FLR", at + PCI_EXP_DEVCTL, 2, 0, PCI_EXP_DEVCTL_BCR_FLR);
	add("DEVCTL2", at + PCI_EXP_DEVCTL2, 2, 0, 0xffff);
	add("LNKCTL", at + PCI_EXP_LNKCTL, 2, 0, 0xffff);
	add("DEVCTL3", at + 0x3c, 4, 0, ~0u);
}

static void add_capability(unsigned int id, unsigned int at)
{
	switch (id) {
	case PCI_CAP_ID_PM:
		pmcsr = at + PCI_PM_CTRL;
		add("PMCSR", pmcsr, 2, 0, PCI_PM_CTRL_STATE_MASK);
		add("PMCSR", pmcsr, 2, 0, PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_NO_SOFT_RESET);
		break;
	case PCI_CAP_ID_EXP:
		add_express(at);
		break;
	case PCI_CAP_ID_AF:
		add("AF", at + PCI_AF_CTRL, 1, 0, PCI_AF_CTRL_FLR);
		break;
	case PCI_CAP_ID_MSI:
		add("MSI", at + PCI_MSI_FLAGS, 2, 0, PCI_MSI_FLAGS_ENABLE);
		break;
	case PCI_CAP_ID_MSIX:
		add("MSI-X", at + PCI_MSIX_FLAGS, 2, 0,
		    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
		break;
	case PCI_CAP_ID_VNDR:
		for (unsigned int i = 0; i < 16; i += 4)
			add("vendor", at + i, 4, 0, ~0u);
		break;
	default:
		add("capability", at + 4, 4, 0, ~0u);
	}
}

static void add_capabilities(void)
{
	unsigned int at = snapshot[PCI_CAPABILITY_LIST] & ~3u;

	for (int i = 0; at >= PCI_STD_HEADER_SIZEOF && i < 48; i++) {
		add_capability(snapshot[at], at);
		at = snapshot[at + 1] & ~3u;
	}

	at = PCI_CFG_SPACE_SIZE;
	for (int i = 0; at >= PCI_CFG_SPACE_SIZE && at < SIZE - 16 && i < 64; i++) {
		if (!word(at) || word(at) == 0xffff)
			break;
		for (unsigned int j = 4; j < 16; j += 4)
			add("extended", at + j, 4, 0, ~0u);
		at = word(at + 2) >> 4;
	}
}

/* Finds the registers through sysfs. Their present values are harmless. */
void config_init(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", victim.addr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, snapshot, SIZE) < PCI_STD_HEADER_SIZEOF)
		fail("%s: %s", path, answer_name(-errno));
	close(fd);

	/* four times, because a guest writes it most */
	for (int i = 0; i < 4; i++)
		add("Command", PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	add("BIST", PCI_BIST, 1, 0, PCI_BIST_START | 0xf);
	add("header", PCI_CACHE_LINE_SIZE, 4, 0, ~0u);
	add("ROM BAR", PCI_ROM_ADDRESS, 4, 0, ~0u);
	add("interrupt", PCI_INTERRUPT_LINE, 4, 0, ~0u);
	for (int i = 0; i < 6; i++)
		add("BAR", PCI_BASE_ADDRESS_0 + 4 * i, 4, 0, ~0u);
	add_capabilities();
}

static uint32_t harmless(const struct spot *spot)
{
	uint32_t value = 0;

	memcpy(&value, snapshot + spot->offset, spot->length);
	return (value | spot->clear) & ~spot->set;
}

/* At least one bit has a forbidden value. Sometimes allowed bits also change. */
static uint32_t harmful(struct thread *t, const struct spot *spot)
{
	uint32_t bits = spot->clear | spot->set, some = rnd(t) & bits, value = harmless(spot);

	if (!some)
		some = bits;
	value = (value & ~(some & spot->clear)) | (some & spot->set);
	if (one_in(t, 4))
		value ^= rnd(t) & ~bits;
	return value;
}

/* A write at a spot: all or part of it, with or without bytes before and after it */
static void plan_spot(struct thread *t, struct plan *plan, const struct spot *spot)
{
	unsigned int before = one_in(t, 2) ? below(t, 6) : 0;
	unsigned int after = one_in(t, 2) ? below(t, 20) : 0;
	uint32_t value = harmful(t, spot), well = harmless(spot);

	plan->spot = spot;
	if (before > spot->offset)
		before = spot->offset;
	plan->offset = spot->offset - before;
	plan->length = before + spot->length + after;
	if (plan->offset + plan->length > SIZE)
		plan->length = SIZE - plan->offset;

	for (int i = 0; i < 2; i++)
		memcpy(plan->bytes[i], snapshot + plan->offset, plan->length);
	memcpy(plan->bytes[0] + before, &value, spot->length);
	memcpy(plan->bytes[1] + before, &well, spot->length);

	/* one byte of the register, or up to the middle of it */
	if (spot->length > 1 && one_in(t, 4)) {
		unsigned int skip = before + below(t, spot->length);

		memmove(plan->bytes[0], plan->bytes[0] + skip, plan->length - skip);
		memmove(plan->bytes[1], plan->bytes[1] + skip, plan->length - skip);
		plan->offset += skip;
		plan->length = 1;
	} else if (spot->length > 1 && one_in(t, 8)) {
		plan->length = before + 1 + below(t, spot->length);
	}
}

static void plan_anywhere(struct thread *t, struct plan *plan)
{
	plan->offset = one_in(t, 4) ? SIZE - below(t, 80) : below(t, SIZE);
	plan->length = 1 + below(t, MAX_LENGTH);
	for (unsigned int i = 0; i < MAX_LENGTH; i++)
		plan->bytes[0][i] = rnd(t);
	if (one_in(t, 4))
		memset(plan->bytes[0], one_in(t, 2) ? 0 : 0xff, MAX_LENGTH);
	memcpy(plan->bytes[1], plan->bytes[0], MAX_LENGTH);
	for (unsigned int i = 0; i < plan->length && plan->offset + i < SIZE; i++)
		plan->bytes[1][i] = snapshot[plan->offset + i];
}

static void note_plan(struct thread *t, const struct plan *plan)
{
	note(t, " %s %#x+%u", plan->spot ? plan->spot->name : "any", plan->offset, plan->length);
	for (unsigned int i = 0; i < plan->length && i < 24; i++)
		note(t, "%s%02x", i ? "" : " ", plan->bytes[0][i]);
}

/* At the end or the beginning of the first page; the next page may not be mapped. */
static size_t place(struct thread *t, unsigned int length)
{
	if (one_in(t, 4))
		return 4096 - 1 - below(t, length);
	return below(t, 2048);
}

static int write_plan(struct thread *t, const struct plan *plan)
{
	size_t at = place(t, plan->length);
	int ret;

	note_plan(t, plan);
	memcpy(t->alias + at, plan->bytes[0], plan->length);
	ret = pwrite(victim.fd, t->buffer + at, plan->length, CONFIG_OFFSET + plan->offset);
	ret = ret < 0 ? -errno : 0;
	if (one_in(t, 4))
		oracle_look();
	return ret;
}

int config_write(struct thread *t)
{
	struct plan plan = { 0 };

	if (one_in(t, 3))
		plan_anywhere(t, &plan);
	else
		plan_spot(t, &plan, &spots[below(t, nr_spots)]);
	/* A harmless value must not be refused, which the summary shows. */
	if (one_in(t, 4))
		memcpy(plan.bytes[0], plan.bytes[1], sizeof(plan.bytes[0]));
	return write_plan(t, &plan);
}

int config_command(struct thread *t)
{
	struct plan plan = { 0 };

	plan_spot(t, &plan, &spots[0]);
	return write_plan(t, &plan);
}

/* The value changes between a harmful and a harmless one, between check and write. */
int config_race(struct thread *t)
{
	struct plan plan = { 0 };
	unsigned int times = 1 + below(t, 16);
	size_t at;
	int ret = 0;

	plan_spot(t, &plan, &spots[below(t, nr_spots)]);
	at = one_in(t, 8) ? 4096 - plan.length : below(t, 2048);
	note_plan(t, &plan);
	note(t, " flipped, %u times", times);

	memcpy(t->alias + at, plan.bytes[1], plan.length);
	flip_begin(t, at, plan.bytes[0], plan.bytes[1], plan.length);
	while (times--) {
		ret = pwrite(victim.fd, t->buffer + at, plan.length, CONFIG_OFFSET + plan.offset);
		ret = ret < 0 ? -errno : 0;
	}
	flip_end(t);
	oracle_look();
	return ret;
}

int config_read(struct thread *t)
{
	unsigned int length = 1 + below(t, one_in(t, 8) ? 4096 : MAX_LENGTH);
	unsigned int offset = below(t, SIZE);
	size_t at = length > MAX_LENGTH ? 0 : place(t, length);

	note(t, " %#x+%u", offset, length);
	return pread(victim.fd, t->buffer + at, length, CONFIG_OFFSET + offset) < 0 ? -errno : 0;
}

/* Root writes to Command, without the driver. Other registers could stop the machine. */
int forced_config(struct thread *t)
{
	const struct spot *spot = &spots[0];
	uint32_t value = harmful(t, spot);
	char path[128];
	int fd, ret;

	note(t, " %s %#x", spot->name, value);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", victim.addr);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	excuse_begin(&forces);
	ret = pwrite(fd, &value, spot->length, spot->offset) < 0 ? -errno : 0;
	oracle_look_after();
	excuse_end(&forces);
	close(fd);
	return ret;
}
