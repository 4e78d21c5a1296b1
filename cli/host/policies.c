// SPDX-License-Identifier: GPL-2.0-or-later
/* The attributes of policy, see policies.h. Uses no other file: the fuzzers link it alone. */
#include <stddef.h>

#include "host/policies.h"

const char *const policy_modes[] = { "default", "exclusive", "shared", NULL };
const char *const policy_actions[] = { "refuse", "revoke", NULL };
const char *const policy_requests[] = { "none", "info", "all", NULL };
const char *const policy_admissions[] = { "none", "required", NULL };

const struct policy policies[POLICIES] = {
	[POLICY_REGION_MODE] = { "region_mode", "default", policy_modes,
				 "not a mode: default, exclusive or shared" },
	[POLICY_BAR_MMAP] = { "bar_mmap", "refuse", policy_actions,
			      "not an action: refuse or revoke" },
	[POLICY_BIND_ALLOWED] = { .name = "bind_allowed", .usual = "1" },
	[POLICY_GUEST_REQUESTS] = { "guest_requests", "all", policy_requests,
				    "not a set of requests: none, info or all" },
	[POLICY_TDI_ID] = { .name = "tdi_id", .usual = "none" },
	[POLICY_ADMISSION] = { "admission", "none", policy_admissions,
			       "not an admission: none or required" },
};
