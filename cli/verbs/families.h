/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics of tsmctl metrics: one table, from which the text, the JSON and the page are
 * made. Names, types and labels are stable.
 */
#ifndef TSMCTL_FAMILIES_H
#define TSMCTL_FAMILIES_H

#include <stdint.h>

#include "host/summary.h"

struct family;

/**
 * struct sample - one number
 * @value: the number
 * @labels: the values of the family's labels, in their order, printable, each with its NUL
 */
struct sample {
	uint64_t value;
	char *labels;
};

/**
 * struct samples - those of one family
 * @all: in the order in which they were added
 * @count: how many there are
 * @size: how many @all has memory for
 * @err: negative errno if some could not be added, or 0
 */
struct samples {
	struct sample *all;
	size_t count;
	size_t size;
	int err;
};

/* One look at one device; @device is NULL for a look at the host, which has no @summary. */
struct look {
	struct ctx *ctx;
	const struct pci_device *device;
	struct summary *summary;
	const struct family *family;
	struct samples *samples;
};

/**
 * struct family - samples of one name
 * @name: of the metric
 * @type: "counter", whose name ends in _total, or "gauge"
 * @labels: their names; NULL-terminated
 * @help: one line, without a full stop, quotes and backslashes
 * @look: adds the samples of a device; an unknown value has no sample
 * @host: @look is called once, for the host
 * @get: reads @attr, for @look
 * @attr: attribute of the device
 * @words: its possible values, if it has a sample for each of them
 * @column: which number of a line counts, if it has a sample for each line
 */
struct family {
	const char *name;
	const char *type;
	const char *labels[5];
	const char *help;
	void (*look)(const struct look *l);
	bool host;
	int (*get)(struct summary *s, const char *attr, char *buf);
	const char *attr;
	const char *const *words;
	int column;
};

/* All families, in the order of the output; an entry without a name ends it. */
extern const struct family families[];

/**
 * families_new() - make a set of samples for each family
 *
 * Return: the sets, in the order of families[], empty, for families_free(); or NULL.
 */
struct samples *families_new(void);

/**
 * families_free() - free sets of samples
 * @all: from families_new()
 */
void families_free(struct samples *all);

/**
 * families_look() - add the samples of one device, or of the host
 * @ctx: this run
 * @dev: the device, which need not be present; NULL for the host
 * @all: from families_new()
 */
void families_look(struct ctx *ctx, const struct pci_device *dev, struct samples *all);

#endif
