// SPDX-License-Identifier: GPL-2.0-or-later
/* The configfs side of devices, see policy.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "host/policies.h"
#include "host/policy.h"
#include "host/slow.h"

#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570
#endif

const char *const policy_states[] = {
	"absent", "unassigned", "closed", "open", "bound", "lost", "quarantined", NULL,
};

/* The value of an attribute for a device without a directory, or NULL if it has no default. */
static const char *usual(const char *attr)
{
	for (size_t i = 0; i < POLICIES; i++)
		if (streq(policies[i].name, attr))
			return policies[i].usual;
	return NULL;
}

int policy_init(struct ctx *ctx)
{
	static char *below;
	int ret;

	ctx->policy_fd = POLICY_UNKNOWN;
	ret = root_find(ctx, &ctx->configfs, "configfs", "TSMCTL_CONFIGFS", CONFIGFS_PATH);
	if (ret || ctx->configfs.moved || !ctx->sysfs.moved)
		return ret;
	/* a moved sysfs contains its own configfs, as the real one does */
	if (asprintf(&below, "%s/kernel/config", ctx->sysfs.path) < 0)
		return -ENOMEM;
	ctx->configfs = (struct root){ below, true };
	return 0;
}

/* The path of the subsystem, for traces and messages. */
static const char *policy_where(const struct ctx *ctx)
{
	static char *path;

	if (!path && asprintf(&path, "%s/" POLICY_DIR, ctx->configfs.path) < 0)
		path = NULL;
	return path ?: POLICY_DIR;
}

bool policy_mounted(const struct ctx *ctx)
{
	struct statfs fs;

	if (statfs(ctx->configfs.path, &fs))
		return false;
	return ctx->configfs.moved || fs.f_type == CONFIGFS_MAGIC;
}

/* Opens the subsystem's directory, once; the result is kept, even if it is an error. */
static int subsystem(struct ctx *ctx)
{
	cleanup_fd int root = -1;

	if (ctx->policy_fd != POLICY_UNKNOWN)
		return ctx->policy_fd < 0 ? ctx->policy_fd : 0;
	root = open(ctx->configfs.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!policy_mounted(ctx))
		ctx->policy_fd = -ENXIO;
	else if (root < 0)
		ctx->policy_fd = -EACCES;
	else
		ctx->policy_fd = dir_open(root, POLICY_DIR);
	return ctx->policy_fd < 0 ? ctx->policy_fd : 0;
}

void policy_close(struct ctx *ctx)
{
	if (ctx->policy_fd >= 0)
		close(ctx->policy_fd);
	ctx->policy_fd = POLICY_UNKNOWN;
}

bool policy_available(struct ctx *ctx)
{
	return subsystem(ctx) == 0;
}

int policy_require(struct ctx *ctx, const char *device)
{
	struct problem p = {
		.device = device,
		.attribute = POLICY_DIR,
		.err = subsystem(ctx),
		.hint = LOAD_HINT,
		.code = EXIT_UNSUPPORTED,
	};

	if (!p.err)
		return 0;
	if (p.err == -ENXIO) {
		p.stage = "configfs";
		return report_error(ctx, &p, "configfs is not mounted on %s", ctx->configfs.path);
	}
	p.stage = "module";
	if (p.err == -ENOENT)
		return report_error(ctx, &p, "the module vfio_tsm is not loaded: no %s/%s",
				    ctx->configfs.path, POLICY_DIR);
	p.code = 0;
	p.hint = NULL;
	return report_error(ctx, &p, "cannot open %s/%s: %s", ctx->configfs.path, POLICY_DIR,
			    strerror(-p.err));
}

bool policy_has(struct ctx *ctx, const char *name)
{
	struct stat st;

	return policy_available(ctx) &&
	       fstatat(ctx->policy_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int policy_scan(struct ctx *ctx,
		int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg), void *arg)
{
	cleanup_dir DIR *dir = NULL;
	char name[PCI_NAME_LEN];
	struct pci_addr addr;
	struct dirent *e;
	int ret;

	if (!policy_available(ctx))
		return 0;
	dir = util_opendirat(ctx->policy_fd, ".");
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (pci_addr_parse(e->d_name, &addr))
			continue;
		/* only names in the kernel's form are its directories */
		pci_addr_name(&addr, name);
		if (!streq(name, e->d_name))
			continue;
		ret = fn(ctx, &addr, arg);
		if (ret)
			return ret;
	}
	return 0;
}

int policy_create(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name, .attribute = POLICY_DIR, .stage = "mkdir" };
	static char planned[PCI_NAME_LEN];

	p.err = policy_require(ctx, dev->name);
	if (p.err || policy_has(ctx, dev->name))
		return p.err;
	/* under --dry-run, each step of a plan finds it missing */
	if (ctx->dry_run && streq(planned, dev->name))
		return 0;
	util_copy(planned, sizeof(planned), dev->name);
	p.err = dir_make(ctx, ctx->policy_fd, policy_where(ctx), dev->name);
	if (p.err)
		return report_error(ctx, &p, "cannot create its directory in %s/%s: %s",
				    ctx->configfs.path, POLICY_DIR, strerror(-p.err));
	return 0;
}

