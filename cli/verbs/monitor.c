// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl monitor: what happens to devices, as it happens. */
#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "host/policy.h"
#include "host/select.h"
#include "host/summary.h"
#include "host/tdi.h"
#include "report.h"
#include "verbs/changes.h"
#include "verbs/event.h"
#include "verbs/common.h"

static const char *opt_events, *opt_count;
static int opt_present;

static const struct poptOption options[] = {
	{ "present", 0, POPT_ARG_NONE, &opt_present, 0,
	  "first print the present state of each device", NULL },
	{ "events", 0, POPT_ARG_STRING, &opt_events, 0,
	  "only these events, with commas between them", "LIST" },
	{ "count", 0, POPT_ARG_STRING, &opt_count, 0, "end after so many events", "N" },
	POPT_TABLEEND
};

static const struct verb_values values[] = { { "events", event_words }, { NULL, NULL } };

/* What is known of a device, to find what an event has changed. */
struct known {
	uint64_t key;
	struct pci_addr addr;
	struct tdi tdi;
	char state[16];
	char driver[DRIVER_NAME_LEN];
	unsigned int generation;
};

/* @epoll: waits for changes of TDI states; -1 if they are not asked for */
struct watch {
	int epoll;
	struct ctx *ctx;
	struct selection filter;
	struct changes changes;
	void *known;
	unsigned int shown;
	unsigned int count;
	bool over;
};

static int compare_known(const void *a, const void *b)
{
	uint64_t x = ((const struct known *)a)->key, y = ((const struct known *)b)->key;

	return (x > y) - (x < y);
}

/* Finds what is known of a device; NULL if that is nothing. */
static struct known *find_known(struct watch *w, const struct pci_addr *addr)
{
	struct known probe = { .key = pci_addr_key(addr) };
	void **node = tfind(&probe, &w->known, compare_known);

	return node ? *node : NULL;
}

/* Finds what is known of a device, or adds the device; NULL without memory. */
static struct known *know(struct watch *w, const struct pci_addr *addr)
{
	struct known *k = find_known(w, addr);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->key = pci_addr_key(addr);
	k->addr = *addr;
	k->tdi = (struct tdi){ .fd = -1, .state = TDI_UNKNOWN };
	if (!tsearch(k, &w->known, compare_known)) {
		free(k);
		return NULL;
	}
	return k;
}

static void forget(void *known)
{
	struct known *k = known;

	tdi_close(&k->tdi);
	free(k);
}

/* Prints an event if it is wanted. The monitor is over if the reader is gone. */
static void show(struct watch *w, const struct event *e)
{
	if (opt_events && !util_in_list(opt_events, e->name))
		return;
	event_print(w->ctx, e);
	if (!report_flush(w->ctx))
		w->over = true;
	if (++w->shown == w->count)
		w->over = true;
}

/* Whether a device matches one of the arguments. */
static bool is_watched(struct watch *w, const struct pci_addr *addr, const char *id)
{
	unsigned int vendor, device;

	for (size_t i = 0; i < w->filter.count; i++) {
		const struct selector *sel = &w->filter.selectors[i];

		if (sel->kind == SELECTOR_ALL || select_matches(w->ctx, sel, addr))
			return true;
		/* only the event has the IDs of a device that is gone */
		if (sel->kind == SELECTOR_ID && id && sscanf(id, "%x:%x", &vendor, &device) == 2 &&
		    vendor == sel->vendor && device == sel->device)
			return true;
	}
	return false;
}

/* For struct changes. Without DEVICE, changes of the host are shown, as those of TSMs are. */
static bool wants_change(void *watch, const struct pci_addr *addr)
{
	struct watch *w = watch;

	return addr ? is_watched(w, addr, NULL) : w->filter.implied;
}

static void show_change(void *watch, const struct event *e)
{
	struct watch *w = watch;

	if (!w->over)
		show(w, e);
}

