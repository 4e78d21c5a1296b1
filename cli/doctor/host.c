// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of the host, from the kernel up to permissions, see host.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "doctor/host.h"
#include "host/assign.h"
#include "host/policy.h"
#include "host/tsm.h"

#define MOVED "sysfs was moved, and TSMCTL_ROOT is not set"

/* Options that the kernel must have. */
static const char *const needed[] = {
	"PCI_TSM", "IOMMUFD", "VFIO_PCI", "VFIO_DEVICE_CDEV", "KVM", "CONFIGFS_FS",
};

static void release_name(const char *root, char *buf, size_t size)
{
	cleanup_fd int fd = open(root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || attr_read(fd, "proc/sys/kernel/osrelease", buf, size))
		util_copy(buf, size, "?");
}

/* Opens the kernel's configuration, wherever it is; packed or not. */
static gzFile open_config(const char *root, const char *release, char *path, size_t size)
{
	gzFile file;

	snprintf(path, size, "%s/proc/config.gz", root);
	file = gzopen(path, "re");
	if (!file) {
		snprintf(path, size, "%s/boot/config-%s", root, release);
		file = gzopen(path, "re");
	}
	if (!file) {
		snprintf(path, size, "%s/lib/modules/%s/config", root, release);
		file = gzopen(path, "re");
	}
	return file;
}

/* Whether a line sets an option, to y or m. */
static bool sets(const char *line, const char *option)
{
	size_t n = strlen(option);

	return starts_with(line, "CONFIG_") && strncmp(line + 7, option, n) == 0 &&
	       (starts_with(line + 7 + n, "=y") || starts_with(line + 7 + n, "=m"));
}

/* Returns which of the options are set, as bits; -1 without a configuration. */
static long look_for(const char *root, const char *const *options, size_t count, char *where,
		     size_t size)
{
	char line[512], release[128];
	gzFile file;
	long set = 0;

	release_name(root, release, sizeof(release));
	file = open_config(root, release, where, size);
	if (!file) {
		snprintf(where, size, "no %s/boot/config-%s, no %s/proc/config.gz", root, release,
			 root);
		return -1;
	}
	while (gzgets(file, line, sizeof(line)))
		for (size_t i = 0; i < count; i++)
			if (sets(line, options[i]))
				set |= 1L << i;
	gzclose(file);
	return set;
}

static void check_kernel(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	const char *root = doctor_root(ctx);
	char where[PATH_MAX], missing[256] = "";
	size_t used = 0;
	long set;

	(void)dev;
	if (!root) {
		finding_skip(f, MOVED);
		return;
	}
	set = look_for(root, needed, ARRAY_SIZE(needed), where, sizeof(where));
	if (set < 0) {
		finding_skip(f, "cannot find the kernel's configuration: %.200s", where);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!(set & (1L << i)))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used,
						 "%sCONFIG_%s", used ? ", " : "", needed[i]);
	if (!used) {
		finding_pass(f, "%.200s has all %zu options", where, ARRAY_SIZE(needed));
		return;
	}
	finding_fail(f, EXIT_UNSUPPORTED, "%.100s lacks %s", where, missing);
	finding_fix(f, "use a kernel 7.2 or later with %s", missing);
}

static void check_devmem(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	static const char *const strict[] = { "STRICT_DEVMEM" };
	const char *root = doctor_root(ctx);
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
	set = look_for(root, strict, 1, where, sizeof(where));
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
	const char *root = doctor_root(ctx);
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
	const char *root = doctor_root(ctx);

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
