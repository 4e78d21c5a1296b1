// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of JSON, see say.h. */
#include <errno.h>
#include <json-c/json.h>
#include <syslog.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/say.h"
#include "helper/systemd.h"

static bool levels;

void say_levels(void)
{
	levels = true;
}

int say(int level, struct json_object *obj)
{
	const char *json = json_object_to_json_string_ext(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	cleanup_free char *line = NULL;
	char prefix[8] = "";
	size_t done = 0;
	ssize_t n;
	int len;

	if (levels)
		snprintf(prefix, sizeof(prefix), "<%d>", level);
	len = asprintf(&line, "%s%s\n", prefix, json ?: "");
	json_object_put(obj);
	if (len < 0)
		return -ENOMEM;
	while (done < (size_t)len) {
		n = write(STDOUT_FILENO, line + done, (size_t)len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* Makes a JSON string, or null if it is empty. */
static struct json_object *say_text(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

struct json_object *say_event(const char *name, const char *device)
{
	struct json_object *obj = json_object_new_object();
	cleanup_free char *safe = device ? util_printable(device) : NULL;

	json_object_object_add(obj, "event", json_object_new_string(name));
	json_object_object_add(obj, "device", safe ? json_object_new_string(safe) : NULL);
	return obj;
}

void say_add_verdict(struct json_object *obj, const struct verdict *v)
{
	const char *name = strerrorname_np(-v->err);

	json_object_object_add(obj, "step", json_object_new_string(v->step));
	json_object_object_add(obj, "errno", name ? json_object_new_string(name) : NULL);
	json_object_object_add(obj, "stage", say_text(v->stage));
	json_object_object_add(obj, "message", json_object_new_string(v->message));
	json_object_object_add(obj, "hint", v->hint ? json_object_new_string(v->hint) : NULL);
}

static int say_error(struct json_object *obj, const struct verdict *v)
{
	char status[sizeof(v->message) + 16];

	say(LOG_ERR, obj);
	/* systemctl status shows the message */
	snprintf(status, sizeof(status), "STATUS=%s", v->message);
	systemd_tell(status);
	return v->code;
}

int say_verdict(const char *device, const struct verdict *v)
{
	struct json_object *obj = say_event("error", device);

	say_add_verdict(obj, v);
	return say_error(obj, v);
}

void say_usage(const char *value, const char *message)
{
	struct verdict v = { .err = -EINVAL,
			     .step = "usage",
			     .hint = "see 'tsm-bind-helper --help'" };
	struct json_object *obj = say_event("error", NULL);
	cleanup_free char *safe = value ? util_printable(value) : NULL;

	util_copy(v.message, sizeof(v.message), message);
	say_add_verdict(obj, &v);
	json_object_object_add(obj, "value", safe ? json_object_new_string(safe) : NULL);
	say_error(obj, &v);
}

int say_failure(const char *device, const char *step, int err, const char *message,
		const char *hint)
{
	struct verdict v = {
		.err = err,
		.code = exit_code_of(err),
		.step = step,
		.hint = hint ?: errno_hint(err),
	};

	util_copy(v.message, sizeof(v.message), message);
	return say_verdict(device, &v);
}

int say_bound(const struct session *s, pid_t pid)
{
	struct json_object *obj = say_event("bound", s->name);
	char tdi_state[16] = "";

	if (cdev_attr(s, "tdi_state", tdi_state, sizeof(tdi_state)) || streq(tdi_state, "unknown"))
		tdi_state[0] = '\0';
	json_object_object_add(obj, "pid", json_object_new_int(pid));
	json_object_object_add(obj, "tdi_id", say_text(s->tdi_id));
	json_object_object_add(obj, "vdevice_id",
			       s->vdevice ? json_object_new_int64(s->vdevice) : NULL);
	json_object_object_add(obj, "fallback", say_text(s->fallback));
	json_object_object_add(obj, "tdi_state", say_text(tdi_state));
	return say(LOG_INFO, obj);
}

void say_distrust(struct verdict *v, const char *path, const struct trust_fault *fault)
{
	cleanup_free char *safe = util_printable(path);

	snprintf(v->message, sizeof(v->message), "%.90s is not trusted: %.80s", safe ?: "?",
		 fault->why);
	v->hint = fault->mend;
	v->code = EXIT_NOT_PERMITTED;
}
