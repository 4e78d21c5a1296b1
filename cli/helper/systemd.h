/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little that systemd needs of a service: sd_notify(3) and sd_listen_fds(3). The
 * only variables of the environment that the helper reads, and only if it is told to.
 */
#ifndef TSM_HELPER_SYSTEMD_H
#define TSM_HELPER_SYSTEMD_H

/* The socket that systemd passes is the first descriptor after standard error. */
#define SYSTEMD_LISTEN_FD 3

/**
 * systemd_listen() - whether systemd has passed one listening UNIX stream socket
 *
 * To be asked before the environment is cleared.
 *
 * Return: 0, or -ENOENT if it has not passed exactly one, -EPROTOTYPE if that is
 * something else.
 */
int systemd_listen(void);

/**
 * systemd_look() - read where systemd wants to be notified
 *
 * To be called before the environment is cleared.
 *
 * Return: 0, or -ENOENT if it does not want to.
 */
int systemd_look(void);

/**
 * systemd_connect() - open the way there, for which later there is no permission
 *
 * Return: 0, also if systemd_look() has not found one, or negative errno.
 */
int systemd_connect(void);

/**
 * systemd_tell() - notify systemd
 * @text: as for sd_notify(3)
 *
 * Does nothing where nobody listens.
 */
void systemd_tell(const char *text);

/**
 * systemd_forget() - have nobody listen any more, in a process that is not the service
 */
void systemd_forget(void);

#endif
