/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a process ID that was read from a file still means the same process. */
#ifndef TSMCTL_PROCESS_H
#define TSMCTL_PROCESS_H

#include <sys/types.h>

/**
 * process_start() - when a process was started
 * @pid: process ID
 *
 * A later process with the same ID has a later start time.
 *
 * Return: clock ticks since the boot, or 0 if there is no such process.
 */
unsigned long long process_start(pid_t pid);

/**
 * process_space() - the PID namespace of this process
 *
 * Return: a number that is equal in two processes if and only if they are in the same
 * namespace; 0 if it is not known.
 */
unsigned long long process_space(void);

#endif
