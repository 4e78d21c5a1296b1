// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The capture: a line for each message, with the direction (> from the host, < from the
 * device, ! for what a fault has changed or suppressed), the bytes on the wire, and the
 * decrypted SPDM message, both in hexadecimal. What is empty is written as -.
 */
#include "dsm.h"

static void put(const uint8_t *bytes, size_t len)
{
	fputc(' ', dsm.capture);
	if (!len)
		fputc('-', dsm.capture);
	for (size_t i = 0; i < len; i++)
		fprintf(dsm.capture, "%02x", bytes[i]);
}

/**
 * dsm_capture() - write a message to the capture, if there is one
 * @direction: as above
 * @wire: the bytes on the wire, with the header of the data object
 * @wire_len: how many; 0: none were sent
 * @plain: the SPDM message
 * @plain_len: its length; 0: it could not be decrypted
 */
void dsm_capture(char direction, const uint8_t *wire, size_t wire_len, const uint8_t *plain,
		 size_t plain_len)
{
	if (!dsm.capture)
		return;
	fputc(direction, dsm.capture);
	put(wire, wire_len);
	put(plain, plain_len);
	fputc('\n', dsm.capture);
	fflush(dsm.capture);
}
