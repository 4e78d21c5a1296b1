/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents that tsmctl writes: locked, replaced as a whole, and reported. */
#ifndef TSMCTL_WRITE_H
#define TSMCTL_WRITE_H

#include "config/file.h"

struct json_object;

/**
 * write_text() - the text of a document
 * @root: the document
 *
 * Return: the text, for the caller to free, or NULL without memory.
 */
char *write_text(struct json_object *root);

/**
 * write_lock() - lock a document, before it is read and replaced
 * @ctx: this run; no lock is taken under --dry-run
 * @path: the file; the string must live as long as the lock
 * @lock: FILE_UNLOCKED before
 *
 * Return: 0, or negative errno, reported.
 */
int write_lock(struct ctx *ctx, const char *path, struct file_lock *lock);

/**
 * write_file() - replace a document, unless the new one is the same
 * @ctx: this run
 * @path: the file
 * @lock: the lock on it
 * @text: the document
 * @note: a remark for the report of a document that is written, or NULL
 *
 * Return: 0, or negative errno, reported.
 */
int write_file(struct ctx *ctx, const char *path, const struct file_lock *lock, const char *text,
	       const char *note);

#endif
