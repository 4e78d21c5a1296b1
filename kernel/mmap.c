// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of BARs by user space. They are counted, because a bind is refused
 * while there are any, or zaps them. While the function is bound, neither a new
 * mapping nor a fault on an old one gets through. The fault handlers replace those of
 * drivers/vfio/pci/vfio_pci_core.c, which are static there and take memory_lock
 * themselves: the lock must not be dropped between the check and the insertion.
 */
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/vfio.h>

#include "vfio_pci_tsm.h"

static struct vfio_pci_tsm_device *vma_to_tvdev(struct vm_area_struct *vma)
{
	return container_of(vma->vm_private_data, struct vfio_pci_tsm_device, core);
}

/* The page of the host's memory that a fault is for. */
static unsigned long fault_pfn(struct vfio_pci_tsm_device *tvdev, struct vm_area_struct *vma,
			       unsigned long addr)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned int bar = VFIO_PCI_OFFSET_TO_INDEX(offset);

	return PHYS_PFN(pci_resource_start(tvdev->core.pdev, bar) +
			(offset & VFIO_PCI_OFFSET_MASK)) +
	       PHYS_PFN(addr - vma->vm_start);
}

/*
 * mmap.state does not show a TDI that another module of the kernel has bound until the
 * driver has found it, nor a quarantine. So this looks for both. It does not adopt the
 * TDI, under mmap_lock: the next refresh does that.
 */
static enum vfio_pci_tsm_mmap_state mmap_state(struct vfio_pci_tsm_device *tvdev)
{
	enum vfio_pci_tsm_mmap_state state = READ_ONCE(tvdev->mmap.state);

	if (state == VFIO_PCI_TSM_MMAP_ALLOWED &&
	    (vfio_pci_tsm_has_tdi(tvdev->core.pdev) || vfio_tsm_is_quarantined(tvdev->tdev)))
		return VFIO_PCI_TSM_MMAP_BLOCKED;
	return state;
}

/* Return: whether memory_lock is held, for read. */
static bool lock_memory_for_a_second(struct rw_semaphore *lock)
{
	unsigned long end = jiffies + HZ;

	while (!down_read_trylock(lock)) {
		if (time_after(jiffies, end) || fatal_signal_pending(current))
			return false;
		schedule_timeout_killable(1);
	}
	return true;
}

/*
 * Whether the kernel copies to the BAR or from it. It may hold any lock then: a process
 * only has to read a directory into its mapping. Faults of KVM, by fixup_user_fault(), do
 * not have INTERRUPTIBLE. They wait as long as a reset takes.
 */
static bool is_copy(const struct vm_fault *vmf)
{
	return !(vmf->flags & FAULT_FLAG_USER) && vmf->flags & FAULT_FLAG_INTERRUPTIBLE;
}

/*
 * Take memory_lock for read. Under memory_lock, SET_IRQS adds to sysfs, and so waits for
 * any process that lists a directory of sysfs. Meanwhile that process may write to memory
 * and so wait for mmap_lock, or write to this BAR. So do not wait for memory_lock under
 * mmap_lock where a fault can be tried again. Where it cannot, or where the kernel copies,
 * wait only for a second.
 *
 * Return: 0 with the lock; without it VM_FAULT_RETRY, to have the fault tried again, or
 * VM_FAULT_SIGBUS.
 */
static vm_fault_t lock_memory(struct vfio_pci_tsm_device *tvdev, struct vm_fault *vmf)
{
	struct rw_semaphore *lock = &tvdev->core.memory_lock;
	struct file *file;

	if (down_read_trylock(lock))
		return 0;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY) || is_copy(vmf))
		return lock_memory_for_a_second(lock) ? 0 : VM_FAULT_SIGBUS;
	/* the mapping may be gone before the lock is taken, and the device with it */
	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	if (!down_read_killable(lock))
		up_read(lock);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t insert_locked(struct vfio_pci_tsm_device *tvdev, struct vm_fault *vmf,
				unsigned long pfn, unsigned int order)
{
	switch (mmap_state(tvdev)) {
	case VFIO_PCI_TSM_MMAP_ALLOWED:
		return vfio_pci_vmf_insert_pfn(&tvdev->core, vmf, pfn, order);
	case VFIO_PCI_TSM_MMAP_PENDING:
		/*
		 * Do not wait here: the TSM may want the mmap_lock that is held.
		 * User mode tries again, and can be killed. The kernel could not.
		 */
		return vmf->flags & FAULT_FLAG_USER ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
	default:
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_FAULT);
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t bar_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vfio_pci_tsm_device *tvdev = vma_to_tvdev(vmf->vma);
	unsigned long addr = vmf->address & ~((PAGE_SIZE << order) - 1);
	unsigned long pfn = fault_pfn(tvdev, vmf->vma, addr);
	vm_fault_t ret;

	if (!is_aligned_for_order(vmf->vma, addr, pfn, order))
		return VM_FAULT_FALLBACK;

	ret = lock_memory(tvdev, vmf);
	if (ret)
		return ret;
	ret = insert_locked(tvdev, vmf, pfn, order);
	up_read(&tvdev->core.memory_lock);
	return ret;
}

static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	return bar_huge_fault(vmf, 0);
}

static void bar_vma_open(struct vm_area_struct *vma)
{
	atomic_inc(&vma_to_tvdev(vma)->mmap.count);
}

