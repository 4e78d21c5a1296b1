// SPDX-License-Identifier: GPL-2.0-or-later
/* sd_notify() and sd_listen_fds() without the library, see systemd.h. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"
#include "helper/systemd.h"

static struct sockaddr_un where;
static socklen_t where_len;
static int notify = -1;

static unsigned int number(const char *name)
{
	const char *text = getenv(name);
	unsigned int v = 0;

	return text && !util_parse_u32(text, &v) ? v : 0;
}

int systemd_listen(void)
{
	int type = 0, listening = 0, domain = 0;
	socklen_t len = sizeof(int);

	if (number("LISTEN_PID") != (unsigned int)getpid() || number("LISTEN_FDS") != 1)
		return -ENOENT;
	if (getsockopt(SYSTEMD_LISTEN_FD, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    getsockopt(SYSTEMD_LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ||
	    getsockopt(SYSTEMD_LISTEN_FD, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		return -EPROTOTYPE;
	return type == SOCK_STREAM && listening && domain == AF_UNIX ? 0 : -EPROTOTYPE;
}

int systemd_look(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(where.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -ENOENT;
	where.sun_family = AF_UNIX;
	memcpy(where.sun_path, path, len);
	/* @ stands for the NUL in front of an abstract name */
	if (path[0] == '@')
		where.sun_path[0] = '\0';
	where_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int systemd_connect(void)
{
	if (!where_len)
		return 0;
	notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify < 0)
		return -errno;
	return connect(notify, (struct sockaddr *)&where, where_len) ? -errno : 0;
}

void systemd_tell(const char *text)
{
	/* if systemd is not there, the device stays bound all the same */
	if (notify >= 0)
		send(notify, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void systemd_forget(void)
{
	util_close(&notify);
	notify = -1;
}
