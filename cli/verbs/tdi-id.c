// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl tdi-id: the requester ID that a device has in its guest. */
#include <errno.h>

#include "common/selector.h"
#include "host/change.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static const char *opt_set;
static int opt_get;

static const struct poptOption options[] = {
	{ "set", 0, POPT_ARG_STRING, &opt_set, 0, "the ID of all devices", "ID" },
	{ "get", 0, POPT_ARG_NONE, &opt_get, 0, "only read: every argument is a device", NULL },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND
};

static const char *const words[] = { "none", NULL };

static int apply(struct ctx *ctx, struct pci_device *dev, void *id)
{
	const char *want[SETTINGS] = { [SET_TDI_ID] = id };

	if (!id)
		return policy_show(ctx, dev, "tdi_id");
	return policy_change(ctx, dev, "tdi_id", id) ?: verb_keep(ctx, dev, want);
}

/*
 * Whether an argument is a device, and not an ID. An address is a device if that has a TSM side
 * or policy. Every other selector is a device.
 */
static bool is_device(struct ctx *ctx, const char *text)
{
	char name[PCI_NAME_LEN];
	struct pci_addr addr;
	struct selector sel;

	if (pci_addr_parse(text, &addr))
		return selector_parse(text, &sel);
	pci_addr_name(&addr, name);
	return pci_has_tsm_side(ctx, name) || policy_has(ctx, name);
}

/*
 * Takes the ID from the arguments: =ID after several devices, DEVICE=ID, or the second
 * of two. An ID looks like an address: if the second one is a device of this host, both are
 * read.
 */
static int find_id(struct ctx *ctx, const struct verb *verb, int *argc, const char **argv)
{
	const char *last = argv[*argc - 1];
	char *equals = strchr(last, '=');
	struct selector sel;

	/* driver=NAME and pf=ADDRESS are devices; driver=NAME=ID sets an ID */
	if (equals && (starts_with(last, "driver=") || starts_with(last, "pf=")))
		equals = strchr(equals + 1, '=');

	if (equals && equals != last && *argc > 1)
		return verb_usage_error(ctx, verb, last,
					"'%s' after other devices: '=%s' sets the ID of all", last,
					equals + 1);
	if (equals) {
		opt_set = equals + 1;
		*argc -= equals == last;
		/* the text before it is a device */
		*equals = '\0';
	} else if (*argc == 2 && !is_device(ctx, last)) {
		opt_set = last;
		--*argc;
	} else if (*argc > 2 && !selector_parse(last, &sel)) {
		return verb_usage_error(ctx, verb, last,
					"'%s' is not a device; '=%s' sets the ID of several", last,
					last);
	} else if (*argc == 2 && !ctx->json && !ctx->quiet) {
		fprintf(stderr, "tsmctl: %s is a device, so both are read; '=%s' sets the ID\n",
			last, last);
	}
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char id[PCI_NAME_LEN];
	struct pci_addr addr;
	bool first;
	int ret;

	if (opt_get && opt_set)
		return verb_usage_error(ctx, verb, NULL, "--get and --set exclude each other");
	if (!opt_get && !opt_set && argc) {
		ret = find_id(ctx, verb, &argc, argv);
		if (ret)
			return ret;
	}
	if (!opt_set)
		return verb_refuse_save(ctx, verb) ?: verb_each(ctx, verb, argc, argv, apply, NULL);
	first = argc && !pci_addr_parse(argv[0], &addr);
	return verb_read_tdi_id(ctx, verb, opt_set, id, first ? "" : " (--get reads several devices)") ?:
		       verb_change_each(ctx, verb, argc, argv, apply, id);
}

const struct verb verb_tdi_id = {
	.name = "tdi-id",
	.synopsis = "DEVICE... [[=]none|BB:DD.F|SSSS:BB:DD.F|0xNUMBER]",
	.summary = "read or set the requester ID a device has in its guest",
	.help = "Sets the ID for each bind that names no iommufd vDEVICE, or without an ID "
		"prints the present one. =ID sets the ID of several devices.",
	.words = words,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
