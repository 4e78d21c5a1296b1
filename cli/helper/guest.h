/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request of a VMM's guest, passed to the TSM.
 *
 * The request is at the beginning of a memfd of the VMM, and the response replaces it.
 * Either may have 1 MiB. That fits neither into a line of the socket, nor into what a
 * socket takes without waiting. The memfd is read before the call, and written to after it,
 * each time after a look at whether it has holes. It is not mapped: a VMM that makes holes
 * while the request waits would have the kernel fill them on the account of the helper. One
 * that makes a hole between that look and the write still does, which is a matter of luck.
 */
#ifndef TSM_HELPER_GUEST_H
#define TSM_HELPER_GUEST_H

#include "helper/step.h"

extern const struct cause buffer_causes[];
extern const struct cause guest_causes[];

/**
 * guest_read() - a step: check the buffer of a request, and copy the request
 * @s: session, with @s->guest up to @response_len; its memory is filled in
 *
 * Afterwards nothing is wrong with the buffer, unless its VMM changes it. No byte is looked at.
 *
 * Return: 0; -EBADF if there is none; -EINVAL if it is not a memfd, or a file of tmpfs;
 * -ENODATA if it is too short or has a hole; -EACCES or -EPERM if it cannot be written; or negative
 * errno.
 */
int guest_read(struct session *s);

/**
 * guest_pass() - a step: pass the request to the TSM
 * @s: session, after guest_read(); the end of @s->guest is filled in
 *
 * Return: 0, or negative errno of tsmbind_request(); -EFAULT if the response cannot be written.
 */
int guest_pass(struct session *s);

/**
 * guest_free() - give the copy back, if there is one
 * @s: session; the descriptor stays open
 */
void guest_free(struct session *s);

#endif
