// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzing of the configuration parser: documents, two after another, as drop-ins. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the program relies on after a document was taken, or refused. */
static void check(const struct config *c, int ret, const char *text, size_t len,
		  const struct config_error *e)
{
	char buf[PCI_NAME_LEN];

	if (ret) {
		if (ret != -22 || !e->line || !e->column || !e->message[0])
			abort();
		return;
	}
	if (memchr(text, '\0', len))
		abort();
	for (size_t i = 0; i < c->count; i++) {
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
	struct config_error e;
	size_t done = 0;
	int ret = 0;

	while (!ret && done <= size) {
		size_t len = done ? size - done : first;
		char *text = malloc(len + 1);

		memcpy(text, data + done, len);
		text[len] = '\0';
		ret = config_parse(&config, text, len, &e);
		check(&config, ret, text, len, &e);
		free(text);
		done += len + 1;
	}
	config_free(&config);
	return 0;
}
