/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way to report results and errors: as text, or in the JSON envelope, and in the
 * exit code. Text is printed as it comes, JSON at the end.
 */
#ifndef TSMCTL_REPORT_H
#define TSMCTL_REPORT_H

#include "common/exitcode.h"
#include "common/util.h"
#include "ctx.h"

#define ENVELOPE_VERSION 1

/**
 * struct problem - an error, except its message
 * @device: PCI address, or the selector that named it; NULL if none is concerned
 * @attribute: attribute or object, or NULL
 * @value: value that was to be written, or NULL
 * @err: negative errno
 * @stage: step that failed, or NULL
 * @hint: what to do next, or NULL for what the errno suggests; @ stands for @device
 * @code: exit code, or 0 for what the errno suggests
 * @changed: the step that failed has changed the system, or still may
 */
struct problem {
	const char *device;
	const char *attribute;
	const char *value;
	int err;
	const char *stage;
	const char *hint;
	int code;
	bool changed;
};

/**
 * report_error() - report an error, once, where most is known about it
 * @ctx: this run
 * @p: the error; its strings are copied
 * @fmt: message, as for printf, one line without a full stop
 *
 * An error with @p->changed counts as a change, and goes to the journal at once.
 *
 * Return: @p->err, for the caller to return.
 */
int report_error(struct ctx *ctx, const struct problem *p, const char *fmt, ...) PRINTF_LIKE(3, 4);

/**
 * report_hold() - keep further errors back until report_release()
 * @ctx: this run
 *
 * For a verb that can add advice after it has failed.
 */
void report_hold(struct ctx *ctx);

/**
 * report_held() - the message of the first error that was kept
 * @ctx: this run, after report_hold()
 *
 * Return: the message, valid until the errors are printed or dropped; or NULL.
 */
const char *report_held(struct ctx *ctx);

/**
 * report_drop() - drop the errors that were kept, because another run did what failed
 * @ctx: this run
 */
void report_drop(struct ctx *ctx);

/**
 * report_release() - print the errors that were kept
 * @ctx: this run, after report_hold()
 * @advice: what to add to each hint, or NULL
 */
void report_release(struct ctx *ctx, const char *advice);

/**
 * struct outcome - what a verb found or did on one device
 * @device: PCI address, NULL if none is concerned
 * @attribute: what was read or changed
 * @value: its value now, or under --dry-run the value wanted
 * @previous: its value before, NULL if it had none
 * @changed: whether the two differ because of this run
 * @flag: the values are 1 and 0, which text shows as yes and no
 * @open: under --dry-run, the kernel will choose the value, if @value is NULL
 * @note: a remark for the operator, or NULL
 */
struct outcome {
	const char *device;
	const char *attribute;
	const char *value;
	const char *previous;
	bool changed;
	bool flag;
	bool open;
	const char *note;
};

/**
 * report_change() - record a change in the envelope and the journal, and print nothing
 * @ctx: this run
 * @o: the change; its strings are copied. Under --dry-run, the journal does not get it
 */
void report_change(struct ctx *ctx, const struct outcome *o);

/**
 * report_outcome() - the result of a verb that reads or changes one thing
 * @ctx: this run
 * @o: the result; its strings are copied
 *
 * Return: 0, for the caller to return.
 */
int report_outcome(struct ctx *ctx, const struct outcome *o);

/**
 * report_value() - the result of a verb that only reads one thing
 * @ctx: this run
 * @o: the result; printed even with --quiet
 *
 * Return: 0, for the caller to return.
 */
int report_value(struct ctx *ctx, const struct outcome *o);

/**
 * report_object() - a result of another form
 * @ctx: this run
 * @obj: the object; its reference passes to the answer
 */
void report_object(struct ctx *ctx, struct json_object *obj);

/**
 * report_add_text() - add a string to an object
 * @obj: the object
 * @key: key of the string
 * @text: the string, in which util_printable() escapes foreign bytes; NULL becomes null
 */
void report_add_text(struct json_object *obj, const char *key, const char *text);

/**
 * report_stream() - print results as they come, until the reader goes away
 * @ctx: this run
 *
 * Then it is not a failure that the reader goes away.
 */
void report_stream(struct ctx *ctx);

/**
 * report_flush() - flush standard output, so that the reader sees what was printed
 * @ctx: this run
 *
 * Return: false if a write failed: the reader has gone, or no space is left.
 */
bool report_flush(struct ctx *ctx);

/**
 * report_line() - print all results since the last envelope as one envelope, on one line
 * @ctx: this run, after report_stream()
 */
void report_line(struct ctx *ctx);

/**
 * report_init() - start without results
 * @ctx: this run; from now on, it keeps the errno of a failed write to standard output
 *
 * Return: 0 or -ENOMEM.
 */
int report_init(struct ctx *ctx);

/**
 * report_finish() - print the envelope, catch output errors
 * @ctx: this run
 *
 * Return: the exit code.
 */
int report_finish(struct ctx *ctx);

#endif
