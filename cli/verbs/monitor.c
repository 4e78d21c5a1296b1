// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl monitor: what happens to devices, as it happens. */
#include <errno.h>
#include <json-c/json.h>
#include <libudev.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

#include "host/policy.h"
#include "host/select.h"
#include "report.h"
#include "verbs/verbs.h"

/* Events of thousands of VFs that appear at once. */
#define BUFFER (16 << 20)

static const char *opt_events, *opt_count;
static int opt_present;

static const struct poptOption options[] = { { "present", 0, POPT_ARG_NONE, &opt_present, 0,
					       "first, the state of each device now", NULL },
					     { "events", 0, POPT_ARG_STRING, &opt_events, 0,
					       "only these, with commas between them", "LIST" },
					     { "count", 0, POPT_ARG_STRING, &opt_count, 0,
					       "end after so many", "N" },
					     POPT_TABLEEND };

static const char *const words[] = {
	"present", "assigned", "released",     "opened",      "closed", "bound",
	"unbound", "lost",     "acknowledged", "quarantined", "freed",	"added",
	"removed", "driver",   "tsm-added",    "tsm-removed", "missed", NULL,
};

static const struct verb_values values[] = { { "events", words }, { NULL, NULL } };

/* What is known of a device, to tell what an event changed. */
struct known {
	uint64_t key;
	char state[16];
	unsigned int generation;
};

/* One line; NULL is what nobody knows. */
struct event {
	const char *device;
	const char *name;
	const char *state;
	const char *previous;
	const char *reason;
	const char *generation;
	const char *tdi_id;
	const char *driver;
};

struct watch {
	struct ctx *ctx;
	struct selection filter;
	void *known;
	unsigned int shown;
	unsigned int count;
	bool over;
};

static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, word, n) == 0 && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

/* What would never be shown must not be waited for: each word is an event. */
static int check_events(struct ctx *ctx, const struct verb *verb)
{
	const char *list = opt_events;
	char all[256] = "";

	for (;;) {
		size_t n = strcspn(list, ",");
		cleanup_free char *word = strndup(list, n);
		bool found = false;

		if (!word)
			return -ENOMEM;
		for (const char *const *w = words; *w; w++)
			found |= streq(*w, word);
		if (!found) {
			for (const char *const *w = words; *w; w++)
				util_add_item(all, sizeof(all), ", ", *w);
			return verb_usage_error(ctx, verb, word,
						"'%s' in --events is no event: those are %s", word,
						all);
		}
		if (!list[n])
			return 0;
		list += n + 1;
	}
}

static int compare_known(const void *a, const void *b)
{
	uint64_t x = ((const struct known *)a)->key, y = ((const struct known *)b)->key;

	return (x > y) - (x < y);
}

/* Finds what is known of a device, or makes room for it; NULL without memory. */
static struct known *know(struct watch *w, const struct pci_addr *addr)
{
	struct known probe = { .key = pci_addr_key(addr) }, *k;
	void **node = tfind(&probe, &w->known, compare_known);

	if (node)
		return *node;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->key = probe.key;
	if (!tsearch(k, &w->known, compare_known)) {
		free(k);
		return NULL;
	}
	return k;
}

static void add_text(struct json_object *obj, const char *key, const char *text)
{
	cleanup_free char *safe = text && !streq(text, "none") ? util_printable(text) : NULL;

	json_object_object_add(obj, key, safe ? json_object_new_string(safe) : NULL);
}

