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

/* A configuration while it is read. @all: go on after a mistake, and return @ret at the end. */
struct loading {
	struct ctx *ctx;
	struct config *config;
	bool all;
	bool found;
	unsigned int mistakes;
	int ret;
};

/* Adds a document in memory of its own, because entries point to it. */
static struct config_file *add_file(struct config *config, const char *path)
{
	struct config_file *file = calloc(1, sizeof(*file));
	void *files;

	files = reallocarray(config->files, config->file_count + 1, sizeof(*config->files));
	config->files = files ?: config->files;
	if (file)
		file->path = strdup(path);
	if (!files || !file || !file->path) {
		free(file);
		return NULL;
	}
	config->files[config->file_count++] = file;
	return file;
}

static int report_unreadable(struct ctx *ctx, const char *file, int err,
			     const struct trust_fault *fault)
{
	struct problem p = { .attribute = "config", .value = file, .err = err, .stage = "config" };

	return file_report_unreadable(ctx, &p, fault);
}

static bool report_mistake(const struct json_mistake *m, void *arg)
{
	struct loading *l = arg;
	const char *file = l->config->files[l->config->file_count - 1]->path;
	struct problem p = {
		.value = file, .err = -EINVAL, .stage = "config", .hint = "see tsmctl-config(5)"
	};

	file_report_mistake(l->ctx, &p, m);
	if (!l->all || ++l->mistakes < CONFIG_MISTAKES)
		return l->all;
	p.attribute = NULL;
	p.hint = "correct the mistakes above, and run the command again";
	report_error(l->ctx, &p, "%s: %u mistakes; there may be more", file, l->mistakes);
	return false;
}

/* Parses a document; sets its default mode, and the document of its entries. */
static int parse_one(struct loading *l, struct config_file *file, const char *text, size_t len)
{
	struct config *config = l->config;
	const char *before = config->default_mode;
	size_t first = config->count;
	int ret;

	config->default_mode = NULL;
	ret = config_parse(config, text, len, report_mistake, l);
	file->default_mode = config->default_mode;
	config->default_mode = file->default_mode ?: before;
	for (size_t i = first; i < config->count; i++)
		config->entries[i]->file = file;
	return ret;
}

static int load_one(struct loading *l, const char *path)
{
	struct config_file *file = add_file(l->config, streq(path, "-") ? "<stdin>" : path);
	cleanup_free char *text = NULL;
	struct trust_fault fault;
	size_t len;
	int ret;

	if (!file)
		return -ENOMEM;
	ret = file_read(path, CONFIG_MAX, &text, &len, &fault);
	l->mistakes = 0;
	if (ret)
		ret = report_unreadable(l->ctx, path, ret, &fault);
	else
		ret = parse_one(l, file, text, len);
	if (!l->all || ret == -ENOMEM)
		return ret;
	l->ret = l->ret ?: ret;
	return 0;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name);

	return n > strlen(end) && streq(name + n - strlen(end), end);
}

static bool is_drop_in(const char *path)
{
	return ends_in(path, SUFFIX);
}

/* Files that no one takes for a drop-in: hidden ones, and copies of editors and of ours. */
static bool is_left_out(const char *name)
{
	return name[0] == '.' || ends_in(name, "~") || ends_in(name, ".old");
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists the drop-ins, and other files that may have been meant as such. */
static int list_drop_ins(const char *path, struct names *names)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		void *list;

		if (is_left_out(e->d_name))
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

/* Called for each drop-in, and each other file, with its path. */
typedef int (*drop_in_fn)(struct ctx *ctx, const char *file, void *arg);

static int each_drop_in(struct ctx *ctx, drop_in_fn fn, void *arg)
{
	__attribute__((cleanup(free_names))) struct names names = { 0 };
	char dir[PATH_MAX], file[PATH_MAX];
	int ret;

	if (snprintf(dir, sizeof(dir), "%s/config.d", ctx->etc.path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	ret = list_drop_ins(dir, &names);
	if (ret)
		return report_unreadable(ctx, dir, ret, NULL);
	for (size_t i = 0; !ret && i < names.count; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", dir, names.list[i]) >= (int)sizeof(file))
			return -ENAMETOOLONG;
		ret = fn(ctx, file, arg);
	}
	return ret;
}

/* Whether a drop-in is masked by a link to /dev/null, as drop-ins of systemd are. */
static bool is_masked(const char *file)
{
	struct stat st;

	return !lstat(file, &st) && S_ISLNK(st.st_mode) && !stat(file, &st) &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int load_drop_in(struct ctx *ctx, const char *path, void *arg)
{
	struct loading *l = arg;
	struct config_file *file;

	(void)ctx;
	if (is_drop_in(path) && !is_masked(path)) {
		l->found = true;
		return load_one(l, path);
	}
	file = add_file(l->config, path);
	if (!file)
		return -ENOMEM;
	if (is_drop_in(path))
		l->found = file->masked = true;
	else
		file->ignored = true;
	return 0;
}

static int note_drop_in(struct ctx *ctx, const char *file, void *arg)
{
	(void)arg;
	if (!is_drop_in(file) || is_masked(file))
		return 0;
	return report_outcome(
		ctx,
		&(struct outcome){
			.attribute = "config",
			.value = file,
			.previous = file,
			.note = "apply reads it after config.json, and so it overrides config.json" });
}

int config_note_drop_ins(struct ctx *ctx)
{
	return each_drop_in(ctx, note_drop_in, NULL);
}

/* config.json and the drop-ins. */
static int load_all(struct loading *l)
{
	struct problem p = { .attribute = "config",
			     .err = -ENOENT,
			     .stage = "config",
			     .hint = "'tsmctl save' writes one with the present settings" };
	char path[PATH_MAX];
	int ret = 0;

	if (snprintf(path, sizeof(path), "%s/config.json", l->ctx->etc.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	l->found = access(path, F_OK) == 0 || errno != ENOENT;
	if (l->found)
		ret = load_one(l, path);
	ret = ret ?: each_drop_in(l->ctx, load_drop_in, l);
	if (ret || l->found)
		return ret;
	p.value = path;
	return report_error(l->ctx, &p, "there is no configuration: neither %s nor drop-ins", path);
}

int config_load(struct ctx *ctx, const char *file, struct config *config)
{
	struct loading l = { .ctx = ctx, .config = config };

	*config = (struct config){ 0 };
	return file ? load_one(&l, file) : load_all(&l);
}

int config_check(struct ctx *ctx, int count, const char *const *files, struct config *config)
{
	struct loading l = { .ctx = ctx, .config = config, .all = true };
	int ret = 0;

	*config = (struct config){ 0 };
	for (int i = 0; !ret && i < count; i++)
		ret = load_one(&l, files[i]);
	if (!count)
		ret = load_all(&l);
	return ret ?: l.ret;
}
