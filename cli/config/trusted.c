// SPDX-License-Identifier: GPL-2.0-or-later
/* The trusted certificates of devices, see trusted.h. */
#include <errno.h>

#include "config/file.h"
#include "config/trusted.h"
#include "report.h"

#define SUFFIX ".pem"
#define PEM_MAX (4 << 20)

static int is_pem(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       streq(e->d_name + n - strlen(SUFFIX), SUFFIX);
}

static int report_unusable(struct ctx *ctx, const char *path, int err,
			   const struct trust_fault *fault)
{
	struct problem p = {
		.attribute = TRUSTED_DIR, .value = path, .err = err, .stage = "config"
	};

	if (fault && fault->why[0]) {
		p.hint = fault->mend;
		return report_error(ctx, &p, "%s is not trusted: %s", path, fault->why);
	}
	if (err != -EINVAL)
		return report_error(ctx, &p, "cannot read %s: %s", path, strerror(-err));
	p.hint = "put certificates or revocation lists in PEM there, or remove the file";
	p.code = EXIT_USAGE;
	return report_error(ctx, &p, "%s has neither a certificate nor a revocation list", path);
}

static int add(struct ctx *ctx, struct anchors *anchors, const char *dir, const char *name)
{
	struct trust_fault fault = { .why = "" };
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int ret;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return report_unusable(ctx, dir, -ENAMETOOLONG, NULL);
	ret = file_read(path, PEM_MAX, &text, &len, &fault) ?: anchors_add(anchors, text, len);
	return ret ? report_unusable(ctx, path, ret, &fault) : 0;
}

int trusted_load(struct ctx *ctx, struct anchors **anchors)
{
	struct dirent **names = NULL;
	char dir[PATH_MAX];
	int count, ret = 0;

	*anchors = anchors_new();
	if (!*anchors)
		return -ENOMEM;
	if (snprintf(dir, sizeof(dir), "%s/" TRUSTED_DIR, ctx->etc.path) >= (int)sizeof(dir))
		ret = -ENAMETOOLONG;
	count = ret ? 0 : scandir(dir, &names, is_pem, alphasort);
	if (count < 0 && errno != ENOENT)
		ret = -errno;
	if (ret)
		ret = report_unusable(ctx, dir, ret, NULL);
	for (int i = 0; i < count; i++) {
		ret = ret ?: add(ctx, *anchors, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (ret) {
		anchors_free(*anchors);
		*anchors = NULL;
	}
	return ret;
}
