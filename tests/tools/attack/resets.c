// SPDX-License-Identifier: GPL-2.0-or-later
/* Resets: by the owner, by root, and by a sibling on the same bus. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include "attack.h"

static int reset_by_root(const char *addr)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", addr);
	excuse_begin(&resets);
	ret = write_text(path, "1");
	excuse_end(&resets);
	return ret;
}

/* Resets all functions below the bridge. VFIO requires that they have the same iommufd. */
static int hot_reset_by(int fd)
{
	struct vfio_pci_hot_reset arg = { .argsz = sizeof(arg) };

	return call(fd, VFIO_DEVICE_PCI_HOT_RESET, &arg);
}

int ioctl_reset(__attribute__((unused)) struct thread *t)
{
	return call(victim.fd, VFIO_DEVICE_RESET, NULL);
}

int hot_reset(__attribute__((unused)) struct thread *t)
{
	return hot_reset_by(victim.fd);
}

int hot_reset_info(struct thread *t)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device devices[8];
	} arg = { .info.argsz = one_in(t, 4) ? below(t, sizeof(arg)) : sizeof(arg) };

	return call(one_in(t, 4) ? sibling.fd : victim.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
		    &arg);
}

int sysfs_reset(__attribute__((unused)) struct thread *t)
{
	return reset_by_root(victim.addr);
}

/* The root port above resets its bus. */
int bridge_reset(__attribute__((unused)) struct thread *t)
{
	char path[PATH_MAX], target[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", victim.addr);
	if (!realpath(path, target))
		return -errno;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_subordinate",
		 basename(dirname(target)));
	excuse_begin(&resets);
	ret = write_text(path, "1");
	excuse_end(&resets);
	return ret;
}

int sibling_reset(__attribute__((unused)) struct thread *t)
{
	return call(sibling.fd, VFIO_DEVICE_RESET, NULL);
}

int sibling_hot_reset(__attribute__((unused)) struct thread *t)
{
	return hot_reset_by(sibling.fd);
}

int sibling_sysfs_reset(__attribute__((unused)) struct thread *t)
{
	return reset_by_root(sibling.addr);
}

/* Root turns on the reset methods that the driver has turned off. */
int forced_reset(__attribute__((unused)) struct thread *t)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", victim.addr);
	excuse_begin(&forces);
	ret = write_text(path, "flr");
	if (!ret)
		ret = reset_by_root(victim.addr);
	oracle_look_after();
	excuse_end(&forces);
	return ret;
}
