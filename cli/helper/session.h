/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device, and the files that the helper has open for it. */
#ifndef TSM_HELPER_SESSION_H
#define TSM_HELPER_SESSION_H

#include <limits.h>
#include <sys/types.h>
#include <tsmbind.h>

#include "common/bdf.h"
#include "common/trust.h"
#include "common/util.h"

struct client;

/* Whether to bind by an iommufd vDEVICE, or by the configured TDI id */
enum vdevice_mode {
	VDEVICE_AUTO, /* by a vDEVICE if one can be made */
	VDEVICE_ALWAYS,
	VDEVICE_NEVER,
};

/**
 * struct guest_request - a request of the guest that is passed to the TSM
 * @buffer: memfd of the VMM, or -1
 * @memory: copy of the request, which the response replaces, or NULL
 * @scope: what the request may do
 * @request_len: bytes of the request, at the beginning of @memory
 * @response_len: size of the buffer for the response, at the same place
 * @passed: the kernel was asked to pass the request on
 * @filled: if @passed, bytes of the response
 * @tsm_code: if @passed, the TSM's own result code
 */
struct guest_request {
	int buffer;
	void *memory;
	enum tsmbind_scope scope;
	uint32_t request_len;
	uint32_t response_len;
	bool passed;
	uint32_t filled;
	uint64_t tsm_code;
};

/**
 * struct session - a device and the files that are open for it
 *
 * The members are in groups, each with the file that sets it. There are two exceptions. join.c and
 * hold.c set what one helper passes to another one. session.c closes everything except the lock.
 *
 * @name: PCI address in the kernel's form
 * @sysfs: root of sysfs
 * @run_dir: directory of the lock files
 * @pid: process whose file of the device is to be used, or 0
 * @mode: see enum vdevice_mode
 * @guest_id: requester ID that was asked for, as ssss:bb:dd.f, or ""
 * @start: start the TDI, see start.h
 * @client: in the service, the client that has sent the request; else NULL
 * @must_be_admitted: in the service, bind the device only if its policy requires an admission
 * @guest: a request of the guest, see guest.h
 * @other: process that has the lock, if another process has it, or 0
 * @fault: why the run directory, or a file in it, is not trusted; control.c also sets it
 * @lock_path: the file that is not trusted, "" for the directory
 * @lock: lock file
 * @pid_file: file with the process ID, for all to read
 * @run: @run_dir, open while the control socket is in it
 * @control: the control socket of a holder, for root
 * @join: the socket of a holder for helpers with a device of the same IOMMU group
 * @cdev_name: vfioN
 * @cdev_number: its device number according to sysfs
 * @cdev: /dev/vfio/devices/vfioN, opened by the helper or, with pid.c and the service, by a VMM
 * @request: eventfd that the kernel signals when it wants the device back
 * @event: eventfd that the driver signals when the bind ended without the helper; -1 if
 *	the driver has no events
 * @pidfd: the process @pid, even if its number is used again
 * @proc: directory of its open files in /proc
 * @iommufd: /dev/iommu
 * @kvm: /dev/kvm
 * @vm: a VM without memory or CPUs
 * @vfio: KVM's vfio device of @vm
 * @device_id: id of the device in @iommufd
 * @page_table: I/O address space in @iommufd, or the nest parent on it, which vdevice.c makes
 * @added: @cdev was added to @vm
 * @vdevice: vDEVICE in @iommufd, or 0. For a VMM's iommufd, the caller gives it
 * @viommu: vIOMMU in @iommufd, or 0
 * @fallback: with VDEVICE_AUTO, why no vDEVICE is used, or ""
 * @tdi_id: requester ID that the device is bound by, "" if it cannot be read
 * @bound: the device is bound as a TDI
 * @mate: while the device is bound, a device whose iommufd and VM it shares, or NULL
 * @detail: more about a step that failed, or ""
 *
 * A descriptor that is not open is -1, see SESSION_INIT.
 */
