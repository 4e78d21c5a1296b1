// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Results that must be seen before the end: how often something happens in a given time
 * depends on the machine, and a run without it has shown nothing.
 */
#include <stdio.h>
#include <string.h>

#include "attack.h"

#define MAX_WANTED 16
/* Instead of an attack: a finding of the oracle */
#define BOOKS "books="

/**
 * struct wanted - a result that must be seen
 * @text: as it was given
 * @attack: number of the attack that has the result, or that causes @books
 * @error: the result, as a positive errno
 * @books: how often the oracle has found it; NULL for the result of an attack
 */
static struct wanted {
	const char *text;
	unsigned int attack;
	int error;
	const unsigned int *books;
} wanted[MAX_WANTED];

static unsigned int nr_wanted;

static bool find_attack(const char *name, size_t length, unsigned int *which)
{
	for (unsigned int i = 0; i < nr_attacks(); i++) {
		if (strlen(attacks[i].name) == length && !strncmp(attacks[i].name, name, length)) {
			*which = i;
			return true;
		}
	}
	return false;
}

static bool find_error(const char *name, int *which)
{
	for (int error = 0; error < MAX_ERRNO; error++) {
		if (!strcmp(answer_name(-error), name)) {
			*which = error;
			return true;
		}
	}
	return false;
}

static bool parse_word(const char *text, struct wanted *w)
{
	size_t length = strcspn(text, "=");
	const char *by;

	*w = (struct wanted){ .text = text };
	if (!text[length])
		return false;
	if (strncmp(text, BOOKS, strlen(BOOKS)))
		return find_attack(text, length, &w->attack) &&
		       find_error(text + length + 1, &w->error);
	w->books = books_seen(text + strlen(BOOKS), &by);
	return w->books && find_attack(by, strlen(by), &w->attack);
}

/* Parses and keeps @list. Returns false if a word of it is not ATTACK=ANSWER. */
bool until_parse(char *list)
{
	char *word;

	while ((word = strsep(&list, ","))) {
		if (nr_wanted < MAX_WANTED && parse_word(word, &wanted[nr_wanted])) {
			nr_wanted++;
			continue;
		}
		fprintf(stderr, "vfio-attack: --until takes up to %d of ATTACK=ANSWER, not '%s'\n",
			MAX_WANTED, word);
		return false;
	}
	return true;
}

static bool was_seen(const struct wanted *w)
{
	unsigned int seen = 0;

	if (w->books)
		return *w->books;
	for (unsigned int i = 0; i < nr_threads; i++)
		seen += threads[i]->answers[w->attack][0][w->error] +
			threads[i]->answers[w->attack][1][w->error];
	return seen;
}

/* The first result that no thread has had yet, or NULL */
const char *until_missing(void)
{
	for (unsigned int i = 0; i < nr_wanted; i++) {
		if (!was_seen(&wanted[i]))
			return wanted[i].text;
	}
	return NULL;
}

/* One time in two, returns an attack whose result is missing. Otherwise returns -1. */
int until_choose(struct thread *t)
{
	unsigned int missing[MAX_WANTED], count = 0;

	for (unsigned int i = 0; i < nr_wanted; i++) {
		if (weights[wanted[i].attack] && !was_seen(&wanted[i]))
			missing[count++] = wanted[i].attack;
	}
	return count && one_in(t, 2) ? (int)missing[below(t, count)] : -1;
}
