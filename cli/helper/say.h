/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper says: JSON, one object a line, on standard output. */
#ifndef TSM_HELPER_SAY_H
#define TSM_HELPER_SAY_H

#include "helper/session.h"

struct json_object;

/**
 * struct verdict - why a step failed, for people
 * @err: negative errno
 * @code: exit code
 * @step: name of the step
 * @stage: the stage at which the driver refused a bind, or ""
 * @message: the cause
 * @hint: the next step, or NULL
 * @filled: where @hint may point to, so a verdict is not copied
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
 * say_levels() - put a level in front of each line, as the journal reads it
 */
void say_levels(void);

/**
 * say() - write one line
 * @level: of syslog(3), LOG_INFO and the like
 * @obj: the object; its reference is taken
 *
 * Return: 0 or negative errno.
 */
int say(int level, struct json_object *obj);

/**
 * say_text() - a string, or null if it is empty
 * @text: the string
 *
 * Return: the object, or NULL, which is JSON's null.
 */
struct json_object *say_text(const char *text);

/**
 * say_event() - start a line
 * @name: value of "event"
 * @device: value of "device", or NULL
 *
 * Return: the object, to be completed and given to say().
 */
struct json_object *say_event(const char *name, const char *device);

/**
 * say_add_verdict() - put step, errno, stage, message and hint into an object
 * @obj: the object
 * @v: the error
 */
void say_add_verdict(struct json_object *obj, const struct verdict *v);

/**
 * say_distrust() - put into a verdict why a file or directory is not trusted
 * @v: the verdict, with its errno; its code is EXIT_NOT_PERMITTED, its hint @fault's
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
 * say_failure() - write an error line about what is no step of a session
 * @device: as above
 * @step: what failed
 * @err: negative errno
 * @message: the cause
 * @hint: the next step, or NULL for what the errno suggests
 *
 * Return: the exit code, for the caller to return.
 */
int say_failure(const char *device, const char *step, int err, const char *message,
		const char *hint);

/**
 * say_usage() - write the error line of a command line with a mistake
 * @value: the argument at fault, which is the line's "value", or NULL
 * @message: the cause
 */
void say_usage(const char *value, const char *message);

/**
 * say_bound() - write the line that tells of a bind
 * @s: session, bound
 * @pid: process that holds the device
 *
 * Return: 0 or negative errno.
 */
int say_bound(const struct session *s, pid_t pid);

#endif