int policy_forget(struct ctx *ctx, const char *name)
{
	struct problem p = { .device = name, .attribute = POLICY_DIR, .stage = "rmdir" };

	if (!policy_has(ctx, name))
		return 0;
	p.err = dir_remove(ctx, ctx->policy_fd, policy_where(ctx), name);
	if (p.err == -EBUSY)
		p.hint = "stop its owner first: 'tsmctl show @' names it";
	if (p.err)
		return report_error(ctx, &p, "cannot remove its directory in %s/%s: %s",
				    ctx->configfs.path, POLICY_DIR, strerror(-p.err));
	return 0;
}

/* Opens ADDRESS/tsm. */
static int device_dir(struct ctx *ctx, const char *name)
{
	char path[PCI_NAME_LEN + sizeof("/tsm")];

	if (!policy_available(ctx))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/tsm", name);
	return dir_open(ctx->policy_fd, path);
}

static bool has_dir(struct ctx *ctx, const char *name)
{
	cleanup_fd int fd = device_dir(ctx, name);

	return fd >= 0;
}

int policy_get_usual(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf)
{
	const char *value = NULL;

	if (ctx->policy_fd >= 0)
		value = !streq(attr, "state") ? usual(attr) :
			dev->present	      ? "unassigned" :
						"absent";
	util_copy(buf, ATTR_MAX, value ?: "");
	return value ? 0 : -ENOENT;
}

int policy_get(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf)
{
	char path[ATTR_MAX];
	int ret = -ENOENT;

	if (policy_available(ctx)) {
		snprintf(path, sizeof(path), "%s/tsm/%s", dev->name, attr);
		ret = attr_read(ctx->policy_fd, path, buf, ATTR_MAX);
	}
	if (ret && (ret != -ENOENT || has_dir(ctx, dev->name))) {
		buf[0] = '\0';
		return ret;
	}
	if (!ret)
		return 0;
	if (usual(attr) && !policy_get_usual(ctx, dev, attr, buf))
		return 0;
	snprintf(path, sizeof(path), "vfio_tsm/%s", attr);
	ret = pci_get(dev, path, buf);
	if (ret && streq(attr, "state"))
		return policy_get_usual(ctx, dev, attr, buf);
	return ret == -ENODEV ? -ENOENT : ret;
}

bool policy_lacks(struct ctx *ctx, const struct pci_device *dev, const char *attr)
{
	cleanup_fd int fd = device_dir(ctx, dev->name);

	return fd >= 0 && faccessat(fd, attr, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
}

int policy_report(struct ctx *ctx, const struct pci_device *dev, struct problem *p)
{
	if (p->err == -ENOENT && policy_lacks(ctx, dev, p->attribute)) {
		p->stage = "module";
		p->code = EXIT_UNSUPPORTED;
		p->hint = "run 'tsmctl unload && tsmctl load' when no device is in use";
		return report_error(ctx, p,
				    "the loaded module vfio_tsm is older than tsmctl: it has no %s",
				    p->attribute);
	}
	if (p->value)
		return report_error(ctx, p, "cannot set %s to '%s': %s", p->attribute, p->value,
				    strerror(-p->err));
	return report_error(ctx, p, "cannot read %s: %s", p->attribute, strerror(-p->err));
}

int policy_read(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf)
{
	struct problem p = { .device = dev->name, .attribute = attr, .stage = "read" };

	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, attr, buf);
	return p.err ? policy_report(ctx, dev, &p) : 0;
}

int policy_set(struct ctx *ctx, const struct pci_device *dev, const char *attr, const char *value)
{
	cleanup_fd int fd = -1;
	char where[ATTR_MAX];

	snprintf(where, sizeof(where), "%s/%s/%s/tsm", ctx->configfs.path, POLICY_DIR, dev->name);
	/* under --dry-run the directory may not be there yet */
	if (ctx->dry_run)
		return attr_write(ctx, -1, where, attr, value);
	fd = device_dir(ctx, dev->name);
	if (fd < 0)
		return fd;
	return attr_write(ctx, fd, where, attr, value);
}

int policy_set_slow(const struct pci_device *dev, const char *attr, const char *value,
		    struct wait *w)
{
	struct ctx *ctx = w->ctx;
	cleanup_fd int fd = -1;
	char where[ATTR_MAX];

	snprintf(where, sizeof(where), "%s/%s/%s/tsm", ctx->configfs.path, POLICY_DIR, dev->name);
	/* under --dry-run the directory may not be there yet */
	fd = ctx->dry_run ? -1 : device_dir(ctx, dev->name);
	if (fd < 0 && !ctx->dry_run)
		return fd;
	return slow_write(w, fd, where, attr, value);
}

int policy_get_default(struct ctx *ctx, char *buf)
{
	struct problem p = { .attribute = DEFAULT_MODE, .stage = "read" };

	p.err = policy_require(ctx, NULL);
	if (p.err)
		return p.err;
	p.err = attr_read(ctx->policy_fd, DEFAULT_MODE, buf, ATTR_MAX);
	if (p.err)
		return report_error(ctx, &p, "cannot read " DEFAULT_MODE ": %s", strerror(-p.err));
	return 0;
}

int policy_set_default(struct ctx *ctx, const char *value)
{
	struct problem p = { .attribute = DEFAULT_MODE, .value = value, .stage = "write" };

	p.err = attr_write(ctx, ctx->policy_fd, policy_where(ctx), DEFAULT_MODE, value);
	if (p.err)
		return report_error(ctx, &p, "cannot set " DEFAULT_MODE " to '%s': %s", value,
				    strerror(-p.err));
	return 0;
}

pid_t policy_owner(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];
	unsigned int pid;

	if (policy_get(ctx, dev, "owner", text) || util_parse_u32(text, &pid) || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}
