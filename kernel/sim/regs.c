// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a locked function must keep: the registers of PCIe r7.0 table 11-2 that
 * Linux has a name for, except IDE, which a simulation does not use. A register
 * that was changed and put back before the next check is not detected, except in
 * one case that matters, a reset.
 *
 * The kernel's resets restore what they destroy. But all of them begin with
 * pci_save_state(), which copies the first 64 bytes of configuration space to
 * pdev->saved_config_space. So locking a function leaves a mark there, in place
 * of Vendor and Device ID. If the mark is gone, a reset has begun. Those IDs are
 * read-only, so nothing happens if the mark is ever restored. For an open device,
 * vfio-pci and the PCI core call pci_save_state() in only one other case, a change
 * of its power state, which is also an error. A reset by other means, such as
 * setpci, restores nothing, and a reset of the PF restores nothing in a VF: the
 * registers show these.
 */
#include <linux/pci.h>

#include "tsm_sim.h"

/* No vendor has the ID 0. */
#define SIM_MARK 0x51fb0000

/* Not in <linux/pci_regs.h> */
#define SIM_DEVCTL2_10BIT_TAG 0x1000
#define SIM_DEV3_CTL_14BIT_TAG 0x4
#define SIM_MCAST_CAP 0x4

/**
 * struct locked - registers to lock
 * @name: for messages
 * @cap: the capability that they belong to, or 0 for the header
 * @ext: whether @cap is an extended capability
 * @physical: whether VFs do not have them
 * @pos: offset, aligned to 4 bytes
 * @mask: bits that must not change
 */
struct locked {
	const char *name;
	u16 cap;
	bool ext;
	bool physical;
	u16 pos;
	u32 mask;
};

/* The upper half of a control register's 4 bytes is mostly its status. */
static const struct locked registers[] = {
	{ "Command", .pos = PCI_COMMAND, .mask = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER },
	{ "BIST", .pos = PCI_CACHE_LINE_SIZE, .mask = (u32)PCI_BIST_START << 24 },
	{ "BAR0", .physical = true, .pos = PCI_BASE_ADDRESS_0, .mask = ~0 },
	{ "BAR1", .physical = true, .pos = PCI_BASE_ADDRESS_1, .mask = ~0 },
	{ "BAR2", .physical = true, .pos = PCI_BASE_ADDRESS_2, .mask = ~0 },
	{ "BAR3", .physical = true, .pos = PCI_BASE_ADDRESS_3, .mask = ~0 },
	{ "BAR4", .physical = true, .pos = PCI_BASE_ADDRESS_4, .mask = ~0 },
	{ "BAR5", .physical = true, .pos = PCI_BASE_ADDRESS_5, .mask = ~0 },
	{ "Expansion ROM BAR", .physical = true, .pos = PCI_ROM_ADDRESS, .mask = ~0 },
	{ "Device Control", PCI_CAP_ID_EXP, .pos = PCI_EXP_DEVCTL,
	  .mask = PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_NOSNOOP_EN },
	{ "Device Control 2", PCI_CAP_ID_EXP, .pos = PCI_EXP_DEVCTL2,
	  .mask = SIM_DEVCTL2_10BIT_TAG },
	{ "Device Control 3", PCI_EXT_CAP_ID_DEV3, .ext = true, .pos = PCI_DEV3_CTL,
	  .mask = SIM_DEV3_CTL_14BIT_TAG },
	{ "Power Management", PCI_CAP_ID_PM, .pos = PCI_PM_CTRL, .mask = PCI_PM_CTRL_STATE_MASK },
	{ "ARI Control", PCI_EXT_CAP_ID_ARI, .ext = true, .pos = PCI_ARI_CAP, .mask = 0xffff0000 },
	{ "PASID Control", PCI_EXT_CAP_ID_PASID, .ext = true, .pos = PCI_PASID_CAP,
	  .mask = 0xffff0000 },
	{ "PRI Control", PCI_EXT_CAP_ID_PRI, .ext = true, .pos = PCI_PRI_CTRL,
	  .mask = PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET },
	{ "PRI Allocation", PCI_EXT_CAP_ID_PRI, .ext = true, .pos = PCI_PRI_ALLOC_REQ, .mask = ~0 },
	{ "Multicast Control", PCI_EXT_CAP_ID_MCAST, .ext = true, .pos = SIM_MCAST_CAP,
	  .mask = 0xffff0000 },
};

/* Registers of the PF, on which a locked VF's decode, BARs and existence depend. */
static const struct locked sriov_registers[] = {
	{ "SR-IOV Control", .pos = PCI_SRIOV_CTRL, .mask = 0xffff },
	{ "NumVFs", .pos = PCI_SRIOV_NUM_VF, .mask = 0xffff },
	{ "System Page Size", .pos = PCI_SRIOV_SYS_PGSIZE, .mask = ~0 },
	{ "VF BAR0", .pos = PCI_SRIOV_BAR + 0, .mask = ~0 },
	{ "VF BAR1", .pos = PCI_SRIOV_BAR + 4, .mask = ~0 },
	{ "VF BAR2", .pos = PCI_SRIOV_BAR + 8, .mask = ~0 },
	{ "VF BAR3", .pos = PCI_SRIOV_BAR + 12, .mask = ~0 },
	{ "VF BAR4", .pos = PCI_SRIOV_BAR + 16, .mask = ~0 },
	{ "VF BAR5", .pos = PCI_SRIOV_BAR + 20, .mask = ~0 },
};

