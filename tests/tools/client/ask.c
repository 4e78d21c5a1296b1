// SPDX-License-Identifier: GPL-2.0-or-later
/* A VMM without code for TDIs, which asks tsm-bind-helper for a bind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"

#define UNUSED __attribute__((unused))

static int pass(int sock, const char *line, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = {
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int)),
		      } };
	struct iovec parts[] = { { (void *)line, strlen(line) }, { "\n", 1 } };
	struct msghdr msg = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ask:SOCKET LINE, passes the device's file with LINE; prints the reply on a line of its own */
static int ask(struct client *c, UNUSED const unsigned long long *args, const char *text,
	       UNUSED char *answer, UNUSED size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strcspn(text, " "), used = 0;
	char said[4096];
	int sock, ret;
	ssize_t n;

	if (!text[len] || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, text, len);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(sock, (void *)&addr, sizeof(addr)))
		ret = -errno;
	else
		ret = pass(sock, text + len + 1, c->device);
	/* A user who may not make requests gets the reply before the request is read. */
	if (ret == -EPIPE || ret == -ECONNRESET)
		ret = 0;
	while (!ret && used < sizeof(said) - 1) {
		n = read(sock, said + used, sizeof(said) - 1 - used);
		if (n <= 0)
			break;
		used += n;
	}
	said[used] = '\0';
	close(sock);
	if (used)
		printf("said %s", said);
	return ret ?: used ? 0 : -EPIPE;
}

const struct step ask_steps[] = {
	{ "ask", ask },
	{ NULL, NULL },
};