struct session {
	/* before the first step: main.c, the file of the mode (hold.c, pid.c, serve.c), join.c */
	char name[PCI_NAME_LEN];
	const char *sysfs;
	const char *run_dir;
	pid_t pid;
	enum vdevice_mode mode;
	char guest_id[PCI_NAME_LEN];
	bool start;
	const struct client *client;
	bool must_be_admitted;
	/* serve.c the request, guest.c the result */
	struct guest_request guest;
	/* lock.c */
	unsigned int other;
	struct trust_fault fault;
	char lock_path[PATH_MAX];
	int lock;
	int pid_file;
	/* control.c */
	int run;
	int control;
	int join;
	/* cdev.c */
	char cdev_name[32];
	dev_t cdev_number;
	int cdev;
	int request;
	int event;
	/* pid.c */
	int pidfd;
	int proc;
	/* session.c */
	int iommufd;
	int kvm;
	int vm;
	int vfio;
	unsigned int device_id;
	unsigned int page_table;
	bool added;
	/* vdevice.c */
	unsigned int vdevice;
	unsigned int viommu;
	char fallback[96];
	char tdi_id[PCI_NAME_LEN];
	bool bound;
	/* hold.c */
	const struct session *mate;
	/* start.c */
	char detail[112];
};

/* versions of clang-format differ in how they lay this out */
/* clang-format off */
#define SESSION_INIT                                                                           \
	{                                                                                      \
		.pidfd = -1, .proc = -1, .lock = -1, .pid_file = -1, .run = -1, .control = -1, \
		.join = -1, .cdev = -1, .iommufd = -1, .kvm = -1, .vm = -1, .vfio = -1,        \
		.request = -1, .event = -1, .guest.buffer = -1                                 \
	}
/* clang-format on */

/**
 * session_open_iommufd() - a step: open /dev/iommu
 * @s: session; @s->iommufd is opened
 *
 * Return: 0 or negative errno.
 */
int session_open_iommufd(struct session *s);

/**
 * session_open_kvm() - a step: open /dev/kvm
 * @s: session; @s->kvm is opened
 *
 * Return: 0 or negative errno.
 */
int session_open_kvm(struct session *s);

/**
 * session_create_vm() - a step: make a VM without memory or CPUs
 * @s: session; @s->vm is opened, @s->kvm is closed
 *
 * Return: 0 or negative errno.
 */
int session_create_vm(struct session *s);

/**
 * session_create_vfio() - a step: make KVM's vfio device
 * @s: session; @s->vfio is opened
 *
 * Return: 0 or negative errno.
 */
int session_create_vfio(struct session *s);

/**
 * session_share() - a step: use the iommufd and the VM of another device
 * @s: session, with @s->mate; @s->iommufd and @s->vfio are opened
 *
 * Each of the two has its own descriptors. The iommufd and the VM end with the last ones.
 *
 * Return: 0 or negative errno.
 */
int session_share(struct session *s);

/**
 * session_add_file() - a step: add the cdev to the VM in KVM
 * @s: session; @s->added is set
 *
 * This step must be before session_bind_iommufd(): only then does vfio note the VM.
 *
 * Return: 0 or negative errno.
 */
int session_add_file(struct session *s);

/**
 * session_bind_iommufd() - a step: give the cdev its iommufd
 * @s: session; @s->device_id is filled in
 *
 * Return: 0 or negative errno.
 */
int session_bind_iommufd(struct session *s);

/**
 * session_alloc_ioas() - a step: make an I/O address space, unless there is one
 * @s: session; @s->page_table is filled in
 *
 * Return: 0 or negative errno.
 */
int session_alloc_ioas(struct session *s);

/**
 * session_attach() - a step: attach the device to its I/O address space
 * @s: session
 *
 * Return: 0 or negative errno.
 */
int session_attach(struct session *s);

/**
 * session_leave() - leave the iommufd and the VM, and keep the cdev
 * @s: session, in no iommufd
 */
void session_leave(struct session *s);

/**
 * session_drop() - close everything except the lock, without an unbind
 * @s: session
 */
void session_drop(struct session *s);

/**
 * session_close() - unbind, and close everything except the lock
 * @s: session
 *
 * Return: 0, or negative errno of the unbind; everything is closed in any case.
 */
int session_close(struct session *s);

#endif
