/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small functions that every file of tsmctl and tsm-bind-helper needs: cleanup
 * attributes, string comparison, bounded formatting.
 */
#ifndef TSMCTL_UTIL_H
#define TSMCTL_UTIL_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Closed or freed at the end of the scope; initialize to -1 or NULL. */
#define cleanup_fd __attribute__((cleanup(util_close)))
#define cleanup_free __attribute__((cleanup(util_free)))
#define cleanup_dir __attribute__((cleanup(util_closedir)))
#define cleanup_file __attribute__((cleanup(util_fclose)))

static inline void util_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void util_free(void *p)
{
	free(*(void **)p);
}

static inline void util_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void util_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/**
 * util_fill() - replace each @ in a text by a name
 * @dst: buffer, always terminated afterwards; text that does not fit is left out
 * @size: size of @dst in bytes, at least 1
 * @text: the text
 * @name: the name
 */
void util_fill(char *dst, size_t size, const char *text, const char *name);

/**
 * util_among() - whether a word is one of a list
 * @words: the list; NULL-terminated
 * @word: the word
 *
 * Return: true if so.
 */
bool util_among(const char *const *words, const char *word);

/**
 * util_typos() - how many mistakes turn one word into another
 * @a: a word
 * @b: another one
 *
 * A mistake is an extra, missing or wrong letter, or two letters in the wrong order.
 *
 * Return: the least number of mistakes; UINT_MAX for words of more than 31 bytes.
 */
unsigned int util_typos(const char *a, const char *b);

/**
 * util_consider() - check whether an unknown word may be a mistyped known word
 * @text: the word that was typed
 * @word: a known word; it must live as long as @nearest is used
 * @nearest: the nearest word so far, or NULL; becomes @word if that is nearer
 *
 * A word is ignored if it has more mistakes than a third of the letters of @text.
 */
void util_consider(const char *text, const char *word, const char **nearest);

/**
 * util_copy() - copy a string into a fixed buffer
 * @dst: buffer of @size bytes, always terminated afterwards
 * @size: size of @dst in bytes, at least 1
 * @src: the string to copy
 *
 * Return: true if all of @src fitted.
 */
bool util_copy(char *dst, size_t size, const char *src);

/**
 * util_add_item() - add to a list in a fixed buffer
 * @list: buffer of @size bytes, terminated
 * @size: size of @list in bytes
 * @between: the text before @item, if @item is not the first
 * @item: the item; one that does not fit is left out, except the first, which is cut off
 *
 * Return: true if all of @item fitted.
 */
bool util_add_item(char *list, size_t size, const char *between, const char *item);

/**
 * util_in_list() - whether a word is in a list
 * @list: words, separated by commas; NULL for none
 * @word: the word
 *
 * Return: true if so.
 */
bool util_in_list(const char *list, const char *word);

/* Bytes of a buffer that util_add_more() needs */
#define UTIL_MORE sizeof(" and 4294967295 more")

/**
 * util_add_more() - end a list from which items were left out
 * @list: buffer of @size bytes; util_add_item() was called with UTIL_MORE bytes less
 * @size: size of @list in bytes
 * @left: how many items were left out; with 0, nothing is added
 */
void util_add_more(char *list, size_t size, unsigned int left);

/**
 * util_parse_u32() - parse a whole string as a number
 * @text: only digits, decimal or, after 0x, hexadecimal; no sign, no blanks
 * @value: out, the number; untouched on failure
 *
 * Return: 0, -EINVAL if @text is not such a number, -ERANGE if it needs more than
 * 32 bits.
 */
int util_parse_u32(const char *text, unsigned int *value);

/**
 * util_opendirat() - open a directory below another one, to read its entries
 * @dir: descriptor of the other directory
 * @path: path from there; a symbolic link as its last part is not followed
 *
 * Return: the directory, or NULL with errno set.
 */
DIR *util_opendirat(int dir, const char *path);

/**
 * util_mkdir() - make a directory that every user may read, whatever the umask is
 * @dir: descriptor of its parent
 * @name: its name
 *
 * Return: 0, also when it exists, or negative errno.
 */
int util_mkdir(int dir, const char *name);

/**
 * util_printable() - make text from elsewhere safe to print
 * @text: any bytes up to a NUL: an argument, a process name, a file's content
 *
 * Bytes outside printable ASCII become \xNN, so they cannot confuse a terminal or a JSON
 * parser.
 *
 * Return: a string for the caller to free, or NULL if there is no memory.
 */
char *util_printable(const char *text);

/**
 * util_std_fds() - make sure that descriptors 0 to 2 are open
 *
 * A closed descriptor becomes /dev/null, opened so that its usual operation fails. So no file
 * that is opened later becomes standard output, and a result that cannot be written is still
 * an error. Call this first in main().
 */
void util_std_fds(void);

#endif
