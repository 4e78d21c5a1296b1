/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that answer clients, and those that close the sockets of other clients.
 *
 * A client can send a file whose last close stalls as long as the client likes, even after
 * SIGKILL: because a user serves its file system, or because it is a socket that lingers. Until
 * the file is received, it belongs to the client's socket. So the service never closes the
 * last copy of such a socket; a child always does that. Children are counted for the account
 * of their client. So a client that stalls them harms only itself.
 */
#ifndef TSM_HELPER_CLIENTS_H
#define TSM_HELPER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/service/rules.h"

/*
 * Processes for one account at a time; all strangers together are one account. A process
 * with a place for a request of a guest does not count, see places.h.
 */
#define CLIENTS_PER_ACCOUNT 8
/* If a process could not be started, the service tries again after this time. */
#define CLIENTS_RETRY_MS 1000

struct clients;
struct places;

/**
 * struct client - a client
 * @fd: its socket
 * @peer: its user and group
 * @standing: its standing in the rules
 * @places: in the client's process, the places for requests of guests
 * @number: in the client's process, the number of that process in @places
 */
struct client {
	int fd;
	struct peer peer;
	enum standing standing;
	struct places *places;
	size_t number;
};

/* Reads and answers the request of a client, in the client's own process. */
typedef void (*client_fn)(const void *arg, const struct client *c);

/**
 * clients_new() - make an empty set of clients
 * @answer: for each client that gets a process
 * @arg: for @answer
 *
 * The function raises the soft limit of open files as far as allowed.
 *
 * Return: the set, for clients_free(), or NULL if there is no memory.
 */
struct clients *clients_new(client_fn answer, const void *arg);

/**
 * clients_free() - free the set
 * @cl: the clients, or NULL
 */
void clients_free(struct clients *cl);

/**
 * clients_start() - give a client a process
 * @cl: the clients
 * @c: the client, whose socket goes to the process, now or as soon as possible
 *
 * Return: 0, or -EAGAIN if its account or its standing has as many processes as allowed; the
 * socket is still the caller's then.
 */
int clients_start(struct clients *cl, const struct client *c);

/**
 * clients_drop() - have the socket of a client that gets no process closed
 * @cl: the clients
 * @c: the client; it has its answer, and both directions are shut down
 */
void clients_drop(struct clients *cl, const struct client *c);

/**
 * clients_ready() - whether the service may accept one more client
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_ready(const struct clients *cl);

/**
 * clients_stall() - accept no more clients for a time, because a resource was missing
 * @cl: the clients
 */
void clients_stall(struct clients *cl);

/**
 * clients_stalled() - whether clients_retry() must be called after a time
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_stalled(const struct clients *cl);

/**
 * clients_retry() - try again what failed before
 * @cl: the clients
 */
void clients_retry(struct clients *cl);

/**
 * clients_reap() - collect children that have ended, and start what waited for that
 * @cl: the clients
 */
void clients_reap(struct clients *cl);

/**
 * clients_idle() - whether no client is being answered
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_idle(const struct clients *cl);

/**
 * clients_leave() - at the end, have all remaining sockets closed
 * @cl: the clients
 * @listen: the listening socket, with clients that were not accepted, or -1 in the last call
 *
 * The caller's own copies are closed.
 */
void clients_leave(struct clients *cl, int listen);

#endif
