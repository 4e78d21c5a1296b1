// SPDX-License-Identifier: GPL-2.0-or-later
/* Events as text and JSON, see event.h. */
#include <errno.h>
#include <json-c/json.h>
#include <time.h>

#include "host/tdi.h"
#include "report.h"
#include "verbs/event.h"

/* Enough for the events of thousands of VFs that appear at once. */
#define BUFFER (16 << 20)

const char *const event_words[] = {
	"present",     "assigned", "released", "opened",	"closed",
	"bound",       "unbound",  "lost",     "acknowledged",	"quarantined",
	"freed",       "added",	   "removed",  EVENT_DRIVER,	"tsm-added",
	"tsm-removed", "missed",   EVENT_TDI,  EVENT_CONNECTED, EVENT_DISCONNECTED,
	EVENT_POLICY,  NULL,
};

int event_listen(struct ctx *ctx, struct udev *udev, struct udev_monitor **monitor)
{
	struct problem p = { .attribute = "udev", .stage = "monitor" };

	*monitor = udev ? udev_monitor_new_from_netlink(udev, "kernel") : NULL;
	if (!*monitor ||
	    udev_monitor_filter_add_match_subsystem_devtype(*monitor, "pci", NULL) < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(*monitor, "tsm", NULL) < 0 ||
	    udev_monitor_enable_receiving(*monitor) < 0) {
		p.err = -(errno ?: EIO);
		return report_error(ctx, &p, "cannot listen to the kernel's events: %s",
				    strerror(-p.err));
	}
	/* root may have more than rmem_max; the kernel limits what other users get */
	udev_monitor_set_receive_buffer_size(*monitor, BUFFER);
	return 0;
}

/* Adds a text; "none" and TDI_UNKNOWN become null. */
static void add_known(struct json_object *obj, const char *key, const char *text)
{
	bool known = text && !streq(text, "none") && !streq(text, TDI_UNKNOWN);

	report_add_text(obj, key, known ? text : NULL);
}

/* %z of strftime() has no colon, but ISO 8601 requires one beside those of %T. */
static void set_offset(long minutes, char *text, size_t size)
{
	unsigned long east = (unsigned long)labs(minutes);

	snprintf(text, size, "%c%02lu:%02lu", minutes < 0 ? '-' : '+', east / 60 % 100, east % 60);
}

void event_time(const struct ctx *ctx, const struct timespec *time, char text[EVENT_TIME_LEN])
{
	unsigned int ms = (unsigned int)(time->tv_nsec / 1000000) % 1000;
	char seconds[32], offset[8] = "Z";
	struct tm tm;

	if (ctx->json) {
		gmtime_r(&time->tv_sec, &tm);
	} else {
		localtime_r(&time->tv_sec, &tm);
		set_offset(tm.tm_gmtoff / 60, offset, sizeof(offset));
	}
	strftime(seconds, sizeof(seconds), "%FT%T", &tm);
	snprintf(text, EVENT_TIME_LEN, "%s.%03u%s", seconds, ms, offset);
}

static void print_json(struct ctx *ctx, const struct event *e, const char *time)
{
	struct json_object *obj = json_object_new_object();
	unsigned int generation;

	add_known(obj, "time", time);
	add_known(obj, "device", e->device);
	add_known(obj, "event", e->name);
	add_known(obj, "state", e->state);
	/* "none" is a value of policy */
	if (e->attribute)
		report_add_text(obj, "previous", e->previous);
	else
		add_known(obj, "previous", e->previous);
	add_known(obj, "reason", e->reason);
	json_object_object_add(obj, "generation",
			       e->generation && !util_parse_u32(e->generation, &generation) ?
				       json_object_new_int64(generation) :
				       NULL);
	add_known(obj, "tdi_id", e->tdi_id);
	add_known(obj, "driver", e->driver);
	add_known(obj, "tdi_state", e->tdi_state);
	add_known(obj, "tsm", e->tsm);
	add_known(obj, "attribute", e->attribute);
	report_add_text(obj, "value", e->value);
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

/* Prints that a device has no driver now, which an empty value would not show. */
static void print_left(const struct event *e)
{
	print_part("  detached from the driver ", e->previous ?: "that it had", "");
}

static void print_policy(const struct event *e)
{
	cleanup_free char *before = util_printable(e->previous);
	cleanup_free char *now = util_printable(e->value);

	printf("  %s %s (was %s)", e->attribute, now ?: "", before ?: "");
}

static void print_text(const struct event *e, const char *time)
{
	const char *what = e->state ?: e->tdi_state;

	printf("%s  %-12s  %-12s", time, e->device ?: "-", e->name);
	if (streq(e->name, EVENT_DRIVER) && !e->driver)
		print_left(e);
	if (e->attribute)
		print_policy(e);
	print_part("  ", what, "");
	if (what && e->previous && !streq(what, e->previous))
		print_part(" (was ", e->previous, ")");
	print_part("  reason ", e->reason, "");
	print_part("  tdi_id ", e->tdi_id, "");
	print_part("  driver ", e->driver, "");
	if (streq(e->name, EVENT_DRIVER) && e->driver)
		print_part(" (was ", e->previous, ")");
	if (e->state)
		print_part("  tdi_state ", e->tdi_state, "");
	print_part("  tsm ", e->tsm, "");
	putchar('\n');
}

void event_print(struct ctx *ctx, const struct event *e)
{
	char time[EVENT_TIME_LEN];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	event_time(ctx, &now, time);
	if (ctx->json)
		print_json(ctx, e, time);
	else
		print_text(e, time);
}
