// SPDX-License-Identifier: GPL-2.0-or-later
/* All attacks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"

/* clang-format off */
const struct attack attacks[] = {
	/* Configuration space, through the device's file */
	{ "config-write",        "config",    60, config_write },
	{ "config-race",         "config",    30, config_race },
	{ "config-command",      "config",    30, config_command },
	{ "config-read",         "config",    20, config_read },

	/* What the BARs hold, and mappings of them */
	{ "bar-read",            "bars",      20, bar_read },
	{ "bar-write",           "bars",      20, bar_write },
	{ "bar-mmap",            "bars",      20, bar_map },
	{ "bar-munmap",          "bars",      20, bar_unmap },
	{ "bar-touch",           "bars",      40, bar_touch },
	{ "bar-from-bar",        "bars",      10, bar_from_bar },
	{ "rom-read",            "bars",      10, rom_read },
	{ "region-info",         "bars",      10, region_info },

	/* Resets, from everywhere. Each takes a while where it is let through. */
	{ "ioctl-reset",         "resets",     5, ioctl_reset },
	{ "hot-reset",           "resets",     4, hot_reset },
	{ "hot-reset-info",      "resets",    10, hot_reset_info },
	{ "sysfs-reset",         "resets",     4, sysfs_reset },
	{ "bridge-reset",        "resets",     2, bridge_reset },
	{ "sibling-reset",       "resets",     2, sibling_reset },
	{ "sibling-hot-reset",   "resets",     6, sibling_hot_reset },
	{ "sibling-sysfs-reset", "resets",     2, sibling_sysfs_reset },

	/* ioctls of the device's file, and what it does to iommufd */
	{ "low-power",           "ioctls",    10, low_power },
	{ "dma-buf",             "ioctls",    10, dma_buf },
	{ "any-feature",         "ioctls",    10, any_feature },
	{ "set-irqs",            "ioctls",    20, set_irqs },
	{ "device-info",         "ioctls",     5, device_infos },
	{ "ioeventfd",           "ioctls",    10, ioeventfd },
	{ "any-ioctl",           "ioctls",    10, any_ioctl },
	{ "attach",              "ioctls",    10, iommu_attach },
	{ "detach",              "ioctls",    10, iommu_detach },

	/* vIOMMUs and vDEVICEs, and binds that name one */
	{ "vdevice-make",        "vdevices",  20, vdevice_make },
	{ "iommufd-destroy",     "vdevices",  10, iommufd_destroy },
	{ "bind-vdevice",        "vdevices",  30, tsm_bind_vdevice },
	{ "iommufd-exchange",    "vdevices",   1, iommufd_exchange },

	/* In and out of the bound state. Most binds, so that it is bound mostly. */
	{ "bind",                "lifecycle", 90, tsm_bind },
	{ "bind-bad",            "lifecycle", 10, tsm_bind_bad },
	{ "unbind",              "lifecycle",  4, tsm_unbind },
	{ "open",                "lifecycle", 40, victim_open },
	{ "reopen",              "lifecycle",  3, victim_reopen },
	{ "second-open",         "lifecycle",  5, second_open },
	{ "sibling-open",        "lifecycle", 10, sibling_open },
	{ "sibling-close",       "lifecycle",  3, sibling_close },

	/* What an administrator does, by mistake or on purpose */
	{ "revoke",              "host",       2, tsm_revoke },
	{ "disconnect",          "host",       1, tsm_disconnect },
	{ "connect",             "host",       6, tsm_connect },
	{ "policy",              "host",      10, policy },
	{ "policy-dir",          "host",       4, policy_dir },
	{ "read-state",          "host",      10, read_state },
	{ "sysfs-power",         "host",       4, sysfs_power },
	{ "sysfs-enable",        "host",       4, sysfs_enable },
	{ "sysfs-resource",      "host",       4, sysfs_resource },
	{ "sysfs-rom",           "host",       4, sysfs_rom },
	{ "sysfs-rescan",        "host",       1, sysfs_rescan },
	{ "driver-rebind",       "host",       1, driver_rebind },
	{ "suspend",             "host",       1, system_suspend },

	/* What cannot be refused: not done unless --only names it */
	{ "forced-reset",        "forced",     0, forced_reset },
	{ "forced-config",       "forced",     0, forced_config },
};
/* clang-format on */

unsigned int weights[MAX_ATTACKS];

static unsigned int total;

unsigned int nr_attacks(void)
{
	return sizeof(attacks) / sizeof(*attacks);
}

/* Whether it takes a second device. */
static bool needs_sibling(const struct attack *a)
{
	return !strncmp(a->name, "sibling-", 8);
}

void table_list(void)
{
	printf("%-20s %-10s %s\n", "ATTACK", "GROUP", "WEIGHT");
	for (unsigned int i = 0; i < nr_attacks(); i++)
		printf("%-20s %-10s %u%s\n", attacks[i].name, attacks[i].group, attacks[i].weight,
		       needs_sibling(&attacks[i]) ? ", with a sibling" : "");
}

/* Whether @word is among @list, which has commas. */
static bool listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strcspn(at, ",") == length && !strncmp(at, word, length))
			return true;
	}
	return false;
}

/* Whether each word of @list is an attack or a group. */
static bool known(const char *list)
{
	char *copy = list ? strdup(list) : NULL, *rest = copy, *word;
	bool all = true;

	while ((word = strsep(&rest, ","))) {
		bool found = false;

		for (unsigned int i = 0; i < nr_attacks(); i++)
			found |= !strcmp(word, attacks[i].name) || !strcmp(word, attacks[i].group);
		if (!found)
			fprintf(stderr, "vfio-attack: there is no attack or group '%s'\n", word);
		all &= found;
	}
	free(copy);
	return all;
}

/* Which attacks there will be; false where that is none, or a name is wrong. */
bool table_select(const char *only, const char *without, bool with_sibling)
{
	if (!known(only) || !known(without))
		return false;

	total = 0;
	for (unsigned int i = 0; i < nr_attacks(); i++) {
		const struct attack *a = &attacks[i];

		weights[i] = a->weight;
		if (only && (listed(only, a->name) || listed(only, a->group)))
			weights[i] = a->weight ?: 10;
		else if (only)
			weights[i] = 0;
		if (listed(without, a->name) || listed(without, a->group))
			weights[i] = 0;
		if (needs_sibling(a) && !with_sibling)
			weights[i] = 0;
		total += weights[i];
	}
	if (!total)
		fprintf(stderr, "vfio-attack: no attack is left\n");
	return total;
}

unsigned int table_choose(struct thread *t)
{
	uint64_t at = below(t, total);
	unsigned int i = 0;

	while (at >= weights[i])
		at -= weights[i++];
	return i;
}