/* Reports an error once: it is the same for each device. */
static void report_unfollowed(struct watch *w, const char *device, int err)
{
	struct problem p = {
		.device = device, .attribute = TDI_STATE, .err = err, .stage = "monitor"
	};
	static bool reported;

	if (!reported)
		report_error(w->ctx, &p, "cannot wait for changes of its TDI's state: %s",
			     strerror(-err));
	reported = true;
}

/* Looks at a device's TDI. Shows what has changed, and waits for later changes. */
static void follow(struct watch *w, struct known *k)
{
	char previous[TDI_STATE_LEN], name[PCI_NAME_LEN];
	struct event e = { .device = name, .name = EVENT_TDI, .previous = previous };
	int ret;

	if (!k || w->epoll < 0 || w->over)
		return;
	pci_addr_name(&k->addr, name);
	util_copy(previous, sizeof(previous), k->tdi.state);
	ret = tdi_look(w->ctx, w->epoll, &k->addr, &k->tdi, k);
	if (ret < 0)
		report_unfollowed(w, name, ret);
	/* without the driver, there is no state; an event of its own shows that */
	e.tdi_state = k->tdi.state;
	if (k->tdi.fd >= 0 && !streq(previous, k->tdi.state))
		show(w, &e);
}

static void follow_all(struct watch *w)
{
	struct epoll_event events[64];
	int n = epoll_wait(w->epoll, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++)
		follow(w, events[i].data.ptr);
}

/* Stores a device's state, and shows it if that was asked for. */
static int show_present(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char state[ATTR_MAX], generation[ATTR_MAX], tdi_id[ATTR_MAX], tdi_state[ATTR_MAX];
	struct event e = { .device = dev->name,
			   .name = "present",
			   .state = state,
			   .generation = generation,
			   .tdi_id = tdi_id,
			   .driver = dev->driver };
	struct watch *w = arg;
	struct known *k = know(w, &dev->addr);
	struct summary s;

	summary_begin(&s, ctx, dev);
	if (summary_get(&s, "state", state))
		e.state = NULL;
	if (summary_get(&s, "generation", generation))
		e.generation = NULL;
	if (summary_get(&s, "tdi_id", tdi_id))
		e.tdi_id = NULL;
	if (!summary_get_driver(&s, "tdi_state", tdi_state) && !streq(tdi_state, TDI_UNKNOWN))
		e.tdi_state = tdi_state;
	if (k && e.tdi_state)
		util_copy(k->tdi.state, sizeof(k->tdi.state), tdi_state);
	if (k && e.state)
		util_copy(k->state, sizeof(k->state), state);
	if (k)
		util_copy(k->driver, sizeof(k->driver), dev->driver);
	if (k && e.generation && util_parse_u32(generation, &k->generation))
		k->generation = 0;
	if (!is_watched(w, &dev->addr, NULL))
		return 0;
	if (opt_present && !w->over)
		show(w, &e);
	follow(w, k);
	return 0;
}

static void show_missed(struct watch *w, const char *device)
{
	show(w, &(struct event){ .device = device, .name = "missed" });
}

/* Follows a device if it was assigned, because that event may have been lost. */
static int find_assigned(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct watch *w = arg;

	if (is_watched(w, addr, NULL) && !pci_open(ctx, addr, &dev) &&
	    streq(dev.driver, TSM_DRIVER))
		follow(w, know(w, addr));
	return w->over;
}

