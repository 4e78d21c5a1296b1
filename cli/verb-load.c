// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl load: the kernel modules, and configfs. */
#include <errno.h>

#include "modules.h"
#include "policy.h"
#include "report.h"
#include "verbs.h"

static const char *opt_sim, *opt_dir;

static const struct poptOption options[] = {
	{ "sim", 0, POPT_ARG_STRING, &opt_sim, 0,
	  "load the software TSM as well, for these functions: addresses and globs, with commas",
	  "DEVICES" },
	{ "modules", 0, POPT_ARG_STRING, &opt_dir, 0,
	  "directory in the place of /lib/modules/VERSION", "DIR" },
	POPT_TABLEEND
};

/* In this order; what these depend on, libkmod finds. */
static const char *const needed[] = { "vfio_tsm", "iommufd", "vfio_pci_tsm" };
static const char *const kvm[] = { "kvm_amd", "kvm_intel" };

static int report_module(struct ctx *ctx, const char *name, bool changed, const char *note)
{
	struct outcome o = { .attribute = name,
			     .value = note ? "missing" : "loaded",
			     .changed = changed,
			     .note = note };

	o.previous = changed ? "unloaded" : o.value;

	return report_outcome(ctx, &o);
}

static int load_one(struct ctx *ctx, const char *name, const char *parameters)
{
	bool changed;
	int ret = module_load(ctx, name, parameters, &changed);

	return ret ? module_report(ctx, name, ret) : report_module(ctx, name, changed, NULL);
}

/* A bind needs a VM. Which module is the right one, only trying tells. */
static int load_kvm(struct ctx *ctx)
{
	bool changed = false;
	size_t i;

	if (access("/dev/kvm", F_OK) == 0)
		return report_module(ctx, "kvm", false, NULL);
	for (i = 0; i < ARRAY_SIZE(kvm); i++)
		if (module_load(ctx, kvm[i], NULL, &changed) == 0)
			return report_module(ctx, kvm[i], changed, NULL);
	return report_module(
		ctx, "kvm", false,
		"this host has no KVM: a bind will need it (enable virtualization in the firmware)");
}

/* The module takes its functions when it is loaded, and only then. */
static int load_sim(struct ctx *ctx)
{
	struct problem p = { .attribute = "module",
			     .value = SIM_MODULE,
			     .err = -EBUSY,
			     .stage = "module",
			     .hint = "run 'tsmctl unload' first" };
	char parameters[ATTR_MAX + sizeof(SIM_PARAMETER)];
	char now[ATTR_MAX];

	if (module_loaded(ctx, SIM_MODULE) &&
	    attr_read(ctx->sysfs_fd, "module/" SIM_MODULE "/parameters/" SIM_PARAMETER, now,
		      sizeof(now)) == 0 &&
	    !streq(now, opt_sim))
		return report_error(ctx, &p, SIM_MODULE " is loaded for '%s', not '%s'", now,
				    opt_sim);
	snprintf(parameters, sizeof(parameters), SIM_PARAMETER "=%s", opt_sim);
	return load_one(ctx, SIM_MODULE, parameters);
}

static int load(struct ctx *ctx)
{
	struct outcome o = { .attribute = "configfs", .value = "mounted" };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(needed); i++)
		ret = load_one(ctx, needed[i], NULL);
	if (ret)
		return ret;
	ret = configfs_mount(ctx, &o.changed);
	if (ret)
		return ret;
	o.previous = o.changed ? "unmounted" : "mounted";
	report_outcome(ctx, &o);
	load_kvm(ctx);
	return opt_sim ? load_sim(ctx) : 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	int ret;

	if (argc)
		return verb_usage_error(ctx, verb, argv[0], "takes no '%s' (--sim takes devices)",
					argv[0]);
	/* it becomes part of a module's command line */
	if (opt_sim && (!*opt_sim || strlen(opt_sim) >= ATTR_MAX ||
			strspn(opt_sim, "0123456789abcdefABCDEF:.,*?[]-!") != strlen(opt_sim)))
		return verb_usage_error(
			ctx, verb, opt_sim,
			"'%s' is no list of devices: addresses and globs over them, with commas",
			opt_sim);
	ret = modules_init(ctx, opt_dir);
	if (!ret)
		ret = load(ctx);
	modules_done();
	return ret;
}

const struct verb verb_load = {
	.name = "load",
	.synopsis = "[--sim DEVICES]",
	.summary = "load the kernel modules, mount configfs",
	.help = "Loads vfio_tsm and vfio_pci_tsm with what they depend on, and KVM, and mounts "
		"configfs where it is not. What is there already is left alone. --sim gives the "
		"functions named a software TSM, for hosts without one.",
	.options = options,
	.run = run,
};
