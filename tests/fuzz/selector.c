// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer harness for the parsers of selectors, addresses, TDI IDs and names of TSMs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/selector.h"
#include "common/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pci_addr addrs[] = {
		{ .bus = 1 }, { .domain = 0x10000, .bus = 0xff, .dev = 31, .fn = 7 }
	};
	char *text = malloc(size + 1);
	struct selector sel, again;
	char name[PCI_NAME_LEN], id[PCI_NAME_LEN], twice[PCI_NAME_LEN];
	char *safe;

	memcpy(text, data, size);
	text[size] = '\0';
	if (selector_parse(text, &sel) != (sel.kind != SELECTOR_BAD) ||
	    selector_compare(&sel, &sel))
		abort();
	if (sel.kind == SELECTOR_ADDRESS) {
		/* the kernel's name of an address is the same address */
		pci_addr_name(&sel.addr, name);
		if (!selector_parse(name, &again) || selector_compare(&sel, &again))
			abort();
	}
	if (sel.kind == SELECTOR_GLOB)
		for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
			selector_glob_matches(&sel, &addrs[i]);
	if (!tdi_id_parse(text, id, sizeof(id)) &&
	    (tdi_id_parse(id, twice, sizeof(twice)) || strcmp(id, twice)))
		abort();
	/* the name of a TSM is written to a message and to a sysfs attribute */
	if (tsm_is_name(text) && (strlen(text) >= TSM_NAME_LEN || strpbrk(text, "/. \n")))
		abort();
	safe = util_printable(text);
	for (const char *p = safe; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			abort();
	free(safe);
	free(text);
	return 0;
}
