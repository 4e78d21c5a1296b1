/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's request; tsm-bind-helper(7) has the protocol. */
#ifndef TSM_HELPER_PROTOCOL_H
#define TSM_HELPER_PROTOCOL_H

#include <tsmbind.h>

#include "common/bdf.h"
#include "common/json.h"

#define PROTOCOL_VERSION 1
/* Most bytes of a request of a guest, and of the response; the kernel has the same limit */
#define REQUEST_BYTES_MAX 0x100000

/* What can be asked for; bits, for the configuration. */
enum request_kind {
	REQUEST_BIND = 1 << 0,
	REQUEST_UNBIND = 1 << 1,
	REQUEST_STATE = 1 << 2,
	REQUEST_GUEST = 1 << 3, /* "request": pass a request of the guest to the TSM */
};

/**
 * struct request - a request of a client
 * @kind: its kind
 * @device: address in the kernel's form
 * @vdevice_id: vDEVICE of the client's iommufd, or 0
 * @scope: what the guest's request may do
 * @request_len: bytes of the guest's request, from 1 to REQUEST_BYTES_MAX
 * @response_len: size of the buffer for the response, at most REQUEST_BYTES_MAX
 */
struct request {
	enum request_kind kind;
	char device[PCI_NAME_LEN];
	uint32_t vdevice_id;
	enum tsmbind_scope scope;
	uint32_t request_len;
	uint32_t response_len;
};

/**
 * request_parse() - read a request
 * @line: any bytes except NUL, terminated
 * @r: out; untouched on failure
 * @f: out on failure, the mistake: its message, and its path if a key is there twice
 *
 * The line must be one object with the keys version, request and device. A bind may also have
 * vdevice_id. A request of the guest must also have scope, request_len and response_len. Other
 * keys are errors.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int request_parse(const char *line, struct request *r, struct json_fault *f);

/**
 * request_kind() - look up a kind of requests by its name
 * @name: bind, unbind, state or request
 *
 * Return: the kind, or 0.
 */
unsigned int request_kind(const char *name);

/**
 * request_name() - look up the name of a kind of requests
 * @kind: the kind
 *
 * Return: the name.
 */
const char *request_name(enum request_kind kind);

/**
 * request_files() - how many files may come with a request
 * @kind: its kind
 *
 * Return: the number.
 */
unsigned int request_files(enum request_kind kind);

#endif
