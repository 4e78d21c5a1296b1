// SPDX-License-Identifier: GPL-2.0-or-later
/* Width and colours of a terminal, see term.h. */
#include <sys/ioctl.h>

#include "common/util.h"
#include "term.h"

#define NARROW 20
#define USUAL 80

unsigned int term_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	unsigned int n;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && util_parse_u32(columns, &n) == 0 && n)
		return n < NARROW ? NARROW : n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) || !ws.ws_col)
		return USUAL;
	return ws.ws_col < NARROW ? NARROW : ws.ws_col;
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
		[TERM_BAD] = "\033[1;31m",
		[TERM_DIM] = "\033[2m",
	};

	return coloured() ? codes[style] : "";
}

const char *term_end(void)
{
	return coloured() ? "\033[0m" : "";
}
