// SPDX-License-Identifier: GPL-2.0-only
/* Registration with PCI/TSM, and the operations that it calls. */
#include <linux/device/faux.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tsm.h>

#include "doe.h"
#include "mmio.h"
#include "report.h"
#include "tsm_sim.h"

static struct faux_device *sim_parent;
static struct tsm_dev *sim_tsm;

/* A second TSM, which cannot bind; under the mutex. */
static DEFINE_MUTEX(no_bind_lock);
static struct tsm_dev *no_bind_tsm;

/* Makes PCI/TSM's context of a function. It needs no mailbox, because there is no real DSM. */
struct pci_tsm *sim_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	/*
	 * PCI/TSM walks the functions of a device, and the VFs of each. It probes a VF
	 * whose number is in its PF's slot twice, and would forget the first context.
	 */
	if (pdev->tsm)
		return pdev->tsm;

	struct sim_ctx *ctx __free(kfree) = kzalloc_obj(*ctx);

	if (!ctx || pci_tsm_link_constructor(pdev, &ctx->pf0.base_tsm, tsm_dev))
		return NULL;
	ctx->fn = sim_fn_get(pdev);
	if (!ctx->fn)
		return NULL;

	mutex_init(&ctx->pf0.lock);
	sim_reset_books(ctx->fn);
	sim_report_probe(ctx->fn);
	return &no_free_ptr(ctx)->pf0.base_tsm;
}

static void sim_remove(struct pci_tsm *tsm)
{
	struct sim_ctx *ctx = to_sim_ctx(tsm);

	/* Stop the TDI that a failed unbind has left. */
	sim_unlock(ctx->fn);
	sim_report_remove(ctx->fn);
	sim_inject(ctx->fn, SIM_REMOVE);
	sim_fn_put(ctx->fn);
	mutex_destroy(&ctx->pf0.lock);
	kfree(ctx);
}

/* There is no link to secure. */
static int sim_connect(struct pci_dev *pdev)
{
	return sim_inject(to_sim_ctx(pdev->tsm)->fn, SIM_CONNECT);
}

/* PCI/TSM calls it without a check. */
static void sim_disconnect(struct pci_dev *pdev)
{
}

/**
 * sim_bind_tdi() - lock a TDI
 * @pdev: the function
 * @kvm: the VM that it is for
 * @tdi_id: its ID there
 * @nonce: the nonce of the lock
 *
 * Return: the TDI; an ERR_PTR of -EBUSY if an earlier one cannot be stopped.
 */
struct pci_tdi *sim_bind_tdi(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id,
			     const u8 nonce[TDISP_NONCE_SIZE])
{
	struct sim_ctx *ctx = to_sim_ctx(pdev->tsm);
	struct pci_tdi *tdi = &ctx->tdis[ctx->turn];
	int ret;

	pci_tsm_tdi_constructor(pdev, tdi, kvm, tdi_id);
	ret = sim_lock(ctx->fn, tdi_id, nonce);
	if (ret)
		return ERR_PTR(ret);
	sim_mmio_bind(ctx->fn, kvm);
	ctx->turn = !ctx->turn;
	sim_report_stop(ctx->fn, 0);
	return tdi;
}

static struct pci_tdi *sim_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	u8 nonce[TDISP_NONCE_SIZE];
	struct pci_tdi *tdi;
	int ret;

	ret = sim_inject(to_sim_ctx(pdev->tsm)->fn, SIM_BIND);
	if (ret)
		return ERR_PTR(ret);
	get_random_bytes(nonce, sizeof(nonce));
	tdi = sim_bind_tdi(pdev, kvm, tdi_id, nonce);
	memzero_explicit(nonce, sizeof(nonce));
	return tdi;
}

/**
 * sim_unbind_tdi() - unlock a TDI
 * @tdi: the TDI
 * @error: 0; or why it was not stopped, and stays locked
 *
 * PCI/TSM takes the TDI for unbound afterwards, whatever happened.
 */
void sim_unbind_tdi(struct pci_tdi *tdi, int error)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;

	if (error)
		pci_info(tdi->pdev, "TDI not stopped: %d\n", error);
	else
		sim_unlock(fn);
	sim_report_stop(fn, error);
}

static void sim_unbind(struct pci_tdi *tdi)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;

	sim_mmio_unbind(fn);
	sim_unbind_tdi(tdi, sim_inject(fn, SIM_UNBIND));
}

static ssize_t sim_guest_req(struct pci_tdi *tdi, enum pci_tsm_req_scope scope, sockptr_t req_in,
			     size_t in_len, sockptr_t req_out, size_t out_len, u64 *tsm_code)
{
	struct sim_fn *fn = to_sim_ctx(tdi->pdev->tsm)->fn;
	struct sim_message message;
	int ret;

	ret = sim_inject(fn, SIM_GUEST_REQ);
	if (!ret)
		ret = sim_message_take(fn, &message, scope, req_in, in_len, out_len);
	return ret ?: sim_message_answer(fn, &message, req_out, out_len, tsm_code);
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

/* The same without a bind */
static struct pci_tsm_ops no_bind_ops;

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

static int parent_init(void)
{
	sim_parent = faux_device_create("tsm_sim", NULL, NULL);
	return sim_parent ? 0 : -ENODEV;
}

static void parent_exit(void)
{
	faux_device_destroy(sim_parent);
}

static int tsm_init(void)
{
	sim_doe_set_ops(&sim_ops);
	no_bind_ops = sim_ops;
	no_bind_ops.bind = NULL;
	/* This shows the tsm/ directories of the functions that are TEE-capable by now. */
	sim_tsm = tsm_register(&sim_parent->dev, &sim_ops);
	return PTR_ERR_OR_ZERO(sim_tsm);
}

static void tsm_exit(void)
{
	tsm_unregister(sim_tsm);
}

static int no_bind_tsm_init(void)
{
	sim_debugfs_tsms_add();
	return 0;
}

static void no_bind_tsm_exit(void)
{
	sim_debugfs_tsms_remove();
	sim_set_no_bind_tsm(false);
}

/* In this order when the module is loaded, and the other way round when it is unloaded */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} parts[] = {
	{ .init = parent_init, .exit = parent_exit },
	{ .init = sim_mmio_init, .exit = sim_mmio_exit },
	{ .init = sim_doe_init, .exit = sim_doe_exit },
	{ .init = sim_debugfs_init, .exit = sim_debugfs_exit },
	{ .init = sim_fns_init, .exit = sim_fns_exit },
	{ .init = sim_report_init, .exit = sim_report_exit },
	{ .init = tsm_init, .exit = tsm_exit },
	{ .init = no_bind_tsm_init, .exit = no_bind_tsm_exit },
};

static void exit_parts(int count)
{
	while (count--)
		parts[count].exit();
}

static int __init sim_init(void)
{
	for (int i = 0; i < ARRAY_SIZE(parts); i++) {
		int ret = parts[i].init();

		if (ret) {
			exit_parts(i);
			return ret;
		}
	}
	return 0;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	exit_parts(ARRAY_SIZE(parts));
}
module_exit(sim_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(TSMCTL_VERSION);
MODULE_DESCRIPTION("A TSM in software");
