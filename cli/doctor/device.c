// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of one device, from its presence to its last error, see device.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "common/stage.h"
#include "doctor/device.h"
#include "host/assign.h"
#include "host/owner.h"
#include "host/policy.h"

/* Of the Command register, PCI 3.0 section 6.2.2. */
#define COMMAND_OFFSET 4
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4

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
		finding_pass(f, "%s/bus/pci/devices/%s is there", ctx->sysfs.path, dev->name);
		return;
	}
	finding_fail(f, EXIT_NO_DEVICE, "no %s/bus/pci/devices/%s", ctx->sysfs.path, dev->name);
	finding_fix(f, "echo 1 > /sys/bus/pci/rescan; for a VF, sriov_numvfs of its PF");
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
	if (!pci_group_strangers(ctx, group, dev, others, sizeof(others))) {
		finding_pass(f, "group %d has no function on another driver", group);
		return;
	}
	finding_fail(f, EXIT_DONE, "group %d has %s", group, others);
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

	if (pci_get(dev, "tsm/dsm", text) == 0 && text[0] && pci_addr_parse(text, &addr))
		return -EINVAL;
	return pci_open(ctx, &addr, dsm);
}

static void check_connection(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct pci_device dsm cleanup_pci = { .fd = -1 };
	char tsm[ATTR_MAX];

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
	if (open_dsm(ctx, dev, &dsm) || pci_get(&dsm, "tsm/connect", tsm) || !tsm[0]) {
		finding_fail(f, EXIT_UNSUPPORTED, "it is not connected to a TSM");
		finding_fix(f, "tsmctl connect %s", dsm.present ? dsm.name : dev->name);
		return;
	}
	finding_pass(f, "%s is connected to %s", dsm.name, tsm);
}

static void check_cdev(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = doctor_root(ctx);
	cleanup_dir DIR *dir = NULL;
	char name[64] = "", path[PATH_MAX];
	struct dirent *e;

	dir = util_opendirat(dev->fd, "vfio-dev");
	while (dir && (e = readdir(dir)))
		if (starts_with(e->d_name, "vfio"))
			util_copy(name, sizeof(name), e->d_name);
	if (!name[0]) {
		finding_fail(f, EXIT_UNSUPPORTED, "no vfio-dev/vfioN in sysfs");
		finding_fix(f, "%s",
			    strstr(dev->driver, "vfio") ?
				    "use a kernel with CONFIG_VFIO_DEVICE_CDEV" :
				    "assign it first");
		return;
	}
	if (!root) {
		finding_pass(f, "%s", name);
		return;
	}
	snprintf(path, sizeof(path), "%s/dev/vfio/devices/%s", root, name);
	if (access(path, R_OK | W_OK) == 0) {
		finding_pass(f, "%.200s can be opened", path);
		return;
	}
	finding_fail(f, errno == EACCES ? EXIT_NOT_PERMITTED : EXIT_UNSUPPORTED, "%.200s: %s", path,
		     strerror(errno));
	finding_fix(f, "%s",
		    errno == EACCES ? "give its VMM access, or run it as root" : "udevadm trigger");
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
			     streq(active, "exclusive") ? ", and it was opened so" : "");
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
		finding_fail(f, EXIT_DONE,
			     "tdi_id is none: only a bind that names an iommufd vDEVICE can do");
	}
}

/* Open by a VMM is as it should be, but tsmctl bind needs it for itself. */
static void check_owner(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	struct owner h;

	if (!owner_find(ctx, dev, &h))
		finding_pass(f, "nobody has it open");
	else
		finding_pass(f, "%s has it open%s", h.text, h.ours ? ", which is our helper" : "");
}

static unsigned int count_mappings(const char *root, pid_t pid)
{
	cleanup_free char *line = NULL;
	cleanup_file FILE *file = NULL;
	unsigned int count = 0;
	char path[PATH_MAX];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/proc/%d/maps", root, pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0)
		count += strstr(line, "/dev/vfio/devices/") || strstr(line, "[vfio-device]");
	return count;
}

static void check_mappings(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = doctor_root(ctx);
	pid_t pid = policy_owner(ctx, dev);
	char action[ATTR_MAX];
	unsigned int count;

	if (!pid || !root || !in_state(ctx, dev, "open")) {
		finding_skip(f, "it is not open, or bound already");
		return;
	}
	count = count_mappings(root, pid);
	if (policy_get(ctx, dev, "bar_mmap", action) == 0 && streq(action, "revoke")) {
		finding_pass(f, "process %d has %u mappings of VFIO devices, a bind revokes them",
			     pid, count);
	} else if (!count) {
		finding_pass(f, "process %d has no mapping of a VFIO device", pid);
	} else {
		finding_fail(f, EXIT_DONE, "process %d has %u mappings of VFIO devices", pid,
			     count);
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
	}
}

static void check_command(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	cleanup_fd int fd = openat(dev->fd, "config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool vf = faccessat(dev->fd, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	unsigned int want = COMMAND_MASTER | (vf ? 0 : COMMAND_MEMORY);
	unsigned char reg[2];
	unsigned int command;

	if (!in_use(ctx, dev) || fd < 0 ||
	    pread(fd, reg, sizeof(reg), COMMAND_OFFSET) != sizeof(reg)) {
		finding_skip(f, "it is not open: its owner sets them");
		return;
	}
	command = reg[0] | (unsigned int)reg[1] << 8;
	if ((command & want) == want) {
		finding_pass(f, "the Command register is 0x%04x", command);
		return;
	}
	finding_fail(f, EXIT_DONE, "the Command register is 0x%04x", command);
}

static void check_last_error(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const struct stage *s;
	char text[ATTR_MAX];
	const char *stage;
	int err;

	f->advisory = true;
	if (policy_get(ctx, dev, "last_error", text)) {
		finding_skip(f, "vfio_tsm keeps none of it");
		return;
	}
	stage = stage_parse(text, &err);
	if (!err) {
		finding_pass(f, "last_error is 0");
		return;
	}
	s = stage ? stage_find(stage, err) : NULL;
	finding_fail(f, EXIT_FAILED, "the last bind answered %s at %s%s%s",
		     strerrorname_np(-err) ?: "?", stage ?: "?", s ? ": " : "",
		     s ? s->message : "");
	if (s)
		util_fill(f->fix, sizeof(f->fix), s->hint, dev->name);
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
			     "its state is lost: the TSM or the host took the TDI away");
		finding_fix(f, "tsmctl unbind %s, then see check connection, and bind it again",
			    dev->name);
	}
}

const struct check device_checks[] = {
	{ "present", "the function is there", check_present, NULL },
	{ "group", "all of its IOMMU group is on vfio-pci-tsm, or on no driver", check_group,
	  "group" },
	{ "driver", "it is assigned", check_driver, NULL },
	{ "connection", "it is connected to a TSM", check_connection, "not-connected" },
	{ "cdev", "its VFIO device can be opened", check_cdev, NULL },
	{ "denied", "binds are allowed", check_policy, "denied" },
	{ "regions", "its regions are exclusive", check_regions, "regions" },
	{ "tdi-id", "its requester ID in the guest is known", check_tdi_id, "tdi-id" },
	{ "holder", "it is known who has it open", check_owner, NULL },
	{ "mapped", "no BAR is mapped", check_mappings, "mapped" },
	{ "power", "it is awake", check_power, "power" },
	{ "command", "it decodes memory and masters the bus", check_command, "command" },
	{ "state", "its TDI was not lost", check_state, NULL },
	{ "last-error", "the last bind was not refused", check_last_error, NULL },
	{ NULL, NULL, NULL, NULL },
};
