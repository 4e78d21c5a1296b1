// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl mode: how a device's MMIO regions are claimed, and what a bind does to mapped BARs. */
#include <errno.h>

#include "common/selector.h"
#include "config/files.h"
#include "config/saved.h"
#include "host/change.h"
#include "host/policies.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static const char *opt_set, *opt_default, *opt_bar_mmap;

static const struct poptOption options[] = {
	{ "set", 0, POPT_ARG_STRING, &opt_set, 0, "the mode, if not the last argument", "MODE" },
	{ "default", 0, POPT_ARG_STRING, &opt_default, 0,
	  "set the mode of all devices whose own is default", "MODE" },
	{ "bar-mmap", 0, POPT_ARG_STRING, &opt_bar_mmap, 0,
	  "what a bind does to mapped BARs: refuse or revoke", "ACTION" },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND
};

static const struct verb_values values[] = {
	{ "set", policy_modes },
	/* without default itself */
	{ "default", policy_modes + 1 },
	{ "bar-mmap", policy_actions },
	{ NULL, NULL },
};

static int apply(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *want[SETTINGS] = { [SET_REGION_MODE] = opt_set, [SET_BAR_MMAP] = opt_bar_mmap };
	int ret = 0;

	(void)arg;
	if (!opt_set && !opt_bar_mmap)
		return policy_show(ctx, dev, "region_mode");
	if (opt_set)
		ret = policy_change(ctx, dev, "region_mode", opt_set);
	if (!ret && opt_bar_mmap)
		ret = policy_change(ctx, dev, "bar_mmap", opt_bar_mmap);
	return ret ?: verb_keep(ctx, dev, want);
}

static int keep_default(struct ctx *ctx)
{
	if (!verb_saves)
		return 0;
	return config_init(ctx) ?: saved_put_default(ctx, opt_default);
}

static int set_default(struct ctx *ctx)
{
	struct outcome o = { .attribute = DEFAULT_MODE, .value = opt_default };
	char before[ATTR_MAX];
	int ret;

	ret = policy_get_default(ctx, before);
	if (ret)
		return ret;
	o.previous = before;
	o.changed = !streq(before, opt_default);
	if (o.changed)
		ret = policy_set_default(ctx, opt_default);
	if (ret)
		return ret;
	report_outcome(ctx, &o);
	return keep_default(ctx);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct selection s cleanup_selection = { 0 };
	struct change change = { apply, NULL };
	struct selector sel;
	int ret;

	if (!opt_set && argc > 0 && util_among(policy_modes, argv[argc - 1]))
		opt_set = argv[--argc];
	else if (!opt_set && argc > 1 && !selector_parse(argv[argc - 1], &sel))
		return verb_usage_error(
			ctx, verb, argv[argc - 1],
			"'%s' is neither a device nor a mode (default, exclusive, shared)",
			argv[argc - 1]);
	ret = verb_check_policy(ctx, verb, POLICY_REGION_MODE, opt_set);
	if (ret)
		return ret;
	if (opt_default && !util_among(policy_modes + 1, opt_default))
		return verb_usage_error(ctx, verb, opt_default,
					"'%s' cannot be the default: exclusive or shared",
					opt_default);
	ret = verb_check_policy(ctx, verb, POLICY_BAR_MMAP, opt_bar_mmap);
	if (!ret && !opt_default && !opt_set && !opt_bar_mmap)
		ret = verb_refuse_save(ctx, verb);
	if (ret)
		return ret;
	if (opt_default && !argc && !opt_set && !opt_bar_mmap)
		return set_default(ctx);
	ret = verb_seconds(ctx, verb, verb_timeout, &ctx->timeout) ?:
		      verb_select(ctx, verb, argc, argv, &s);
	if (ret)
		return ret;
	if (opt_default)
		ret = set_default(ctx);
	/* reading needs no lock */
	if (!opt_set && !opt_bar_mmap)
		return select_each(ctx, &s, apply, NULL) ?: ret;
	return select_each(ctx, &s, verb_change, &change) ?: ret;
}

const struct verb verb_mode = {
	.name = "mode",
	.synopsis = "[DEVICE...] [default|exclusive|shared]",
	.summary = "read or set how a device's MMIO regions are claimed",
	.help = "Sets the mode, which takes effect when the device is opened next, or without a "
		"mode prints the present one. A bind needs exclusive regions.",
	.words = policy_modes,
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
