// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer harness for the list of allowed measurements. A list that is accepted is compared with
 * the measurements of a device.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/allowed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct allowed *list)
{
	static const uint8_t value[] = { 0x00, 0x11, 0x22, 0x33 };
	static struct spdm_measurements m;
	char why[ALLOWED_WHY_LEN] = "";

	/* values of each length from 0 on */
	m.count = sizeof(value) + 1;
	for (size_t i = 0; i < m.count; i++)
		m.blocks[i] =
			(struct spdm_block){ .index = (uint8_t)(i + 1), .value = { value, i } };
	if (allowed_check(list, &m, "144d:a80a", why) && !allowed_is_name(why))
		abort();
	if (!why[0] || !memchr(why, '\0', sizeof(why)))
		abort();
	/* a device without measurements matches nothing: each entry names some */
	m.count = 0;
	if (allowed_check(list, &m, "144d:a80a", why))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_mistake f = { .line = 0 };
	struct allowed *list;
	char *text = malloc(size + 1);
	int ret;

	memcpy(text, data, size);
	text[size] = '\0';
	ret = allowed_parse(text, size, &list, &f);
	if (ret ? list || !f.line || !f.column || !f.message[0] : !list)
		abort();
	if (!ret)
		check(list);
	allowed_free(list);
	free(text);
	return 0;
}
