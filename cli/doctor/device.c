// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of one device, from its presence to its last error, see device.h. */
#include <errno.h>
#include <fcntl.h>

#include "common/stage.h"
#include "doctor/bars.h"
#include "doctor/device.h"
#include "host/admission.h"
#include "host/assign.h"
#include "host/kernel.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "host/refusal.h"
#include "host/tsm.h"

static bool in_state(struct ctx *ctx, const struct pci_device *dev, const char *state)
{
	char text[ATTR_MAX];

	return policy_get(ctx, dev, "state", text) == 0 && streq(text, state);
}

static bool in_use(struct ctx *ctx, const struct pci_device *dev)
{
	return in_state(ctx, dev, "open") || in_state(ctx, dev, "bound");
}

static void check_present(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	if (dev->present) {
		finding_pass(f, "%s/bus/pci/devices/%s exists", ctx->sysfs.path, dev->name);
		return;
	}
	finding_fail(f, EXIT_NO_DEVICE, "no %s/bus/pci/devices/%s", ctx->sysfs.path, dev->name);
	finding_fix(f, "echo 1 > /sys/bus/pci/rescan; for a VF, write to sriov_numvfs of its PF");
}

static void check_driver(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	(void)ctx;
	if (streq(dev->driver, TSM_DRIVER)) {
		finding_pass(f, "its driver is " TSM_DRIVER);
		return;
	}
	finding_refuse(f, "its driver is %s", dev->driver[0] ? dev->driver : "none");
}

static void check_connection(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct pci_device dsm cleanup_pci = { .fd = -1 };
	char name[ATTR_MAX], tsm[ATTR_MAX] = "";
	struct pci_addr addr;
	int ret;

	if (faccessat(dev->fd, "tsm", F_OK, 0)) {
		finding_refuse(
			f, "no tsm directory in sysfs: no TSM serves it, or it is not TEE-capable");
		return;
	}
	ret = refusal_dsm(dev, name) ?: pci_addr_parse(name, &addr) ?: pci_open(ctx, &addr, &dsm);
	if (!ret)
		ret = tsm_get(&dsm, "tsm/connect", tsm);
	if (ret == -EBUSY)
		finding_skip(f, "a TSM keeps PCI/TSM busy: its connection cannot be read");
	else if (ret || !tsm[0])
		finding_refuse(f, "no TSM is connected to %.16s", name);
	else
		finding_pass(f, "%s is connected to %s", dsm.name, tsm);
}

/* A TSM that cannot bind connects devices like any other: only a bind would fail. */
static void check_tsms(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (pci_get(dev, "vfio_tsm/can_bind", text)) {
		finding_skip(f, "it is not assigned, or vfio-pci-tsm is older than tsmctl");
	} else if (streq(text, "1")) {
		finding_pass(f, "each TSM of this host can bind");
	} else if (in_state(ctx, dev, "bound")) {
		finding_skip(f, "it is bound");
	} else if (streq(text, "0")) {
		finding_refuse(f, "can_bind is 0");
	} else {
		finding_skip(f, "it is not connected to a TSM");
	}
}

/* Whether a function is on another VFIO driver, whose user may write to what a TDI relies on. */
static bool other_vfio(const struct pci_device *fn, char *driver)
{
	char name[CDEV_NAME_LEN];

	util_copy(driver, ATTR_MAX, fn->driver);
	return !streq(fn->driver, TSM_DRIVER) && owner_cdev(fn, name);
}

static void check_group(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	int group = pci_group(ctx, dev);
	char others[256], name[PCI_NAME_LEN], driver[ATTR_MAX];

	if (group < 0) {
		finding_refuse(f, "no iommu_group in sysfs");
		f->stage = stage_find("iommu", 0);
	} else if (pci_group_strangers(ctx, group, dev, others, sizeof(others))) {
		finding_refuse(f, "IOMMU group %d has %s", group, others);
	} else if (refusal_relies_on(ctx, dev, other_vfio, name, driver)) {
		finding_refuse(f, "it relies on %s (%.64s)", name, driver);
	} else {
		finding_pass(f, "IOMMU group %d has no function on another driver", group);
	}
}

