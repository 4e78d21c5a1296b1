/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules through libkmod, and the mount of configfs. */
#ifndef TSMCTL_MODULES_H
#define TSMCTL_MODULES_H

#include "ctx.h"

/* The sim's module, and its parameter with the functions to make TEE-capable. */
#define SIM_MODULE "tsm_sim"
#define SIM_PARAMETER "devices"

/**
 * modules_init() - get ready to load or remove modules
 * @ctx: this run
 * @dir: directory to take the place of /lib/modules/VERSION, or NULL
 *
 * Fails if sysfs or configfs was moved, because modules belong to the running kernel.
 *
 * Return: 0, or negative errno, reported.
 */
int modules_init(struct ctx *ctx, const char *dir);

/**
 * modules_done() - free what modules_init() has opened
 */
void modules_done(void);

/**
 * module_loaded() - whether a module is loaded or built in
 * @ctx: this run
 * @name: module
 *
 * Return: true if so.
 */
bool module_loaded(const struct ctx *ctx, const char *name);

/**
 * module_load() - load a module and what it depends on
 * @ctx: this run
 * @name: module
 * @options: its parameters, or NULL
 * @changed: out, whether it had to be loaded
 *
 * Works as modprobe: parameters of modprobe.d apply, and blacklists stop aliases, not
 * names. But it ignores install commands of modprobe.d.
 *
 * Return: 0 or negative errno, not reported.
 */
int module_load(struct ctx *ctx, const char *name, const char *options, bool *changed);

/**
 * module_report() - report that a module could not be loaded
 * @ctx: this run
 * @name: module
 * @err: negative errno of module_load()
 *
 * Return: @err.
 */
int module_report(struct ctx *ctx, const char *name, int err);

/**
 * module_remove() - remove a module
 * @ctx: this run
 * @name: module
 * @changed: out, whether it was loaded
 *
 * Return: 0 or negative errno, not reported.
 */
int module_remove(struct ctx *ctx, const char *name, bool *changed);

/**
 * configfs_mount() - mount configfs where it is not
 * @ctx: this run
 * @changed: out, whether it had to be mounted
 *
 * Return: 0, or negative errno, reported.
 */
int configfs_mount(struct ctx *ctx, bool *changed);

#endif
