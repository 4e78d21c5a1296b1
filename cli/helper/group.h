/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other functions of a device's IOMMU group. The kernel gives a group to one iommufd. */
#ifndef TSM_HELPER_GROUP_H
#define TSM_HELPER_GROUP_H

#include "helper/say.h"

/**
 * struct group_user - another function of the group that keeps the group from this process
 * @name: its address, "" if there is none
 * @driver: its driver
 * @pid: the process that has it open, or 0 if that is not known
 * @held: that process is a holder
 */
struct group_user {
	char name[PCI_NAME_LEN];
	char driver[32];
	unsigned int pid;
	bool held;
};

/**
 * group_look() - find out which other function of the group is in use
 * @s: session
 * @u: out: one that a holder has, else one that a process has open, else one on a driver that
 *	may use it
 */
void group_look(const struct session *s, struct group_user *u);

/**
 * group_explain() - why a device could not be given to an iommufd
 * @s: session
 * @u: from group_look()
 * @v: the verdict; for EPERM, and for EBUSY of a function 0 that others rely on, its exit code,
 *	message and hint are replaced
 */
void group_explain(const struct session *s, const struct group_user *u, struct verdict *v);

#endif
