// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_TSM_BIND: what a bind needs, and the bind itself. */
#include <linux/pci-tsm.h>
#include <linux/tsm.h>

#include "ops.h"
#include "vfio_pci_tsm.h"

/* Choose the requester ID by which the guest knows the function. */
static int choose_tdi_id(struct vfio_pci_tsm_device *tvdev, const struct vfio_tsm_policy *policy,
			 struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	if (binding->vdevice_id) {
		*stage = VFIO_TSM_STAGE_VDEVICE;
		return vfio_pci_tsm_get_vdevice(tvdev, binding->vdevice_id, &binding->tdi_id);
	}
	if (!policy->has_tdi_id) {
		*stage = VFIO_TSM_STAGE_TDI_ID;
		return -ENODATA;
	}
	binding->tdi_id = policy->tdi_id;
	return 0;
}

/*
 * A TDI is locked with memory decode and mastering on, and must keep them. A VF
 * has no Memory Space Enable of its own: its PF decodes as long as the VF exists.
 */
static int check_registers(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_stage *stage)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	u16 command;

	/* Resets are off by now: one that began before is seen here, or is over. */
	*stage = VFIO_TSM_STAGE_POWER;
	if (vfio_pci_tsm_is_resetting(tvdev) || !vfio_pci_tsm_others_are_awake(tvdev))
		return -EHOSTDOWN;
	if (test_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags) ||
	    test_bit(VFIO_PCI_TSM_SRIOV, &tvdev->flags) || vfio_pci_tsm_is_suspending())
		return -EHOSTDOWN;
	/* AER is at work, and its recovery checks whether the bus can be reset. */
	if (vfio_pci_tsm_is_in_error(tvdev))
		return -EHOSTDOWN;
	if (tvdev->core.pm_runtime_engaged || pdev->current_state != PCI_D0)
		return -EHOSTDOWN;

	if (vfio_pci_tsm_rom_is_read(tvdev))
		return -EHOSTDOWN;

	*stage = VFIO_TSM_STAGE_COMMAND;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER))
		return -EHOSTDOWN;
	if (!pdev->no_command_memory && !(command & PCI_COMMAND_MEMORY))
		return -EHOSTDOWN;
	return __vfio_pci_memory_enabled(&tvdev->core) ? 0 : -EHOSTDOWN;
}

/*
 * User space can set up interrupts and write INTx Disable during a bind. vfio-pci then
 * reads Command, may set Memory Space Enable for a moment, and writes back what it
 * read, all under igate. So read Command under igate: the bits that it has then stay,
 * because other writes that clear them wait for the bind.
 */
static int check_ready(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_stage *stage)
{
	int ret;

	ACQUIRE(mutex_kill, igate)(&tvdev->core.igate);
	ret = ACQUIRE_ERR(mutex_kill, &igate) ?: down_read_killable(&tvdev->core.memory_lock);
	if (ret)
		return ret;
	ret = check_registers(tvdev, stage);
	up_read(&tvdev->core.memory_lock);
	return ret;
}

/* A device that was lost when the bind began is not BINDING, whatever has happened since. */
static int check_connected(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0,
			   struct vfio_pci_tsm_view *view, enum vfio_tsm_stage *stage)
{
	*stage = VFIO_TSM_STAGE_NOT_CONNECTED;
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BINDING) ||
	    !vfio_pci_tsm_view(tvdev->core.pdev, view))
		return -ENXIO;
	/* Was it connected after vfio_pci_tsm_hold_begin(), which did not hold the DSM then? */
	if (f0 && READ_ONCE(f0->tsm) && !tvdev->hold.dsm)
		return -ENXIO;
	/*
	 * Was it connected after vfio_pci_tsm_check_others()? If the DSM gets another driver
	 * later, that disturbs the bind.
	 */
	*stage = VFIO_TSM_STAGE_GROUP;
	if (f0 && READ_ONCE(f0->tsm) && vfio_pci_tsm_on_other_vfio(f0))
		return -EBUSY;

	*stage = VFIO_TSM_STAGE_NO_BIND;
	return vfio_pci_tsm_tsms_can_bind(view) ? 0 : -ENXIO;
}

