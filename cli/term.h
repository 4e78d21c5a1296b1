/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Width and colours of a terminal. A pipe gets plain lines of full length. */
#ifndef TSMCTL_TERM_H
#define TSMCTL_TERM_H

#include <stdbool.h>

/* Colours by their meaning. A line must be clear without its colours. */
enum term_style { TERM_GOOD, TERM_WARN, TERM_BAD, TERM_DIM };

/**
 * term_width() - how wide lines on standard output may be
 *
 * COLUMNS in the environment takes precedence over the terminal's own width.
 *
 * Return: columns, or 0 if standard output is not a terminal: then lines are not cut.
 */
unsigned int term_width(void);

/**
 * term_error_width() - how wide a line on standard error may be to be overwritten
 *
 * Return: columns, or 0 if standard error is not a terminal, or TERM is not set or is dumb:
 * then each line stays.
 */
unsigned int term_error_width(void);

/**
 * term_style() - begin a style on standard output
 * @style: the style
 *
 * Return: what to print before the text; "" without a terminal, with TERM=dumb, or
 * where NO_COLOR is set and not empty.
 */
const char *term_style(enum term_style style);

/**
 * term_end() - end a style
 *
 * Return: what to print after the text.
 */
const char *term_end(void);

#endif
