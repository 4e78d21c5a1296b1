/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's request; tsm-bind-helper(7) has the protocol. */
#ifndef TSM_HELPER_PROTOCOL_H
#define TSM_HELPER_PROTOCOL_H

#include "common/bdf.h"

#define PROTOCOL_VERSION 1

/* What can be asked for; bits, for the configuration. */
enum request_kind {
	REQUEST_BIND = 1 << 0,
	REQUEST_UNBIND = 1 << 1,
	REQUEST_STATE = 1 << 2,
};

/**
 * struct request - a request
 * @kind: what is asked for
 * @device: address in the kernel's form
 * @vdevice_id: vDEVICE of the client's iommufd, or 0
 */
struct request {
	enum request_kind kind;
	char device[PCI_NAME_LEN];
	uint32_t vdevice_id;
};

/**
 * request_parse() - read a request
 * @line: JSON, of any bytes but NUL, terminated
 * @r: out; untouched on failure
 * @why: out on failure, what is wrong
 *
 * Takes one object with the keys version, request, device and, for a bind,
 * vdevice_id, and nothing else.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int request_parse(const char *line, struct request *r, const char **why);

/**
 * request_kind() - a request's kind by its name
 * @name: bind, unbind or state
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

#endif
