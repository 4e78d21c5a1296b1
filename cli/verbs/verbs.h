/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of tsmctl: each is one file that ends in its struct verb, and
 * verbs.c has the one table of them, from which dispatch, help and completion
 * are made.
 */
#ifndef TSMCTL_VERBS_H
#define TSMCTL_VERBS_H

#include <popt.h>

#include "ctx.h"
#include "host/pci.h"

/**
 * enum verb_flags - what a verb accepts
 * @VERB_DEVICES: takes devices
 * @VERB_ALL: without a device means all of them, even if there are none
 * @VERB_ABSENT: takes devices that are gone but have a configfs directory
 * @VERB_FUTURE: takes addresses of devices that may come later
 * @VERB_TSM_SIDE: "all" leaves out devices that only have policy: for verbs that take
 *	a device from its driver, or connect it
 */
enum verb_flags {
	VERB_DEVICES = 1 << 0,
	VERB_ALL = 1 << 1,
	VERB_ABSENT = 1 << 2,
	VERB_FUTURE = 1 << 3,
	VERB_TSM_SIDE = 1 << 4,
};

/**
 * struct verb_values - the words that an option takes, for completion
 * @option: its long name; NULL ends a table
 * @words: the words; NULL-terminated
 */
struct verb_values {
	const char *option;
	const char *const *words;
};

/**
 * struct verb - one verb
 * @name: as typed
 * @synopsis: arguments, for the usage line
 * @summary: one line, for the list of verbs
 * @help: a paragraph or two, for its own help
 * @words: values it takes as arguments, for completion; NULL-terminated, or NULL
 * @values: options that take one of a few words, for completion; or NULL
 * @options: its own options, for popt; NULL if there are none
 * @flags: enum verb_flags
 * @run: does it; gets the arguments without options and without the verb, NULL
 *	at the end. Reports results and errors itself, answers 0 or negative errno
 */
struct verb {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	const char *const *words;
	const struct verb_values *values;
	const struct poptOption *options;
	unsigned int flags;
	int (*run)(struct ctx *ctx, const struct verb *verb, int argc, const char **argv);
};

/* All verbs, in the order of the help, NULL at the end. */
extern const struct verb *const verbs[];

extern const struct verb verb_list, verb_show, verb_mode, verb_tdi_id, verb_allow, verb_deny,
	verb_load, verb_unload, verb_assign, verb_release, verb_connect, verb_disconnect, verb_bind,
	verb_unbind, verb_revoke, verb_apply, verb_diff, verb_save, verb_doctor, verb_monitor;

/**
 * verb_find() - look a verb up
 * @name: as typed
 *
 * Return: the verb, or NULL.
 */
const struct verb *verb_find(const char *name);

/**
 * verb_usage_error() - report wrong usage of a verb
 * @ctx: this run
 * @verb: the verb, or NULL for the program itself
 * @value: the argument at fault, or NULL
 * @fmt: message, as for printf
 *
 * Return: -EINVAL, for the caller to return.
 */
int verb_usage_error(struct ctx *ctx, const struct verb *verb, const char *value, const char *fmt,
		     ...) PRINTF_LIKE(4, 5);

/* What a verb does to one device: 0, or negative errno that it reported. */
typedef int (*device_fn)(struct ctx *ctx, struct pci_device *dev, void *arg);

/**
 * devices_each() - do something to every device that the arguments select
 * @ctx: this run
 * @verb: whose arguments they are
 * @argc: number of selectors
 * @argv: selectors: address, glob over addresses, vendor:device, or all
 * @fn: called once for each device, however often it is selected
 * @arg: passed to @fn
 *
 * A selector that is none is an error before anything is done; one that matches
 * nothing is an error beside which the others go on.
 *
 * Return: 0, or the last error, reported.
 */
int devices_each(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
		 device_fn fn, void *arg);

/**
 * devices_check() - whether arguments are selectors, as devices_each() checks first
 * @ctx: this run
 * @verb: whose arguments they are
 * @argc: number of selectors
 * @argv: selectors
 *
 * Return: 0, or -EINVAL, reported.
 */
int devices_check(struct ctx *ctx, const struct verb *verb, int argc, const char **argv);

/**
 * policy_put() - set an attribute of a device's policy
 * @ctx: this run
 * @dev: the device; its configfs directory is made if need be
 * @attr: attribute
 * @value: wanted
 *
 * Return: 0, or negative errno, reported.
 */
int policy_put(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value);

/**
 * policy_change() - set an attribute of a device's policy, if it differs
 * @ctx: this run
 * @dev: the device; its configfs directory is made if the value is not the usual one
 * @attr: attribute
 * @value: wanted, in the form that the kernel reads back
 *
 * Return: 0, or negative errno, reported.
 */
int policy_change(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value);

/**
 * policy_show() - report an attribute of a device's policy
 * @ctx: this run
 * @dev: the device
 * @attr: attribute
 *
 * Return: 0, or negative errno, reported.
 */
int policy_show(struct ctx *ctx, struct pci_device *dev, const char *attr);

#endif
