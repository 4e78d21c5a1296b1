// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps from nothing to a bound device, and what can go wrong at each.
 * The order matters: KVM must know the file before the file is bound to an
 * iommufd, for only then does vfio note which VM the device belongs to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio_tsm.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "common/exitcode.h"
#include "helper/compat.h"
#include "helper/service/socket.h"

static int open_node(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int open_iommufd(struct session *s)
{
	return open_node("/dev/iommu", &s->iommufd);
}

static int open_kvm(struct session *s)
{
	return open_node("/dev/kvm", &s->kvm);
}

static int create_vm(struct session *s)
{
	int ret;

	s->vm = ioctl(s->kvm, KVM_CREATE_VM, 0UL);
	ret = s->vm < 0 ? -errno : 0;
	/* it has served its purpose */
	close(s->kvm);
	s->kvm = -1;
	return ret;
}

static int create_vfio(struct session *s)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };

	if (ioctl(s->vm, KVM_CREATE_DEVICE, &create))
		return -errno;
	s->vfio = (int)create.fd;
	return 0;
}

static int tell_kvm(struct session *s, uint64_t what)
{
	int32_t fd = s->cdev;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = what,
		.addr = (uintptr_t)&fd,
	};

	return ioctl(s->vfio, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

static int add_file(struct session *s)
{
	int ret = tell_kvm(s, KVM_DEV_VFIO_FILE_ADD);

	s->added = !ret;
	return ret;
}

static int bind_iommufd(struct session *s)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = s->iommufd,
	};

	if (ioctl(s->cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return -errno;
	s->device_id = bind.out_devid;
	return 0;
}

static int alloc_ioas(struct session *s)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(s->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	s->page_table = alloc.out_ioas_id;
	return 0;
}

static int attach(struct session *s)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = s->page_table,
	};

	return ioctl(s->cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno : 0;
}

int tdi_unbind(struct session *s)
{
	struct vfio_pci_tsm_unbind unbind = { .argsz = sizeof(unbind) };

	return ioctl(s->cdev, VFIO_DEVICE_TSM_UNBIND, &unbind) ? -errno : 0;
}

void session_drop(struct session *s)
{
	int *fds[] = { &s->cdev,    &s->vfio,	 &s->vm,   &s->kvm,
		       &s->iommufd, &s->request, &s->proc, &s->pidfd };

	/* KVM holds a reference, without this the close below would not be the last */
	if (s->added)
		tell_kvm(s, KVM_DEV_VFIO_FILE_DEL);
	s->added = false;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		util_close(fds[i]);
		*fds[i] = -1;
	}
}

int session_close(struct session *s)
{
	int ret = s->bound ? tdi_unbind(s) : 0;

	s->bound = false;
	session_drop(s);
	return ret;
}

static const struct answer lock_answers[] = {
	{ -EBUSY, NULL, EXIT_BUSY, "another tsm-bind-helper holds it",
	  "run 'tsmctl unbind' first" },
	{ -EPERM, NULL, EXIT_NOT_PERMITTED,
	  "the lock file is not a regular file of its own, with one name",
	  "remove it from the run directory" },
	{ -ELOOP, NULL, EXIT_NOT_PERMITTED, "the lock file is a symbolic link", "remove it" },
	{}
};

const struct answer find_answers[] = {
	{ -ENODEV, NULL, EXIT_NO_DEVICE, "no such device", "'lspci -D' shows the addresses" },
	{ -ENXIO, NULL, EXIT_UNSUPPORTED, "no vfio driver has it, or the kernel has no vfio cdev",
	  "run 'tsmctl assign', on a kernel with CONFIG_VFIO_DEVICE_CDEV" },
	{}
};

static const struct answer cdev_answers[] = {
	{ -ENOENT, NULL, EXIT_UNSUPPORTED, "its node in /dev/vfio/devices is missing",
	  "udev or devtmpfs makes it: see that one of them is at work" },
	{ -ENXIO, NULL, EXIT_FAILED,
	  "its node in /dev/vfio/devices is not the device that sysfs names",
	  "remove the node, and let udev or devtmpfs make it again" },
	{}
};

static const struct answer iommufd_answers[] = {
	{ -ENOENT, NULL, EXIT_UNSUPPORTED, "no /dev/iommu",
	  "run 'tsmctl load'; the kernel needs IOMMUFD" },
	{ -ENODEV, NULL, EXIT_UNSUPPORTED, "/dev/iommu has no driver", "run 'tsmctl load'" },
	{}
};

static const struct answer kvm_answers[] = {
	{ -ENOENT, NULL, EXIT_UNSUPPORTED, "no KVM: there is no /dev/kvm",
	  "enable virtualization in the firmware, and run 'tsmctl load'" },
	{ -ENODEV, NULL, EXIT_UNSUPPORTED, "no KVM: /dev/kvm has no driver", "run 'tsmctl load'" },
	{}
};

static const struct answer vfio_answers[] = {
	{ -ENODEV, NULL, EXIT_UNSUPPORTED, "KVM has no vfio device",
	  "the kernel needs CONFIG_KVM_VFIO, and vfio loaded" },
	{}
};

