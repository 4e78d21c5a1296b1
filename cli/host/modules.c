// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel modules and the mount of configfs, see modules.h. */
#include <errno.h>
#include <libkmod.h>
#include <sys/mount.h>

#include "host/attr.h"
#include "host/kernel.h"
#include "host/modules.h"
#include "host/policy.h"
#include "report.h"

static struct kmod_ctx *kmod;
static const char *directory;

static void unref_module(struct kmod_module **m)
{
	if (*m)
		kmod_module_unref(*m);
}

#define cleanup_module __attribute__((cleanup(unref_module)))

int modules_init(struct ctx *ctx, const char *dir)
{
	struct problem p = { .attribute = "module", .stage = "module" };

	/* a moved sysfs also moves configfs, see policy_init() */
	if (ctx->configfs.moved) {
		p.err = -EOPNOTSUPP;
		p.hint = "unset SYSFS_PATH and TSMCTL_CONFIGFS";
		return report_error(
			ctx, &p,
			"modules belong to the running kernel, but sysfs or configfs was moved");
	}
	directory = dir;
	kmod = kmod_new(dir, NULL);
	if (!kmod) {
		p.err = -ENOMEM;
		return report_error(ctx, &p, "cannot start libkmod");
	}
	/* its errors are reported here, once */
	kmod_set_log_priority(kmod, 0);
	kmod_load_resources(kmod);
	return 0;
}

void modules_done(void)
{
	kmod_unref(kmod);
	kmod = NULL;
}

bool module_loaded(const struct ctx *ctx, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "module/%s", name);
	return faccessat(ctx->sysfs_fd, path, F_OK, 0) == 0;
}

int module_load(struct ctx *ctx, const char *name, const char *options, bool *changed)
{
	struct kmod_module *m cleanup_module = NULL;
	struct kmod_list *list = NULL;
	int ret;

	*changed = false;
	if (module_loaded(ctx, name))
		return 0;
	ret = kmod_module_new_from_lookup(kmod, name, &list);
	if (ret < 0)
		return ret;
	if (!list)
		return -ENOENT;
	m = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	if (kmod_module_get_initstate(m) == KMOD_MODULE_BUILTIN)
		return 0;
	*changed = true;
	if (!act(ctx, "load module %s%s%s", name, options ? " " : "", options ?: ""))
		return 0;
	return kmod_module_probe_insert_module(
		m, KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY | KMOD_PROBE_IGNORE_COMMAND, options, NULL,
		NULL, NULL);
}

#define SIGN                                                                  \
	"sign it with a key that this host trusts; for the key of DKMS, run " \
	"'mokutil --import /var/lib/dkms/mok.pub' and reboot"

/*
 * Under lockdown, which Secure Boot turns on, the kernel returns EPERM for a module that
 * is not signed at all, as it does if the caller may not load modules.
 */
static bool locked_down(const struct ctx *ctx)
{
	char modes[ATTR_MAX];

	return geteuid() == 0 &&
	       attr_read(ctx->sysfs_fd, "kernel/security/lockdown", modes, sizeof(modes)) == 0 &&
	       strchr(modes, '[') && !strstr(modes, "[none]");
}

/* DKMS builds nothing for some kernels, and a kernel has no module of an option that is off. */
static int report_missing(struct ctx *ctx, struct problem *p, const char *name)
{
	const char *root = kernel_root(ctx);
	struct kernel_verdict v = { .fit = KERNEL_UNKNOWN };

	if (root)
		kernel_check(root, &v);
	if (v.fit == KERNEL_UNFIT || v.fit == KERNEL_UNTRIED) {
		p->hint = v.fix;
		return report_error(ctx, p, "there is no module %s for this kernel: %s", name,
				    v.found);
	}
	p->hint = "build it for the running kernel, by DKMS or 'make modules_install'";
	return report_error(ctx, p, "there is no module %s for this kernel", name);
}

int module_report(struct ctx *ctx, const char *name, int err)
{
	struct problem p = { .attribute = "module",
			     .value = name,
			     .err = err,
			     .stage = "module",
			     .code = EXIT_UNSUPPORTED };

	switch (err) {
	case -ENOENT:
		if (directory) {
			p.hint =
				"give a directory like /lib/modules/VERSION, and run depmod for it before";
			return report_error(ctx, &p, "there is no module %s in %s", name,
					    directory);
		}
		return report_missing(ctx, &p, name);
	case -EKEYREJECTED:
	case -ENOKEY:
		p.hint = SIGN;
		return report_error(
			ctx, &p,
			"cannot load module %s: %s: Secure Boot or the kernel requires a signature",
			name, strerror(-err));
	case -ENOEXEC:
	case -EINVAL:
		p.hint = "build it for the running kernel; 'dmesg' shows the details";
		break;
	case -EPERM:
	case -EACCES:
		p.code = EXIT_NOT_PERMITTED;
		if (err != -EPERM || !locked_down(ctx))
			break;
		p.code = EXIT_UNSUPPORTED;
		p.hint = SIGN;
		return report_error(
			ctx, &p,
			"cannot load module %s: %s: the kernel is locked down, as by Secure Boot, and requires a signature",
			name, strerror(-err));
	case -ENODEV:
	case -EOPNOTSUPP:
		break;
	default:
		p.code = 0;
		p.hint = LOG_HINT;
	}
	return report_error(ctx, &p, "cannot load module %s: %s", name, strerror(-err));
}

int module_remove(struct ctx *ctx, const char *name, bool *changed)
{
	struct kmod_module *m cleanup_module = NULL;
	int ret;

	*changed = false;
	if (!module_loaded(ctx, name))
		return 0;
	ret = kmod_module_new_from_name(kmod, name, &m);
	if (ret < 0)
		return ret;
	*changed = true;
	if (!act(ctx, "remove module %s", name))
		return 0;
	return kmod_module_remove_module(m, KMOD_REMOVE_NOWAIT | KMOD_REMOVE_NOLOG);
}

int configfs_mount(struct ctx *ctx, bool *changed)
{
	struct problem p = { .attribute = "configfs", .value = CONFIGFS_PATH, .stage = "mount" };
	bool loaded;

	*changed = false;
	if (policy_mounted(ctx))
		return 0;
	p.err = module_load(ctx, "configfs", NULL, &loaded);
	if (p.err && p.err != -ENOENT)
		return module_report(ctx, "configfs", p.err);
	*changed = true;
	if (!act(ctx, "mount configfs on " CONFIGFS_PATH))
		return 0;
	if (!mount("configfs", CONFIGFS_PATH, "configfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return 0;
	p.err = -errno;
	if (p.err == -ENODEV || p.err == -ENOENT) {
		p.code = EXIT_UNSUPPORTED;
		p.hint = "use a kernel with CONFIG_CONFIGFS_FS";
	}
	return report_error(ctx, &p, "cannot mount configfs on " CONFIGFS_PATH ": %s",
			    strerror(-p.err));
}
