// SPDX-License-Identifier: GPL-2.0-only
/* Registration with PCI/TSM, and the operations that it calls. */
#include <linux/device/faux.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tsm.h>

#include "tsm_sim.h"
#include "vfio_tsm_dev.h"

static struct faux_device *sim_parent;
static struct tsm_dev *sim_tsm;

/* A second TSM, which cannot bind; under the mutex. */
static DEFINE_MUTEX(no_bind_lock);
static struct tsm_dev *no_bind_tsm;

/* Report to vfio_tsm, as the driver of a TSM can do. A real device is always reported. */
static void report_stop(struct sim_fn *fn, bool stopped)
{
	typeof(vfio_tsm_stopped) *report;

	if (!READ_ONCE(fn->inject.report_unbind.value) && !sim_uses_doe())
		return;
	report = stopped ? symbol_get(vfio_tsm_stopped) : symbol_get(vfio_tsm_stop_failed);
	if (!report)
		return;
	report(fn->pdev);
	if (stopped)
		symbol_put(vfio_tsm_stopped);
	else
		symbol_put(vfio_tsm_stop_failed);
}

/* A DSM needs a CMA mailbox only if the firmware is to talk to it. */
static int construct(struct pci_dev *pdev, struct pci_tsm_pf0 *pf0, struct tsm_dev *tsm_dev)
{
	if (sim_uses_doe() && is_pci_tsm_pf0(pdev))
		return pci_tsm_pf0_constructor(pdev, pf0, tsm_dev);
	mutex_init(&pf0->lock);
	return pci_tsm_link_constructor(pdev, &pf0->base_tsm, tsm_dev);
}

static struct pci_tsm *sim_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	/*
	 * PCI/TSM walks the functions of a device, and the VFs of each. It probes a VF
	 * whose number is in its PF's slot twice, and would forget the first context.
	 */
	if (pdev->tsm)
		return pdev->tsm;

	struct sim_ctx *ctx __free(kfree) = kzalloc_obj(*ctx);

	if (!ctx || construct(pdev, &ctx->pf0, tsm_dev))
		return NULL;
	ctx->fn = sim_fn_get(pdev);
	if (!ctx->fn)
		return NULL;

	sim_reset_books(ctx->fn);
	sim_report(ctx->fn, true);
	/* Another function than that with the mailbox comes when the session has begun. */
	if (sim_uses_doe() && !is_pci_tsm_pf0(pdev))
		report_stop(ctx->fn, true);
	return &no_free_ptr(ctx)->pf0.base_tsm;
}

static void sim_remove(struct pci_tsm *tsm)
{
	struct sim_ctx *ctx = to_sim_ctx(tsm);

	/* Stop the TDI that a failed unbind has left. A device stops it when its session ends. */
	sim_unlock(ctx->fn);
	if (!sim_uses_doe())
		report_stop(ctx->fn, true);
	sim_report(ctx->fn, false);
	sim_evidence_forget(ctx->fn);
	sim_inject(ctx->fn, SIM_REMOVE);
	sim_fn_put(ctx->fn);
	mutex_destroy(&ctx->pf0.lock);
	kfree(ctx);
}

/*
 * There is no link to secure. A session is the firmware's. A device has no TDI in use when a
 * session has ended, or another one has begun.
 */
static int sim_connect(struct pci_dev *pdev)
{
	struct sim_fn *fn = to_sim_ctx(pdev->tsm)->fn;
	int ret = sim_inject(fn, SIM_CONNECT);

	if (ret || !sim_uses_doe())
		return ret;
	sim_evidence_offer();
	ret = sim_firmware_connect(fn);
	if (!ret)
		report_stop(fn, true);
	return ret;
}

static void sim_disconnect(struct pci_dev *pdev)
{
	struct sim_fn *fn = to_sim_ctx(pdev->tsm)->fn;
	int ret;

	if (!sim_uses_doe())
		return;
	ret = sim_firmware_disconnect(fn);
	/* What was collected about other functions after the removal of their contexts. */
	sim_fns_forget_evidence(fn);
	if (ret)
		pci_info(pdev, "session not ended: %d\n", ret);
	else
		report_stop(fn, true);
}

/* Locks the TDI. If the device was told to, and did not, its state is unknown. */
static int lock(struct sim_ctx *ctx, struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	u8 nonce[SIM_NONCE_SIZE];
	int ret;

	if (!sim_uses_doe())
		return sim_lock(ctx->fn, kvm, tdi_id, NULL);
	ret = sim_firmware_bind(pdev, nonce);
	if (!ret) {
		ret = sim_lock(ctx->fn, kvm, tdi_id, nonce);
		if (ret)
			sim_firmware_unbind(pdev);
	} else {
		sim_report(ctx->fn, false);
	}
	memzero_explicit(nonce, sizeof(nonce));
	return ret;
}

