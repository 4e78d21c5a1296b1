/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices with which there are sessions, and the commands on them. */
#ifndef FIRMWARE_DEVICE_H
#define FIRMWARE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/link.h"

/**
 * device_trust() - name the only root that chains of certificates may have
 * @root: the certificate in DER; it is used as long as there are devices
 * @len: its length; 0: any root is accepted
 */
void device_trust(const uint8_t *root, size_t len);

/**
 * device_command() - do the present command of a link, and end it
 * @link: the link
 *
 * A command that fails is reported on standard error.
 *
 * Return: 0, also if the command failed; or a negative errno of the link.
 */
int device_command(struct link *link);

#endif /* FIRMWARE_DEVICE_H */
