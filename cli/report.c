// SPDX-License-Identifier: GPL-2.0-or-later
/* Results, errors, the JSON envelope and the exit code, see report.h. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "journal.h"
#include "report.h"

void report_add_text(struct json_object *obj, const char *key, const char *text)
{
	cleanup_free char *safe = text ? util_printable(text) : NULL;

	json_object_object_add(obj, key, safe ? json_object_new_string(safe) : NULL);
}

/* stdio does not keep the errno of a write that failed inside of printf(). */
static ssize_t write_output(void *cookie, const char *text, size_t size)
{
	struct answer *a = cookie;
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(STDOUT_FILENO, text + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			a->output_error = a->output_error ?: errno;
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int open_output(struct answer *a)
{
	FILE *file = fopencookie(a, "w", (cookie_io_functions_t){ .write = write_output });

	if (!file)
		return -ENOMEM;
	if (isatty(STDOUT_FILENO))
		setvbuf(file, NULL, _IOLBF, 0);
	stdout = file;
	return 0;
}

static int start_answer(struct ctx *ctx)
{
	ctx->answer.results = json_object_new_array();
	ctx->answer.errors = json_object_new_array();
	return ctx->answer.results && ctx->answer.errors ? 0 : -ENOMEM;
}

int report_init(struct ctx *ctx)
{
	return open_output(&ctx->answer) ?: start_answer(ctx);
}

/* The hint of a problem, with the device in place of each @, for the caller to free. */
static char *full_hint(const struct problem *p)
{
	const char *hint = p->hint ?: errno_hint(p->err);
	char filled[512];

	if (!hint || !p->device)
		return hint ? strdup(hint) : NULL;
	util_fill(filled, sizeof(filled), hint, p->device);
	return strdup(filled);
}

static void count_error(struct answer *a, int code)
{
	if (!a->code)
		a->code = code;
	else if (a->code != code)
		a->mixed = true;
}

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(obj, key, &v);
	return v ? json_object_get_string(v) : NULL;
}

/* Prints an error, or puts it into the envelope; takes the reference. */
static void emit(struct ctx *ctx, struct json_object *obj)
{
	const char *device = text_of(obj, "device"), *hint = text_of(obj, "hint");

	if (ctx->json) {
		json_object_array_add(ctx->answer.errors, obj);
		return;
	}
	fprintf(stderr, "tsmctl: %s%s%s%s%s\n", device ?: "", device ? ": " : "",
		text_of(obj, "message") ?: "out of memory", hint ? "; " : "", hint ?: "");
	json_object_put(obj);
}

int report_error(struct ctx *ctx, const struct problem *p, const char *fmt, ...)
{
	struct json_object *obj = json_object_new_object();
	cleanup_free char *hint = full_hint(p);
	cleanup_free char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);

	count_error(&ctx->answer, p->code ?: exit_code_of(p->err));
	report_add_text(obj, "device", p->device);
	report_add_text(obj, "attribute", p->attribute);
	report_add_text(obj, "value", p->value);
	report_add_text(obj, "errno", p->err ? strerrorname_np(-p->err) : NULL);
	report_add_text(obj, "stage", p->stage);
	report_add_text(obj, "message", message);
	report_add_text(obj, "hint", hint);
	if (p->changed) {
		ctx->answer.changed = true;
		if (!ctx->dry_run)
			journal_problem(ctx, p, message ?: "");
	}
	if (ctx->answer.held)
		json_object_array_add(ctx->answer.held, obj);
	else
		emit(ctx, obj);
	return p->err;
}

void report_hold(struct ctx *ctx)
{
	ctx->answer.held = json_object_new_array();
	ctx->answer.code_before = ctx->answer.code;
	ctx->answer.mixed_before = ctx->answer.mixed;
}

static void add_advice(struct json_object *obj, const char *advice)
{
	const char *hint = text_of(obj, "hint");
	cleanup_free char *text = NULL;

	if (asprintf(&text, "%s%s%s", hint ?: "", hint ? "; " : "", advice) < 0)
		text = NULL;
	report_add_text(obj, "hint", text);
}

const char *report_held(struct ctx *ctx)
{
	return text_of(json_object_array_get_idx(ctx->answer.held, 0), "message");
}

void report_drop(struct ctx *ctx)
{
	json_object_put(ctx->answer.held);
	ctx->answer.held = NULL;
	ctx->answer.code = ctx->answer.code_before;
	ctx->answer.mixed = ctx->answer.mixed_before;
}

void report_release(struct ctx *ctx, const char *advice)
{
	struct json_object *held = ctx->answer.held;

	ctx->answer.held = NULL;
	for (size_t i = 0; held && i < json_object_array_length(held); i++) {
		struct json_object *obj = json_object_get(json_object_array_get_idx(held, i));

		if (advice)
			add_advice(obj, advice);
		emit(ctx, obj);
	}
	json_object_put(held);
}

