// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl help: usage, and the tables that completions and pages are made from, see help.h. */
#include "common/stage.h"
#include "doctor/device.h"
#include "doctor/host.h"
#include "help.h"
#include "host/owner.h"
#include "host/policy.h"
#include "verbs/common.h"
#include "verbs/families.h"
#include "verbs/offer.h"

static void print_verbs(void)
{
	puts("\nVerbs:");
	for (const struct verb *const *v = verbs; *v; v++)
		printf("  %-12s%s\n", (*v)->name, (*v)->summary);
	puts("\nDEVICE is 0000:01:00.0, 01:00.0, a glob over addresses ('0000:02:10.*'),\n"
	     "vendor:device (8086:10c9), driver=NAME, pf=ADDRESS for its VFs, or all.\n"
	     "See also 'tsmctl help VERB'.");
}

/* The length of a word. Text in brackets stays together, with what touches it. */
static size_t word_length(const char *text)
{
	size_t n, depth = 0;

	for (n = 0; text[n] && (depth || text[n] != ' '); n++) {
		depth += text[n] == '[';
		depth -= depth && text[n] == ']';
	}
	return n;
}

/*
 * Prints text in lines of up to 79 characters, from column @col on. Later lines have an
 * indent.
 */
static size_t print_wrapped(const char *text, size_t col, size_t indent)
{
	size_t start = col;

	while (*text) {
		size_t n = word_length(text);

		if (col > start && col + 1 + n > 79) {
			printf("\n%*s", (int)indent, "");
			col = start = indent;
		}
		col += (size_t)printf("%s%.*s", col > start ? " " : "", (int)n, text);
		text += n + strspn(text + n, " ");
	}
	return col;
}

/* Prints the synopsis, and then the options that it leaves out, as the pages do. */
static void print_usage(const struct verb *verb)
{
	cleanup_free char *text = NULL;
	FILE *all;
	size_t size;

	all = open_memstream(&text, &size);
	if (!all)
		return;
	fputs(verb->synopsis, all);
	for (const struct poptOption *o = verb->options; o && o->longName; o++) {
		char name[32];

		snprintf(name, sizeof(name), "--%s", o->longName);
		if (!strstr(verb->synopsis, name))
			fprintf(all, " [%s%s%s]", name, o->argDescrip ? " " : "",
				o->argDescrip ?: "");
	}
	fputs(" [OPTIONS]", all);
	fclose(all);
	print_wrapped(text, (size_t)printf("Usage: tsmctl %s ", verb->name), 8);
	puts("\n");
}

static void print_option(const struct poptOption *o)
{
	char left[40];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->shortName ? '-' : ' ',
		 o->shortName ?: ' ', o->shortName ? "," : " ", o->longName,
		 o->argDescrip ? "=" : "", o->argDescrip ?: "");
	print_wrapped(o->descrip, (size_t)printf("  %-24s ", left), 27);
	putchar('\n');
}

static void print_options(const struct verb *verb, const struct poptOption *global)
{
	puts("\nOptions:");
	for (const struct poptOption *o = verb ? verb->options : NULL; o && o->longName; o++)
		print_option(o);
	for (const struct poptOption *o = global; o->longName; o++)
		print_option(o);
}

int help_print(const struct verb *verb, const struct poptOption *global)
{
	if (verb) {
		print_usage(verb);
		print_wrapped(verb->help, 0, 0);
		putchar('\n');
	} else {
		puts("Usage: tsmctl [OPTIONS] VERB [DEVICE...] [OPTIONS]\n\n"
		     "Bind PCI functions as TDIs of confidential VMs.");
		print_verbs();
	}
	print_options(verb, global);
	return 1;
}

/* The placeholders of values in the help, and where a shell finds the values. */
static const struct {
	const char *name;
	const char *kind;
} value_kinds[] = {
	{ "FILE", "@file" }, { "DIR", "@directory" }, { "DEVICES", "@address" },
	{ "tsmN", "@tsm" },  { "DRIVER", "@driver" }, { "PID", "@pid" },
};

static void print_kind(const struct verb *verb, const struct poptOption *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(value_kinds); i++)
		if (streq(value_kinds[i].name, o->argDescrip))
			fputs(value_kinds[i].kind, stdout);
	for (const struct verb_values *v = verb->values; v && v->option; v++)
		for (size_t i = 0; streq(v->option, o->longName) && v->words[i]; i++)
			printf("%s%s", i ? "|" : "", v->words[i]);
}

