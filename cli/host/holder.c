// SPDX-License-Identifier: GPL-2.0-or-later
/* A client of the control socket of a holder, see holder.h; tsm-bind-helper(7) has the protocol. */
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "common/json.h"
#include "common/rundir.h"
#include "host/holder.h"

#define ANSWER_LEN 4096
#define ANSWER_DEPTH 4

static int connect_to(const struct ctx *ctx, const char *device)
{
	struct trust_fault fault;
	cleanup_fd int dir = run_dir_open(ctx->run.path, false, &fault);
	char name[RUN_NAME_LEN];

	run_file_name(name, device, RUN_SOCKET);
	return dir < 0 ? dir : run_socket_connect(dir, name, SOCK_STREAM);
}

static int ask(int fd, const char *name)
{
	char line[128];
	int n = snprintf(line, sizeof(line),
			 "{\"version\":1,\"request\":\"unbind\",\"device\":\"%s\"}\n", name);

	return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -errno;
}

/* Return: 0 if the answer is that all went well; it is "" if the holder has ended. */
static int judge(const char *answer, char *why)
{
	struct json_object *obj = NULL, *ok = NULL, *error = NULL, *message = NULL;
	struct json_fault f;

	if (!*answer)
		return 0;
	json_read(answer, strlen(answer), ANSWER_DEPTH, &obj, &f);
	json_object_object_get_ex(obj, "ok", &ok);
	if (json_object_get_boolean(ok)) {
		json_object_put(obj);
		return 0;
	}
	json_object_object_get_ex(obj, "error", &error);
	json_object_object_get_ex(error, "message", &message);
	util_copy(why, HOLDER_WHY_LEN,
		  message ? json_object_get_string(message) : "it answered something else");
	json_object_put(obj);
	return -EIO;
}

/* Reads up to the end of the connection. */
static int read_answer(struct wait *w, int fd, char *why)
{
	char answer[ANSWER_LEN];
	size_t used = 0;
	ssize_t n = 1;
	int ret;

	while (n && used < sizeof(answer) - 1) {
		ret = wait_for(w, fd);
		if (ret)
			return ret;
		n = read(fd, answer + used, sizeof(answer) - 1 - used);
		if (n < 0 && errno != EINTR && errno != ECONNRESET)
			return -errno;
		if (n < 0 && errno == ECONNRESET)
			n = 0;
		used += n > 0 ? (size_t)n : 0;
	}
	answer[used] = '\0';
	return judge(answer, why);
}

static int stop(struct wait *w, int pidfd)
{
	if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0))
		return errno == ESRCH ? 0 : -errno;
	return wait_for(w, pidfd);
}

int holder_give_back(const struct ctx *ctx, const struct pci_device *dev, struct wait *w, int pidfd,
		     char *why)
{
	cleanup_fd int fd = connect_to(ctx, dev->name);
	int ret;

	why[0] = '\0';
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		ret = stop(w, pidfd);
	else
		ret = fd < 0 ? fd : ask(fd, dev->name) ?: read_answer(w, fd, why);
	wait_end(w);
	return ret;
}