static void print_json(struct ctx *ctx, const struct event *e, const struct timespec *now)
{
	struct json_object *obj = json_object_new_object();
	unsigned int generation;
	char text[32], time[48];
	struct tm tm;

	gmtime_r(&now->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(time, sizeof(time), "%s.%03uZ", text,
		 (unsigned int)(now->tv_nsec / 1000000) % 1000);
	add_text(obj, "time", time);
	add_text(obj, "device", e->device);
	add_text(obj, "event", e->name);
	add_text(obj, "state", e->state);
	add_text(obj, "previous", e->previous);
	add_text(obj, "reason", e->reason);
	json_object_object_add(obj, "generation",
			       e->generation && !util_parse_u32(e->generation, &generation) ?
				       json_object_new_int64(generation) :
				       NULL);
	add_text(obj, "tdi_id", e->tdi_id);
	add_text(obj, "driver", e->driver);
	report_object(ctx, obj);
	report_line(ctx);
}

static void print_part(const char *before, const char *text, const char *after)
{
	cleanup_free char *safe = text && *text && !streq(text, "none") ? util_printable(text) :
									  NULL;

	if (safe)
		printf("%s%s%s", before, safe, after);
}

static void print_text(const struct event *e, const struct timespec *now)
{
	char time[32];
	struct tm tm;

	localtime_r(&now->tv_sec, &tm);
	strftime(time, sizeof(time), "%F %T", &tm);
	printf("%s  %-12s  %-12s", time, e->device ?: "-", e->name);
	print_part("  ", e->state, "");
	if (e->state && e->previous && !streq(e->state, e->previous))
		print_part(" (was ", e->previous, ")");
	print_part("  reason ", e->reason, "");
	print_part("  tdi_id ", e->tdi_id, "");
	print_part("  driver ", e->driver, "");
	putchar('\n');
}

/* Prints an event if it is wanted; notes if nobody listens any more. */
static void show(struct watch *w, const struct event *e)
{
	struct timespec now;

	if (opt_events && !in_list(opt_events, e->name))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (w->ctx->json)
		print_json(w->ctx, e, &now);
	else
		print_text(e, &now);
	if (!report_flush(w->ctx))
		w->over = true;
	if (++w->shown == w->count)
		w->over = true;
}

/* One that matches none of the arguments is not watched. */
static bool is_watched(struct watch *w, const struct pci_addr *addr, const char *id)
{
	unsigned int vendor, device;

	for (size_t i = 0; i < w->filter.count; i++) {
		const struct selector *sel = &w->filter.selectors[i];

		if (sel->kind == SELECTOR_ALL || select_matches(w->ctx, sel, addr))
			return true;
		/* of a device that is gone, only the event knows the IDs */
		if (sel->kind == SELECTOR_ID && id && sscanf(id, "%x:%x", &vendor, &device) == 2 &&
		    vendor == sel->vendor && device == sel->device)
			return true;
	}
	return false;
}

/* Notes a device's state, and shows it if that was asked for. */
static int show_present(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char state[ATTR_MAX], generation[ATTR_MAX], tdi_id[ATTR_MAX];
	struct event e = { .device = dev->name,
			   .name = "present",
			   .state = state,
			   .generation = generation,
			   .tdi_id = tdi_id,
			   .driver = dev->driver };
	struct watch *w = arg;
	struct known *k = know(w, &dev->addr);

	if (policy_get(ctx, dev, "state", state))
		e.state = NULL;
	if (policy_get(ctx, dev, "generation", generation))
		e.generation = NULL;
	if (policy_get(ctx, dev, "tdi_id", tdi_id))
		e.tdi_id = NULL;
	if (k && e.state)
		util_copy(k->state, sizeof(k->state), state);
	if (k && e.generation && util_parse_u32(generation, &k->generation))
		k->generation = 0;
	if (opt_present && !w->over && is_watched(w, &dev->addr, NULL))
		show(w, &e);
	return 0;
}

static void show_missed(struct watch *w, const char *device)
{
	show(w, &(struct event){ .device = device, .name = "missed" });
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
		/* a lower number is a module that was loaded anew */
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
	{ "pci", "add", "added" },     { "pci", "remove", "removed" },
	{ "pci", "bind", "driver" },   { "pci", "unbind", "driver" },
	{ "tsm", "add", "tsm-added" }, { "tsm", "remove", "tsm-removed" },
};

static void take_plain(struct watch *w, struct udev_device *u, const char *subsystem,
		       const char *name)
{
	const char *action = udev_device_get_action(u);
	struct event e = { .device = name, .driver = udev_device_get_property_value(u, "DRIVER") };

	for (size_t i = 0; action && i < ARRAY_SIZE(plain_events); i++) {
		if (!streq(plain_events[i].subsystem, subsystem) ||
		    !streq(plain_events[i].action, action))
			continue;
		e.name = plain_events[i].name;
		show(w, &e);
	}
}

static void take(struct watch *w, struct udev_device *u)
{
	const char *subsystem = udev_device_get_subsystem(u);
	const char *name = udev_device_get_sysname(u);
	const char *id = udev_device_get_property_value(u, "PCI_ID");
	struct pci_addr addr;

	if (!subsystem || !name)
		return;
	if (streq(subsystem, "tsm")) {
		if (w->filter.implied)
			take_plain(w, u, subsystem, name);
		return;
	}
	if (pci_addr_parse(name, &addr) || !is_watched(w, &addr, id))
		return;
	if (udev_device_get_property_value(u, "VFIO_TSM_EVENT"))
		take_state(w, u, &addr, name);
	else
		take_plain(w, u, subsystem, name);
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
		udev_device_unref(u);
		/* configfs may have come or gone with its module */
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
	};

	while (!w->over) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents || (fds[2].revents & (POLLERR | POLLNVAL)))
			return 0;
		if (fds[0].revents)
			take_all(w, mon);
	}
	return 0;
}

