// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device had before it was assigned, see former.h. */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "common/rundir.h"
#include "host/former.h"

#define UNKNOWN (-4096)

/*
 * The run directory, opened once; it is made when there is something to keep. Another run
 * may make it at any time.
 */
static int directory(struct ctx *ctx, bool make)
{
	static int dir = UNKNOWN;
	static bool said;
	struct trust_fault fault;

	if (dir == UNKNOWN || dir == -ENOENT || (dir < 0 && make)) {
		if (make && access(ctx->run.path, F_OK) &&
		    (said || !act(ctx, "create %s", ctx->run.path))) {
			said = true;
			return -ENOENT;
		}
		dir = run_dir_open(ctx->run.path, make && !ctx->dry_run, &fault);
	}
	return dir;
}

#define OVERRIDE "override"
#define SERIAL "serial"
#define AWAITED "awaited"

static void file_name(const struct pci_device *dev, const char *what, char *name, size_t size)
{
	snprintf(name, size, "%s.%s", dev->name, what);
}

/* The inode of the device's directory: another device at its address has another number. */
static uintmax_t number(const struct pci_device *dev)
{
	struct stat st;

	return dev->present && !fstat(dev->fd, &st) ? st.st_ino : 0;
}

static void get(struct ctx *ctx, const struct pci_device *dev, const char *what, char *text)
{
	char name[PCI_NAME_LEN + 16], kept[ATTR_MAX];
	int dir = directory(ctx, false);
	char *end = kept;

	text[0] = '\0';
	file_name(dev, what, name, sizeof(name));
	if (dir < 0 || attr_read(dir, name, kept, sizeof(kept)))
		return;
	if (strtoumax(kept, &end, 10) == number(dev) && end != kept && *end == ' ')
		util_copy(text, ATTR_MAX, end + 1);
}

static int put(struct ctx *ctx, const struct pci_device *dev, const char *what, const char *text)
{
	char name[PCI_NAME_LEN + 16], kept[ATTR_MAX];
	int dir = directory(ctx, text[0] != '\0');

	file_name(dev, what, name, sizeof(name));
	if (!text[0])
		return dir < 0 ? 0 : text_remove(ctx, dir, ctx->run.path, name);
	if (dir < 0)
		return ctx->dry_run && dir == -ENOENT ? 0 : dir;
	if (snprintf(kept, sizeof(kept), "%ju %s", number(dev), text) >= (int)sizeof(kept))
		return -ENAMETOOLONG;
	return text_put(ctx, dir, ctx->run.path, name, kept);
}

void former_get(struct ctx *ctx, const struct pci_device *dev, char *override)
{
	get(ctx, dev, OVERRIDE, override);
}

int former_put(struct ctx *ctx, const struct pci_device *dev, const char *override)
{
	return put(ctx, dev, OVERRIDE, override);
}

void former_get_serial(struct ctx *ctx, const struct pci_device *dev, char *serial)
{
	get(ctx, dev, SERIAL, serial);
}

int former_put_serial(struct ctx *ctx, const struct pci_device *dev, const char *serial)
{
	return put(ctx, dev, SERIAL, serial);
}

void former_await_serial(struct ctx *ctx, const struct pci_device *dev, bool wait)
{
	put(ctx, dev, AWAITED, wait ? SERIAL : "");
}