struct group_look {
	struct ctx *ctx;
	const struct pci_device *dev;
	char name[PCI_NAME_LEN];
	struct owner owner;
};

/* Whether another function of a group is open, and not in a holder, which would take this one. */
static int has_owner(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct pci_device fn cleanup_pci = { .fd = -1 };
	struct group_look *l = arg;

	if (pci_addr_key(addr) == pci_addr_key(&l->dev->addr) || pci_open(ctx, addr, &fn) ||
	    !streq(fn.driver, TSM_DRIVER) || !owner_find(l->ctx, &fn, &l->owner))
		return 0;
	util_copy(l->name, sizeof(l->name), fn.name);
	/* a module of the kernel that has bound it opens nothing */
	return !l->owner.ours && (l->owner.pid || !l->owner.foreign);
}

static void check_group_owner(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct group_look l = { .ctx = ctx, .dev = dev };

	if (in_use(ctx, dev))
		finding_skip(f, "it is open");
	else if (pci_group_scan(ctx, pci_group(ctx, dev), has_owner, &l) > 0)
		finding_refuse(f, "%s has opened %s", l.owner.text, l.name);
	else
		finding_pass(f, "no process has opened another function of its IOMMU group");
}

static void check_cdev(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = kernel_root(ctx);
	char name[CDEV_NAME_LEN], node[64], attr[64], number[ATTR_MAX];
	bool known;

	if (!owner_cdev(dev, name)) {
		finding_fail(f, EXIT_UNSUPPORTED, "no vfio-dev/vfioN in sysfs");
		if (strstr(dev->driver, "vfio"))
			finding_fix(f, NO_CDEV_HINT);
		else
			finding_fix(f, "tsmctl assign %s", dev->name);
		return;
	}
	if (!root) {
		finding_pass(f, "%s", name);
		return;
	}
	snprintf(attr, sizeof(attr), "vfio-dev/%s/dev", name);
	known = !pci_get(dev, attr, number) && strchr(number, ':');
	snprintf(node, sizeof(node), "vfio/devices/%s", name);
	finding_node(
		f, root, node, known ? number : NULL,
		known ? "check with 'findmnt /dev' that /dev is a devtmpfs, which makes the node" :
			NO_CDEV_HINT);
}

static void check_policy(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (policy_get(ctx, dev, "bind_allowed", text)) {
		finding_skip(f, "vfio_tsm is not loaded");
	} else if (streq(text, "1")) {
		finding_pass(f, "bind_allowed is 1");
	} else {
		finding_refuse(f, "bind_allowed is %s", text);
	}
}

/* tsmctl verifies a device before it binds it; a VMM that binds does not. */
static void check_admission(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char admitted[ATTR_MAX], text[ATTR_MAX];

	if (policy_get(ctx, dev, ADMISSION, text) || policy_get(ctx, dev, ADMITTED, admitted))
		finding_skip(f, "vfio_tsm shows no admission for it");
	else if (!streq(text, REQUIRED))
		finding_pass(f, "admission is %s", text);
	else if (streq(admitted, "0"))
		finding_refuse(f, "admission is required, and admitted is 0");
	else
		finding_pass(f, "it is admitted on its evidence of generation %s", admitted);
}

static void check_regions(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char mode[ATTR_MAX] = "", active[ATTR_MAX] = "";

	if (policy_get(ctx, dev, "region_mode", mode)) {
		finding_skip(f, "vfio_tsm is not loaded");
		return;
	}
	policy_get(ctx, dev, "region_mode_active", active);
	if (streq(mode, "default") && policy_available(ctx) &&
	    attr_read(ctx->policy_fd, DEFAULT_MODE, mode, sizeof(mode)))
		util_copy(mode, sizeof(mode), "?");
	if (streq(active, "shared")) {
		finding_refuse(f, "region_mode_active is shared");
	} else if (!streq(active, "exclusive") && !streq(mode, "exclusive")) {
		finding_refuse(f, "region_mode is %s", mode);
	} else {
		finding_pass(f, "region_mode is %s%s", mode,
			     streq(active, "exclusive") ? ", and it is open in that mode" : "");
	}
}

