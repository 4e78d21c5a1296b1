// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/pci/devices/ADDR/vfio_tsm_evidence/: what a device has signed about itself. PCI/TSM
 * has no operation that asks a TSM for it, so the driver of a TSM offers one here.
 *
 * A write of a nonce has a worker call the driver of the TSM, and waits for the worker. So no
 * lock and no file is held while the TSM works, and a writer that is killed does not interrupt
 * the TSM, for which the session with the device may be lost then. The worker has references
 * of its own to everything that it uses. The write also ends when the function leaves the
 * driver vfio-pci-tsm: the removal of the files would wait for it.
 *
 * Evidence that was forgotten while the TSM was collecting it is not published.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/hex.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/sysfs.h>

#include "internal.h"

/* The drivers of TSMs, under the mutex or in a read section */
static LIST_HEAD(sources);
static DEFINE_MUTEX(sources_lock);
DEFINE_STATIC_SRCU(sources_srcu);

/* One counter for all devices, so that no number is used twice */
static atomic64_t generations;

static const size_t limits[VFIO_TSM_NR_EVIDENCE_PARTS] = {
	[VFIO_TSM_EVIDENCE_CERT0] = SZ_16K,
	[VFIO_TSM_EVIDENCE_VCA] = SZ_1K,
	[VFIO_TSM_EVIDENCE_MEASUREMENTS] = SZ_16K,
	[VFIO_TSM_EVIDENCE_REPORT] = SZ_4K,
};

/**
 * struct vfio_tsm_ask - a nonce that was written
 * @ref: the writer and the worker have one each
 * @work: asks the TSM
 * @dev: the device; a reference is held
 * @pdev: the function; a reference is held
 * @evidence: gets the evidence
 * @done: completed when @result is valid
 * @result: what the writer gets; under vfio_tsm_dev::lock
 * @forgotten: the evidence must not be published; under the same lock
 * @stopped: the same for the report; under the same lock
 */
struct vfio_tsm_ask {
	struct kref ref;
	struct work_struct work;
	struct vfio_tsm_dev *dev;
	struct pci_dev *pdev;
	struct vfio_tsm_evidence *evidence;
	struct completion done;
	int result;
	bool forgotten;
	bool stopped;
};

static struct vfio_tsm_evidence *make_evidence(const u8 *nonce)
{
	struct vfio_tsm_evidence *evidence;
	size_t size = sizeof(*evidence);
	u8 *data;

	for (int i = 0; i < VFIO_TSM_NR_EVIDENCE_PARTS; i++)
		size += limits[i];
	evidence = kvzalloc(size, GFP_KERNEL);
	if (!evidence)
		return NULL;
	memcpy(evidence->nonce, nonce, sizeof(evidence->nonce));
	data = (u8 *)(evidence + 1);
	for (int i = 0; i < VFIO_TSM_NR_EVIDENCE_PARTS; i++) {
		evidence->parts[i] =
			(struct vfio_tsm_evidence_part){ .data = data, .size = limits[i] };
		data += limits[i];
	}
	return evidence;
}

static void free_ask(struct kref *ref)
{
	struct vfio_tsm_ask *ask = container_of(ref, struct vfio_tsm_ask, ref);

	kvfree(ask->evidence);
	pci_dev_put(ask->pdev);
	vfio_tsm_put(ask->dev);
	kfree(ask);
}

static void put_ask(struct vfio_tsm_ask *ask)
{
	kref_put(&ask->ref, free_ask);
}

/* Gives the writer its result, unless it has one. */
static void finish(struct vfio_tsm_ask *ask, int result)
{
	lockdep_assert_held(&ask->dev->lock);
	if (completion_done(&ask->done))
		return;
	ask->result = result;
	complete_all(&ask->done);
}

static void changed(struct vfio_tsm_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	dev->evidence.generation = atomic64_inc_return(&generations);
}

/* Certificates and measurements are the same, so a device that is admitted stays so. */
static void report_changed(struct vfio_tsm_dev *dev)
{
	bool admitted = vfio_tsm_is_admitted(dev);

	changed(dev);
	if (admitted)
		dev->evidence.admitted = dev->evidence.generation;
}

/* Asks each driver of a TSM, until one serves the function. */
static int collect(struct pci_dev *pdev, struct vfio_tsm_evidence *evidence)
{
	struct vfio_tsm_evidence_source *source;
	int ret = -ENODEV;

	guard(srcu)(&sources_srcu);
	list_for_each_entry_srcu(source, &sources, list, srcu_read_lock_held(&sources_srcu)) {
		ret = source->collect(pdev, evidence);
		if (ret != -ENODEV)
			break;
	}
	if (ret == -ENODEV)
		return -EOPNOTSUPP;
	if (ret)
		return ret < 0 ? ret : -EIO;
	for (int i = 0; i < VFIO_TSM_NR_EVIDENCE_PARTS; i++) {
		if (WARN_ON_ONCE(evidence->parts[i].len > limits[i]))
			return -EIO;
	}
	return 0;
}