static struct pci_tdi *sim_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	struct sim_ctx *ctx = to_sim_ctx(pdev->tsm);
	struct pci_tdi *tdi = &ctx->tdis[ctx->turn];
	int ret;

	ret = sim_inject(ctx->fn, SIM_BIND);
	if (ret)
		return ERR_PTR(ret);
	pci_tsm_tdi_constructor(pdev, tdi, kvm, tdi_id);
	ret = lock(ctx, pdev, kvm, tdi_id);
	if (ret)
		return ERR_PTR(ret);
	ctx->turn = !ctx->turn;
	report_stop(ctx->fn, true);
	return tdi;
}

/* PCI/TSM takes the TDI for unbound afterwards, whatever happens here. */
static void sim_unbind(struct pci_tdi *tdi)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;
	int ret;

	sim_disown(fn);
	ret = sim_inject(fn, SIM_UNBIND);
	if (!ret && sim_uses_doe())
		ret = sim_firmware_unbind(tdi->pdev);
	if (ret)
		pci_info(tdi->pdev, "TDI not stopped: %d\n", ret);
	else
		sim_unlock(fn);
	if (ret && sim_uses_doe())
		sim_report(fn, false);
	report_stop(fn, !ret);
}

static ssize_t sim_guest_req(struct pci_tdi *tdi, enum pci_tsm_req_scope scope, sockptr_t req_in,
			     size_t in_len, sockptr_t req_out, size_t out_len, u64 *tsm_code)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;
	int ret;

	ret = sim_inject(fn, SIM_GUEST_REQ);
	if (ret)
		return ret;
	return sim_message(fn, scope, req_in, in_len, req_out, out_len, tsm_code);
}

static struct pci_tsm_ops sim_ops = {
	.probe = sim_probe,
	.remove = sim_remove,
	.connect = sim_connect,
	.disconnect = sim_disconnect,
	.bind = sim_bind,
	.unbind = sim_unbind,
	.guest_req = sim_guest_req,
};

static struct pci_tsm_ops no_bind_ops = {
	.probe = sim_probe,
	.remove = sim_remove,
	.connect = sim_connect,
	.disconnect = sim_disconnect,
	.unbind = sim_unbind,
	.guest_req = sim_guest_req,
};

/**
 * sim_set_no_bind_tsm() - register or unregister a second TSM, without a bind
 * @there: true: register it; false: unregister it
 *
 * Functions that are connected to it are disconnected when it is unregistered.
 *
 * Return: 0, or an error of tsm_register().
 */
int sim_set_no_bind_tsm(bool there)
{
	guard(mutex)(&no_bind_lock);
	if (there == !!no_bind_tsm)
		return 0;
	if (there) {
		struct tsm_dev *tsm = tsm_register(&sim_parent->dev, &no_bind_ops);

		if (IS_ERR(tsm))
			return PTR_ERR(tsm);
		no_bind_tsm = tsm;
	} else {
		tsm_unregister(no_bind_tsm);
		no_bind_tsm = NULL;
	}
	return 0;
}

void sim_show_no_bind_tsm(struct seq_file *s)
{
	guard(mutex)(&no_bind_lock);
	seq_printf(s, "%s\n", no_bind_tsm ? dev_name(&no_bind_tsm->dev) : "none");
}

static int __init sim_init(void)
{
	int ret;

	sim_parent = faux_device_create("tsm_sim", NULL, NULL);
	if (!sim_parent)
		return -ENODEV;

	ret = sim_mmio_init();
	if (ret)
		goto err_parent;
	ret = sim_firmware_init();
	if (ret)
		goto err_mmio;
	sim_debugfs_init();
	ret = sim_fns_init();
	if (ret)
		goto err_debugfs;

	/* This shows the tsm/ directories of the functions that are TEE-capable by now. */
	sim_tsm = tsm_register(&sim_parent->dev, &sim_ops);
	if (IS_ERR(sim_tsm)) {
		ret = PTR_ERR(sim_tsm);
		goto err_fns;
	}
	sim_debugfs_tsms_add();
	sim_evidence_offer();
	return 0;

err_fns:
	sim_fns_exit();
err_debugfs:
	sim_debugfs_exit();
	sim_firmware_exit();
err_mmio:
	sim_mmio_exit();
err_parent:
	faux_device_destroy(sim_parent);
	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	sim_debugfs_tsms_remove();
	sim_set_no_bind_tsm(false);
	tsm_unregister(sim_tsm);
	/* A connect could have offered it until now. */
	sim_evidence_withdraw();
	sim_fns_exit();
	sim_debugfs_exit();
	sim_firmware_exit();
	sim_mmio_exit();
	faux_device_destroy(sim_parent);
}
module_exit(sim_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(TSMCTL_VERSION);
MODULE_DESCRIPTION("A TSM in software");