static void check_tdi_id(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (policy_get(ctx, dev, "tdi_id", text)) {
		finding_skip(f, "vfio_tsm is not loaded");
	} else if (!streq(text, "none")) {
		finding_pass(f, "tdi_id is %s", text);
	} else {
		finding_refuse(
			f,
			"tdi_id is none, and only a bind that names an iommufd vDEVICE can succeed");
	}
}

/* An owner is not a failure: a VMM should have the device open. */
static void check_owner(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct owner h;

	if (!owner_find(ctx, dev, &h))
		finding_pass(f, "no process has it open");
	else
		finding_pass(f, "%s uses it%s", h.text, h.ours ? ", which is its holder" : "");
}

static void check_mappings(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = kernel_root(ctx);
	pid_t pid = policy_owner(ctx, dev);
	char action[ATTR_MAX], name[CDEV_NAME_LEN];
	unsigned int count, unknown;

	if (!pid || !root || !in_state(ctx, dev, "open")) {
		finding_skip(f, "it is not open, or already bound");
		return;
	}
	owner_cdev(dev, name);
	count = count_bar_mappings(root, pid, name, &unknown);
	if (policy_get(ctx, dev, "bar_mmap", action) == 0 && streq(action, "revoke")) {
		finding_pass(f, "a bind revokes its mappings; process %d has %u", pid, count);
	} else if (count) {
		finding_refuse(f, "process %d has %u mapping%s of %s", pid, count,
			       count == 1 ? "" : "s", name);
	} else if (unknown) {
		finding_warn(f, "process %d has %u mapping%s of a VFIO device, perhaps another one",
			     pid, unknown, unknown == 1 ? "" : "s");
	} else {
		finding_pass(f, "process %d has no mapping of %s", pid,
			     name[0] ? name : "a VFIO device");
	}
}

static void check_power(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char name[PCI_NAME_LEN], text[ATTR_MAX];

	if (refusal_asleep(ctx, dev, name, text))
		finding_refuse(f, "power_state of %s is %s", name, text);
	else if (!in_use(ctx, dev) || pci_get(dev, "power_state", text))
		finding_skip(f, "it is not open: VFIO may let it sleep");
	else
		finding_pass(f, "power_state is D0");
}

