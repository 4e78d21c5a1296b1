// SPDX-License-Identifier: GPL-2.0-or-later
/* Trusted certificates and allowed measurements, see trusted.h. */
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

	if (err != -EINVAL)
		return file_report_unreadable(ctx, &p, fault);
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

static int load_anchors(struct ctx *ctx, struct anchors **anchors)
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
	return ret;
}

static int load_allowed(struct ctx *ctx, struct allowed **allowed)
{
	struct problem p = { .attribute = ALLOWED_FILE, .stage = "config" };
	struct trust_fault fault = { .why = "" };
	cleanup_free char *text = NULL;
	struct json_mistake m;
	char path[PATH_MAX];
	size_t len;

	if (snprintf(path, sizeof(path), "%s/" ALLOWED_FILE, ctx->etc.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* without a list, its check is not made */
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	p.value = path;
	p.err = file_read(path, ALLOWED_MAX, &text, &len, &fault);
	if (p.err)
		return file_report_unreadable(ctx, &p, &fault);
	p.err = allowed_parse(text, len, allowed, &m);
	p.hint = "see 'Allowed measurements' in tsmctl-evidence(8)";
	return p.err == -EINVAL ? file_report_mistake(ctx, &p, &m) : p.err;
}

int trusted_load(struct ctx *ctx, bool list, struct trusted *t)
{
	int ret;

	*t = (struct trusted){ .anchors = NULL };
	ret = load_anchors(ctx, &t->anchors);
	if (!ret && list)
		ret = load_allowed(ctx, &t->allowed);
	return ret;
}

void trusted_free(struct trusted *t)
{
	anchors_free(t->anchors);
	allowed_free(t->allowed);
	*t = (struct trusted){ .anchors = NULL };
}
