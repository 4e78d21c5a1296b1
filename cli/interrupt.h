/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGINT, SIGHUP and SIGTERM, which must not stop a change of a device half-way. */
#ifndef TSMCTL_INTERRUPT_H
#define TSMCTL_INTERRUPT_H

#include <stdbool.h>

/**
 * interrupt_hold() - block these signals from now to the end of the program
 *
 * Call before the first step of a change that must not end half-way. A signal that is
 * ignored stays ignored.
 */
void interrupt_hold(void);

/**
 * interrupt_held() - whether interrupt_hold() was called
 *
 * Return: true if so.
 */
bool interrupt_held(void);

/**
 * interrupt_release() - let these signals end the program at once again
 *
 * For a wait before any change. A pending signal ends the program here.
 */
void interrupt_release(void);

/**
 * interrupt_pending() - whether a signal is pending: then begin nothing more
 *
 * Return: its number, or 0.
 */
int interrupt_pending(void);

/**
 * interrupt_note() - record a pending signal, before the change that it stopped is undone
 *
 * interrupt_pending() still returns it, and interrupt_again() does not.
 */
void interrupt_note(void);

/**
 * interrupt_again() - whether a signal has come since interrupt_note()
 *
 * Return: its number, or 0.
 */
int interrupt_again(void);

/**
 * interrupt_end() - let a pending signal end the program, as it would without interrupt_hold()
 *
 * Call after the last output. Returns if no signal is pending.
 */
void interrupt_end(void);

#endif
