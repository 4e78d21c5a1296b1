/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that answer clients, and those that close what clients have left.
 *
 * A file that a client has sent can stall whoever has its last reference, for as long
 * as the client likes and beyond SIGKILL: if its file system is a user's own, or its
 * socket lingers. Until it is received, it belongs to the client's socket. So this
 * process never closes the last copy of such a socket. It is always a child that does,
 * and children are counted, for the account of the client that they are for: who
 * stalls them harms himself.
 */
#ifndef TSM_HELPER_CLIENTS_H
#define TSM_HELPER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/service/rules.h"

/*
 * Processes for one account at a time; all strangers together are one. A process with a
 * place for a request of a guest does not count, see places.h.
 */
#define CLIENTS_PER_ACCOUNT 8
/* When a process could not be started, it is tried again after this time. */
#define CLIENTS_RETRY_MS 1000

struct clients;
struct places;

/**
 * struct client - a client
 * @fd: its socket
 * @peer: who it is
 * @standing: what the rules know of it
 * @places: in its own process, the places for requests of guests
 * @number: in its own process, the number of that process in @places
 */
struct client {
	int fd;
	struct peer peer;
	enum standing standing;
	struct places *places;
	size_t number;
};

/* Hears and answers a client; it runs in the client's own process. */
typedef void (*client_fn)(const void *arg, const struct client *c);

/**
 * clients_new() - start without any
 * @answer: for each client that gets a process
 * @arg: for @answer
 *
 * Raises the soft limit of open files, as far as it may.
 *
 * Return: for clients_free(), or NULL if there is no memory.
 */
struct clients *clients_new(client_fn answer, const void *arg);

/**
 * clients_free() - forget about them
 * @cl: the clients, or NULL
 */
void clients_free(struct clients *cl);

/**
 * clients_start() - give a client a process
 * @cl: the clients
 * @c: the client, whose socket is taken along, now or when that is possible
 *
 * Return: 0, or -EAGAIN if its account, or all like it, have as many as they may
 * have; the socket is still the caller's then.
 */
int clients_start(struct clients *cl, const struct client *c);

/**
 * clients_drop() - have the socket of a client that is not heard closed
 * @cl: the clients
 * @c: the client; it has its answer, and both directions are shut down
 */
void clients_drop(struct clients *cl, const struct client *c);

/**
 * clients_ready() - whether one more may be accepted
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_ready(const struct clients *cl);

/**
 * clients_stall() - accept no more, for something was not to be had
 * @cl: the clients
 */
void clients_stall(struct clients *cl);

/**
 * clients_stalled() - whether clients_retry() is to be called after a time
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_stalled(const struct clients *cl);

/**
 * clients_retry() - try again what could not be done
 * @cl: the clients
 */
void clients_retry(struct clients *cl);

/**
 * clients_reap() - see to children that have ended, and to what waits for that
 * @cl: the clients
 */
void clients_reap(struct clients *cl);

/**
 * clients_idle() - whether nobody is being answered
 * @cl: the clients
 *
 * Return: true if so.
 */
bool clients_idle(const struct clients *cl);

/**
 * clients_leave() - at the end: have all that is left closed
 * @cl: the clients
 * @listen: the listening socket, with clients that were not accepted
 *
 * The caller's own copies are closed.
 */
void clients_leave(struct clients *cl, int listen);

#endif
