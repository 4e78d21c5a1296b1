// SPDX-License-Identifier: GPL-2.0-or-later
/* Which device is at an address, see identity.h. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "host/former.h"
#include "host/identity.h"

/* Reads an attribute of four hexadecimal digits. */
static bool read_number(const struct pci_device *dev, const char *attr, unsigned int *v)
{
	char text[ATTR_MAX];

	return !pci_get(dev, attr, text) && !util_parse_u32(text, v) && *v <= 0xffff;
}

/* Copies a serial number without blanks around it; "" for one that is not text. */
static void copy_serial(char *serial, const char *text)
{
	char trimmed[ATTR_MAX];
	size_t n;

	text += strspn(text, " ");
	util_copy(trimmed, sizeof(trimmed), text);
	for (n = strlen(trimmed); n && trimmed[n - 1] == ' '; n--)
		trimmed[n - 1] = '\0';
	if (!pci_serial_is(trimmed) || !util_copy(serial, PCI_SERIAL_LEN, trimmed))
		serial[0] = '\0';
}

/*
 * Reads PCI's Device Serial Number. It is the same for all functions of a card, and perhaps
 * only function 0 or the PF has it.
 */
static int get_dsn(const struct ctx *ctx, const struct pci_device *dev, char *text)
{
	struct pci_device other cleanup_pci = { .fd = -1 };
	struct pci_addr addr = dev->addr;
	int ret = pci_get(dev, "serial_number", text);

	if (ret != -ENOENT)
		return ret;
	if (!pci_link(dev, "physfn", &addr)) {
		if (!addr.fn)
			return ret;
		addr.fn = 0;
	}
	return pci_open(ctx, &addr, &other) ?: get_dsn(ctx, &other, text);
}

/* The controller that the nvme driver has made for a device: nvme/nvme0/serial. */
void identity_of_driver(const struct pci_device *dev, char *serial)
{
	cleanup_dir DIR *dir = dev->present ? util_opendirat(dev->fd, "nvme") : NULL;
	char path[ATTR_MAX], text[ATTR_MAX];
	struct dirent *e;

	serial[0] = '\0';
	while (dir && (e = readdir(dir))) {
		if (!starts_with(e->d_name, "nvme") ||
		    snprintf(path, sizeof(path), "nvme/%.200s/serial", e->d_name) < 0)
			continue;
		if (!pci_get(dev, path, text))
			copy_serial(serial, text);
		return;
	}
}

void identity_look(struct ctx *ctx, const struct pci_device *dev, struct identity *i)
{
	unsigned int vendor, device, subvendor, subdevice;
	char text[ATTR_MAX];
	int ret;

	*i = (struct identity){ .id = "" };
	if (!read_number(dev, "vendor", &vendor) || !read_number(dev, "device", &device))
		return;
	snprintf(i->id, sizeof(i->id), "%04x:%04x", vendor, device);
	/* a device without a subsystem has zeroes */
	if (read_number(dev, "subsystem_vendor", &subvendor) &&
	    read_number(dev, "subsystem_device", &subdevice) && (subvendor || subdevice))
		snprintf(i->id, sizeof(i->id), "%04x:%04x:%04x:%04x", vendor & 0xffff,
			 device & 0xffff, subvendor & 0xffff, subdevice & 0xffff);
	ret = get_dsn(ctx, dev, text);
	i->denied = ret == -EACCES;
	if (!ret)
		copy_serial(i->serials[0], text);
	identity_of_driver(dev, i->serials[1]);
	/* an assignment that was given up may have left it without a driver */
	if (i->serials[1][0] || (dev->driver[0] && !streq(dev->driver, TSM_DRIVER)))
		return;
	former_get_serial(ctx, dev, text);
	copy_serial(i->serials[1], text);
}

const char *identity_serial(const struct identity *i)
{
	for (int n = 0; n < IDENTITY_SERIALS; n++)
		if (i->serials[n][0])
			return i->serials[n];
	return NULL;
}

/* Whether a serial number is PCI's, eight bytes. It is only compared with others of PCI. */
static bool is_dsn(const char *serial)
{
	size_t n = strlen(serial);

	for (size_t i = 0; i < n; i++)
		if (i % 3 == 2 ? serial[i] != '-' : !isxdigit((unsigned char)serial[i]))
			return false;
	return n == strlen("00-00-00-00-00-00-00-00");
}

static enum identity_match compare_serial(const struct identity *i, const char *serial)
{
	enum identity_match match = IDENTITY_UNKNOWN;

	for (int n = 0; n < IDENTITY_SERIALS; n++) {
		if (!i->serials[n][0] || is_dsn(i->serials[n]) != is_dsn(serial))
			continue;
		if (strcasecmp(i->serials[n], serial) == 0)
			return IDENTITY_SAME;
		match = IDENTITY_OTHER;
	}
	return match;
}

enum identity_match identity_compare(const struct identity *i, const char *id, const char *serial)
{
	if (id && !i->id[0])
		return IDENTITY_UNKNOWN;
	if (id && strncasecmp(i->id, id, strlen(id)))
		return IDENTITY_OTHER;
	return serial ? compare_serial(i, serial) : IDENTITY_SAME;
}
