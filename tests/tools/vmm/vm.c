// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM: memory slots, the processor, and its exits. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "compat.h"
#include "layout.h"
#include "vmm.h"

/* defined in guest.S */
extern const uint8_t guest_begin[], guest_end[];

enum slot {
	SLOT_MEMORY,
	SLOT_MMIO,
};

static void set_slot(struct vmm *vmm, enum slot slot, uint64_t at, size_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	if (ioctl(vmm->vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION: %m");
}

/* Flat 32-bit segments, paging off */
static void set_registers(struct vmm *vmm)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_segment code = {
		.limit = 0xffffffff,
		.selector = 8,
		.type = 11,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_sregs sregs;

	data.selector = 16;
	data.type = 3;
	if (ioctl(vmm->vcpu, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS: %m");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	if (ioctl(vmm->vcpu, KVM_SET_SREGS, &sregs) || ioctl(vmm->vcpu, KVM_SET_REGS, &regs))
		die("the processor's registers: %m");
}

static void create_vcpu(struct vmm *vmm, int kvm)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vmm->vcpu = ioctl(vmm->vm, KVM_CREATE_VCPU, 0);
	if (vmm->vcpu < 0 || size < 0)
		die("KVM_CREATE_VCPU: %m");
	vmm->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->vcpu, 0);
	if (vmm->run == MAP_FAILED)
		die("the processor's state: %m");
	set_registers(vmm);
}

/* Makes a VM with the guest's code in its memory. */
void vm_create(struct vmm *vmm)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		die("/dev/kvm: %m");
	vmm->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vmm->vm < 0)
		die("KVM_CREATE_VM: %m");
	vmm->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vmm->memory == MAP_FAILED)
		die("the guest's memory: %m");
	memcpy(vmm->memory + CODE, guest_begin, guest_end - guest_begin);
	set_slot(vmm, SLOT_MEMORY, 0, MEMORY_SIZE, vmm->memory);
	create_vcpu(vmm, kvm);
	close(kvm);
	say("vmm: a VM with %zu bytes of code", (size_t)(guest_end - guest_begin));
}

/* The descriptor of KVM's vfio device stays open: closing it undoes this. */
void vm_add_device(struct vmm *vmm)
{
	struct kvm_create_device vfio = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = KVM_DEV_VFIO_FILE_ADD,
		.addr = (uintptr_t)&vmm->device,
	};

	if (ioctl(vmm->vm, KVM_CREATE_DEVICE, &vfio))
		die("KVM_CREATE_DEVICE: %m");
	vmm->kvm_vfio = vfio.fd;
	if (ioctl(vmm->kvm_vfio, KVM_SET_DEVICE_ATTR, &attr))
		die("KVM_DEV_VFIO_FILE_ADD: %m");
}

/* Maps vmm->mmio into the guest; a size of 0 unmaps it. */
void vm_set_mmio(struct vmm *vmm, size_t size)
{
	set_slot(vmm, SLOT_MMIO, MMIO, size, vmm->mmio);
}

static void print_char(struct vmm *vmm, char c)
{
	if (c != '\n' && vmm->line_len < sizeof(vmm->line) - 1) {
		vmm->line[vmm->line_len++] = c;
		return;
	}
	vmm->line[vmm->line_len] = '\0';
	say("guest: %s", vmm->line);
	vmm->line_len = 0;
}

/* Handles an access to a port. Returns whether the guest goes on; else sets *result. */
static bool handle_port(struct vmm *vmm, int *result)
{
	uint8_t *data = (uint8_t *)vmm->run + vmm->run->io.data_offset;
	bool out = vmm->run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t value = 0;

	if (out)
		memcpy(&value, data, vmm->run->io.size);
	switch (vmm->run->io.port) {
	case PORT_CONSOLE:
		print_char(vmm, value);
		break;
	case PORT_TSM:
		relay(vmm);
		break;
	case PORT_HOST:
		if (out)
			host_begin(vmm);
		else
			value = host_is_busy(vmm);
		break;
	case PORT_END:
		*result = value;
		return false;
	default:
		die("the guest uses port %#x", vmm->run->io.port);
	}
	if (!out)
		memcpy(data, &value, vmm->run->io.size);
	return true;
}

/* The guest has nothing at this address: reads are all ones. */
static void handle_no_memory(struct vmm *vmm)
{
	say("vmm: the guest %s %#llx, where it has nothing",
	    vmm->run->mmio.is_write ? "writes to" : "reads from",
	    (unsigned long long)vmm->run->mmio.phys_addr);
	memset(vmm->run->mmio.data, 0xff, sizeof(vmm->run->mmio.data));
}

/* Runs the guest to its end. Returns its result. */
int vm_run(struct vmm *vmm)
{
	int result = 1;

	for (;;) {
		if (ioctl(vmm->vcpu, KVM_RUN, 0)) {
			if (errno == EINTR || (errno == EFAULT && mmio_is_gone(vmm)))
				continue;
			die("KVM_RUN: %m");
		}
		switch (vmm->run->exit_reason) {
		case KVM_EXIT_IO:
			if (!handle_port(vmm, &result))
				return result;
			break;
		case KVM_EXIT_MMIO:
			handle_no_memory(vmm);
			break;
		default:
			die("the processor stopped: exit reason %u", vmm->run->exit_reason);
		}
	}
}
