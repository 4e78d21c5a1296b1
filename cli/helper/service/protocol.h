/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's request; tsm-bind-helper(7) has the protocol. */
#ifndef TSM_HELPER_PROTOCOL_H
#define TSM_HELPER_PROTOCOL_H

#include <tsmbind.h>

#include "common/bdf.h"

#define PROTOCOL_VERSION 1
/* Most bytes of a request of a guest, and of the response; the kernel's limit, too */
#define REQUEST_BYTES_MAX 0x100000

/* What can be asked for; bits, for the configuration. */
enum request_kind {
	REQUEST_BIND = 1 << 0,
	REQUEST_UNBIND = 1 << 1,
	REQUEST_STATE = 1 << 2,
	REQUEST_GUEST = 1 << 3, /* "request": one of the guest, to the TSM */
};

/**
 * struct request - a request
 * @kind: what is asked for
 * @device: address in the kernel's form
 * @vdevice_id: vDEVICE of the client's iommufd, or 0
 * @scope: what a request of the guest may do
 * @request_len: its bytes, from 1 to REQUEST_BYTES_MAX
 * @response_len: bytes that there are for the response, at most REQUEST_BYTES_MAX
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
 * @line: JSON, of any bytes but NUL, terminated
 * @r: out; untouched on failure
 * @why: out on failure, what is wrong
 *
 * Takes one object with the keys version, request and device, for a bind perhaps
 * vdevice_id, for a request of the guest also scope, request_len and response_len, and
 * nothing else.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int request_parse(const char *line, struct request *r, const char **why);

/**
 * request_kind() - a request's kind by its name
 * @name: bind, unbind, state or request
 *
 * Return: the kind, or 0.
 */
unsigned int request_kind(const char *name);

/**
 * request_name() - the other way round
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
