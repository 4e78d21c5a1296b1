/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a file or directory is trusted: only root and the caller can have changed it. If
 * it is not trusted, the result has the cause and the command that corrects it.
 */
#ifndef TSMCTL_TRUST_H
#define TSMCTL_TRUST_H

#include <sys/stat.h>

#include "common/util.h"

/* What other users must not be able to do: write to a file, or open it at all. */
#define TRUST_NO_WRITE (S_IWGRP | S_IWOTH)
#define TRUST_NO_ACCESS (S_IRWXG | S_IRWXO)

/**
 * struct trust_fault - why a file or directory is not trusted
 * @why: the cause, to be printed after "FILE is not trusted: "; "" if there is none
 * @mend: the action that corrects it, as a command that can be pasted if there is one
 */
struct trust_fault {
	char why[400];
	char mend[400];
};

/**
 * trust_refuse() - note a fault
 * @fault: out
 * @mend: the action that corrects it
 * @path: if @mend is a command, the path that it ends with, else NULL
 * @fmt: the cause, as for printf
 *
 * The path gets quotes if a shell needs them. A path is left out if it is too long, or has
 * characters that quotes do not protect.
 *
 * Return: -EPERM, for the caller to return.
 */
int trust_refuse(struct trust_fault *fault, const char *mend, const char *path, const char *fmt,
		 ...) PRINTF_LIKE(4, 5);

/**
 * trust_owner() - check which user a file or directory belongs to
 * @fault: out
 * @file: the file whose trust is in question
 * @path: the same file, or a directory on the way to it
 * @st: the result of stat() for @path
 *
 * Return: 0, or -EPERM with @fault filled in.
 */
int trust_owner(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st);

/**
 * trust_check() - check the user and the mode of a file or directory
 * @fault: out
 * @file: the file whose trust is in question
 * @path: the same file, or a directory on the way to it
 * @st: the result of stat() for @path
 * @denied: TRUST_NO_WRITE or TRUST_NO_ACCESS
 *
 * Return: 0, or -EPERM with @fault filled in.
 */
int trust_check(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st, mode_t denied);

#endif
