// SPDX-License-Identifier: GPL-2.0-or-later
/* Why a bind is refused, and the next step, see stage.h. */
#include <errno.h>

#include "common/stage.h"
#include "common/util.h"

/* The last row of a stage is for every errno that no earlier row of the stage has. */
static const struct stage stages[] = {
	{ "regions", -EPERM, EXIT_NOT_PERMITTED, "its regions are shared",
	  "close it if it is open, run 'tsmctl mode @ exclusive', and bind again" },
	{ "bar", -ENOSPC, EXIT_FAILED, "the kernel has no address for one of its BARs",
	  "run 'dmesg'; if it shows 'failed to assign' for the device, boot with pci=realloc" },
	{ "denied", -EACCES, EXIT_NOT_PERMITTED, "its policy forbids a bind",
	  "run 'tsmctl allow @'" },
	{ "mapped", -EBUSY, EXIT_BUSY, "user space has its BARs mapped",
	  "start the VMM with x-no-mmap=on, or run 'tsmctl mode @ --bar-mmap revoke'" },
	{ "ioeventfd", -EBUSY, EXIT_BUSY, "an ioeventfd writes to its BARs",
	  "start the VMM with x-no-kvm-ioeventfd=on" },
	{ "kvm", -EINVAL, EXIT_FAILED,
	  "its file was not added to a VM before it was bound to iommufd",
	  "start QEMU with -accel kvm; another VMM must do KVM_DEV_VFIO_FILE_ADD before it binds to iommufd" },
	{ "tdi-id", -ENODATA, EXIT_FAILED, "no TDI id is configured",
	  "run 'tsmctl tdi-id @ ID' with the address that the guest sees" },
	{ "vdevice", -ENOENT, EXIT_FAILED, "its iommufd has no vDEVICE of this device with that id",
	  "use the id that IOMMU_VDEVICE_ALLOC returned to the VMM" },
	{ "vdevice", -EOVERFLOW, EXIT_FAILED, "the virt_id of the vDEVICE is not a requester ID",
	  "have the VMM use segment << 16 | BDF, which fits into 32 bits" },
	{ "vdevice", -EOPNOTSUPP, EXIT_UNSUPPORTED, "this kernel's iommufd cannot look up vDEVICEs",
	  "run 'tsmctl tdi-id @ ID', and bind without a vDEVICE" },
	{ "group", -EBUSY, EXIT_BUSY,
	  "a function of its IOMMU group is on another driver, or its PF or DSM is on another VFIO driver",
	  "run 'tsmctl assign' for each device in /sys/bus/pci/devices/@/iommu_group/devices, its PF and function 0" },
	{ "not-connected", -ENXIO, EXIT_UNSUPPORTED,
	  "it is not connected to a TSM, or its last bind was lost",
	  "run 'tsmctl connect @', or 'tsmctl unbind @' if its state is lost" },
	{ "no-bind", -ENXIO, EXIT_UNSUPPORTED, "a TSM of this host cannot bind",
	  "install the TSM driver of the platform; no TSM driver in Linux up to 7.3 implements bind" },
	{ "admission", -EACCES, EXIT_NOT_PERMITTED,
	  "its admission is required, and its present evidence was not admitted",
	  "run 'tsmctl evidence @'" },
	{ "power", -EHOSTDOWN, EXIT_FAILED, POWER_CAUSE ", or the host resets or suspends it",
	  POWER_HINT },
	{ "command", -EHOSTDOWN, EXIT_FAILED, "memory decode or bus mastering is off",
	  "have the VMM set Memory Space Enable and Bus Master Enable in the Command register before it binds" },
	{ "foreign", -EBUSY, EXIT_BUSY, FOREIGN_CAUSE, FOREIGN_HINT },
	{ "quarantined", -EBUSY, EXIT_BUSY, QUARANTINED_CAUSE, QUARANTINED_HINT },
	{ "tsm", -EBUSY, EXIT_BUSY,
	  "the TSM refused the bind: it is busy, or has the function locked", LOG_HINT },
	{ "tsm", 0, EXIT_FAILED, "the TSM refused the bind", LOG_HINT },
};

/* Where tsmctl refuses a bind before it asks the driver. */
static const struct stage early[] = {
	{ "iommu", -ENODEV, EXIT_UNSUPPORTED, NO_IOMMU_CAUSE, NO_IOMMU_HINT },
	{ "driver", -EOPNOTSUPP, EXIT_UNSUPPORTED, "it is not assigned", "run 'tsmctl assign @'" },
	{ "group-owner", -EPERM, EXIT_BUSY,
	  "another process uses its IOMMU group, and a group can have only one iommufd",
	  "stop that process; or have it open @ with the same iommufd, and run 'tsmctl bind @'" },
	{ "lost", -EBUSY, EXIT_BUSY, "its last bind was lost",
	  "run 'tsmctl unbind @', and bind it again" },
};

static const struct stage *find(const struct stage *table, size_t rows, const char *name, int err)
{
	const struct stage *found = NULL;

	for (size_t i = 0; i < rows; i++) {
		if (!streq(table[i].name, name))
			continue;
		found = &table[i];
		if (found->err == err)
			return found;
	}
	return found;
}

const struct stage *stage_find(const char *name, int err)
{
	return find(stages, ARRAY_SIZE(stages), name, err) ?:
		       find(early, ARRAY_SIZE(early), name, err);
}

const struct stage *stage_guess(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i].err == err)
			return &stages[i];
	return NULL;
}

const struct stage *stage_next(const struct stage *s)
{
	s = s ? s + 1 : stages;
	return s < stages + ARRAY_SIZE(stages) ? s : NULL;
}

const char *stage_parse(const char *text, int *err)
{
	char *end;
	long v = strtol(text, &end, 10);

	*err = v < 0 && v > -4096 ? (int)v : 0;
	if (!*err || *end != ' ' || !end[1])
		return NULL;
	return end + 1;
}
