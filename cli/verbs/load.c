// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl load: the kernel modules, and configfs. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "common/selector.h"
#include "config/lock.h"
#include "host/modules.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static const char *opt_sim, *opt_dir;

/* The functions of --sim, as a parameter of the module. Its globs match whole addresses only. */
static char sim_list[ATTR_MAX];

/* Those that match no function. It may appear later, but a typing error is more likely. */
static char sim_missing[ATTR_MAX];

static const struct poptOption options[] = {
	{ "sim", 0, POPT_ARG_STRING, &opt_sim, 0,
	  "also load the software TSM, for these functions: addresses and globs, with commas",
	  "DEVICES" },
	{ "modules", 0, POPT_ARG_STRING, &opt_dir, 0,
	  "directory to use instead of /lib/modules/VERSION", "DIR" },
	POPT_TABLEEND
};

/* Loaded in this order. libkmod finds what these depend on. */
static const char *const needed[] = { "vfio_tsm", "iommufd", "vfio_pci_tsm" };
static const char *const kvm[] = { "kvm_amd", "kvm_intel" };

static int report_module(struct ctx *ctx, const char *name, bool changed, const char *note)
{
	struct outcome o = { .attribute = name,
			     .value = "loaded",
			     .previous = changed ? "unloaded" : "loaded",
			     .changed = changed,
			     .note = note };

	return report_outcome(ctx, &o);
}

static int load_one(struct ctx *ctx, const char *name, const char *parameters, const char *note)
{
	bool changed;
	int ret = module_load(ctx, name, parameters, &changed);

	return ret ? module_report(ctx, name, ret) : report_module(ctx, name, changed, note);
}

/* Opens the node, which can also exist without a driver. */
static bool has_kvm(void)
{
	cleanup_fd int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	/* KVM is there even if this user may not open it */
	return fd >= 0 || errno == EACCES || errno == EPERM;
}

/* Loads KVM, which a bind needs. Tries each module: no other way shows which one is right. */
static int load_kvm(struct ctx *ctx)
{
	bool changed = false;
	size_t i;

	if (has_kvm())
		return report_module(ctx, "kvm", false, NULL);
	for (i = 0; i < ARRAY_SIZE(kvm); i++)
		if (module_load(ctx, kvm[i], NULL, &changed) == 0 && (ctx->dry_run || has_kvm()))
			return report_module(ctx, "kvm", changed, NULL);
	return report_outcome(
		ctx,
		&(struct outcome){
			.attribute = "kvm",
			.value = "missing",
			.previous = "missing",
			.note = "this host has no KVM: a bind will need it (enable virtualization in the firmware)" });
}

static bool add_item(const char *text)
{
	return util_add_item(sim_list, sizeof(sim_list), ",", text);
}

/* A glob without a domain is for domain 0. One that may have a domain is added in both forms. */
static bool add_glob(char *text)
{
	char full[sizeof("0000:") + ATTR_MAX];
	bool domain, bus;

	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	domain = text[0] == '*' || strchr(text, ':') != strrchr(text, ':');
	bus = strcspn(text, "*[:") == 2 && text[2] == ':';
	snprintf(full, sizeof(full), "0000:%s", text);
	return (domain || add_item(full)) && ((bus && !domain) || add_item(text));
}

static bool add_selector(const struct selector *sel, char *text)
{
	char name[PCI_NAME_LEN];

	if (sel->kind == SELECTOR_GLOB)
		return add_glob(text);
	pci_addr_name(&sel->addr, name);
	return add_item(name);
}

static int match(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	const struct selector *sel = arg;

	(void)ctx;
	return sel->kind == SELECTOR_GLOB ? selector_glob_matches(sel, addr) :
					    pci_addr_key(&sel->addr) == pci_addr_key(addr);
}

/* Fills both lists. Refuses items that are neither addresses nor globs: they match nothing. */
static int read_sim(struct ctx *ctx, const struct verb *verb)
{
	cleanup_free char *copy = strdup(opt_sim);
	char *rest = copy, *item;
	struct selector sel;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&rest, ","))) {
		/* the item becomes a part of a module's command line */
		if (!selector_parse(item, &sel) ||
		    (sel.kind != SELECTOR_ADDRESS && sel.kind != SELECTOR_GLOB) ||
		    strspn(item, "0123456789abcdefABCDEF:.*?[]-!") != strlen(item))
			return verb_usage_error(
				ctx, verb, item,
				"'%s' in --sim is neither an address (0000:01:00.0 or 01:00.0) nor a glob over addresses",
				item);
		if (pci_scan(ctx, match, &sel) != 1)
			util_add_item(sim_missing, sizeof(sim_missing), ",", item);
		if (!add_selector(&sel, item))
			return verb_usage_error(ctx, verb, opt_sim,
						"the list of --sim is too long: use globs");
	}
	return 0;
}

/* The module reads the list of its functions only when it is loaded. */
static int load_sim(struct ctx *ctx)
{
	struct problem p = { .attribute = "module",
			     .value = SIM_MODULE,
			     .err = -EBUSY,
			     .stage = "module",
			     .hint = "run 'tsmctl unload' first" };
	char parameters[ATTR_MAX + sizeof(SIM_PARAMETER)];
	char now[ATTR_MAX], note[ATTR_MAX + 64];

	if (module_loaded(ctx, SIM_MODULE) &&
	    attr_read(ctx->sysfs_fd, "module/" SIM_MODULE "/parameters/" SIM_PARAMETER, now,
		      sizeof(now)) == 0 &&
	    !streq(now, sim_list))
		return report_error(ctx, &p, SIM_MODULE " is loaded for '%s', not '%s'", now,
				    sim_list);
	snprintf(parameters, sizeof(parameters), SIM_PARAMETER "=%s", sim_list);
	snprintf(note, sizeof(note), "no function on this host matches %s", sim_missing);
	return load_one(ctx, SIM_MODULE, parameters, sim_missing[0] ? note : NULL);
}

static int load(struct ctx *ctx)
{
	struct outcome o = { .attribute = "configfs", .value = "mounted" };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(needed); i++)
		ret = load_one(ctx, needed[i], NULL, NULL);
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
	cleanup_fd int lock = -1;
	int ret;

	if (argc)
		return verb_usage_error(ctx, verb, argv[0], "takes no '%s' (--sim takes devices)",
					argv[0]);
	ret = opt_sim ? read_sim(ctx, verb) : 0;
	if (ret)
		return ret;
	ret = modules_init(ctx, opt_dir) ?: lock_modules(ctx, &lock);
	if (!ret)
		ret = load(ctx);
	modules_done();
	return ret;
}

const struct verb verb_load = {
	.name = "load",
	.synopsis = "[--sim DEVICES]",
	.summary = "load the kernel modules, and mount configfs",
	.help = "Loads vfio_tsm and vfio_pci_tsm with the modules that they need, and KVM, and "
		"mounts configfs. --sim gives the named functions a software TSM, for hosts "
		"without a TSM.",
	.options = options,
	.run = run,
};
