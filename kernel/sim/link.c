// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: the file /dev/tsm_sim_firmware, through which messages go to the firmware and
 * come from it. <linux/tsm_sim.h> describes the messages.
 *
 * The firmware is not trusted. Each message is copied once, and then checked. It is copied
 * without a lock, because a fault on user memory has no limit.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/tsm_sim.h>
#include "doe.h"
#include "report.h"
#include "tsm_sim.h"

#define MAX_SIZE (sizeof(struct tsm_sim_msg) + TSM_SIM_MAX_DATA)

/**
 * enum phase - whose turn it is
 * @IDLE: there is no command
 * @TO_READ: the firmware has to read @fw.msg
 * @TO_WRITE: the firmware has to write
 * @WRITTEN: the command's thread has to look at @fw.msg
 */
enum phase { IDLE, TO_READ, TO_WRITE, WRITTEN };

/*
 * lock: protects all below
 * is_open: a firmware has opened the file
 * phase: see above
 * msg: the message that is passed on, allocated; NULL in IDLE and TO_WRITE
 * command: the number of the present command, or of the last one
 * wait: woken when phase or is_open changes
 */
static struct {
	struct mutex lock; /* see above */
	bool is_open;
	enum phase phase;
	struct tsm_sim_msg *msg;
	u64 command;
	wait_queue_head_t wait;
} fw;

/* Puts @msg in the place of the present one, which is freed. */
static void set_phase(enum phase phase, struct tsm_sim_msg *msg)
{
	lockdep_assert_held(&fw.lock);
	kfree(fw.msg);
	fw.msg = msg;
	fw.phase = phase;
	wake_up_all(&fw.wait);
}

/**
 * sim_link_pass() - have the firmware read a message
 * @msg: the message, which is consumed
 * @command: the number of its command; 0: it begins one
 *
 * Return: the number of the command; 0 if there is no firmware, or another one than at the
 * beginning.
 *
 * Context: held: the lock that lets one command run at a time.
 */
u64 sim_link_pass(struct tsm_sim_msg *msg, u64 command)
{
	guard(mutex)(&fw.lock);
	if (!fw.is_open || (command && command != fw.command)) {
		kfree(msg);
		return 0;
	}
	msg->command = command ?: ++fw.command;
	set_phase(TO_READ, msg);
	return msg->command;
}

static bool is_answered(void)
{
	enum phase phase = READ_ONCE(fw.phase);

	return phase == IDLE || phase == WRITTEN;
}

/**
 * sim_link_next() - wait for the next message of the firmware
 * @end: until when, in jiffies
 *
 * Return: the message, which the caller frees; NULL if it comes too late, or the firmware has
 * gone. Nothing of the command is left then.
 *
 * Context: as sim_link_pass(). Waits uninterruptibly.
 */
struct tsm_sim_msg *sim_link_next(unsigned long end)
{
	struct tsm_sim_msg *msg = NULL;
	unsigned long now = jiffies;

	wait_event_timeout(fw.wait, is_answered(), time_before(now, end) ? end - now : 0);
	guard(mutex)(&fw.lock);
	if (fw.phase == WRITTEN)
		msg = no_free_ptr(fw.msg);
	set_phase(IDLE, NULL);
	return msg;
}

static int firmware_open(struct inode *inode, struct file *file)
{
	guard(mutex)(&fw.lock);
	if (fw.is_open)
		return -EBUSY;
	fw.is_open = true;
	return stream_open(inode, file);
}

/* A command that waits for this firmware ends. States of TDIs are unknown from now on. */
static int firmware_release(struct inode *inode, struct file *file)
{
	scoped_guard(mutex, &fw.lock) {
		fw.is_open = false;
		fw.command++; /* so that the command does not go on with the next firmware */
		set_phase(IDLE, NULL);
	}
	sim_report_no_firmware();
	return 0;
}

/* Takes the message that is to be read, if it fits into @size. */
static struct tsm_sim_msg *take(size_t size)
{
	guard(mutex)(&fw.lock);
	if (fw.phase != TO_READ)
		return ERR_PTR(-EAGAIN);
	if (fw.msg->size > size)
		return ERR_PTR(-EMSGSIZE);
	fw.phase = TO_WRITE;
	return no_free_ptr(fw.msg);
}

static ssize_t firmware_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct tsm_sim_msg *msg __free(kfree) = take(count);

	while (msg == ERR_PTR(-EAGAIN)) {
		int ret = -EAGAIN;

		if (!(file->f_flags & O_NONBLOCK))
			ret = wait_event_interruptible(fw.wait, READ_ONCE(fw.phase) == TO_READ);
		if (ret)
			return ret;
		msg = take(count);
	}
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	return copy_to_user(buf, msg, msg->size) ? -EFAULT : msg->size;
}

/* Whether a message of the firmware is what <linux/tsm_sim.h> describes */
static bool is_valid(const struct tsm_sim_msg *msg, size_t count)
{
	size_t len = count - sizeof(*msg);

	if (msg->size != count)
		return false;
	switch (msg->type) {
	case TSM_SIM_EXCHANGE:
		return len && len % 4 == 0 && !msg->result &&
		       (msg->value == PCI_DOE_FEATURE_CMA ||
			msg->value == PCI_DOE_FEATURE_SSESSION);
	case TSM_SIM_PART:
		return len && !msg->result && msg->value < TSM_SIM_PARTS;
	case TSM_SIM_DONE:
		return msg->value <= SIM_ERROR && msg->result <= 0 && msg->result >= -MAX_ERRNO &&
		       !(msg->result && len);
	default:
		return false;
	}
}

static ssize_t firmware_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	if (count < sizeof(struct tsm_sim_msg))
		return -EINVAL;
	if (count > MAX_SIZE)
		return -EMSGSIZE;

	struct tsm_sim_msg *msg __free(kfree) = memdup_user(buf, count);

	if (IS_ERR(msg))
		return PTR_ERR(msg);
	if (!is_valid(msg, count))
		return -EINVAL;
	guard(mutex)(&fw.lock);
	if (fw.phase != TO_WRITE || msg->command != fw.command)
		return -ESTALE;
	set_phase(WRITTEN, no_free_ptr(msg));
	return count;
}

static __poll_t firmware_poll(struct file *file, poll_table *table)
{
	poll_wait(file, &fw.wait, table);
	switch (READ_ONCE(fw.phase)) {
	case TO_READ:
		return EPOLLIN | EPOLLRDNORM;
	case TO_WRITE:
		return EPOLLOUT | EPOLLWRNORM;
	default:
		return 0;
	}
}

static const struct file_operations firmware_fops = {
	.owner = THIS_MODULE,
	.open = firmware_open,
	.read = firmware_read,
	.write = firmware_write,
	.poll = firmware_poll,
	.release = firmware_release,
};

static struct miscdevice firmware_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tsm_sim_firmware",
	.fops = &firmware_fops,
	.mode = 0600,
};

/**
 * sim_link_init() - make the file
 *
 * Return: 0; an error of misc_register().
 */
int sim_link_init(void)
{
	mutex_init(&fw.lock);
	init_waitqueue_head(&fw.wait);
	return misc_register(&firmware_misc);
}

void sim_link_exit(void)
{
	misc_deregister(&firmware_misc);
}
