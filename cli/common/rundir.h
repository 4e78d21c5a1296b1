/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory, and the lock files in it. A process that can open a file can lock it,
 * so other users must not be able to open these. Each contains the process ID of the
 * process that has the lock.
 */
#ifndef TSMCTL_RUNDIR_H
#define TSMCTL_RUNDIR_H

#include "common/bdf.h"
#include "common/trust.h"

#define RUN_DIR "/run/tsmctl"

/*
 * Files of the holder of a device: its lock, its process ID for all to read, its socket, and the
 * socket for helpers with another device of the same IOMMU group.
 */
#define RUN_LOCK "lock"
#define RUN_PID "pid"
#define RUN_SOCKET "sock"
#define RUN_JOIN "join"
/* Bytes of the name of any of them */
#define RUN_NAME_LEN (PCI_NAME_LEN + sizeof(".lock"))

/**
 * run_file_name() - the name of a file of the holder of a device
 * @name: out, RUN_NAME_LEN bytes
 * @device: PCI address
 * @what: RUN_LOCK, RUN_PID, RUN_SOCKET or RUN_JOIN
 */
void run_file_name(char *name, const char *device, const char *what);

/**
 * run_dir_open() - open a directory for lock files and sockets
 * @path: absolute path
 * @make: make the directory if it is missing
 * @fault: out, why it is not trusted
 *
 * Return: a descriptor, -EPERM with @fault filled in if another user may write to it, or
 * negative errno.
 */
int run_dir_open(const char *path, bool make, struct trust_fault *fault);

/**
 * run_file_open() - open a file for writing, or make it
 * @dir: directory
 * @name: its name there
 * @path: path of the file, for @fault
 * @mode: the mode of a new file
 * @fault: out, why it is not trusted
 *
 * The file must be a regular file without a second hard link, and belong to root or to the
 * user of this process. It has no link at all if another process has removed it since.
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
 * The file must meet the conditions of run_file_open().
 *
 * Return: a descriptor, -EPERM with @fault filled in, or negative errno.
 */
int run_file_look(int dir, const char *name, struct trust_fault *fault);

/**
 * run_file_lock() - lock a file, if the lock is free
 * @fd: the file
 *
 * Return: 0, -EBUSY if another process has it, or negative errno.
 */
int run_file_lock(int fd);

/**
 * run_file_is_locked() - whether another process has the lock of a file
 * @fd: the file
 *
 * The check takes a lock until @fd is closed, so run_file_lock() may fail for a moment.
 *
 * Return: true if so.
 */
bool run_file_is_locked(int fd);

/**
 * run_file_write_pid() - write the process ID of this process into a lock file
 * @fd: the file, opened for writing; it is emptied first
 *
 * Return: 0 or negative errno.
 */
int run_file_write_pid(int fd);

/**
 * struct run_owner - the process that has a lock, as the lock file names it
 * @pid: process ID, 0 if there is none
 * @start: the result of process_start(), or 0
 * @space: the result of process_space(), or 0
 */
struct run_owner {
	unsigned int pid;
	unsigned long long start;
	unsigned long long space;
};

/* Longer than three numbers can be */
#define RUN_OWNER_LEN 64

/**
 * run_file_write_owner() - write into a lock file which process has the lock
 * @fd: the file, opened for writing; it is emptied first
 * @pid: process ID of a process that has the lock
 *
 * The first line is the one that run_file_write_pid() writes.
 *
 * Return: 0 or negative errno.
 */
int run_file_write_owner(int fd, pid_t pid);

/**
 * run_file_read_owner() - read which process has a lock, from run_file_write_owner()
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
 * A process that waited for the lock must check that the file still has that name.
 */
void run_file_remove(int dir, const char *name);

/**
 * run_socket_connect() - connect to a socket in the directory
 * @dir: directory
 * @name: from run_file_name()
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 *
 * Return: a descriptor; -ENOENT if there is no socket, -ECONNREFUSED if nothing listens on it,
 * or negative errno.
 */
int run_socket_connect(int dir, const char *name, int type);

/**
 * run_file_read_pid() - read the process ID that run_file_write_pid() wrote
 * @fd: the file, opened for reading
 *
 * Return: the process ID, or 0 if none can be read.
 */
unsigned int run_file_read_pid(int fd);

#endif
