/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of the attributes of policy, which each device has in configfs. */
#ifndef TSMCTL_POLICIES_H
#define TSMCTL_POLICIES_H

/* The attributes, in the order in which they are changed. */
enum policy_id {
	POLICY_REGION_MODE,
	POLICY_BAR_MMAP,
	POLICY_BIND_ALLOWED,
	POLICY_GUEST_REQUESTS,
	POLICY_TDI_ID,
	POLICY_ADMISSION,
	POLICIES
};

/**
 * struct policy - an attribute of policy
 * @name: its file in configfs, and its key in a document
 * @usual: the value that the kernel uses for a device without a directory
 * @words: its values, NULL-terminated, if they are a few words; or NULL
 * @mistake: what any other value is, for a message after "is"; only with @words
 */
struct policy {
	const char *name;
	const char *usual;
	const char *const *words;
	const char *mistake;
};

extern const struct policy policies[POLICIES];

/* The words of each attribute that has them; NULL at the end. */
extern const char *const policy_modes[];
extern const char *const policy_actions[];
extern const char *const policy_requests[];
extern const char *const policy_admissions[];

#endif
