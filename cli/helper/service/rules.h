/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service's configuration: the permissions of clients, tsm-bind-helper.json(5). */
#ifndef TSM_HELPER_RULES_H
#define TSM_HELPER_RULES_H

#include "helper/conn.h"
#include "helper/protocol.h"

#define RULES_PATH "/etc/tsmctl/helper.json"

struct rules;
struct trust_fault;

/**
 * rules_load() - read the configuration
 * @path: the file, or NULL for RULES_PATH, which need not exist; the file must belong to
 *	root or the caller, and other users must not be able to write to it
 * @rules: out, for rules_free(); without a file, only root and the user of the service may
 *	send requests
 * @why: out on failure, what is wrong, for the caller to free, or NULL
 * @fault: empty; out, why the file is not trusted
 *
 * Return: 0, -EPERM with @fault filled in, or negative errno.
 */
int rules_load(const char *path, struct rules **rules, char **why, struct trust_fault *fault);

/* The standing of a client in the rules, in ascending order. */
enum standing {
	STANDING_NONE, /* may not ask for anything */
	STANDING_GROUP, /* has permissions by its group, which may have many users */
	STANDING_USER, /* has permissions by its user */
	STANDING_TRUSTED, /* root, or the service's own user */
};

/**
 * rules_standing() - look up the standing of a client
 * @rules: the configuration
 * @peer: the client
 *
 * Return: its standing.
 */
enum standing rules_standing(const struct rules *rules, const struct peer *peer);

/* What the rules permit, in ascending order. */
enum permission {
	PERMISSION_NONE, /* the request is refused */
	PERMISSION_ADMITTED, /* a bind, if the policy of the device requires an admission */
	PERMISSION_ALL,
};

/**
 * rules_allow() - whether a client may send a request
 * @rules: the configuration
 * @peer: the client
 * @r: the request
 *
 * Return: what the best rule permits; never PERMISSION_NONE for root and the service's own user.
 */
enum permission rules_allow(const struct rules *rules, const struct peer *peer,
			    const struct request *r);

/**
 * rules_free() - free the configuration
 * @rules: the configuration, or NULL
 */
void rules_free(struct rules *rules);

#endif
