// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dsm-ask: do one step after the other on a tsm-dsm, as the firmware does behind a kernel,
 * and in the place of QEMU.
 *
 *	dsm-ask [--root FILE] PORT STEP...
 *	dsm-ask [--root FILE] PORT -		one step a line, from standard input
 *
 *	connect, disconnect	the session
 *	measurements		print the digests, one a line: index and hexadecimal
 *	chain			print the length of the chain of certificates
 *	evidence HEX		get measurements that are signed over a nonce, and print three lines
 *				in hexadecimal: chain, messages that began the connection, messages
 *				with the measurements
 *	tdisp HEX		send a TDISP request, and print the answer in hexadecimal
 *	raw HEX			send a data object, and print the answer
 *
 * A step that fails prints "STEP: ERROR: problem", and the next one is done. The exit
 * status is 0 if all succeeded, 1 if one failed, 2 for wrong usage, 3 without a connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firmware/record.h"
#include "firmware/session.h"

static uint8_t root[4096];
static int fd;

static int send_all(const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	return n == (ssize_t)len ? 0 : -EPIPE;
}

static int receive_all(void *bytes, size_t len)
{
	ssize_t n = len ? recv(fd, bytes, len, MSG_WAITALL) : 0;

	return n == (ssize_t)len ? 0 : -ECONNRESET;
}

/* QEMU's protocol: command, transport, length, in big endian */
static int carry(void *arg, const uint8_t *object, size_t len, uint8_t *answer, size_t *answer_len)
{
	uint32_t header[3] = { htonl(1), htonl(2), htonl((uint32_t)len) };
	int ret;

	(void)arg;
	ret = send_all(header, sizeof(header)) ?:
		      send_all(object, len)    ?:
						 receive_all(header, sizeof(header));
	if (ret)
		return ret;
	*answer_len = ntohl(header[2]);
	if (*answer_len > SESSION_OBJECT_MAX)
		return -EMSGSIZE;
	return receive_all(answer, *answer_len);
}

static size_t unhex(const char *text, uint8_t *to, size_t size)
{
	size_t len = 0;
	unsigned int byte;

	for (; len < size && sscanf(text, "%2x", &byte) == 1 && text[1]; text += 2)
		to[len++] = (uint8_t)byte;
	return len;
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
}

/* Blocks of DSP0274: index, specification, length; type, length, digest */
static void print_blocks(const struct session *session)
{
	size_t len;
	const uint8_t *at = session_blocks(session, &len);

	while (len >= 7) {
		size_t size = at[2] | (size_t)at[3] << 8;

		if (size < 3 || size > len - 4)
			break;
		printf("%u ", at[0]);
		print_hex(at + 7, size - 3);
		at += 4 + size;
		len -= 4 + size;
	}
}

static int print_evidence(struct session *session, const uint8_t *nonce)
{
	const struct record *record = session_record(session);
	int ret = session_measure(session, nonce);
	size_t len;
	const uint8_t *chain = session_chain(session, &len);

	if (ret)
		return ret;
	print_hex(chain, len);
	print_hex(record->vca, record->vca_len);
	print_hex(record->measurements, record->measurements_len);
	return 0;
}

static int step(struct session *session, const char *name, const char *value)
{
	uint8_t request[SESSION_TDISP_MAX] = { 0 }, answer[SESSION_OBJECT_MAX];
	size_t size = sizeof(answer), len;
	int ret;

	if (!strcmp(name, "connect"))
		return session_connect(session);
	if (!strcmp(name, "disconnect"))
		return session_disconnect(session);
	if (!strcmp(name, "measurements")) {
		print_blocks(session);
		return 0;
	}
	if (!strcmp(name, "chain")) {
		session_chain(session, &len);
		printf("%zu\n", len);
		return 0;
	}
	len = unhex(value, request, sizeof(request));
	if (!strcmp(name, "evidence"))
		return print_evidence(session, request);
	if (!strcmp(name, "raw"))
		ret = carry(NULL, request, len, answer, &size);
	else
		ret = session_tdisp(session, request, len, answer, &size);
	if (!ret)
		print_hex(answer, size);
	return ret;
}

static int dial(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons((uint16_t)atoi(port));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

static size_t read_root(const char *path)
{
	FILE *file = fopen(path, "rbe");
	size_t len = file ? fread(root, 1, sizeof(root), file) : 0;

	if (file)
		fclose(file);
	return len;
}

static bool takes_value(const char *name)
{
	return !strcmp(name, "tdisp") || !strcmp(name, "raw") || !strcmp(name, "evidence");
}

/* Returns 1 if the step failed, else 0. */
static int do_step(struct session *session, const char *name, const char *value)
{
	int ret = step(session, name, value);

	if (ret)
		printf("%s: %s: %s\n", name, strerrorname_np(-ret), session_problem(session));
	fflush(stdout);
	return !!ret;
}

static int do_words(struct session *session, char **words)
{
	int failed = 0;

	for (; *words; words++) {
		const char *name = *words;

		if (takes_value(name) && !*++words)
			return 2;
		failed |= do_step(session, name, *words);
	}
	return failed;
}

static int do_lines(struct session *session)
{
	char name[32], value[2 * SESSION_OBJECT_MAX + 1];
	int failed = 0;

	while (scanf("%31s", name) == 1) {
		if (takes_value(name) && scanf("%9216s", value) != 1)
			return 2;
		failed |= do_step(session, name, value);
	}
	return failed;
}

int main(int argc, char **argv)
{
	struct session *session = session_new(carry, NULL);
	int failed, at = 1;

	if (argc > 3 && !strcmp(argv[1], "--root")) {
		session_trust(session, root, read_root(argv[2]));
		at = 3;
	}
	if (!session || argc - at < 2)
		return 2;
	if (dial(argv[at]))
		return 3;
	failed = !strcmp(argv[at + 1], "-") ? do_lines(session) : do_words(session, argv + at + 1);
	session_free(session);
	close(fd);
	return failed;
}
