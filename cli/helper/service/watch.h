/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending with the client.
 *
 * A request of a guest waits in the kernel, for the TSM and for requests before it. If its
 * client is gone, it is not to reach the TSM any more. The ioctl cannot watch the
 * client's socket, and a signal would end it for each event of the socket, also for one
 * that means nothing. So a second thread waits for the one event, and ends the process.
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
 * watch_start() - from now on, end this process as soon as a client is gone
 * @fd: the client's socket, which stays open
 *
 * Return: 0 or negative errno.
 */
int watch_start(int fd);

#endif