void report_object(struct ctx *ctx, struct json_object *obj)
{
	json_object_array_add(ctx->answer.results, obj);
}

static void add_outcome(struct ctx *ctx, const struct outcome *o)
{
	struct json_object *obj = json_object_new_object();

	report_add_text(obj, "device", o->device);
	report_add_text(obj, "attribute", o->attribute);
	report_add_text(obj, "value", o->value);
	report_add_text(obj, "previous", o->previous);
	json_object_object_add(obj, "changed", json_object_new_boolean(o->changed));
	report_add_text(obj, "note", o->note);
	report_object(ctx, obj);
}

/* A value in the words that show prints. */
static const char *shown(const struct outcome *o, const char *value)
{
	if (!value)
		return "none";
	if (!o->flag)
		return value;
	return streq(value, "0") ? "no" : streq(value, "1") ? "yes" : value;
}

static void print_value(const struct ctx *ctx, const struct outcome *o)
{
	printf("%s%s%s%s %s", o->device ?: "", o->device ? ": " : "",
	       ctx->dry_run && o->changed ? "would set " : "", o->attribute,
	       o->open && !o->value ? "of the kernel's choice" : shown(o, o->value));
	if (!o->changed)
		printf(" (unchanged)");
	else if (o->previous || o->device)
		printf(ctx->dry_run ? " (now %s)" : " (was %s)", shown(o, o->previous));
	putchar('\n');
}

void report_change(struct ctx *ctx, const struct outcome *o)
{
	ctx->answer.changed = true;
	if (!ctx->dry_run)
		journal_change(ctx, o);
}

int report_outcome(struct ctx *ctx, const struct outcome *o)
{
	if (o->changed)
		report_change(ctx, o);
	if (ctx->json) {
		add_outcome(ctx, o);
		return 0;
	}
	if (ctx->quiet)
		return 0;
	/* a note without a value needs no line for the value */
	if (!o->note || o->value || o->previous || o->changed)
		print_value(ctx, o);
	if (o->note)
		printf("%s%snote: %s\n", o->device ?: "", o->device ? ": " : "", o->note);
	return 0;
}

int report_value(struct ctx *ctx, const struct outcome *o)
{
	if (ctx->json)
		add_outcome(ctx, o);
	else
		printf("%s%s%s %s\n", o->device ?: "", o->device ? ": " : "", o->attribute,
		       shown(o, o->value));
	return 0;
}

static int exit_code(const struct answer *a)
{
	if (!a->code)
		return a->verdict;
	if (a->done)
		return EXIT_PARTIAL;
	return a->mixed ? EXIT_FAILED : a->code;
}

static void print_envelope(struct answer *a, int form)
{
	struct json_object *env = json_object_new_object();

	json_object_object_add(env, "schema_version", json_object_new_int(ENVELOPE_VERSION));
	json_object_object_add(env, "changed", json_object_new_boolean(a->changed));
	json_object_object_add(env, "result", a->results);
	json_object_object_add(env, "errors", a->errors);
	a->results = NULL;
	a->errors = NULL;
	puts(json_object_to_json_string_ext(env, form | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(env);
}

void report_stream(struct ctx *ctx)
{
	ctx->answer.stream = true;
}

bool report_flush(struct ctx *ctx)
{
	return !fflush(stdout) && !ferror(stdout) && !ctx->answer.output_error;
}

void report_line(struct ctx *ctx)
{
	print_envelope(&ctx->answer, JSON_C_TO_STRING_PLAIN);
	start_answer(ctx);
}

/* Whether there is anything to print: in a stream, only what was not printed yet. */
static bool has_more(const struct answer *a)
{
	return !a->stream || json_object_array_length(a->results) ||
	       json_object_array_length(a->errors);
}

int report_finish(struct ctx *ctx)
{
	int code = exit_code(&ctx->answer);
	bool stream = ctx->answer.stream;

	if (ctx->json && has_more(&ctx->answer))
		print_envelope(&ctx->answer,
			       stream ? JSON_C_TO_STRING_PLAIN :
					JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	json_object_put(ctx->answer.results);
	json_object_put(ctx->answer.errors);

	if (!report_flush(ctx)) {
		int err = ctx->answer.output_error ?: EIO;

		/* a reader that has seen enough, such as head, needs no message */
		if (err == EPIPE && stream)
			return code;
		if (err != EPIPE)
			fprintf(stderr, "tsmctl: cannot write the output: %s\n", strerror(err));
		if (!code)
			code = EXIT_FAILED;
	}
	return code;
}
