// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers that must be seen before the end: how often something happens in a time is
 * decided by the machine, and a run that never came to it has shown nothing.
 */
#include <stdio.h>
#include <string.h>

#include "attack.h"

#define MAX_WANTED 16
/* In the place of an attack: what the oracle has found */
#define BOOKS "books="

static struct {
	const char *text;
	const unsigned int *books;
	unsigned int attack;
	int error;
} wanted[MAX_WANTED];

static unsigned int nr_wanted;

static bool add(const char *text)
{
	size_t length = strcspn(text, "=");

	if (nr_wanted == MAX_WANTED || !text[length])
		return false;
	if (!strncmp(text, BOOKS, strlen(BOOKS))) {
		wanted[nr_wanted].text = text;
		wanted[nr_wanted].books = books_seen(text + strlen(BOOKS));
		return wanted[nr_wanted++].books;
	}
	for (unsigned int i = 0; i < nr_attacks(); i++) {
		if (strlen(attacks[i].name) != length || strncmp(attacks[i].name, text, length))
			continue;
		for (int error = 0; error < MAX_ERRNO; error++) {
			if (strcmp(answer_name(-error), text + length + 1))
				continue;
			wanted[nr_wanted].text = text;
			wanted[nr_wanted].attack = i;
			wanted[nr_wanted++].error = error;
			return true;
		}
	}
	return false;
}

/* Takes @list apart, and keeps it; false where a word of it is not ATTACK=ANSWER. */
bool until_parse(char *list)
{
	char *word;

	while ((word = strsep(&list, ","))) {
		if (add(word))
			continue;
		fprintf(stderr, "vfio-attack: --until takes up to %d of ATTACK=ANSWER, not '%s'\n",
			MAX_WANTED, word);
		return false;
	}
	return true;
}

/* The first that no thread has been told yet, or NULL. */
const char *until_missing(void)
{
	for (unsigned int i = 0; i < nr_wanted; i++) {
		unsigned int a = wanted[i].attack, seen = 0;
		int error = wanted[i].error;

		if (wanted[i].books)
			seen = *wanted[i].books;
		for (unsigned int j = 0; !wanted[i].books && j < nr_threads; j++)
			seen += threads[j]->answers[a][0][error] + threads[j]->answers[a][1][error];
		if (!seen)
			return wanted[i].text;
	}
	return NULL;
}
