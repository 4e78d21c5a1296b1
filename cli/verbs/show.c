// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl show: everything about devices. */
#include <errno.h>
#include <json-c/json.h>

#include "host/in_use.h"
#include "host/info.h"
#include "host/model.h"
#include "report.h"
#include "verbs/common.h"

static int show(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct json_object *obj;
	struct host_use use;
	bool *first = arg;
	char buf[512];

	/* not in list: the search reads everything below a function */
	obj = info_collect_all(ctx, dev, in_use_find(ctx, dev, false, &use) ? use.text : NULL);
	if (!ctx->json) {
		if (!*first)
			putchar('\n');
		*first = false;
		json_object_object_foreach(obj, key, value) {
			(void)value;
			printf("%-20s%s\n", key, info_text(obj, key, buf, sizeof(buf)));
		}
	}
	report_object(ctx, obj);
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	bool first = true;
	int ret = verb_each(ctx, verb, argc, argv, show, &first);

	if (!ret && !argc)
		info_note_none(ctx);
	model_done();
	return ret;
}

const struct verb verb_show = {
	.name = "show",
	.synopsis = "[DEVICE...]",
	.summary = "show everything about devices",
	.help = "Shows all that is known of each DEVICE, or of all devices that 'list' shows. "
		"Unknown values are shown as -.",
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_ID,
	.run = run,
};
