// SPDX-License-Identifier: GPL-2.0-only
/* The arguments of the ioctls of <linux/vfio_tsm.h>. */
#include <linux/uaccess.h>

#include "arg.h"

/**
 * vfio_pci_tsm_copy_arg() - copy the argument of an ioctl, which begins with its size, once
 * @dst: gets the copy
 * @size: size of the structure in this kernel; what the caller passes beyond it must be 0
 * @minsz: size of the first version of the structure; what the caller does not pass is 0
 * @arg: user address of the argument
 *
 * Return: 0; -EFAULT, -EINVAL or -E2BIG as in <linux/vfio_tsm.h>.
 */
int vfio_pci_tsm_copy_arg(void *dst, size_t size, size_t minsz, unsigned long arg)
{
	u32 argsz;
	int ret;

	ret = get_user(argsz, (u32 __user *)arg);
	if (ret)
		return ret;
	if (argsz < minsz)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(dst, size, (void __user *)arg, argsz);
	/* Another thread may have changed the size since. */
	*(u32 *)dst = argsz;
	return ret;
}
