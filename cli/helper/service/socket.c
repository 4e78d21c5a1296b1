// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets in the run directory, and answers, see socket.h. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/service/socket.h"
#include "helper/step.h"

/* Clients in the queue; those being answered are limited by whoever answers. */
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

int listen_at(int dir, const char *name, mode_t mode)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret, n;

	if (fd < 0)
		return -errno;
	/* below the very directory that was checked */
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

static struct json_object *number(const struct session *s, const char *name)
{
	char text[64];
	unsigned int v;

	if (!s || cdev_attr(s, name, text, sizeof(text)) || util_parse_u32(text, &v))
		return NULL;
	return json_object_new_int64(v);
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
	json_object_object_add(obj, "error", error);
	if (asprintf(&line, "%s\n",
		     json_object_to_json_string_ext(
			     obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) > 0)
		conn_answer(c, line);
	json_object_put(obj);
}

static const struct cause receive_causes[] = {
	{ -ETIMEDOUT, EXIT_FAILED, "the request did not come in time", NULL },
	{ -EPIPE, EXIT_FAILED, "the request ends in the middle", "it ends with a newline" },
	{ -EMSGSIZE, EXIT_FAILED, "the request is too long", NULL },
	{ -EBADMSG, EXIT_FAILED, "more than one line of text came",
	  "one request for each connection" },
	{ -EMFILE, EXIT_FAILED, "more than one file came with it",
	  "pass the device's cdev file, and no other" },
	{}
};

int listen_request(struct conn *c, struct request *r, struct verdict *v)
{
	const struct cause *a = receive_causes;
	const char *why;
	int ret = conn_receive(c);

	*v = (struct verdict){ .err = ret, .step = "receive", .code = EXIT_FAILED };
	if (ret) {
		while (a->err && a->err != ret)
			a++;
		util_copy(v->message, sizeof(v->message), a->message ?: strerror(-ret));
		v->hint = a->hint;
		return ret;
	}
	ret = request_parse(c->line, r, &why);
	if (!ret)
		return 0;
	v->err = ret;
	v->step = "request";
	v->hint = "tsm-bind-helper(7) has the protocol";
	util_copy(v->message, sizeof(v->message), why);
	return ret;
}
