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
 * @hint: the next step, with @ for the device; NULL for what the errno suggests
 */
struct cause {
	int err;
	int code;
	const char *message;
	const char *hint;
};

/**
 * cause_find() - what an errno means
 * @list: causes, or NULL
 * @err: negative errno
 *
 * Return: the first that fits, or NULL.
 */
const struct cause *cause_find(const struct cause *list, int err);

/**
 * struct step - one step on the way to a bound device
 * @name: as it is reported
 * @run: does it; 0 or negative errno
 * @causes: what its errors mean, or NULL; the first that fits
 * @staged: the driver notes in last_error at which stage it failed, see common/stage.h
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
 * steps_run() - take steps until one fails
 * @s: session
 * @list: the steps
 * @v: out, why one failed
 *
 * Return: 0 or the negative errno of the step that failed.
 */
int steps_run(struct session *s, const struct step *list, struct verdict *v);

#endif
