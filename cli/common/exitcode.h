/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit codes of both programs, and the exit code that each errno suggests. */
#ifndef TSMCTL_EXITCODE_H
#define TSMCTL_EXITCODE_H

/* Exit codes of tsmctl and tsm-bind-helper, documented in tsmctl(8). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DEVICE = 3,
	EXIT_NOT_PERMITTED = 4,
	EXIT_UNSUPPORTED = 5,
	EXIT_BUSY = 6,
	EXIT_PARTIAL = 7,
	EXIT_DIFFERS = 8,
};

/* Hints of several errors; more are in the headers of their matter. */
#define LOAD_HINT "run 'tsmctl load'"
#define LOG_HINT "'dmesg' may show the cause"

/**
 * exit_code_of() - the exit code that an errno suggests
 * @err: negative errno
 *
 * Return: an enum exit_code.
 */
int exit_code_of(int err);

/**
 * errno_hint() - the next step that an errno suggests
 * @err: negative errno
 *
 * Return: a sentence without a full stop, or NULL.
 */
const char *errno_hint(int err);

#endif
