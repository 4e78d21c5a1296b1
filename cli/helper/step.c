// SPDX-License-Identifier: GPL-2.0-or-later
/* Taking steps, and what their errors mean, see step.h. */
#include <errno.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/step.h"

const struct cause find_causes[] = {
	{ -ENODEV, NULL, EXIT_NO_DEVICE, "no such device", "'lspci -D' shows the addresses" },
	{ -ENXIO, NULL, EXIT_UNSUPPORTED, "no vfio driver has it, or the kernel has no vfio cdev",
	  "run 'tsmctl assign', on a kernel with CONFIG_VFIO_DEVICE_CDEV" },
	{}
};

const struct cause bind_causes[] = {
	{ -ENOTTY, NULL, EXIT_UNSUPPORTED, "its driver cannot bind", "run 'tsmctl assign'" },
	{ -EALREADY, NULL, EXIT_BUSY, "it is bound already", NULL },
	{ -EPERM, NULL, EXIT_NOT_PERMITTED, "it was opened with shared regions",
	  "close it, run 'tsmctl mode DEVICE exclusive', open it and bind again" },
	{ -EACCES, NULL, EXIT_NOT_PERMITTED, "the administrator forbids to bind it",
	  "run 'tsmctl allow DEVICE'" },
	{ -EBUSY, "ioeventfd", EXIT_BUSY, "an ioeventfd writes to its BARs",
	  "start the VMM with x-no-kvm-ioeventfd=on" },
	{ -EBUSY, "group", EXIT_BUSY, "another function of its IOMMU group is on another driver",
	  "run 'tsmctl assign' for each function of the group" },
	{ -EBUSY, NULL, EXIT_BUSY, "a BAR is mapped by user space",
	  "start the VMM with x-no-mmap=on, or run 'tsmctl mode DEVICE --bar-mmap revoke'" },
	{ -EINVAL, NULL, EXIT_FAILED, "the driver knows of no VM",
	  "a VMM needs KVM, and must give it the file before it gives the file its iommufd" },
	{ -ENODATA, NULL, EXIT_FAILED, "no TDI id is configured",
	  "run 'tsmctl tdi-id DEVICE ID' with the address that the guest sees" },
	{ -EOPNOTSUPP, NULL, EXIT_UNSUPPORTED,
	  "the TSM does not support it, or iommufd cannot look up vDEVICEs",
	  "'tsmctl show' has the stage in last_error; if it is vdevice, bind without a vDEVICE" },
	{ -ENXIO, NULL, EXIT_UNSUPPORTED,
	  "it is not connected to a TSM that can bind, or was lost and not unbound since",
	  "run 'tsmctl connect DEVICE', or 'tsmctl unbind DEVICE'" },
	{ -ENOENT, "vdevice", EXIT_FAILED, "its iommufd has no such vDEVICE of this device",
	  "the VMM knows the id, from IOMMU_VDEVICE_ALLOC" },
	{ -EOVERFLOW, "vdevice", EXIT_FAILED, "the vDEVICE's virt_id is no requester ID",
	  "it must fit into 32 bits: segment << 16 | BDF" },
	{ -EHOSTDOWN, NULL, EXIT_FAILED,
	  "it is not in D0, or memory decode or bus mastering is off",
	  "set power/control in sysfs to on, of it, its PF and function 0" },
	{}
};

const struct cause unbind_causes[] = { { -ENOTTY, NULL, EXIT_UNSUPPORTED, "its driver cannot bind",
					 "run 'tsmctl assign'" },
				       {} };

const struct cause *cause_find(const struct cause *a, int err, const char *stage)
{
	for (; a && a->err; a++)
		if (a->err == err && (!a->stage || streq(a->stage, stage)))
			return a;
	return NULL;
}

static void judge(const struct session *s, const struct step *step, int err, struct verdict *v)
{
	const struct cause *a;

	*v = (struct verdict){ .err = err, .step = step->name };
	if (err == -EPERM && s->fault.why[0]) {
		say_distrust(v, s->run_dir, &s->fault);
		return;
	}
	if (step->staged)
		cdev_refused_at(s, err, v->stage, sizeof(v->stage));
	a = cause_find(step->causes, err, v->stage);
	if (a && s->other)
		snprintf(v->message, sizeof(v->message), "%s (process %u)", a->message, s->other);
	else if (a)
		util_copy(v->message, sizeof(v->message), a->message);
	else
		snprintf(v->message, sizeof(v->message), "%s: %s", step->name, strerror(-err));
	v->hint = a && a->hint ? a->hint : errno_hint(err);
	v->code = a ? a->code : exit_code_of(err);
}

int steps_run(struct session *s, const struct step *list, struct verdict *v)
{
	int ret;

	for (const struct step *step = list; step->name; step++) {
		ret = step->run(s);
		if (!ret)
			continue;
		judge(s, step, ret, v);
		return ret;
	}
	return 0;
}
