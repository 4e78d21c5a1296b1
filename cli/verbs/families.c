// SPDX-License-Identifier: GPL-2.0-or-later
/* The metrics, see families.h. */
#include <errno.h>
#include <stdlib.h>

#include "common/stage.h"
#include "host/admission.h"
#include "host/policy.h"
#include "host/tdi.h"
#include "host/tsm.h"
#include "verbs/families.h"

/* No attribute of sysfs is longer. */
#define TEXT_MAX 4096

/* Joins the values of a family's labels, made printable. Return: the text, or NULL. */
static char *join(const struct family *f, const char *const *values)
{
	char *labels = NULL;
	size_t len = 0;

	for (size_t i = 0; f->labels[i]; i++) {
		cleanup_free char *safe = util_printable(values[i]);
		size_t more = safe ? strlen(safe) + 1 : 0;
		char *longer = more ? realloc(labels, len + more) : NULL;

		if (!longer) {
			free(labels);
			return NULL;
		}
		labels = longer;
		memcpy(labels + len, safe, more);
		len += more;
	}
	return labels;
}

static int add(struct samples *s, uint64_t value, char *labels)
{
	size_t size = s->size ? s->size * 2 : 64;
	struct sample *all;

	if (s->count == s->size) {
		all = reallocarray(s->all, size, sizeof(*all));
		if (!all)
			return -ENOMEM;
		s->all = all;
		s->size = size;
	}
	s->all[s->count++] = (struct sample){ value, labels };
	return 0;
}

/* Adds a sample. @values: the values of the family's labels, in their order. */
static void add_sample(const struct look *l, uint64_t value, const char *const *values)
{
	char *labels = join(l->family, values);

	if (labels && !add(l->samples, value, labels))
		return;
	free(labels);
	l->samples->err = -ENOMEM;
}

/* Adds a sample of a device; @label is its second label. */
static void add_of(const struct look *l, uint64_t value, const char *label)
{
	add_sample(l, value, (const char *const[]){ l->device->name, label });
}

static bool parse(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

static void look_build(const struct look *l)
{
	add_sample(l, 1, (const char *const[]){ VERSION });
}

static int get_id(const struct pci_device *dev, const char *attr, char *buf)
{
	int ret = pci_get(dev, attr, buf);

	if (!ret && starts_with(buf, "0x"))
		memmove(buf, buf + 2, strlen(buf) - 1);
	return ret;
}

static void look_device(const struct look *l)
{
	char vendor[ATTR_MAX], id[ATTR_MAX];

	if (!l->device->present || get_id(l->device, "vendor", vendor) ||
	    get_id(l->device, "device", id))
		return;
	add_sample(l, 1, (const char *const[]){ l->device->name, l->device->driver, vendor, id });
}

/* While a TSM is slow, there is no sample: an unknown connection must not look like a change. */
static void look_connection(const struct look *l)
{
	char tsm[ATTR_MAX], dsm[ATTR_MAX];

	if (tsm_look(l->ctx, l->device, "tsm/connect", tsm) == -EBUSY ||
	    tsm_look(l->ctx, l->device, "tsm/dsm", dsm) == -EBUSY || (!tsm[0] && !dsm[0]))
		return;
	add_sample(l, 1, (const char *const[]){ l->device->name, tsm, dsm });
}

/* Reads a label. "none" and an unreadable value become "": then Prometheus has no label. */
static void get_label(const struct look *l, const char *attr, char *buf)
{
	if (summary_get(l->summary, attr, buf) || streq(buf, "none"))
		buf[0] = '\0';
}

static void look_tdi(const struct look *l)
{
	char bound[ATTR_MAX], tsm[ATTR_MAX], tdi_id[ATTR_MAX], origin[ATTR_MAX];

	if (summary_get(l->summary, "bound", bound) || !streq(bound, "1"))
		return;
	get_label(l, "tsm", tsm);
	get_label(l, "tdi_id", tdi_id);
	get_label(l, "origin", origin);
	add_sample(l, 1, (const char *const[]){ l->device->name, tsm, tdi_id, origin });
}

static int get_required(struct summary *s, const char *attr, char *buf)
{
	int ret = summary_get(s, attr, buf);

	if (!ret)
		strcpy(buf, streq(buf, REQUIRED) ? "1" : "0");
	return ret;
}

static int get_admitted(struct summary *s, const char *attr, char *buf)
{
	int ret = summary_get(s, attr, buf);

	if (!ret)
		strcpy(buf, streq(buf, "0") ? "0" : "1");
	return ret;
}

static int get(const struct look *l, char *buf)
{
	return l->family->get(l->summary, l->family->attr, buf);
}

/* Adds a sample for each word, so that another word is a change of two values. */
static void look_words(const struct look *l)
{
	const struct family *f = l->family;
	char text[ATTR_MAX];

	if (get(l, text))
		return;
	for (const char *const *w = f->words; *w; w++)
		add_of(l, streq(*w, text), *w);
	/* a word of a newer module */
	if (!util_among(f->words, text))
		add_of(l, 1, text);
}

static void look_number(const struct look *l)
{
	char text[ATTR_MAX];
	uint64_t value;

	if (!get(l, text) && parse(text, &value))
		add_of(l, value, NULL);
}

/* Adds a sample for each line "word number number". The kernel decides which words there are. */
static void look_lines(const struct look *l)
{
	char text[TEXT_MAX], word[64], numbers[2][32];
	const char *number = numbers[l->family->column - 1];
	uint64_t value;

	if (summary_get_lines(l->summary, l->family->attr, text, sizeof(text)))
		return;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line != '\0')
		if (sscanf(line, "%63[^ \n] %31[^ \n] %31[^ \n]", word, numbers[0], numbers[1]) >
			    l->family->column &&
		    parse(number, &value))
			add_of(l, value, word);
}

