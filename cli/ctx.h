/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of one run of tsmctl: its options, its roots, its results so far. */
#ifndef TSMCTL_CTX_H
#define TSMCTL_CTX_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct json_object;

/**
 * struct root - a tree that tests can move
 * @path: absolute path, no slash at the end
 * @moved: set by the environment; then the machine's own tree is never touched
 */
struct root {
	const char *path;
	bool moved;
};

/**
 * struct answer - what is printed and returned at the end, see report.h
 * @results: JSON array of results
 * @errors: JSON array of errors
 * @held: JSON array of errors that wait for report_release(), or NULL
 * @code_before: @code when errors began to wait
 * @mixed_before: @mixed at that time
 * @changed: something changed, or would have under --dry-run
 * @done: devices for which the verb succeeded
 * @code: exit code of the first error, 0 if there was none
 * @mixed: later errors had another code
 * @verdict: exit code of a verb that found something, though nothing failed
 * @output_error: errno of the first write to standard output that failed
 * @stream: results are printed as they come, one envelope a line
 */
struct answer {
	struct json_object *results;
	struct json_object *errors;
	struct json_object *held;
	int code_before;
	bool mixed_before;
	bool changed;
	unsigned int done;
	int code;
	bool mixed;
	int verdict;
	int output_error;
	bool stream;
};

/**
 * struct ctx - one run
 * @verb: its name, or NULL
 * @json: print the envelope instead of text
 * @dry_run: change nothing, print what would be changed
 * @quiet: print only errors and what was asked for
 * @verbose: trace every change on standard error
 * @sysfs: root of sysfs
 * @configfs: root of configfs
 * @run: directory of the lock files
 * @etc: directory of the configuration, for config/files.c
 * @sysfs_fd: @sysfs, opened
 * @policy_fd: the vfio_tsm directory, or the errno of its open, negative; for host/policy.c
 * @timeout: seconds after which the work on a device is given up, or -1
 * @device_lock: the lock on the present device, or -1; for config/lock.c
 * @began: when the work on the present device began, for @timeout
 * @undoing: what was done to the present device is being undone, see wait_undo()
 * @unfinished: process in which the kernel still works on a step that was given up, for the
 *	present device, or 0; for host/slow.c
 * @gave_up: the present device could not be read, so what it is now is not known; for host/slow.c
 *	and host/tsm.c
 * @answer: results and errors
 */
struct ctx {
	const char *verb;
	int json;
	int dry_run;
	int quiet;
	int verbose;
	struct root sysfs;
	struct root configfs;
	struct root run;
	struct root etc;
	int sysfs_fd;
	int policy_fd;
	int timeout;
	int device_lock;
	struct timespec began;
	bool undoing;
	pid_t unfinished;
	bool gave_up;
	struct answer answer;
};

/**
 * root_find() - where a tree of the system is
 * @ctx: this run, for an error
 * @root: out, the tree
 * @name: its name in an error
 * @variable: environment variable by which tests move it
 * @path: its path without @variable
 *
 * Return: 0, or -EINVAL, reported, if the variable is not an absolute path.
 */
int root_find(struct ctx *ctx, struct root *root, const char *name, const char *variable,
	      const char *path);

#endif
