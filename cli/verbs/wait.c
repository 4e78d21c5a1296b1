// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl wait: wait until devices are in a state. */
#include <errno.h>
#include <libudev.h>

#include "host/policy.h"
#include "report.h"
#include "verbs/event.h"
#include "verbs/common.h"
#include "waiting.h"

/* How many events are read before the time and signals are looked at. */
#define EVENTS 64

static const char *opt_state;

static const struct poptOption options[] = { { "state", 0, POPT_ARG_STRING, &opt_state, 0,
					       "the state, or several, with commas between them",
					       "STATE" },
					     VERB_TIMEOUT,
					     POPT_TABLEEND };

static const struct verb_values values[] = { { "state", policy_states }, { NULL, NULL } };

/**
 * struct awaited - what is kept for all devices together
 * @events: of the kernel
 * @began: when the time of --timeout began
 * @been: devices that have been in one of the states, by an event; pci_addr_key()
 * @count: how many
 */
struct awaited {
	struct udev_monitor *events;
	struct timespec began;
	uint64_t *been;
	size_t count;
};

static bool has_been(const struct awaited *w, const struct pci_addr *addr)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->been[i] == pci_addr_key(addr))
			return true;
	return false;
}

/* Remembers a device in a wanted state, which may be over when the device is looked at. */
static int take_event(struct awaited *w, struct udev_device *u)
{
	const char *state = udev_device_get_property_value(u, "VFIO_TSM_STATE");
	const char *name = udev_device_get_sysname(u);
	struct pci_addr addr;
	uint64_t *been;

	if (!state || !util_in_list(opt_state, state) || !name || pci_addr_parse(name, &addr) ||
	    has_been(w, &addr))
		return 0;
	been = reallocarray(w->been, w->count + 1, sizeof(*been));
	if (!been)
		return -ENOMEM;
	w->been = been;
	been[w->count++] = pci_addr_key(&addr);
	return 0;
}

/* Reads the state. Opens device and configfs again: both may have appeared or gone. */
static int look(struct ctx *ctx, struct pci_device *dev, struct wait *w, char *state)
{
	struct problem p = { .device = dev->name, .attribute = "state", .stage = "read" };
	struct pci_addr addr = dev->addr;

	pci_close(dev);
	policy_close(ctx);
	p.err = pci_open(ctx, &addr, dev) ?: policy_get(ctx, dev, "state", state);
	/* without the module there is no state; it may be loaded later */
	if (p.err == -ENOENT || p.err == -ENODEV) {
		util_copy(state, ATTR_MAX, "unknown");
		return 0;
	}
	if (!p.err)
		return 0;
	wait_end(w);
	return policy_report(ctx, dev, &p);
}

/* Reads events. Lost ones are ignored: the look at the device shows a state that lasts. */
static int take_events(struct awaited *w)
{
	struct udev_device *u;
	int ret = 0;

	/* at most so many, so that time and signals are looked at */
	for (int i = 0; !ret && i < EVENTS; i++) {
		errno = 0;
		u = udev_monitor_receive_device(w->events);
		if (!u && errno != ENOBUFS)
			break;
		if (u)
			ret = take_event(w, u);
		udev_device_unref(u);
	}
	return ret;
}

/* Waits for an event, but at most a second. */
static int wait_event(struct wait *w, struct awaited *watch)
{
	unsigned int before = w->seconds;
	int ret;

	do {
		ret = wait_step(w, udev_monitor_get_fd(watch->events));
	} while (!ret && w->seconds == before);
	/* events without a pause must not keep this from ending */
	return ret > 0 ? take_events(watch) ?: wait_look(w) : ret;
}

static int wait_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char state[ATTR_MAX] = "unknown", text[384];
	struct outcome o = { .device = dev->name, .attribute = "state", .value = state };
	struct problem p = { .device = dev->name,
			     .attribute = "state",
			     .value = opt_state,
			     .stage = "wait",
			     .hint = "'tsmctl show @' shows its state and its owner" };
	struct awaited *watch = arg;
	struct wait w;

	ctx->began = watch->began;
	wait_begin(&w, ctx, dev->name, WAIT_FOREVER, "the state %s", opt_state);
	do {
		p.err = look(ctx, dev, &w, state);
		if (p.err || has_been(watch, &dev->addr) || util_in_list(opt_state, state))
			break;
		p.err = wait_event(&w, watch);
		/* the state came just when the time ended */
		if (p.err == -ETIMEDOUT && has_been(watch, &dev->addr))
			p.err = 0;
	} while (!p.err);
	wait_end(&w);
	if (!p.err)
		return report_value(ctx, &o);
	if (p.err != -ETIMEDOUT && p.err != -EINTR)
		return p.err;
	wait_given_up(&w, p.err, text, sizeof(text));
	p.code = p.err == -EINTR ? EXIT_FAILED : EXIT_BUSY;
	return report_error(ctx, &p, "%s; its state is %s", text, state);
}

static int check_state(struct ctx *ctx, const struct verb *verb)
{
	if (!opt_state)
		return verb_usage_error(ctx, verb, NULL, "needs --state");
	return verb_check_words(ctx, verb, "state", "a state", policy_states, opt_state);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct awaited watch = { .events = NULL };
	struct udev *udev;
	int ret;

	ret = check_state(ctx, verb) ?: verb_seconds(ctx, verb, verb_timeout, &ctx->timeout);
	if (ret)
		return ret;
	udev = udev_new();
	/* listen before the look: then no event is missed */
	ret = event_listen(ctx, udev, &watch.events);
	wait_clock(ctx);
	watch.began = ctx->began;
	if (!ret)
		ret = verb_each(ctx, verb, argc, argv, wait_device, &watch);
	udev_monitor_unref(watch.events);
	udev_unref(udev);
	free(watch.been);
	return ret;
}

const struct verb verb_wait = {
	.name = "wait",
	.synopsis = "DEVICE... --state STATE[,STATE...] [--timeout SECONDS]",
	.summary = "wait until devices are in a state",
	.help = "Waits until each device has been in one of the states. An address may be that "
		"of a device that does not exist yet.",
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
