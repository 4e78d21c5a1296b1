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
#include "helper/group.h"
#include "helper/hold.h"
#include "helper/join.h"
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

static const struct cause check_causes[] = { { -ENXIO, EXIT_FAILED,
					       "the file that was passed is not its cdev", NULL },
					     {} };

/* The lock and the open cdev: a helper can pass these to the holder of the IOMMU group. */
static const struct step open_steps[] = {
	{ "lock", lock_device, lock_causes, false },
	{ "find cdev", cdev_find, find_causes, false },
	{ "make control socket", control_listen, control_causes, false },
	{ "make group socket", join_listen, control_causes, false },
	{ "open cdev", cdev_open, cdev_causes, false },
	{},
};

/* An iommufd and a VM, for the first device of a holder */
static const struct step own_steps[] = {
	{ "open iommufd", session_open_iommufd, iommufd_causes, false },
	{ "open kvm", session_open_kvm, kvm_causes, false },
	{ "create vm", session_create_vm, NULL, false },
	{ "create vfio device of vm", session_create_vfio, vfio_causes, false },
	{},
};

/* Those of the first device, for the others */
static const struct step share_steps[] = {
	{ "share iommufd and vm", session_share, NULL, false },
	{},
};

static int check_cdev(struct session *s)
{
	return cdev_is(s, s->cdev) ? 0 : -ENXIO;
}

/* A device that another helper has opened and passed */
static const struct step take_steps[] = {
	{ "lock", lock_take_over, NULL, false },
	{ "find cdev", cdev_find, find_causes, false },
	{ "check cdev", check_cdev, check_causes, false },
	{},
};

#define IOMMUFD_STEP "bind iommufd"

/*
 * The steps to a device that is bound and held. KVM must have the file before the file gets
 * its iommufd: only then does vfio note which VM the device belongs to.
 */
