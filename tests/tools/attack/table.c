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
	{ "bar-locked",          "bars",      10, bar_locked },
	{ "rom-read",            "bars",      10, rom_read },
	{ "region-info",         "bars",      10, region_info },

	/* Resets by all parties. Each one that is allowed takes a while. */
	{ "ioctl-reset",         "resets",     5, ioctl_reset },
	{ "hot-reset",           "resets",     4, hot_reset },
	{ "hot-reset-info",      "resets",    10, hot_reset_info },
	{ "sysfs-reset",         "resets",     4, sysfs_reset },
	{ "bridge-reset",        "resets",     2, bridge_reset },
	{ "sibling-reset",       "resets",     2, sibling_reset },
	{ "sibling-hot-reset",   "resets",     6, sibling_hot_reset },
	{ "sibling-sysfs-reset", "resets",     2, sibling_sysfs_reset },

	/* ioctls of the device's file, and attaches to iommufd */
	{ "low-power",           "ioctls",    10, low_power },
	{ "dma-buf",             "ioctls",    10, dma_buf },
	{ "any-feature",         "ioctls",    10, any_feature },
	{ "set-irqs",            "ioctls",    20, set_irqs },
	{ "device-info",         "ioctls",     5, device_infos },
	{ "ioeventfd",           "ioctls",    10, ioeventfd },
	{ "any-ioctl",           "ioctls",    10, any_ioctl },
	{ "attach",              "ioctls",    10, iommu_attach },
	{ "detach",              "ioctls",    10, iommu_detach },

	/* Requests of the guest, and the events for the owner of a bound device */
	{ "request",             "requests",   20, request_get },
	{ "request-start",       "requests",   15, request_start },
	{ "request-late",        "requests",    6, request_late },
	{ "request-stop",        "requests",    4, request_stop },
	{ "request-random",      "requests",   15, request_random },
	{ "request-memory",      "requests",   15, request_memory },
	{ "request-race",        "requests",    8, request_race },
	{ "request-bad",         "requests",   10, request_bad },
	{ "request-files",       "requests",    4, request_files },
	{ "request-policy",      "requests",    4, request_policy },
	{ "request-delay",       "requests",    3, request_delay },
	{ "tsm-info",            "requests",   10, tsm_info },
	{ "tsm-event",           "requests",    6, tsm_event },
	{ "event-revoke",        "requests",    1, event_revoke },

	/* vIOMMUs and vDEVICEs, and binds that name one */
	{ "vdevice-make",        "vdevices",  20, vdevice_make },
	{ "iommufd-destroy",     "vdevices",  10, iommufd_destroy },
	{ "bind-vdevice",        "vdevices",  30, tsm_bind_vdevice },
	{ "iommufd-exchange",    "vdevices",   1, iommufd_exchange },

	/* In and out of the bound state. Binds are frequent, so it is bound most of the time. */
	{ "bind",                "lifecycle", 90, tsm_bind },
	{ "bind-bad",            "lifecycle", 10, tsm_bind_bad },
	{ "unbind",              "lifecycle",  4, tsm_unbind },
	{ "open",                "lifecycle", 40, victim_open },
	{ "reopen",              "lifecycle",  3, victim_reopen },
	{ "second-open",         "lifecycle",  5, second_open },
	{ "sibling-open",        "lifecycle", 10, sibling_open },
	{ "sibling-close",       "lifecycle",  3, sibling_close },

	/* Operations on functions that share something with the victim */
	{ "mate-reset",          "mates",      2, mate_reset },
	{ "mate-bus-reset",      "mates",      4, mate_bus_reset },
	{ "mate-power",          "mates",      4, mate_power },
	{ "sibling-config",      "mates",     20, sibling_config },

	/* Binds by another module of the kernel */
	{ "foreign-bind",        "foreign",    8, foreign_bind },
	{ "foreign-unbind",      "foreign",    4, foreign_unbind },

	/* Operations of an administrator, by mistake or on purpose */
	{ "revoke",              "host",       2, tsm_revoke },
	{ "disconnect",          "host",       1, tsm_disconnect },
	{ "connect",             "host",       6, tsm_connect },
	{ "policy",              "host",      10, policy },
	{ "policy-dir",          "host",       4, policy_dir },
	{ "quarantine",          "host",       1, quarantine },
	{ "read-state",          "host",      10, read_state },
	{ "sysfs-power",         "host",       4, sysfs_power },
	{ "sysfs-enable",        "host",       4, sysfs_enable },
	{ "sysfs-resource",      "host",       4, sysfs_resource },
	{ "sysfs-rom",           "host",       4, sysfs_rom },
	{ "sysfs-rescan",        "host",       1, sysfs_rescan },
	{ "driver-rebind",       "host",       1, driver_rebind },
	{ "suspend",             "host",       1, system_suspend },

	/* Operations that cannot be refused: only done if --only names them */
	{ "forced-reset",        "forced",     0, forced_reset },
	{ "forced-config",       "forced",     0, forced_config },
};
/* clang-format on */

