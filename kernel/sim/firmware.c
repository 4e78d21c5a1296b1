// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: a program in user space, the firmware, holds the SPDM sessions. It gets one
 * command at a time from /dev/tsm_sim_firmware, and has its data objects carried to the
 * device and back. <linux/tsm_sim.h> describes the messages.
 *
 * The thread that has a command waits for messages itself, and calls pci_doe() itself, because
 * it holds the locks of PCI/TSM for that. It never waits for user space without a limit.
 *
 * Locks: turn, held for the whole of a command, is taken under PCI/TSM's locks. The
 * lock of link.c is a leaf. Neither is held when states are reported.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

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

/* Held by the thread that has a command */
static DEFINE_MUTEX(turn);

bool sim_uses_doe(void)
{
	return !strcmp(transport, "doe");
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
	return sim_link_pass(answer, request->command);
}

/*
 * Does the command in @msg, which is consumed. Returns DONE without an error, which the
 * caller frees, or an ERR_PTR of -EIO.
 */
static struct tsm_sim_msg *run_command(struct pci_dev *pdev, struct tsm_sim_msg *msg)
{
	unsigned int ms = min(READ_ONCE(firmware_timeout_ms), MAX_TIMEOUT_MS);
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	guard(mutex)(&turn);
	if (!sim_link_pass(msg, 0))
		return ERR_PTR(-EIO);
	for (int left = TSM_SIM_MAX_EXCHANGES;; left--) {
		struct tsm_sim_msg *answer __free(kfree) = sim_link_next(end);

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

/**
 * sim_firmware_init() - make the file for the firmware, with transport=doe
 *
 * Return: 0; -EINVAL for another transport; an error of misc_register().
 */
int sim_firmware_init(void)
{
	if (!sim_uses_doe())
		return strcmp(transport, "none") ? -EINVAL : 0;
	return sim_link_init();
}

void sim_firmware_exit(void)
{
	if (sim_uses_doe())
		sim_link_exit();
}
