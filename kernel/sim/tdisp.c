// SPDX-License-Identifier: GPL-2.0-only
/* TDISP states, and what a locked function must keep. */
#include <linux/pci.h>

#include "tsm_sim.h"

const char *sim_tdisp_name(enum sim_tdisp state)
{
	static const char *const names[] = {
		[SIM_UNLOCKED] = "CONFIG_UNLOCKED",
		[SIM_LOCKED] = "CONFIG_LOCKED",
		[SIM_RUN] = "RUN",
		[SIM_ERROR] = "ERROR",
	};

	return names[state];
}

static u32 read_reg(const struct sim_reg *reg)
{
	u32 value;

	pci_read_config_dword(reg->pdev, reg->pos, &value);
	return value & reg->mask;
}

static void lock_reg(struct sim_fn *fn, const char *name, struct pci_dev *pdev, int pos, u32 mask)
{
	struct sim_reg *reg = &fn->regs[fn->nregs++];

	*reg = (struct sim_reg){ .name = name, .pdev = pdev, .pos = pos, .mask = mask };
	reg->value = read_reg(reg);
}

static void lock_bars(struct sim_fn *fn, struct pci_dev *pdev, int pos)
{
	static const char *const names[] = { "BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5" };

	for (int i = 0; i < ARRAY_SIZE(names); i++)
		lock_reg(fn, names[i], pdev, pos + 4 * i, ~0);
}

static void lock_regs(struct sim_fn *fn)
{
	struct pci_dev *pdev = fn->pf0.base_tsm.pdev;
	struct pci_dev *pf = pci_physfn(pdev);
	int sriov;

	fn->nregs = 0;
	/* The upper half of these two is a status register. */
	lock_reg(fn, "Command", pdev, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	lock_reg(fn, "Device Control", pdev, pci_pcie_cap(pdev) + PCI_EXP_DEVCTL,
		 PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_NOSNOOP_EN);

	if (!pdev->is_virtfn) {
		lock_bars(fn, pdev, PCI_BASE_ADDRESS_0);
		lock_reg(fn, "Expansion ROM BAR", pdev, PCI_ROM_ADDRESS, ~0);
		return;
	}

	/* A VF's decode and BARs are its PF's. */
	sriov = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	if (!sriov)
		return;
	lock_reg(fn, "SR-IOV Control", pf, sriov + PCI_SRIOV_CTRL,
		 PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	lock_bars(fn, pf, sriov + PCI_SRIOV_BAR);
}

static void check_locked(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);

	if (fn->state != SIM_LOCKED && fn->state != SIM_RUN)
		return;

	for (int i = 0; i < fn->nregs; i++) {
		struct sim_reg *reg = &fn->regs[i];
		u32 now = read_reg(reg);

		if (now == reg->value)
			continue;
		pci_info(fn->pf0.base_tsm.pdev, "TDI in ERROR: %s was %#x, is %#x\n", reg->name,
			 reg->value, now);
		fn->violations++;
		fn->state = SIM_ERROR;
		return;
	}
}

/* LOCK_INTERFACE_REQUEST: what the registers are now, they must stay. */
int sim_lock(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	if (fn->state != SIM_UNLOCKED)
		return -EBUSY;
	lock_regs(fn);
	fn->state = SIM_LOCKED;
	fn->binds++;
	return 0;
}

/* STOP_INTERFACE_REQUEST, from every state. */
void sim_unlock(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	check_locked(fn);
	fn->state = SIM_UNLOCKED;
	fn->nregs = 0;
}

/* START_INTERFACE_REQUEST: the guest accepts the TDI. */
int sim_start(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	check_locked(fn);
	if (fn->state != SIM_LOCKED)
		return -EINVAL;
	fn->state = SIM_RUN;
	return 0;
}

/* A device notices at once what happens to it; the simulation when asked. */
void sim_check(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	check_locked(fn);
}

/* What is locked, a register to a line. */
void sim_report(struct sim_fn *fn, struct seq_file *s)
{
	guard(mutex)(&fn->lock);
	for (int i = 0; i < fn->nregs; i++) {
		struct sim_reg *reg = &fn->regs[i];

		seq_printf(s, "%s %s %#x mask %#x locked %#x now %#x\n", reg->name,
			   pci_name(reg->pdev), reg->pos, reg->mask, reg->value, read_reg(reg));
	}
}