/* An event of vfio_tsm: the state of a device has changed. */
static void take_state(struct watch *w, struct udev_device *u, const struct pci_addr *addr,
		       const char *name)
{
	struct event e = {
		.device = name,
		.name = udev_device_get_property_value(u, "VFIO_TSM_EVENT"),
		.state = udev_device_get_property_value(u, "VFIO_TSM_STATE"),
		.reason = udev_device_get_property_value(u, "VFIO_TSM_REASON"),
		.generation = udev_device_get_property_value(u, "VFIO_TSM_GENERATION"),
		.tdi_id = udev_device_get_property_value(u, "VFIO_TSM_TDI_ID"),
	};
	struct known *k = know(w, addr);
	unsigned int generation = 0;
	char previous[16];

	if (k) {
		util_copy(previous, sizeof(previous), k->state);
		e.previous = previous[0] ? previous : NULL;
		if (e.generation && util_parse_u32(e.generation, &generation))
			generation = 0;
		/* with a lower number, the module was loaded again */
		if (k->generation && generation > k->generation + 1)
			show_missed(w, name);
		k->generation = generation;
		util_copy(k->state, sizeof(k->state), e.state ?: "");
	}
	if (!w->over)
		show(w, &e);
}

static const struct {
	const char *subsystem;
	const char *action;
	const char *name;
} plain_events[] = {
	{ "pci", "add", "added" },	 { "pci", "remove", "removed" },
	{ "pci", "bind", EVENT_DRIVER }, { "pci", "unbind", EVENT_DRIVER },
	{ "tsm", "add", "tsm-added" },	 { "tsm", "remove", "tsm-removed" },
};

/* The driver of a device has changed: puts the one before it into the event. */
static void note_driver(struct watch *w, const struct pci_addr *addr, struct event *e,
			char before[DRIVER_NAME_LEN])
{
	struct known *k = know(w, addr);

	if (!k)
		return;
	util_copy(before, DRIVER_NAME_LEN, k->driver);
	if (before[0] && !(e->driver && streq(before, e->driver)))
		e->previous = before;
	util_copy(k->driver, sizeof(k->driver), e->driver ?: "");
}

static void take_plain(struct watch *w, struct udev_device *u, const char *subsystem,
		       const char *name, const struct pci_addr *addr)
{
	const char *action = udev_device_get_action(u);
	struct event e = { .device = name, .driver = udev_device_get_property_value(u, "DRIVER") };
	char before[DRIVER_NAME_LEN];

	for (size_t i = 0; action && i < ARRAY_SIZE(plain_events); i++) {
		if (!streq(plain_events[i].subsystem, subsystem) ||
		    !streq(plain_events[i].action, action))
			continue;
		e.name = plain_events[i].name;
		if (streq(action, "unbind"))
			e.driver = NULL;
		if (addr && streq(e.name, EVENT_DRIVER))
			note_driver(w, addr, &e, before);
		show(w, &e);
	}
}

static void take(struct watch *w, struct udev_device *u)
{
	const char *subsystem = udev_device_get_subsystem(u);
	const char *name = udev_device_get_sysname(u);
	const char *id = udev_device_get_property_value(u, "PCI_ID");
	const char *driver = udev_device_get_property_value(u, "DRIVER");
	struct pci_addr addr;

	if (!subsystem || !name)
		return;
	if (streq(subsystem, "tsm")) {
		if (w->filter.implied)
			take_plain(w, u, subsystem, name, NULL);
		changes_look(&w->changes);
		return;
	}
	if (pci_addr_parse(name, &addr) || !is_watched(w, &addr, id))
		return;
	if (udev_device_get_property_value(u, "VFIO_TSM_EVENT"))
		take_state(w, u, &addr, name);
	else
		take_plain(w, u, subsystem, name, &addr);
	/* the attribute appears after "assigned", before "driver", and is gone at "released" */
	follow(w, driver && streq(driver, TSM_DRIVER) ? know(w, &addr) : find_known(w, &addr));
	changes_follow(&w->changes, &addr);
}

static void take_all(struct watch *w, struct udev_monitor *mon)
{
	struct udev_device *u;

	while (!w->over) {
		errno = 0;
		u = udev_monitor_receive_device(mon);
		if (u)
			take(w, u);
		else if (errno == ENOBUFS)
			show_missed(w, NULL);
		else
			return;
		if (!u && w->epoll >= 0)
			pci_scan(w->ctx, find_assigned, w);
		if (!u)
			changes_look(&w->changes);
		udev_device_unref(u);
		/* the directory in configfs appears and goes with its module */
		policy_close(w->ctx);
	}
}

