// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/tsm_sim/ADDR/, for each function that a connection covers:
 *
 *	state		TDISP state, after a check. Writing RUN starts a locked TDI,
 *			as its guest would.
 *	tdi_id		in hexadecimal, as bind was given it, or none
 *	violations	times that a locked TDI was found changed, after a check
 *	binds		times that the function was locked
 *	regs		what is locked, a register to a line
 */
#include <linux/debugfs.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "tsm_sim.h"

static struct dentry *root;

static int state_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	sim_check(fn);
	guard(mutex)(&fn->lock);
	seq_printf(s, "%s\n", sim_tdisp_name(fn->state));
	return 0;
}

static int state_open(struct inode *inode, struct file *file)
{
	return single_open(file, state_show, inode->i_private);
}

static ssize_t state_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct sim_fn *fn = file_inode(file)->i_private;
	char word[16] = {};
	ssize_t len;
	int ret;

	len = simple_write_to_buffer(word, sizeof(word) - 1, ppos, buf, count);
	if (len < 0)
		return len;
	if (!sysfs_streq(word, "RUN"))
		return -EINVAL;
	ret = sim_start(fn);
	return ret ?: count;
}

static const struct file_operations state_fops = {
	.owner = THIS_MODULE,
	.open = state_open,
	.read = seq_read,
	.write = state_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int tdi_id_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	guard(mutex)(&fn->lock);
	if (fn->state == SIM_UNLOCKED)
		seq_puts(s, "none\n");
	else
		seq_printf(s, "%#x\n", fn->tdi.tdi_id);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(tdi_id);

static int violations_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	sim_check(fn);
	guard(mutex)(&fn->lock);
	seq_printf(s, "%u\n", fn->violations);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(violations);

static int binds_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	guard(mutex)(&fn->lock);
	seq_printf(s, "%u\n", fn->binds);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(binds);

static int regs_show(struct seq_file *s, void *unused)
{
	sim_report(s->private, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(regs);

void sim_debugfs_add(struct sim_fn *fn)
{
	fn->dir = debugfs_create_dir(pci_name(fn->pf0.base_tsm.pdev), root);
	debugfs_create_file("state", 0600, fn->dir, fn, &state_fops);
	debugfs_create_file("tdi_id", 0400, fn->dir, fn, &tdi_id_fops);
	debugfs_create_file("violations", 0400, fn->dir, fn, &violations_fops);
	debugfs_create_file("binds", 0400, fn->dir, fn, &binds_fops);
	debugfs_create_file("regs", 0400, fn->dir, fn, &regs_fops);
}

/* Waits for readers. */
void sim_debugfs_remove(struct sim_fn *fn)
{
	debugfs_remove_recursive(fn->dir);
}

void sim_debugfs_init(void)
{
	root = debugfs_create_dir("tsm_sim", NULL);
}

void sim_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
