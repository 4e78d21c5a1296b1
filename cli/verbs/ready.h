/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a device ready for a bind: its policy, its driver and its connection, changed
 * together or not at all.
 */
#ifndef TSMCTL_VERBS_READY_H
#define TSMCTL_VERBS_READY_H

#include "config/plan.h"
#include "host/in_use.h"
#include "verbs/common.h"
#include "verbs/connection.h"

/* The values of the options, or NULL and 0. */
extern const char *ready_tdi_id;
extern const char *ready_tsm;
extern int ready_force;

/* The options of a verb that calls ready_check(). @when: what comes before each help text */
#define READY_OPTIONS(when)                                                                         \
	{ "tdi-id",	 0, POPT_ARG_STRING,                                                        \
	  &ready_tdi_id, 0, when "the requester ID of the device in its guest",                     \
	  "ID" },                                                                                   \
		{ "tsm", 0, POPT_ARG_STRING, &ready_tsm, 0, when "which TSM, if there are several", \
		  "tsmN" },                                                                         \
	{                                                                                           \
		"force", 0, POPT_ARG_NONE, &ready_force, 0,                                         \
			when                                                                        \
			"assign a device even if the host uses it, as for a mounted file system",   \
			NULL                                                                        \
	}

/**
 * struct ready - what is wanted of each device, and what is done to the present one
 * @connection: the TSM
 * @tdi_id: buffer for @want
 * @link: buffer for @want
 * @want: the settings
 * @plan: the changes
 * @use: what the host uses the device for
 */
struct ready {
	struct connection connection;
	char tdi_id[PCI_NAME_LEN];
	struct link link;
	const char *want[SETTINGS];
	struct plan plan;
	struct host_use use;
};

/**
 * ready_check() - check the options
 * @ctx: this run
 * @verb: the verb
 * @r: out
 *
 * Return: 0, or negative errno, reported.
 */
int ready_check(struct ctx *ctx, const struct verb *verb, struct ready *r);

/**
 * ready_make() - plan what a device lacks, and refuse what cannot succeed
 * @ctx: this run
 * @dev: the device
 * @r: from ready_check()
 *
 * Return: 0, or negative errno, reported.
 */
int ready_make(struct ctx *ctx, struct pci_device *dev, struct ready *r);

/**
 * ready_show() - report the changes
 * @ctx: this run
 * @dev: the device
 * @r: from ready_make(), after plan_do()
 */
void ready_show(struct ctx *ctx, const struct pci_device *dev, const struct ready *r);

#endif
