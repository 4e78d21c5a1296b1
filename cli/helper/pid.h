/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modes bind and unbind, on the file of the VMM that is the owner of the device. */
#ifndef TSM_HELPER_PID_H
#define TSM_HELPER_PID_H

#include "helper/invocation.h"

/**
 * pid_bind() - bind a device on the file of its owner
 * @in: invocation with a device and the process
 *
 * Return: exit code.
 */
int pid_bind(struct invocation *in);

/**
 * pid_unbind() - unbind a device in the same way
 * @in: as for pid_bind()
 *
 * Return: exit code.
 */
int pid_unbind(struct invocation *in);

#endif
