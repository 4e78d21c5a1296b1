/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of allowed measurements, version 1: what may run in the devices of this host.
 * tsmctl-evidence(8) describes it for users.
 *
 *	{
 *	    "version": 1,
 *	    "allowed": [
 *	        { "name": "firmware 1.2", "device": "144d:a80a",
 *	          "measurements": [ { "index": 2, "values": [ "5f70..." ] } ] }
 *	    ]
 *	}
 */
#ifndef EVIDENCE_ALLOWED_H
#define EVIDENCE_ALLOWED_H

#include "common/json.h"
#include "evidence/spdm.h"

#define ALLOWED_VERSION 1
/* DSP0274 reserves 0 and 255. */
#define ALLOWED_INDEX_MAX 254
/* A list of more bytes is refused. */
#define ALLOWED_MAX (4U << 20)
/* A longer name does not fit into a message. */
#define ALLOWED_NAME_LEN 64
/* Enough for a message about the measurements of a device */
#define ALLOWED_WHY_LEN 512

/* The list, after allowed_parse(). */
struct allowed;

/**
 * allowed_parse() - read a list
 * @text: the list, with a NUL after it
 * @len: its bytes
 * @list: out, for allowed_free(); NULL on failure
 * @m: out, the first mistake, if there is one
 *
 * Return: 0, -EINVAL with @m filled in, or -ENOMEM.
 */
int allowed_parse(const char *text, size_t len, struct allowed **list, struct json_mistake *m);

/**
 * allowed_free() - free a list
 * @list: from allowed_parse(), or NULL
 */
void allowed_free(struct allowed *list);

/**
 * allowed_is_name() - whether a text can be the name of an entry
 * @text: the text
 *
 * Return: true if so.
 */
bool allowed_is_name(const char *text);

/**
 * allowed_check() - look for an entry that matches the measurements of a device
 * @list: from allowed_parse()
 * @m: the measurements
 * @model: vendor and device ID of the device, as 144d:a80a
 * @why: out, ALLOWED_WHY_LEN bytes: the name of the entry; or how the one that comes closest
 *	differs
 *
 * An entry matches if the device has each block that the entry names, with one of its values.
 *
 * Return: true if an entry matches.
 */
bool allowed_check(const struct allowed *list, const struct spdm_measurements *m, const char *model,
		   char *why);

#endif