/* PCI/TSM's part of the bind. Return: 0; or an error, and then nothing is bound. */
static int call_tsm(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *before,
		    struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	enum vfio_tsm_stage policy_stage;
	struct vfio_pci_tsm_view after;
	bool connected;
	int ret;

	*stage = VFIO_TSM_STAGE_TSM;
	ret = pci_tsm_bind(pdev, tvdev->core.vdev.kvm, binding->tdi_id);
	connected = vfio_pci_tsm_view(pdev, &after);
	if (ret) {
		vfio_pci_tsm_lock_failed(tvdev);
		if (ret == -EBUSY && connected && after.tdi)
			*stage = VFIO_TSM_STAGE_FOREIGN;
		if (connected)
			return ret;
		/* It was disconnected in the meantime, and PCI/TSM returns EINVAL for that. */
		*stage = VFIO_TSM_STAGE_NOT_CONNECTED;
		return -ENXIO;
	}
	/* Another module of the kernel was first, for the same VM: the TDI belongs to it. */
	if (connected && after.tdi && after.tdi_id != binding->tdi_id) {
		vfio_pci_tsm_lock_failed(tvdev);
		*stage = VFIO_TSM_STAGE_FOREIGN;
		return -EBUSY;
	}

	/* It may have been connected anew before PCI/TSM bound it, or denied since. */
	ret = vfio_tsm_check_policy(tvdev->tdev, &policy_stage);
	if (ret) {
		pci_tsm_unbind(pdev);
		vfio_pci_tsm_lock_failed(tvdev);
		*stage = policy_stage;
		return ret;
	}

	/* If it is disconnected again already, the next refresh finds no TDI. */
	if (!connected) {
		after = *before;
		after.tdi = NULL;
	}
	binding->tsm_id = after.tsm_id;
	vfio_pci_tsm_mmap_block(tvdev);
	if (!vfio_pci_tsm_bound(tvdev, &after, binding)) {
		pci_tsm_unbind(pdev);
		return -EIO;
	}
	return 0;
}

/*
 * Have PCI/TSM bind the function. tdi.lock is held until the success is published, so
 * that an unbind comes later, and is published later.
 */
static int lock_tdi(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0,
		    struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	struct vfio_pci_tsm_view view;
	int ret;

	guard(mutex)(&tvdev->tdi.lock);

	ret = check_connected(tvdev, f0, &view, stage);
	if (ret)
		return ret;

	/* The administrator may have denied it since, and revoked what was not bound yet. */
	ret = vfio_tsm_check_policy(tvdev->tdev, stage);
	if (ret)
		return ret;

	/* Another module of the kernel was first. For the same VM, PCI/TSM would return 0. */
	*stage = VFIO_TSM_STAGE_FOREIGN;
	if (view.tdi)
		return -EBUSY;

	/* From here on a reset waits for the end of the bind. */
	ret = vfio_pci_tsm_lock_begin(tvdev, stage);
	if (ret)
		return ret;

	ret = call_tsm(tvdev, &view, binding, stage);
	if (!ret)
		vfio_pci_tsm_start_watch(tvdev);
	return ret;
}

/*
 * The checks are in the order of the ABI's table, and the first that fails is reported.
 * PF and DSM are woken early, where no lock is held that their drivers may take.
 */
