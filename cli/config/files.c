// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of the configuration, see files.h. */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "config/file.h"
#include "config/files.h"
#include "report.h"

#define ETC_DIR "/etc/tsmctl"
#define SUFFIX ".json"

struct names {
	char **list;
	size_t count;
};

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

int config_init(struct ctx *ctx)
{
	return root_find(ctx, &ctx->etc, "etc", "TSMCTL_ETC", ETC_DIR);
}

static int report_unreadable(struct ctx *ctx, const char *file, int err,
			     const struct trust_fault *fault)
{
	struct problem p = { .attribute = "config", .value = file, .err = err, .stage = "config" };

	if (!fault->why[0])
		return report_error(ctx, &p, "cannot read %s: %s", file, strerror(-err));
	p.hint = fault->mend;
	return report_error(ctx, &p, "%s is not trusted: %s", file, fault->why);
}

static int report_mistake(struct ctx *ctx, const char *file, const struct config_error *e)
{
	struct problem p = { .attribute = e->path[0] ? e->path : NULL,
			     .value = file,
			     .err = -EINVAL,
			     .stage = "config",
			     .hint = e->hint ?: "see tsmctl-config(5)",
			     .code = EXIT_USAGE };

	return report_error(ctx, &p, "%s:%u:%u: %s%s%s", file, e->line, e->column, e->path,
			    e->path[0] ? ": " : "", e->message);
}

static int load_one(struct ctx *ctx, const char *file, struct config *config)
{
	cleanup_free char *text = NULL;
	struct trust_fault fault;
	struct config_error e;
	size_t len;
	int ret;

	ret = file_read(file, CONFIG_MAX, &text, &len, &fault);
	if (ret)
		return report_unreadable(ctx, file, ret, &fault);
	ret = config_parse(config, text, len, &e);
	if (ret == -EINVAL)
		return report_mistake(ctx, streq(file, "-") ? "<stdin>" : file, &e);
	return ret;
}

static bool is_drop_in(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > strlen(SUFFIX) && streq(name + n - strlen(SUFFIX), SUFFIX);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_drop_ins(const char *path, struct names *names)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		void *list;

		if (!is_drop_in(e->d_name))
			continue;
		list = reallocarray(names->list, names->count + 1, sizeof(*names->list));
		if (!list)
			return -ENOMEM;
		names->list = list;
		names->list[names->count] = strdup(e->d_name);
		if (!names->list[names->count])
			return -ENOMEM;
		names->count++;
	}
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare_names);
	return 0;
}

/* What is done with a drop-in, given by its path. */
typedef int (*drop_in_fn)(struct ctx *ctx, const char *file, void *arg);

static int each_drop_in(struct ctx *ctx, drop_in_fn fn, void *arg)
{
	__attribute__((cleanup(free_names))) struct names names = { 0 };
	char dir[PATH_MAX], file[PATH_MAX];
	struct trust_fault fault = { .why = "" };
	int ret;

	if (snprintf(dir, sizeof(dir), "%s/config.d", ctx->etc.path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	ret = list_drop_ins(dir, &names);
	if (ret)
		return report_unreadable(ctx, dir, ret, &fault);
	for (size_t i = 0; !ret && i < names.count; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", dir, names.list[i]) >= (int)sizeof(file))
			return -ENAMETOOLONG;
		ret = fn(ctx, file, arg);
	}
	return ret;
}

/* Whether a drop-in is switched off by a link to /dev/null, as systemd's are. */
static bool is_masked(const char *file)
{
	struct stat st;

	return !lstat(file, &st) && S_ISLNK(st.st_mode) && !stat(file, &st) &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* The configuration, and how many files it is from. */
struct loading {
	struct config *config;
	size_t files;
};

static int load_drop_in(struct ctx *ctx, const char *file, void *arg)
{
	struct loading *l = arg;

	l->files++;
	return is_masked(file) ? 0 : load_one(ctx, file, l->config);
}

static int note_drop_in(struct ctx *ctx, const char *file, void *arg)
{
	(void)arg;
	if (is_masked(file))
		return 0;
	return report_outcome(
		ctx, &(struct outcome){
			     .attribute = "config",
			     .value = file,
			     .previous = file,
			     .note = "apply reads it after config.json, and it overrides that" });
}

int config_note_drop_ins(struct ctx *ctx)
{
	return each_drop_in(ctx, note_drop_in, NULL);
}

int config_load(struct ctx *ctx, const char *file, struct config *config)
{
	struct problem p = { .attribute = "config",
			     .err = -ENOENT,
			     .stage = "config",
			     .hint = "'tsmctl save' writes one of what there is" };
	char path[PATH_MAX];
	struct loading l = { .config = config };
	int ret;

	*config = (struct config){ 0 };
	if (file)
		return load_one(ctx, file, config);
	if (snprintf(path, sizeof(path), "%s/config.json", ctx->etc.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (access(path, F_OK) == 0 || errno != ENOENT) {
		l.files++;
		ret = load_one(ctx, path, config);
		if (ret)
			return ret;
	}
	ret = each_drop_in(ctx, load_drop_in, &l);
	if (ret || l.files)
		return ret;
	p.value = path;
	return report_error(ctx, &p, "there is no configuration: neither %s nor drop-ins", path);
}
