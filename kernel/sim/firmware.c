// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: a program in user space, the firmware, holds the SPDM sessions. It gets one
 * command at a time from /dev/tsm_sim_firmware, and has its data objects carried to the
 * device and back. <linux/tsm_sim.h> describes the messages.
 *
 * The firmware is not trusted. Each message is copied once, and then checked. The thread
 * that has a command waits for messages itself, and calls pci_doe() itself, because it holds
 * the locks of PCI/TSM for that. It never waits for user space without a limit, and not for
 * a fault on user memory: files copy from and to user space without a lock.
 *
 * Locks: fw.turn, held for the whole of a command, is taken under PCI/TSM's locks. fw.lock
 * is a leaf. Neither is held when states are reported.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/tsm_sim.h>
#include "tsm_sim.h"

static char *transport = "none";
module_param(transport, charp, 0444);
MODULE_PARM_DESC(transport, "none: simulate devices; doe: a program talks to real ones");

/* Less than what the kernel takes for a hung task by default. */
static unsigned int firmware_timeout_ms = 60000;
module_param(firmware_timeout_ms, uint, 0644);
MODULE_PARM_DESC(firmware_timeout_ms, "Limit for a command of transport=doe, at most 100000");
#define MAX_TIMEOUT_MS 100000

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
 * turn: held by the thread that has a command
 * lock: protects all below
 * is_open: a firmware has opened the file
 * phase: see above
 * msg: the message that is passed on, allocated; NULL in IDLE and TO_WRITE
 * command: the number of the present command, or of the last one
 * wait: woken when phase or is_open changes
 */
static struct {
	struct mutex turn; /* see above */
	struct mutex lock; /* see above */
	bool is_open;
	enum phase phase;
	struct tsm_sim_msg *msg;
	u64 command;
	wait_queue_head_t wait;
} fw;

bool sim_uses_doe(void)
{
	return !strcmp(transport, "doe");
}

/* Puts @msg in the place of the present one, which is freed. */
static void set_phase(enum phase phase, struct tsm_sim_msg *msg)
{
	lockdep_assert_held(&fw.lock);
	kfree(fw.msg);
	fw.msg = msg;
	fw.phase = phase;
	wake_up_all(&fw.wait);
}

static u32 function_id(struct pci_dev *pdev)
{
	u32 segment = pci_domain_nr(pdev->bus) & 0xff;

	return pci_dev_id(pdev) | (segment ? BIT(24) | segment << 16 : 0);
}

static struct tsm_sim_msg *make_msg(struct pci_dev *pdev, u32 type, size_t len)
{
	struct tsm_sim_msg *msg = kzalloc(sizeof(*msg) + len, GFP_KERNEL);

	if (!msg)
		return NULL;
	msg->size = sizeof(*msg) + len;
	msg->type = type;
	msg->device = function_id(pdev->tsm->dsm_dev);
	msg->function = function_id(pdev);
	return msg;
}

/*
 * Has the firmware read @msg of @command, which is consumed; 0: it begins a command. Returns
 * the number of the command; 0 if there is no firmware, or another one than at the beginning.
 */
static u64 pass(struct tsm_sim_msg *msg, u64 command)
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

/*
 * The next message of the firmware. NULL if it comes too late, or the firmware has gone:
 * nothing of the command is left then.
 */
static struct tsm_sim_msg *next(unsigned long end)
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

/*
 * Carries a data object to the device. Its answer, or the error, goes to the firmware. False
 * if there is no firmware any more, or no memory.
 */
static bool exchange(struct pci_dev *pdev, const struct tsm_sim_msg *request)
{
	struct tsm_sim_msg *answer = make_msg(pdev, TSM_SIM_ANSWER, TSM_SIM_MAX_DATA);
	int ret;

	if (!answer)
		return false;
	ret = pci_tsm_doe_transfer(pdev->tsm->dsm_dev, request->value, request->data,
				   request->size - sizeof(*request), answer->data,
				   TSM_SIM_MAX_DATA);
	answer->result = min(ret, 0);
	answer->size = sizeof(*answer) + clamp(ret, 0, TSM_SIM_MAX_DATA);
	return pass(answer, request->command);
}

/*
 * Does the command in @msg, which is consumed. Returns DONE without an error, which the
 * caller frees, or an ERR_PTR of -EIO.
 */
static struct tsm_sim_msg *run_command(struct pci_dev *pdev, struct tsm_sim_msg *msg)
{
	unsigned int ms = min(READ_ONCE(firmware_timeout_ms), MAX_TIMEOUT_MS);
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	guard(mutex)(&fw.turn);
	if (!pass(msg, 0))
		return ERR_PTR(-EIO);
	for (int left = TSM_SIM_MAX_EXCHANGES;; left--) {
		struct tsm_sim_msg *answer __free(kfree) = next(end);

		if (!answer)
			return ERR_PTR(-EIO);
		if (answer->type == TSM_SIM_DONE)
			return answer->result ? ERR_PTR(-EIO) : no_free_ptr(answer);
		if (!left || !exchange(pdev, answer))
			return ERR_PTR(-EIO);
	}
}

