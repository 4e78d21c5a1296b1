/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the requests of clients, and what a process may do that runs them. */
#ifndef TSM_HELPER_STEPS_H
#define TSM_HELPER_STEPS_H

#include "helper/protocol.h"
#include "helper/sandbox.h"
#include "helper/step.h"

/**
 * steps_of() - the steps of a request
 * @r: the request
 * @with_file: a file has come with it
 *
 * Return: the steps, for steps_run().
 */
const struct step *steps_of(const struct request *r, bool with_file);

/**
 * steps_role() - what a process may do that runs the steps of a request
 * @r: the request
 *
 * Return: the role, for sandbox_filter().
 */
enum sandbox_role steps_role(const struct request *r);

#endif
