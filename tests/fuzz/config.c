// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer harness for the parser of the configuration: two documents, as with drop-ins. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The number of mistakes in a document; @all: look for more after the first one. */
struct mistakes {
	unsigned int count;
	bool all;
};

static bool take_mistake(const struct json_mistake *e, void *arg)
{
	struct mistakes *m = arg;

	if (!e->line || !e->column || !e->message[0])
		abort();
	m->count++;
	return m->all;
}

/* The program relies on this after a document, from entry @i on, was taken or refused. */
static void check(const struct config *c, size_t i, int ret, const char *text, size_t len,
		  const struct mistakes *m)
{
	char buf[PCI_NAME_LEN];

	if (ret) {
		if (ret != -22 || !m->count || (!m->all && m->count > 1))
			abort();
		return;
	}
	if (m->count)
		abort();
	if (memchr(text, '\0', len))
		abort();
	for (; i < c->count; i++) {
		const struct config_entry *entry = c->entries[i];

		if (!entry->sel.text || entry->sel.kind == SELECTOR_BAD || entry->order != i)
			abort();
		/* these are written to the kernel */
		if (entry->want[SET_TDI_ID] &&
		    (tdi_id_parse(entry->want[SET_TDI_ID], buf, sizeof(buf)) ||
		     strcmp(buf, entry->want[SET_TDI_ID])))
			abort();
		if (entry->want[SET_TSM] && strcmp(entry->want[SET_TSM], "none") &&
		    !tsm_is_name(entry->want[SET_TSM]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *split = memchr(data, 0xff, size);
	size_t first = split ? (size_t)(split - (const char *)data) : size;
	struct config config = { 0 };
	size_t done = 0;

	/* the program goes on with the second one only if it looks for all mistakes */
	while (done <= size) {
		size_t len = done ? size - done : first, entry = config.count;
		struct mistakes m = { .all = !done };
		char *text = malloc(len + 1);
		int ret;

		memcpy(text, data + done, len);
		text[len] = '\0';
		ret = config_parse(&config, text, len, take_mistake, &m);
		check(&config, entry, ret, text, len, &m);
		free(text);
		done += len + 1;
	}
	config_free(&config);
	return 0;
}
