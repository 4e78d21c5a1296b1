// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to the configuration space of a bound function, and of one that a bound
 * function depends on: its PF, or its DSM.
 *
 * vfio-pci reads the user's buffer itself, so it may write other values than were
 * checked here a moment before. So bytes are handled by their kind. A byte that
 * cannot harm the TDI, whatever its value, is left to vfio-pci, unread. A byte that
 * matters is copied once, checked, and written from the copy, here. A write is
 * checked as a whole before any of it is done.
 *
 * The table has every byte that matters: PCIe r7.0 table 11-2, compared with what
 * drivers/vfio/pci/vfio_pci_config.c lets through to the hardware. BARs, MSI and
 * others are virtual there, and most capabilities cannot be written. But vfio-pci
 * passes writes to the rest, and to what it hides, to the hardware as they are.
 */
#include <linux/cleanup.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "config.h"
#include "vfio_pci_tsm.h"

/* Capability IDs as in vfio-pci's map of the configuration space, and two more. */
#define HEADER 0
#define EXTENDED 0x100 /* with the ID of an extended capability */
#define UNKNOWN 0xff /* between capabilities, or in one that vfio-pci hides */

#define DEVCTL2_10BIT_TAG_REQ_EN 0x1000 /* PCIe r7.0 section 7.5.3.16 */

#define HIGH_BYTE(mask) ((u8)((mask) >> 8))

/**
 * struct guarded_byte - a byte of configuration space that matters to a TDI
 * @cap: the capability that it is in
 * @offset: from the start of @cap
 * @all: the row is for all bytes of @cap, and no write is allowed
 * @none: no write is allowed
 * @own: it matters to the function itself, not to functions that depend on it
 * @set: bits that must be written as 1
 * @clear: bits that must be written as 0
 * @keep: bits that must be written as they are in the hardware
 * @hw: bits of an allowed write that go to the hardware
 * @virt: bits of an allowed write that go to vfio-pci's virtual configuration space
 * @then: what else an allowed write does
 * @kind: how a refusal is counted
 */
struct guarded_byte {
	u16 cap;
	u8 offset;
	bool all;
	bool none;
	bool own;
	u8 set;
	u8 clear;
	u8 keep;
	u8 hw;
	u8 virt;
	void (*then)(struct vfio_pci_core_device *core, u8 value);
	enum vfio_tsm_blocked kind;
};

/* Does what vfio_exp_config_write() does. */
static void set_readrq(struct vfio_pci_core_device *core, u8 value)
{
	int readrq = 128 << (value >> 4 & 7);

	pcie_set_readrq(core->pdev, max(readrq, pcie_get_mps(core->pdev)));
}

