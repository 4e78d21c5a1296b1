// SPDX-License-Identifier: GPL-2.0-or-later
/* Places for requests of guests, see places.h. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper/service/places.h"

/* The place of one process of a client. */
struct place {
	_Atomic uid_t uid;
	_Atomic unsigned int most;
	_Atomic bool taken;
	/* the cdev of the request in progress, or 0 */
	_Atomic dev_t device;
};

/**
 * struct shared - memory that all processes share, and that each of them could corrupt
 * @lock: process that looks for a place, or 0
 * @all: one for each process
 */
struct shared {
	_Atomic pid_t lock;
	struct place all[];
};

/**
 * struct places - all places
 * @shared: in shared memory
 * @count: how many there are
 */
struct places {
	struct shared *shared;
	size_t count;
};

/* How long to wait for another process that looks for a place, which is quick, in ms */
#define WAIT_MS 1000

static size_t size_of(size_t count)
{
	return sizeof(struct shared) + count * sizeof(struct place);
}

struct places *places_new(size_t count)
{
	struct places *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	p->count = count;
	p->shared = mmap(NULL, size_of(count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (p->shared != MAP_FAILED)
		return p;
	free(p);
	return NULL;
}

void places_free(struct places *p)
{
	if (!p)
		return;
	munmap(p->shared, size_of(p->count));
	free(p);
}

void places_enter(struct places *p, size_t at, uid_t uid, unsigned int most)
{
	p->shared->all[at].taken = false;
	p->shared->all[at].device = 0;
	p->shared->all[at].uid = uid;
	p->shared->all[at].most = most;
}

void places_leave(struct places *p, size_t at, pid_t pid)
{
	pid_t holder = pid;

	p->shared->all[at].device = 0;
	p->shared->all[at].taken = false;
	/* in case the process was killed while it looked for a place */
	atomic_compare_exchange_strong(&p->shared->lock, &holder, 0);
}

bool places_has(const struct places *p, size_t at)
{
	return p->shared->all[at].taken;
}

static int look(const struct places *p, const struct place *own, dev_t device)
{
	unsigned int all = 0, mine = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (!p->shared->all[i].taken)
			continue;
		if (p->shared->all[i].device == device)
			return -EBUSY;
		all++;
		mine += p->shared->all[i].uid == own->uid;
	}
	return all < own->most && mine < PLACES_PER_USER ? 0 : -EAGAIN;
}

int places_claim(struct places *p, size_t at, dev_t device)
{
	pid_t self = getpid(), nobody = 0;
	int ret;

	for (int i = 0; !atomic_compare_exchange_strong(&p->shared->lock, &nobody, self); i++) {
		if (i == WAIT_MS)
			return -EAGAIN;
		nobody = 0;
		poll(NULL, 0, 1);
	}
	ret = look(p, &p->shared->all[at], device);
	if (!ret) {
		p->shared->all[at].device = device;
		p->shared->all[at].taken = true;
	}
	p->shared->lock = 0;
	return ret;
}

void places_finish(struct places *p, size_t at)
{
	p->shared->all[at].device = 0;
}