static int bind_checked(struct vfio_pci_tsm_device *tvdev, const struct vfio_tsm_policy *policy,
			struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	struct pci_dev *f0 __free(pci_dev_put) = vfio_pci_tsm_get_function0(tvdev->core.pdev);
	struct vfio_pci_tsm_view view;
	int ret;

	*stage = VFIO_TSM_STAGE_REGIONS;
	if (tvdev->regions.mode != VFIO_TSM_REGIONS_EXCLUSIVE)
		return -EPERM;

	*stage = VFIO_TSM_STAGE_BAR;
	if (tvdev->regions.incomplete)
		return -ENOSPC;

	*stage = VFIO_TSM_STAGE_DENIED;
	if (!policy->bind_allowed)
		return -EACCES;

	*stage = VFIO_TSM_STAGE_MAPPED;
	if (policy->bar_mmap == VFIO_TSM_BAR_MMAP_REFUSE && vfio_pci_tsm_is_mapped(tvdev))
		return -EBUSY;

	/* An ioeventfd would go on writing to a BAR that belongs to the guest. */
	*stage = VFIO_TSM_STAGE_IOEVENTFD;
	if (tvdev->core.ioeventfds_nr)
		return -EBUSY;

	*stage = VFIO_TSM_STAGE_KVM;
	if (!tvdev->core.vdev.kvm)
		return -EINVAL;

	ret = choose_tdi_id(tvdev, policy, binding, stage);
	if (ret)
		return ret;

	*stage = VFIO_TSM_STAGE_GROUP;
	ret = vfio_pci_tsm_check_others(tvdev, f0);
	if (!ret)
		ret = check_connected(tvdev, NULL, &view, stage);
	/* A device can be admitted only while it is connected. */
	if (!ret)
		ret = vfio_tsm_check_policy(tvdev->tdev, stage);
	if (!ret)
		ret = vfio_pci_tsm_hold_begin(tvdev, f0, policy->bar_mmap, stage);
	if (ret) {
		vfio_pci_tsm_put_vdevice(tvdev);
		return ret;
	}

	ret = check_ready(tvdev, stage);
	if (!ret)
		ret = lock_tdi(tvdev, f0, binding, stage);
	if (ret)
		vfio_pci_tsm_hold_end(tvdev);
	return ret;
}

static int bind_stopped(struct vfio_pci_tsm_device *tvdev, u32 vdevice_id)
{
	enum vfio_tsm_stage stage = VFIO_TSM_STAGE_NONE;
	struct vfio_tsm_binding binding = { .vdevice_id = vdevice_id };
	struct vfio_tsm_policy policy;
	int ret;

	ACQUIRE(mutex_kill, set_lock)(&tvdev->core.vdev.dev_set->lock);
	ret = ACQUIRE_ERR(mutex_kill, &set_lock);
	if (ret)
		return ret;

	ret = vfio_pci_tsm_bind_begin(tvdev, &policy);
	if (ret)
		return ret;
	/* Writes that are allowed while bound need not wait for the end of the bind. */
	wake_up_all(&tvdev->op.changed);

	ret = bind_checked(tvdev, &policy, &binding, &stage);
	if (ret) {
		vfio_pci_tsm_bind_failed(tvdev, ret, stage);
		/* The reason may be that another module has bound it. */
		vfio_pci_tsm_refresh(tvdev);
	}
	return ret;
}

/**
 * vfio_pci_tsm_bind() - VFIO_DEVICE_TSM_BIND
 * @tvdev: the device
 * @vdevice_id: ID of the vDEVICE that the bind names, or 0
 *
 * Return: as in <linux/vfio_tsm.h>; an error changes nothing except last_error.
 *
 * Context: ioctl of the file that opened the device.
 */
int vfio_pci_tsm_bind(struct vfio_pci_tsm_device *tvdev, u32 vdevice_id)
{
	int ret;

	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;

	/* Check before operations are stopped, which may wait for a slow request of the guest. */
	vfio_pci_tsm_refresh(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		return -EALREADY;

	ret = vfio_pci_tsm_stop_ops(tvdev);
	if (ret)
		return ret;
	ret = bind_stopped(tvdev, vdevice_id);
	vfio_pci_tsm_resume_ops(tvdev);
	return ret;
}
