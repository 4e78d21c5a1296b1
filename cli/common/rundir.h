/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory, and the files in it that are locks. A process that can open a file
 * can lock it, so nobody else may open these. Each has the process ID of its owner.
 */
#ifndef TSMCTL_RUNDIR_H
#define TSMCTL_RUNDIR_H

#include "common/trust.h"

#define RUN_DIR "/run/tsmctl"

/**
 * run_dir_open() - open a directory for lock files and sockets
 * @path: absolute path
 * @make: make it if it is missing
 * @fault: out, why it is not trusted
 *
 * Return: a descriptor, -EPERM with @fault filled in if anybody else may write to
 * it, or negative errno.
 */
int run_dir_open(const char *path, bool make, struct trust_fault *fault);

/**
 * run_file_open() - open a file for writing, or make it
 * @dir: directory
 * @name: its name there
 * @path: both, for @fault
 * @mode: its mode when it is made
 * @fault: out, why it is not trusted
 *
 * It must be a regular file without a second name, and belong to root or to us. It has
 * no name at all if another process has removed it since.
 *
 * Return: a descriptor, -ELOOP for a link or -EPERM, both with @fault filled in, or
 * negative errno.
 */
int run_file_open(int dir, const char *name, const char *path, mode_t mode,
		  struct trust_fault *fault);

/**
 * run_file_look() - open a file for reading
 * @dir: directory
 * @name: its name there
 * @fault: out, why it is not trusted
 *
 * It must be as run_file_open() wants it.
 *
 * Return: a descriptor, -EPERM with @fault filled in, or negative errno.
 */
int run_file_look(int dir, const char *name, struct trust_fault *fault);

/**
 * run_file_lock() - take the lock on a file, if it is free
 * @fd: the file
 *
 * Return: 0, -EBUSY if another process has it, or negative errno.
 */
int run_file_lock(int fd);

/**
 * run_file_write_pid() - have a file show its owner
 * @fd: the file, opened for writing; it is emptied first
 *
 * Return: 0 or negative errno.
 */
int run_file_write_pid(int fd);

/**
 * run_file_read_pid() - the owner of a file, as run_file_write_pid() shows it
 * @fd: the file, opened for reading
 *
 * Return: the process ID, or 0 if there is none that can be read.
 */
unsigned int run_file_read_pid(int fd);

#endif