static const struct guarded_byte guarded_bytes[] = {
	/* vfio_basic_config_write() zaps the BARs when MSE is cleared, also for a VF. */
	{
		.cap = HEADER,
		.offset = PCI_COMMAND,
		.own = true,
		.set = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
		.hw = 0xff,
		.virt = PCI_COMMAND_IO | PCI_COMMAND_MEMORY,
		.kind = VFIO_TSM_BLOCKED_COMMAND,
	},
	{
		.cap = HEADER,
		.offset = PCI_BIST,
		.none = true,
		.kind = VFIO_TSM_BLOCKED_BIST,
	},
	/* vfio_pm_config_write() */
	{
		.cap = PCI_CAP_ID_PM,
		.offset = PCI_PM_CTRL,
		.clear = PCI_PM_CTRL_STATE_MASK,
		.hw = (u8)~PCI_PM_CTRL_STATE_MASK,
		.kind = VFIO_TSM_BLOCKED_POWER_STATE,
	},
	/* vfio_exp_config_write(): resets the function on FLR */
	{
		.cap = PCI_CAP_ID_EXP,
		.offset = PCI_EXP_DEVCTL + 1,
		.clear = HIGH_BYTE(PCI_EXP_DEVCTL_BCR_FLR),
		.keep = HIGH_BYTE(PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM |
				  PCI_EXP_DEVCTL_NOSNOOP_EN),
		.hw = HIGH_BYTE(PCI_EXP_DEVCTL_AUX_PME),
		.virt = HIGH_BYTE(PCI_EXP_DEVCTL_READRQ),
		.then = set_readrq,
		.kind = VFIO_TSM_BLOCKED_DEVCTL,
	},
	{
		.cap = PCI_CAP_ID_EXP,
		.offset = PCI_EXP_DEVCTL2 + 1,
		.keep = HIGH_BYTE(DEVCTL2_10BIT_TAG_REQ_EN),
		.hw = 0xff,
		.kind = VFIO_TSM_BLOCKED_DEVCTL2,
	},
	/* vfio_af_config_write(): resets the function on FLR */
	{
		.cap = PCI_CAP_ID_AF,
		.offset = PCI_AF_CTRL,
		.clear = PCI_AF_CTRL_FLR,
		.kind = VFIO_TSM_BLOCKED_AF,
	},
	/* vfio-pci passes them on as they are, and the vendor decides what they do to a TDI. */
	{ .cap = PCI_CAP_ID_VNDR, .all = true, .kind = VFIO_TSM_BLOCKED_VENDOR },
	{ .cap = EXTENDED | PCI_EXT_CAP_ID_VNDR, .all = true, .kind = VFIO_TSM_BLOCKED_VENDOR },
	{ .cap = EXTENDED | PCI_EXT_CAP_ID_DVSEC, .all = true, .kind = VFIO_TSM_BLOCKED_VENDOR },
	/* vfio-pci also passes these on as they are: EA, PASID, Device 3, IDE and the like. */
	{ .cap = UNKNOWN, .all = true, .kind = VFIO_TSM_BLOCKED_UNKNOWN },
	{ .cap = EXTENDED | UNKNOWN, .all = true, .kind = VFIO_TSM_BLOCKED_UNKNOWN },
};

/* Finds where the capability of a byte starts, as vfio_find_cap_start() does. */
static int cap_start(const u8 *map, int pos)
{
	int first = pos < PCI_CFG_SPACE_SIZE ? PCI_STD_HEADER_SIZEOF : PCI_CFG_SPACE_SIZE;
	u8 cap = map[pos];

	if (pos < PCI_STD_HEADER_SIZEOF)
		return 0;
	while (pos > first && map[pos - 1] == cap)
		pos--;
	return pos;
}

static const struct guarded_byte *find_guarded(struct vfio_pci_core_device *core, bool bound,
					       int pos)
{
	const u8 *map = core->pci_config_map;
	u16 cap = map[pos] | (pos < PCI_CFG_SPACE_SIZE ? 0 : EXTENDED);

	for (int i = 0; i < ARRAY_SIZE(guarded_bytes); i++) {
		const struct guarded_byte *byte = &guarded_bytes[i];

		if (byte->cap == cap && (bound || !byte->own) &&
		    (byte->all || byte->offset == pos - cap_start(map, pos)))
			return byte;
	}
	return NULL;
}

/* Return: 0, -EBUSY when @value must not be written, or an error of the read. */
static int check_byte(struct pci_dev *pdev, const struct guarded_byte *byte, int pos, u8 value)
{
	u8 now;
	int ret;

	if (byte->all || byte->none || (value & byte->clear) || (~value & byte->set))
		return -EBUSY;
	if (!byte->keep)
		return 0;

	ret = pci_user_read_config_byte(pdev, pos, &now);
	if (ret)
		return ret;
	return (value ^ now) & byte->keep ? -EBUSY : 0;
}

/*
 * Takes memory_lock as vfio_basic_config_write() does: faults look at the virtual MSE,
 * and a setup of interrupts reads Command and writes it back.
 */
static int write_bits(struct vfio_pci_core_device *core, const struct guarded_byte *byte, int pos,
		      u8 value)
{
	u8 now;
	int ret;

	guard(rwsem_write)(&core->memory_lock);
	if (byte->hw) {
		ret = pci_user_read_config_byte(core->pdev, pos, &now);
		if (ret)
			return ret;
		now = (now & ~byte->hw) | (value & byte->hw);
		ret = pci_user_write_config_byte(core->pdev, pos, now);
		if (ret)
			return ret;
	}
	core->vconfig[pos] = (core->vconfig[pos] & ~byte->virt) | (value & byte->virt);
	return 0;
}

