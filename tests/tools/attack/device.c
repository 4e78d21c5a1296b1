// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens and closes files that other threads are using. Each file has a number of its
 * own for the whole run. While the device is closed, the number belongs to an O_PATH
 * file, with which every operation here fails with EBADF. dup3() exchanges the two in one
 * step. So no thread needs a lock to use a file, and a close meets operations that are
 * still at work.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

enum {
	SLOT_VICTIM = 200,
	SLOT_SIBLING,
	SLOT_KVM_VM,
	SLOT_KVM_VFIO,
	SLOT_IOMMUFD,
};

struct device victim = { .kvm = true, .fd = SLOT_VICTIM, .lock = PTHREAD_MUTEX_INITIALIZER };
struct device sibling = { .fd = SLOT_SIBLING, .lock = PTHREAD_MUTEX_INITIALIZER };
const int iommufd_slot = SLOT_IOMMUFD;
atomic_uint ioas[2];
int event;

static int refuses;

static void slot_set(int slot, int fd)
{
	/* EINTR, or EBUSY if another thread is about to install a file */
	while (dup3(fd, slot, O_CLOEXEC) < 0) {
		if (errno != EINTR && errno != EBUSY)
			fail("file %d for %d: %s", slot, fd, answer_name(-errno));
	}
}

int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/*
 * Replaces the iommufd by a new one. Mostly one stays for the whole run: functions of one
 * group, such as most siblings, must be in the same iommufd.
 */
int iommufd_new(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC), ret = 0;
	uint32_t ids[2];

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 2 && !ret; i++) {
		struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

		ret = call(fd, IOMMU_IOAS_ALLOC, &alloc);
		ids[i] = alloc.out_ioas_id;
	}
	if (!ret) {
		slot_set(SLOT_IOMMUFD, fd);
		ioas[0] = ids[0];
		ioas[1] = ids[1];
	}
	close(fd);
	return ret;
}

void devices_init(void)
{
	int ret;

	refuses = open("/", O_PATH | O_CLOEXEC);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (refuses < 0 || event < 0)
		fail("cannot begin: %s", answer_name(-errno));

	for (int slot = SLOT_VICTIM; slot <= SLOT_IOMMUFD; slot++)
		slot_set(slot, refuses);
	ret = iommufd_new();
	if (ret)
		fail("/dev/iommu: %s", answer_name(ret));
}

/* Other threads can use the device from the first step on. */
static int open_steps(struct device *d, struct client *c)
{
	const unsigned long long args[MAX_ARGS] = { 0 };
	char answer[64];
	int ret;

	ret = step_cdev(c, args, "", answer, sizeof(answer));
	if (ret)
		return ret;
	slot_set(d->fd, c->device);

	if (d->kvm) {
		ret = step_kvm(c, args, "", answer, sizeof(answer));
		if (ret)
			return ret;
		slot_set(SLOT_KVM_VM, c->kvm_vm);
		slot_set(SLOT_KVM_VFIO, c->kvm_vfio);
	}
	ret = step_bind_iommufd(c, args, "", answer, sizeof(answer));
	if (ret)
		return ret;
	d->id = c->iommufd_id;
	/* A sibling that is attached elsewhere may make this fail, which does not matter. */
	c->ioas = ioas[0];
	step_attach(c, args, "", answer, sizeof(answer));
	return 0;
}

static void clear_slots(struct device *d, unsigned int order)
{
	const int slots[] = { d->fd, SLOT_KVM_VFIO, SLOT_KVM_VM };
	unsigned int count = d->kvm ? 3 : 1;

	for (unsigned int i = 0; i < count; i++)
		slot_set(slots[(i + order) % count], refuses);
}

/* Returns 0, -EALREADY, or another negative errno. */
int device_open(struct device *d)
{
	const unsigned long long args[MAX_ARGS] = { 0 };
	struct client c = CLIENT_INIT(d->addr);
	int ret = -EALREADY;

	pthread_mutex_lock(&d->lock);
	if (!d->opened) {
		c.iommufd = fcntl(SLOT_IOMMUFD, F_DUPFD_CLOEXEC, 0);
		ret = open_steps(d, &c);
		d->opened = !ret;
		if (ret)
			clear_slots(d, 0);
		step_close(&c, args, "", NULL, 0);
	}
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* @order: which of the files is closed first */
void device_close(struct device *d, unsigned int order)
{
	pthread_mutex_lock(&d->lock);
	d->opened = false;
	clear_slots(d, order);
	if (d == &victim) {
		/* Mappings have a reference to the file. */
		windows_unmap();
		looks_bound = false;
	}
	pthread_mutex_unlock(&d->lock);
}

/* Sets the device up as a guest's driver does before the TDI is locked. */
int device_settle(bool unmap)
{
	struct vfio_device_feature leave = {
		.argsz = sizeof(leave),
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
	};
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, power = 0;

	if (unmap)
		windows_unmap();
	call(victim.fd, VFIO_DEVICE_FEATURE, &leave);
	if (pmcsr && pwrite(victim.fd, &power, 2, CONFIG_OFFSET + pmcsr) < 0)
		return -errno;
	return pwrite(victim.fd, &command, 2, CONFIG_OFFSET + PCI_COMMAND) < 0 ? -errno : 0;
}

/* @vdevice: id of the vDEVICE by which it is bound, or 0 */
int device_bind(uint32_t vdevice)
{
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg), .vdevice_id = vdevice };
	unsigned int resets_before = resets.ended, disconnects_before = disconnects.ended;
	unsigned int steals_before = steals.ended;
	int ret;

	excuse_begin(&binds);
	ret = call(victim.fd, VFIO_DEVICE_TSM_BIND, &arg);
	if (!ret) {
		function_bound(functions, resets_before != resets.begun, disconnects_before,
			       steals_before);
		looks_bound = true;
	}
	excuse_end(&binds);
	return ret;
}

int device_unbind(void)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = sizeof(arg) };
	int ret;

	excuse_begin(&unbinds);
	ret = call(victim.fd, VFIO_DEVICE_TSM_UNBIND, &arg);
	if (!ret)
		looks_bound = false;
	excuse_end(&unbinds);
	return ret;
}
