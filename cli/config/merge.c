// SPDX-License-Identifier: GPL-2.0-or-later
/* A document that is rewritten with the present settings, see merge.h. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "config/expected.h"
#include "config/merge.h"
#include "config/state.h"
#include "host/policy.h"
#include "host/select.h"
#include "host/tsm.h"
#include "report.h"

/*
 * What becomes of an entry. @taken: its device was added. @json: the entry that replaces it;
 * NULL for none.
 */
struct lot {
	bool taken;
	struct json_object *json;
};

static void PRINTF_LIKE(3, 4) add_note(struct merge *m, const char *device, const char *fmt, ...)
{
	struct merge_note *notes = reallocarray(m->notes, m->noted + 1, sizeof(*notes));
	struct merge_note note;
	va_list ap;
	int n;

	m->notes = notes ?: m->notes;
	util_copy(note.device, sizeof(note.device), device);
	va_start(ap, fmt);
	n = notes ? vasprintf(&note.text, fmt, ap) : -1;
	va_end(ap);
	if (n < 0)
		m->ret = -ENOMEM;
	else
		notes[m->noted++] = note;
}

static void keep(struct merge *m, const struct config_entry *e)
{
	m->lots[e->order].json = json_object_get(e->json);
}

/* Remembers a device that differs from an entry for several devices. */
static int judge(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	const struct config_entry *from[SETTINGS];
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct merge *m = arg;
	struct state st;
	void *wrong;

	if (!wanted_from(m->ctx, &m->all, addr, from) || pci_open(ctx, addr, &dev) || !dev.present)
		return 0;
	m->ret = state_read(m->ctx, &dev, &st);
	if (m->ret)
		return 1;
	for (int s = 0; s < SET_FORCE; s++) {
		if (!from[s] || from[s]->sel.kind == SELECTOR_ADDRESS || !st.known[s] ||
		    streq(st.values[s], from[s]->want[s]))
			continue;
		wrong = reallocarray(m->wrong, m->wrongs + 1, sizeof(*m->wrong));
		if (!wrong) {
			m->ret = -ENOMEM;
			return 1;
		}
		m->wrong = wrong;
		m->wrong[m->wrongs++] = *addr;
		return 0;
	}
	return 0;
}

/* Keeps the entries for several devices. A device that differs gets an entry of its own. */
static int keep_patterns(struct merge *m)
{
	struct config kept = { .entries = (struct config_entry **)m->all.patterns,
			       .count = m->all.count };

	for (size_t p = 0; p < m->all.count; p++)
		keep(m, m->all.patterns[p]);
	return wanted_init(&m->kept, &kept);
}

int merge_init(struct merge *m, struct ctx *ctx, struct config *base)
{
	int ret;

	*m = (struct merge){
		.ctx = ctx,
		.base = base,
		.lots = calloc(base->count ?: 1, sizeof(*m->lots)),
		.added = json_object_new_array(),
	};
	if (!m->lots || !m->added)
		return -ENOMEM;
	ret = wanted_init(&m->all, base);
	if (!ret && m->all.count)
		pci_scan(ctx, judge, m);
	return ret ?: m->ret ?: keep_patterns(m);
}

void merge_done(struct merge *m)
{
	for (size_t i = 0; m->lots && i < m->base->count; i++)
		json_object_put(m->lots[i].json);
	free(m->lots);
	free(m->wrong);
	json_object_put(m->added);
	for (size_t i = 0; i < m->noted; i++)
		free(m->notes[i].text);
	free(m->notes);
	wanted_done(&m->all);
	wanted_done(&m->kept);
	*m = (struct merge){ 0 };
}

/* Updates the policy in an entry if configfs has any; the rest stays. */
static void keep_absent(struct merge *m, const struct pci_device *dev, const struct config_entry *e,
			const struct state *st)
{
	for (int s = 0; s < SET_ASSIGNED && policy_has(m->ctx, dev->name); s++)
		if (st->known[s] && (e->want[s] || !state_is_usual((enum setting)s, st->values[s])))
			json_object_object_add(e->json, setting_key(s),
					       state_json((enum setting)s, st->values[s]));
	keep(m, e);
	add_note(m, dev->name, "it is not present: its entry is unchanged, except policy");
}

/* Makes an entry of the settings that can be seen; the other ones are copied from @e. */
static struct json_object *new_entry(const struct merge *m, const struct pci_device *dev,
				     const struct state *st, const struct config_entry *e)
{
	struct json_object *obj = state_entry(m->ctx, dev, e);
	const char *values[SETTINGS] = { NULL };

	for (int s = 0; s <= SET_FORCE; s++)
		values[s] = s < SET_FORCE && st->known[s] ? st->values[s] : e ? e->want[s] : NULL;
	state_add(obj, values);
	return obj;
}

/* Whether a later entry, for several devices, also names a device. */
static bool is_overridden(const struct merge *m, const struct pci_device *dev,
			  const struct config_entry *e)
{
	for (size_t p = 0; p < m->kept.count; p++)
		if (m->kept.patterns[p]->order > e->order &&
		    select_matches(m->ctx, &m->kept.patterns[p]->sel, &dev->addr))
			return true;
	return false;
}

/*
 * Whether the device of an entry was replaced, or may have been; adds a note about that. A
 * device that is assigned or connected counts as the expected one if its identity is unknown.
 */
