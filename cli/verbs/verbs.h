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
#include "host/select.h"

/**
 * enum verb_flags - what a verb accepts
 * @VERB_DEVICES: takes devices
 * @VERB_ALL: without a device means all of them, even if there are none
 * @VERB_ABSENT: takes devices that are not present but have a directory in configfs
 * @VERB_FUTURE: takes addresses of devices that may come later
 * @VERB_TSM_SIDE: "all" leaves out devices that only have policy: for verbs that assign or
 *	connect devices
 * @VERB_OTHER_TIMES: shows the past or the future, so that driver= and pf=, which select by
 *	the present, are refused
 * @VERB_SORTED: takes devices in the order of their addresses
 * @VERB_NO_BRIDGE: leaves out bridges, unless they are given by address
 * @VERB_ID: needs the vendor and device ID of each
 */
enum verb_flags {
	VERB_DEVICES = 1 << 0,
	VERB_ALL = 1 << 1,
	VERB_ABSENT = SELECT_ABSENT,
	VERB_FUTURE = SELECT_FUTURE,
	VERB_TSM_SIDE = SELECT_TSM_SIDE,
	VERB_OTHER_TIMES = 1 << 5,
	VERB_SORTED = SELECT_SORTED,
	VERB_ID = SELECT_ID,
	VERB_NO_BRIDGE = SELECT_NO_BRIDGE,
};

/**
 * enum verb_offer - the devices that completions offer for a verb
 * @OFFER_ANY: all functions, and devices that only have policy
 * @OFFER_UNASSIGNED: functions on other drivers or none, without bridges
 * @OFFER_NOT_BOUND: functions that are not bound, without bridges
 * @OFFER_ASSIGNED: functions on TSM_DRIVER
 * @OFFER_UNCONNECTED: functions that can be connected to a TSM, and are not
 * @OFFER_CONNECTED: functions that are connected themselves
 * @OFFER_UNBOUND: assigned ones that are not bound
 * @OFFER_BOUND: those in the state bound
 * @OFFER_BOUND_OR_LOST: those in the states bound and lost
 * @OFFER_QUARANTINED: quarantined ones
 */
enum verb_offer {
	OFFER_ANY,
	OFFER_UNASSIGNED,
	OFFER_NOT_BOUND,
	OFFER_ASSIGNED,
	OFFER_UNCONNECTED,
	OFFER_CONNECTED,
	OFFER_UNBOUND,
	OFFER_BOUND,
	OFFER_BOUND_OR_LOST,
	OFFER_QUARANTINED,
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
 * @words: values it takes as arguments, for completion, "@file" for files; NULL-terminated,
 *	or NULL
 * @values: options that take one of a few words, for completion; or NULL
 * @options: its own options, for popt; NULL if there are none
 * @flags: enum verb_flags
 * @offer: the devices that make sense for it
 * @run: runs the verb; gets the arguments without options and without the verb, NULL
 *	at the end. Reports results and errors itself; returns 0 or negative errno
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
	enum verb_offer offer;
	int (*run)(struct ctx *ctx, const struct verb *verb, int argc, const char **argv);
};

/* All verbs, in the order of the help, NULL at the end. */
extern const struct verb *const verbs[];

/**
 * verb_find() - look a verb up
 * @name: as typed
 *
 * Return: the verb, or NULL.
 */
const struct verb *verb_find(const char *name);

#endif
