/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device held by the helper: what is open, and the steps that open it. */
#ifndef TSM_HELPER_SESSION_H
#define TSM_HELPER_SESSION_H

#include <sys/types.h>

#include "common/bdf.h"
#include "common/trust.h"
#include "common/util.h"

/* Whether to bind by an iommufd vDEVICE, or by the configured TDI id */
enum vdevice_mode {
	VDEVICE_AUTO, /* the former where it can be had */
	VDEVICE_ALWAYS,
	VDEVICE_NEVER,
};

/**
 * struct session - a device and all that is open for it
 * @name: PCI address in the kernel's form
 * @sysfs: root of sysfs
 * @run_dir: directory of the lock files
 * @cdev_name: vfioN
 * @cdev_number: its device number according to sysfs
 * @other: process that has the lock, if another has
 * @fault: why the run directory, or the lock file, is not trusted
 * @pid: process whose file of the device is to be used, or 0
 * @pidfd: the same process, whatever becomes of its number
 * @proc: its open files in /proc
 * @lock: lock file
 * @pid_file: file with the process ID, for all to read
 * @run: @run_dir, opened, while there is a socket in it
 * @control: that socket, on which root may ask a holder
 * @cdev: /dev/vfio/devices/vfioN, opened here or by a VMM
 * @iommufd: /dev/iommu
 * @kvm: /dev/kvm
 * @vm: a VM without memory or CPUs
 * @vfio: KVM's vfio device of @vm
 * @request: eventfd by which the kernel asks for the device
 * @mode: see enum vdevice_mode
 * @guest_id: requester ID that was asked for, as ssss:bb:dd.f, or ""
 * @tdi_id: the one that it is bound by, "" if that cannot be told
 * @fallback: with VDEVICE_AUTO, why no vDEVICE is used, or ""
 * @device_id: id of the device in @iommufd
 * @page_table: I/O address space in @iommufd, or the nest parent on it
 * @vdevice: vDEVICE in @iommufd, or in the VMM's, or 0
 * @added: @cdev was added to @vm
 * @bound: the device is bound as a TDI
 *
 * Descriptors are -1 while not open, see SESSION_INIT.
 */
struct session {
	char name[PCI_NAME_LEN];
	const char *sysfs;
	const char *run_dir;
	char cdev_name[32];
	dev_t cdev_number;
	unsigned int other;
	struct trust_fault fault;
	pid_t pid;
	int pidfd;
	int proc;
	int lock;
	int pid_file;
	int run;
	int control;
	int cdev;
	int iommufd;
	int kvm;
	int vm;
	int vfio;
	int request;
	enum vdevice_mode mode;
	char guest_id[PCI_NAME_LEN];
	char tdi_id[PCI_NAME_LEN];
	char fallback[96];
	unsigned int device_id;
	unsigned int page_table;
	unsigned int vdevice;
	bool added;
	bool bound;
};

/* versions of clang-format differ in how they lay this out */
/* clang-format off */
#define SESSION_INIT                                                                           \
	{                                                                                      \
		.pidfd = -1, .proc = -1, .lock = -1, .pid_file = -1, .run = -1, .control = -1, \
		.cdev = -1, .iommufd = -1, .kvm = -1, .vm = -1, .vfio = -1, .request = -1      \
	}
/* clang-format on */

/**
 * struct answer - what an errno means at a step
 * @err: negative errno, or 0 at the end of a list
 * @stage: the driver's name of the check that failed, NULL for any
 * @code: exit code
 * @message: the cause
 * @hint: the next step; NULL for what the errno suggests
 */
struct answer {
	int err;
	const char *stage;
	int code;
	const char *message;
	const char *hint;
};

/**
 * answer_find() - what an errno means
 * @list: answers, or NULL
 * @err: negative errno
 * @stage: the driver's name of the check that failed, or ""
 *
 * Return: the first that fits, or NULL.
 */
const struct answer *answer_find(const struct answer *list, int err, const char *stage);

/**
 * struct step - one step on the way to a bound device
 * @name: as it is reported
 * @run: does it; 0 or negative errno
 * @answers: what its errors mean, or NULL; the first that fits
 * @staged: the driver notes in last_error which check failed
 */
struct step {
	const char *name;
	int (*run)(struct session *s);
	const struct answer *answers;
	bool staged;
};

/*
 * From nothing to a device that is bound and held, in the order in which they must
 * be taken; the end has no name.
 */
extern const struct step hold_steps[];

/* Answers of steps that several lists share */
extern const struct answer find_answers[];
extern const struct answer bind_answers[];
extern const struct answer unbind_answers[];

/**
 * run_dir_open() - open a directory for lock files and sockets, or make it
 * @path: absolute path
 * @fault: out, why it is not trusted
 *
 * Return: a descriptor, -EPERM with @fault filled in if anybody else may write to
 * it, or negative errno.
 */
int run_dir_open(const char *path, struct trust_fault *fault);

