/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the configuration: config.json and the drop-ins. */
#ifndef TSMCTL_FILES_H
#define TSMCTL_FILES_H

#include "config/document.h"

/* More mistakes of one document do not help a user, and each one costs a search of its text. */
#define CONFIG_MISTAKES 100

/**
 * config_init() - find the directory of the configuration
 * @ctx: this run; @ctx->etc is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int config_init(struct ctx *ctx);

/**
 * config_load() - read the configuration
 * @ctx: this run, after config_init()
 * @file: one document, "-" for standard input, or NULL for config.json and the
 *	drop-ins in config.d, in the order of their names
 * @config: out, for config_free()
 *
 * Return: 0, or negative errno, reported.
 */
int config_load(struct ctx *ctx, const char *file, struct config *config);

/**
 * config_check() - read a configuration as config_load() does, and report all mistakes
 * @ctx: this run, after config_init()
 * @count: how many documents
 * @files: the documents in their order, each as the argument of config_load(); if @count is
 *	0, config.json and the drop-ins are read
 * @config: out, for config_free(); after a mistake, of no other use
 *
 * A mistake in one document does not end the search in the others. At most CONFIG_MISTAKES
 * of one document are reported.
 *
 * Return: 0, or negative errno, reported.
 */
int config_check(struct ctx *ctx, int count, const char *const *files, struct config *config);

/**
 * config_note_drop_ins() - report the drop-ins, which override config.json
 * @ctx: this run, after config_init()
 *
 * Return: 0, or negative errno, reported.
 */
int config_note_drop_ins(struct ctx *ctx);

#endif
