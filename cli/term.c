// SPDX-License-Identifier: GPL-2.0-or-later
/* Width and colours of a terminal, see term.h. */
#include <sys/ioctl.h>

#include "common/util.h"
#include "term.h"

#define NARROW 20
#define USUAL 80

static unsigned int columns_wanted(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned int n;

	return columns && util_parse_u32(columns, &n) == 0 ? n : 0;
}

static unsigned int columns_of(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) ? 0 : ws.ws_col;
}

static unsigned int at_least(unsigned int n)
{
	return n < NARROW ? NARROW : n;
}

unsigned int term_width(void)
{
	if (!isatty(STDOUT_FILENO))
		return 0;
	return at_least(columns_wanted() ?: columns_of(STDOUT_FILENO) ?: USUAL);
}

unsigned int term_error_width(void)
{
	const char *term = getenv("TERM");

	if (!term || streq(term, "dumb") || !isatty(STDERR_FILENO))
		return 0;
	/* a line that wraps could not be overwritten */
	return at_least(columns_of(STDERR_FILENO) ?: columns_wanted() ?: USUAL);
}

static bool coloured(void)
{
	static int known = -1;
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (known < 0)
		known = isatty(STDOUT_FILENO) && !(no && *no) && term && !streq(term, "dumb");
	return known;
}

const char *term_style(enum term_style style)
{
	static const char *const codes[] = {
		[TERM_GOOD] = "\033[32m",
		[TERM_WARN] = "\033[33m",
		[TERM_BAD] = "\033[1;31m",
		[TERM_DIM] = "\033[2m",
	};

	return coloured() ? codes[style] : "";
}

const char *term_end(void)
{
	return coloured() ? "\033[0m" : "";
}