/*
 * Every request may have these results: the device is closed, is about to be opened, or
 * is not bound; policy; a signal of the freezer; an error that request-delay injects.
 */
#define REQUEST "OK,EBADF,EINVAL,ENXIO,EACCES,EINTR,EREMOTEIO"

/* All results that these attacks may have. Others may have any. */
static const struct {
	const char *attack, *answers;
} allowed[] = {
	{ "request", REQUEST ",EBADFD" },
	{ "request-start", REQUEST ",EPERM,EBADFD,EKEYREJECTED" },
	{ "request-late", REQUEST ",EAGAIN,EBADFD,EKEYREJECTED,EPROTONOSUPPORT" },
	{ "request-stop", REQUEST ",EAGAIN,EPERM,EPROTONOSUPPORT" },
	{ "request-random",
	  REQUEST ",EFAULT,E2BIG,ENOSPC,EBADMSG,EBADFD,EBADRQC,EPROTONOSUPPORT,EADDRNOTAVAIL" },
	{ "request-memory", REQUEST ",EFAULT" },
	{ "request-race", REQUEST ",EFAULT,E2BIG,ENOSPC,EPERM" },
	{ "request-bad", REQUEST ",EFAULT,E2BIG,ENOSPC" },
	{ "request-files", "EBADF,EINVAL,ENOENT,ENOTTY,ENXIO,ENODEV" },
	{ "request-policy", "OK,EFAULT,EINVAL,ENOENT" },
	{ "request-delay", REQUEST },
	{ "tsm-info", "OK,EBADF,EINVAL" },
	{ "tsm-event", "OK,EBADF,EINVAL" },
	{ "event-revoke", "OK,EBADF,EINVAL,ENOENT,ENODATA" },
};

unsigned int weights[MAX_ATTACKS];

static unsigned int total;

unsigned int nr_attacks(void)
{
	return sizeof(attacks) / sizeof(*attacks);
}

static bool begins_with(const char *text, const char *word)
{
	return !strncmp(text, word, strlen(word));
}

/* What the attack needs and may be missing, or NULL */
static const char *needs(const struct attack *a)
{
	if (begins_with(a->name, "sibling-"))
		return "a sibling";
	if (begins_with(a->name, "mate-"))
		return "functions that share something";
	if (begins_with(a->name, "foreign-"))
		return "the modules other_bind and reset_flags";
	return NULL;
}

/* These may end a bind. */
static const char *const ending[] = {
	"any-ioctl",	  "bind-bad",	  "unbind",	  "reopen",	   "foreign-bind",
	"foreign-unbind", "revoke",	  "disconnect",	  "driver-rebind", "forced-reset",
	"forced-config",  "request-late", "request-stop", "event-revoke",
};

static bool ends_a_bind(const struct attack *a)
{
	for (unsigned int i = 0; i < sizeof(ending) / sizeof(*ending); i++) {
		if (!strcmp(a->name, ending[i]))
			return true;
	}
	return false;
}

/* Whether no other operation may run at the same time */
bool is_alone(const struct attack *a)
{
	return a->run == foreign_bind;
}

/* Whether @word is in @list, which is separated by commas */
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

bool is_allowed(const struct attack *a, int answer)
{
	for (unsigned int i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		if (!strcmp(allowed[i].attack, a->name))
			return listed(allowed[i].answers, answer_name(answer));
	}
	return true;
}

static bool can_be_done(const struct attack *a)
{
	if (begins_with(a->name, "sibling-") && !sibling.addr)
		return false;
	if (begins_with(a->name, "mate-") && nr_functions < 2)
		return false;
	if (begins_with(a->name, "foreign-") && !foreign_is_there())
		return false;
	return !always_bound || !ends_a_bind(a);
}

void table_list(void)
{
	printf("%-20s %-10s %s\n", "ATTACK", "GROUP", "WEIGHT");
	for (unsigned int i = 0; i < nr_attacks(); i++)
		printf("%-20s %-10s %u%s%s\n", attacks[i].name, attacks[i].group, attacks[i].weight,
		       needs(&attacks[i]) ? ", with " : "", needs(&attacks[i]) ?: "");
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

/* Selects the attacks. Returns false if none is left, or if a name is wrong. */
bool table_select(const char *only, const char *without)
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
		if (!can_be_done(a))
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