static int write_byte(struct vfio_pci_core_device *core, const struct guarded_byte *byte, int pos,
		      u8 value)
{
	int ret;

	ret = write_bits(core, byte, pos, value);
	if (ret)
		return ret;
	if (byte->then)
		byte->then(core, value);
	return 0;
}

/* The kinds of a byte, by the table and by vfio-pci's own handlers. */
static u8 byte_kinds(struct vfio_pci_core_device *core, int pos)
{
	u8 cap = core->pci_config_map[pos];
	u8 kinds = 0;

	if (find_guarded(core, true, pos))
		kinds |= VFIO_PCI_TSM_CONFIG_GUARDED;
	if (find_guarded(core, false, pos))
		kinds |= VFIO_PCI_TSM_CONFIG_SHARED;
	/*
	 * vfio_exp_config_write() and vfio_af_config_write() are called for each byte of
	 * their capability. They look for the FLR bit in the virtual configuration space,
	 * where another write may just have set it.
	 */
	if (pos < PCI_CFG_SPACE_SIZE && (cap == PCI_CAP_ID_EXP || cap == PCI_CAP_ID_AF))
		kinds |= VFIO_PCI_TSM_CONFIG_RESETS;
	return kinds;
}

/**
 * vfio_pci_tsm_map_config() - find the kinds of each byte of configuration space
 * @tvdev: the function, which vfio-pci has just enabled
 *
 * Context: open_device.
 */
void vfio_pci_tsm_map_config(struct vfio_pci_tsm_device *tvdev)
{
	u8 *kinds = tvdev->config.kinds;

	for (int pos = 0; pos < tvdev->core.pdev->cfg_size; pos++)
		kinds[pos] = (kinds[pos] & VFIO_PCI_TSM_CONFIG_HOSTS) |
			     byte_kinds(&tvdev->core, pos);
}

/**
 * vfio_pci_tsm_config_write() - write to configuration space that a TDI must keep
 * @tvdev: the device
 * @bound: it is bound, or a bind is at work; else a function that depends on it is bound
 * @buf: what to write, in user memory
 * @count: number of bytes
 * @ppos: offset in the device file, moved on by what was written
 *
 * Return: @count; -EBUSY, and nothing was written, when one of the bytes would
 * take the TDI out of its locked state; any other error of vfio-pci's own.
 *
 * Context: under config.lock. May wait for user memory, but not under a lock that a
 * bind of another function needs.
 */
ssize_t vfio_pci_tsm_config_write(struct vfio_pci_tsm_device *tvdev, bool bound,
				  const char __user *buf, size_t count, loff_t *ppos)
{
	struct vfio_pci_core_device *core = &tvdev->core;
	u64 start = *ppos & VFIO_PCI_OFFSET_MASK;
	const struct guarded_byte *byte;
	size_t done, run;
	int ret;

	if (!count)
		return 0;
	if (start >= core->pdev->cfg_size || count > core->pdev->cfg_size - start)
		return -EFAULT;

	/* As vfio_pci_rw() */
	PM_RUNTIME_ACQUIRE(&core->pdev->dev, pm);
	if (PM_RUNTIME_ACQUIRE_ERR(&pm))
		return -EIO;

	u8 *copy __free(kfree) = memdup_user(buf, count);

	if (IS_ERR(copy))
		return PTR_ERR(copy);

	for (size_t i = 0; i < count; i++) {
		byte = find_guarded(core, bound, start + i);
		ret = byte ? check_byte(core->pdev, byte, start + i, copy[i]) : 0;
		/* While it is not bound yet, the caller waits for the end of the bind. */
		if (ret == -EBUSY && (!bound || vfio_pci_tsm_is_guarded(tvdev)))
			vfio_tsm_blocked(tvdev->tdev, byte->kind);
		if (ret)
			return ret;
	}

	for (done = 0; done < count; done += run) {
		loff_t pos = *ppos + done;
		ssize_t written;

		run = 1;
		byte = find_guarded(core, bound, start + done);
		if (byte) {
			ret = write_byte(core, byte, start + done, copy[done]);
			if (ret)
				return ret;
			continue;
		}

		while (done + run < count && !find_guarded(core, bound, start + done + run))
			run++;
		written = vfio_pci_core_write(&core->vdev, buf + done, run, &pos);
		if (written < 0)
			return written;
	}

	*ppos += count;
	return count;
}

