// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of the host, from the kernel up to permissions, see host.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/utsname.h>

#include "doctor/host.h"
#include "host/assign.h"
#include "host/kernel.h"
#include "host/policy.h"
#include "host/tsm.h"

#define MOVED "sysfs was moved, and TSMCTL_ROOT is not set"

static void check_kernel(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = kernel_root(ctx);
	struct kernel_verdict v;

	(void)dev;
	if (!root) {
		finding_skip(f, MOVED);
		return;
	}
	switch (kernel_check(root, &v)) {
	case KERNEL_FITS:
		finding_pass(f, "%s", v.found);
		return;
	case KERNEL_UNKNOWN:
		finding_skip(f, "%s", v.found);
		return;
	case KERNEL_UNTRIED:
		finding_warn(f, "%s", v.found);
		break;
	case KERNEL_UNFIT:
		finding_fail(f, EXIT_UNSUPPORTED, "%s", v.found);
		break;
	}
	finding_fix(f, "%s", v.fix);
}

static void check_devmem(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	static const char *const strict[] = { "STRICT_DEVMEM" };
	const char *root = kernel_root(ctx);
	char where[PATH_MAX], line[4096];
	cleanup_fd int fd = -1;
	long set;

	(void)dev;
	if (!root) {
		finding_skip(f, MOVED);
		return;
	}
	fd = open(root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && attr_read(fd, "proc/cmdline", line, sizeof(line)) == 0 &&
	    strstr(line, "iomem=relaxed")) {
		finding_warn(f, "%s/proc/cmdline has iomem=relaxed", root);
		finding_fix(f, "remove iomem=relaxed from the kernel's command line");
		return;
	}
	set = kernel_options(root, strict, 1, where, sizeof(where));
	if (set < 0) {
		finding_skip(f, "cannot find the kernel's configuration: %.200s", where);
	} else if (set) {
		finding_pass(f, "%.200s has CONFIG_STRICT_DEVMEM", where);
	} else {
		finding_warn(f, "%.200s lacks CONFIG_STRICT_DEVMEM", where);
		finding_fix(f, "use a kernel with CONFIG_STRICT_DEVMEM=y");
	}
}

static void check_modules(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	bool policy = faccessat(ctx->sysfs_fd, "module/vfio_tsm", F_OK, 0) == 0;
	bool driver = pci_has_driver(ctx, TSM_DRIVER);

	(void)dev;
	if (policy && driver) {
		finding_pass(f, "vfio_tsm and the driver " TSM_DRIVER " are loaded");
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED, "%s%s%s not loaded", policy ? "" : "vfio_tsm",
		     policy || driver ? "" : " and ", driver ? "" : "vfio_pci_tsm");
	finding_fix(f, "tsmctl load");
}

/* Modules that were built from another source, or loaded before an upgrade */
static void check_version(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	static const char *const modules[] = { "vfio_tsm", "vfio_pci_tsm", "tsm_sim" };
	char path[64], version[64], others[256] = "";
	size_t used = 0, same = 0;

	(void)dev;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(path, sizeof(path), "module/%s/version", modules[i]);
		if (attr_read(ctx->sysfs_fd, path, version, sizeof(version)))
			continue;
		if (streq(version, VERSION))
			same++;
		else
			used += (size_t)snprintf(others + used, sizeof(others) - used, "%s%s is %s",
						 used ? ", " : "", modules[i], version);
	}
	if (used) {
		finding_warn(f, "tsmctl is " VERSION ", but the loaded module %s", others);
		finding_fix(f, "install modules of version " VERSION
			       ", then 'tsmctl unload' and 'tsmctl load'");
	} else if (same) {
		finding_pass(f, "tsmctl and the loaded modules are " VERSION);
	} else {
		finding_skip(f, "no module is loaded");
	}
}

static void check_configfs(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	(void)dev;
	if (policy_available(ctx)) {
		finding_pass(f, "%s/" POLICY_DIR " exists", ctx->configfs.path);
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED,
		     policy_mounted(ctx) ? "no %s/" POLICY_DIR : "configfs is not mounted on %s",
		     ctx->configfs.path);
	finding_fix(f, "tsmctl load");
}

/* Counts the entries of a directory in sysfs; @first gets the name of one. */
static unsigned int entries(const struct ctx *ctx, const char *path, char *first, size_t size)
{
	cleanup_dir DIR *dir = util_opendirat(ctx->sysfs_fd, path);
	unsigned int count = 0;
	struct dirent *e;

	first[0] = '\0';
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (!count++)
			util_copy(first, size, e->d_name);
	}
	return count;
}

