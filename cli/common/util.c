// SPDX-License-Identifier: GPL-2.0-or-later
/* Small functions that all files share, see util.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/util.h"

void util_fill(char *dst, size_t size, const char *text, const char *name)
{
	size_t len = strlen(name), used = 0;

	for (; *text; text++) {
		const char *part = *text == '@' ? name : text;
		size_t part_len = *text == '@' ? len : 1;

		if (part_len >= size - used)
			break;
		memcpy(dst + used, part, part_len);
		used += part_len;
	}
	dst[used] = '\0';
}

bool util_among(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (streq(*words, word))
			return true;
	return false;
}

unsigned int util_typos(const char *a, const char *b)
{
	/* n[i][j]: mistakes between the first i bytes of @a and the first j bytes of @b */
	unsigned int n[32][32];
	const size_t rows = strlen(a) + 1, columns = strlen(b) + 1;

	if (rows > ARRAY_SIZE(n) || columns > ARRAY_SIZE(n[0]))
		return UINT_MAX;
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++) {
			unsigned int *least = &n[i][j];

			*least = (unsigned int)(i ? i : j);
			if (!i || !j)
				continue;
			*least = n[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (*least > n[i - 1][j] + 1)
				*least = n[i - 1][j] + 1;
			if (*least > n[i][j - 1] + 1)
				*least = n[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    *least > n[i - 2][j - 2] + 1)
				*least = n[i - 2][j - 2] + 1;
		}
	}
	return n[rows - 1][columns - 1];
}

void util_consider(const char *text, const char *word, const char **nearest)
{
	unsigned int typos = util_typos(text, word);

	if (typos > strlen(text) / 3)
		return;
	if (!*nearest || typos < util_typos(text, *nearest))
		*nearest = word;
}

bool util_copy(char *dst, size_t size, const char *src)
{
	int n = snprintf(dst, size, "%s", src);

	return n >= 0 && (size_t)n < size;
}

int util_parse_u32(const char *text, unsigned int *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	unsigned long long v;

	/* strtoull() itself would accept blanks, a sign and a second 0x */
	if (!*digits ||
	    strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return -EINVAL;
	errno = 0;
	v = strtoull(digits, NULL, hex ? 16 : 10);
	if (errno || v > UINT32_MAX)
		return -ERANGE;
	*value = (unsigned int)v;
	return 0;
}

DIR *util_opendirat(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	int err = errno;

	if (!entries)
		util_close(&fd);
	errno = err;
	return entries;
}

int util_mkdir(int dir, const char *name)
{
	const mode_t mask = umask(022);
	int ret = mkdirat(dir, name, 0755) && errno != EEXIST ? -errno : 0;

	umask(mask);
	return ret;
}

bool util_add_item(char *list, size_t size, const char *between, const char *item)
{
	size_t used = strlen(list);
	int n = snprintf(list + used, size - used, "%s%s", used ? between : "", item);

	if (n >= 0 && (size_t)n < size - used)
		return true;
	/* an address that is cut off would be another address */
	if (used)
		list[used] = '\0';
	return false;
}

void util_add_more(char *list, size_t size, unsigned int left)
{
	size_t used = strlen(list);

	if (left)
		snprintf(list + used, size - used, " and %u more", left);
}

bool util_in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, word, n) == 0 && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

char *util_printable(const char *text)
{
	char *out = malloc(strlen(text) * 4 + 1);
	char *p = out;

	if (!out)
		return NULL;
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (*s >= 0x20 && *s < 0x7f)
			*p++ = (char)*s;
		else
			p += sprintf(p, "\\x%02x", *s);
	}
	*p = '\0';
	return out;
}

void util_std_fds(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* open() returns the lowest free number, which is fd */
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			abort();
	}
}