static bool is_other(struct merge *m, const struct pci_device *dev, const struct config_entry *e,
		     bool stays)
{
	struct comparison c;

	expected_compare(m->ctx, dev, e->want, &c);
	if (c.match == IDENTITY_SAME || (c.match == IDENTITY_UNKNOWN && !stays))
		return false;
	if (c.match == IDENTITY_UNKNOWN) {
		add_note(
			m, dev->name,
			"cannot tell whether it is the expected device, %s: its entry is unchanged",
			c.expected);
		return true;
	}
	add_note(m, dev->name,
		 stays ? "another device has this address, %s: the entry for %s is unchanged" :
			 "another device has this address, %s: its entry replaces the one for %s",
		 c.found, c.expected);
	return true;
}

/* Whether an entry has a setting, other than the usual one, that cannot be seen now. */
static bool is_unseen(const struct config_entry *e, const struct state *st, enum setting s)
{
	return e && e->want[s] && !st->known[s] && !state_is_usual(s, e->want[s]);
}

static int merge_present(struct merge *m, struct pci_device *dev, const struct config_entry *e,
			 struct state *st)
{
	static const char *const nothing[SETTINGS] = { NULL };
	bool ours = streq(st->values[SET_ASSIGNED], "1") ||
		    (st->known[SET_TSM] && !state_is_usual(SET_TSM, st->values[SET_TSM]));
	const struct config_entry *before = e;
	const char *want[SETTINGS];
	const char *tsm = e ? e->want[SET_TSM] : NULL;
	struct tsm_dsm dsm;
	int follows;
	bool waits;

	/* policy alone may be left over from the device before it */
	if (e && is_other(m, dev, e, !ours)) {
		if (!ours) {
			keep(m, e);
			return 0;
		}
		before = NULL;
	}
	wanted_of(m->ctx, &m->kept, &dev->addr, want);
	/* a TSM that does not exist yet */
	if (before && tsm && !state_is_usual(SET_TSM, tsm) && !tsm_exists(m->ctx, tsm) &&
	    state_is_usual(SET_TSM, st->values[SET_TSM]))
		st->known[SET_TSM] = false;
	waits = is_unseen(before, st, SET_TSM);
	/* a VF is connected through its PF */
	follows = waits ? tsm_follows(m->ctx, dev, &dsm) : 0;
	if (follows < 0)
		return follows;
	if (waits && !(follows && streq(dsm.tsm, tsm)))
		add_note(m, dev->name, "it cannot be connected now: its tsm is unchanged");
	if (is_unseen(before, st, SET_ASSIGNED)) {
		add_note(m, dev->name,
			 "the driver " TSM_DRIVER " is not loaded: its assigned is unchanged");
		waits = true;
	}
	for (int s = 0; s < SET_ASSIGNED; s++) {
		if (!is_unseen(before, st, (enum setting)s))
			continue;
		add_note(m, dev->name,
			 "the loaded module vfio_tsm is older than tsmctl: its %s is unchanged",
			 setting_key(s));
		waits = true;
	}
	if (!waits && !state_differs(st, want) && !(e && state_differs(st, nothing))) {
		if (e)
			add_note(
				m, dev->name,
				"its entry is not kept: it is neither assigned nor connected, and has no policy");
	} else if (e && !is_overridden(m, dev, e)) {
		m->lots[e->order].json = new_entry(m, dev, st, before);
	} else {
		json_object_array_add(m->added, new_entry(m, dev, st, before));
	}
	return 0;
}

int merge_device(struct merge *m, struct pci_device *dev)
{
	const struct config_entry *e = wanted_exact(&m->all, &dev->addr);
	const char *want[SETTINGS];
	struct state st;
	int ret;

	if (e && m->lots[e->order].taken)
		return 0;
	ret = state_read(m->ctx, dev, &st);
	if (ret)
		return ret;
	if (e)
		m->lots[e->order].taken = true;
	if (dev->present)
		return merge_present(m, dev, e, &st);
	if (e) {
		keep_absent(m, dev, e, &st);
		return 0;
	}
	wanted_of(m->ctx, &m->kept, &dev->addr, want);
	if (state_differs(&st, want))
		json_object_array_add(m->added, new_entry(m, dev, &st, NULL));
	return 0;
}

int merge_finish(struct merge *m, struct json_object *entries)
{
	static const struct selector any = { .kind = SELECTOR_ALL, .text = "all" };
	int ret = 0;

	/* devices without a TSM side, which were not selected */
	for (size_t i = 0; !ret && i < m->wrongs; i++) {
		struct pci_device dev cleanup_pci = { .fd = -1 };

		if (!select_matches(m->ctx, &any, &m->wrong[i]))
			ret = pci_open(m->ctx, &m->wrong[i], &dev) ?: merge_device(m, &dev);
	}
	for (size_t i = 0; !ret && i < m->all.exacts; i++) {
		struct pci_device dev cleanup_pci = { .fd = -1 };

		ret = pci_open(m->ctx, &m->all.exact[i]->sel.addr, &dev) ?: merge_device(m, &dev);
	}
	ret = ret ?: m->ret;
	for (size_t i = 0; !ret && i < m->base->count; i++)
		if (m->lots[i].json)
			json_object_array_add(entries, json_object_get(m->lots[i].json));
	for (size_t i = 0; !ret && i < json_object_array_length(m->added); i++)
		json_object_array_add(entries,
				      json_object_get(json_object_array_get_idx(m->added, i)));
	return ret;
}

void merge_report(const struct merge *m)
{
	for (size_t i = 0; i < m->noted; i++)
		report_outcome(m->ctx, &(struct outcome){ .device = m->notes[i].device,
							  .attribute = "config",
							  .note = m->notes[i].text });
}
