/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places for requests of guests.
 *
 * What a client asks for is known in its own process only, and a request of a guest may
 * take as long as a TSM does. So it is not counted among the processes that its user may
 * have. Its process claims a place here instead, in memory that the service shares with
 * the processes of all clients.
 */
#ifndef TSM_HELPER_PLACES_H
#define TSM_HELPER_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Requests of one user's guests at a time; for a function there is one. */
#define PLACES_PER_USER 16

struct places;

/**
 * places_new() - make the shared memory
 * @count: how many processes there may be
 *
 * Return: for places_free(), or NULL if there is no memory.
 */
struct places *places_new(size_t count);

/**
 * places_free() - give it up
 * @p: the places, or NULL
 */
void places_free(struct places *p);

/**
 * places_enter() - note which user a process is for, before it is started
 * @p: the places
 * @at: the number of the process, below the count
 * @uid: the user
 * @most: it gets a place only if fewer are taken, by all users together
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
 * Return: 0; -EBUSY if a request for this function has a place; -EAGAIN if there are too
 * many, of this user or altogether.
 */
int places_claim(struct places *p, size_t at, dev_t device);

/**
 * places_finish() - in a client's process: let the next request of the function have a place
 * @p: the places
 * @at: the number of this process
 *
 * The process keeps its own place, if it has one, until it has ended. What its client has
 * sent can hold it up until then, and must not cost more than a place.
 */
void places_finish(struct places *p, size_t at);

#endif
