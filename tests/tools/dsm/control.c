// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults and functions, from the command line or the control file. Each line of the file is
 *
 *	fault FAULT[@REQUEST]		as --fault
 *	bar FUNCTION:BAR:FIRST:SIZE	as --bar
 *
 * The file stands for everything of its kind: without a line "fault" there is no fault.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dsm.h"

static const char *const faults[] = {
	[DSM_NO_FAULT] = "none",   [DSM_SIGNATURE] = "signature",
	[DSM_EXPIRED] = "expired", [DSM_MEASUREMENT] = "measurement",
	[DSM_MAC] = "mac",	   [DSM_NONCE] = "nonce",
	[DSM_ERROR] = "error",	   [DSM_SILENCE] = "silence",
	[DSM_LONG] = "long",	   [DSM_LOST] = "lost",
	[DSM_RANDOM] = "random",
};

/**
 * dsm_set_fault() - set what goes wrong
 * @text: name of the fault, with @REQUEST for only one kind of request
 *
 * Return: 0; -EINVAL if there is no such fault, or the name of the request is too long.
 */
int dsm_set_fault(const char *text)
{
	const char *at = strchr(text, '@');
	size_t len = at ? (size_t)(at - text) : strlen(text);

	at = at ? at + 1 : "";
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (strlen(faults[i]) != len || strncmp(faults[i], text, len))
			continue;
		if (strlen(at) >= sizeof(dsm.fault_at))
			return -EINVAL;
		dsm.fault = (enum dsm_fault)i;
		strcpy(dsm.fault_at, at);
		return 0;
	}
	return -EINVAL;
}

static struct dsm_function *function(uint32_t id)
{
	for (size_t i = 0; i < dsm.count; i++) {
		if (dsm.functions[i].id == id)
			return &dsm.functions[i];
	}
	if (dsm.count == DSM_FUNCTIONS)
		return NULL;
	dsm.functions[dsm.count].id = id;
	return &dsm.functions[dsm.count++];
}

/**
 * dsm_add_bar() - add a BAR, and its function
 * @text: FUNCTION:BAR:FIRST:SIZE in hexadecimal, where FUNCTION is the requester ID or
 *	the function ID with a segment. SIZE 0 only adds the function.
 *
 * Return: 0; -EINVAL for another text; -ENOSPC for too many functions.
 */
int dsm_add_bar(const char *text)
{
	struct dsm_function *fn;
	unsigned int bar;
	uint64_t first, size;
	uint32_t id;
	int end = 0;

	if (sscanf(text, "%" SCNx32 ":%x:%" SCNx64 ":%" SCNx64 "%n", &id, &bar, &first, &size,
		   &end) != 4 ||
	    text[end] || bar >= DSM_BARS || size > UINT64_MAX - first)
		return -EINVAL;
	fn = function(id);
	if (!fn)
		return -ENOSPC;
	fn->bars[bar] = (struct dsm_bar){ .first = first, .size = size };
	return 0;
}

/**
 * dsm_read_control() - read the control file, if there is one
 *
 * Return: 0, also if the file is not there; -EINVAL for a line that is wrong.
 */
int dsm_read_control(void)
{
	char line[256];
	FILE *file;
	int ret = 0;

	file = dsm.control ? fopen(dsm.control, "re") : NULL;
	if (!file)
		return 0;
	dsm_set_fault("none");
	while (!ret && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "fault ", 6))
			ret = dsm_set_fault(line + 6);
		else if (!strncmp(line, "bar ", 4))
			ret = dsm_add_bar(line + 4);
		else if (*line)
			ret = -EINVAL;
	}
	if (ret)
		fprintf(stderr, "tsm-dsm: %s: wrong line: %s\n", dsm.control, line);
	fclose(file);
	return ret;
}

/**
 * dsm_faulty() - whether a fault is to happen at the present request
 * @fault: the fault
 */
bool dsm_faulty(enum dsm_fault fault)
{
	return dsm.fault == fault && (!dsm.fault_at[0] || !strcmp(dsm.fault_at, dsm.request));
}

/**
 * dsm_scramble() - perhaps change an answer at random, which is a fault
 * @message: the SPDM message
 * @len: its length
 * @size: room for it
 *
 * Some bytes get another value, and one answer in four another length. The device then encrypts and
 * sends the message as its own, so that the requester must look at what is in it.
 *
 * Return: its new length.
 */
size_t dsm_scramble(uint8_t *message, size_t len, size_t size)
{
	static const uint8_t borders[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	if (!len)
		return len;
	/* Most messages stay, so that some sessions come far. */
	if (rand_r(&dsm.seed) % 8)
		return len;
	for (int i = rand_r(&dsm.seed) % 4; i >= 0; i--) {
		/* The important bytes are the first ones. */
		size_t end = rand_r(&dsm.seed) % 2 && len > 48 ? 48 : len;
		size_t at = (size_t)rand_r(&dsm.seed) % end;

		if (rand_r(&dsm.seed) % 2)
			message[at] = (uint8_t)rand_r(&dsm.seed);
		else
			message[at] = borders[rand_r(&dsm.seed) % sizeof(borders)];
	}
	if (rand_r(&dsm.seed) % 4)
		return len;
	size = rand_r(&dsm.seed) % 2 ? len + 1 : size + 1;
	size = (size_t)rand_r(&dsm.seed) % size;
	if (size > len)
		memset(message + len, rand_r(&dsm.seed), size - len);
	return size;
}