static void bar_vma_close(struct vm_area_struct *vma)
{
	atomic_dec(&vma_to_tvdev(vma)->mmap.count);
}

static const struct vm_operations_struct bar_vm_ops = {
	.open = bar_vma_open,
	.close = bar_vma_close,
	.fault = bar_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = bar_huge_fault,
#endif
};

/**
 * vfio_pci_tsm_mmap() - mmap of the device file
 * @vdev: the device
 * @vma: what is to be mapped
 *
 * Return: 0; -EBUSY while bound; any error of vfio-pci's own.
 *
 * Context: under mmap_lock for write, so it waits neither for a bind nor for memory_lock,
 * see lock_memory().
 */
int vfio_pci_tsm_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	bool bar = VFIO_PCI_OFFSET_TO_INDEX(offset) <= VFIO_PCI_BAR5_REGION_INDEX;
	int ret;

	if (bar) {
		atomic_inc(&tvdev->mmap.count);
		/* a bind changes the state, and then looks at the count */
		smp_mb__after_atomic();
	}
	switch (mmap_state(tvdev)) {
	case VFIO_PCI_TSM_MMAP_ALLOWED:
		ret = vfio_pci_core_mmap(vdev, vma);
		break;
	case VFIO_PCI_TSM_MMAP_PENDING:
		ret = -EBUSY;
		break;
	default:
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_MMAP);
		ret = -EBUSY;
	}
	if (!bar)
		return ret;
	if (ret)
		atomic_dec(&tvdev->mmap.count);
	else
		vma->vm_ops = &bar_vm_ops;
	return ret;
}

/**
 * vfio_pci_tsm_is_mapped() - whether user space maps a BAR
 * @tvdev: the device
 *
 * Return: whether it is so at the moment.
 */
bool vfio_pci_tsm_is_mapped(struct vfio_pci_tsm_device *tvdev)
{
	return atomic_read(&tvdev->mmap.count);
}

static void zap_locked(struct vfio_pci_tsm_device *tvdev)
{
	loff_t first = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_BAR0_REGION_INDEX);
	loff_t end = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX);

	lockdep_assert_held_write(&tvdev->core.memory_lock);
	unmap_mapping_range(tvdev->core.vdev.inode->i_mapping, first, end - first, true);
}

/**
 * vfio_pci_tsm_mmap_begin_bind() - stop mappings, as a bind begins
 * @tvdev: the device
 * @policy: what to do with mappings
 *
 * Return: 0, and nothing is mapped or can be mapped; -EBUSY; -EINTR when the caller is
 * being killed. After an error nothing has changed.
 */
int vfio_pci_tsm_mmap_begin_bind(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_bar_mmap policy)
{
	enum vfio_pci_tsm_mmap_state before;
	int ret;

	ACQUIRE(rwsem_write_kill, lock)(&tvdev->core.memory_lock);
	ret = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (ret)
		return ret;
	/* a full barrier: vfio_pci_tsm_mmap() sees this change, or its change is seen here */
	before = xchg(&tvdev->mmap.state, VFIO_PCI_TSM_MMAP_PENDING);
	if (vfio_pci_tsm_is_mapped(tvdev) && policy == VFIO_TSM_BAR_MMAP_REFUSE) {
		cmpxchg(&tvdev->mmap.state, VFIO_PCI_TSM_MMAP_PENDING, before);
		return -EBUSY;
	}
	zap_locked(tvdev);
	return 0;
}

/**
 * vfio_pci_tsm_mmap_zap() - remove mappings of BARs that user space has
 * @tvdev: the device, quarantined, so that no mapping can be added
 *
 * This does nothing while another module of the kernel has the function bound. The watch
 * calls it again after that.
 *
 * Return: 0; -EINTR when the caller is being killed.
 *
 * Context: not under tdi.lock or state.lock.
 */
int vfio_pci_tsm_mmap_zap(struct vfio_pci_tsm_device *tvdev)
{
	ACQUIRE(rwsem_write_kill, lock)(&tvdev->core.memory_lock);
	int ret = ACQUIRE_ERR(rwsem_write_kill, &lock);

	if (!ret && !vfio_pci_tsm_has_tdi(tvdev->core.pdev))
		zap_locked(tvdev);
	return ret;
}

/**
 * vfio_pci_tsm_mmap_block() - the function is a TDI now
 * @tvdev: the device, after vfio_pci_tsm_mmap_begin_bind(), or bound by another module
 *
 * Mappings that the owner had before another module's bind stay, but no fault on them
 * gets through any more.
 *
 * Context: under tdi.lock after a bind, where no mapping got through before, or under
 * state.lock. memory_lock is not needed in the first case, and must not be taken in the
 * second.
 */
void vfio_pci_tsm_mmap_block(struct vfio_pci_tsm_device *tvdev)
{
	WRITE_ONCE(tvdev->mmap.state, VFIO_PCI_TSM_MMAP_BLOCKED);
}

/**
 * vfio_pci_tsm_mmap_allow() - the owner may map the BARs again
 * @tvdev: the device, unlocked
 *
 * Context: under tdi.lock, where memory_lock must not be taken, or in a bind that
 * failed. A thread that just misses the change is refused for a moment longer.
 */
void vfio_pci_tsm_mmap_allow(struct vfio_pci_tsm_device *tvdev)
{
	WRITE_ONCE(tvdev->mmap.state, VFIO_PCI_TSM_MMAP_ALLOWED);
}