static u32 read_reg(const struct sim_reg *reg)
{
	u32 value;

	pci_read_config_dword(reg->pdev, reg->pos, &value);
	return value & reg->mask;
}

static void lock_reg(struct sim_fn *fn, const char *name, struct pci_dev *pdev, int pos, u32 mask)
{
	struct sim_reg *reg = &fn->regs[fn->nregs];

	if (fn->nregs == ARRAY_SIZE(fn->regs))
		return;
	fn->nregs++;
	*reg = (struct sim_reg){ .name = name, .pdev = pdev, .pos = pos, .mask = mask };
	reg->value = read_reg(reg);
}

static void lock_registers(struct sim_fn *fn)
{
	struct pci_dev *pdev = fn->pdev;

	for (int i = 0; i < ARRAY_SIZE(registers); i++) {
		const struct locked *reg = &registers[i];
		int base = 0;

		if (reg->physical && pdev->is_virtfn)
			continue;
		/* The first version of the PCIe capability ends before it. */
		if (reg->cap == PCI_CAP_ID_EXP && reg->pos >= PCI_EXP_DEVCAP2 &&
		    (pdev->pcie_flags_reg & PCI_EXP_FLAGS_VERS) < 2)
			continue;
		if (reg->cap) {
			base = reg->ext ? pci_find_ext_capability(pdev, reg->cap) :
					  pci_find_capability(pdev, reg->cap);
			if (!base)
				continue;
		}
		lock_reg(fn, reg->name, pdev, base + reg->pos, reg->mask);
	}
}

static void lock_sriov(struct sim_fn *fn)
{
	struct pci_dev *pf = pci_physfn(fn->pdev);
	int base = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);

	if (!base)
		return;
	for (int i = 0; i < ARRAY_SIZE(sriov_registers); i++) {
		const struct locked *reg = &sriov_registers[i];

		lock_reg(fn, reg->name, pf, base + reg->pos, reg->mask);
	}
}

/* Resizable BARs: the capability has a register for each, 8 bytes apart. */
static void lock_rebar(struct sim_fn *fn, const char *name, struct pci_dev *pdev, int cap)
{
	int base = pci_find_ext_capability(pdev, cap);
	u32 bars;

	if (!base)
		return;
	pci_read_config_dword(pdev, base + PCI_REBAR_CTRL, &bars);
	bars = min((bars & PCI_REBAR_CTRL_NBAR_MASK) >> PCI_REBAR_CTRL_NBAR_SHIFT,
		   PCI_STD_NUM_BARS);
	for (int i = 0; i < bars; i++)
		lock_reg(fn, name, pdev, base + PCI_REBAR_CTRL + 8 * i, PCI_REBAR_CTRL_BAR_SIZE);
}

/**
 * sim_regs_lock() - save what the registers are
 * @fn: the function
 *
 * Context: under its lock.
 */
void sim_regs_lock(struct sim_fn *fn)
{
	struct pci_dev *pdev = fn->pdev;

	fn->nregs = 0;
	lock_registers(fn);
	lock_sriov(fn);
	lock_rebar(fn, "Resizable BAR", pdev, PCI_EXT_CAP_ID_REBAR);
	lock_rebar(fn, "VF Resizable BAR", pci_physfn(pdev), PCI_EXT_CAP_ID_VF_REBAR);

	fn->saved_id = pdev->saved_config_space[0];
	WRITE_ONCE(pdev->saved_config_space[0], SIM_MARK);
}

/**
 * sim_regs_unlock() - registers may change again
 * @fn: the function
 *
 * Context: under its lock, after sim_regs_lock().
 */
void sim_regs_unlock(struct sim_fn *fn)
{
	struct pci_dev *pdev = fn->pdev;

	fn->nregs = 0;
	if (READ_ONCE(pdev->saved_config_space[0]) == SIM_MARK)
		WRITE_ONCE(pdev->saved_config_space[0], fn->saved_id);
}

/**
 * sim_regs_changed() - whether a register is not what it was when locked
 * @fn: the function
 *
 * The kernel log shows the first one.
 *
 * Context: under its lock, while locked.
 */
bool sim_regs_changed(struct sim_fn *fn)
{
	for (int i = 0; i < fn->nregs; i++) {
		struct sim_reg *reg = &fn->regs[i];
		u32 now = read_reg(reg);

		if (now == reg->value)
			continue;
		pci_info(fn->pdev, "TDI in ERROR: %s was %#x, is %#x\n", reg->name, reg->value,
			 now);
		return true;
	}
	if (READ_ONCE(fn->pdev->saved_config_space[0]) == SIM_MARK)
		return false;
	pci_info(fn->pdev, "TDI in ERROR: it was reset\n");
	return true;
}

/* The locked registers, one a line. */
void sim_regs_show(struct sim_fn *fn, struct seq_file *s)
{
	guard(mutex)(&fn->lock);
	for (int i = 0; i < fn->nregs; i++) {
		struct sim_reg *reg = &fn->regs[i];

		seq_printf(s, "%s %s %#x mask %#x locked %#x now %#x\n", reg->name,
			   pci_name(reg->pdev), reg->pos, reg->mask, reg->value, read_reg(reg));
	}
}
