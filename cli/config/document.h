/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration, version 1: JSON documents with the settings that devices should have.
 * tsmctl-config(5) describes them for users.
 *
 *	{
 *	    "version": 1,
 *	    "default_region_mode": "exclusive",
 *	    "devices": [
 *	        { "device": "0000:01:00.0", "assigned": true, "tdi_id": "00:05.0" }
 *	    ]
 *	}
 */
#ifndef TSMCTL_DOCUMENT_H
#define TSMCTL_DOCUMENT_H

#include "common/json.h"
#include "common/selector.h"
#include "ctx.h"
#include "host/policies.h"

#define CONFIG_VERSION 1
/* Several times the size of a document for 4,096 devices. */
#define CONFIG_MAX (8U << 20)

struct json_object;

/**
 * enum setting - the settings of a device, in the order in which they are changed
 * @SET_REGION_MODE: a policy, as those up to SET_ADMISSION: see host/policies.h
 * @SET_BAR_MMAP: a policy
 * @SET_BIND_ALLOWED: a policy: "0" or "1"
 * @SET_GUEST_REQUESTS: a policy
 * @SET_TDI_ID: a policy: "none" or an ID
 * @SET_ADMISSION: a policy
 * @SET_ASSIGNED: whether it is assigned: "0" or "1"
 * @SET_TSM: the TSM that it is connected to, or "none"
 * @SET_FORCE: whether it is assigned even while the host uses it: "0" or "1"
 * @SET_ID: the model that it must be: vendor:device[:subvendor:subdevice]
 * @SET_SERIAL: the serial number that it must have
 *
 * The settings from @SET_FORCE on change nothing by themselves. Only an entry for one
 * address can have them.
 *
 * All policy is written before the device is assigned, so that no process can open the
 * device with other policy.
 */
enum setting {
	SET_REGION_MODE = POLICY_REGION_MODE,
	SET_BAR_MMAP = POLICY_BAR_MMAP,
	SET_BIND_ALLOWED = POLICY_BIND_ALLOWED,
	SET_GUEST_REQUESTS = POLICY_GUEST_REQUESTS,
	SET_TDI_ID = POLICY_TDI_ID,
	SET_ADMISSION = POLICY_ADMISSION,
	SET_ASSIGNED = POLICIES,
	SET_TSM,
	SET_FORCE,
	SET_ID,
	SET_SERIAL,
	SETTINGS
};

/**
 * setting_key() - the key of a setting in a document
 * @s: enum setting
 */
const char *setting_key(int s);

/**
 * struct config_file - one document, for messages
 * @path: its path; "<stdin>" for standard input
 * @masked: it is a link to /dev/null, and was not read
 * @ignored: its name is not that of a drop-in, and it was not read
 * @default_mode: its value of "default_region_mode", or NULL
 */
struct config_file {
	char *path;
	bool masked;
	bool ignored;
	const char *default_mode;
};

/**
 * struct config_entry - one member of "devices"
 * @file: its document; NULL if config_parse() was called without one
 * @index: its place in its document, from 0
 * @order: its place in all documents, from 0
 * @sel: which devices; its text is freed with this entry
 * @want: text of each setting as the attribute reads back; NULL if the entry does not have it
 * @tdi_id: buffer for @want
 * @tsm: buffer for @want
 * @id: buffer for @want
 * @serial: buffer for @want
 * @json: the entry as it was written
 */
struct config_entry {
	const struct config_file *file;
	size_t index;
	size_t order;
	struct selector sel;
	const char *want[SETTINGS];
	char tdi_id[PCI_NAME_LEN];
	char tsm[TSM_NAME_LEN];
	char id[PCI_ID_LEN];
	char serial[PCI_SERIAL_LEN];
	struct json_object *json;
};

/**
 * struct config - all documents that were read, in their order
 * @default_mode: "exclusive", "shared", or NULL to leave it alone
 * @entries: devices; a later one overrides an earlier one, setting by setting
 * @count: how many
 * @files: the documents, in their order; config_load() fills them in
 * @file_count: how many
 */
struct config {
	const char *default_mode;
	struct config_entry **entries;
	size_t count;
	struct config_file **files;
	size_t file_count;
};

/* Called for each mistake. Return: whether to look for more of them. */
typedef bool (*config_mistake_fn)(const struct json_mistake *m, void *arg);

/**
 * config_parse() - read one document, and add it
 * @config: the documents before it, zeroed at first
 * @text: the document, with a NUL after it
 * @len: its bytes
 * @fn: called for each mistake, in the order of the reading
 * @arg: passed to @fn
 *
 * Uses only its arguments. The search ends at a mistake after which the rest has no
 * meaning: text that is not JSON, or another version.
 *
 * After a mistake, @config may only be freed, or be passed with further documents to find
 * their mistakes.
 *
 * Return: 0, -EINVAL after a mistake, or -ENOMEM.
 */
int config_parse(struct config *config, const char *text, size_t len, config_mistake_fn fn,
		 void *arg);

/**
 * config_free() - free all documents
 * @config: zeroed afterwards
 */
void config_free(struct config *config);

#endif
