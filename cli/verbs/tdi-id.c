// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl tdi-id: the requester ID that a device has in its guest. */
#include <errno.h>

#include "host/change.h"
#include "report.h"
#include "verbs/verbs.h"

static const char *opt_set;
static int opt_get;

static const struct poptOption options[] = {
	{ "set", 0, POPT_ARG_STRING, &opt_set, 0, "the ID, if not the last argument", "ID" },
	{ "get", 0, POPT_ARG_NONE, &opt_get, 0, "only read: every argument is a device", NULL },
	POPT_TABLEEND
};

static const char *const words[] = { "none", NULL };

static int apply(struct ctx *ctx, struct pci_device *dev, void *id)
{
	return id ? policy_change(ctx, dev, "tdi_id", id) : policy_show(ctx, dev, "tdi_id");
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char id[PCI_NAME_LEN];
	int ret;

	if (opt_get && opt_set)
		return verb_usage_error(ctx, verb, NULL, "--get and --set exclude each other");
	/* an ID looks like an address: with two arguments, the last one is the ID */
	if (!opt_get && !opt_set && argc > 1)
		opt_set = argv[--argc];
	if (!opt_set)
		return verb_each(ctx, verb, argc, argv, apply, NULL);
	ret = tdi_id_parse(opt_set, id, sizeof(id));
	if (ret)
		return verb_usage_error(
			ctx, verb, opt_set,
			"'%s' is no TDI id: none, 00:02.0, 0000:00:02.0, or 0x10 with at most 32 bits%s",
			opt_set,
			argc && !pci_addr_parse(argv[0], &(struct pci_addr){ 0 }) ?
				"" :
				" (--get reads several devices)");
	return verb_each(ctx, verb, argc, argv, apply, id);
}

const struct verb verb_tdi_id = {
	.name = "tdi-id",
	.synopsis = "DEVICE... [none|BB:DD.F|SSSS:BB:DD.F|0xNUMBER]",
	.summary = "read or set the requester ID a device has in its guest",
	.help = "Used by a bind that names no iommufd vDEVICE. With two arguments or more, the "
		"last one is the ID; --get reads several devices. Cannot be changed while the "
		"device is bound. The device need not exist yet.",
	.words = words,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
