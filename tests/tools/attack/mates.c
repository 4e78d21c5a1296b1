// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations of root and an owner on a function that shares something with the victim. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "attack.h"

static void in_sysfs(char *path, size_t size, const struct function *f, const char *name)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/%s", f->addr, name);
}

static int reset(const struct function *f)
{
	char path[128];
	int ret;

	in_sysfs(path, sizeof(path), f, "reset");
	excuse_begin(&resets);
	ret = write_text(path, "1");
	excuse_end(&resets);
	return ret;
}

int mate_reset(struct thread *t)
{
	return reset(choose_mate(t));
}

/*
 * A reset by bus or slot, which would also reset the victim. A function of which the driver
 * has turned off all resets is not used: a write to reset_method would force one.
 */
int mate_bus_reset(struct thread *t)
{
	struct function *f = choose_mate(t);
	char path[128], text[64] = "";
	int ret;

	if (f->is_above || function_is_bound(f))
		return -EPERM;
	in_sysfs(path, sizeof(path), f, "reset_method");
	read_text(path, text, sizeof(text));
	if (!strstr(text, "bus"))
		return -ENOTTY;
	ret = write_text(path, "bus");
	if (!ret)
		ret = reset(f);
	write_text(path, "default");
	return ret;
}

int mate_power(struct thread *t)
{
	struct function *f = choose_mate(t);
	bool automatic = one_in(t, 2);
	char path[128];

	note(t, " %s", automatic ? "auto" : "on");
	in_sysfs(path, sizeof(path), f, "power/control");
	return write_text(path, automatic ? "auto" : "on");
}

/* The offset of a capability in the sibling, as root sees it, or 0 if there is none */
static unsigned int find_capability(unsigned int id)
{
	uint8_t space[256] = { 0 };
	unsigned int at;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", sibling.addr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, space, sizeof(space)) < PCI_STD_HEADER_SIZEOF)
		space[PCI_CAPABILITY_LIST] = 0;
	close(fd);
	at = space[PCI_CAPABILITY_LIST] & ~3u;
	for (int i = 0; at >= PCI_STD_HEADER_SIZEOF && i < 48; i++) {
		if (space[at] == id)
			return at;
		at = space[at + 1] & ~3u;
	}
	return 0;
}

/* A write by the sibling's owner. The driver refuses changes on which the victim depends. */
int sibling_config(struct thread *t)
{
	unsigned int offset, length = 2;
	uint32_t value = rnd(t);

	switch (below(t, 4)) {
	case 0:
		offset = PCI_COMMAND;
		value &= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
		break;
	case 1:
		offset = find_capability(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
		value |= PCI_EXP_DEVCTL_BCR_FLR;
		break;
	case 2:
		offset = find_capability(PCI_CAP_ID_PM) + PCI_PM_CTRL;
		value &= PCI_PM_CTRL_STATE_MASK;
		break;
	default:
		offset = below(t, 4096);
		length = 1 + below(t, 4);
	}
	note(t, " %#x+%u %#x", offset, length, value);
	return pwrite(sibling.fd, &value, length, CONFIG_OFFSET + offset) < 0 ? -errno : 0;
}
