/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps on the way to a bound device, and what their errors mean. */
#ifndef TSM_HELPER_STEP_H
#define TSM_HELPER_STEP_H

#include "helper/say.h"

/**
 * struct cause - what an errno means at a step
 * @err: negative errno, or 0 at the end of a list
 * @code: exit code
 * @message: the cause
 * @hint: the next step, with @ for the device; NULL for the hint of the errno
 */
struct cause {
	int err;
	int code;
	const char *message;
	const char *hint;
};

/**
 * cause_find() - find the cause of an errno
 * @list: causes, or NULL
 * @err: negative errno
 *
 * Return: the first cause with this errno, or NULL.
 */
const struct cause *cause_find(const struct cause *list, int err);

/**
 * struct step - one step on the way to a bound device
 * @name: name in reports
 * @run: runs the step; returns 0 or negative errno
 * @causes: the causes of its errors, or NULL; the first one with the errno counts
 * @staged: last_error has the stage at which the step failed, see common/stage.h
 */
struct step {
	const char *name;
	int (*run)(struct session *s);
	const struct cause *causes;
	bool staged;
};

/* Causes that several lists share */
extern const struct cause find_causes[];
extern const struct cause bind_causes[];
extern const struct cause unbind_causes[];

/**
 * steps_run() - run steps until one fails
 * @s: session
 * @list: the steps
 * @v: out, why a step failed
 *
 * Return: 0 or the negative errno of the step that failed.
 */
int steps_run(struct session *s, const struct step *list, struct verdict *v);

#endif
