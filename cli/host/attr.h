/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one reader and the one writer of attributes in sysfs and configfs, and the
 * gate that every change passes, so that no verb can forget --dry-run.
 */
#ifndef TSMCTL_ATTR_H
#define TSMCTL_ATTR_H

#include "common/util.h"
#include "ctx.h"

/* Longer than any attribute read here. */
#define ATTR_MAX 256

/**
 * act() - ask before any change of the system
 * @ctx: this run
 * @fmt: what is about to be done, as for printf
 *
 * Traces it under --verbose and --dry-run.
 *
 * Return: true if it is to be done, false under --dry-run.
 */
bool act(const struct ctx *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * dir_open() - open a directory below another without following links
 * @dirfd: where to start
 * @path: names separated by slashes, relative
 *
 * Return: an O_PATH descriptor for the caller to close, or negative errno:
 * -ENOENT if there is none, -ENOTDIR or -ELOOP if a name is not a directory.
 */
int dir_open(int dirfd, const char *path);

/**
 * attr_open() - open an attribute of sysfs that can be waited for
 * @dirfd: directory
 * @name: attribute, possibly below directories, relative
 *
 * Return: a descriptor for the caller to close, or negative errno.
 */
int attr_open(int dirfd, const char *name);

/**
 * attr_read() - read an attribute's first line
 * @dirfd: directory
 * @name: attribute, possibly below directories, relative
 * @buf: out, the text without the newline
 * @size: bytes in @buf
 *
 * The file is opened anew each time: configfs caches the text of an open file.
 *
 * Return: 0, or negative errno of open and read; -EOVERFLOW if it does not fit.
 */
int attr_read(int dirfd, const char *name, char *buf, size_t size);

/**
 * attr_read_text() - read all lines of an attribute
 * @dirfd: directory
 * @name: attribute, possibly below directories, relative
 * @buf: out, the text
 * @size: bytes in @buf
 *
 * Return: as attr_read().
 */
int attr_read_text(int dirfd, const char *name, char *buf, size_t size);

/**
 * attr_variable() - the value of a variable in a text of lines KEY=VALUE
 * @text: the text of a file such as uevent
 * @key: the variable; its first line counts
 * @buf: out, the value; "" on failure
 * @size: bytes in @buf
 *
 * Return: 0; -ENOENT if there is no such line, -EOVERFLOW if the value does not fit.
 */
int attr_variable(const char *text, const char *key, char *buf, size_t size);

/**
 * attr_read_within() - read an attribute whose read may have to wait
 * @dirfd: directory
 * @name: attribute, relative
 * @buf: out, the text without the newline
 * @size: bytes in @buf
 * @ms: how long to wait
 *
 * Uses SIGALRM and the timer of setitimer(2).
 *
 * Return: as attr_read(); -EBUSY if the time is over.
 */
int attr_read_within(int dirfd, const char *name, char *buf, size_t size, unsigned int ms);

/**
 * attr_keep_alarm() - have many calls of attr_read_within() use one timer
 * @keep: keep it on between the calls, which then wait for half of @ms at least. False
 *	switches it off
 *
 * While it is on, SIGALRM may interrupt any system call. So switch it off before output that
 * may have to wait.
 */
void attr_keep_alarm(bool keep);

/**
 * attr_write() - write an attribute, unless --dry-run forbids it
 * @ctx: this run
 * @dirfd: directory
 * @where: path of the directory, for the trace only
 * @name: attribute, relative
 * @value: text without a newline; one is added
 *
 * Return: 0 or negative errno.
 */
int attr_write(const struct ctx *ctx, int dirfd, const char *where, const char *name,
	       const char *value);

/**
 * dir_make() - make a directory, unless --dry-run forbids it
 * @ctx: this run
 * @dirfd: parent
 * @where: path of the parent, for the trace only
 * @name: its name
 *
 * Return: 0, also when it exists, or negative errno.
 */
int dir_make(const struct ctx *ctx, int dirfd, const char *where, const char *name);

/**
 * dir_remove() - remove a directory, unless --dry-run forbids it
 * @ctx: this run
 * @dirfd: parent
 * @where: path of the parent, for the trace only
 * @name: its name
 *
 * Return: 0, also when there is none, or negative errno.
 */
int dir_remove(const struct ctx *ctx, int dirfd, const char *where, const char *name);

/**
 * text_put() - write a small file of tsmctl's own, unless --dry-run forbids it
 * @ctx: this run
 * @dirfd: directory, which no other user can write to
 * @where: path of the directory, for the trace only
 * @name: its name
 * @text: text without a newline; one is added
 *
 * Return: 0 or negative errno.
 */
int text_put(const struct ctx *ctx, int dirfd, const char *where, const char *name,
	     const char *text);

/**
 * text_remove() - remove a file of text_put(), unless --dry-run forbids it
 * @ctx: this run
 * @dirfd: directory
 * @where: path of the directory, for the trace only
 * @name: its name
 *
 * Return: 0, also when there is none, or negative errno.
 */
int text_remove(const struct ctx *ctx, int dirfd, const char *where, const char *name);

#endif