static const struct answer open_answers[] = {
	/* a cdev opens once, and this is how the kernel says so */
	{ -EINVAL, NULL, EXIT_BUSY, "another process has it open, or it cannot be opened",
	  "'tsmctl show' names its owner; the kernel log may say more" },
	{ -EBUSY, NULL, EXIT_BUSY, "its regions, or another device of its IOMMU group, are in use",
	  "assign or release its whole IOMMU group; unbind what it is PF or function 0 of; "
	  "/proc/iomem shows who has its regions" },
	{ -EPERM, NULL, EXIT_UNSUPPORTED,
	  "its IOMMU does not isolate interrupts, or its group has two owners",
	  "enable interrupt remapping; a test host may set iommufd's allow_unsafe_interrupts" },
	{}
};

static const struct answer vdevice_answers[] = {
	{ -EOPNOTSUPP, NULL, EXIT_UNSUPPORTED,
	  "its IOMMU has no vIOMMUs, or the kernel does not know how",
	  "use --vdevice never, and 'tsmctl tdi-id' for the guest's requester ID" },
	{ -ENOTTY, NULL, EXIT_UNSUPPORTED, "the kernel's iommufd has no vIOMMUs",
	  "use --vdevice never, and 'tsmctl tdi-id' for the guest's requester ID" },
	{ -ENODATA, NULL, EXIT_FAILED, "no requester ID of the guest is known",
	  "give it with --guest-id, or configure it with 'tsmctl tdi-id'" },
	{}
};

const struct answer bind_answers[] = {
	{ -ENOTTY, NULL, EXIT_UNSUPPORTED, "its driver cannot bind", "run 'tsmctl assign'" },
	{ -EALREADY, NULL, EXIT_BUSY, "it is bound already", NULL },
	{ -EPERM, NULL, EXIT_NOT_PERMITTED, "it was opened with shared regions",
	  "close it, run 'tsmctl mode DEVICE exclusive', open it and bind again" },
	{ -EACCES, NULL, EXIT_NOT_PERMITTED, "the administrator forbids to bind it",
	  "run 'tsmctl allow DEVICE'" },
	{ -EBUSY, "ioeventfd", EXIT_BUSY, "an ioeventfd writes to its BARs",
	  "start the VMM with x-no-kvm-ioeventfd=on" },
	{ -EBUSY, "group", EXIT_BUSY, "another function of its IOMMU group is on another driver",
	  "run 'tsmctl assign' for each function of the group" },
	{ -EBUSY, NULL, EXIT_BUSY, "a BAR is mapped by user space",
	  "start the VMM with x-no-mmap=on, or run 'tsmctl mode DEVICE --bar-mmap revoke'" },
	{ -EINVAL, NULL, EXIT_FAILED, "the driver knows of no VM",
	  "a VMM needs KVM, and must give it the file before it gives the file its iommufd" },
	{ -ENODATA, NULL, EXIT_FAILED, "no TDI id is configured",
	  "run 'tsmctl tdi-id DEVICE ID' with the address that the guest sees" },
	{ -EOPNOTSUPP, NULL, EXIT_UNSUPPORTED,
	  "the TSM does not support it, or iommufd cannot look up vDEVICEs",
	  "'tsmctl show' has the stage in last_error; if it is vdevice, bind without a vDEVICE" },
	{ -ENXIO, NULL, EXIT_UNSUPPORTED,
	  "it is not connected to a TSM that can bind, or was lost and not unbound since",
	  "run 'tsmctl connect DEVICE', or 'tsmctl unbind DEVICE'" },
	{ -ENOENT, "vdevice", EXIT_FAILED, "its iommufd has no such vDEVICE of this device",
	  "the VMM knows the id, from IOMMU_VDEVICE_ALLOC" },
	{ -EOVERFLOW, "vdevice", EXIT_FAILED, "the vDEVICE's virt_id is no requester ID",
	  "it must fit into 32 bits: segment << 16 | BDF" },
	{ -EHOSTDOWN, NULL, EXIT_FAILED,
	  "it is not in D0, or memory decode or bus mastering is off",
	  "set power/control in sysfs to on, of it, its PF and function 0" },
	{}
};

const struct answer unbind_answers[] = { { -ENOTTY, NULL, EXIT_UNSUPPORTED,
					   "its driver cannot bind", "run 'tsmctl assign'" },
					 {} };

static const struct answer id_answers[] = {
	{ -EINVAL, NULL, EXIT_FAILED, "the configured TDI id is not the one of --guest-id",
	  "run 'tsmctl tdi-id DEVICE ID' with the address that the guest sees" },
	{}
};

static const struct answer control_answers[] = {
	{ -EEXIST, NULL, EXIT_NOT_PERMITTED, "a file that is no socket has the name of its socket",
	  "remove it from the run directory" },
	{}
};

const struct step hold_steps[] = {
	{ "lock", lock_take, lock_answers, false },
	{ "find cdev", cdev_find, find_answers, false },
	{ "make control socket", control_listen, control_answers, false },
	{ "open cdev", cdev_open, cdev_answers, false },
	{ "open iommufd", open_iommufd, iommufd_answers, false },
	{ "open kvm", open_kvm, kvm_answers, false },
	{ "create vm", create_vm, NULL, false },
	{ "create vfio device of vm", create_vfio, vfio_answers, false },
	{ "add file to vm", add_file, NULL, false },
	{ "bind iommufd", bind_iommufd, open_answers, false },
	{ "allocate ioas", alloc_ioas, NULL, false },
	{ "make vdevice", vdevice_make, vdevice_answers, false },
	{ "attach", attach, NULL, false },
	{ "watch requests", cdev_watch, NULL, false },
	{ "enable decode", cdev_enable, NULL, false },
	{ "bind", vdevice_bind, bind_answers, true },
	{ "check guest id", vdevice_check, id_answers, false },
	{},
};
