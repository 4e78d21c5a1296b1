/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that root trusts: read safely, and replaced as a whole. */
#ifndef TSMCTL_FILE_H
#define TSMCTL_FILE_H

#include <limits.h>

#include "common/json.h"
#include "common/trust.h"
#include "common/util.h"
#include "ctx.h"
#include "report.h"

/**
 * file_read() - read a file that only root and this user can have written
 * @path: the file, or "-" for standard input, which is trusted
 * @max: at most this many bytes
 * @text: out, for the caller to free; a NUL is added
 * @len: out, its bytes
 * @fault: out, why it is not trusted
 *
 * It must be a regular file that belongs to root or to this user, and that no other user can
 * write to. The same is required of each directory of its path, except that others may write
 * to a sticky one. No link in a sticky directory is followed.
 *
 * Return: 0, -EPERM with @fault filled in, -EFBIG, or negative errno.
 */
int file_read(const char *path, size_t max, char **text, size_t *len, struct trust_fault *fault);

/**
 * file_report_unreadable() - report that a file could not be read
 * @ctx: this run
 * @p: attribute, path as the value, errno and stage; gets a hint
 * @fault: from file_read(), or NULL
 *
 * Return: the errno.
 */
int file_report_unreadable(struct ctx *ctx, struct problem *p, const struct trust_fault *fault);

/**
 * file_report_mistake() - report a mistake in a file
 * @ctx: this run
 * @p: path as the value, errno, stage, and the hint if @m has none; gets the path of @m as
 *	the attribute, if @m has one
 * @m: the mistake
 *
 * Return: the errno.
 */
int file_report_mistake(struct ctx *ctx, struct problem *p, const struct json_mistake *m);

/* How many replaced files are kept. */
#define FILE_OLD 5

/**
 * struct file_lock - the lock on a file that is to be replaced
 * @dir: its directory, opened
 * @fd: the lock; -1 if there is none
 * @name: of the file, in the path that it was locked by
 * @lock: name of the lock file, in the same directory
 */
struct file_lock {
	int dir;
	int fd;
	const char *name;
	char lock[NAME_MAX + 1];
};

#define FILE_UNLOCKED { .dir = -1, .fd = -1 }

/**
 * file_lock() - lock a file, so that no other run replaces it
 * @ctx: this run
 * @path: the file, which need not exist; the string must live as long as the lock
 * @l: out
 *
 * Waits up to a minute for another run that has the lock. In a directory that this user
 * cannot write to, and under --dry-run, no lock is taken, but the directory must exist.
 *
 * Return: 0, or negative errno, reported if @l->dir is open.
 */
int file_lock(struct ctx *ctx, const char *path, struct file_lock *l);

/**
 * file_unlock() - release the lock on a file
 * @l: from file_lock(), or FILE_UNLOCKED
 */
void file_unlock(struct file_lock *l);

#define cleanup_file_lock __attribute__((cleanup(file_unlock)))

/* Bytes of a hint with a path. */
#define FILE_HINT_LEN (PATH_MAX + 64)

/**
 * file_directory_hint() - the hint for a file whose directory does not exist
 * @path: the file
 * @hint: out
 *
 * Return: @hint.
 */
const char *file_directory_hint(const char *path, char hint[FILE_HINT_LEN]);

/**
 * file_replace() - put a new file in the place of an old one, unless --dry-run
 * @ctx: this run
 * @path: the file
 * @l: the lock on the old file, which is kept as PATH.old, and older ones as PATH.old.2 and
 *	so on, FILE_OLD in all
 * @text: what to write
 * @len: its bytes
 *
 * If this is interrupted, even by a loss of power, @path is the complete old file or the
 * complete new one. Users who may read the old file may read the new one.
 *
 * Return: 0 or negative errno.
 */
int file_replace(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len);

/**
 * file_publish() - put a file for all to read in the place of an old one, unless --dry-run
 * @ctx: this run
 * @path: the file
 * @l: the lock on the old file, which is not kept
 * @text: what to write
 * @len: its bytes
 * @fault: out, why it is not replaced
 *
 * Readers always see the complete old file or the complete new one. Its mode is 0644. Only a
 * regular file is replaced, and no link is followed.
 *
 * Return: 0, -EPERM with @fault filled in, or negative errno.
 */
int file_publish(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len, struct trust_fault *fault);

#endif