static int open_monitor(struct ctx *ctx, struct udev *udev, struct udev_monitor **mon)
{
	struct problem p = { .attribute = "udev", .stage = "monitor" };

	*mon = udev ? udev_monitor_new_from_netlink(udev, "kernel") : NULL;
	if (!*mon || udev_monitor_filter_add_match_subsystem_devtype(*mon, "pci", NULL) < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(*mon, "tsm", NULL) < 0 ||
	    udev_monitor_enable_receiving(*mon) < 0) {
		p.err = -(errno ?: EIO);
		return report_error(ctx, &p, "cannot listen to the kernel's events: %s",
				    strerror(-p.err));
	}
	/* root may have more than rmem_max; what others get is the kernel's choice */
	udev_monitor_set_receive_buffer_size(*mon, BUFFER);
	return 0;
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
	/* listen first, then look: what happens in between is seen twice, not never */
	ret = open_monitor(ctx, udev, &mon);
	if (!ret)
		ret = verb_each(ctx, verb, 0, NULL, show_present, w);
	if (!ret && !(opt_events && streq(opt_events, "present")))
		ret = loop(w, mon, signals);
	udev_monitor_unref(mon);
	udev_unref(udev);
	return ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct watch w = { .ctx = ctx };
	int ret;

	ret = opt_events ? check_events(ctx, verb) : 0;
	if (ret)
		return ret;
	opt_present |= opt_events && in_list(opt_events, "present");
	if (opt_count && (util_parse_u32(opt_count, &w.count) || !w.count))
		return verb_usage_error(ctx, verb, opt_count,
					"--count takes a number from 1 on, not '%s'", opt_count);
	ret = verb_select(ctx, verb, argc, argv, &w.filter);
	if (!ret) {
		report_stream(ctx);
		ret = watch(ctx, verb, &w);
	}
	select_done(&w.filter);
	tdestroy(w.known, free);
	return ret;
}

const struct verb verb_monitor = {
	.name = "monitor",
	.synopsis = "[DEVICE...] [--present] [--events LIST] [--count N]",
	.summary = "show what happens to devices, as it happens",
	.help = "Until it is interrupted, or its reader goes away. One line for each event; with "
		"--json one envelope a line. DEVICE need not exist yet. Events are present, "
		"assigned, released, opened, closed, bound, unbound, lost, acknowledged, "
		"quarantined, freed, added, removed, driver, tsm-added, tsm-removed, and missed, where some were lost. Times "
		"are local ones, in JSON UTC.",
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
