// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl connect: a secure session between a device's DSM and a TSM. */
#include <errno.h>
#include <fcntl.h>

#include "report.h"
#include "verbs.h"

static const char *opt_tsm;

static const struct poptOption options[] = {
	{ "tsm", 0, POPT_ARG_STRING, &opt_tsm, 0, "which TSM, if there are several", "tsmN" },
	POPT_TABLEEND,
};

/* tsm and a decimal number; nothing else may become part of a message or path */
static bool is_tsm_name(const char *name)
{
	unsigned int n;

	return starts_with(name, "tsm") && strlen(name) < 14 &&
	       strspn(name + 3, "0123456789") == strlen(name + 3) &&
	       util_parse_u32(name + 3, &n) == 0;
}

/*
 * Finds the only TSM of this host. @list gets the names of all of them.
 * Answers how many there are.
 */
static unsigned int find_tsm(const struct ctx *ctx, char *tsm, size_t size, char *list,
			     size_t list_size)
{
	cleanup_dir DIR *dir = NULL;
	unsigned int count = 0;
	struct dirent *e;
	size_t used = 0;
	int n;

	list[0] = '\0';
	dir = util_opendirat(ctx->sysfs_fd, "class/tsm");
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (!is_tsm_name(e->d_name))
			continue;
		util_copy(tsm, size, e->d_name);
		n = snprintf(list + used, list_size - used, "%s%s", count ? ", " : "", e->d_name);
		if (n > 0 && (size_t)n < list_size - used)
			used += (size_t)n;
		count++;
	}
	return count;
}

static int report_refusal(struct ctx *ctx, struct problem *p, const char *tsm)
{
	p->stage = "connect";
	if (p->err == -ENXIO) {
		p->code = EXIT_UNSUPPORTED;
		p->hint = "'ls /sys/class/tsm' shows the TSMs";
	} else {
		p->hint = p->err == -EACCES || p->err == -EPERM ?
				  NULL :
				  "the kernel log may say more: 'dmesg'";
	}
	return report_error(ctx, p, "cannot connect it to %s: %s", tsm, strerror(-p->err));
}

static int connect_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *tsm = arg;
	char before[ATTR_MAX], after[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "tsm", .value = tsm };
	struct problem p = { .device = dev->name, .attribute = "tsm/connect", .value = tsm };

	p.err = pci_get(dev, "tsm/connect", before);
	if (p.err == -ENOENT) {
		p.stage = "device";
		p.code = EXIT_UNSUPPORTED;
		p.hint = "connect function 0 of a TEE-capable device; its other functions follow";
		return report_error(ctx, &p, "it cannot connect to a TSM: no tsm/connect in sysfs");
	}
	p.stage = "read";
	if (p.err)
		return report_error(ctx, &p, "cannot read tsm/connect: %s", strerror(-p.err));
	o.previous = before[0] ? before : NULL;
	if (streq(before, tsm))
		return report_outcome(ctx, &o);
	if (before[0]) {
		p.err = -EBUSY;
		p.hint = "run 'tsmctl disconnect' first";
		return report_error(ctx, &p, "it is connected to %s", before);
	}
	p.err = pci_set(ctx, dev, "tsm/connect", tsm);
	if (p.err)
		return report_refusal(ctx, &p, tsm);
	p.stage = "verify";
	if (!ctx->dry_run && (pci_get(dev, "tsm/connect", after) || !streq(after, tsm))) {
		p.err = -EIO;
		return report_error(ctx, &p, "it is not connected to %s afterwards", tsm);
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char tsm[16] = "", list[256];
	struct problem p = { .attribute = "tsm", .stage = "tsm", .code = EXIT_UNSUPPORTED };
	unsigned int count;

	if (opt_tsm && !is_tsm_name(opt_tsm))
		return verb_usage_error(ctx, verb, opt_tsm, "'%s' is no TSM: tsm0, tsm1, ...",
					opt_tsm);
	count = find_tsm(ctx, tsm, sizeof(tsm), list, sizeof(list));
	if (!count) {
		p.err = -ENXIO;
		p.hint =
			"load the platform's TSM driver, or 'tsmctl load --sim DEVICES' for a software TSM";
		return report_error(ctx, &p, "this host has no TSM");
	}
	if (opt_tsm)
		return devices_each(ctx, verb, argc, argv, connect_device, (void *)opt_tsm);
	if (count > 1)
		return verb_usage_error(ctx, verb, NULL,
					"this host has several TSMs (%s): use --tsm", list);
	return devices_each(ctx, verb, argc, argv, connect_device, tsm);
}

const struct verb verb_connect = {
	.name = "connect",
	.synopsis = "DEVICE... [--tsm tsmN]",
	.summary = "connect a device to a TSM",
	.help = "Function 0 of a device is connected; its virtual functions follow. Needs only "
		"the kernel's own PCI/TSM.",
	.options = options,
	.flags = VERB_DEVICES,
	.run = run,
};
