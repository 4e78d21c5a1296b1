// SPDX-License-Identifier: GPL-2.0-or-later
/* The stand-alone holder: binds a device as a TDI, and stays until told to stop. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <syslog.h>

#include "common/exitcode.h"
#include "helper/modes.h"
#include "helper/sandbox.h"
#include "helper/service/socket.h"
#include "helper/systemd.h"

/* Waits until somebody wants the device back. Answers who. */
static const char *wait_for_end(const struct session *s, int signals, struct conn *asking)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = s->request, .events = POLLIN },
		{ .fd = s->control, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return "failure";
		if (fds[0].revents)
			return "signal";
		if (fds[1].revents)
			return "request";
		if ((fds[2].revents & POLLIN) && control_ask(s, asking))
			return "control";
	}
}

static int finish(struct session *s, const char *reason, struct conn *asking)
{
	char loss[16];
	bool lost = streq(reason, "request") && cdev_is_lost(s, loss, sizeof(loss));
	struct json_object *obj;
	struct verdict v;
	int ret;

	systemd_tell("STOPPING=1");
	ret = session_close(s);
	v = (struct verdict){ .err = ret,
			      .code = exit_code_of(ret),
			      .step = "unbind",
			      .message = "the kernel refused to unbind; the device was closed" };
	if (asking->fd >= 0)
		control_done(s, asking, ret ? &v : NULL);
	control_remove(s);
	lock_drop(s);
	if (ret)
		return say_verdict(s->name, &v);
	obj = say_event(lost ? "lost" : "unbound", s->name);
	json_object_object_add(obj, "reason", json_object_new_string(lost ? loss : reason));
	/* the device is free, whether or not anybody still listens */
	say(lost ? LOG_ERR : LOG_INFO, obj);
	return lost ? EXIT_FAILED : EXIT_DONE;
}

/* What only the way there needed. */
static int restrict_more(const struct session *s)
{
	int ret = sandbox_caps(NULL, 0) ?: sandbox_filter(SANDBOX_HOLD);

	if (ret)
		say_failure(s->name, "drop privileges", ret, "cannot restrict itself", NULL);
	return ret;
}

static int give_up(struct session *s)
{
	session_close(s);
	control_remove(s);
	lock_drop(s);
	return EXIT_FAILED;
}

int hold(struct invocation *in)
{
	struct conn asking = { .fd = -1, .file = -1 };
	cleanup_fd int signals = watch_signals(false);
	struct session *s = &in->s;
	struct verdict v;

	if (signals < 0)
		return say_failure(s->name, "isolate", signals, "cannot watch for signals", NULL);
	if (steps_run(s, hold_steps, &v)) {
		give_up(s);
		return say_verdict(s->name, &v);
	}
	if (restrict_more(s))
		return give_up(s);
	/* a device that nobody knows to be bound would stay so */
	if (say_bound(s, getpid()))
		return give_up(s);
	systemd_tell("READY=1\nSTATUS=The device is bound");
	return finish(s, wait_for_end(s, signals, &asking), &asking);
}
