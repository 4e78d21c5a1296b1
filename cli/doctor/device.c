// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of one device, from its presence to its last error, see device.h. */
#include <errno.h>
#include <fcntl.h>

#include "common/stage.h"
#include "doctor/bars.h"
#include "doctor/device.h"
#include "host/assign.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "host/tsm.h"

/* The Command register, PCI 3.0 section 6.2.2. */
#define COMMAND_OFFSET 4
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4

#define CDEV_NAME_LEN 32
#define NO_CDEV_HINT "use a kernel with CONFIG_VFIO_DEVICE_CDEV"

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
	finding_fail(f, EXIT_UNSUPPORTED, "its driver is %s",
		     dev->driver[0] ? dev->driver : "none");
	finding_fix(f, "tsmctl assign %s", dev->name);
}

/* The function whose connection serves this one: itself, or function 0, or the PF. */
static int open_dsm(struct ctx *ctx, const struct pci_device *dev, struct pci_device *dsm)
{
	struct pci_addr addr = dev->addr;
	char text[ATTR_MAX];

	if (tsm_get(dev, "tsm/dsm", text) == -EBUSY)
		return -EBUSY;
	if (text[0] && pci_addr_parse(text, &addr))
		return -EINVAL;
	return pci_open(ctx, &addr, dsm);
}

static void check_connection(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct pci_device dsm cleanup_pci = { .fd = -1 };
	char tsm[ATTR_MAX];
	int ret;

	if (faccessat(dev->fd, "tsm", F_OK, 0)) {
		finding_fail(
			f, EXIT_UNSUPPORTED,
			"no tsm directory in sysfs: no TSM serves it, or it is not TEE-capable");
		finding_fix(
			f,
			"connect its PF or function 0; on hosts without a TSM, tsmctl load --sim %s",
			dev->name);
		return;
	}
	ret = open_dsm(ctx, dev, &dsm) ?: tsm_get(&dsm, "tsm/connect", tsm);
	if (ret == -EBUSY) {
		finding_skip(f, "a TSM keeps PCI/TSM busy: its connection cannot be read");
		return;
	}
	if (ret || !tsm[0]) {
		finding_fail(f, EXIT_UNSUPPORTED, "it is not connected to a TSM");
		finding_fix(f, "tsmctl connect %s", dsm.present ? dsm.name : dev->name);
		return;
	}
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
		finding_fail(f, EXIT_DONE, "a TSM of this host cannot bind");
	} else {
		finding_skip(f, "it is not connected to a TSM");
	}
}

/* The name of its VFIO device, vfioN; false if it has none. */
static bool cdev_name(const struct pci_device *dev, char name[CDEV_NAME_LEN])
{
	cleanup_dir DIR *dir = util_opendirat(dev->fd, "vfio-dev");
	struct dirent *e;

	name[0] = '\0';
	while (dir && (e = readdir(dir)))
		if (starts_with(e->d_name, "vfio"))
			util_copy(name, CDEV_NAME_LEN, e->d_name);
	return name[0];
}

/*
 * Whether the function at @addr is on another VFIO driver, whose user may write to registers
 * that a TDI relies on. With @connected, a TSM must also be connected to it.
 */
static bool other_vfio(struct ctx *ctx, const struct pci_addr *addr, bool connected, char *text,
		       size_t size)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	char name[CDEV_NAME_LEN], tsm[ATTR_MAX];

	if (pci_open(ctx, addr, &dev) || !dev.present || streq(dev.driver, TSM_DRIVER) ||
	    !cdev_name(&dev, name))
		return false;
	if (connected && tsm_get(&dev, "tsm/connect", tsm) != -EBUSY && !tsm[0])
		return false;
	snprintf(text, size, "%s (%s)", dev.name, dev.driver);
	return true;
}

/* Whether the PF, or function 0, which may be the DSM, is on another VFIO driver. */
static bool relies_on_vfio(struct ctx *ctx, const struct pci_device *dev, char *text, size_t size)
{
	struct pci_addr pf = dev->addr, f0;
	bool vf = pci_link(dev, "physfn", &pf);

	f0 = pf;
	f0.fn = 0;
	return (vf && other_vfio(ctx, &pf, false, text, size)) ||
	       (pf.fn && other_vfio(ctx, &f0, true, text, size));
}

static void check_group(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	int group = pci_group(ctx, dev);
	char others[256];

	if (group < 0) {
		finding_fail(f, EXIT_UNSUPPORTED, "it is in no IOMMU group");
		finding_fix(f, NO_IOMMU_HINT);
		return;
	}
	if (pci_group_strangers(ctx, group, dev, others, sizeof(others)))
		finding_fail(f, EXIT_DONE, "IOMMU group %d has %s", group, others);
	else if (relies_on_vfio(ctx, dev, others, sizeof(others)))
		finding_fail(f, EXIT_DONE, "it relies on %s", others);
	else
		finding_pass(f, "IOMMU group %d has no function on another driver", group);
}