static void ask_work(struct work_struct *work)
{
	struct vfio_tsm_ask *ask = container_of(work, struct vfio_tsm_ask, work);
	struct vfio_tsm_dev *dev = ask->dev;
	int ret = collect(ask->pdev, ask->evidence);

	scoped_guard(mutex, &dev->lock) {
		dev->evidence.ask = NULL;
		if (!ret && ask->forgotten)
			ret = -EIO;
		if (!ret) {
			if (ask->stopped)
				ask->evidence->parts[VFIO_TSM_EVIDENCE_REPORT].len = 0;
			swap(dev->evidence.present, ask->evidence);
			changed(dev);
		}
		finish(ask, ret);
	}
	put_ask(ask);
}

/* Begins to ask the TSM. Returns the question with a reference, or an ERR_PTR(). */
static struct vfio_tsm_ask *begin(struct vfio_tsm_dev *dev, const u8 *nonce)
{
	struct vfio_tsm_evidence *evidence __free(kvfree) = make_evidence(nonce);
	struct vfio_tsm_ask *ask __free(kfree) = kzalloc_obj(*ask);

	if (!evidence || !ask)
		return ERR_PTR(-ENOMEM);
	kref_init(&ask->ref);
	kref_get(&ask->ref);
	INIT_WORK(&ask->work, ask_work);
	init_completion(&ask->done);

	guard(mutex)(&dev->lock);
	if (!dev->pdev || dev->evidence.leaving)
		return ERR_PTR(-ENODEV);
	if (dev->evidence.ask)
		return ERR_PTR(-EBUSY);
	if (!READ_ONCE(dev->pdev->tsm))
		return ERR_PTR(-ENOTCONN);
	kref_get(&dev->ref);
	ask->dev = dev;
	ask->pdev = pci_dev_get(dev->pdev);
	ask->evidence = no_free_ptr(evidence);
	dev->evidence.ask = ask;
	queue_work(vfio_tsm_wq, &ask->work);
	return no_free_ptr(ask);
}

/* Has the TSM collect evidence over @nonce. Returns 0 or a negative errno. */
static int ask(struct vfio_tsm_dev *dev, const u8 *nonce)
{
	struct vfio_tsm_ask *ask = begin(dev, nonce);
	int ret;

	if (IS_ERR(ask))
		return PTR_ERR(ask);
	ret = wait_for_completion_killable(&ask->done) ? -EINTR : 0;
	if (!ret) {
		guard(mutex)(&dev->lock);
		ret = ask->result;
	}
	put_ask(ask);
	return ret;
}

static void forget(struct vfio_tsm_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	if (dev->evidence.ask)
		dev->evidence.ask->forgotten = true;
	if (!dev->evidence.present)
		return;
	kvfree(dev->evidence.present);
	dev->evidence.present = NULL;
	changed(dev);
}

/**
 * vfio_tsm_forget_evidence() - evidence about a device is not valid any more
 * @pdev: the function
 *
 * The driver of a TSM calls this for each function that it serves when its session with the
 * device has ended, and before it can bind the function in another session. A function of which
 * vfio_tsm has no record is ignored. An admission of the device also ends.
 *
 * Context: as vfio_tsm_report_tdi_state().
 */
void vfio_tsm_forget_evidence(struct pci_dev *pdev)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = vfio_tsm_find(vfio_tsm_index_of(pdev));

	if (!dev)
		return;
	guard(mutex)(&dev->lock);
	forget(dev);
}
EXPORT_SYMBOL_GPL(vfio_tsm_forget_evidence);

/**
 * vfio_tsm_forget_interface_report() - the TDI is not in CONFIG_LOCKED or RUN any more
 * @dev: the device
 *
 * Context: vfio_tsm_dev::lock held.
 */
void vfio_tsm_forget_interface_report(struct vfio_tsm_dev *dev)
{
	struct vfio_tsm_evidence *present = dev->evidence.present;

	lockdep_assert_held(&dev->lock);
	if (dev->evidence.ask)
		dev->evidence.ask->stopped = true;
	if (!present || !present->parts[VFIO_TSM_EVIDENCE_REPORT].len)
		return;
	present->parts[VFIO_TSM_EVIDENCE_REPORT].len = 0;
	report_changed(dev);
}

/**
 * vfio_tsm_set_leaving() - the function comes to the driver, or leaves it
 * @dev: the device
 * @leaving: true: a write of a nonce ends now, and fails with ENODEV
 *
 * Context: vfio_tsm_dev::lock held.
 */
