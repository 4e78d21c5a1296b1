// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private MMIO: /dev/tsm_sim/ADDR, a character device for each function.
 *
 * On hardware the TSM maps the MMIO of a TDI in RUN into its guest through
 * secure page tables, where the host has no access. Here the guest's VMM maps
 * the BARs from this file and gives the range to KVM as a memory slot. The file
 * belongs to the simulation alone: no hardware has such a thing.
 *
 *	offset		BAR << 40 | offset in the BAR, as on a vfio device
 *	mmap()		EINVAL for a range outside a memory BAR, for a BAR that does
 *			not fill its pages, for a private or an executable mapping;
 *			EACCES for another process than the VM's, and while nothing
 *			is bound; ENXIO while the TDI is not in RUN
 *	access		SIGBUS as soon as the TDI leaves RUN, or is unbound. Registers
 *			that change move the TDI to ERROR when its state is next asked
 *			for, and not at once as on hardware.
 *
 * The VM's process is the one that made the VM that the TDI is bound for: PCI/TSM
 * passes the VM to bind, and KVM keeps the address space of that process in it. So
 * that process does not have to prove anything, a process that inherits or receives
 * the file cannot map, and a bind by a helper on the VMM's file lets the VMM map.
 *
 * A mapping serves one RUN. When the TDI leaves RUN, all mappings are zapped
 * before the state changes, and later accesses fail, also in the next RUN: the
 * VMM maps again. A fault inserts its page under sim_mmio::lock, under which a RUN
 * ends, so no page is inserted after the zap. A child of the process gets no copy of
 * the mapping, and the mapping cannot grow.
 *
 * A VFIO type1 container that takes such a mapping for DMA keeps it, as it does with
 * the BARs of vfio-pci; iommufd refuses it.
 *
 * sim_mmio::lock is taken under sim_fn::lock. mmap() and faults take only sim_mmio::lock, under
 * mmap_lock, because the locks that vfio_tsm and sysfs take under sim_fn::lock may wait for an
 * mmap_lock.
 *
 * All files of a function have the same address_space, whatever device node they were
 * opened through, so that one zap reaches them all. For that the module has a file
 * system of its own, with an inode for each function.
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/pseudo_fs.h>
#if IS_ENABLED(CONFIG_KVM)
#include <linux/kvm_host.h>
#endif

#include "mmio.h"
#include "tsm_sim.h"

#define SIM_FS_MAGIC 0x54534d53 /* "TSMS" */

/* Position of the BAR's number in an offset that counts pages */
#define BAR_SHIFT (40 - PAGE_SHIFT)

static struct vfsmount *mount;

/*
 * Whether @count pages from @pgoff on are in one memory BAR, which shares no page
 * with anything else. Sets @pfn to where they begin.
 */
static bool find_pages(struct sim_fn *fn, pgoff_t pgoff, unsigned long count, unsigned long *pfn)
{
	unsigned long bar = pgoff >> BAR_SHIFT;
	pgoff_t first = pgoff & (BIT(BAR_SHIFT) - 1);
	resource_size_t start, size;

	if (bar >= PCI_STD_NUM_BARS || !(pci_resource_flags(fn->pdev, bar) & IORESOURCE_MEM))
		return false;
	start = pci_resource_start(fn->pdev, bar);
	size = pci_resource_len(fn->pdev, bar);
	if (!PAGE_ALIGNED(start) || !PAGE_ALIGNED(size))
		return false;
	size >>= PAGE_SHIFT;
	if (first >= size || count > size - first)
		return false;
	*pfn = (start >> PAGE_SHIFT) + first;
	return true;
}

static vm_fault_t sim_mmio_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct sim_fn *fn = vma->vm_file->private_data;
	unsigned long pfn;

	if (!find_pages(fn, vmf->pgoff, 1, &pfn))
		return VM_FAULT_SIGBUS;
	guard(mutex)(&fn->mmio.lock);
	if (!fn->mmio.run || vma->vm_private_data != (void *)fn->mmio.run ||
	    vma->vm_mm != fn->mmio.mm)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vma, vmf->address, pfn);
}

static const struct vm_operations_struct sim_mmio_vm_ops = {
	.fault = sim_mmio_fault,
};

static int sim_mmio_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct sim_fn *fn = file->private_data;
	unsigned long pfn;

	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	if (!find_pages(fn, vma->vm_pgoff, vma_pages(vma), &pfn))
		return -EINVAL;

	guard(mutex)(&fn->mmio.lock);
	if (vma->vm_mm != fn->mmio.mm)
		return -EACCES;
	if (!fn->mmio.run)
		return -ENXIO;
	vm_flags_mod(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY,
		     VM_MAYEXEC);
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_private_data = (void *)fn->mmio.run;
	vma->vm_ops = &sim_mmio_vm_ops;
	return 0;
}

