// SPDX-License-Identifier: GPL-2.0-or-later
/* What a configuration wants of each device, see wanted.h. */
#include <errno.h>

#include "config/wanted.h"
#include "host/pci.h"
#include "host/select.h"

/* Compares addresses, then, for the same address, the order in the configuration. */
static int compare_exact(const void *a, const void *b)
{
	const struct config_entry *x = *(const struct config_entry *const *)a;
	const struct config_entry *y = *(const struct config_entry *const *)b;

	return selector_compare(&x->sel, &y->sel) ?: (x->order > y->order) - (x->order < y->order);
}

int wanted_init(struct wanted *w, const struct config *config)
{
	size_t size = config->count ?: 1;

	*w = (struct wanted){
		.exact = calloc(size, sizeof(*w->exact)),
		.patterns = calloc(size, sizeof(*w->patterns)),
	};
	if (!w->exact || !w->patterns) {
		wanted_done(w);
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->count; i++) {
		if (config->entries[i]->sel.kind == SELECTOR_ADDRESS)
			w->exact[w->exacts++] = config->entries[i];
		else
			w->patterns[w->count++] = config->entries[i];
	}
	qsort(w->exact, w->exacts, sizeof(*w->exact), compare_exact);
	return 0;
}

void wanted_done(struct wanted *w)
{
	free(w->exact);
	free(w->patterns);
	*w = (struct wanted){ 0 };
}

/* Finds the first entry of an address, or the place where it would be. */
static size_t first_exact(const struct wanted *w, const struct pci_addr *addr)
{
	size_t low = 0, high = w->exacts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (pci_addr_key(&w->exact[mid]->sel.addr) < pci_addr_key(addr))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct config_entry *exact_at(const struct wanted *w, size_t i,
					   const struct pci_addr *addr)
{
	if (i < w->exacts && pci_addr_key(&w->exact[i]->sel.addr) == pci_addr_key(addr))
		return w->exact[i];
	return NULL;
}

const struct config_entry *wanted_exact(const struct wanted *w, const struct pci_addr *addr)
{
	return exact_at(w, first_exact(w, addr), addr);
}

/* Whether the entries for a device, except those for "all", assign it. */
static bool is_to_be_assigned(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr)
{
	const struct config_entry *e, *last = NULL;

	for (size_t x = first_exact(w, addr); (e = exact_at(w, x, addr)); x++)
		if (e->want[SET_ASSIGNED])
			last = e;
	for (size_t p = 0; p < w->count; p++) {
		e = w->patterns[p];
		if (e->sel.kind != SELECTOR_ALL && e->want[SET_ASSIGNED] &&
		    (!last || e->order > last->order) && select_matches(ctx, &e->sel, addr))
			last = e;
	}
	return last && streq(last->want[SET_ASSIGNED], "1");
}

/*
 * Whether the settings of "all" apply to a device. Policy alone is not enough: the first
 * apply creates policy, and the second would then find more devices than the first.
 */
static bool is_of_all(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	pci_addr_name(addr, name);
	return pci_has_tsm_side(ctx, name) || is_to_be_assigned(ctx, w, addr);
}

/* An entry for several devices that assigns them is not for bridges. */
static bool skips(const struct ctx *ctx, const struct config_entry *e, const struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	pci_addr_name(addr, name);
	return e->want[SET_ASSIGNED] && streq(e->want[SET_ASSIGNED], "1") &&
	       pci_is_bridge(ctx, name);
}

bool wanted_each(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr, wanted_fn fn,
		 void *arg)
{
	size_t x = first_exact(w, addr), p = 0;
	const struct config_entry *e;
	bool named = false, counts;

	/* merges the two lists, each of which is in the order of the configuration */
	for (;;) {
		e = exact_at(w, x, addr);
		if (p < w->count && (!e || w->patterns[p]->order < e->order)) {
			e = w->patterns[p++];
			counts = e->sel.kind != SELECTOR_ALL || is_of_all(ctx, w, addr);
			if ((e->sel.kind != SELECTOR_ALL || !counts) &&
			    !select_matches(ctx, &e->sel, addr))
				continue;
			if (skips(ctx, e, addr))
				continue;
		} else if (e) {
			x++;
			counts = true;
		} else {
			return named;
		}
		named = true;
		fn(e, counts, arg);
	}
}

/* A later entry overrides an earlier one, setting by setting. */
static void overlay(const struct config_entry *e, bool counts, void *arg)
{
	const struct config_entry **from = arg;

	for (int s = 0; counts && s < SETTINGS; s++)
		if (e->want[s])
			from[s] = e;
}

bool wanted_from(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr,
		 const struct config_entry *from[SETTINGS])
{
	for (int s = 0; s < SETTINGS; s++)
		from[s] = NULL;
	return wanted_each(ctx, w, addr, overlay, from);
}

bool wanted_of(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr,
	       const char *want[SETTINGS])
{
	const struct config_entry *from[SETTINGS];
	bool named = wanted_from(ctx, w, addr, from);

	for (int s = 0; s < SETTINGS; s++)
		want[s] = from[s] ? from[s]->want[s] : NULL;
	return named;
}
