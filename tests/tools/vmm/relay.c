// SPDX-License-Identifier: GPL-2.0-or-later
/* TDISP messages between guest and TSM, and the MMIO that depends on the state. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <tsmbind.h>

#include "../tdisp.h"
#include "layout.h"
#include "vmm.h"

/* The VMM, and not the guest, decides what a request may do. */
static enum tsmbind_scope scope_of(uint8_t type)
{
	return type == START_INTERFACE_REQUEST || type == STOP_INTERFACE_REQUEST ?
		       TSMBIND_SCOPE_STATE_CHANGE :
		       TSMBIND_SCOPE_INFO;
}

static void give_mmio(struct vmm *vmm)
{
	vmm->mmio = mmio_map(vmm);
	vm_set_mmio(vmm, vmm->bar_size);
	say("vmm: RUN; BAR 0, %zu bytes, is the guest's at %#x", vmm->bar_size, MMIO);
}

static void check_mmio_after_stop(struct vmm *vmm)
{
	void *map = mmap(NULL, vmm->bar_size, PROT_READ, MAP_SHARED, vmm->private_mmio, 0);

	if (map != MAP_FAILED || errno != ENXIO) {
		vmm->failures++;
		say("vmm: private MMIO can be mapped after STOP: %s",
		    map == MAP_FAILED ? strerror(errno) : "success");
		return;
	}
	say("vmm: STOP; private MMIO cannot be mapped: %s", strerror(errno));
}

/**
 * relay() - pass a request of the guest to the TSM, and the response to the guest
 * @vmm: the VMM
 *
 * The memory slot of the MMIO stays until KVM finds it empty, to show that the TSM empties
 * it at STOP. A VMM that does not trust its TSM removes the slot before it passes STOP.
 */
void relay(struct vmm *vmm)
{
	uint8_t request[REQUEST_SIZE];
	uint8_t response[RESPONSE_SIZE] = {};
	uint32_t len;
	int32_t ret;

	/* Copy each once: the device, or another processor, could change the memory. */
	memcpy(&len, vmm->memory + REQUEST_LEN, sizeof(len));
	memcpy(request, vmm->memory + REQUEST, sizeof(request));
	ret = -E2BIG;
	if (len <= sizeof(request))
		ret = tsmbind_request(vmm->device, scope_of(request[1]), request, len, response,
				      sizeof(response), NULL);
	if (ret > 0)
		memcpy(vmm->memory + RESPONSE, response, ret);
	memcpy(vmm->memory + RESPONSE_LEN, &ret, sizeof(ret));
	if (ret < 0) {
		vmm->failures++;
		say("vmm: request %#x: %s", request[1], strerror(-ret));
		say_info(vmm); /* the state may have changed */
		return;
	}
	if (response[1] == START_INTERFACE_RESPONSE) {
		give_mmio(vmm);
	} else if (response[1] == STOP_INTERFACE_RESPONSE) {
		vmm->stopped = true;
		check_mmio_after_stop(vmm);
	}
}

/**
 * mmio_is_gone() - handle that KVM found nothing at the guest's MMIO
 * @vmm: the VMM
 *
 * Return: true if that is because of STOP; then the slot is removed.
 */
bool mmio_is_gone(struct vmm *vmm)
{
	if (!vmm->stopped || !vmm->mmio)
		return false;
	say("vmm: KVM cannot reach BAR 0 any more: %s", strerror(EFAULT));
	vm_set_mmio(vmm, 0);
	munmap(vmm->mmio, vmm->bar_size);
	vmm->mmio = NULL;
	return true;
}
