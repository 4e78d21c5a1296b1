// SPDX-License-Identifier: GPL-2.0-or-later
/* From selectors to devices. */
#include <errno.h>
#include <search.h>

#include "host/policy.h"
#include "host/select.h"
#include "interrupt.h"
#include "report.h"
#include "waiting.h"

/* The devices found so far: in order, and as a tree of keys to find duplicates. */
struct found {
	const struct selector *sel;
	unsigned int flags;
	struct pci_addr *addrs;
	size_t count;
	size_t size;
	void *seen;
	bool matched;
};

static int compare_keys(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (x > y) - (x < y);
}

static void *key_of(const struct pci_addr *addr)
{
	return (void *)(uintptr_t)(pci_addr_key(addr) + 1);
}

static bool is_found(const struct found *s, const struct pci_addr *addr)
{
	return tfind(key_of(addr), &s->seen, compare_keys) != NULL;
}

static int add(struct found *s, const struct pci_addr *addr)
{
	void **node;

	s->matched = true;
	if (is_found(s, addr))
		return 0;
	node = tsearch(key_of(addr), &s->seen, compare_keys);
	if (!node)
		return -ENOMEM;
	if (s->count == s->size) {
		size_t size = s->size ? s->size * 2 : 16;
		void *addrs = reallocarray(s->addrs, size, sizeof(*s->addrs));

		if (!addrs)
			return -ENOMEM;
		s->addrs = addrs;
		s->size = size;
	}
	s->addrs[s->count++] = *addr;
	return 0;
}

/* Whether a selector takes a device without regard to policy. */
static bool matches(const struct ctx *ctx, const struct selector *sel, const struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	pci_addr_name(addr, name);
	switch (sel->kind) {
	case SELECTOR_ALL:
		return pci_has_tsm_side(ctx, name);
	case SELECTOR_GLOB:
		return selector_glob_matches(sel, addr);
	case SELECTOR_ADDRESS:
		return pci_addr_key(&sel->addr) == pci_addr_key(addr);
	case SELECTOR_ID:
		return pci_has_id(ctx, name, sel->vendor, sel->device);
	case SELECTOR_DRIVER:
		return pci_is_with(ctx, name, sel->driver);
	case SELECTOR_PF:
		return pci_is_vf_of(ctx, name, &sel->addr);
	default:
		return false;
	}
}

bool select_matches(struct ctx *ctx, const struct selector *sel, const struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	pci_addr_name(addr, name);
	return matches(ctx, sel, addr) || (sel->kind == SELECTOR_ALL && policy_has(ctx, name));
}

static bool is_left_out(const struct ctx *ctx, const struct found *s, const char *name)
{
	return s->flags & SELECT_NO_BRIDGE && pci_is_bridge(ctx, name);
}

/* consider_policy() finds devices with policy by their directories. */
static int consider_present(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct found *s = arg;
	char name[PCI_NAME_LEN];

	/* found by its policy: no need to look at it */
	if (s->matched && is_found(s, addr))
		return 0;
	pci_addr_name(addr, name);
	if (!matches(ctx, s->sel, addr) || is_left_out(ctx, s, name))
		return 0;
	return add(s, addr);
}

static int consider_policy(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct found *s = arg;

	if (s->sel->kind == SELECTOR_GLOB && !selector_glob_matches(s->sel, addr))
		return 0;
	if (!(s->flags & SELECT_ABSENT)) {
		struct pci_device dev cleanup_pci = { .fd = -1 };

		if (pci_open(ctx, addr, &dev) || !dev.present || is_left_out(ctx, s, dev.name))
			return 0;
	}
	return add(s, addr);
}

static int consider_address(struct ctx *ctx, struct found *s)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	int ret = pci_open(ctx, &s->sel->addr, &dev);

	if (ret)
		return ret;
	if (dev.present || (s->flags & SELECT_FUTURE) ||
	    ((s->flags & SELECT_ABSENT) && policy_has(ctx, dev.name)))
		return add(s, &dev.addr);
	return 0;
}

/* Any device may have policy, as from 'tsmctl deny', and keep its ordinary driver. */
static bool policy_counts(const struct found *s)
{
	if (s->sel->kind == SELECTOR_ALL)
		return !(s->flags & SELECT_TSM_SIDE);
	return s->sel->kind == SELECTOR_GLOB;
}

/* Adds the devices that a selector takes, in the order of their addresses. */
static int expand(struct ctx *ctx, struct found *s)
{
	size_t before = s->count;
	int ret;

	s->matched = false;
	if (s->sel->kind == SELECTOR_ADDRESS)
		return consider_address(ctx, s);
	ret = policy_counts(s) ? policy_scan(ctx, consider_policy, s) : 0;
	if (!ret)
		ret = pci_scan(ctx, consider_present, s);
	if (ret == -ENOENT)
		ret = 0;
	if (s->count > before)
		qsort(s->addrs + before, s->count - before, sizeof(*s->addrs), pci_addr_compare);
	return ret;
}

