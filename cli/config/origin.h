/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where each value of a configuration is from, and what overrides it. */
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

/* What is done with one; its strings live until the callback returns. */
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
 * What overrides an entry for one address is what wanted_from() finds for that device. An
 * entry for several devices is overridden by a later one for the same devices: others
 * depend on the device.
 *
 * Remarks are on what is valid but has no effect now: a document that is masked; an entry
 * without a device that is present, with another device at its address, or of which
 * later entries override all.
 */
void origin_each(struct ctx *ctx, const struct config *config, const struct wanted *w, origin_fn fn,
		 void *arg);

/**
 * origin_of() - go through what a configuration says of one device
 * @ctx: this run
 * @w: the configuration
 * @dev: the device, which need not be present
 * @fn: called for each value, for those that count before those that they override, and for
 *	each remark
 * @arg: passed to @fn
 *
 * Return: as wanted_of(); false without a call of @fn.
 */
bool origin_of(struct ctx *ctx, const struct wanted *w, const struct pci_device *dev, origin_fn fn,
	       void *arg);

#endif