static int loop(struct watch *w, struct udev_monitor *mon, int signals)
{
	struct pollfd fds[] = {
		{ .fd = udev_monitor_get_fd(mon), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		/* a pipe without a reader: no need to wait for the next event */
		{ .fd = STDOUT_FILENO, .events = 0 },
		{ .fd = w->epoll, .events = POLLIN },
		{ .fd = w->changes.fd, .events = POLLIN },
	};

	while (!w->over) {
		int n = poll(fds, ARRAY_SIZE(fds), changes_timeout(&w->changes));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents || (fds[2].revents & (POLLERR | POLLNVAL)))
			return 0;
		if (fds[0].revents)
			take_all(w, mon);
		if (fds[3].revents)
			follow_all(w);
		if (fds[4].revents || !n)
			changes_take(&w->changes);
	}
	return 0;
}

/* Follows changes only if asked for: each device takes two inotify watches of the user. */
static int watch_changes(struct watch *w)
{
	if (opt_events && !util_in_list(opt_events, EVENT_CONNECTED) &&
	    !util_in_list(opt_events, EVENT_DISCONNECTED) &&
	    !util_in_list(opt_events, EVENT_POLICY))
		return 0;
	return changes_begin(&w->changes);
}

static int watch(struct ctx *ctx, const struct verb *verb, struct watch *w)
{
	struct udev_monitor *mon = NULL;
	struct udev *udev = udev_new();
	cleanup_fd int signals = -1;
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	/* listen before the look: an event in between is shown twice, and not missed */
	ret = event_listen(ctx, udev, &mon) ?: watch_changes(w);
	if (!ret)
		ret = verb_each(ctx, verb, 0, NULL, show_present, w);
	if (!ret && !(opt_events && streq(opt_events, "present")))
		ret = loop(w, mon, signals);
	udev_monitor_unref(mon);
	udev_unref(udev);
	return ret;
}

/* Waits for TDI states only if asked for: each device takes an open file. */
static int watch_tdis(struct watch *w)
{
	struct problem p = { .attribute = TDI_STATE, .stage = "monitor" };

	if (opt_events && !util_in_list(opt_events, EVENT_TDI))
		return 0;
	w->epoll = tdi_wait();
	if (w->epoll >= 0)
		return 0;
	p.err = w->epoll;
	return report_error(w->ctx, &p, "cannot wait for changes of TDI states: %s",
			    strerror(-p.err));
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct watch w = {
		.epoll = -1,
		.ctx = ctx,
		.changes = { .ctx = ctx,
			     .wanted = wants_change,
			     .show = show_change,
			     .arg = &w,
			     .fd = -1 },
	};
	int ret;

	/* an event that never comes must not be waited for */
	ret = verb_check_words(ctx, verb, "events", "an event", event_words, opt_events);
	if (ret)
		return ret;
	opt_present |= opt_events && util_in_list(opt_events, "present");
	if (opt_count && (util_parse_u32(opt_count, &w.count) || !w.count))
		return verb_usage_error(ctx, verb, opt_count,
					"--count takes a number from 1 on, not '%s'", opt_count);
	ret = verb_select(ctx, verb, argc, argv, &w.filter);
	if (!ret)
		ret = watch_tdis(&w);
	if (!ret) {
		report_stream(ctx);
		ret = watch(ctx, verb, &w);
	}
	select_done(&w.filter);
	tdestroy(w.known, forget);
	changes_end(&w.changes);
	util_close(&w.epoll);
	return ret;
}

const struct verb verb_monitor = {
	.name = "monitor",
	.synopsis = "[DEVICE...] [--present] [--events LIST] [--count N]",
	.summary = "show what happens to devices, as it happens",
	.help = "Prints one line for each event, or with --json one envelope, until it is "
		"interrupted or its reader is gone. DEVICE need not exist yet.",
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE | VERB_OTHER_TIMES,
	.run = run,
};
