/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIRMWARE_SANDBOX_H
#define FIRMWARE_SANDBOX_H

/**
 * sandbox_enter() - drop everything that serving commands does not need
 *
 * All capabilities, and all system calls except those to read and write open files, to open
 * files for reading, and to allocate memory. libspdm opens /dev/urandom each time.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_enter(void);

#endif /* FIRMWARE_SANDBOX_H */