static void look_last_unbind(const struct look *l)
{
	char reason[ATTR_MAX];

	if (!get(l, reason) && !streq(reason, "none"))
		add_of(l, 1, reason);
}

static void look_last_error(const struct look *l)
{
	char text[ATTR_MAX];
	const char *stage;
	int err;

	if (get(l, text))
		return;
	stage = stage_parse(text, &err);
	if (err)
		add_sample(l, 1,
			   (const char *const[]){ l->device->name, stage ?: "",
						  strerrorname_np(-err) ?: "" });
}

#define SINCE "since it was assigned"

const struct family families[] = {
	{ .name = "tsmctl_build_info",
	  .type = "gauge",
	  .labels = { "version" },
	  .help = "The version of tsmctl that has written this; always 1",
	  .look = look_build,
	  .host = true },
	{ .name = "tsmctl_device_info",
	  .type = "gauge",
	  .labels = { "address", "driver", "vendor_id", "device_id" },
	  .help = "A function that is present; always 1",
	  .look = look_device },
	{ .name = "tsmctl_connection_info",
	  .type = "gauge",
	  .labels = { "address", "tsm", "dsm" },
	  .help = "A function that is connected to a TSM, by itself or through its DSM; always 1",
	  .look = look_connection },
	{ .name = "tsmctl_tdi_info",
	  .type = "gauge",
	  .labels = { "address", "tsm", "tdi_id", "origin" },
	  .help = "A function that is bound as a TDI; always 1",
	  .look = look_tdi },
	{ .name = "tsmctl_device_state",
	  .type = "gauge",
	  .labels = { "address", "state" },
	  .help = "1 for the state that the device is in, 0 for every other state",
	  .look = look_words,
	  .get = summary_get,
	  .attr = "state",
	  .words = policy_states },
	{ .name = "tsmctl_tdi_state",
	  .type = "gauge",
	  .labels = { "address", "state" },
	  .help = "1 for the TDISP state that the TDI is in, 0 for every other TDISP state",
	  .look = look_words,
	  .get = summary_get_driver,
	  .attr = "tdi_state",
	  .words = tdi_states },
	{ .name = "tsmctl_bind_allowed",
	  .type = "gauge",
	  .labels = { "address" },
	  .help = "1 if the administrator allows a bind of the device, 0 if not",
	  .look = look_number,
	  .get = summary_get,
	  .attr = "bind_allowed" },
	{ .name = "tsmctl_admission_required",
	  .type = "gauge",
	  .labels = { "address" },
	  .help = "1 if the device must be admitted before a bind, 0 if not",
	  .look = look_number,
	  .get = get_required,
	  .attr = ADMISSION },
	{ .name = "tsmctl_admitted",
	  .type = "gauge",
	  .labels = { "address" },
	  .help = "1 if the device is admitted on its present evidence, 0 if not",
	  .look = look_number,
	  .get = get_admitted,
	  .attr = ADMITTED },
	{ .name = "tsmctl_can_bind",
	  .type = "gauge",
	  .labels = { "address" },
	  .help = "1 if the TSMs of the host can bind the device, 0 if not",
	  .look = look_number,
	  .get = summary_get_driver,
	  .attr = "can_bind" },
	{ .name = "tsmctl_quarantined",
	  .type = "gauge",
	  .labels = { "address" },
	  .help = "1 if the device is quarantined, whatever its driver is, 0 if not",
	  .look = look_number,
	  .get = summary_get,
	  .attr = "quarantine" },
	{ .name = "tsmctl_last_unbind_info",
	  .type = "gauge",
	  .labels = { "address", "reason" },
	  .help = "Why the device was unbound the last time " SINCE "; always 1",
	  .look = look_last_unbind,
	  .get = summary_get_driver,
	  .attr = "last_unbind" },
	{ .name = "tsmctl_bind_refused_info",
	  .type = "gauge",
	  .labels = { "address", "stage", "errno" },
	  .help = "The last bind of the device was refused; always 1",
	  .look = look_last_error,
	  .get = summary_get,
	  .attr = "last_error" },
	{ .name = "tsmctl_state_changes_total",
	  .type = "counter",
	  .labels = { "address" },
	  .help = "Changes of the state of the device",
	  .look = look_number,
	  .get = summary_get,
	  .attr = "generation" },
	{ .name = "tsmctl_opens_total",
	  .type = "counter",
	  .labels = { "address" },
	  .help = "Opens of the device " SINCE,
	  .look = look_number,
	  .get = summary_get_driver,
	  .attr = "open_count" },
	{ .name = "tsmctl_binds_total",
	  .type = "counter",
	  .labels = { "address" },
	  .help = "Binds of the device that succeeded " SINCE,
	  .look = look_number,
	  .get = summary_get_driver,
	  .attr = "bind_count" },
	{ .name = "tsmctl_lost_binds_total",
	  .type = "counter",
	  .labels = { "address" },
	  .help = "Binds of the device that were lost, which neither its owner nor the "
		  "administrator had ended, " SINCE,
	  .look = look_number,
	  .get = summary_get_driver,
	  .attr = "loss_count" },
	{ .name = "tsmctl_refused_operations_total",
	  .type = "counter",
	  .labels = { "address", "kind" },
	  .help = "Operations on the device that the driver refused " SINCE,
	  .look = look_lines,
	  .attr = "blocked",
	  .column = 1 },
	{ .name = "tsmctl_requests_total",
	  .type = "counter",
	  .labels = { "address", "scope" },
	  .help = "Requests of its guest that the device had, failed ones included, " SINCE,
	  .look = look_lines,
	  .attr = "requests",
	  .column = 1 },
	{ .name = "tsmctl_failed_requests_total",
	  .type = "counter",
	  .labels = { "address", "scope" },
	  .help = "Requests of its guest that the device had, and that failed, " SINCE,
	  .look = look_lines,
	  .attr = "requests",
	  .column = 2 },
	{ .name = NULL },
};

struct samples *families_new(void)
{
	return calloc(ARRAY_SIZE(families), sizeof(struct samples));
}

void families_free(struct samples *all)
{
	for (size_t i = 0; families[i].name; i++) {
		for (size_t j = 0; j < all[i].count; j++)
			free(all[i].all[j].labels);
		free(all[i].all);
	}
	free(all);
}

void families_look(struct ctx *ctx, const struct pci_device *dev, struct samples *all)
{
	struct summary s;

	if (dev)
		summary_begin(&s, ctx, dev);
	for (size_t i = 0; families[i].name; i++) {
		const struct look l = { .ctx = ctx,
					.device = dev,
					.summary = &s,
					.family = &families[i],
					.samples = &all[i] };

		if (l.family->host == !dev)
			l.family->look(&l);
	}
}
