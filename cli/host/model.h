/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of devices, from the hardware database of the host. */
#ifndef TSMCTL_MODEL_H
#define TSMCTL_MODEL_H

/**
 * model_name() - the name of a model
 * @vendor: its vendor ID
 * @device: its device ID
 *
 * Return: the name, or the bare IDs. It is valid until the next call.
 */
const char *model_name(unsigned int vendor, unsigned int device);

/**
 * model_done() - free what model_name() has opened
 */
void model_done(void);

#endif
