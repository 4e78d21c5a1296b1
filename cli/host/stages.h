/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stages at which the driver refuses a bind, and what to do about each. */
#ifndef TSMCTL_STAGES_H
#define TSMCTL_STAGES_H

#include "host/pci.h"

/**
 * stage_parse() - take a device's last_error apart
 * @text: "0", or "-ERRNO STAGE"
 * @err: out, negative errno, or 0
 *
 * Return: the stage within @text, or NULL if there is none.
 */
const char *stage_parse(const char *text, int *err);

/**
 * stage_explain() - what the driver's last refusal means
 * @name: the device's address
 * @stage: as stage_parse() answers it
 * @hint: out, what to do about it
 * @size: bytes in @hint
 *
 * Return: a sentence without a full stop, or NULL for an unknown stage.
 */
const char *stage_explain(const char *name, const char *stage, char *hint, size_t size);

/**
 * stage_report() - report why the driver refused a bind
 * @ctx: this run
 * @dev: the device
 * @err: negative errno that the bind answered
 *
 * Return: true if the driver's last error is of this errno and was reported.
 */
bool stage_report(struct ctx *ctx, const struct pci_device *dev, int err);

/**
 * stage_foresee() - report that a bind would be refused, under --dry-run
 * @ctx: this run
 * @dev: the device
 * @stage: where it would be
 * @err: negative errno that it would get
 *
 * Return: @err.
 */
int stage_foresee(struct ctx *ctx, const struct pci_device *dev, const char *stage, int err);

#endif