/*
 * How much of a write vfio-pci does at once: aligned, and within one capability.
 * vfio-pci copies that much from user memory before it does anything.
 */
static size_t chunk_size(const u8 *map, u64 pos, size_t count)
{
	for (size_t size = 4; size > 1; size /= 2) {
		if (count >= size && !(pos % size) && !memchr_inv(map + pos, map[pos], size))
			return size;
	}
	return 1;
}

/*
 * Write one chunk while nothing that depends on the function is bound. A bind waits
 * for that, so the chunk must not wait for user memory. Return: the size; -EFAULT if
 * user memory is not there, and nothing is written; -EBUSY if a function is bound.
 */
static ssize_t try_chunk(struct vfio_pci_tsm_device *tvdev, const char __user *buf, size_t size,
			 loff_t pos)
{
	struct vfio_pci_tsm_writer writer;
	ssize_t ret;

	if (!vfio_pci_tsm_begin_write(tvdev->core.pdev, &writer))
		return -EBUSY;
	pagefault_disable();
	ret = vfio_pci_core_write(&tvdev->core.vdev, buf, size, &pos);
	pagefault_enable();
	vfio_pci_tsm_end_write(&writer);
	return ret;
}

/*
 * As try_chunk(), but user memory is brought in between attempts, where nothing waits
 * for it. A bind does not wait for a chunk that nothing depends on, because vfio-pci
 * waits for the users of a dma-buf when memory decode is cleared.
 */
static ssize_t write_chunk(struct vfio_pci_tsm_device *tvdev, const char __user *buf, size_t size,
			   loff_t pos)
{
	ssize_t ret = -EFAULT;

	if (!(vfio_pci_tsm_config_kinds(tvdev, pos, size) & VFIO_PCI_TSM_CONFIG_SHARED))
		return vfio_pci_core_write(&tvdev->core.vdev, buf, size, &pos);

	/* The kernel may reclaim the page in between, but not each time. */
	for (int i = 0; i < 100 && ret == -EFAULT && !fatal_signal_pending(current); i++) {
		ret = try_chunk(tvdev, buf, size, pos);
		if (ret == -EFAULT && fault_in_readable(buf, size))
			break;
	}
	return ret;
}

/**
 * vfio_pci_tsm_config_write_shared() - write what TDIs of other functions may depend on
 * @tvdev: the device, not bound
 * @buf: what to write, in user memory
 * @count: number of bytes
 * @ppos: offset in the device file, moved on by what was written
 *
 * Functions that have this one as PF or DSM depend on its registers. They are not
 * bound while these registers are written. Once one is bound, the write is guarded.
 *
 * Return: as vfio_pci_core_write(), or vfio_pci_tsm_config_write(); fewer bytes than
 * @count if a function that depends on them was bound in the middle.
 *
 * Context: under config.lock, in an operation that a bind waits for.
 */
ssize_t vfio_pci_tsm_config_write_shared(struct vfio_pci_tsm_device *tvdev, const char __user *buf,
					 size_t count, loff_t *ppos)
{
	struct vfio_pci_core_device *core = &tvdev->core;
	u64 start = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t done = 0;

	if (start >= core->pdev->cfg_size || count > core->pdev->cfg_size - start)
		return vfio_pci_core_write(&core->vdev, buf, count, ppos);

	/* As vfio_pci_rw(), but once for all chunks */
	PM_RUNTIME_ACQUIRE(&core->pdev->dev, pm);
	if (PM_RUNTIME_ACQUIRE_ERR(&pm))
		return -EIO;

	while (done < count) {
		size_t size = chunk_size(core->pci_config_map, start + done, count - done);
		ssize_t ret = write_chunk(tvdev, buf + done, size, *ppos);

		if (ret == -EBUSY)
			ret = vfio_pci_tsm_config_write(tvdev, false, buf + done, count - done,
							ppos);
		else if (ret > 0)
			*ppos += ret;
		/* After an error, return what was written before it. */
		if (ret < 0)
			return done ?: ret;
		done += ret;
		cond_resched();
	}
	return done;
}
