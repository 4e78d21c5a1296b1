// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that misbehaves.
 *
 * Each thread has a buffer of two pages, mapped twice. The kernel gets the first mapping.
 * A separate thread, the flipper, unmaps and protects its second page all the time. An
 * operation fills the buffer through the other mapping. The flipper also changes the
 * bytes of flip between their two contents while the kernel reads them.
 *
 * BARs are mapped at addresses that were reserved at the beginning, over the reservation
 * or over another mapping. They are unmapped by a new reservation. So a thread that
 * touches one too late gets a signal, and never other memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define PAGE 4096

size_t bar_size[MAX_BARS];

static uint8_t *windows[MAX_BARS];
static atomic_bool stop;
static pthread_t flipper;
static __thread sigjmp_buf touched;
static __thread volatile sig_atomic_t touching;

static void on_fault(int sig)
{
	if (touching)
		siglongjmp(touched, 1);
	signal(sig, SIG_DFL);
}

/* Reserves addresses without memory. */
static void reserve(void *at, size_t size)
{
	if (mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		fail("cannot reserve memory: %s", answer_name(-errno));
}

/* A file in memory, for both mappings of each thread */
static int backing = -1;

/* Changes the second page: it is gone, read-only, forbidden or accessible. */
static void change_page(struct thread *t, unsigned int how)
{
	uint8_t *page = t->buffer + PAGE;

	switch (how % 4) {
	case 0:
		/* The kernel finds no memory there, and malloc() no free addresses. */
		reserve(page, PAGE);
		break;
	case 1:
		mprotect(page, PAGE, PROT_NONE);
		break;
	case 2:
		mprotect(page, PAGE, PROT_READ);
		break;
	default:
		mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, backing,
		     (2 * t->number + 1) * PAGE);
	}
}

static bool flip(struct thread *t)
{
	bool active;

	t->flip.busy = true;
	active = t->flip.active;
	if (active) {
		for (int i = 0; i < 32; i++) {
			memcpy(t->alias + t->flip.offset, t->flip.content[i & 1], t->flip.length);
			atomic_signal_fence(memory_order_seq_cst);
		}
	}
	t->flip.busy = false;
	return active;
}

static void *flipper_run(void *unused)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	uint64_t x = seed;

	while (!stop) {
		bool any = false;

		for (unsigned int i = 0; i < nr_threads; i++)
			any |= flip(threads[i]);
		x = mix(x);
		if (!(x & 15))
			change_page(threads[(x >> 8) % nr_threads], x >> 32);
		/* Leave a processor to the other threads. */
		if (any)
			sched_yield();
		else
			nanosleep(&moment, NULL);
	}
	return unused;
}

void memory_init(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (int bar = 0; bar < MAX_BARS; bar++) {
		size_t size = bar_size[bar] < MAX_WINDOW ? bar_size[bar] : MAX_WINDOW;

		if (!size)
			continue;
		windows[bar] = mmap(NULL, size, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (windows[bar] == MAP_FAILED)
			fail("cannot reserve memory: %s", answer_name(-errno));
	}
	if (pthread_create(&flipper, NULL, flipper_run, NULL))
		fail("cannot start a thread");
}

void memory_stop(void)
{
	stop = true;
	pthread_join(flipper, NULL);
}

/* Runs before memory_init(). */
void thread_memory_init(struct thread *t)
{
	off_t offset = 2 * t->number * PAGE;

	if (backing < 0)
		backing = memfd_create("vfio-attack", MFD_CLOEXEC);
	if (backing < 0 || ftruncate(backing, offset + 2 * PAGE))
		fail("memory: %s", answer_name(-errno));
	t->buffer = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, backing, offset);
	t->alias = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, backing, offset);
	if (t->buffer == MAP_FAILED || t->alias == MAP_FAILED)
		fail("memory: %s", answer_name(-errno));
}

/* From now to flip_end(), the bytes at @offset of the buffer change between @a and @b. */
void flip_begin(struct thread *t, size_t offset, const uint8_t *a, const uint8_t *b, size_t length)
{
	t->flip.offset = offset;
	t->flip.length = length;
	memcpy(t->flip.content[0], a, length);
	memcpy(t->flip.content[1], b, length);
	t->flip.active = true;
}

void flip_end(struct thread *t)
{
	t->flip.active = false;
	while (t->flip.busy)
		sched_yield();
}

static size_t window_size(unsigned int bar)
{
	return bar_size[bar] < MAX_WINDOW ? bar_size[bar] : MAX_WINDOW;
}

/* Cuts a range of pages to the size of the window. */
static bool clip(unsigned int bar, size_t *first, size_t *pages)
{
	size_t all = window_size(bar) / PAGE;

	if (!all)
		return false;
	*first %= all;
	if (!*pages || *pages > all - *first)
		*pages = all - *first;
	return true;
}

/*
 * Maps elsewhere, and then moves the mapping into its place. A mapping that the driver
 * refuses would leave a hole there, in which another thread could get memory.
 */
int window_map(unsigned int bar, size_t first, size_t pages)
{
	void *at;

	if (!clip(bar, &first, &pages))
		return -ENODEV;
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, victim.fd,
		  BAR_OFFSET(bar) + first * PAGE);
	if (at == MAP_FAILED)
		return -errno;
	if (mremap(at, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   windows[bar] + first * PAGE) == MAP_FAILED)
		fail("cannot move a mapping of BAR%u: %s", bar, answer_name(-errno));
	return 0;
}

void window_unmap(unsigned int bar, size_t first, size_t pages)
{
	if (clip(bar, &first, &pages))
		reserve(windows[bar] + first * PAGE, pages * PAGE);
}

void windows_unmap(void)
{
	for (int bar = 0; bar < MAX_BARS; bar++)
		window_unmap(bar, 0, 0);
}

/* Returns NULL if that BAR cannot be mapped, else an address that may fault. */
void *window_at(unsigned int bar, size_t offset)
{
	return offset < window_size(bar) ? windows[bar] + offset : NULL;
}

int window_touch(unsigned int bar, size_t offset, bool write)
{
	volatile uint32_t *at = window_at(bar, offset & ~3ul);

	if (!at)
		return -ENODEV;
	if (sigsetjmp(touched, 0)) {
		touching = false;
		return -EFAULT;
	}
	touching = true;
	if (write)
		*at = 0;
	else
		(void)*at;
	touching = false;
	return 0;
}
