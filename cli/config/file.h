/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that root trusts: read without being led astray, replaced as a whole. */
#ifndef TSMCTL_FILE_H
#define TSMCTL_FILE_H

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

/**
 * file_replace() - put a new file in the place of an old one, unless --dry-run
 * @ctx: this run
 * @path: the file; the old one stays as PATH.old
 * @text: what to write
 * @len: its bytes
 *
 * Whenever this is interrupted, by a loss of power as well, @path is the old file
 * or the new one, complete. Waits for another that replaces it, up to a minute.
 *
 * Return: 0 or negative errno; what concerns the lock is reported.
 */
int file_replace(struct ctx *ctx, const char *path, const char *text, size_t len);

#endif
