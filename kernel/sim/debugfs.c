// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/tsm_sim/
 *
 *	violations	violations of all functions since the module was loaded
 *	no_bind_tsm	writing 1 registers a second TSM, which has no bind operation,
 *			writing 0 unregisters it; reads as its name, or none. A
 *			function that is connected to it cannot be bound
 *
 * /sys/kernel/debug/tsm_sim/ADDR/, for each function that is TEE-capable or
 * that a connection would cover, as long as the function is there:
 *
 *	state		TDISP state, after a check. Writing RUN starts a locked TDI,
 *			as its guest would.
 *			With transport=doe, only a request does
 *	tdi_id		the ID that bind was given, in hexadecimal, or none
 *	violations	how often a locked TDI was found changed or reset since the
 *			last connect, after a check
 *	binds		how often the function was locked since the last connect
 *	regs		the locked registers, one a line
 *	guest_request	writing RUN or STATE has PCI/TSM pass that request on, as if
 *			the guest had made it, and fails as the request does: RUN
 *			starts a locked TDI, otherwise it fails with EINVAL; STATE
 *			changes nothing; ENXIO where nothing is bound. Reads as the
 *			state in the answer, or none
 *	tdisp		each write passes a TDISP message on, as if the guest had
 *			sent it; then the answer can be read from the file, once.
 *			Each open file has an answer of its own
 *
 * ADDR/inject/ contains numbers that stay until they are changed. Writing something
 * else than a number fails with EINVAL, and a number that is too large with ERANGE.
 * A number that has no effect on an operation that is at work already has an effect
 * on the next one.
 *
 *	error_connect, error_bind, error_unbind, error_guest_req
 *			the errno, 1 to 4095, with which the operation fails without
 *			having done anything, or 0. A connection is made at function
 *			0, so error_connect matters only there. An unbind cannot
 *			return an error: PCI/TSM takes the TDI for unbound while it
 *			is still locked. So a reset is a violation then, and a bind
 *			fails with EBUSY. Once this is 0 again, a bind stops the TDI
 *			first; a disconnect always does
 *	report_unbind	see report.c
 *	delay_connect_ms, delay_bind_ms, delay_unbind_ms, delay_guest_req_ms
 *			how long the operation waits before it does anything, at
 *			most 60000. The wait cannot be interrupted. Writing another
 *			number ends it at once
 *	delay_remove_ms	the same for the end of the removal of the function's context at a
 *			disconnect: PCI/TSM still takes the function for connected.
 *			With transport=doe, the session has not ended
 *	delayed		the operation that waits now: connect, bind, unbind,
 *			guest_req, remove, or none
 *	error_state_after_bind
 *			1: the TDI goes to ERROR after a bind that succeeds; no
 *			violation is counted
 */
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "doe.h"
#include "tsm_sim.h"

static struct dentry *root;

/* Copies the word that was written. Nothing else may have been written. */
static int copy_word(char *word, size_t size, const char __user *buf, size_t count)
{
	if (count >= size)
		return -EINVAL;
	if (copy_from_user(word, buf, count))
		return -EFAULT;
	word[count] = '\0';
	if (strlen(word) != count)
		return -EINVAL;
	strim(word);
	return 0;
}

static int state_show(struct seq_file *s, void *unused)
{
	seq_printf(s, "%s\n", sim_tdisp_name(sim_check(s->private)));
	return 0;
}

static int state_open(struct inode *inode, struct file *file)
{
	return single_open(file, state_show, inode->i_private);
}

static ssize_t state_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct sim_fn *fn = file_inode(file)->i_private;
	char word[16];
	int ret;

	ret = copy_word(word, sizeof(word), buf, count);
	if (ret)
		return ret;
	if (strcmp(word, "RUN"))
		return -EINVAL;
	if (sim_uses_doe())
		return -EOPNOTSUPP;
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
		seq_printf(s, "%#x\n", fn->tdi_id);
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
	sim_regs_show(s->private, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(regs);

static int guest_request_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	guard(mutex)(&fn->lock);
	seq_printf(s, "%s\n", fn->answer[0] ? fn->answer : "none");
	return 0;
}

