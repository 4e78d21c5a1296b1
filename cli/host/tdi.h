/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TDISP state of a device, followed by epoll: vfio_tsm(5) has no uevent for it. */
#ifndef TSMCTL_TDI_H
#define TSMCTL_TDI_H

#include "host/pci.h"

#define TDI_STATE "vfio_tsm/tdi_state"
#define TDI_UNKNOWN "unknown"
#define TDI_STATE_LEN 16

/* The words of the attribute; NULL at the end. */
extern const char *const tdi_states[];

/**
 * struct tdi - what is known of a device's TDI
 * @fd: its attribute, open to be waited for; -1 if it is not there
 * @state: the word in it, TDI_UNKNOWN without it
 */
struct tdi {
	int fd;
	char state[TDI_STATE_LEN];
};

/**
 * tdi_wait() - prepare to wait for changes of many devices
 *
 * Each device needs an open file, so the limit of open files is raised to its maximum.
 *
 * Return: an epoll file for tdi_look(), or negative errno.
 */
int tdi_wait(void);

/**
 * tdi_look() - look at a device's TDI, and wait for its next change from now on
 * @ctx: this run
 * @epoll: from tdi_wait()
 * @addr: the device, whether or not it is there or assigned
 * @tdi: brought up to date; all of it must be set the first time
 * @arg: what @epoll is to return when the state changes
 *
 * Return: 1 if the state has changed, 0 if not, or negative errno if its changes cannot be
 * waited for; then @tdi->state is up to date all the same.
 */
int tdi_look(const struct ctx *ctx, int epoll, const struct pci_addr *addr, struct tdi *tdi,
	     void *arg);

/**
 * tdi_close() - stop waiting for changes of a device
 * @tdi: the state becomes TDI_UNKNOWN
 */
void tdi_close(struct tdi *tdi);

#endif
