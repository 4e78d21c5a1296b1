/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a process ID that was written down still means the same process. */
#ifndef TSMCTL_PROCESS_H
#define TSMCTL_PROCESS_H

#include <sys/types.h>

/**
 * process_start() - when a process was started
 * @pid: process ID
 *
 * A process that gets the same ID later was started later.
 *
 * Return: ticks of the clock since the boot, or 0 if there is no such process.
 */
unsigned long long process_start(pid_t pid);

/**
 * process_space() - the PID namespace of this process
 *
 * Return: a number that two processes share if and only if they are in the same one; 0 if
 * it is not known.
 */
unsigned long long process_space(void);

#endif
