// SPDX-License-Identifier: GPL-2.0-or-later
/* In and out of the bound state: bind, unbind, open, close. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

/* Mostly removes what would make a bind fail, so that it succeeds. */
int tsm_bind(struct thread *t)
{
	bool unmap = !one_in(t, 4), settle = !one_in(t, 8);
	int ret;

	note(t, "%s%s", settle ? "" : " as it is", unmap ? ", unmapped" : "");
	if (settle && !looks_bound)
		device_settle(unmap);
	ret = device_bind(0);
	/* The TDI was lost, and its owner acknowledges that. */
	if (ret == -ENXIO && !always_bound) {
		oracle_look();
		device_unbind();
	}
	return ret;
}

int tsm_bind_bad(struct thread *t)
{
	struct vfio_pci_tsm_bind arg = {
		.argsz = one_in(t, 2) ? sizeof(arg) : below(t, 5000),
		.flags = one_in(t, 2) ? 0 : rnd(t),
		.vdevice_id = below(t, 4),
		.pad = one_in(t, 2) ? 0 : rnd(t),
	};
	size_t at = 4096 - below(t, 24);
	int ret;

	note(t, " argsz %u flags %#x vdevice %u pad %#x", arg.argsz, arg.flags, arg.vdevice_id,
	     arg.pad);
	memcpy(t->alias + at, &arg, sizeof(arg));
	excuse_begin(&binds);
	excuse_begin(&unbinds);
	ret = call(victim.fd, one_in(t, 4) ? VFIO_DEVICE_TSM_UNBIND : VFIO_DEVICE_TSM_BIND,
		   t->buffer + at);
	excuse_end(&unbinds);
	excuse_end(&binds);
	return ret;
}

int tsm_unbind(__attribute__((unused)) struct thread *t)
{
	return device_unbind();
}

int victim_open(__attribute__((unused)) struct thread *t)
{
	return device_open(&victim);
}

/* Closes the files in any order, and mostly opens them again. */
int victim_reopen(struct thread *t)
{
	unsigned int order = below(t, 3);
	bool open = !one_in(t, 4);

	note(t, " order %u%s", order, open ? "" : ", stays closed");
	device_close(&victim, order);
	return open ? device_open(&victim) : 0;
}

/* A second file of the same device, which may do nothing. */
int second_open(__attribute__((unused)) struct thread *t)
{
	const unsigned long long args[MAX_ARGS] = { 0 };
	struct client c = CLIENT_INIT(victim.addr);
	struct vfio_pci_tsm_unbind unbind = { .argsz = sizeof(unbind) };
	struct vfio_pci_tsm_bind bind = { .argsz = sizeof(bind) };
	char byte = 0;
	int ret;

	/* Do not open it completely: that would lock the others out. */
	ret = step_cdev(&c, args, "", NULL, 0);
	if (!ret) {
		ret = call(c.device, VFIO_DEVICE_TSM_UNBIND, &unbind);
		call(c.device, VFIO_DEVICE_TSM_BIND, &bind);
		call(c.device, VFIO_DEVICE_RESET, NULL);
		if (pwrite(c.device, &byte, 1, CONFIG_OFFSET + 4) == 1)
			fail("a second file wrote to configuration space");
		step_close(&c, args, "", NULL, 0);
	}
	return ret;
}

int sibling_open(__attribute__((unused)) struct thread *t)
{
	return device_open(&sibling);
}

int sibling_close(__attribute__((unused)) struct thread *t)
{
	device_close(&sibling, 0);
	return 0;
}