static const struct step hold_steps[] = {
	{ "add file to vm", session_add_file, NULL, false },
	{ IOMMUFD_STEP, session_bind_iommufd, open_causes, false },
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

/**
 * struct holder - this process
 * @signals: from signals_watch()
 * @held: the devices that are bound
 * @count: how many
 * @code: exit code
 */
struct holder {
	int signals;
	struct session *held[DEVICES_MAX];
	size_t count;
	int code;
};

/* Closes a device that is not held any more, and removes its files. */
static void give_up(struct session *s)
{
	session_close(s);
	control_remove(s);
	unlock_device(s);
}

/* Binds a device. It is in the list then, or else it is open at most. */
static int bind_device(struct holder *h, struct session *s, const struct step *before,
		       struct verdict *v)
{
	int ret;

	s->mate = h->count ? h->held[0] : NULL;
	ret = steps_run(s, before, v)					 ?:
		      steps_run(s, s->mate ? share_steps : own_steps, v) ?:
		      steps_run(s, hold_steps, v);
	/* the other one may be closed before this one */
	s->mate = NULL;
	if (!ret)
		h->held[h->count++] = s;
	return ret;
}

/* Takes a device out of the list. */
static struct session *take_out(struct holder *h, size_t i)
{
	struct session *s = h->held[i];

	h->count--;
	for (; i < h->count; i++)
		h->held[i] = h->held[i + 1];
	return s;
}

static void tell_count(const struct holder *h)
{
	char text[64] = "STATUS=The device is bound";

	if (h->count != 1)
		snprintf(text, sizeof(text), "STATUS=%zu devices are bound", h->count);
	systemd_tell(text);
}

/* Unbinds device @i, and reports that. */
static void finish(struct holder *h, size_t i, const char *reason, struct conn *asking)
{
	struct session *s = take_out(h, i);
	char loss[16];
	bool lost = (streq(reason, "request") || streq(reason, "lost")) &&
		    cdev_is_lost(s, loss, sizeof(loss));
	struct json_object *obj;
	struct verdict v;
	int ret;

	if (!h->count)
		systemd_tell("STOPPING=1");
	ret = session_close(s);
	v = (struct verdict){
		.err = ret,
		.code = exit_code_of(ret),
		.step = "unbind",
		.message = "the kernel refused to unbind the device; the holder closed it"
	};
	control_remove(s);
	unlock_device(s);
	if (asking)
		control_done(s, asking, ret ? &v : NULL);
	if (ret) {
		h->code = say_verdict(s->name, &v);
	} else {
		obj = say_event(lost ? "lost" : "unbound", s->name);
		json_object_object_add(obj, "reason", json_object_new_string(lost ? loss : reason));
		/* the device is free, so a failure to write the line does not count */
		say(lost ? LOG_ERR : LOG_INFO, obj);
		h->code = lost ? EXIT_FAILED : h->code;
	}
	free(s);
	if (h->count)
		tell_count(h);
}

/* Binds a device that another helper passes. */
static void take_device(struct holder *h, const struct session *at)
{
	struct session *s = malloc(sizeof(*s));
	cleanup_fd int client = s ? join_accept(at, s) : -ENOMEM;
	struct group_user u;
	struct verdict v = { .err = -EMFILE,
			     .code = EXIT_BUSY,
			     .step = "share iommufd and vm",
			     .message = "the holder of its IOMMU group has too many devices",
			     .hint = "run 'tsmctl unbind' for another function of the group" };

	if (client < 0) {
		free(s);
	} else if (h->count == DEVICES_MAX || bind_device(h, s, take_steps, &v)) {
		if (streq(v.step, IOMMUFD_STEP)) {
			group_look(s, &u);
			group_explain(s, &u, &v);
		}
		/* the client removes the files in the run directory */
		session_close(s);
		join_files_close(s);
		join_reply(client, s, &v);
		free(s);
	} else if (!join_reply(client, s, NULL)) {
		/* its caller does not know of the bind, and would never end it */
		finish(h, h->count - 1, "failure", NULL);
	} else {
		say_bound(s, getpid());
		tell_count(h);
	}
}

/* Handles what has happened to device @i. Return: whether something has. */
static bool look(struct holder *h, size_t i, const struct pollfd *fds)
{
	struct conn asking = { .fd = -1, .file = -1, .buffer = -1 };
	struct session *s = h->held[i];
	eventfd_t count;
	char loss[16];

	if (fds[0].revents)
		finish(h, i, "request", NULL);
	/* a revoke leaves the device to the helper */
	else if (fds[1].revents && !eventfd_read(s->event, &count) &&
		 cdev_is_lost(s, loss, sizeof(loss)))
		finish(h, i, "lost", NULL);
	else if ((fds[2].revents & POLLIN) && control_ask(s, &asking))
		finish(h, i, "control", &asking);
	else if (fds[3].revents & POLLIN)
		take_device(h, s);
	else
		return fds[1].revents || fds[2].revents;
	return true;
}

#define FDS 4

/* Holds the devices until each of them has been given back. */
static void hold_all(struct holder *h)
{
	struct pollfd fds[1 + FDS * DEVICES_MAX] = { { .fd = h->signals, .events = POLLIN } };
	const char *end = NULL;

	while (h->count && !end) {
		for (size_t i = 0; i < h->count; i++) {
			const struct session *s = h->held[i];
			const int watched[FDS] = { s->request, s->event, s->control, s->join };

			for (size_t k = 0; k < FDS; k++)
				fds[1 + FDS * i + k] =
					(struct pollfd){ .fd = watched[k], .events = POLLIN };
		}
		if (poll(fds, 1 + FDS * h->count, -1) < 0 && errno != EINTR)
			end = "failure";
		else if (fds[0].revents)
			end = "signal";
		/* each of these may change the list */
		for (size_t i = 0; !end && i < h->count; i++)
			if (look(h, i, &fds[1 + FDS * i]))
				break;
	}
	while (h->count)
		finish(h, h->count - 1, end, NULL);
}

/* Drops what only the steps before needed. */
static int restrict_more(const struct session *s)
{
	int ret = sandbox_caps(NULL, 0) ?: sandbox_filter(SANDBOX_HOLD);

	if (ret)
		say_failure(s->name, "drop privileges", ret, "cannot drop its privileges", NULL);
	return ret;
}

static int give_up_all(struct holder *h)
{
	while (h->count) {
		struct session *s = take_out(h, h->count - 1);

		give_up(s);
		free(s);
	}
	return EXIT_FAILED;
}

/* Has another function's holder bind the device. Return: an exit code. */
static int join_holder(const struct holder *h, struct session *s, const struct group_user *u)
{
	struct join_answer a;
	cleanup_fd int client = -1;
	struct verdict v;
	int ret;

	session_leave(s);
	ret = join_ask(s, u->name, h->signals, &a, &client);
	/* the holder may be at work on the device: it unbinds the device and removes the files */
	if (ret == -EINTR)
		join_files_close(s);
	if (ret || a.err) {
		give_up(s);
		join_explain(ret, &a, u, &v);
		return say_verdict(s->name, &v);
	}
	/* when the caller knows of the bind, only the holder has the device open */
	join_files_close(s);
	session_close(s);
	s->vdevice = a.vdevice;
	util_copy(s->tdi_id, sizeof(s->tdi_id), a.tdi_id);
	util_copy(s->fallback, sizeof(s->fallback), a.fallback);
	if (say_bound(s, a.pid))
		return EXIT_FAILED;
	join_confirm(client);
	return EXIT_DONE;
}

/* Binds the first or only device, or reports why that failed. Return: an exit code. */
static int fail(const struct holder *h, const struct invocation *in, struct session *s,
		struct verdict *v)
{
	struct group_user u;

	if (streq(v->step, IOMMUFD_STEP)) {
		group_look(s, &u);
		if (v->err == -EPERM && u.held && in->count == 1 && !in->notify)
			return join_holder(h, s, &u);
		group_explain(s, &u, v);
	}
	give_up(s);
	return say_verdict(s->name, v);
}

/* Binds the devices of the command line. Return: an exit code. */
static int bind_all(struct holder *h, const struct invocation *in)
{
	struct verdict v;
	int code;

	for (size_t i = 0; i < in->count; i++) {
		struct session *s = malloc(sizeof(*s));

		if (!s)
			return say_failure(in->names[i], "hold", -ENOMEM, strerror(ENOMEM), NULL);
		*s = in->s;
		util_copy(s->name, sizeof(s->name), in->names[i]);
		if (!bind_device(h, s, open_steps, &v))
			continue;
		code = fail(h, in, s, &v);
		free(s);
		return code;
	}
	return EXIT_DONE;
}

int hold(struct invocation *in)
{
	cleanup_fd int signals = signals_watch(false);
	struct holder h = { .signals = signals };
	int code;

	if (signals < 0)
		return say_failure(in->s.name, "isolate", signals,
				   "cannot set up its handling of signals", NULL);
	code = bind_all(&h, in);
	/* another holder may have bound it */
	if (code != EXIT_DONE || !h.count) {
		give_up_all(&h);
		return code;
	}
	if (restrict_more(h.held[0]))
		return give_up_all(&h);
	for (size_t i = 0; i < h.count; i++)
		/* without these lines, the caller would not see the bind, and would never end it */
		if (say_bound(h.held[i], getpid()))
			return give_up_all(&h);
	systemd_tell("READY=1");
	tell_count(&h);
	hold_all(&h);
	return h.code;
}