/**
 * lock_file() - take a lock that has its owner's process ID in it
 * @dir: directory, from run_dir_open()
 * @name: file; it stays when the lock is let go, but empty
 * @other: out, the process that has it, if another has
 *
 * Return: a descriptor, -EBUSY if another process has it, or negative errno.
 */
int lock_file(int dir, const char *name, unsigned int *other);

/**
 * lock_take() - make sure that no other helper has the device
 * @s: session; @s->lock is opened, or @s->other says who has it
 *
 * Return: 0, -EBUSY if another helper has it, or negative errno.
 */
int lock_take(struct session *s);

/**
 * lock_drop() - let the lock go; last of all
 * @s: session
 */
void lock_drop(struct session *s);

/**
 * cdev_find() - find the device's vfio cdev in sysfs
 * @s: session; @s->cdev_name and @s->cdev_number are filled in
 *
 * Return: 0, -ENODEV if there is no such device, -ENXIO if no vfio driver has it,
 * or negative errno.
 */
int cdev_find(struct session *s);

/**
 * cdev_open() - open it, if the node is the one that sysfs means
 * @s: session; @s->cdev is opened
 *
 * Return: 0, -ENOENT without a node, -ENXIO if the node is something else, or
 * negative errno.
 */
int cdev_open(struct session *s);

/**
 * cdev_in_use() - whether a file is the one that was given to an iommufd
 * @fd: an open file of the cdev, which may be open more than once
 *
 * Return: true if so.
 */
bool cdev_in_use(int fd);

/**
 * cdev_watch() - have the kernel tell when it wants the device back
 * @s: session; @s->request is opened
 *
 * Return: 0 or negative errno.
 */
int cdev_watch(struct session *s);

/**
 * cdev_is_lost() - whether a request came because the bind was lost
 * @s: session
 * @reason: gets the word of last_unbind then
 * @size: of @reason, 16 or more
 *
 * Its directory in sysfs goes first when a device goes; configfs has the state until
 * the last user has gone.
 *
 * Return: true if the kernel had to unbind the device; what it does not say is
 * taken for a request to leave it.
 */
bool cdev_is_lost(const struct session *s, char *reason, size_t size);

/**
 * cdev_enable() - switch memory decode and bus mastering on
 * @s: session
 *
 * A bind wants both on, and no guest is here to do it.
 *
 * Return: 0 or negative errno.
 */
int cdev_enable(struct session *s);

/**
 * cdev_attr() - what the driver says of the device
 * @s: session
 * @name: attribute in the device's directory vfio_tsm
 * @text: out, its first line
 * @size: of @text
 *
 * Return: 0 or negative errno.
 */
int cdev_attr(const struct session *s, const char *name, char *text, size_t size);

/**
 * cdev_is() - whether an open file is the cdev that sysfs names
 * @s: session, after cdev_find()
 * @fd: the file
 *
 * Return: true if so.
 */
bool cdev_is(const struct session *s, int fd);

/**
 * cdev_refused_at() - the check at which the driver refused the last bind
 * @s: session
 * @err: negative errno of that bind
 * @stage: out, the driver's name of the check; "" if it tells of another errno, or none
 * @size: of @stage
 */
void cdev_refused_at(const struct session *s, int err, char *stage, size_t size);

/**
 * vdevice_mode_parse() - auto, always or never
 * @text: the word
 * @mode: out; untouched on failure
 *
 * Return: 0 or -EINVAL.
 */
int vdevice_mode_parse(const char *text, enum vdevice_mode *mode);

/**
 * vdevice_make() - make a vDEVICE, as far as the mode wants one
 * @s: session, in an iommufd and not attached; @s->vdevice, @s->page_table, or
 *	@s->fallback are filled in
 *
 * Return: 0; with VDEVICE_ALWAYS also -ENODATA if no requester ID is known, or
 * negative errno of iommufd.
 */
int vdevice_make(struct session *s);

/**
 * vdevice_bind() - bind, by the vDEVICE if there is one
 * @s: session; @s->bound tells the result
 *
 * Return: 0 or negative errno; <linux/vfio_tsm.h> has them.
 */
int vdevice_bind(struct session *s);

/**
 * vdevice_check() - make sure that it is bound as the one that was asked for
 * @s: session, bound; @s->tdi_id is filled in
 *
 * Return: 0; where an ID was given, -EINVAL if it is another, or negative errno.
 */
int vdevice_check(struct session *s);

/**
 * tdi_unbind() - unbind; nothing happens to a device that is not bound
 * @s: session
 *
 * Return: 0 or negative errno.
 */
int tdi_unbind(struct session *s);

/**
 * session_drop() - close everything, in the opposite order, without an unbind
 * @s: session; the lock stays
 */
void session_drop(struct session *s);

/**
 * session_close() - unbind and close everything, in the opposite order
 * @s: session; the lock stays
 *
 * Return: 0, or negative errno of the unbind; all is closed in any case.
 */
int session_close(struct session *s);

#endif
