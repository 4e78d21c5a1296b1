/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may ask for what: the service's configuration, tsm-bind-helper.json(5). */
#ifndef TSM_HELPER_RULES_H
#define TSM_HELPER_RULES_H

#include "helper/service/conn.h"
#include "helper/service/protocol.h"

#define RULES_PATH "/etc/tsmctl/helper.json"

struct rules;
struct trust_fault;

/**
 * rules_load() - read the configuration
 * @path: its file, or NULL for RULES_PATH, which need not exist; it must belong to
 *	root, or the caller, and be writable by nobody else
 * @rules: out, for rules_free(); without a file, only root may ask, and
 *	the user that the service runs as
 * @why: out on failure, what is wrong, for the caller to free, or NULL
 * @fault: empty; out, why the file is not trusted
 *
 * Return: 0, -EPERM with @fault filled in, or negative errno.
 */
int rules_load(const char *path, struct rules **rules, char **why, struct trust_fault *fault);

/* What is known of a client; more of it ranks higher. */
enum standing {
	STANDING_NONE, /* may not ask for anything */
	STANDING_GROUP, /* may, as one of a group: of those there may be many */
	STANDING_USER, /* may, as this user */
	STANDING_TRUSTED, /* root, and the service's own user */
};

/**
 * rules_standing() - whether a client may ask for anything at all
 * @rules: the configuration
 * @peer: the client
 *
 * Return: its standing.
 */
enum standing rules_standing(const struct rules *rules, const struct peer *peer);

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