static void check_command(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	bool vf = faccessat(dev->fd, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	int want = COMMAND_MASTER | (vf ? 0 : COMMAND_MEMORY);
	int command = refusal_command(dev);

	if (command < 0)
		finding_skip(f, "its configuration space cannot be read");
	else if (command == COMMAND_SILENT)
		finding_refuse(f, "it does not respond: its configuration space reads all ones");
	else if (!in_use(ctx, dev) || foreign_is_bound(ctx, dev))
		finding_skip(f, "it is not open: its owner sets these bits");
	else if ((command & want) == want)
		finding_pass(f, "the Command register is 0x%04x", command);
	else
		finding_refuse(f, "the Command register is 0x%04x", command);
}

/* Makes the check of a stage of a bind again. */
static enum verdict check_stage(struct ctx *ctx, const struct pci_device *dev, const char *stage,
				const char **name)
{
	for (const struct check *c = device_checks; c->name; c++) {
		struct finding f = { 0 };

		if (!c->stage || !streq(c->stage, stage))
			continue;
		c->run(ctx, dev, &f);
		*name = c->name;
		return f.verdict;
	}
	*name = NULL;
	return DOES_NOT_APPLY;
}

/* Never fails, because the cause of the last error may be gone. */
static void check_last_error(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *stage, *name = NULL;
	const struct stage *s;
	enum verdict now = DOES_NOT_APPLY;
	char text[ATTR_MAX], what[160], hint[REFUSAL_HINT_LEN] = "";
	int err;

	if (policy_get(ctx, dev, "last_error", text)) {
		finding_skip(f, "vfio_tsm shows no last_error for it");
		return;
	}
	stage = stage_parse(text, &err);
	if (!err) {
		finding_pass(f, "last_error is 0");
		return;
	}
	s = stage ? stage_find(stage, err) : NULL;
	snprintf(what, sizeof(what), "the last bind failed with %s at %.32s%s%.80s",
		 strerrorname_np(-err) ?: "?", stage ?: "?", s ? ": " : "", s ? s->message : "");
	if (stage)
		now = check_stage(ctx, dev, stage, &name);
	if (now == PASSES) {
		finding_pass(f, "%s; check %s passes now", what, name);
	} else if (now >= WARNS) {
		finding_warn(f, "%s", what);
		f->stage = s;
	} else {
		if (s)
			refusal_hint(ctx, dev, s, hint);
		finding_skip(f, "%s; only another bind shows whether the cause is gone%s%.100s",
			     what, s ? ": " : "", hint);
	}
}

static void check_state(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (policy_get(ctx, dev, "state", text)) {
		finding_skip(f, "vfio_tsm is not loaded");
	} else if (!streq(text, "lost")) {
		finding_pass(f, "its state is %s", text);
	} else {
		finding_refuse(f, "its state is lost");
	}
}

static void check_quarantine(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (quarantine_is_on(ctx, dev))
		finding_refuse(f, "a TSM driver or root has quarantined it");
	else if (policy_get(ctx, dev, "quarantine", text))
		finding_skip(f, "vfio_tsm shows no quarantine for it");
	else
		finding_pass(f, "quarantine is 0");
}

static void check_origin(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (foreign_is_bound(ctx, dev))
		finding_refuse(f, "its origin is foreign");
	else if (policy_get(ctx, dev, "origin", text))
		finding_skip(f, "vfio_tsm shows no origin for it");
	else
		finding_pass(f, "its origin is %s", text);
}

/*
 * The administrator chooses the policy, and a guest can send a request that it does not
 * allow at any time. So a refused request is a warning, and not a failure.
 */
static void check_requests(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char policy[ATTR_MAX], last[ATTR_MAX], scope[32];
	long long result;

	if (policy_get(ctx, dev, "guest_requests", policy) ||
	    pci_get(dev, "vfio_tsm/last_request", last)) {
		finding_skip(f, "vfio_tsm shows no requests for it");
	} else if (sscanf(last, "%31s %lld", scope, &result) != 2) {
		finding_skip(f, "there was no request");
	} else if (result != -EACCES || streq(policy, "all") || streq(policy, scope)) {
		finding_pass(f, "the last request was %s, and guest_requests is %s", last, policy);
	} else {
		finding_warn(f, "the last request, %s, failed with EACCES: guest_requests is %s",
			     scope, policy);
	}
}

const struct check device_checks[] = {
	{ "present", "the function is present", check_present, NULL, NULL },
	{ "group", "its IOMMU group, PF and DSM are on drivers that a bind allows", check_group,
	  "group", NULL },
	{ "group-owner", "no other process uses its IOMMU group", check_group_owner, "group-owner",
	  NULL },
	{ "driver", "it is assigned", check_driver, "driver", "driver" },
	{ "connection", "it is connected to a TSM", check_connection, "not-connected", NULL },
	{ "no-bind", "the TSMs can bind", check_tsms, "no-bind", NULL },
	{ "cdev", "its VFIO device can be opened", check_cdev, NULL, NULL },
	{ "denied", "binds are allowed", check_policy, "denied", NULL },
	{ "admission", "it was admitted, if that is required", check_admission, "admission", NULL },
	{ "regions", "its regions are exclusive", check_regions, "regions", NULL },
	{ "bar", "each of its BARs has an address", check_bars, "bar", NULL },
	{ "tdi-id", "its requester ID in the guest is known", check_tdi_id, "tdi-id", NULL },
	{ "holder", "its owner is known", check_owner, NULL, NULL },
	{ "mapped", "no BAR is mapped", check_mappings, "mapped", NULL },
	{ "power", "it, its PF and its DSM are in power state D0", check_power, "power", NULL },
	{ "command", "it decodes memory and masters the bus", check_command, "command", NULL },
	{ "state", "its TDI was not lost", check_state, "lost", "state" },
	{ "quarantine", "it is not quarantined", check_quarantine, QUARANTINED, "state" },
	{ "origin", "no other module of the kernel has bound it", check_origin, "foreign",
	  "origin" },
	{ "requests", "the requests of its guest are allowed", check_requests, NULL, NULL },
	{ "last-error", "the last bind was not refused", check_last_error, NULL, NULL },
	{},
};
