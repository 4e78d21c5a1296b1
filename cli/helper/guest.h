/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request of a VMM's guest, passed to the TSM.
 *
 * The request is at the beginning of a memfd of the VMM, and the response replaces it.
 * Either may have 1 MiB. That fits neither into a line of the socket, nor into the buffer of
 * a socket. The helper reads the memfd before the call, and writes to it after the call. It
 * checks for holes each time. It does not map the memfd: if a VMM made holes while the
 * request waits, the kernel would fill them on the account of the helper. A VMM can still
 * have that by a hole between the check and the write, if it is lucky.
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
 * After success the buffer can be used, unless its VMM changes it. The function does not
 * look at the bytes of the request.
 *
 * Return: 0; -EBADF if there is no buffer; -EINVAL if it is neither a memfd nor a file of
 * tmpfs, or has huge pages of hugetlb; -ENODATA if it is too short or has a hole; -EACCES or
 * -EPERM if it cannot be written; or negative errno.
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
 * guest_free() - free the copy of the request, if there is one
 * @s: session; the descriptor stays open
 */
void guest_free(struct session *s);

#endif