/* Prints each option that takes a value: --option=, and its words with | between, or @kind. */
static void print_values(const struct verb *verb)
{
	const char *blank = "";

	for (const struct poptOption *o = verb->options; o && o->longName; o++) {
		if (!o->argDescrip)
			continue;
		printf("%s--%s=", blank, o->longName);
		print_kind(verb, o);
		if (o->shortName) {
			printf(" -%c=", o->shortName);
			print_kind(verb, o);
		}
		blank = " ";
	}
}

/* For completions: verb, "device" or "-", options (= if it takes a value), words, values. */
static void print_tables(const struct poptOption *global)
{
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("%s\t%s\t", (*v)->name, (*v)->flags & VERB_DEVICES ? "device" : "-");
		for (const struct poptOption *o = (*v)->options; o && o->longName; o++)
			printf("--%s%s ", o->longName, o->argDescrip ? "=" : "");
		for (const struct poptOption *o = global; o->longName; o++)
			printf("--%s%s", o->longName, o[1].longName ? " " : "");
		putchar('\t');
		for (const char *const *w = (*v)->words; w && *w; w++)
			printf("%s%s", *w, w[1] ? " " : "");
		putchar('\t');
		print_values(*v);
		putchar('\n');
	}
}

static void print_option_rows(const char *verb, const struct poptOption *o)
{
	for (; o && o->longName; o++) {
		char letter[2] = { o->shortName ?: '-', '\0' };

		printf("option\t%s\t%s\t%s\t%s\t%s\n", verb, letter, o->longName,
		       o->argDescrip ?: "-", o->descrip);
	}
}

static void print_check_rows(const char *kind, const struct check *c)
{
	for (; c->name; c++)
		printf("check\t%s\t%s\t%s\n", kind, c->name, c->title);
}

static void print_stage_rows(void)
{
	for (const struct stage *s = stage_next(NULL); s; s = stage_next(s))
		printf("stage\t%s\t%s\t%d\t%s\t%s\n", s->name,
		       s->err ? strerrorname_np(-s->err) : "-", s->code, s->message, s->hint);
}

static void print_metric_rows(void)
{
	for (const struct family *f = families; f->name; f++) {
		printf("metric\t%s\t%s\t", f->name, f->type);
		for (size_t i = 0; f->labels[i]; i++)
			printf("%s%s", i ? ", " : "", f->labels[i]);
		printf("\t%s\n", f->help);
	}
}

/* For man/page.awk: all tables, one row a line. The global options have the verb "-". */
static void print_rows(const struct poptOption *global)
{
	for (const struct verb *const *v = verbs; *v; v++) {
		printf("verb\t%s\t%s\t%s\t%s\n", (*v)->name, (*v)->synopsis, (*v)->summary,
		       (*v)->help);
		print_option_rows((*v)->name, (*v)->options);
	}
	print_option_rows("-", global);
	print_check_rows("host", host_checks);
	print_check_rows("device", device_checks);
	print_stage_rows();
	print_metric_rows();
}

/* For completions: "devices VERB WORD" or "owners". */
static int print_offers(struct ctx *ctx, int argc, const char **argv)
{
	const struct verb *verb = argc == 3 ? verb_find(argv[1]) : NULL;
	int ret = pci_init(ctx) ?: policy_init(ctx) ?: owner_init(ctx);

	if (!ret && argc == 1)
		ret = offer_owners(ctx);
	else if (!ret && verb)
		ret = offer_devices(ctx, verb, argv[2]);
	return ret ?: 1;
}

int help_no_verb(struct ctx *ctx, const char *name)
{
	const char *nearest = NULL;

	for (const struct verb *const *v = verbs; *v; v++)
		util_consider(name, (*v)->name, &nearest);
	return verb_usage_error(ctx, NULL, name, "there is no verb '%s'%s%s%s", name,
				nearest ? ", but there is '" : "", nearest ?: "",
				nearest ? "'" : "");
}

int help_verb(struct ctx *ctx, const struct poptOption *global, int argc, const char **argv)
{
	const struct verb *verb;

	if (argc == 0 || (argc == 1 && streq(argv[0], "help")))
		return help_print(NULL, global);
	if (argc == 1 && streq(argv[0], "verbs")) {
		print_tables(global);
		return 1;
	}
	if (argc == 1 && streq(argv[0], "tables")) {
		print_rows(global);
		return 1;
	}
	if ((argc == 3 && streq(argv[0], "devices")) || (argc == 1 && streq(argv[0], "owners")))
		return print_offers(ctx, argc, argv);
	if (argc > 1)
		return verb_usage_error(ctx, NULL, argv[1],
					"help takes one verb: '%s' is one too many", argv[1]);
	verb = verb_find(argv[0]);
	if (!verb)
		return help_no_verb(ctx, argv[0]);
	return help_print(verb, global);
}
