// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: a program in user space, the firmware, holds the SPDM sessions. It gets one
 * command at a time from /dev/tsm_sim_firmware, and has its data objects carried to the
 * device and back. <linux/tsm_sim.h> describes the messages.
 *
 * The thread that has a command waits for messages itself, and calls pci_doe() itself, because
 * it holds the locks of PCI/TSM for that. It never waits for user space without a limit.
 *
 * Locks: turn, held for the whole of a command, is taken under PCI/TSM's locks, except for
 * EVIDENCE, which has none of these. It protects sim_fn::doe_session: as long as that is set, the
 * device is not disconnected. The lock of link.c is a leaf. Neither is held when states are
 * reported.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <linux/tsm_sim.h>
#include "doe.h"
#include "tsm_sim.h"
#include "vfio_tsm_dev.h"

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

static struct tsm_sim_msg *make_msg(struct pci_dev *dsm, struct pci_dev *pdev, u32 type, size_t len)
{
	struct tsm_sim_msg *msg = kzalloc(sizeof(*msg) + len, GFP_KERNEL);

	if (!msg)
		return NULL;
	msg->size = sizeof(*msg) + len;
	msg->type = type;
	msg->device = function_id(dsm);
	msg->function = function_id(pdev);
	return msg;
}

/*
 * Carries a data object to the device. Its answer, or the error, goes to the firmware. False
 * if there is no firmware any more, or no memory.
 */
static bool exchange(struct pci_dev *dsm, const struct tsm_sim_msg *request)
{
	struct tsm_sim_msg *answer = make_msg(dsm, dsm, TSM_SIM_ANSWER, TSM_SIM_MAX_DATA);
	int ret;

	if (!answer)
		return false;
	ret = pci_tsm_doe_transfer(dsm, request->value, request->data,
				   request->size - sizeof(*request), answer->data,
				   TSM_SIM_MAX_DATA);
	answer->result = min(ret, 0);
	answer->size = sizeof(*answer) + clamp(ret, 0, TSM_SIM_MAX_DATA);
	return sim_link_pass(answer, request->command);
}

static const enum vfio_tsm_evidence_kind kinds[TSM_SIM_PARTS] = {
	[TSM_SIM_PART_CERT0] = VFIO_TSM_EVIDENCE_CERT0,
	[TSM_SIM_PART_VCA] = VFIO_TSM_EVIDENCE_VCA,
	[TSM_SIM_PART_MEASUREMENTS] = VFIO_TSM_EVIDENCE_MEASUREMENTS,
	[TSM_SIM_PART_REPORT] = VFIO_TSM_EVIDENCE_REPORT,
};

/*
 * Appends the bytes of a PART. False if the command has no evidence, the part would be too
 * long, or as exchange().
 */
static bool append(struct pci_dev *dsm, const struct tsm_sim_msg *request,
		   struct vfio_tsm_evidence *evidence)
{
	size_t len = request->size - sizeof(*request);
	struct vfio_tsm_evidence_part *part;
	struct tsm_sim_msg *answer;

	if (!evidence)
		return false;
	part = &evidence->parts[kinds[request->value]];
	if (len > part->size - part->len)
		return false;
	memcpy(part->data + part->len, request->data, len);
	part->len += len;
	answer = make_msg(dsm, dsm, TSM_SIM_ANSWER, 0);
	return answer && sim_link_pass(answer, request->command);
}

/*
 * Does the command in @msg, which is consumed; @evidence gets the evidence, if it is for that.
 * Returns DONE, which the caller frees, or an ERR_PTR of -EIO. The caller holds turn.
 */
static struct tsm_sim_msg *run_turn(struct pci_dev *dsm, struct tsm_sim_msg *msg,
				    struct vfio_tsm_evidence *evidence)
{
	unsigned int ms = min(READ_ONCE(firmware_timeout_ms), MAX_TIMEOUT_MS);
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	lockdep_assert_held(&turn);
	if (!sim_link_pass(msg, 0))
		return ERR_PTR(-EIO);
	for (int left = TSM_SIM_MAX_EXCHANGES;; left--) {
		struct tsm_sim_msg *answer __free(kfree) = sim_link_next(end);
		bool goes_on = answer && left;

		if (answer && answer->type == TSM_SIM_DONE)
			return no_free_ptr(answer);
		if (goes_on && answer->type == TSM_SIM_PART)
			goes_on = append(dsm, answer, evidence);
		else if (goes_on)
			goes_on = exchange(dsm, answer);
		if (!goes_on)
			return ERR_PTR(-EIO);
	}
}

/* Does a command of PCI/TSM. Returns DONE without an error, or an ERR_PTR of -EIO. */
static struct tsm_sim_msg *run_command(struct pci_dev *pdev, struct tsm_sim_msg *msg)
{
	guard(mutex)(&turn);

