// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration space: reads in all widths, writes byte by byte and wider. */
#include <stdio.h>
#include <string.h>

#include <linux/vfio.h>

#include "transcript.h"

#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX
#define ROW 16

/*
 * Reads of @width at every offset, or at every multiple of it. Prints a row for each 16
 * offsets, but only the first of equal rows.
 */
static void show_width(const struct target *t, unsigned int width, unsigned int step, size_t size)
{
	char row[ROW * (2 * 8 + 2) + 64], last[sizeof(row)] = "";
	uint8_t bytes[8];

	for (size_t start = 0; start < size; start += ROW) {
		char *p = row;

		for (size_t pos = start; pos < start + ROW; pos += step) {
			ssize_t ret;

			memset(bytes, 0, sizeof(bytes));
			ret = get(t, CONFIG, pos, bytes, width);
			if (ret != width)
				p += sprintf(p, "%s", ret < 0 ? "E" : "S");
			for (ssize_t i = ret; i-- > 0;)
				p += sprintf(p, "%02x", bytes[i]);
			*p++ = ' ';
		}
		*p = '\0';
		if (strcmp(row, last))
			printf("%u at %03zx: %s\n", width, start, row);
		strcpy(last, row);
	}
}

void show_config(const struct target *t)
{
	static const struct {
		unsigned int pos, len;
	} odd[] = {
		{ 0, 0 },     { 0, 3 },	   { 1, 3 },	{ 0, 5 },     { 3, 7 },	   { 0, 16 },
		{ 5, 64 },    { 0, 256 },  { 250, 12 }, { 256, 256 }, { 0, 4096 }, { 4093, 3 },
		{ 4090, 16 }, { 4095, 2 }, { 4096, 1 }, { 5000, 4 },  { 0, 8192 },
	};
	size_t size = region_size(t, CONFIG);
	uint8_t bytes[8192];

	title("Configuration space");
	printf("%zu bytes\n", size);
	show_width(t, 1, 1, size);
	show_width(t, 2, 1, size);
	show_width(t, 4, 1, size);
	show_width(t, 8, 8, size);

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		ssize_t len = get(t, CONFIG, odd[i].pos, bytes, odd[i].len);

		say(len, "read %u at %u", odd[i].len, odd[i].pos);
		if (len > 0)
			printf("  %016llx\n", (unsigned long long)digest(bytes, len));
	}
}

/*
 * Writes all ones, and then the former value. Prints the values that were read in between
 * and afterwards, if they differ from the former one. No byte of the devices here had to
 * be left out.
 */
static void write_ones(const struct target *t, size_t pos, unsigned int width)
{
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	uint8_t before[8] = { 0 }, between[8] = { 0 }, after[8] = { 0 };
	ssize_t ret, restored;

	get(t, CONFIG, pos, before, width);
	ret = put(t, CONFIG, pos, ones, width);
	if (ret != width)
		say(ret, "write %u at %03zx", width, pos);
	get(t, CONFIG, pos, between, width);
	restored = put(t, CONFIG, pos, before, width);
	if (restored != width)
		say(restored, "write back %u at %03zx", width, pos);
	get(t, CONFIG, pos, after, width);

	if (memcmp(between, before, width))
		say_bytes(between, width, "ones at %03zx", pos);
	if (memcmp(after, before, width))
		say_bytes(after, width, "restored at %03zx", pos);
}

void show_config_writes(const struct target *t)
{
	static const struct {
		unsigned int pos, len;
	} odd[] = {
		{ 0, 0 },  { 4, 3 },	{ 3, 3 },    { 0x0e, 7 },  { 0x10, 24 },
		{ 0, 64 }, { 0xfe, 4 }, { 4093, 3 }, { 4090, 16 }, { 4096, 1 },
	};
	size_t size = region_size(t, CONFIG);
	uint8_t before[64], ones[64], after[64];

	title("Writes to configuration space");
	memset(ones, 0xff, sizeof(ones));
	for (size_t pos = 0; pos < size; pos++)
		write_ones(t, pos, 1);
	for (size_t pos = 0; pos < size; pos += 2)
		write_ones(t, pos, 2);
	for (size_t pos = 0; pos < size; pos += 4)
		write_ones(t, pos, 4);

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		get(t, CONFIG, odd[i].pos, before, odd[i].len);
		say(put(t, CONFIG, odd[i].pos, ones, odd[i].len), "write %u at %u", odd[i].len,
		    odd[i].pos);
		say_bytes(after, get(t, CONFIG, odd[i].pos, after, odd[i].len), "then");
		say(put(t, CONFIG, odd[i].pos, before, odd[i].len), "write it back");
	}
	say(put(t, CONFIG, 0, NULL, 4), "write from a bad address");
	say(get(t, CONFIG, 0, NULL, 4), "read to a bad address");
}