static void check_iommu(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char unit[64], group[64];
	unsigned int units = entries(ctx, "class/iommu", unit, sizeof(unit));
	unsigned int groups = entries(ctx, "kernel/iommu_groups", group, sizeof(group));

	(void)dev;
	if (groups) {
		finding_pass(f, "%u IOMMU groups, %u IOMMUs%s%s", groups, units,
			     units ? ", such as " : "", unit);
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED, "no IOMMU group in %s/kernel/iommu_groups",
		     ctx->sysfs.path);
	finding_fix(f, NO_IOMMU_HINT);
}

/* x86 kernels put IR- before the name of a chip whose interrupts are remapped. */
static void check_interrupts(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = kernel_root(ctx);
	cleanup_free char *line = NULL;
	cleanup_file FILE *file = NULL;
	char path[PATH_MAX];
	struct utsname u;
	size_t size = 0;

	(void)dev;
	if (!root) {
		finding_skip(f, MOVED);
		return;
	}
	if (uname(&u) || !streq(u.machine, "x86_64")) {
		finding_skip(f,
			     "only on x86, interrupt remapping can be off while the IOMMU is on");
		return;
	}
	snprintf(path, sizeof(path), "%s/proc/interrupts", root);
	file = fopen(path, "re");
	if (!file) {
		finding_skip(f, "cannot read %.200s: %s", path, strerror(errno));
		return;
	}
	while (getline(&line, &size, file) > 0) {
		if (!strstr(line, " IR-"))
			continue;
		finding_pass(f, "%.200s shows remapped interrupts (IR-)", path);
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED, "%.200s shows no remapped interrupts (IR-)", path);
	finding_fix(
		f,
		"enable interrupt remapping in the firmware (VT-d, x2APIC), and remove intremap=off from the kernel's command line");
}

/* A character device that a bind opens. */
static void check_node(struct ctx *ctx, const char *name, const char *fix, struct finding *f)
{
	const char *root = kernel_root(ctx);

	if (root)
		finding_node(f, root, name, NULL, fix);
	else
		finding_skip(f, MOVED);
}

static void check_iommufd(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	(void)dev;
	check_node(ctx, "iommu", "modprobe iommufd", f);
}

static void check_kvm(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	(void)dev;
	check_node(
		ctx, "kvm",
		"enable virtualization in the firmware, then 'modprobe kvm_intel' or 'modprobe kvm_amd'",
		f);
}

static void check_tsm(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	char tsm[TSM_NAME_LEN], list[200];
	unsigned int count = tsm_find(ctx, tsm, list, sizeof(list));

	(void)dev;
	if (count) {
		finding_pass(f, "%s/class/tsm has %s", ctx->sysfs.path, list);
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED, "no TSM in %s/class/tsm", ctx->sysfs.path);
	finding_fix(
		f,
		"load the TSM driver of the platform, or 'tsmctl load --sim DEVICES' for a TSM in software");
}

static void check_permission(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	(void)dev;
	if (geteuid() == 0 && faccessat(ctx->sysfs_fd, "bus/pci/drivers_probe", W_OK, 0) &&
	    errno == EROFS) {
		finding_fail(f, EXIT_NOT_PERMITTED, "%s is mounted read-only", ctx->sysfs.path);
		finding_fix(f, "run it outside of the container, or 'mount -o remount,rw %s'",
			    ctx->sysfs.path);
		return;
	}
	if (geteuid() == 0) {
		finding_pass(f, "tsmctl runs as root");
		return;
	}
	if (ctx->sysfs.moved) {
		finding_skip(f, "sysfs was moved");
		return;
	}
	finding_fail(f, EXIT_NOT_PERMITTED, "tsmctl runs as user %u, not as root", geteuid());
	finding_fix(f, "run it as root");
}

const struct check host_checks[] = {
	{ "kernel", "the kernel has the options that are needed", check_kernel, NULL, NULL },
	{ "modules", "the modules are loaded", check_modules, NULL, NULL },
	{ "version", "the modules have the version of tsmctl", check_version, NULL, NULL },
	{ "configfs", "configfs can keep policy", check_configfs, NULL, NULL },
	{ "iommu", "the IOMMU is on", check_iommu, NULL, NULL },
	{ "interrupts", "interrupts are remapped", check_interrupts, NULL, NULL },
	{ "iommufd", "iommufd can be opened", check_iommufd, NULL, NULL },
	{ "kvm", "KVM can be opened", check_kvm, NULL, NULL },
	{ "tsm", "there is a TSM", check_tsm, NULL, NULL },
	{ "devmem", "/dev/mem cannot reach exclusive regions", check_devmem, NULL, NULL },
	{ "permission", "the user may change devices", check_permission, NULL, NULL },
	{},
};
