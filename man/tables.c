// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints what "tsmctl help tables" prints, on a machine that cannot run tsmctl. This is tsmctl
 * with another main(), which parses no options and calls no library.
 */
#define main tsmctl_main
#include "main.c"
#undef main

int main(void)
{
	const char *argv[] = { "tables" };

	return help_verb(&ctx, global_options, 1, argv) != 1;
}
