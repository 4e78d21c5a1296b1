// SPDX-License-Identifier: GPL-2.0-or-later
/* The holder: binds a device as a TDI, and runs until it is stopped, see hold.h. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <syslog.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/control.h"
#include "helper/hold.h"
#include "helper/lock.h"
#include "helper/sandbox.h"
#include "helper/signals.h"
#include "helper/start.h"
#include "helper/step.h"
#include "helper/systemd.h"
#include "helper/vdevice.h"

static const struct cause lock_causes[] = {
	{ -EBUSY, EXIT_BUSY, "another tsm-bind-helper holds it",
	  "'tsmctl show @' shows its state; 'tsmctl unbind @' ends the other holder" },
	{}
};

static const struct cause cdev_causes[] = {
	{ -ENOENT, EXIT_UNSUPPORTED, "its node in /dev/vfio/devices is missing",
	  "start udev or mount devtmpfs, which make it" },
	{ -ENXIO, EXIT_FAILED, "its node in /dev/vfio/devices is not the device that sysfs names",
	  "remove the node, and let udev or devtmpfs make it again" },
	{}
};

static const struct cause iommufd_causes[] = {
	{ -ENOENT, EXIT_UNSUPPORTED, "there is no /dev/iommu",
	  "run 'tsmctl load', on a kernel with CONFIG_IOMMUFD" },
	{ -ENODEV, EXIT_UNSUPPORTED, "/dev/iommu has no driver", LOAD_HINT },
	{}
};

static const struct cause kvm_causes[] = {
	{ -ENOENT, EXIT_UNSUPPORTED, "no KVM: there is no /dev/kvm",
	  "enable virtualization in the firmware, and run 'tsmctl load'" },
	{ -ENODEV, EXIT_UNSUPPORTED, "no KVM: /dev/kvm has no driver", LOAD_HINT },
	{}
};

static const struct cause vfio_causes[] = {
	{ -ENODEV, EXIT_UNSUPPORTED, "KVM has no vfio device",
	  "run 'tsmctl load', on a kernel with CONFIG_KVM_VFIO" },
	{}
};

static const struct cause open_causes[] = {
	/* the kernel returns this if the cdev is open already */
	{ -EINVAL, EXIT_BUSY, "another process has it open, or it cannot be opened",
	  "'tsmctl show @' shows its owner; 'dmesg' may show another cause" },
	{ -EBUSY, EXIT_BUSY, "its regions, or another device of its IOMMU group, are in use",
	  "run 'tsmctl doctor @'; assign or release its whole IOMMU group; unbind functions whose PF "
	  "or function 0 it is; /proc/iomem shows what uses its regions" },
	{ -EPERM, EXIT_UNSUPPORTED,
	  "its IOMMU does not isolate interrupts, or another iommufd or container has its group",
	  "enable interrupt remapping (on a test host: iommufd.allow_unsafe_interrupts=1), or close "
	  "the other devices of its group" },
	{}
};

static const struct cause vdevice_causes[] = {
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED,
	  "its IOMMU has no vIOMMUs, or the kernel does not support them",
	  "use --vdevice never, and 'tsmctl tdi-id @ ID' for the guest's requester ID" },
	{ -ENOTTY, EXIT_UNSUPPORTED, "the kernel's iommufd has no vIOMMUs",
	  "use --vdevice never, and 'tsmctl tdi-id @ ID' for the guest's requester ID" },
	{ -ENODATA, EXIT_FAILED, "the requester ID that the guest sees is not known",
	  "give it with --guest-id, or configure it with 'tsmctl tdi-id @ ID'" },
	{}
};

static const struct cause id_causes[] = {
	{ -EINVAL, EXIT_FAILED,
	  "the bind took the configured TDI id, which is not the one of --guest-id",
	  "run 'tsmctl tdi-id @ ID' with the address that the guest sees" },
	{}
};

static const struct cause control_causes[] = {
	{ -EEXIST, EXIT_NOT_PERMITTED, "the path of its control socket exists and is not a socket",
	  "remove @.sock from the run directory" },
	{}
};

/*
 * The steps to a device that is bound and held. KVM must have the file before the file gets
 * its iommufd: only then does vfio note which VM the device belongs to.
 */
