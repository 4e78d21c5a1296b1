/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A document that is rewritten with the present settings. Settings that cannot be seen now
 * stay as they were written, and so do entries for several devices.
 */
#ifndef TSMCTL_MERGE_H
#define TSMCTL_MERGE_H

#include "config/wanted.h"
#include "host/pci.h"

/**
 * struct merge_note - a remark for the user
 * @device: the device that it is about
 * @text: allocated
 */
struct merge_note {
	char device[PCI_NAME_LEN];
	char *text;
};

/**
 * struct merge - a document that is rewritten
 * @ctx: this run
 * @base: the old document, which may be empty
 * @all: @base, arranged to look devices up
 * @kept: its entries for several devices
 * @lots: what becomes of each entry of @base
 * @wrong: devices that differ from an entry for several devices
 * @wrongs: how many
 * @ret: why the document cannot be written: 0, or negative errno, reported or -ENOMEM
 * @added: entries that come after those of @base
 * @notes: remarks for the user
 * @noted: how many
 */
struct merge {
	struct ctx *ctx;
	const struct config *base;
	struct wanted all;
	struct wanted kept;
	struct lot *lots;
	struct pci_addr *wrong;
	size_t wrongs;
	int ret;
	struct json_object *added;
	struct merge_note *notes;
	size_t noted;
};

/**
 * merge_init() - begin to rewrite a document
 * @m: out, for merge_done()
 * @ctx: this run
 * @base: the old document; its entries are changed
 *
 * Return: 0, or negative errno, reported or -ENOMEM.
 */
int merge_init(struct merge *m, struct ctx *ctx, struct config *base);

/**
 * merge_device() - add the present settings of a device
 * @m: the document
 * @dev: the device, which need not be present; one that was added before is skipped
 *
 * Return: 0, or negative errno, reported.
 */
int merge_device(struct merge *m, struct pci_device *dev);

/**
 * merge_finish() - make the entries of the new document
 * @m: the document, after merge_device() for all devices
 * @entries: array to which they are added
 *
 * Return: 0, or negative errno, reported.
 */
int merge_finish(struct merge *m, struct json_object *entries);

/**
 * merge_report() - report the remarks
 * @m: the document, after merge_finish()
 */
void merge_report(const struct merge *m);

/**
 * merge_done() - free what merge_init() allocated
 * @m: zeroed afterwards
 */
void merge_done(struct merge *m);

#endif
