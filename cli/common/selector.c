// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors as text, see selector.h. */
#include <ctype.h>
#include <fnmatch.h>

#include "common/selector.h"
#include "common/util.h"

static bool parse_id(const char *s, struct selector *sel)
{
	for (int i = 0; i < 9; i++)
		if (i == 4 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
	if (s[9])
		return false;
	sel->vendor = (unsigned int)strtoul(s, NULL, 16);
	sel->device = (unsigned int)strtoul(s + 5, NULL, 16);
	return true;
}

/*
 * An operator who types "15b3:*" means a vendor. As a glob over addresses it would silently
 * match nothing. Low numbers are domains, and 15b3:*:*.* is a glob in any case.
 */
static bool is_vendor_glob(const char *text)
{
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return text[4] == ':' && !strpbrk(text + 5, ":.") && strtoul(text, NULL, 16) >= 0x1000;
}

static bool parse_path(const char *text, struct pci_addr *addr)
{
	const char *end = text + strlen(text);
	char name[PCI_NAME_LEN];
	const char *last;

	while (end > text && end[-1] == '/')
		end--;
	last = memrchr(text, '/', (size_t)(end - text));
	if (text[0] != '/' || !last)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(end - last - 1), last + 1);
	return strlen(name) == (size_t)(end - last - 1) && !pci_addr_parse(name, addr);
}

static bool parse_libvirt(const char *text, struct pci_addr *addr)
{
	static const char signs[] = "::.";
	char name[PCI_NAME_LEN];
	size_t sign = 0;

	if (!starts_with(text, "pci_") || !util_copy(name, sizeof(name), text + strlen("pci_")))
		return false;
	for (char *c = name; *c; c++) {
		if (*c == '_' && sign < strlen(signs))
			*c = signs[sign++];
	}
	return sign == strlen(signs) && !pci_addr_parse(name, addr);
}

bool selector_parse(const char *text, struct selector *sel)
{
	*sel = (struct selector){ .kind = SELECTOR_BAD, .text = text };
	if (streq(text, "all")) {
		sel->kind = SELECTOR_ALL;
	} else if (starts_with(text, "driver=")) {
		sel->driver = text + strlen("driver=");
		if (*sel->driver && !strpbrk(sel->driver, "*?[/"))
			sel->kind = SELECTOR_DRIVER;
	} else if (starts_with(text, "pf=")) {
		if (!pci_addr_parse(text + strlen("pf="), &sel->addr))
			sel->kind = SELECTOR_PF;
	} else if (strpbrk(text, "*?[")) {
		sel->kind = is_vendor_glob(text) ? SELECTOR_BAD : SELECTOR_GLOB;
	} else if (pci_addr_parse(text, &sel->addr) == 0 || parse_path(text, &sel->addr) ||
		   parse_libvirt(text, &sel->addr)) {
		sel->kind = SELECTOR_ADDRESS;
	} else if (parse_id(text, sel)) {
		sel->kind = SELECTOR_ID;
	}
	return sel->kind != SELECTOR_BAD;
}

bool selector_glob_matches(const struct selector *sel, const struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	pci_addr_name(addr, name);
	if (fnmatch(sel->text, name, FNM_CASEFOLD) == 0)
		return true;
	return addr->domain == 0 && fnmatch(sel->text, name + 5, FNM_CASEFOLD) == 0;
}

static uint64_t number_of(const struct selector *s)
{
	if (s->kind == SELECTOR_ADDRESS || s->kind == SELECTOR_PF)
		return pci_addr_key(&s->addr);
	return s->kind == SELECTOR_ID ? (uint64_t)s->vendor << 16 | s->device : 0;
}

int selector_compare(const struct selector *a, const struct selector *b)
{
	uint64_t x = number_of(a), y = number_of(b);

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == SELECTOR_GLOB || a->kind == SELECTOR_DRIVER)
		return strcmp(a->text, b->text);
	return (x > y) - (x < y);
}
