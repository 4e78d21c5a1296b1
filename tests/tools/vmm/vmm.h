/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tsm-vmm: a small VMM that brings one NVMe controller from open to RUN for a guest of a
 * few hundred bytes, which does I/O on it. It is for tests, and an example to read.
 *
 *	main.c		the steps in their order
 *	device.c	cdev, iommufd, configuration space
 *	vm.c		KVM: memory slots, the processor, its exits
 *	relay.c		the guest's TDISP messages, and private MMIO according to the state
 *	mmio.c		accesses to private MMIO that must fail
 *	host.c		the attempts of the host while the guest does I/O
 *	guest.S		the guest; layout.h is its interface to the VMM
 *
 * It prints one line for each step, and exits with 1 if a step had a wrong result.
 */
#ifndef VMM_H
#define VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct vmm - the VMM, its guest and the device
 * @addr: PCI address of the function
 * @function_id: the function ID of its TDI in TDISP messages
 * @device: its vfio cdev
 * @iommufd: the iommufd of the device
 * @iommufd_id: id of the device in @iommufd
 * @vm: the VM of KVM
 * @kvm_vfio: KVM's vfio device, which ties @device to @vm
 * @vcpu: the only processor
 * @run: memory shared with KVM about @vcpu
 * @memory: of the guest, MEMORY_SIZE
 * @event: signalled by the kernel when the owner must look
 * @private_mmio: the file that takes the place of secure page tables
 * @bar_size: of BAR 0
 * @mmio: BAR 0, mapped while the TDI is in RUN, or NULL
 * @stopped: the guest has stopped the TDI
 * @line: the part of a line that the guest has printed
 * @line_len: its length
 * @host_tries: the host is at work on its attempts
 * @failures: number of steps with a wrong result
 */
struct vmm {
	const char *addr;
	uint32_t function_id;
	int device;
	int iommufd;
	uint32_t iommufd_id;
	int vm;
	int kvm_vfio;
	int vcpu;
	struct kvm_run *run;
	uint8_t *memory;
	int event;
	int private_mmio;
	size_t bar_size;
	void *mmio;
	bool stopped;
	char line[128];
	size_t line_len;
	bool host_tries;
	int failures;
};

/* main.c: prints a line; prints an error and exits */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void say_info(struct vmm *vmm);

/* device.c */
void device_open(struct vmm *vmm);
void device_attach(struct vmm *vmm);
void device_enable(struct vmm *vmm);
uint64_t device_region(struct vmm *vmm, uint32_t index, size_t *size);

/* vm.c */
void vm_create(struct vmm *vmm);
void vm_add_device(struct vmm *vmm);
void vm_set_mmio(struct vmm *vmm, size_t size);
int vm_run(struct vmm *vmm);

/* relay.c */
void relay(struct vmm *vmm);
bool mmio_is_gone(struct vmm *vmm);

/* mmio.c */
void mmio_open(struct vmm *vmm);
void *mmio_map(struct vmm *vmm);
void mmio_check(struct vmm *vmm);
void mmio_wait(struct vmm *vmm);

/* host.c */
void host_begin(struct vmm *vmm);
bool host_is_busy(struct vmm *vmm);

#endif /* VMM_H */