static int guest_request_open(struct inode *inode, struct file *file)
{
	return single_open(file, guest_request_show, inode->i_private);
}

static ssize_t guest_request_write(struct file *file, const char __user *buf, size_t count,
				   loff_t *ppos)
{
	struct sim_fn *fn = file_inode(file)->i_private;
	enum sim_tdisp state;
	char word[16];
	int ret;

	ret = copy_word(word, sizeof(word), buf, count);
	if (ret)
		return ret;
	if (strcmp(word, "RUN") && strcmp(word, "STATE"))
		return -EINVAL;

	ret = sim_ask(fn, !strcmp(word, "RUN"), &state);
	guard(mutex)(&fn->lock);
	strscpy(fn->answer, ret ? "" : sim_tdisp_name(state));
	return ret ?: count;
}

static const struct file_operations guest_request_fops = {
	.owner = THIS_MODULE,
	.open = guest_request_open,
	.read = seq_read,
	.write = guest_request_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * struct conversation - an open file "tdisp"
 * @lock: protects all below
 * @answer: answer to the last message
 * @len: its length
 * @at: how much of it was read
 */
struct conversation {
	struct mutex lock; /* see above */
	u8 answer[512];
	size_t len;
	loff_t at;
};

static int tdisp_open(struct inode *inode, struct file *file)
{
	struct conversation *talk = kzalloc_obj(*talk);

	if (!talk)
		return -ENOMEM;
	mutex_init(&talk->lock);
	file->private_data = talk;
	return stream_open(inode, file);
}

static ssize_t tdisp_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct sim_fn *fn = file_inode(file)->i_private;
	struct conversation *talk = file->private_data;
	u8 message[128];
	ssize_t ret;

	if (count > sizeof(message))
		return -E2BIG;
	if (copy_from_user(message, buf, count))
		return -EFAULT;

	guard(mutex)(&talk->lock);
	talk->len = 0;
	talk->at = 0;
	ret = pci_tsm_guest_req(fn->pdev, PCI_TSM_REQ_STATE_CHANGE, KERNEL_SOCKPTR(message), count,
				KERNEL_SOCKPTR(talk->answer), sizeof(talk->answer), NULL);
	if (ret < 0)
		return ret;
	talk->len = sizeof(talk->answer) - ret;
	return count;
}

static ssize_t tdisp_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct conversation *talk = file->private_data;

	guard(mutex)(&talk->lock);
	return simple_read_from_buffer(buf, count, &talk->at, talk->answer, talk->len);
}

static int tdisp_release(struct inode *inode, struct file *file)
{
	struct conversation *talk = file->private_data;

	mutex_destroy(&talk->lock);
	kfree(talk);
	return 0;
}

static const struct file_operations tdisp_fops = {
	.owner = THIS_MODULE,
	.open = tdisp_open,
	.read = tdisp_read,
	.write = tdisp_write,
	.release = tdisp_release,
};

static int knob_show(struct seq_file *s, void *unused)
{
	struct sim_knob *knob = s->private;

	seq_printf(s, "%u\n", READ_ONCE(knob->value));
	return 0;
}

static int knob_open(struct inode *inode, struct file *file)
{
	return single_open(file, knob_show, inode->i_private);
}

static ssize_t knob_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct sim_knob *knob = file_inode(file)->i_private;
	unsigned int value;
	char word[32];
	int ret;

	ret = copy_word(word, sizeof(word), buf, count);
	if (ret)
		return ret;
	ret = kstrtouint(word, 10, &value);
	if (ret)
		return ret;
	if (value > knob->max)
		return -ERANGE;
	WRITE_ONCE(knob->value, value);
	if (knob->changed)
		wake_up_all(knob->changed);
	return count;
}

