/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places for requests of guests.
 *
 * A request of a guest may take as long as a TSM needs, so its process does not count among
 * the processes that its user may have. But only that process can see what its client asks
 * for. So it claims a place here instead, in memory that the service shares with the
 * processes of all clients.
 */
#ifndef TSM_HELPER_PLACES_H
#define TSM_HELPER_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Requests of one user's guests at a time; a function can have one at a time. */
#define PLACES_PER_USER 16

struct places;

/**
 * places_new() - make the shared memory
 * @count: how many processes there may be
 *
 * Return: the places, for places_free(), or NULL if there is no memory.
 */
struct places *places_new(size_t count);

/**
 * places_free() - free the shared memory
 * @p: the places, or NULL
 */
void places_free(struct places *p);

/**
 * places_enter() - note which user a process is for, before it is started
 * @p: the places
 * @at: the number of the process, below the count
 * @uid: the user
 * @most: the process gets a place only if all users together have fewer than this
 */
void places_enter(struct places *p, size_t at, uid_t uid, unsigned int most);

/**
 * places_leave() - note that a process has ended
 * @p: the places
 * @at: its number
 * @pid: its process ID
 */
void places_leave(struct places *p, size_t at, pid_t pid);

/**
 * places_has() - whether a process has a place for a request of a guest
 * @p: the places
 * @at: its number
 *
 * Return: true if so.
 */
bool places_has(const struct places *p, size_t at);

/**
 * places_claim() - in a client's process: get a place for a request of a guest
 * @p: the places
 * @at: the number of this process
 * @device: device number of the function's cdev
 *
 * Return: 0; -EBUSY if a request for this function has a place; -EAGAIN if this user or all
 * users together have too many places.
 */
int places_claim(struct places *p, size_t at, dev_t device);

/**
 * places_finish() - in a client's process: let the next request of the function have a place
 * @p: the places
 * @at: the number of this process
 *
 * The process keeps its own place, if it has one, until it has ended: files from its client
 * can delay that, and a process that they delay must still count.
 */
void places_finish(struct places *p, size_t at);

#endif
