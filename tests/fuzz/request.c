// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer harness for the parser of requests, which tsm-bind-helper reads from any user.
 * A request that is taken must be consistent.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "helper/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct request *r)
{
	struct pci_addr addr;
	char name[PCI_NAME_LEN];

	if (request_kind(request_name(r->kind)) != r->kind)
		abort();
	if (pci_addr_parse(r->device, &addr))
		abort();
	pci_addr_name(&addr, name);
	if (strcmp(name, r->device))
		abort();
	if (r->vdevice_id && r->kind != REQUEST_BIND)
		abort();
	if (r->kind != REQUEST_GUEST && (r->scope || r->request_len || r->response_len))
		abort();
	if (r->kind == REQUEST_GUEST && !r->request_len)
		abort();
	if (r->scope > TSMBIND_SCOPE_STATE_CHANGE || r->request_len > REQUEST_BYTES_MAX ||
	    r->response_len > REQUEST_BYTES_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request r, untouched;
	struct json_fault f = { .message = "" };
	char *line = malloc(size + 1);
	int ret;

	/* a copy of exactly this size, so that a read beyond it is seen */
	memcpy(line, data, size);
	line[size] = '\0';
	memset(&r, 0x5a, sizeof(r));
	untouched = r;
	ret = request_parse(line, &r, &f);
	if (!ret)
		check(&r);
	else if (!f.message[0] || memcmp(&r, &untouched, sizeof(r)))
		abort();
	free(line);
	return 0;
}
