// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_tsm: /sys/kernel/config/vfio_tsm/, where the administrator of a
 * confidential-computing host writes what may be bound, and how, and reads what
 * is bound. It is a module of its own, so that policy can exist before the
 * driver, and outlives it.
 */
#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

enum vfio_tsm_region_mode vfio_tsm_default_mode = VFIO_TSM_REGIONS_EXCLUSIVE;

static int parse_default_mode(const char *text)
{
	int mode = sysfs_match_string(vfio_tsm_region_mode_words, text);

	return mode == VFIO_TSM_REGIONS_UNSET ? -EINVAL : mode;
}

static int default_mode_param_set(const char *val, const struct kernel_param *kp)
{
	int mode = parse_default_mode(val);

	if (mode < 0)
		return mode;
	vfio_tsm_default_mode = mode;
	return 0;
}

static const struct kernel_param_ops default_mode_param_ops = {
	.set = default_mode_param_set,
};

/* The parameter is not visible in sysfs: after loading, configfs has the value. */
module_param_cb(default_region_mode, &default_mode_param_ops, NULL, 0);
MODULE_PARM_DESC(default_region_mode,
		 "First value of default_region_mode: exclusive (the default) or shared");

static ssize_t default_region_mode_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  vfio_tsm_region_mode_words[READ_ONCE(vfio_tsm_default_mode)]);
}

static ssize_t default_region_mode_store(struct config_item *item, const char *page, size_t len)
{
	int mode = parse_default_mode(page);

	if (mode < 0)
		return mode;

	WRITE_ONCE(vfio_tsm_default_mode, mode);
	return len;
}

CONFIGFS_ATTR(, default_region_mode);

static struct configfs_attribute *root_attrs[] = {
	&attr_default_region_mode,
	NULL,
};

static struct vfio_tsm_dir *to_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct vfio_tsm_dir, group);
}

static void dir_release(struct config_item *item)
{
	struct vfio_tsm_dir *dir = to_dir(item);

	vfio_tsm_put(dir->dev);
	kfree(dir);
}

static const struct configfs_item_operations dir_ops = {
	.release = dir_release,
};

static const struct config_item_type dir_type = {
	.ct_item_ops = &dir_ops,
	.ct_owner = THIS_MODULE,
};

static bool is_present(unsigned long index)
{
	struct pci_dev *pdev __free(pci_dev_put) =
		pci_get_domain_bus_and_slot(index >> 16, PCI_BUS_NUM(index), index & 0xff);

	return pdev;
}

static struct config_group *make_dir(struct config_group *group, const char *name)
{
	struct vfio_tsm_dir *dir __free(kfree) = kzalloc_obj(*dir);
	struct vfio_tsm_dev *dev;
	unsigned long index;
	int ret;

	ret = vfio_tsm_parse_addr(name, &index);
	if (ret)
		return ERR_PTR(ret);

	dev = dir ? vfio_tsm_get(index) : ERR_PTR(-ENOMEM);
	if (IS_ERR(dev))
		return ERR_CAST(dev);

	dir->dev = dev;
	INIT_DELAYED_WORK(&dir->pin, vfio_tsm_pin_work);
	config_group_init_type_name(&dir->group, name, &dir_type);
	config_group_init_type_name(&dir->tsm, "tsm", &vfio_tsm_attrs_type);
	configfs_add_default_group(&dir->tsm, &dir->group);

	guard(mutex)(&dev->lock);
	dev->dir = dir;
	/* Under the lock, so that a later change by bus_notify() stays. */
	if (dev->state == VFIO_TSM_ABSENT && is_present(index))
		dev->state = VFIO_TSM_UNASSIGNED;
	if (dev->in_use)
		vfio_tsm_pin_later(dir, 0);
	return &no_free_ptr(dir)->group;
}

static void drop_dir(struct config_group *group, struct config_item *item)
{
	struct vfio_tsm_dir *dir = to_dir(item);

	scoped_guard(mutex, &dir->dev->lock) {
		dir->dev->dir = NULL;
		dir->dev->policy = VFIO_TSM_DEFAULT_POLICY;
		dir->dev->evidence.admitted = 0;
	}
	/* A timer would outlive the module. The module's exit waits for work that runs. */
	if (cancel_delayed_work(&dir->pin))
		config_item_put(item);
	config_item_put(item);
}

static const struct configfs_group_operations root_ops = {
	.make_group = make_dir,
	.drop_item = drop_dir,
};

static const struct config_item_type root_type = {
	.ct_group_ops = &root_ops,
	.ct_attrs = root_attrs,
	.ct_owner = THIS_MODULE,
};

struct configfs_subsystem vfio_tsm_subsys = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "vfio_tsm",
			.ci_type = &root_type,
		},
	},
};

/**
 * vfio_tsm_version() - the version of this module
 *
 * Return: the text that MODULE_VERSION() has.
 *
 * Context: any.
 */
const char *vfio_tsm_version(void)
{
	return TSMCTL_VERSION;
}
EXPORT_SYMBOL_GPL(vfio_tsm_version);

static int __init vfio_tsm_init(void)
{
	int ret;

	config_group_init(&vfio_tsm_subsys.su_group);
	mutex_init(&vfio_tsm_subsys.su_mutex);

	ret = vfio_tsm_devices_init();
	if (ret)
		return ret;

	ret = configfs_register_subsystem(&vfio_tsm_subsys);
	if (ret)
		vfio_tsm_devices_exit();
	return ret;
}
module_init(vfio_tsm_init);

static void __exit vfio_tsm_exit(void)
{
	configfs_unregister_subsystem(&vfio_tsm_subsys);
	vfio_tsm_devices_exit();
	mutex_destroy(&vfio_tsm_subsys.su_mutex);
}
module_exit(vfio_tsm_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(TSMCTL_VERSION);
MODULE_DESCRIPTION("Policy and state of VFIO devices that are bound as TDIs");
