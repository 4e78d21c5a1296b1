/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What verbs write with --save: one drop-in for each device, which other programs and users
 * may also change.
 */
#ifndef TSMCTL_SAVED_H
#define TSMCTL_SAVED_H

#include "config/document.h"
#include "host/pci.h"

/**
 * saved_put() - write settings of a device into its drop-in, config.d/tsmctl-ADDRESS.json
 * @ctx: this run, after config_init()
 * @dev: the device, which need not be present
 * @want: settings to write; where one is NULL, the drop-in stays as it is
 *
 * The entry has the identity of the device. It replaces the entry of another device at the
 * same address; other entries of the drop-in stay. Reports what is written, also under
 * --dry-run, and each value that another file of the configuration overrides. A mistake in
 * any file of the configuration is an error, because apply would read none of them.
 *
 * Return: 0, or negative errno, reported.
 */
int saved_put(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS]);

/**
 * saved_put_default() - write the default mode into config.d/tsmctl-default.json
 * @ctx: this run, after config_init()
 * @mode: exclusive or shared
 *
 * Return: as saved_put().
 */
int saved_put_default(struct ctx *ctx, const char *mode);

#endif
