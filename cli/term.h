/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a terminal can do for people; a pipe gets plain lines of full length. */
#ifndef TSMCTL_TERM_H
#define TSMCTL_TERM_H

#include <stdbool.h>

/* Colours with a meaning, so that none needs to be seen to understand a line. */
enum term_style { TERM_GOOD, TERM_WARN, TERM_BAD, TERM_DIM };

/**
 * term_width() - how wide lines on standard output may be
 *
 * COLUMNS in the environment counts before what the terminal says.
 *
 * Return: columns, or 0 if standard output is no terminal: then lines are not cut.
 */
unsigned int term_width(void);

/**
 * term_error_width() - how wide a line on standard error may be that is written over
 *
 * Return: columns, or 0 if standard error is no terminal, or one with TERM=dumb: then each
 * line stays.
 */
unsigned int term_error_width(void);

/**
 * term_style() - begin a style on standard output
 * @style: which
 *
 * Return: what to print before the text; "" without a terminal, with TERM=dumb, or
 * where NO_COLOR is set and not empty.
 */
const char *term_style(enum term_style style);

/**
 * term_end() - end it
 *
 * Return: what to print after the text.
 */
const char *term_end(void);

#endif
