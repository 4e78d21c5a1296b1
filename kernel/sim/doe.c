// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: the operations that PCI/TSM calls, with real devices. Only the part of the
 * platform's TSM is played: LOCK, START, STOP and the guest's requests go to the device, and
 * its answers count. The states and the registers of a TDI are kept as without it.
 */
#include <linux/err.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tsm_sim.h>
#include <linux/unaligned.h>

#include "doe.h"
#include "report.h"
#include "tsm_sim.h"

/* The mailbox through which PCI/TSM talks to a DSM */
static struct pci_doe_mb *find_mailbox(struct pci_dev *pdev)
{
	return pci_find_doe_mailbox(pdev, PCI_VENDOR_ID_PCI_SIG, PCI_DOE_FEATURE_CMA);
}

static struct pci_tsm *doe_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	bool dsm = is_pci_tsm_pf0(pdev);
	struct pci_tsm *tsm;

	if (pdev->tsm)
		return pdev->tsm;
	if (dsm && !find_mailbox(pdev)) {
		pci_warn(pdev, "no CMA mailbox\n");
		return NULL;
	}
	tsm = sim_probe(tsm_dev, pdev);
	if (!tsm)
		return NULL;
	if (dsm)
		to_sim_ctx(tsm)->pf0.doe_mb = find_mailbox(pdev);
	else /* It comes when the session of the function with the mailbox has begun. */
		sim_report_stop(to_sim_ctx(tsm)->fn, 0);
	return tsm;
}

/* A device has no TDI in use when a session has ended, or another one has begun. */
static int doe_connect(struct pci_dev *pdev)
{
	struct sim_fn *fn = to_sim_ctx(pdev->tsm)->fn;
	int ret = sim_inject(fn, SIM_CONNECT);

	if (ret)
		return ret;
	sim_evidence_offer();
	ret = sim_firmware_connect(fn);
	if (!ret)
		sim_report_stop(fn, 0);
	return ret;
}

static void doe_disconnect(struct pci_dev *pdev)
{
	struct sim_fn *fn = to_sim_ctx(pdev->tsm)->fn;
	int ret = sim_firmware_disconnect(fn);

	/* What was collected about other functions after the removal of their contexts. */
	sim_evidence_forget_all(fn);
	if (ret)
		pci_info(pdev, "session not ended: %d\n", ret);
	else
		sim_report_stop(fn, 0);
}

/* If the device was told to lock the TDI, and did not, its state is unknown. */
static struct pci_tdi *doe_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	struct sim_fn *fn = to_sim_ctx(pdev->tsm)->fn;
	u8 nonce[TDISP_NONCE_SIZE];
	struct pci_tdi *tdi;
	int ret;

	ret = sim_inject(fn, SIM_BIND);
	if (ret)
		return ERR_PTR(ret);
	ret = sim_firmware_bind(pdev, nonce);
	if (ret) {
		sim_report_unknown(fn);
		tdi = ERR_PTR(ret);
	} else {
		tdi = sim_bind_tdi(pdev, kvm, tdi_id, nonce);
		if (IS_ERR(tdi))
			sim_firmware_unbind(pdev);
	}
	memzero_explicit(nonce, sizeof(nonce));
	return tdi;
}

static void doe_unbind(struct pci_tdi *tdi)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;
	int ret;

	sim_mmio_unbind(fn);
	ret = sim_inject(fn, SIM_UNBIND);
	if (!ret)
		ret = sim_firmware_unbind(tdi->pdev);
	if (ret)
		sim_report_unknown(fn);
	sim_unbind_tdi(tdi, ret);
}

/* The device does the other checks, except for its ERROR here. */
static bool is_for_device(struct sim_fn *fn, const struct sim_message *message)
{
	return !message->error &&
	       (sim_check(fn) != SIM_ERROR || sim_message_is_legal(message, SIM_ERROR));
}

/* Whether the device's answer belongs to @message, or is a TDISP_ERROR */
static bool is_answer(const u8 *reply, size_t len, const u8 *message)
{
	if (len < TDISP_HEADER_SIZE || reply[0] != TDISP_VERSION ||
	    memcmp(reply + TDISP_INTERFACE_AT, message + TDISP_INTERFACE_AT, TDISP_INTERFACE_SIZE))
		return false;
	return reply[1] == (message[1] & ~TDISP_REQUEST) ||
	       (reply[1] == TDISP_ERROR && len >= TDISP_ERROR_SIZE);
}

/*
 * Takes over the state that a device has reported. A TDI whose registers changed stays in ERROR
 * here, although the device did not notice. Returns 0; -EIO if no request leads from the present
 * state to this one. Then the state stays, and is published as unknown.
 */
static int follow(struct sim_fn *fn, u32 state)
{
	guard(mutex)(&fn->lock);
	if (state == fn->state || (fn->state == SIM_ERROR && state != SIM_UNLOCKED)) {
		sim_report_state(fn);
	} else if (state == SIM_UNLOCKED) {
		sim_stop_locked(fn);
	} else if (fn->state == SIM_LOCKED && state == SIM_RUN) {
		sim_start_locked(fn);
	} else if (fn->state != SIM_UNLOCKED && state == SIM_ERROR) {
		sim_fail_locked(fn);
	} else {
		sim_report_unknown_locked(fn);
		return -EIO;
	}
	return 0;
}

/* Has the device answer a message that was checked. Returns what sim_message_answer() returns. */
static ssize_t pass_on(struct sim_fn *fn, const struct sim_message *message, sockptr_t out,
		       size_t out_len, u64 *code)
{
	size_t size = min(out_len, TSM_SIM_MAX_TDISP);
	u32 state;
	int ret;

	u8 *reply __free(kfree) = kmalloc(size, GFP_KERNEL);

	if (!reply)
		return -ENOMEM;
	ret = sim_firmware_request(fn->pdev, message->bytes, message->len, reply, &size, &state);
	if (!ret && !is_answer(reply, size, message->bytes))
		ret = -EIO;
	if (ret) {
		sim_report_unknown(fn);
		return ret;
	}
	ret = follow(fn, state);
	if (ret)
		return ret;
	if (copy_to_sockptr(out, reply, size))
		return -EFAULT;
	if (code)
		*code = reply[1] == TDISP_ERROR ? get_unaligned_le32(&reply[TDISP_HEADER_SIZE]) : 0;
	return out_len - size;
}

/* Its errors are those of sim_guest_req(), -EIO if the device or the firmware failed, -ENOMEM. */
static ssize_t doe_guest_req(struct pci_tdi *tdi, enum pci_tsm_req_scope scope, sockptr_t req_in,
			     size_t in_len, sockptr_t req_out, size_t out_len, u64 *tsm_code)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;
	struct sim_message message;
	int ret;

	ret = sim_inject(fn, SIM_GUEST_REQ);
	if (!ret)
		ret = sim_message_take(fn, &message, scope, req_in, in_len, out_len);
	if (ret)
		return ret;
	if (is_for_device(fn, &message))
		return pass_on(fn, &message, req_out, out_len, tsm_code);
	return sim_message_answer(fn, &message, req_out, out_len, tsm_code);
}

/**
 * sim_doe_set_ops() - have the operations of this file called, with transport=doe
 * @ops: those that are called without it
 */
void sim_doe_set_ops(struct pci_tsm_ops *ops)
{
	if (!sim_uses_doe())
		return;
	ops->probe = doe_probe;
	ops->connect = doe_connect;
	ops->disconnect = doe_disconnect;
	ops->bind = doe_bind;
	ops->unbind = doe_unbind;
	ops->guest_req = doe_guest_req;
}
