// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bind in which a request has acted: a request belongs to the bind in which it begins,
 * and must not act on the next one. Each bind has one generation. Two facts show in which
 * binds a request may have acted:
 *
 *	The message is in a page that is filled in later (late.c), so the kernel stops after
 *	it has read the number of the bind. The generations before the request and at that
 *	moment are the first and the last to which it can belong.
 *
 *	The report has the nonce of the lock, a new one for each bind. Two requests that
 *	read or used the same nonce have acted on the same bind. So their spans must have
 *	a generation in common.
 *
 * A STOP leaves no nonce, but a TDI that is unlocked while the driver has it bound.
 * books.c allows that only in the generations of a STOP.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

#define MAX_CLAIMS 64
#define MAX_STOPS 64

static const struct span no_span = { 1, 0 };

/* A nonce that a response contained, and the binds from which it can be */
static struct claim {
	uint8_t nonce[TDISP_NONCE];
	struct span span;
} claims[MAX_CLAIMS];

static unsigned int nr_claims;
static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;

static struct span stops[MAX_STOPS];
static unsigned int nr_stops;
static pthread_mutex_t stops_lock = PTHREAD_MUTEX_INITIALIZER;

/* Reads the victim's generation, also while it is closed. Returns false without a driver. */
static bool get_generation(uint64_t *generation)
{
	struct vfio_pci_tsm_info info = { .argsz = sizeof(info) };
	char text[32];

	if (!call(victim.fd, VFIO_DEVICE_TSM_INFO, &info)) {
		*generation = info.generation;
		return true;
	}
	if (function_read(functions, "generation", text, sizeof(text)) <= 0)
		return false;
	*generation = strtoull(text, NULL, 10);
	return true;
}

/* Without the driver there is no span: its generations begin anew. */
struct span span_between(uint64_t from, unsigned int rebinds_before)
{
	struct span span = { .from = from };

	if (!from || !get_generation(&span.to) || rebinds.begun != rebinds_before)
		return no_span;
	return span;
}

uint64_t span_begin(unsigned int *rebinds_before)
{
	uint64_t from;

	*rebinds_before = rebinds.begun;
	if (rebinds.ended != *rebinds_before || !get_generation(&from))
		return 0;
	return from;
}

/* The TSM destroys the nonce when the TDI is started. Then the report has zeros. */
static bool is_destroyed(const uint8_t *nonce)
{
	static const uint8_t zeroes[TDISP_NONCE];

	return !memcmp(nonce, zeroes, TDISP_NONCE);
}

/* A request has read @nonce, or has started the TDI with it, in a generation of @span. */
void claim(const char *what, const uint8_t *nonce, struct span span)
{
	struct claim *c = NULL;

	if (span.from > span.to || is_destroyed(nonce))
		return;
	pthread_mutex_lock(&claims_lock);
	for (unsigned int i = 0; i < nr_claims && i < MAX_CLAIMS && !c; i++) {
		if (!memcmp(claims[i].nonce, nonce, TDISP_NONCE))
			c = &claims[i];
	}
	if (!c) {
		c = &claims[nr_claims++ % MAX_CLAIMS];
		memcpy(c->nonce, nonce, TDISP_NONCE);
		c->span = span;
	}
	if (span.from > c->span.to || span.to < c->span.from)
		fail("%s of a bind in generation %llu to %llu, by a request of generation %llu to %llu",
		     what, (unsigned long long)c->span.from, (unsigned long long)c->span.to,
		     (unsigned long long)span.from, (unsigned long long)span.to);
	if (span.from > c->span.from)
		c->span.from = span.from;
	if (span.to < c->span.to)
		c->span.to = span.to;
	pthread_mutex_unlock(&claims_lock);
}

/* The nonce of one of the last binds, mostly an earlier one; false if there is none */
bool choose_nonce(struct thread *t, uint8_t *nonce)
{
	uint64_t which = rnd(t);
	unsigned int count;

	pthread_mutex_lock(&claims_lock);
	count = nr_claims < MAX_CLAIMS ? nr_claims : MAX_CLAIMS;
	if (count)
		memcpy(nonce, claims[which % count].nonce, TDISP_NONCE);
	pthread_mutex_unlock(&claims_lock);
	return count;
}

/* From now on, a STOP may act in each generation since @from. */
unsigned int stop_begin(uint64_t from)
{
	unsigned int which;

	pthread_mutex_lock(&stops_lock);
	which = nr_stops++ % MAX_STOPS;
	stops[which] = (struct span){ from, UINT64_MAX };
	pthread_mutex_unlock(&stops_lock);
	return which;
}

/* The STOP can have acted only in @span. */
void stop_known(unsigned int which, struct span span)
{
	pthread_mutex_lock(&stops_lock);
	stops[which] = span;
	pthread_mutex_unlock(&stops_lock);
}

/* The STOP has ended: it cannot act in later generations, or without a driver. */
void stop_end(unsigned int which)
{
	struct span span = { 0 };

	stop_known(which, get_generation(&span.to) ? span : no_span);
}

/* Whether a STOP of the guest may have unlocked the victim's TDI in @generation. */
bool was_stopped(uint64_t generation)
{
	bool found = false;

	pthread_mutex_lock(&stops_lock);
	for (unsigned int i = 0; i < nr_stops && i < MAX_STOPS; i++)
		found |= stops[i].from <= generation && generation <= stops[i].to;
	pthread_mutex_unlock(&stops_lock);
	return found;
}