static const struct step hold_steps[] = {
	{ "lock", lock_device, lock_causes, false },
	{ "find cdev", cdev_find, find_causes, false },
	{ "make control socket", control_listen, control_causes, false },
	{ "open cdev", cdev_open, cdev_causes, false },
	{ "open iommufd", session_open_iommufd, iommufd_causes, false },
	{ "open kvm", session_open_kvm, kvm_causes, false },
	{ "create vm", session_create_vm, NULL, false },
	{ "create vfio device of vm", session_create_vfio, vfio_causes, false },
	{ "add file to vm", session_add_file, NULL, false },
	{ "bind iommufd", session_bind_iommufd, open_causes, false },
	{ "allocate ioas", session_alloc_ioas, NULL, false },
	{ "make vdevice", vdevice_make, vdevice_causes, false },
	{ "attach", session_attach, NULL, false },
	{ "watch requests", cdev_watch, NULL, false },
	{ "enable decode", cdev_enable, NULL, false },
	{ "bind", vdevice_bind, bind_causes, true },
	{ "check guest id", vdevice_check, id_causes, false },
	{ "start tdi", start_tdi, start_causes, false },
	{},
};

/* Waits until the holder has to end. Return: the reason, as it is reported. */
static const char *wait_for_end(const struct session *s, int signals, struct conn *asking)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = s->request, .events = POLLIN },
		{ .fd = s->control, .events = POLLIN },
		{ .fd = s->event, .events = POLLIN },
	};
	eventfd_t count;
	char loss[16];

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return "failure";
		if (fds[0].revents)
			return "signal";
		if (fds[1].revents)
			return "request";
		/* a revoke leaves the device to the helper */
		if (fds[3].revents && !eventfd_read(s->event, &count) &&
		    cdev_is_lost(s, loss, sizeof(loss)))
			return "lost";
		if ((fds[2].revents & POLLIN) && control_ask(s, asking))
			return "control";
	}
}

static int finish(struct session *s, const char *reason, struct conn *asking)
{
	char loss[16];
	bool lost = (streq(reason, "request") || streq(reason, "lost")) &&
		    cdev_is_lost(s, loss, sizeof(loss));
	struct json_object *obj;
	struct verdict v;
	int ret;

	systemd_tell("STOPPING=1");
	ret = session_close(s);
	v = (struct verdict){
		.err = ret,
		.code = exit_code_of(ret),
		.step = "unbind",
		.message = "the kernel refused to unbind the device; the holder closed it"
	};
	if (asking->fd >= 0)
		control_done(s, asking, ret ? &v : NULL);
	control_remove(s);
	unlock_device(s);
	if (ret)
		return say_verdict(s->name, &v);
	obj = say_event(lost ? "lost" : "unbound", s->name);
	json_object_object_add(obj, "reason", json_object_new_string(lost ? loss : reason));
	/* the device is free, so a failure to write the line does not count */
	say(lost ? LOG_ERR : LOG_INFO, obj);
	return lost ? EXIT_FAILED : EXIT_DONE;
}

/* Drops what only the steps before needed. */
static int restrict_more(const struct session *s)
{
	int ret = sandbox_caps(NULL, 0) ?: sandbox_filter(SANDBOX_HOLD);

	if (ret)
		say_failure(s->name, "drop privileges", ret, "cannot drop its privileges", NULL);
	return ret;
}

static int give_up(struct session *s)
{
	session_close(s);
	control_remove(s);
	unlock_device(s);
	return EXIT_FAILED;
}

int hold(struct invocation *in)
{
	struct conn asking = { .fd = -1, .file = -1, .buffer = -1 };
	cleanup_fd int signals = signals_watch(false);
	struct session *s = &in->s;
	struct verdict v;

	if (signals < 0)
		return say_failure(s->name, "isolate", signals,
				   "cannot set up its handling of signals", NULL);
	if (steps_run(s, hold_steps, &v)) {
		give_up(s);
		return say_verdict(s->name, &v);
	}
	if (restrict_more(s))
		return give_up(s);
	/* without this line, the caller would not see the bind, and would never end it */
	if (say_bound(s, getpid()))
		return give_up(s);
	systemd_tell("READY=1\nSTATUS=The device is bound");
	return finish(s, wait_for_end(s, signals, &asking), &asking);
}
