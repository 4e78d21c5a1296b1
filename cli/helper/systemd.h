/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of sd_notify(3) and sd_listen_fds(3) that a service needs. Their variables are
 * the only ones in the environment that the helper reads, and only if an option asks for it.
 */
#ifndef TSM_HELPER_SYSTEMD_H
#define TSM_HELPER_SYSTEMD_H

/* The socket that systemd passes is the first descriptor after standard error. */
#define SYSTEMD_LISTEN_FD 3

/**
 * systemd_listen() - whether systemd has passed one listening UNIX stream socket
 *
 * Call this before the environment is cleared.
 *
 * Return: 0, -ENOENT if systemd has not passed exactly one descriptor, or -EPROTOTYPE if that
 * descriptor is something else.
 */
int systemd_listen(void);

/**
 * systemd_look() - read the address of systemd's notification socket
 *
 * Call this before the environment is cleared.
 *
 * Return: 0, or -ENOENT if systemd has not passed one.
 */
int systemd_look(void);

/**
 * systemd_connect() - connect to that socket, before the sandbox forbids it
 *
 * Return: 0, also if systemd_look() has not found an address, or negative errno.
 */
int systemd_connect(void);

/**
 * systemd_tell() - notify systemd
 * @text: as for sd_notify(3)
 *
 * Without a connection the function does nothing.
 */
void systemd_tell(const char *text);

/**
 * systemd_forget() - close the connection, in a process that is not the service
 */
void systemd_forget(void);

#endif
