/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGINT, SIGHUP and SIGTERM, which must not stop a change of a device half-way. */
#ifndef TSMCTL_INTERRUPT_H
#define TSMCTL_INTERRUPT_H

#include <stdbool.h>

/**
 * interrupt_hold() - have these signals wait, from now to the end of the program
 *
 * Call before the first step of a change that is worse half done than not at all.
 * Those that are ignored stay so.
 */
void interrupt_hold(void);

/**
 * interrupt_held() - whether interrupt_hold() was called
 *
 * Return: true if so.
 */
bool interrupt_held(void);

/**
 * interrupt_release() - have these signals end the program at once again
 *
 * For a wait before any change. One that is waiting ends the program here.
 */
void interrupt_release(void);

/**
 * interrupt_pending() - whether one is waiting: do not begin anything more
 *
 * Return: its number, or 0.
 */
int interrupt_pending(void);

/**
 * interrupt_note() - take note of one that is waiting, before what it caused is undone
 *
 * interrupt_pending() still returns it. interrupt_again() does not.
 */
void interrupt_note(void);

/**
 * interrupt_again() - whether one has come since interrupt_note()
 *
 * Return: its number, or 0.
 */
int interrupt_again(void);

/**
 * interrupt_end() - have the one that waited end the program, as it would have before
 *
 * Call when all is done and said. Returns if there is none.
 */
void interrupt_end(void);

#endif
