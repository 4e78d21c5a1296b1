/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a TDI for tests, by the TDISP messages (PCIe r7.0 section 11.3) that a guest sends
 * after it has verified its TDI. Here the host sends them, and nothing is verified.
 */
#ifndef TSM_HELPER_START_H
#define TSM_HELPER_START_H

#include "helper/step.h"

extern const struct cause start_causes[];

/**
 * start_tdi() - a step: take the TDI to RUN, if that was asked for
 * @s: session, bound, with @s->start; @s->detail is filled in on failure
 *
 * The function reads the interface report, takes the nonce of the lock from its end, starts
 * the interface, and reads its state. tsm_sim puts the nonce there; a TSM in hardware keeps
 * it secret.
 *
 * Return: 0; -EPROTO if an answer is not the expected one; or negative errno of
 * tsmbind_request().
 */
int start_tdi(struct session *s);

#endif
