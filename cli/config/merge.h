/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A document that is written anew from what there is. What cannot be seen now stays as
 * it was written, and so does an entry for several devices.
 */
#ifndef TSMCTL_MERGE_H
#define TSMCTL_MERGE_H

#include "config/wanted.h"
#include "host/pci.h"

/**
 * struct merge_note - what the user has to know
 * @device: the device that it is about
 * @text: allocated
 */
struct merge_note {
	char device[PCI_NAME_LEN];
	char *text;
};

/**
 * struct merge - a document at work
 * @ctx: this run
 * @base: the document before, which may be empty
 * @all: @base, to be asked about devices
 * @kept: its entries for several devices
 * @lots: what becomes of each entry of @base
 * @wrong: devices that are not as an entry for several devices says
 * @wrongs: how many
 * @ret: why the document cannot be written: 0, or negative errno, reported or -ENOMEM
 * @added: entries that come after those of @base
 * @notes: what the user has to know
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
 * merge_init() - begin
 * @m: out, for merge_done()
 * @ctx: this run
 * @base: the document before; its entries are changed
 *
 * Return: 0, or negative errno, reported or -ENOMEM.
 */
int merge_init(struct merge *m, struct ctx *ctx, struct config *base);

/**
 * merge_device() - take a device as it is
 * @m: the document
 * @dev: the device, which need not be present; one that was taken before is passed over
 *
 * Return: 0, or negative errno, reported.
 */
int merge_device(struct merge *m, struct pci_device *dev);

/**
 * merge_finish() - the entries of the new document
 * @m: the document; merge_device() was called for all that there is
 * @entries: array to which they are added
 *
 * Return: 0, or negative errno, reported.
 */
int merge_finish(struct merge *m, struct json_object *entries);

/**
 * merge_report() - report what stayed as it was written, and what did not
 * @m: the document, after merge_finish()
 */
void merge_report(const struct merge *m);

/**
 * merge_done() - give up what merge_init() took
 * @m: zeroed afterwards
 */
void merge_done(struct merge *m);

#endif
