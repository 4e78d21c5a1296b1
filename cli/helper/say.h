/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of the helper: JSON, one object a line, on standard output. */
#ifndef TSM_HELPER_SAY_H
#define TSM_HELPER_SAY_H

#include "helper/session.h"

struct json_object;

/**
 * struct verdict - why a step failed
 * @err: negative errno
 * @code: exit code
 * @step: name of the step
 * @stage: the stage at which the driver refused a bind, or ""
 * @message: the cause
 * @hint: the next step, or NULL
 * @filled: @hint may point to this, so a verdict must not be copied
 */
struct verdict {
	int err;
	int code;
	const char *step;
	char stage[24];
	char message[192];
	const char *hint;
	char filled[256];
};

/**
 * say_levels() - put a level in front of each line, for the journal
 */
void say_levels(void);

/**
 * say() - write one line
 * @level: level of syslog(3), such as LOG_INFO
 * @obj: the object; the function drops the reference
 *
 * Return: 0 or negative errno.
 */
int say(int level, struct json_object *obj);

/**
 * say_event() - start a line
 * @name: value of "event"
 * @device: value of "device", or NULL
 *
 * Return: the object, for the caller to complete and to pass to say().
 */
struct json_object *say_event(const char *name, const char *device);

/**
 * say_add_verdict() - add step, errno, stage, message and hint to an object
 * @obj: the object
 * @v: the error
 */
void say_add_verdict(struct json_object *obj, const struct verdict *v);

/**
 * say_distrust() - put into a verdict why a file or directory is not trusted
 * @v: the verdict, with its errno; gets code EXIT_NOT_PERMITTED and the hint of @fault
 * @path: the file or directory
 * @fault: why
 */
void say_distrust(struct verdict *v, const char *path, const struct trust_fault *fault);

/**
 * say_verdict() - write an error line
 * @device: the device, or NULL
 * @v: the error
 *
 * Return: @v->code, for the caller to return.
 */
int say_verdict(const char *device, const struct verdict *v);

/**
 * say_failure() - write an error line about something that is not a step of a session
 * @device: the device, or NULL
 * @step: what failed
 * @err: negative errno
 * @message: the cause
 * @hint: the next step, or NULL for the hint of the errno
 *
 * Return: the exit code, for the caller to return.
 */
int say_failure(const char *device, const char *step, int err, const char *message,
		const char *hint);

/**
 * say_usage() - write the error line for a mistake in the command line
 * @value: the argument with the mistake, for the key "value" of the line, or NULL
 * @message: the cause
 */
void say_usage(const char *value, const char *message);

/**
 * say_bound() - write the line that reports a bind
 * @s: session, bound
 * @pid: process that has the device open
 *
 * Return: 0 or negative errno.
 */
int say_bound(const struct session *s, pid_t pid);

#endif
