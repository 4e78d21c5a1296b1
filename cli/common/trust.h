/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a file or directory is trusted: nobody except root and the caller can have
 * changed it. Says why it is not, and the command that mends it.
 */
#ifndef TSMCTL_TRUST_H
#define TSMCTL_TRUST_H

#include <sys/stat.h>

#include "common/util.h"

/* What others may not do with a file: change it, or open it at all. */
#define TRUST_NO_WRITE (S_IWGRP | S_IWOTH)
#define TRUST_NO_ACCESS (S_IRWXG | S_IRWXO)

/**
 * struct trust_fault - why a file or directory is not trusted
 * @why: the cause, as it follows "FILE is not trusted: "; "" if there is none
 * @mend: what mends it: a command that can be pasted, where one does
 */
struct trust_fault {
	char why[400];
	char mend[400];
};

/**
 * trust_refuse() - note a fault
 * @fault: out
 * @mend: what mends it
 * @path: if it is a command, the path at its end, else NULL
 * @fmt: the cause, as for printf
 *
 * A path gets quotes where a shell needs them; one that is too long or too odd even
 * for that is left out.
 *
 * Return: -EPERM, for the caller to return.
 */
int trust_refuse(struct trust_fault *fault, const char *mend, const char *path, const char *fmt,
		 ...) PRINTF_LIKE(4, 5);

/**
 * trust_owner() - judge the owner of a file or directory
 * @fault: out
 * @file: the file whose trust is in question
 * @path: the same, or a directory on the way to it
 * @st: what stat() returns for @path
 *
 * Return: 0, or -EPERM with @fault filled in.
 */
int trust_owner(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st);

/**
 * trust_check() - judge the owner and the mode of a file or directory
 * @fault: out
 * @file: the file whose trust is in question
 * @path: the same, or a directory on the way to it
 * @st: what stat() returns for @path
 * @denied: TRUST_NO_WRITE or TRUST_NO_ACCESS
 *
 * Return: 0, or -EPERM with @fault filled in.
 */
int trust_check(struct trust_fault *fault, const char *file, const char *path,
		const struct stat *st, mode_t denied);

#endif
