// SPDX-License-Identifier: GPL-2.0-or-later
/* Where each value of a configuration comes from, see origin.h. */
#include "config/expected.h"
#include "config/origin.h"
#include "host/policy.h"
#include "host/select.h"

/* One walk through a configuration, with its callback. */
struct file_walk {
	struct ctx *ctx;
	const struct config *config;
	const struct wanted *w;
	origin_fn fn;
	void *arg;
};

static void tell(const struct file_walk *k, const struct origin *o)
{
	k->fn(k->ctx, o, k->arg);
}

static void remark(const struct file_walk *k, const struct config_file *file,
		   const struct config_entry *e, const char *note)
{
	tell(k, &(struct origin){ .file = file, .entry = e, .note = note });
}

/* Finds the entry that counts for each setting of an entry. */
static void find_winners(const struct file_walk *k, const struct config_entry *e,
			 const struct config_entry *from[SETTINGS])
{
	if (e->sel.kind == SELECTOR_ADDRESS) {
		wanted_from(k->ctx, k->w, &e->sel.addr, from);
		return;
	}
	for (int s = 0; s < SETTINGS; s++)
		from[s] = e;
	for (size_t p = 0; p < k->w->count; p++) {
		const struct config_entry *later = k->w->patterns[p];

		if (later->order <= e->order || selector_compare(&later->sel, &e->sel))
			continue;
		for (int s = 0; s < SETTINGS; s++)
			if (later->want[s])
				from[s] = later;
	}
}

struct value_search {
	struct ctx *ctx;
	const struct selector *sel;
};

static int is_one(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	const struct value_search *s = arg;

	(void)ctx;
	return select_matches(s->ctx, s->sel, addr);
}

static void remark_pattern(const struct file_walk *k, const struct config_entry *e)
{
	struct value_search s = { k->ctx, &e->sel };

	if (pci_scan(k->ctx, is_one, &s) <= 0)
		remark(k, e->file, e, "it matches no device that is present");
}

/* Remarks on a device that is not the one which an entry expects. */
static void remark_other(const struct file_walk *k, const struct pci_device *dev,
			 const struct config_entry *e)
{
	char note[2 * EXPECTED_TEXT_LEN + 80];
	struct comparison c;

	if (!expected_is_other(k->ctx, dev, e->want, &c))
		return;
	snprintf(note, sizeof(note),
		 "another device has this address: %s instead of %s; apply refuses it", c.found,
		 c.expected);
	remark(k, e->file, e, note);
}

static void remark_address(const struct file_walk *k, const struct config_entry *e)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };

	if (pci_open(k->ctx, &e->sel.addr, &dev))
		return;
	if (dev.present)
		remark_other(k, &dev, e);
	else
		remark(k, e->file, e, "the device is not present");
}

/* Reports a setting of an entry, and the entry that counts for it. */
static void tell_value(const struct file_walk *k, const struct config_entry *e, enum setting s,
		       const struct config_entry *counts)
{
	struct origin o = { .file = e->file,
			    .entry = e,
			    .key = setting_key(s),
			    .setting = s,
			    .value = e->want[s] };

	if (counts != e) {
		o.by = counts;
		o.by_file = counts->file;
	}
	tell(k, &o);
}

static void tell_entry(const struct file_walk *k, const struct config_entry *e)
{
	const struct config_entry *from[SETTINGS];
	bool said = false, counts = false;

	tell(k, &(struct origin){ .file = e->file, .entry = e });
	find_winners(k, e, from);
	for (int s = 0; s < SETTINGS; s++) {
		if (!e->want[s])
			continue;
		said = true;
		counts = counts || from[s] == e;
		tell_value(k, e, (enum setting)s, from[s]);
	}
	if (said && !counts)
		remark(k, e->file, e, "later entries override all of it");
	if (e->sel.kind == SELECTOR_ADDRESS)
		remark_address(k, e);
	else
		remark_pattern(k, e);
}

/* Reports a document and its default mode, which the last later document with one overrides. */
static void tell_file(const struct file_walk *k, size_t i)
{
	const struct config *c = k->config;
	struct origin o = { .file = c->files[i] };

	if (o.file->masked)
		o.note = "masked: it is a link to /dev/null, and is not read";
	if (o.file->ignored)
		o.note = "not read: the name of a drop-in ends in .json";
	tell(k, &o);
	if (!o.file->default_mode)
		return;
	o.key = DEFAULT_MODE;
	o.value = o.file->default_mode;
	for (size_t later = i + 1; later < c->file_count; later++)
		if (c->files[later]->default_mode)
			o.by_file = c->files[later];
	tell(k, &o);
}

void origin_each(struct ctx *ctx, const struct config *config, const struct wanted *w, origin_fn fn,
		 void *arg)
{
	const struct file_walk k = { .ctx = ctx, .config = config, .w = w, .fn = fn, .arg = arg };
	size_t e = 0;

	for (size_t i = 0; i < config->file_count; i++) {
		tell_file(&k, i);
		for (; e < config->count && config->entries[e]->file == config->files[i]; e++)
			tell_entry(&k, config->entries[e]);
	}
}

/* A search for the entries that @counts overrides, for one setting of a device. */
struct question {
	const struct file_walk *walk;
	enum setting setting;
	const struct config_entry *counts;
};

static void tell_loser(const struct config_entry *e, bool counts, void *arg)
{
	const struct question *q = arg;

	if (counts && e->want[q->setting] && e != q->counts)
		tell_value(q->walk, e, q->setting, q->counts);
}

static void remark_silent(const struct config_entry *e, bool counts, void *arg)
{
	if (!counts)
		remark(arg, e->file, e,
		       "it sets nothing: the device has no TSM side, and no entry assigns it");
}

struct look_at {
	const struct file_walk *walk;
	const struct pci_device *dev;
};

static void remark_unexpected(const struct config_entry *e, bool counts, void *arg)
{
	const struct look_at *l = arg;

	if (counts)
		remark_other(l->walk, l->dev, e);
}

bool origin_of(struct ctx *ctx, const struct wanted *w, const struct pci_device *dev, origin_fn fn,
	       void *arg)
{
	struct file_walk k = { .ctx = ctx, .w = w, .fn = fn, .arg = arg };
	const struct config_entry *from[SETTINGS];
	struct look_at l = { &k, dev };

	if (!wanted_from(ctx, w, &dev->addr, from))
		return false;
	for (int s = 0; s < SETTINGS; s++) {
		struct question q = { &k, (enum setting)s, from[s] };

		if (!from[s])
			continue;
		tell_value(&k, from[s], q.setting, from[s]);
		wanted_each(ctx, w, &dev->addr, tell_loser, &q);
	}
	wanted_each(ctx, w, &dev->addr, remark_silent, &k);
	if (dev->present)
		wanted_each(ctx, w, &dev->addr, remark_unexpected, &l);
	else
		remark(&k, NULL, NULL, "the device is not present");
	return true;
}
