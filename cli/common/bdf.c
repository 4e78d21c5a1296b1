// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI addresses and identities, TDI ids and names of TSMs, see bdf.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "common/bdf.h"
#include "common/util.h"

#define HEX_DIGITS "0123456789abcdefABCDEF"

/* Takes @min to @max hexadecimal digits and the character @end after them. */
static bool take_hex(const char **text, size_t min, size_t max, char end, unsigned long *value)
{
	size_t n = strspn(*text, HEX_DIGITS);

	if (n < min || n > max || (*text)[n] != end)
		return false;
	*value = strtoul(*text, NULL, 16);
	*text += end ? n + 1 : n;
	return true;
}

int pci_addr_parse(const char *text, struct pci_addr *addr)
{
	unsigned long domain = 0, bus, dev, fn;
	const char *first = strchr(text, ':');

	if (first && strchr(first + 1, ':') && !take_hex(&text, 4, 8, ':', &domain))
		return -EINVAL;
	if (!take_hex(&text, 2, 2, ':', &bus) || !take_hex(&text, 2, 2, '.', &dev) ||
	    !take_hex(&text, 1, 1, '\0', &fn) || dev > 0x1f || fn > 7)
		return -EINVAL;
	*addr = (struct pci_addr){
		.domain = (uint32_t)domain,
		.bus = (uint8_t)bus,
		.dev = (uint8_t)dev,
		.fn = (uint8_t)fn,
	};
	return 0;
}

void pci_addr_name(const struct pci_addr *addr, char *name)
{
	snprintf(name, PCI_NAME_LEN, "%04x:%02x:%02x.%x", addr->domain, addr->bus, addr->dev & 0x1f,
		 addr->fn & 7);
}

uint64_t pci_addr_key(const struct pci_addr *addr)
{
	return (uint64_t)addr->domain << 16 | addr->bus << 8 | addr->dev << 3 | addr->fn;
}

int pci_addr_compare(const void *a, const void *b)
{
	uint64_t x = pci_addr_key(a), y = pci_addr_key(b);

	return (x > y) - (x < y);
}

int tdi_id_parse(const char *text, char *out, size_t size)
{
	struct pci_addr addr;
	unsigned int id;
	int ret;

	if (streq(text, "none")) {
		util_copy(out, size, text);
		return 0;
	}
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		ret = util_parse_u32(text, &id);
		if (ret)
			return ret;
		addr = (struct pci_addr){
			.domain = id >> 16,
			.bus = (id >> 8) & 0xff,
			.dev = (id >> 3) & 0x1f,
			.fn = id & 7,
		};
	} else {
		ret = pci_addr_parse(text, &addr);
		if (ret)
			return ret;
		/* a requester ID has 16 bits of segment, unlike a host's domain */
		if (addr.domain > 0xffff)
			return -ERANGE;
	}
	snprintf(out, size, "%04x:%02x:%02x.%x", addr.domain, addr.bus, addr.dev, addr.fn);
	return 0;
}

bool tsm_is_name(const char *name)
{
	unsigned int n;

	return starts_with(name, "tsm") && strlen(name) < 14 &&
	       strspn(name + 3, "0123456789") == strlen(name + 3) &&
	       util_parse_u32(name + 3, &n) == 0;
}

bool pci_id_is(const char *text)
{
	size_t n = strlen(text);

	if (n != strlen("8086:10c9") && n != strlen("8086:10c9:8086:a03c"))
		return false;
	for (size_t i = 0; i < n; i++)
		if (i % 5 == 4 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

bool pci_serial_is(const char *text)
{
	size_t n = strlen(text);

	for (const char *c = text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return false;
	return n && n < PCI_SERIAL_LEN && text[0] != ' ' && text[n - 1] != ' ';
}
