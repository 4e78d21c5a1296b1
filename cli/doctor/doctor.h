/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of what a bind needs: two tables, and how a check reports what it found. */
#ifndef TSMCTL_DOCTOR_H
#define TSMCTL_DOCTOR_H

#include "common/stage.h"
#include "host/pci.h"

enum verdict { DOES_NOT_APPLY, PASSES, WARNS, FAILS };

/**
 * struct finding - what a check found
 * @verdict: passes, warns, fails or does not apply
 * @code: exit code of a failure
 * @stage: why a bind is refused, if the finding is a reason; code and fix are of that stage
 * @evidence: what was seen, and where
 * @fix: the command that mends it, or what to do; "" if there is nothing to mend
 */
struct finding {
	enum verdict verdict;
	enum exit_code code;
	const struct stage *stage;
	char evidence[320];
	char fix[320];
};

/**
 * struct check - one check
 * @name: short; it never changes, because other programs look for it in JSON
 * @title: what must be true
 * @run: makes the check; @dev is NULL in a check of the host
 * @stage: the stage at which a bind is refused for the same reason, or NULL
 * @attribute: what an error of bind is about, if bind makes this check before it asks the
 *	driver; else NULL
 */
struct check {
	const char *name;
	const char *title;
	void (*run)(struct ctx *ctx, const struct pci_device *dev, struct finding *f);
	const char *stage;
	const char *attribute;
};

/**
 * finding_pass() - the check passes
 * @f: the finding
 * @fmt: evidence, as for printf
 */
void finding_pass(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * finding_skip() - the check does not apply
 * @f: the finding
 * @fmt: why
 */
void finding_skip(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * finding_refuse() - the check fails, and its stage has cause, exit code and fix
 * @f: the finding; set @f->stage afterwards if the stage is another one
 * @fmt: evidence
 */
void finding_refuse(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * finding_fail() - the check fails for a reason that no stage has
 * @f: the finding
 * @code: exit code
 * @fmt: evidence
 *
 * Call finding_fix() afterwards.
 */
void finding_fail(struct finding *f, enum exit_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/**
 * finding_warn() - the check finds something that does not, or may not, prevent a bind
 * @f: the finding
 * @fmt: evidence
 */
void finding_warn(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * finding_fix() - how to mend what the check fails on or warns of
 * @f: the finding
 * @fmt: a command, or what to do
 */
void finding_fix(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * finding_node() - try to open the node of a device, and close it again
 * @f: the finding: it passes if the node was opened
 * @root: as from kernel_root(); only below a moved root, a plain file counts as a node
 * @name: name of the node, below /dev
 * @number: the number that the node must have, as "239:0", or NULL for any number
 * @fix: how to mend that there is no node, or no driver behind it
 */
void finding_node(struct finding *f, const char *root, const char *name, const char *number,
		  const char *fix);

/* What is done with a finding. */
typedef void (*finding_fn)(struct ctx *ctx, const struct pci_device *dev, const struct check *check,
			   const struct finding *f, void *arg);

/**
 * doctor_run() - make all checks of a table
 * @ctx: this run
 * @dev: the device, or NULL for checks of the host; if it is not present, only the first
 *	check is made
 * @checks: host_checks or device_checks
 * @fn: called with each finding
 * @arg: passed to @fn
 */
void doctor_run(struct ctx *ctx, const struct pci_device *dev, const struct check *checks,
		finding_fn fn, void *arg);

/**
 * doctor_refusal() - find the first reason for which a bind is refused, or would be
 * @ctx: this run
 * @dev: the device
 * @early: only the checks that bind makes before it asks the driver
 * @skip: stages whose checks are left out, with commas between them, or NULL
 * @f: out, what the check found
 *
 * Return: the check that failed, or NULL.
 */
const struct check *doctor_refusal(struct ctx *ctx, const struct pci_device *dev, bool early,
				   const char *skip, struct finding *f);

/**
 * doctor_failing() - list the checks that fail, and so may prevent a bind
 * @ctx: this run
 * @dev: the device
 * @names: out, the names of the failing checks of host and device, with commas between them
 * @size: of @names
 *
 * Return: whether any check fails.
 */
bool doctor_failing(struct ctx *ctx, const struct pci_device *dev, char *names, size_t size);

#endif