/* misc_open() calls this under the lock that misc_deregister() takes. */
static int sim_mmio_open(struct inode *inode, struct file *file)
{
	struct sim_fn *fn = container_of(file->private_data, struct sim_fn, mmio.misc);

	kref_get(&fn->ref);
	file->private_data = fn;
	file->f_mapping = fn->mmio.inode->i_mapping;
	return 0;
}

static int sim_mmio_release(struct inode *inode, struct file *file)
{
	sim_fn_put(file->private_data);
	return 0;
}

static const struct file_operations sim_mmio_fops = {
	.owner = THIS_MODULE,
	.open = sim_mmio_open,
	.release = sim_mmio_release,
	.mmap = sim_mmio_mmap,
};

static void set_mm(struct sim_fn *fn, struct mm_struct *mm)
{
	guard(mutex)(&fn->mmio.lock);
	fn->mmio.mm = mm;
}

/**
 * sim_mmio_bind() - let the process of a VM map the BARs in RUN
 * @fn: the function
 * @kvm: the VM that it is bound for
 */
void sim_mmio_bind(struct sim_fn *fn, struct kvm *kvm)
{
#if IS_ENABLED(CONFIG_KVM)
	set_mm(fn, kvm->mm);
#endif
}

static void begin_run(struct sim_fn *fn)
{
	guard(mutex)(&fn->mmio.lock);
	fn->mmio.run = ++fn->mmio.runs;
}

/* Removes all mappings of the BARs. */
static void end_run(struct sim_fn *fn)
{
	guard(mutex)(&fn->mmio.lock);
	fn->mmio.run = 0;
	if (fn->mmio.inode)
		unmap_mapping_range(fn->mmio.inode->i_mapping, 0, 0, 1);
}

/**
 * sim_mmio_change() - a TDI is about to change its state
 * @fn: the function
 * @state: the next state. Before a TDI leaves RUN, all mappings are removed
 *
 * Context: under the function's lock.
 */
void sim_mmio_change(struct sim_fn *fn, enum sim_tdisp state)
{
	lockdep_assert_held(&fn->lock);
	if (fn->state == SIM_RUN)
		end_run(fn);
	if (state == SIM_RUN)
		begin_run(fn);
}

/**
 * sim_mmio_unbind() - let no process map the BARs any more
 * @fn: the function
 *
 * An unbind takes the MMIO away, even if it then fails to stop the TDI.
 */
void sim_mmio_unbind(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	end_run(fn);
	set_mm(fn, NULL);
}

static int sim_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, SIM_FS_MAGIC) ? 0 : -ENOMEM;
}

/* It has no .owner, because its mount would keep the module loaded. */
static struct file_system_type sim_fs = {
	.name = "tsm_sim",
	.init_fs_context = sim_fs_init,
	.kill_sb = kill_anon_super,
};

/**
 * sim_mmio_init() - make the file system
 *
 * Return: 0 or a negative errno.
 */
int sim_mmio_init(void)
{
	mount = kern_mount(&sim_fs);
	return PTR_ERR_OR_ZERO(mount);
}

/* No function and no open file is left by now: open files keep the module loaded. */
void sim_mmio_exit(void)
{
	kern_unmount(mount);
}

/**
 * sim_mmio_add() - make a function's device
 * @fn: the function
 *
 * If memory is short, the function has no device, and all else works.
 */
void sim_mmio_add(struct sim_fn *fn)
{
	struct inode *inode = alloc_anon_inode(mount->mnt_sb);

	mutex_init(&fn->mmio.lock);
	if (IS_ERR(inode))
		return;
	fn->mmio.inode = inode;

	snprintf(fn->mmio.name, sizeof(fn->mmio.name), "tsm_sim-%s", pci_name(fn->pdev));
	snprintf(fn->mmio.node, sizeof(fn->mmio.node), "tsm_sim/%s", pci_name(fn->pdev));
	fn->mmio.misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = fn->mmio.name,
		.nodename = fn->mmio.node,
		.fops = &sim_mmio_fops,
		.mode = 0600,
	};
	fn->mmio.registered = !misc_register(&fn->mmio.misc);
	if (!fn->mmio.registered)
		pci_warn(fn->pdev, "cannot make the device for private MMIO\n");
}

/**
 * sim_mmio_remove() - remove a function's device
 * @fn: the function
 *
 * Open files stay, but cannot map anything any more.
 *
 * Context: no lock is held that misc_open() or an open takes.
 */
void sim_mmio_remove(struct sim_fn *fn)
{
	if (fn->mmio.registered)
		misc_deregister(&fn->mmio.misc);
	fn->mmio.registered = false;
}

/* The last reference to the function is gone. */
void sim_mmio_free(struct sim_fn *fn)
{
	iput(fn->mmio.inode);
	mutex_destroy(&fn->mmio.lock);
}
