/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What completions offer: devices that a verb can do something with, and processes. */
#ifndef TSMCTL_OFFER_H
#define TSMCTL_OFFER_H

#include "verbs/verbs.h"

/**
 * offer_devices() - print the addresses that a word can become
 * @ctx: this run, after the look at sysfs and configfs
 * @verb: the verb, whose @offer selects the devices
 * @word: what was typed so far. If no address begins with it, short ones are printed that do
 *
 * Return: 0 or negative errno.
 */
int offer_devices(struct ctx *ctx, const struct verb *verb, const char *word);

/**
 * offer_owners() - print the processes that have a device open, without our helpers
 * @ctx: this run, after the look at sysfs and configfs
 *
 * Return: 0 or negative errno.
 */
int offer_owners(struct ctx *ctx);

#endif
