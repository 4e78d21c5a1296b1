/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that root trusts: read without being led astray, replaced as a whole. */
#ifndef TSMCTL_FILE_H
#define TSMCTL_FILE_H

#include <limits.h>

#include "common/trust.h"
#include "common/util.h"
#include "ctx.h"

/**
 * file_read() - read a file that nobody else can have written
 * @path: the file, or "-" for standard input, which is trusted
 * @max: at most this many bytes
 * @text: out, for the caller to free; a NUL is added
 * @len: out, its bytes
 * @fault: out, why it is not trusted
 *
 * It must be a regular file that belongs to root or to us, and nobody else may be
 * able to write to it. So must each directory on the way, unless it is sticky; where
 * others can write, no link is followed.
 *
 * Return: 0, -EPERM with @fault filled in, -EFBIG, or negative errno.
 */
int file_read(const char *path, size_t max, char **text, size_t *len, struct trust_fault *fault);

/* How many files stay that were replaced. */
#define FILE_OLD 5

/**
 * struct file_lock - a file that nobody else replaces now
 * @dir: its directory, opened
 * @fd: the lock; -1 if there is none
 * @name: of the file, in the path that it was locked by
 * @lock: name of the lock's file, beside it
 */
struct file_lock {
	int dir;
	int fd;
	const char *name;
	char lock[NAME_MAX + 1];
};

#define FILE_UNLOCKED               \
	{                           \
		.dir = -1, .fd = -1 \
	}

/**
 * file_lock() - keep others from replacing a file
 * @ctx: this run
 * @path: the file, there or not; it stays as long as the lock does
 * @l: out
 *
 * Waits for another run that has the lock, up to a minute. There is no lock where the
 * directory cannot be written to.
 *
 * Return: 0 or negative errno; what concerns the lock is reported.
 */
int file_lock(struct ctx *ctx, const char *path, struct file_lock *l);

/**
 * file_unlock() - let others replace the file
 * @l: from file_lock(), or FILE_UNLOCKED
 */
void file_unlock(struct file_lock *l);

#define cleanup_file_lock __attribute__((cleanup(file_unlock)))

/**
 * file_replace() - put a new file in the place of an old one, unless --dry-run
 * @ctx: this run
 * @path: the file
 * @l: the lock on the old one, which stays as PATH.old, and those before it as PATH.old.2
 *	and so on, FILE_OLD of them
 * @text: what to write
 * @len: its bytes
 *
 * Whenever this is interrupted, by a loss of power as well, @path is the old file
 * or the new one, complete. Who may read the old one may read the new one.
 *
 * Return: 0 or negative errno.
 */
int file_replace(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len);

/**
 * file_publish() - put a file for all to read in the place of an old one, unless --dry-run
 * @ctx: this run
 * @path: the file
 * @l: the lock on the old one, which does not stay
 * @text: what to write
 * @len: its bytes
 * @fault: out, why it is not replaced
 *
 * Readers see the old file or the new one, complete, and never a part. The mode is 0644. Only
 * a regular file is replaced, and no link is followed.
 *
 * Return: 0, -EPERM with @fault filled in, or negative errno.
 */
int file_publish(struct ctx *ctx, const char *path, const struct file_lock *l, const char *text,
		 size_t len, struct trust_fault *fault);

#endif
