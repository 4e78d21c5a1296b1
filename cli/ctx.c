// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the trees of the system are, see ctx.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

int root_find(struct ctx *ctx, struct root *root, const char *name, const char *variable,
	      const char *path)
{
	const char *moved = secure_getenv(variable);
	char hint[64];
	struct problem p = {
		.attribute = name, .value = moved, .err = -EINVAL, .hint = hint, .code = EXIT_USAGE
	};

	*root = (struct root){ moved ?: path, moved != NULL };
	if (root->path[0] == '/')
		return 0;
	snprintf(hint, sizeof(hint), "correct %s", variable);
	return report_error(ctx, &p, "'%s' is not an absolute path", moved);
}