	struct tsm_sim_msg *done __free(kfree) = run_turn(pdev->tsm->dsm_dev, msg, NULL);

	if (IS_ERR(done) || done->result)
		return ERR_PTR(-EIO);
	return no_free_ptr(done);
}

/* Does a command without data, whose DONE has @len bytes for @data. */
static int simple_command(struct pci_dev *pdev, u32 type, void *data, size_t len, u32 *state)
{
	struct tsm_sim_msg *msg = make_msg(pdev->tsm->dsm_dev, pdev, type, 0);

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

static void set_session(struct sim_fn *fn, bool session)
{
	guard(mutex)(&turn);
	fn->doe_session = session;
}

/**
 * sim_firmware_connect() - have the firmware authenticate a device, and begin a session
 * @fn: the function with the mailbox
 *
 * Return: 0; -EIO if the device or the firmware failed, or there is no firmware; -ENOMEM.
 *
 * Context: under PCI/TSM's locks, as all functions below except for evidence. May wait for
 * firmware_timeout_ms, uninterruptibly.
 */
int sim_firmware_connect(struct sim_fn *fn)
{
	u32 state;
	int ret = simple_command(fn->pdev, TSM_SIM_CONNECT, NULL, 0, &state);

	if (!ret)
		set_session(fn, true);
	return ret;
}

/**
 * sim_firmware_disconnect() - have the firmware end the session
 * @fn: the function with the mailbox
 *
 * Return: 0; -EIO if the device may still have the session; -ENOMEM.
 */
int sim_firmware_disconnect(struct sim_fn *fn)
{
	u32 state;

	set_session(fn, false);
	return simple_command(fn->pdev, TSM_SIM_DISCONNECT, NULL, 0, &state);
}

/**
 * sim_firmware_bind() - have the firmware lock a TDI
 * @pdev: the function
 * @nonce: gets the nonce of the lock
 *
 * Return: 0; -EIO if the device or the firmware failed; -ENOMEM.
 */
int sim_firmware_bind(struct pci_dev *pdev, u8 nonce[TDISP_NONCE_SIZE])
{
	u32 state;
	int ret;

	BUILD_BUG_ON(TDISP_NONCE_SIZE != TSM_SIM_NONCE_SIZE);
	ret = simple_command(pdev, TSM_SIM_BIND, nonce, TDISP_NONCE_SIZE, &state);
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
	struct tsm_sim_msg *msg = make_msg(pdev->tsm->dsm_dev, pdev, TSM_SIM_REQUEST, len);

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
 * sim_firmware_evidence() - have the firmware get evidence from a device
 * @dsm: the function with the mailbox
 * @fn: the function that it is for
 * @evidence: has the nonce, and gets the rest
 *
 * Return: 0; -ENOTCONN if there is no session; -EBADMSG if a signature is wrong; -EIO if the
 * device or the firmware failed; -ENOMEM.
 *
 * Context: no lock of PCI/TSM or of this module held.
 */
int sim_firmware_evidence(struct sim_fn *dsm, const struct sim_fn *fn,
			  struct vfio_tsm_evidence *evidence)
{
	enum sim_tdisp state;
	struct tsm_sim_msg *msg;

	BUILD_BUG_ON(VFIO_TSM_EVIDENCE_NONCE_SIZE != TSM_SIM_NONCE_SIZE);

	guard(mutex)(&turn);
	if (!dsm->doe_session)
		return -ENOTCONN;
	msg = make_msg(dsm->pdev, fn->pdev, TSM_SIM_EVIDENCE, TSM_SIM_NONCE_SIZE);
	if (!msg)
		return -ENOMEM;
	memcpy(msg->data, evidence->nonce, TSM_SIM_NONCE_SIZE);
	/* Without its lock. If the TDI is stopped meanwhile, vfio_tsm drops the report. */
	state = READ_ONCE(fn->state);
	msg->value = state == SIM_LOCKED || state == SIM_RUN;

	struct tsm_sim_msg *done __free(kfree) = run_turn(dsm->pdev, msg, evidence);

	if (IS_ERR(done))
		return PTR_ERR(done);
	if (done->result)
		return done->result == -EBADMSG ? -EBADMSG : -EIO;
	return done->size == sizeof(*done) ? 0 : -EIO;
}

/**
 * sim_doe_init() - make the file for the firmware, with transport=doe
 *
 * Return: 0; -EINVAL for another transport; an error of misc_register().
 */
int sim_doe_init(void)
{
	if (!sim_uses_doe())
		return strcmp(transport, "none") ? -EINVAL : 0;
	return sim_link_init();
}

void sim_doe_exit(void)
{
	if (sim_uses_doe())
		sim_link_exit();
}
