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
 * struct run_owner - the process that has a lock, as its file shows it
 * @pid: process ID, 0 if there is none
 * @start: as process_start() returned it, or 0
 * @space: as process_space() returned it, or 0
 */
struct run_owner {
	unsigned int pid;
	unsigned long long start;
	unsigned long long space;
};

/* More than three numbers take. */
#define RUN_OWNER_LEN 64

/**
 * run_file_write_owner() - have a lock file show which process has the lock
 * @fd: the file, opened for writing; it is emptied first
 * @pid: process ID of a process that has the lock
 *
 * The first line is as run_file_write_pid() writes it.
 *
 * Return: 0 or negative errno.
 */
int run_file_write_owner(int fd, pid_t pid);

/**
 * run_file_read_owner() - which process has a lock, as run_file_write_owner() shows it
 * @fd: the file, opened for reading
 * @owner: out
 *
 * Return: 0 or negative errno.
 */
int run_file_read_owner(int fd, struct run_owner *owner);

/**
 * run_file_remove() - remove a file that is locked
 * @dir: directory
 * @name: its name there
 *
 * A process that waits for the lock has to look whether the file still has that name.
 */
void run_file_remove(int dir, const char *name);

/**
 * run_file_read_pid() - the owner of a file, as run_file_write_pid() shows it
 * @fd: the file, opened for reading
 *
 * Return: the process ID, or 0 if there is none that can be read.
 */
unsigned int run_file_read_pid(int fd);

#endif