static const struct file_operations knob_fops = {
	.owner = THIS_MODULE,
	.open = knob_open,
	.read = seq_read,
	.write = knob_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int delayed_show(struct seq_file *s, void *unused)
{
	struct sim_fn *fn = s->private;

	seq_printf(s, "%s\n", sim_op_names[READ_ONCE(fn->inject.delayed)]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(delayed);

static int all_violations_show(struct seq_file *s, void *unused)
{
	seq_printf(s, "%u\n", sim_all_violations());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(all_violations);

static int no_bind_tsm_show(struct seq_file *s, void *unused)
{
	sim_show_no_bind_tsm(s);
	return 0;
}

static int no_bind_tsm_open(struct inode *inode, struct file *file)
{
	return single_open(file, no_bind_tsm_show, NULL);
}

static ssize_t no_bind_tsm_write(struct file *file, const char __user *buf, size_t count,
				 loff_t *ppos)
{
	char word[8];
	int ret;

	ret = copy_word(word, sizeof(word), buf, count);
	if (ret)
		return ret;
	if (strcmp(word, "0") && strcmp(word, "1"))
		return -EINVAL;
	ret = sim_set_no_bind_tsm(word[0] == '1');
	return ret ?: count;
}

static const struct file_operations no_bind_tsm_fops = {
	.owner = THIS_MODULE,
	.open = no_bind_tsm_open,
	.read = seq_read,
	.write = no_bind_tsm_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static void add_knobs(struct sim_fn *fn)
{
	struct dentry *dir = debugfs_create_dir("inject", fn->dir);
	struct sim_inject *inject = &fn->inject;
	char name[32];

	for (int op = 0; op < SIM_OPS; op++) {
		snprintf(name, sizeof(name), "error_%s", sim_op_names[op]);
		if (op != SIM_REMOVE)
			debugfs_create_file(name, 0600, dir, &inject->error[op], &knob_fops);
		snprintf(name, sizeof(name), "delay_%s_ms", sim_op_names[op]);
		debugfs_create_file(name, 0600, dir, &inject->delay[op], &knob_fops);
	}
	debugfs_create_file("error_state_after_bind", 0600, dir, &inject->error_state, &knob_fops);
	debugfs_create_file("report_unbind", 0600, dir, &inject->report_unbind, &knob_fops);
	debugfs_create_file("delayed", 0400, dir, fn, &delayed_fops);
}

void sim_debugfs_add(struct sim_fn *fn)
{
	fn->dir = debugfs_create_dir(pci_name(fn->pdev), root);
	debugfs_create_file("state", 0600, fn->dir, fn, &state_fops);
	debugfs_create_file("tdi_id", 0400, fn->dir, fn, &tdi_id_fops);
	debugfs_create_file("violations", 0400, fn->dir, fn, &violations_fops);
	debugfs_create_file("binds", 0400, fn->dir, fn, &binds_fops);
	debugfs_create_file("regs", 0400, fn->dir, fn, &regs_fops);
	debugfs_create_file("guest_request", 0600, fn->dir, fn, &guest_request_fops);
	debugfs_create_file("tdisp", 0600, fn->dir, fn, &tdisp_fops);
	add_knobs(fn);
}

/*
 * This waits for readers and writers. One of them may be waiting for PCI/TSM, so
 * this must not be called under PCI/TSM's locks.
 */
void sim_debugfs_remove(struct sim_fn *fn)
{
	debugfs_remove_recursive(fn->dir);
}

int sim_debugfs_init(void)
{
	root = debugfs_create_dir("tsm_sim", NULL);
	debugfs_create_file("violations", 0400, root, NULL, &all_violations_fops);
	return 0;
}

/* As long as this file exists, a second TSM may be registered and unregistered. */
void sim_debugfs_tsms_add(void)
{
	debugfs_create_file("no_bind_tsm", 0600, root, NULL, &no_bind_tsm_fops);
}

void sim_debugfs_tsms_remove(void)
{
	debugfs_lookup_and_remove("no_bind_tsm", root);
}

void sim_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