static int report_no_match(struct ctx *ctx, const struct selector *sel)
{
	static const char *const messages[] = {
		[SELECTOR_ALL] = "no device has a TSM side",
		[SELECTOR_GLOB] = "no device's address matches",
		[SELECTOR_ADDRESS] = "no such device",
		[SELECTOR_ID] = "no device has this vendor and device ID",
		[SELECTOR_DRIVER] = "no device has this driver",
		[SELECTOR_PF] = "it has no virtual function",
	};
	/* the others have the hint of ENODEV */
	static const char *const hints[] = {
		[SELECTOR_ALL] = "on a host without a TSM, run 'tsmctl load --sim DEVICES'",
		[SELECTOR_ID] = "'lspci -nn' shows the IDs of all devices",
		[SELECTOR_DRIVER] = "'lspci -k' shows the drivers of all devices",
		[SELECTOR_PF] = "to create some, write their number to sriov_numvfs of the PF",
	};
	struct problem p = {
		.device = sel->text,
		.err = -ENODEV,
		.stage = "select",
		.hint = hints[sel->kind],
		.code = EXIT_NO_DEVICE,
	};

	return report_error(ctx, &p, "%s", messages[sel->kind]);
}

static int report_selector_failure(struct ctx *ctx, const struct selector *sel, int err)
{
	struct problem p = { .device = sel->text, .err = err, .stage = "select" };

	return report_error(ctx, &p, "cannot look for devices: %s", strerror(-err));
}

int select_parse(struct selection *s, unsigned int flags, int count, const char **texts)
{
	const char *const all = "all";

	*s = (struct selection){ .flags = flags, .count = count ?: 1, .implied = !count };
	s->selectors = calloc(s->count, sizeof(*s->selectors));
	if (!s->selectors)
		return -ENOMEM;
	if (s->implied)
		selector_parse(all, &s->selectors[0]);
	for (int i = 0; i < count; i++)
		if (!selector_parse(texts[i], &s->selectors[i]))
			return i;
	return count;
}

void select_done(struct selection *s)
{
	free(s->selectors);
	*s = (struct selection){ 0 };
}

/* Reports a signal, which stops the visit before this device. */
static int report_interrupt(struct ctx *ctx, const struct pci_addr *addr, size_t done, size_t count)
{
	char name[PCI_NAME_LEN];
	struct problem p = { .device = name,
			     .err = -EINTR,
			     .stage = "interrupted",
			     .hint = "run the same command again for the rest",
			     .code = EXIT_FAILED };

	pci_addr_name(addr, name);
	return report_error(ctx, &p,
			    "SIG%s: stopped before this device; %zu of %zu devices were processed",
			    sigabbrev_np(interrupt_pending()), done, count);
}

/* select_visit(), and how each device is opened. */
static int visit(struct ctx *ctx, const struct pci_addr *addrs, size_t count, device_fn fn,
		 void *arg, __typeof__(pci_open) *open_one)
{
	int ret = 0, err;

	for (size_t i = 0; i < count; i++) {
		struct pci_device dev cleanup_pci = { .fd = -1 };
		struct problem p = { .device = dev.name, .stage = "open" };

		if (interrupt_pending())
			return report_interrupt(ctx, &addrs[i], i, count);
		wait_clock(ctx);
		ctx->unfinished = 0;
		ctx->gave_up = false;
		err = open_one(ctx, &addrs[i], &dev);
		if (err) {
			p.err = err;
			report_error(ctx, &p, "cannot open it in sysfs: %s", strerror(-err));
		} else {
			err = fn(ctx, &dev, arg);
		}
		if (err)
			ret = err;
		else
			ctx->answer.done++;
	}
	return ret;
}

int select_visit(struct ctx *ctx, const struct pci_addr *addrs, size_t count, device_fn fn,
		 void *arg)
{
	return visit(ctx, addrs, count, fn, arg, pci_open);
}

static void free_nothing(void *key)
{
	(void)key;
}

int select_each(struct ctx *ctx, const struct selection *s, device_fn fn, void *arg)
{
	struct found found = { .flags = s->flags };
	int ret = 0, err;

	for (size_t i = 0; i < s->count; i++) {
		found.sel = &s->selectors[i];
		err = expand(ctx, &found);
		if (err)
			ret = report_selector_failure(ctx, found.sel, err);
		else if (!found.matched && !s->implied)
			ret = report_no_match(ctx, found.sel);
	}
	if (s->flags & SELECT_SORTED && found.count)
		qsort(found.addrs, found.count, sizeof(*found.addrs), pci_addr_compare);
	err = visit(ctx, found.addrs, found.count, fn, arg,
		    s->flags & SELECT_ID ? pci_open_with_id : pci_open);
	tdestroy(found.seen, free_nothing);
	free(found.addrs);
	return err ?: ret;
}
