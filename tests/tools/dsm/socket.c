// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol of QEMU's -device nvme,spdm_port=PORT. Each message has a header of three
 * numbers of 4 bytes, big endian: command, transport, and how many bytes follow. QEMU
 * waits for the answer to each message, and emulates nothing meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "dsm.h"

#define COMMAND_NORMAL 0x0001
#define COMMAND_SHUTDOWN 0xfffe
#define TRANSPORT_DOE 2
/* The length of a data object in words has 18 bits. */
#define DOE_MAX (4u << 18)

/**
 * dsm_listen() - listen on the loopback interface, and print the port
 * @where: the port; 0: one that is free
 *
 * Return: a socket, or a negative errno.
 */
int dsm_listen(const char *where)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	char *end;
	unsigned long port = strtoul(where, &end, 10);
	int fd, one = 1;

	if (!*where || *end || port > UINT16_MAX)
		return -EINVAL;
	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len)) {
		int error = -errno;

		close(fd);
		return error;
	}
	printf("%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

int dsm_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Reads exactly @len bytes; -ECONNRESET if the peer has closed the connection. */
static int read_all(int fd, void *buf, size_t len)
{
	ssize_t n = len ? recv(fd, buf, len, MSG_WAITALL) : 0;

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ECONNRESET;
}

/* Reads a message that is too long, and forgets it. */
static int skip(int fd, uint8_t room[DSM_MESSAGE_MAX], size_t len)
{
	int ret = 0;

	while (!ret && len) {
		size_t piece = len < DSM_MESSAGE_MAX ? len : DSM_MESSAGE_MAX;

		ret = read_all(fd, room, piece);
		len -= piece;
	}
	return ret;
}

/**
 * dsm_receive() - receive a message
 * @fd: the connection
 * @message: gets it; has room for DSM_MESSAGE_MAX bytes
 * @len: gets its length; 0 if it was longer than that
 *
 * Return: 0; -ECONNRESET at the end of the connection; -EPROTO for another header;
 * another negative errno.
 */
int dsm_receive(int fd, uint8_t *message, size_t *len)
{
	uint32_t header[3];
	int ret = read_all(fd, header, sizeof(header));

	if (ret)
		return ret;
	if (ntohl(header[0]) == COMMAND_SHUTDOWN)
		return -ECONNRESET;
	*len = ntohl(header[2]);
	if (ntohl(header[0]) != COMMAND_NORMAL || ntohl(header[1]) != TRANSPORT_DOE ||
	    *len > DOE_MAX)
		return -EPROTO;
	if (*len <= DSM_MESSAGE_MAX)
		return read_all(fd, message, *len);
	ret = skip(fd, message, *len);
	*len = 0;
	return ret;
}

/**
 * dsm_send() - send a message
 * @fd: the connection
 * @message: the message
 * @len: its length; 0: QEMU's mailbox will have no answer
 *
 * Return: 0 or a negative errno.
 */
int dsm_send(int fd, const uint8_t *message, size_t len)
{
	uint8_t frame[12 + DSM_MESSAGE_MAX];
	uint32_t header[3] = { htonl(COMMAND_NORMAL), htonl(TRANSPORT_DOE), htonl((uint32_t)len) };

	if (len > DSM_MESSAGE_MAX)
		return -EMSGSIZE;
	memcpy(frame, header, sizeof(header));
	if (len)
		memcpy(frame + sizeof(header), message, len);
	for (size_t done = 0; done < sizeof(header) + len;) {
		ssize_t n = send(fd, frame + done, sizeof(header) + len - done, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}
