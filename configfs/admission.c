// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the policy of a device allows a bind: bind_allowed, and the admission.
 *
 * The administrator admits a device on evidence that was verified in user space, by the
 * generation of that evidence. Whatever replaces or forgets the evidence changes the
 * generation, and so ends the admission: nothing else has to remember that. The interface
 * report comes and goes with the TDI, and is not what a device is admitted on. So
 * evidence.c has the admission follow a change of the report alone.
 */
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "internal.h"

/* A driver of a TSM that does not report the end of its session leaves old evidence. */
static bool has_evidence(const struct vfio_tsm_dev *dev)
{
	return dev->evidence.present && dev->pdev && READ_ONCE(dev->pdev->tsm);
}

/**
 * vfio_tsm_is_admitted() - whether the device was admitted on its present evidence
 * @dev: the device
 *
 * Return: whether it is so at the moment, no matter whether the policy requires it.
 *
 * Context: vfio_tsm_dev::lock held.
 */
bool vfio_tsm_is_admitted(const struct vfio_tsm_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	return has_evidence(dev) && dev->evidence.admitted == dev->evidence.generation;
}

/**
 * vfio_tsm_admit() - the administrator admits a device, or takes the admission back
 * @dev: the device
 * @text: the generation of the evidence that was verified, or 0
 *
 * Return: 0; -EINVAL if @text is not a decimal number; -ENODATA if there is no evidence;
 * -ESTALE if there is other evidence by now.
 */
int vfio_tsm_admit(struct vfio_tsm_dev *dev, const char *text)
{
	u64 generation;

	/* kstrtou64() accepts a sign and zeros at the beginning. */
	if (!isdigit(text[0]) || (text[0] == '0' && isdigit(text[1])) ||
	    kstrtou64(text, 10, &generation))
		return -EINVAL;

	guard(mutex)(&dev->lock);
	if (generation && !has_evidence(dev))
		return -ENODATA;
	if (generation && generation != dev->evidence.generation)
		return -ESTALE;
	dev->evidence.admitted = generation;
	return 0;
}

/**
 * vfio_tsm_check_policy() - check whether the policy allows a bind at the moment
 * @dev: the device, between vfio_tsm_bind_begin() and vfio_tsm_bind_end()
 * @stage: gets the check that failed
 *
 * The driver calls this before the TSM binds the device, and again afterwards. If the device
 * is disconnected and connected in the middle of a bind, the evidence of the first
 * connection is forgotten before the TSM can bind in the second one.
 *
 * Return: 0; -EACCES if bind_allowed is 0, or if the device has to be admitted and is not.
 */
int vfio_tsm_check_policy(struct vfio_tsm_dev *dev, enum vfio_tsm_stage *stage)
{
	guard(mutex)(&dev->lock);
	*stage = VFIO_TSM_STAGE_DENIED;
	if (!dev->policy.bind_allowed)
		return -EACCES;
	*stage = VFIO_TSM_STAGE_ADMISSION;
	if (dev->policy.admission == VFIO_TSM_ADMISSION_REQUIRED && !vfio_tsm_is_admitted(dev))
		return -EACCES;
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_tsm_check_policy);

/* The functions below are called under vfio_tsm_dev::lock. Each returns the length. */

int vfio_tsm_format_admission(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_admission_words[dev->policy.admission]);
}

int vfio_tsm_format_admitted(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%llu\n", vfio_tsm_is_admitted(dev) ? dev->evidence.admitted : 0);
}
