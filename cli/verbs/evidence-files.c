// SPDX-License-Identifier: GPL-2.0-or-later
/* Evidence as files, see evidence-files.h. */
#include <errno.h>
#include <fcntl.h>

#include "config/file.h"
#include "report.h"
#include "verbs/evidence-files.h"

/* One byte more than any file of evidence may have */
#define LOOK_MAX (SPDM_CHAIN_MAX + 1)

static int report_unwritten(struct ctx *ctx, const struct pci_device *dev, const char *path,
			    int err, const char *why)
{
	struct problem p = {
		.device = dev->name, .attribute = "evidence", .value = path, .err = err
	};
	char hint[FILE_HINT_LEN];

	p.stage = "write";
	if (why)
		p.hint = "give another directory";
	else if (err == -ENOENT)
		p.hint = file_directory_hint(path, hint);
	return report_error(ctx, &p, "cannot write %s: %s", path, why ?: strerror(-err));
}

/* The directory of an absolute path is traced as it was given. */
static int make_directory(const struct ctx *ctx, const char *dir)
{
	bool absolute = dir[0] == '/' && dir[1];
	cleanup_fd int root = absolute ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (!lstat(dir, &st))
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (errno != ENOENT)
		return -errno;
	return absolute ? dir_make(ctx, root, "", dir + 1) : dir_make(ctx, AT_FDCWD, ".", dir);
}

/* Whether a file may be replaced. */
static bool is_ours(const char *path, enum evidence_file file)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t bytes[LOOK_MAX];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size >= LOOK_MAX)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	return n == st.st_size && evidence_file_is(file, (struct spdm_bytes){ bytes, (size_t)n });
}

static int write_one(struct ctx *ctx, const struct pci_device *dev, const char *path,
		     enum evidence_file file, struct spdm_bytes bytes)
{
	struct file_lock lock cleanup_file_lock = FILE_UNLOCKED;
	struct trust_fault fault = { .why = "" };
	int ret;

	if (!is_ours(path, file))
		return report_unwritten(ctx, dev, path, -EEXIST,
					"it exists, and is not evidence of this kind");
	ret = ctx->dry_run ? 0 : file_lock(ctx, path, &lock);
	/* file_lock() reports errors itself once the directory is open */
	if (ret && lock.dir >= 0)
		return ret;
	ret = ret ?: file_publish(ctx, path, &lock, (const char *)bytes.at, bytes.len, &fault);
	return ret ? report_unwritten(ctx, dev, path, ret, fault.why[0] ? fault.why : NULL) : 0;
}

int evidence_files_write(struct ctx *ctx, const struct pci_device *dev, const struct evidence *e,
			 const char *dir)
{
	char path[PATH_MAX];
	int ret = make_directory(ctx, dir);

	if (ret)
		return report_unwritten(ctx, dev, dir, ret, NULL);
	for (enum evidence_file file = 0; !ret && file < EVIDENCE_FILES; file++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, evidence_file_name(file)) >=
		    (int)sizeof(path))
			return report_unwritten(ctx, dev, dir, -ENAMETOOLONG, NULL);
		ret = write_one(ctx, dev, path, file, e->files[file]);
	}
	return ret;
}
