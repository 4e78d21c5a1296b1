// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The capture as text: a line for each message, which has the direction, the kind of the
 * data object, its length, and the name and the important fields of the message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dsm.h"

/* Room for a line with two messages in hexadecimal */
#define LINE_MAX_SIZE (4 * DSM_MESSAGE_MAX + 16)

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Reads a word in hexadecimal, or "-". Returns the number of bytes, or -EINVAL. */
static int unhex(const char *word, uint8_t *to, size_t size)
{
	size_t len = strlen(word);

	if (!strcmp(word, "-"))
		return 0;
	if (len % 2 || len / 2 > size || strspn(word, "0123456789abcdef") != len)
		return -EINVAL;
	for (size_t i = 0; i < len / 2; i++) {
		unsigned int byte;

		sscanf(word + 2 * i, "%2x", &byte);
		to[i] = (uint8_t)byte;
	}
	return (int)(len / 2);
}

static void print_tdisp(const uint8_t *message, size_t len)
{
	static const char *const states[] = { "CONFIG_UNLOCKED", "CONFIG_LOCKED", "RUN", "ERROR" };

	printf(" interface %#x", get32(message + 4));
	if (message[1] == 0x05 && len > 16 && message[16] < 4)
		printf(" %s", states[message[16]]);
	if (message[1] == 0x04 && len >= 20)
		printf(" %u bytes, %u left", message[16] | message[17] << 8,
		       message[18] | message[19] << 8);
	if (message[1] == 0x7f && len >= 20)
		printf(" %s", dsm_error_name(get32(message + 16)));
}

static void print_message(char direction, const uint8_t *wire, size_t wire_len,
			  const uint8_t *plain, size_t plain_len)
{
	bool secured = wire_len > 2 && wire[2] == 2;
	const uint8_t *tdisp;
	size_t left;

	printf("%c %s %zu", direction, secured ? "secured" : "plain", wire_len);
	if (secured && wire_len >= 12)
		printf(" session %#x", get32(wire + 8));
	if (!wire_len)
		printf(" not sent");
	printf(" %s", plain_len ? dsm_name(plain, plain_len) : "unreadable");
	tdisp = dsm_tdisp_of(plain, plain_len, &left);
	if (tdisp)
		print_tdisp(tdisp, left);
	else if (plain_len > 2 && plain[1] == 0x7f)
		printf(" %#x", plain[2]);
	putchar('\n');
}

/**
 * dsm_decode() - print a capture
 * @path: the file
 *
 * Return: 0; -EINVAL if a line is not that of a capture; -ENOMEM; an error of the file.
 */
int dsm_decode(const char *path)
{
	static char line[LINE_MAX_SIZE], first[LINE_MAX_SIZE], second[LINE_MAX_SIZE];
	static uint8_t wire[DSM_MESSAGE_MAX], plain[DSM_MESSAGE_MAX];
	FILE *file = fopen(path, "re");
	int ret = 0;

	if (!file)
		return -errno;
	while (!ret && fgets(line, sizeof(line), file)) {
		int wire_len, plain_len;
		char direction;

		if (sscanf(line, "%c %s %s", &direction, first, second) != 3 ||
		    !strchr("<>!", direction)) {
			ret = -EINVAL;
			break;
		}
		wire_len = unhex(first, wire, sizeof(wire));
		plain_len = unhex(second, plain, sizeof(plain));
		if (wire_len < 0 || plain_len < 0)
			ret = -EINVAL;
		else
			print_message(direction, wire, (size_t)wire_len, plain, (size_t)plain_len);
	}
	fclose(file);
	return ret;
}
