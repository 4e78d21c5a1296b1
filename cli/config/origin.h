/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where each value of a configuration comes from, and what overrides it. */
#ifndef TSMCTL_ORIGIN_H
#define TSMCTL_ORIGIN_H

#include "config/wanted.h"
#include "host/pci.h"

/**
 * struct origin - a value of a configuration, or a remark
 * @file: its document; NULL for a remark on a device
 * @entry: its entry; NULL for the document itself
 * @key: its key; NULL for a remark, and for a document or an entry that is only there
 * @setting: what the key stands for, with @entry
 * @value: its text, as in struct config_entry
 * @by_file: the document that overrides it, or NULL
 * @by: the entry that does, or NULL for the document itself
 * @note: a remark, or NULL
 */
struct origin {
	const struct config_file *file;
	const struct config_entry *entry;
	const char *key;
	enum setting setting;
	const char *value;
	const struct config_file *by_file;
	const struct config_entry *by;
	const char *note;
};

/* Called for each value and remark. The strings of @o live until the callback returns. */
typedef void (*origin_fn)(struct ctx *ctx, const struct origin *o, void *arg);

/**
 * origin_each() - go through a configuration, document by document
 * @ctx: this run
 * @config: the configuration, as config_load() has read it
 * @w: the same, arranged
 * @fn: called for each document, each of its keys, each entry, each of its keys, and for
 *	each remark on it
 * @arg: passed to @fn
 *
 * For an entry for one address, wanted_from() decides what overrides it. An entry for several
 * devices is only overridden by a later one with the same selector: whether other entries
 * override it depends on the device.
 *
 * There is a remark on each part that is valid but has no effect now: a masked document; a file
 * with the name of no drop-in; an entry that matches no present device; an entry with another
 * device at its address; an entry that later entries override completely.
 */
void origin_each(struct ctx *ctx, const struct config *config, const struct wanted *w, origin_fn fn,
		 void *arg);

/**
 * origin_of() - go through the settings of one device in a configuration
 * @ctx: this run
 * @w: the configuration
 * @dev: the device, which need not be present
 * @fn: called for each value, first the one that counts and then those that it overrides, and
 *	for each remark
 * @arg: passed to @fn
 *
 * Return: as wanted_of(); false without a call of @fn.
 */
bool origin_of(struct ctx *ctx, const struct wanted *w, const struct pci_device *dev, origin_fn fn,
	       void *arg);

#endif