/* Does a command without data, whose DONE has @len bytes for @data. */
static int simple_command(struct pci_dev *pdev, u32 type, void *data, size_t len, u32 *state)
{
	struct tsm_sim_msg *msg = make_msg(pdev, type, 0);

	if (!msg)
		return -ENOMEM;

	struct tsm_sim_msg *done __free(kfree) = run_command(pdev, msg);

	if (IS_ERR(done))
		return PTR_ERR(done);
	if (done->size != sizeof(*done) + len)
		return -EIO;
	memcpy(data, done->data, len);
	*state = done->value;
	return 0;
}

/**
 * sim_firmware_connect() - have the firmware authenticate a device, and begin a session
 * @pdev: the function with the mailbox
 *
 * Return: 0; -EIO if the device or the firmware failed, or there is no firmware; -ENOMEM.
 *
 * Context: under PCI/TSM's locks, as all functions below. May wait for
 * firmware_timeout_ms, uninterruptibly.
 */
int sim_firmware_connect(struct pci_dev *pdev)
{
	u32 state;

	return simple_command(pdev, TSM_SIM_CONNECT, NULL, 0, &state);
}

/**
 * sim_firmware_disconnect() - have the firmware end the session
 * @pdev: the function with the mailbox
 *
 * Return: 0; -EIO if the device may still have the session; -ENOMEM.
 */
int sim_firmware_disconnect(struct pci_dev *pdev)
{
	u32 state;

	return simple_command(pdev, TSM_SIM_DISCONNECT, NULL, 0, &state);
}

/**
 * sim_firmware_bind() - have the firmware lock a TDI
 * @pdev: the function
 * @nonce: gets the nonce of the lock
 *
 * Return: 0; -EIO if the device or the firmware failed; -ENOMEM.
 */
int sim_firmware_bind(struct pci_dev *pdev, u8 nonce[SIM_NONCE_SIZE])
{
	u32 state;
	int ret;

	BUILD_BUG_ON(SIM_NONCE_SIZE != TSM_SIM_NONCE_SIZE);
	ret = simple_command(pdev, TSM_SIM_BIND, nonce, SIM_NONCE_SIZE, &state);
	if (ret)
		return ret;
	return state == SIM_LOCKED ? 0 : -EIO;
}

/**
 * sim_firmware_unbind() - have the firmware stop a TDI
 * @pdev: the function
 *
 * Return: 0; -EIO if the TDI may not have stopped; -ENOMEM.
 */
int sim_firmware_unbind(struct pci_dev *pdev)
{
	u32 state;
	int ret = simple_command(pdev, TSM_SIM_UNBIND, NULL, 0, &state);

	if (ret)
		return ret;
	return state == SIM_UNLOCKED ? 0 : -EIO;
}

/**
 * sim_firmware_request() - have the firmware pass a guest's TDISP request on
 * @pdev: the function
 * @request: the request
 * @len: its length, TSM_SIM_MAX_TDISP at most
 * @answer: gets the answer
 * @answer_len: room for it on input, its length on output
 * @state: gets the state of the TDI afterwards, as the firmware has it
 *
 * Return: 0; -ENOSPC if the answer does not fit; -EIO if the device or the firmware failed;
 * -ENOMEM.
 */
int sim_firmware_request(struct pci_dev *pdev, const u8 *request, size_t len, u8 *answer,
			 size_t *answer_len, u32 *state)
{
	struct tsm_sim_msg *msg = make_msg(pdev, TSM_SIM_REQUEST, len);

	if (!msg)
		return -ENOMEM;
	memcpy(msg->data, request, len);

	struct tsm_sim_msg *done __free(kfree) = run_command(pdev, msg);

	if (IS_ERR(done))
		return PTR_ERR(done);
	len = done->size - sizeof(*done);
	if (len > TSM_SIM_MAX_TDISP)
		return -EIO;
	*state = done->value;
	if (len > *answer_len)
		return -ENOSPC;
	memcpy(answer, done->data, len);
	*answer_len = len;
	return 0;
}

/* --- the file -------------------------------------------------------------- */

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
	sim_fns_forget_states();
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
	case TSM_SIM_DONE:
		return msg->value <= SIM_ERROR && msg->result <= 0 && msg->result >= -MAX_ERRNO &&
		       !(msg->result && len);
	default:
		return false;
	}
}

static ssize_t firmware_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	if (count < sizeof(struct tsm_sim_msg) || count > MAX_SIZE)
		return -EINVAL;

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
 * sim_firmware_init() - make the file for the firmware, with transport=doe
 *
 * Return: 0; -EINVAL for another transport; an error of misc_register().
 */
int sim_firmware_init(void)
{
	if (!sim_uses_doe())
		return strcmp(transport, "none") ? -EINVAL : 0;
	mutex_init(&fw.turn);
	mutex_init(&fw.lock);
	init_waitqueue_head(&fw.wait);
	return misc_register(&firmware_misc);
}

void sim_firmware_exit(void)
{
	if (sim_uses_doe())
		misc_deregister(&firmware_misc);
}