static void check_cdev(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = doctor_root(ctx);
	char name[CDEV_NAME_LEN], node[64], attr[64], number[ATTR_MAX];
	bool known;

	if (!cdev_name(dev, name)) {
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
		finding_fail(f, EXIT_DONE, "bind_allowed is %s", text);
		finding_fix(f, "tsmctl allow %s", dev->name);
	}
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
		finding_fail(f, EXIT_DONE, "it was opened with shared regions");
	} else if (!streq(active, "exclusive") && !streq(mode, "exclusive")) {
		finding_fail(f, EXIT_DONE, "its region_mode is %s", mode);
		finding_fix(f, "tsmctl mode %s exclusive", dev->name);
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
		finding_fail(
			f, EXIT_DONE,
			"tdi_id is none: only a bind that names an iommufd vDEVICE can succeed");
		finding_fix(f, "tsmctl tdi-id %s ID", dev->name);
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
	const char *root = doctor_root(ctx);
	pid_t pid = policy_owner(ctx, dev);
	char action[ATTR_MAX], name[CDEV_NAME_LEN];
	unsigned int count, unknown;

	if (!pid || !root || !in_state(ctx, dev, "open")) {
		finding_skip(f, "it is not open, or already bound");
		return;
	}
	cdev_name(dev, name);
	count = count_bar_mappings(root, pid, name, &unknown);
	if (policy_get(ctx, dev, "bar_mmap", action) == 0 && streq(action, "revoke")) {
		finding_pass(f, "a bind revokes its mappings; process %d has %u", pid, count);
	} else if (count) {
		finding_fail(f, EXIT_DONE, "process %d has %u mapping%s of %s", pid, count,
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
	char text[ATTR_MAX];

	if (!in_use(ctx, dev) || pci_get(dev, "power_state", text)) {
		finding_skip(f, "it is not open: VFIO may let it sleep");
	} else if (streq(text, "D0")) {
		finding_pass(f, "power_state is D0");
	} else {
		finding_fail(f, EXIT_DONE, "power_state is %s", text);
		finding_fix(f, "echo on > /sys/bus/pci/devices/%s/power/control", dev->name);
	}
}

static void check_command(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	cleanup_fd int fd = openat(dev->fd, "config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool vf = faccessat(dev->fd, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	unsigned int want = COMMAND_MASTER | (vf ? 0 : COMMAND_MEMORY);
	unsigned char reg[2];
	unsigned int command;

	if (fd < 0 || pread(fd, reg, sizeof(reg), COMMAND_OFFSET) != sizeof(reg)) {
		finding_skip(f, "its configuration space cannot be read");
		return;
	}
	command = reg[0] | (unsigned int)reg[1] << 8;
	/* no function sets all of these bits; a read that is not completed returns all ones */
	if (command == 0xffff) {
		finding_fail(f, EXIT_FAILED,
			     "it does not respond: its configuration space reads all ones");
		finding_fix(f, "check power and link of its slot: 'lspci -vv -s %s' and 'dmesg'",
			    dev->name);
		return;
	}
	if (!in_use(ctx, dev) || foreign_is_bound(ctx, dev)) {
		finding_skip(f, "it is not open: its owner sets these bits");
		return;
	}
	if ((command & want) == want) {
		finding_pass(f, "the Command register is 0x%04x", command);
		return;
	}
	finding_fail(f, EXIT_DONE, "the Command register is 0x%04x", command);
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
	char text[ATTR_MAX], what[160];
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
		if (s)
			util_fill(f->fix, sizeof(f->fix), s->hint, dev->name);
	} else {
		finding_skip(f, "%s; only another bind shows whether the cause is gone%s%.100s",
			     what, s ? ": " : "", s ? s->hint : "");
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
		finding_fail(f, EXIT_FAILED,
			     "its state is lost: the TSM or the host has unbound it");
		finding_fix(f, "tsmctl unbind %s; when check connection passes, bind it again",
			    dev->name);
	}
}

static void check_quarantine(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char hint[QUARANTINE_HINT_LEN], text[ATTR_MAX];

	if (quarantine_is_on(ctx, dev)) {
		finding_fail(
			f, EXIT_BUSY,
			"it is quarantined: the TSM may not have stopped its TDI, or root has quarantined it");
		quarantine_hint(dev, hint);
		finding_fix(f, "%s", hint);
	} else if (policy_get(ctx, dev, "quarantine", text)) {
		finding_skip(f, "vfio_tsm shows no quarantine for it");
	} else {
		finding_pass(f, "quarantine is 0");
	}
}

static void check_origin(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char text[ATTR_MAX];

	if (foreign_is_bound(ctx, dev)) {
		finding_fail(f, EXIT_DONE, "another module of the kernel has bound it");
	} else if (policy_get(ctx, dev, "origin", text)) {
		finding_skip(f, "vfio_tsm shows no origin for it");
	} else {
		finding_pass(f, "its origin is %s", text);
	}
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
	{ "present", "the function is present", check_present, NULL },
	{ "group", "its IOMMU group, PF and DSM are on drivers that a bind allows", check_group,
	  "group" },
	{ "driver", "it is assigned", check_driver, NULL },
	{ "connection", "it is connected to a TSM", check_connection, "not-connected" },
	{ "no-bind", "the TSMs can bind", check_tsms, "no-bind" },
	{ "cdev", "its VFIO device can be opened", check_cdev, NULL },
	{ "denied", "binds are allowed", check_policy, "denied" },
	{ "regions", "its regions are exclusive", check_regions, "regions" },
	{ "bar", "each of its BARs has an address", check_bars, "bar" },
	{ "tdi-id", "its requester ID in the guest is known", check_tdi_id, "tdi-id" },
	{ "holder", "its owner is known", check_owner, NULL },
	{ "mapped", "no BAR is mapped", check_mappings, "mapped" },
	{ "power", "it is in power state D0", check_power, "power" },
	{ "command", "it decodes memory and masters the bus", check_command, "command" },
	{ "state", "its TDI was not lost", check_state, NULL },
	{ "quarantine", "it is not quarantined", check_quarantine, "quarantined" },
	{ "origin", "no other module of the kernel has bound it", check_origin, "foreign" },
	{ "requests", "the requests of its guest are allowed", check_requests, NULL },
	{ "last-error", "the last bind was not refused", check_last_error, NULL },
	{ NULL, NULL, NULL, NULL },
};
