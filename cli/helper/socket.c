// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets in the run directory, and answers, see socket.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/socket.h"
#include "helper/step.h"

/* Clients in the queue of the socket; the caller limits those that are being answered. */
#define BACKLOG 64

static int remove_old(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlinkat(dir, name, 0) ? -errno : 0;
}

int listen_at(int dir, const char *name, int type, mode_t mode)
{
	cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret, n;

	if (fd < 0)
		return -errno;
	/* a path below the open directory, which was checked */
	n = snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (n >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	ret = remove_old(dir, name);
	if (ret)
		return ret;
	mask = umask(~mode & 0777);
	ret = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (!ret && listen(fd, BACKLOG))
		ret = -errno;
	if (ret)
		return ret;
	n = fd;
	fd = -1;
	return n;
}

static struct json_object *attr(const struct session *s, const char *name)
{
	char text[64];

	if (!s || cdev_attr(s, name, text, sizeof(text)) || streq(text, "none"))
		return NULL;
	return json_object_new_string(text);
}

/* Return: the word, or null for "unknown". */
static struct json_object *tdi_state(const struct session *s)
{
	struct json_object *state = attr(s, "tdi_state");

	if (!state || !streq(json_object_get_string(state), "unknown"))
		return state;
	json_object_put(state);
	return NULL;
}

static struct json_object *number(const struct session *s, const char *name)
{
	char text[64];
	unsigned int v;

	if (!s || cdev_attr(s, name, text, sizeof(text)) || util_parse_u32(text, &v))
		return NULL;
	return json_object_new_int64(v);
}

static struct json_object *response_len(const struct session *s, const struct verdict *v)
{
	return s && s->guest.passed && !v ? json_object_new_int64(s->guest.filled) : NULL;
}

/* A string, because a number in JSON may have less than 64 bits. */
static struct json_object *tsm_code(const struct session *s)
{
	char text[24];

	if (!s || !s->guest.passed)
		return NULL;
	snprintf(text, sizeof(text), "0x%" PRIx64, s->guest.tsm_code);
	return json_object_new_string(text);
}

void listen_answer(const struct conn *c, const struct request *r, const struct session *s,
		   const struct verdict *v)
{
	struct json_object *obj = json_object_new_object(), *error = NULL;
	cleanup_free char *line = NULL;

	if (v) {
		error = json_object_new_object();
		say_add_verdict(error, v);
	}
	json_object_object_add(obj, "version", json_object_new_int(PROTOCOL_VERSION));
	json_object_object_add(obj, "request",
			       r ? json_object_new_string(request_name(r->kind)) : NULL);
	json_object_object_add(obj, "device", r ? json_object_new_string(r->device) : NULL);
	json_object_object_add(obj, "ok", json_object_new_boolean(!v));
	json_object_object_add(obj, "state", attr(s, "state"));
	json_object_object_add(obj, "tdi_id", attr(s, "tdi_id"));
	json_object_object_add(obj, "vdevice_id", number(s, "vdevice_id"));
	json_object_object_add(obj, "tdi_state", tdi_state(s));
	json_object_object_add(obj, "response_len", response_len(s, v));
	json_object_object_add(obj, "tsm_code", tsm_code(s));
	json_object_object_add(obj, "error", error);
	if (asprintf(&line, "%s\n",
		     json_object_to_json_string_ext(
			     obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) > 0)
		conn_answer(c, line);
	json_object_put(obj);
}

static const struct cause receive_causes[] = {
	{ -ETIMEDOUT, EXIT_FAILED, "the request was not complete in time", NULL },
	{ -EPIPE, EXIT_FAILED, "the request has no newline at its end",
	  "end the request with a newline" },
	{ -EMSGSIZE, EXIT_FAILED, "the request is too long", NULL },
	{ -EBADMSG, EXIT_FAILED, "the request has a NUL, or more than one line",
	  "send one request in each connection" },
	{ -EMFILE, EXIT_FAILED, "too many files came with the request",
	  "pass only the device's cdev file, and with \"request\" a memfd after it" },
	{}
};

static int fail_receive(struct verdict *v, int err)
{
	const struct cause *a = cause_find(receive_causes, err);

	*v = (struct verdict){ .err = err, .step = "receive", .code = EXIT_FAILED };
	util_copy(v->message, sizeof(v->message), a ? a->message : strerror(-err));
	v->hint = a ? a->hint : NULL;
	return err;
}

int listen_request(struct conn *c, struct request *r, struct verdict *v)
{
	cleanup_free char *path = NULL;
	struct json_fault f;
	int ret = conn_receive(c);

	if (ret)
		return fail_receive(v, ret);
	ret = request_parse(c->line, r, &f);
	if (!ret)
		return c->files > request_files(r->kind) ? fail_receive(v, -EMFILE) : 0;
	*v = (struct verdict){ .err = ret, .code = EXIT_FAILED };
	v->step = "request";
	v->hint = "tsm-bind-helper(7) has the protocol";
	path = util_printable(f.path);
	snprintf(v->message, sizeof(v->message), "%.40s%s%s", path ?: "", f.path[0] ? ": " : "",
		 f.message);
	return ret;
}
