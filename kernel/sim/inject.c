// SPDX-License-Identifier: GPL-2.0-only
/* Errors and delays, like those of a firmware that fails or is slow. */
#include <linux/err.h>
#include <linux/jiffies.h>

#include "tsm_sim.h"

/* Below what the kernel takes for a hung task by default. */
#define SIM_MAX_DELAY_MS 60000

const char *const sim_op_names[SIM_OPS + 1] = {
	[SIM_CONNECT] = "connect",     [SIM_BIND] = "bind",	[SIM_UNBIND] = "unbind",
	[SIM_GUEST_REQ] = "guest_req", [SIM_REMOVE] = "remove", [SIM_OPS] = "none",
};

void sim_inject_init(struct sim_inject *inject)
{
	init_waitqueue_head(&inject->waiters);
	inject->delayed = SIM_OPS;
	inject->error_state.max = 1;
	inject->report_unbind.max = 1;
	for (int op = 0; op < SIM_OPS; op++) {
		inject->error[op].max = MAX_ERRNO;
		inject->delay[op].max = SIM_MAX_DELAY_MS;
		inject->delay[op].changed = &inject->waiters;
	}
}

/**
 * sim_inject() - the delay and the error of an operation, in most cases before it does its work
 * @fn: the function
 * @op: the operation
 *
 * It waits as a caller of firmware does: no signal ends the wait. Setting another delay
 * ends it.
 *
 * Return: 0, or the error that the operation has to fail with.
 *
 * Context: under PCI/TSM's locks, which let one operation of a device run at a
 * time.
 */
int sim_inject(struct sim_fn *fn, enum sim_op op)
{
	struct sim_inject *inject = &fn->inject;
	unsigned int delay = READ_ONCE(inject->delay[op].value);

	if (delay) {
		WRITE_ONCE(inject->delayed, op);
		wait_event_timeout(inject->waiters, READ_ONCE(inject->delay[op].value) != delay,
				   msecs_to_jiffies(delay));
		WRITE_ONCE(inject->delayed, SIM_OPS);
	}
	return -(int)READ_ONCE(inject->error[op].value);
}

/* Whether an operation would fail now. */
bool sim_injects_error(struct sim_fn *fn, enum sim_op op)
{
	return READ_ONCE(fn->inject.error[op].value);
}
