// SPDX-License-Identifier: GPL-2.0-or-later
/* Why a bind was refused, and the next step, see stages.h. */
#include <errno.h>

#include "host/policy.h"
#include "host/stages.h"
#include "report.h"

/* In a hint, @ stands for the device's address. */
static const struct stage {
	const char *stage;
	const char *message;
	const char *hint;
	enum exit_code code;
} stages[] = {
	{ "regions", "it was opened with shared regions",
	  "close it, run 'tsmctl mode @ exclusive', and bind again", EXIT_NOT_PERMITTED },
	{ "mapped", "user space has its BARs mapped",
	  "start the VMM with x-no-mmap=on, or run 'tsmctl mode @ --bar-mmap revoke'", EXIT_BUSY },
	{ "ioeventfd", "an ioeventfd writes to its BARs",
	  "start the VMM with x-no-kvm-ioeventfd=on", EXIT_BUSY },
	{ "denied", "the administrator forbids to bind it", "run 'tsmctl allow @'",
	  EXIT_NOT_PERMITTED },
	{ "kvm", "its file was not added to a VM before it was bound to iommufd",
	  "start QEMU with -accel kvm; a VMM does KVM_DEV_VFIO_FILE_ADD before it binds to iommufd",
	  EXIT_FAILED },
	{ "vdevice", "the iommufd vdevice cannot be used",
	  "use 'tsmctl tdi-id @ ID' and no vDEVICE, or a kernel with the vDEVICE patch",
	  EXIT_UNSUPPORTED },
	{ "tdi-id", "no TDI id is configured",
	  "run 'tsmctl tdi-id @ ID' with the address that the guest sees", EXIT_FAILED },
	{ "power", "it is not in power state D0, or the host resets or suspends it",
	  "set power/control of it, its PF and function 0 to on in sysfs, and bind again",
	  EXIT_FAILED },
	{ "group", "another function of its IOMMU group is on another driver",
	  "run 'tsmctl assign' for each of /sys/bus/pci/devices/@/iommu_group/devices", EXIT_BUSY },
	{ "command", "memory decode or bus mastering is off",
	  "let the VMM set both bits in the Command register first", EXIT_FAILED },
	{ "not-connected", "it is not connected to a TSM that can bind",
	  "run 'tsmctl connect @', or connect its PF or function 0", EXIT_UNSUPPORTED },
	{ "tsm", "the TSM refused", "the kernel log may say more: 'dmesg'", EXIT_FAILED },
};

const char *stage_parse(const char *text, int *err)
{
	char *end;
	long v = strtol(text, &end, 10);

	*err = v < 0 && v > -4096 ? (int)v : 0;
	if (!*err || *end != ' ' || !end[1])
		return NULL;
	return end + 1;
}

static const struct stage *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (streq(stages[i].stage, name))
			return &stages[i];
	return NULL;
}

const char *stage_explain(const char *name, const char *stage, char *hint, size_t size)
{
	const struct stage *s = find(stage);

	if (!s)
		return NULL;
	util_fill(hint, size, s->hint, name);
	return s->message;
}

bool stage_report(struct ctx *ctx, const struct pci_device *dev, int err)
{
	struct problem p = { .device = dev->name, .attribute = "bound", .value = "1", .err = err };
	char text[ATTR_MAX];
	const struct stage *s;
	int last;

	if (policy_get(ctx, dev, "last_error", text))
		return false;
	p.stage = stage_parse(text, &last);
	s = p.stage && last == err ? find(p.stage) : NULL;
	if (!s)
		return false;
	p.hint = s->hint;
	p.code = s->code;
	report_error(ctx, &p, "bind refused: %s (%s)", s->message, strerrorname_np(-err) ?: "?");
	return true;
}

int stage_foresee(struct ctx *ctx, const struct pci_device *dev, const char *stage, int err)
{
	struct problem p = {
		.device = dev->name, .attribute = "bound", .value = "1", .err = err, .stage = stage
	};
	const struct stage *s = find(stage);

	if (!s)
		return 0;
	p.hint = s->hint;
	p.code = s->code;
	return report_error(ctx, &p, "a bind would be refused: %s", s->message);
}
