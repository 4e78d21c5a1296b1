// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl doctor: what is missing for a bind, and what corrects it. */
#include <json-c/json.h>

#include "doctor/device.h"
#include "doctor/doctor.h"
#include "doctor/host.h"
#include "report.h"
#include "term.h"
#include "verbs/common.h"

static const struct {
	const char *word;
	const char *mark;
	enum term_style style;
} verdicts[] = {
	[DOES_NOT_APPLY] = { "n/a", "-   ", TERM_DIM },
	[PASSES] = { "pass", "ok  ", TERM_GOOD },
	[WARNS] = { "warn", "warn", TERM_WARN },
	[FAILS] = { "fail", "FAIL", TERM_BAD },
};

static void add_json(struct ctx *ctx, const struct pci_device *dev, const struct check *check,
		     const struct finding *f)
{
	struct json_object *obj = json_object_new_object();

	report_add_text(obj, "device", dev ? dev->name : NULL);
	report_add_text(obj, "check", check->name);
	report_add_text(obj, "title", check->title);
	report_add_text(obj, "verdict", verdicts[f->verdict].word);
	report_add_text(obj, "evidence", f->evidence[0] ? f->evidence : NULL);
	report_add_text(obj, "fix", f->fix[0] ? f->fix : NULL);
	report_object(ctx, obj);
}

static void print(const struct ctx *ctx, const struct check *check, const struct finding *f)
{
	const char *cause = f->verdict == FAILS && f->stage ? f->stage->message : NULL;
	cleanup_free char *evidence = util_printable(f->evidence);
	cleanup_free char *fix = util_printable(f->fix);

	if (ctx->quiet && f->verdict < WARNS)
		return;
	printf("%s%s%s  %-11s %s%s%s\n", term_style(verdicts[f->verdict].style),
	       verdicts[f->verdict].mark, term_end(), check->name, cause ?: "", cause ? ": " : "",
	       evidence ?: "");
	if (f->fix[0])
		printf("%18s fix: %s\n", "", fix ?: "");
}

/* The exit code is that of the failed check, or 1 if failed checks differ in it. */
static void judge(struct ctx *ctx, const struct finding *f)
{
	int *verdict = &ctx->answer.verdict;

	if (f->verdict != FAILS)
		return;
	if (*verdict && *verdict != (int)f->code)
		*verdict = EXIT_FAILED;
	else
		*verdict = (int)f->code;
}

static void tell(struct ctx *ctx, const struct pci_device *dev, const struct check *check,
		 const struct finding *f, void *arg)
{
	(void)arg;
	judge(ctx, f);
	if (ctx->json)
		add_json(ctx, dev, check, f);
	else
		print(ctx, check, f);
}

static int examine(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	(void)arg;
	if (!ctx->json)
		printf("\n%s\n", dev->name);
	doctor_run(ctx, dev, device_checks, tell, NULL);
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct selection s cleanup_selection;
	int ret = verb_select(ctx, verb, argc, argv, &s);

	if (ret)
		return ret;
	doctor_run(ctx, NULL, host_checks, tell, NULL);
	return s.implied ? 0 : select_each(ctx, &s, examine, NULL);
}

const struct verb verb_doctor = {
	.name = "doctor",
	.synopsis = "[DEVICE...]",
	.summary = "check what a bind needs, and show what corrects it",
	.help = "Checks what a bind needs of the host and of each DEVICE. The exit status is 0 if no "
		"check fails, also with warnings.",
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
