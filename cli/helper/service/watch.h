/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends a process when its client is gone.
 *
 * A request of a guest waits in the kernel, for the TSM and for earlier requests. If its
 * client is gone, it must not reach the TSM any more. The ioctl cannot watch the client's
 * socket. A signal would end the ioctl at every event of the socket, even at a harmless one.
 * So a second thread waits for this one event, and ends the process.
 */
#ifndef TSM_HELPER_WATCH_H
#define TSM_HELPER_WATCH_H

/**
 * watch_gone() - whether a client has closed its socket
 * @fd: the socket
 *
 * A client that has only shut down its sending side is still there.
 *
 * Return: 0, or -EPIPE if it is gone.
 */
int watch_gone(int fd);

/**
 * watch_start() - end this process as soon as its client is gone
 * @fd: the client's socket, which stays open
 *
 * Return: 0 or negative errno.
 */
int watch_start(int fd);

#endif
