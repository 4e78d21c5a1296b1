/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel: its release, its configuration, and whether it is one of kernels.mk. */
#ifndef TSMCTL_KERNEL_H
#define TSMCTL_KERNEL_H

#include "ctx.h"

enum kernel_fit {
	KERNEL_FITS,
	KERNEL_UNTRIED, /* newer than those of kernels.mk, or between them */
	KERNEL_UNKNOWN, /* its configuration was not found */
	KERNEL_UNFIT,
};

/**
 * struct kernel_verdict - whether a kernel is one that tsmctl is for
 * @fit: the verdict
 * @found: what was found, in one sentence
 * @fix: what to do about it; "" if there is nothing
 */
struct kernel_verdict {
	enum kernel_fit fit;
	char found[320];
	char fix[240];
};

/**
 * kernel_root() - where /proc, /dev and /boot are
 * @ctx: this run
 *
 * TSMCTL_ROOT can move them. If only sysfs was moved, they would belong to another
 * machine.
 *
 * Return: a path to be put before them, or NULL if it is not known.
 */
const char *kernel_root(const struct ctx *ctx);

/**
 * kernel_options() - find out which options the kernel was built with
 * @root: as from kernel_root()
 * @options: names without CONFIG_
 * @count: how many, less than 32
 * @where: out, the file with the configuration, or where it was looked for
 * @size: bytes in @where
 *
 * Return: bit i for options[i]; -1 if the configuration was not found.
 */
long kernel_options(const char *root, const char *const *options, size_t count, char *where,
		    size_t size);

/**
 * kernel_check() - compare release and configuration of the kernel with kernels.mk
 * @root: as from kernel_root()
 * @v: out
 *
 * Return: @v->fit.
 */
enum kernel_fit kernel_check(const char *root, struct kernel_verdict *v);

#endif
