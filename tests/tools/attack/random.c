// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers that depend only on the seed, the thread and the number of the operation: an
 * operation draws the same numbers with any results of the earlier ones.
 */
#include "attack.h"

/* The finalizer of splitmix64: each bit of the input affects each bit of the result. */
uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

void random_begin(struct thread *t, uint64_t operation)
{
	uint64_t x = mix(mix(seed) ^ ((uint64_t)t->number << 48) ^ operation);

	for (int i = 0; i < 4; i++)
		t->random[i] = x = mix(x);
}

static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

/* xoshiro256** */
uint64_t rnd(struct thread *t)
{
	uint64_t *s = t->random;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

/* From 0 to @limit - 1. It is slightly uneven, which does not matter here. */
uint64_t below(struct thread *t, uint64_t limit)
{
	return limit ? rnd(t) % limit : 0;
}

bool one_in(struct thread *t, unsigned int n)
{
	return !below(t, n);
}
