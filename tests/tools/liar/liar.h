/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tsm-liar: a firmware of tsm_sim with transport=doe that lies at random, while the device is used.
 *
 *	main.c		the command line, the threads, the counts
 *	firmware.c	the firmware: messages that are right, wrong, late, or missing
 *	user.c		connects, binds, passes requests of a guest, asks for evidence
 *
 * It judges only what a user sees of evidence. The kernel log and a run of the real firmware
 * afterwards have to tell whether the kernel took harm.
 */
#ifndef LIAR_H
#define LIAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE "/dev/tsm_sim_firmware"

/**
 * struct count - how often something was done, with a result
 * @what: its name
 * @ok: how often it succeeded
 * @failed: how often it failed
 */
struct count {
	const char *what;
	unsigned long ok;
	unsigned long failed;
};

/* main.c: until all threads are to end; what was wrong so far */
extern volatile bool done;
extern volatile unsigned int faults;
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
void count(struct count *count, bool ok);

/* One of 0 ... @below - 1. Each thread has a seed of its own. */
static inline uint32_t draw(uint64_t *seed, uint32_t below)
{
	/* splitmix64 */
	uint64_t x = *seed += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ (x >> 31)) % below);
}

/* firmware.c: threads, whose argument is their seed; the counts end with NULL */
void *firmware_run(void *seed);
void *firmware_disturb(void *seed);
extern struct count firmware_counts[];

/* user.c */
void user_begin(const char *addr);
void *user_run(void *seed);
extern struct count user_counts[];

#endif /* LIAR_H */
