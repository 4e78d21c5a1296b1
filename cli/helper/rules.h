/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may ask for what: the service's configuration, tsm-bind-helper.json(5). */
#ifndef TSM_HELPER_RULES_H
#define TSM_HELPER_RULES_H

#include "conn.h"
#include "request.h"

#define RULES_PATH "/etc/tsmctl/helper.json"

struct rules;

/**
 * rules_load() - read the configuration
 * @path: its file, which need not exist; it must belong to root, or the caller, and
 *	be writable by nobody else
 * @rules: out, for rules_free(); without a file, only root may ask, and
 *	the user that the service runs as
 * @why: out on failure, what is wrong, for the caller to free, or NULL
 *
 * Return: 0 or negative errno.
 */
int rules_load(const char *path, struct rules **rules, char **why);

/**
 * rules_know() - whether a client may ask for anything at all
 * @rules: the configuration
 * @peer: the client
 *
 * Return: true if so.
 */
bool rules_know(const struct rules *rules, const struct peer *peer);

/**
 * rules_allow() - whether a client may ask for this
 * @rules: the configuration
 * @peer: the client
 * @r: the request
 *
 * Return: true if so; root, and the service's own user, always may.
 */
bool rules_allow(const struct rules *rules, const struct peer *peer, const struct request *r);

/**
 * rules_free() - give it up
 * @rules: the configuration, or NULL
 */
void rules_free(struct rules *rules);

#endif
