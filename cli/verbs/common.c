// SPDX-License-Identifier: GPL-2.0-or-later
/* What several verbs share, see common.h. */
#include <errno.h>
#include <stdarg.h>

#include "config/files.h"
#include "config/lock.h"
#include "config/saved.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

const char *verb_timeout;

const struct poptOption verb_timeout_alone[] = { VERB_TIMEOUT, POPT_TABLEEND };

int verb_saves;

const struct poptOption verb_save_alone[] = { VERB_SAVE, VERB_TIMEOUT, POPT_TABLEEND };

int verb_usage_error(struct ctx *ctx, const struct verb *verb, const char *value, const char *fmt,
		     ...)
{
	cleanup_free char *message = NULL;
	char hint[64];
	struct problem p = {
		.value = value,
		.err = -EINVAL,
		.stage = "usage",
		.hint = hint,
		.code = EXIT_USAGE,
	};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	snprintf(hint, sizeof(hint), "see 'tsmctl %s%s--help'", verb ? verb->name : "",
		 verb ? " " : "");
	return report_error(ctx, &p, "%s%s%s", verb ? verb->name : "", verb ? ": " : "",
			    message ?: "");
}

static int report_word(struct ctx *ctx, const struct verb *verb, const char *option,
		       const char *what, const char *const *words, const char *word)
{
	const char *nearest = NULL;
	char all[512] = "";

	for (; *words; words++) {
		util_consider(word, *words, &nearest);
		util_add_item(all, sizeof(all), ", ", *words);
	}
	return verb_usage_error(ctx, verb, word, "'%s' in --%s is not %s%s%s%s; --%s takes %s",
				word, option, what, nearest ? ", but there is '" : "",
				nearest ?: "", nearest ? "'" : "", option, all);
}

int verb_check_words(struct ctx *ctx, const struct verb *verb, const char *option, const char *what,
		     const char *const *words, const char *list)
{
	const char *end;

	for (const char *word = list; word; word = *end ? end + 1 : NULL) {
		cleanup_free char *copy = NULL;

		end = strchrnul(word, ',');
		copy = strndup(word, (size_t)(end - word));
		if (!copy)
			return -ENOMEM;
		if (!util_among(words, copy))
			return report_word(ctx, verb, option, what, words, copy);
	}
	return 0;
}

int verb_check_policy(struct ctx *ctx, const struct verb *verb, enum policy_id id,
		      const char *value)
{
	if (!value || util_among(policies[id].words, value))
		return 0;
	return verb_usage_error(ctx, verb, value, "'%s' is %s", value, policies[id].mistake);
}

int verb_read_tdi_id(struct ctx *ctx, const struct verb *verb, const char *text, char *id,
		     const char *more)
{
	id[0] = '\0';
	if (!text || !tdi_id_parse(text, id, PCI_NAME_LEN))
		return 0;
	return verb_usage_error(
		ctx, verb, text,
		"'%s' is not a TDI id: none, 00:02.0, 0000:00:02.0, or 0x10 with at most 32 bits%s",
		text, more);
}

int verb_select(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
		struct selection *s)
{
	int bad;

	*s = (struct selection){ 0 };
	if (!argc && !(verb->flags & VERB_ALL))
		return verb_usage_error(ctx, verb, NULL, "DEVICE is missing");
	bad = select_parse(s, verb->flags, argc, argv);
	if (bad < 0)
		return bad;
	for (int i = 0; verb->flags & VERB_OTHER_TIMES && i < bad; i++)
		if (s->selectors[i].kind == SELECTOR_DRIVER || s->selectors[i].kind == SELECTOR_PF)
			return verb_usage_error(
				ctx, verb, argv[i],
				"'%s' selects by the present driver or PF: give an address, a glob, or vendor:device",
				argv[i]);
	if (bad == argc)
		return 0;
	return verb_usage_error(
		ctx, verb, argv[bad],
		"'%s' is not a device: give an address (0000:01:00.0 or 01:00.0), a glob over addresses, vendor:device (8086:10c9), driver=NAME, pf=ADDRESS, or all",
		argv[bad]);
}

int verb_each(struct ctx *ctx, const struct verb *verb, int argc, const char **argv, device_fn fn,
	      void *arg)
{
	struct selection s cleanup_selection;
	int ret = verb_select(ctx, verb, argc, argv, &s);

	return ret ?: select_each(ctx, &s, fn, arg);
}

int verb_keep(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS])
{
	if (!verb_saves)
		return 0;
	return config_init(ctx) ?: saved_put(ctx, dev, want);
}

int verb_refuse_save(struct ctx *ctx, const struct verb *verb)
{
	return verb_saves ? verb_usage_error(ctx, verb, NULL, "--save needs a value to set") : 0;
}

int verb_refuse_absent(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = {
		.device = dev->name, .err = -ENODEV, .stage = "select", .code = EXIT_NO_DEVICE
	};

	return report_error(ctx, &p, "no such device");
}

#define MAX_SECONDS 86400

int verb_seconds(struct ctx *ctx, const struct verb *verb, const char *text, int *seconds)
{
	unsigned int n;

	if (!text)
		return 0;
	if (util_parse_u32(text, &n) || n > MAX_SECONDS)
		return verb_usage_error(ctx, verb, text, "'%s' is not a number of seconds, 0 to %d",
					text, MAX_SECONDS);
	*seconds = (int)n;
	return 0;
}

int verb_change(struct ctx *ctx, struct pci_device *dev, void *change)
{
	const struct change *c = change;
	int ret = lock_device(ctx, dev);

	if (ret)
		return ret;
	ret = c->fn(ctx, dev, c->arg);
	unlock_device(ctx, dev);
	return ret;
}

int verb_change_each(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
		     device_fn fn, void *arg)
{
	struct change c = { fn, arg };

	return verb_seconds(ctx, verb, verb_timeout, &ctx->timeout) ?:
		       verb_each(ctx, verb, argc, argv, verb_change, &c);
}