void vfio_tsm_set_leaving(struct vfio_tsm_dev *dev, bool leaving)
{
	lockdep_assert_held(&dev->lock);
	dev->evidence.leaving = leaving;
	forget(dev);
	if (leaving && dev->evidence.ask)
		finish(dev->evidence.ask, -ENODEV);
}

/**
 * vfio_tsm_add_evidence_source() - the driver of a TSM offers evidence from now on
 * @source: has @collect, and stays valid until vfio_tsm_remove_evidence_source() returns
 *
 * Context: may sleep.
 */
void vfio_tsm_add_evidence_source(struct vfio_tsm_evidence_source *source)
{
	guard(mutex)(&sources_lock);
	list_add_tail_rcu(&source->list, &sources);
}
EXPORT_SYMBOL_GPL(vfio_tsm_add_evidence_source);

/**
 * vfio_tsm_remove_evidence_source() - the driver of a TSM offers no evidence any more
 * @source: what vfio_tsm_add_evidence_source() was given
 *
 * Context: may sleep. Waits for calls that run, so no lock may be held that @collect takes.
 */
void vfio_tsm_remove_evidence_source(struct vfio_tsm_evidence_source *source)
{
	scoped_guard(mutex, &sources_lock)
		list_del_rcu(&source->list);
	synchronize_srcu(&sources_srcu);
}
EXPORT_SYMBOL_GPL(vfio_tsm_remove_evidence_source);

/* --- the files ------------------------------------------------------------- */

static struct vfio_tsm_dev *find(struct device *device)
{
	return vfio_tsm_find(vfio_tsm_index_of(to_pci_dev(device)));
}

static ssize_t generation_show(struct device *device, struct device_attribute *attr, char *page)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);

	if (!dev)
		return -ENODEV;
	guard(mutex)(&dev->lock);
	return sysfs_emit(page, "%llu\n", dev->evidence.generation);
}
static DEVICE_ATTR_RO(generation);

static ssize_t nonce_show(struct device *device, struct device_attribute *attr, char *page)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);

	if (!dev)
		return -ENODEV;
	guard(mutex)(&dev->lock);
	if (!dev->evidence.present)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "%*phN\n", VFIO_TSM_EVIDENCE_NONCE_SIZE,
			  dev->evidence.present->nonce);
}

static ssize_t nonce_store(struct device *device, struct device_attribute *attr, const char *text,
			   size_t len)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);
	size_t digits = len && text[len - 1] == '\n' ? len - 1 : len;
	u8 nonce[VFIO_TSM_EVIDENCE_NONCE_SIZE];
	int ret;

	if (!dev)
		return -ENODEV;
	if (digits != 2 * sizeof(nonce) || hex2bin(nonce, text, sizeof(nonce)))
		return -EINVAL;
	ret = ask(dev, nonce);
	return ret ?: len;
}
static DEVICE_ATTR_ADMIN_RW(nonce);

static ssize_t part_read(struct file *file, struct kobject *kobj, const struct bin_attribute *attr,
			 char *to, loff_t pos, size_t count)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(kobj_to_dev(kobj));
	const struct vfio_tsm_evidence_part *part;

	if (!dev)
		return -ENODEV;
	guard(mutex)(&dev->lock);
	if (!dev->evidence.present)
		return 0;
	part = &dev->evidence.present->parts[(unsigned long)attr->private];
	return memory_read_from_buffer(to, count, &pos, part->data, part->len);
}

#define VFIO_TSM_EVIDENCE_FILE(_name, _part)                   \
	static const struct bin_attribute bin_attr_##_name = { \
		.attr = { .name = #_name, .mode = 0444 },      \
		.read = part_read,                             \
		.private = (void *)_part,                      \
	}

VFIO_TSM_EVIDENCE_FILE(cert0, VFIO_TSM_EVIDENCE_CERT0);
VFIO_TSM_EVIDENCE_FILE(vca, VFIO_TSM_EVIDENCE_VCA);
VFIO_TSM_EVIDENCE_FILE(measurements, VFIO_TSM_EVIDENCE_MEASUREMENTS);
VFIO_TSM_EVIDENCE_FILE(report, VFIO_TSM_EVIDENCE_REPORT);

static struct attribute *vfio_tsm_evidence_attrs[] = {
	&dev_attr_generation.attr,
	&dev_attr_nonce.attr,
	NULL,
};

static const struct bin_attribute *const vfio_tsm_evidence_bin_attrs[] = {
	&bin_attr_cert0, &bin_attr_vca, &bin_attr_measurements, &bin_attr_report, NULL,
};

const struct attribute_group vfio_tsm_evidence_group = {
	.name = "vfio_tsm_evidence",
	.attrs = vfio_tsm_evidence_attrs,
	.bin_attrs = vfio_tsm_evidence_bin_attrs,
};
