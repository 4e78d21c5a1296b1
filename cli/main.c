// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl: global options, dispatch. */
#include <errno.h>
#include <signal.h>

#include "help.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/slow.h"
#include "interrupt.h"
#include "report.h"
#include "verbs/admit.h"
#include "verbs/common.h"

enum { OPT_HELP = 1, OPT_VERSION };

static struct ctx ctx = { .sysfs_fd = -1, .policy_fd = -1, .timeout = -1, .device_lock = -1 };

static const struct poptOption global_options[] = {
	{ "json", 0, POPT_ARG_NONE, &ctx.json, 0, "print one JSON object", NULL },
	{ "dry-run", 0, POPT_ARG_NONE, &ctx.dry_run, 0,
	  "change nothing, print what would be changed", NULL },
	{ "quiet", 'q', POPT_ARG_NONE, &ctx.quiet, 0, "print only errors and what was asked for",
	  NULL },
	{ "verbose", 'v', POPT_ARG_NONE, &ctx.verbose, 0, "trace every change on standard error",
	  NULL },
	{ "help", 'h', POPT_ARG_NONE, NULL, OPT_HELP, "show this help", NULL },
	{ "version", 'V', POPT_ARG_NONE, NULL, OPT_VERSION, "show the version", NULL },
	POPT_TABLEEND
};

static void free_popt(poptContext *con)
{
	if (*con)
		poptFreeContext(*con);
}

#define cleanup_popt __attribute__((cleanup(free_popt)))

static void consider_options(const char *text, const struct poptOption *o, const char **nearest)
{
	for (; o && (o->longName || o->shortName || o->arg); o++)
		if (o->longName)
			util_consider(text, o->longName, nearest);
}

static int option_error(const struct verb *verb, const char *option, int err)
{
	const char *nearest = NULL;
	char name[32];

	if (err == POPT_ERROR_BADOPT && starts_with(option, "--")) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(option + 2, "="), option + 2);
		consider_options(name, global_options, &nearest);
		consider_options(name, verb ? verb->options : NULL, &nearest);
	}
	return verb_usage_error(&ctx, verb, option, "%s: %s%s%s", option, poptStrerror(err),
				nearest ? ", but there is --" : "", nearest ?: "");
}

/*
 * Reads the options of one context. Returns 1 if there is nothing more to do, 0 to go
 * on, or negative errno, reported.
 */
static int read_options(poptContext con, const struct verb *verb)
{
	int opt;

	while ((opt = poptGetNextOpt(con)) > 0) {
		if (opt == OPT_HELP)
			return help_print(verb, global_options);
		printf("tsmctl %s\n", VERSION);
		return 1;
	}
	if (opt == -1)
		return 0;
	return option_error(verb, poptBadOption(con, 0), opt);
}

static int count(const char **argv)
{
	int n = 0;

	while (argv && argv[n])
		n++;
	return n;
}

static int start(const struct verb *verb, const char **argv)
{
	static const char *none[] = { NULL };
	int ret;

	ret = pci_init(&ctx) ?: policy_init(&ctx) ?: owner_init(&ctx);
	return ret ?: verb->run(&ctx, verb, count(argv), argv ?: none);
}

/* A script whose variable is not set gives an empty path. */
static int refuse_empty_path(const struct verb *verb)
{
	for (const struct poptOption *o = verb->options; o && o->arg; o++) {
		const char *value = o->argInfo == POPT_ARG_STRING ? *(const char **)o->arg : NULL;

		if (value && !*value &&
		    (streq(o->argDescrip, "FILE") || streq(o->argDescrip, "DIR")))
			return verb_usage_error(&ctx, verb, value, "the path in --%s is empty",
						o->longName);
	}
	return 0;
}

static int run_verb(const struct verb *verb, int argc, const char **argv)
{
	struct poptOption table[] = {
		{ NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)global_options, 0, NULL, NULL },
		{ NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)verb->options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	poptContext con cleanup_popt = NULL;
	int ret;

	if (!verb->options)
		table[1] = (struct poptOption)POPT_TABLEEND;
	con = poptGetContext("tsmctl", argc, argv, table, 0);
	if (!con)
		return -ENOMEM;
	ret = read_options(con, verb);
	return ret ?: refuse_empty_path(verb) ?: start(verb, poptGetArgs(con));
}

static int dispatch(int argc, const char **argv)
{
	poptContext con cleanup_popt =
		poptGetContext("tsmctl", argc, argv, global_options, POPT_CONTEXT_POSIXMEHARDER);
	const struct verb *verb;
	const char **rest;
	int ret;

	if (!con)
		return -ENOMEM;
	ret = read_options(con, NULL);
	if (ret)
		return ret;
	rest = poptGetArgs(con);
	if (!rest)
		return verb_usage_error(&ctx, NULL, NULL, "a verb is missing");
	if (streq(rest[0], "help"))
		return help_verb(&ctx, global_options, count(rest) - 1, rest + 1);
	verb = verb_find(rest[0]);
	ctx.verb = rest[0];
	if (!verb)
		return help_no_verb(&ctx, rest[0]);
	/* the verb stands where a program's name would */
	return run_verb(verb, count(rest), rest);
}

/* --json also applies to an error in an option that stands before it. */
static void look_for_json(char **argv)
{
	for (argv++; *argv && !streq(*argv, "--"); argv++)
		if (streq(*argv, "--json"))
			ctx.json = 1;
}

int main(int argc, char **argv)
{
	int ret;

	util_std_fds();
	/* a reader that goes away must not stop a change half-way */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 1 || report_init(&ctx))
		return EXIT_FAILED;
	look_for_json(argv);
	ret = dispatch(argc, (const char **)argv);
	if (ret == 1)
		ctx.json = 0;
	else if (ret < 0 && !ctx.answer.code)
		report_error(&ctx, &(struct problem){ .err = ret, .stage = "internal" }, "%s",
			     strerror(-ret));
	ret = report_finish(&ctx);
	admit_done();
	slow_done();
	interrupt_end();
	return ret;
}
