// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI devices and drivers in sysfs, see pci.h.
 *
 * libsysfs finds sysfs and opens drivers. Scans of the whole bus read the directory
 * themselves, because libsysfs sorts its lists by insertion, which is quadratic. Devices
 * are opened without it, because it makes 17 system calls where 2 are enough. Attributes
 * go through attr.c, because the writer of libsysfs skips a value that is already there,
 * and does not support --dry-run.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sysfs/libsysfs.h>

#include "host/pci.h"
#include "host/slow.h"
#include "report.h"

#define DEVICES "bus/pci/devices"
#define DRIVERS "bus/pci/drivers"

static void close_sysfs_driver(struct sysfs_driver **d)
{
	if (*d)
		sysfs_close_driver(*d);
}

int pci_init(struct ctx *ctx)
{
	static char path[SYSFS_PATH_MAX];
	const char *moved = secure_getenv(SYSFS_PATH_ENV);
	struct problem p = {
		.attribute = "sysfs", .value = moved, .stage = "sysfs", .code = EXIT_UNSUPPORTED
	};

	/*
	 * libsysfs also uses SYSFS_PATH, but only for a mount of sysfs: so drivers
	 * are opened by path, which works in any tree.
	 */
	ctx->sysfs.moved = moved != NULL;
	p.hint = moved ? "correct " SYSFS_PATH_ENV : "mount sysfs on /sys";
	if (moved && (moved[0] != '/' || !util_copy(path, sizeof(path), moved))) {
		p.err = -EINVAL;
		p.code = EXIT_USAGE;
		return report_error(ctx, &p, "'%s' is not an absolute path of at most %zu bytes",
				    moved, sizeof(path) - 1);
	}
	if (!moved && sysfs_get_mnt_path(path, sizeof(path))) {
		p.err = -ENOENT;
		return report_error(ctx, &p, "sysfs is not mounted");
	}
	ctx->sysfs.path = path;
	ctx->sysfs_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ctx->sysfs_fd < 0) {
		p.err = -errno;
		return report_error(ctx, &p, "cannot open sysfs at '%s': %s", path,
				    strerror(errno));
	}
	return 0;
}

static struct sysfs_driver *open_driver(const struct ctx *ctx, const char *name)
{
	char path[SYSFS_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" DRIVERS "/%s", ctx->sysfs.path, name) >=
	    (int)sizeof(path))
		return NULL;
	return sysfs_open_driver_path(path);
}

void pci_close(struct pci_device *dev)
{
	util_close(&dev->fd);
	dev->fd = -1;
}

/* The last part of the target of a link below a device; "" if there is no link. */
static bool link_name(int dirfd, const char *link, char *buf, size_t size)
{
	char target[SYSFS_PATH_MAX];
	ssize_t n = readlinkat(dirfd, link, target, sizeof(target) - 1);
	const char *slash;

	buf[0] = '\0';
	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return util_copy(buf, size, slash ? slash + 1 : target);
}

static void read_driver(struct pci_device *dev)
{
	link_name(dev->fd, "driver", dev->driver, sizeof(dev->driver));
}

/* Reads driver and IDs at once. The kernel makes this file; one that lacks something is not used. */
static void read_uevent(struct pci_device *dev)
{
	char text[1024], driver[DRIVER_NAME_LEN] = "", id[sizeof("8086:10C9")] = "";
	unsigned int vendor, device;
	char end;

	if (!attr_read_text(dev->fd, "uevent", text, sizeof(text))) {
		attr_variable(text, "DRIVER", driver, sizeof(driver));
		attr_variable(text, "PCI_ID", id, sizeof(id));
	}
	dev->has_id = strspn(id, "0123456789ABCDEF:") == sizeof(id) - 1 &&
		      sscanf(id, "%4x:%4x%c", &vendor, &device, &end) == 2;
	if (!dev->has_id || strchr(driver, '/')) {
		dev->has_id = false;
		read_driver(dev);
		return;
	}
	dev->vendor = vendor;
	dev->device = device;
	util_copy(dev->driver, sizeof(dev->driver), driver);
}

static int open_device(const struct ctx *ctx, const struct pci_addr *addr, struct pci_device *dev,
		       void (*look)(struct pci_device *dev))
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN];

	*dev = (struct pci_device){ .addr = *addr, .fd = -1 };
	pci_addr_name(addr, dev->name);
	snprintf(path, sizeof(path), DEVICES "/%s", dev->name);
	dev->fd = openat(ctx->sysfs_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dev->fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	dev->present = true;
	look(dev);
	return 0;
}

int pci_open(const struct ctx *ctx, const struct pci_addr *addr, struct pci_device *dev)
{
	return open_device(ctx, addr, dev, read_driver);
}

int pci_open_with_id(const struct ctx *ctx, const struct pci_addr *addr, struct pci_device *dev)
{
	return open_device(ctx, addr, dev, read_uevent);
}

int pci_look_driver(const struct ctx *ctx, struct pci_device *dev)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN];

	snprintf(path, sizeof(path), DEVICES "/%s", dev->name);
	read_driver(dev);
	/* an open directory outlives the device, its name does not */
	return faccessat(ctx->sysfs_fd, path, F_OK, 0) ? -ENODEV : 0;
}

static int scan(const struct ctx *ctx, const char *path,
		int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg), void *arg)
{
	cleanup_dir DIR *dir = NULL;
	struct pci_addr addr;
	struct dirent *e;
	int ret;

	dir = util_opendirat(ctx->sysfs_fd, path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (pci_addr_parse(e->d_name, &addr))
			continue;
		ret = fn(ctx, &addr, arg);
		if (ret)
			return ret;
	}
	return 0;
}

int pci_scan(const struct ctx *ctx,
	     int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg), void *arg)
{
	return scan(ctx, DEVICES, fn, arg);
}

bool pci_has_tsm_side(const struct ctx *ctx, const char *name)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN + sizeof("/tsm")];

	snprintf(path, sizeof(path), DEVICES "/%s/tsm", name);
	return faccessat(ctx->sysfs_fd, path, F_OK, 0) == 0 || pci_is_with(ctx, name, TSM_DRIVER);
}

bool pci_is_with(const struct ctx *ctx, const char *name, const char *driver)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN + sizeof("/driver")];
	char its[DRIVER_NAME_LEN];

	snprintf(path, sizeof(path), DEVICES "/%s/driver", name);
	return link_name(ctx->sysfs_fd, path, its, sizeof(its)) && streq(its, driver);
}

bool pci_is_vf_of(const struct ctx *ctx, const char *name, const struct pci_addr *pf)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN + sizeof("/physfn")];
	char its[PCI_NAME_LEN];
	struct pci_addr addr;

	snprintf(path, sizeof(path), DEVICES "/%s/physfn", name);
	return link_name(ctx->sysfs_fd, path, its, sizeof(its)) && !pci_addr_parse(its, &addr) &&
	       pci_addr_key(&addr) == pci_addr_key(pf);
}

bool pci_has_id(const struct ctx *ctx, const char *name, unsigned int vendor, unsigned int device)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN];
	char text[ATTR_MAX];
	cleanup_fd int fd = -1;
	unsigned int v;

	snprintf(path, sizeof(path), DEVICES "/%s", name);
	fd = openat(ctx->sysfs_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && attr_read(fd, "vendor", text, sizeof(text)) == 0 &&
	       util_parse_u32(text, &v) == 0 && v == vendor &&
	       attr_read(fd, "device", text, sizeof(text)) == 0 && util_parse_u32(text, &v) == 0 &&
	       v == device;
}

bool pci_link(const struct pci_device *dev, const char *link, struct pci_addr *addr)
{
	char name[PCI_NAME_LEN];

	return link_name(dev->fd, link, name, sizeof(name)) && !pci_addr_parse(name, addr);
}

int pci_group(const struct ctx *ctx, const struct pci_device *dev)
{
	char name[16];
	unsigned int group;

	(void)ctx;
	if (!link_name(dev->fd, "iommu_group", name, sizeof(name)) ||
	    util_parse_u32(name, &group) || group > INT32_MAX)
		return -1;
	return (int)group;
}

/* vfio_pci_probe() refuses by the type of the header, and not by the class. */
static bool is_bridge(int dir)
{
	cleanup_fd int fd = openat(dir, "config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char type;
	char class[ATTR_MAX];

	if (fd >= 0 && pread(fd, &type, 1, PCI_HEADER_TYPE) == 1 && type != 0xff)
		return (type & 0x7f) != PCI_HEADER_TYPE_NORMAL;
	return !attr_read(dir, "class", class, sizeof(class)) &&
	       (starts_with(class, "0x0604") || starts_with(class, "0x0607"));
}

bool pci_is_bridge(const struct ctx *ctx, const char *name)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), DEVICES "/%s", name);
	fd = openat(ctx->sysfs_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && is_bridge(fd);
}

/* The driver of a function, if that is not ours, and the function is not a bridge. */
static bool other_driver(const struct ctx *ctx, const char *name, char *driver, size_t size)
{
	char path[sizeof(DEVICES) + PCI_NAME_LEN];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), DEVICES "/%s", name);
	fd = openat(ctx->sysfs_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !link_name(fd, "driver", driver, size) || streq(driver, TSM_DRIVER))
		return false;
	return !is_bridge(fd);
}

int pci_group_scan(const struct ctx *ctx, int group,
		   int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg),
		   void *arg)
{
	char path[64];

	snprintf(path, sizeof(path), "kernel/iommu_groups/%d/devices", group);
	return scan(ctx, path, fn, arg);
}

struct strangers {
	const struct pci_device *dev;
	char *buf;
	size_t size;
	unsigned int count;
	unsigned int left;
};

static int add_stranger(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	char item[PCI_NAME_LEN + DRIVER_NAME_LEN + sizeof(" ()")];
	char driver[DRIVER_NAME_LEN], name[PCI_NAME_LEN];
	struct strangers *s = arg;

	pci_addr_name(addr, name);
	if (pci_addr_key(addr) == pci_addr_key(&s->dev->addr) ||
	    !other_driver(ctx, name, driver, sizeof(driver)))
		return 0;
	snprintf(item, sizeof(item), "%s (%s)", name, driver);
	s->left += !util_add_item(s->buf, s->size - UTIL_MORE, ", ", item);
	s->count++;
	return 0;
}

unsigned int pci_group_strangers(const struct ctx *ctx, int group, const struct pci_device *dev,
				 char *buf, size_t size)
{
	struct strangers s = { .dev = dev, .buf = buf, .size = size };

	buf[0] = '\0';
	pci_group_scan(ctx, group, add_stranger, &s);
	util_add_more(buf, size, s.left);
	return s.count;
}

bool pci_has_driver(const struct ctx *ctx, const char *name)
{
	__attribute__((cleanup(close_sysfs_driver))) struct sysfs_driver *drv =
		open_driver(ctx, name);

	return drv != NULL;
}

unsigned int pci_driver_devices(const struct ctx *ctx, const char *name, char *buf, size_t size)
{
	__attribute__((cleanup(close_sysfs_driver))) struct sysfs_driver *drv =
		open_driver(ctx, name);
	struct dlist *list = drv ? sysfs_get_driver_devices(drv) : NULL;
	struct sysfs_device *d;
	unsigned int count = 0, left = 0;

	buf[0] = '\0';
	if (!list)
		return 0;
	dlist_for_each_data(list, d, struct sysfs_device) {
		left += !util_add_item(buf, size - UTIL_MORE, " ", d->bus_id);
		count++;
	}
	util_add_more(buf, size, left);
	return count;
}

int pci_unbind(struct ctx *ctx, const struct pci_device *dev, struct wait *w)
{
	char name[sizeof(DRIVERS) + DRIVER_NAME_LEN + sizeof("/unbind")];

	if (!dev->driver[0])
		return 0;
	snprintf(name, sizeof(name), DRIVERS "/%s/unbind", dev->driver);
	wait_begin(w, ctx, dev->name, WAIT_FOREVER, "driver %s to detach from it", dev->driver);
	return slow_write(w, ctx->sysfs_fd, ctx->sysfs.path, name, dev->name);
}

int pci_probe(struct ctx *ctx, const struct pci_device *dev, const char *driver, struct wait *w)
{
	if (driver)
		wait_begin(w, ctx, dev->name, WAIT_FOREVER, "driver %s to take it", driver);
	else
		wait_begin(w, ctx, dev->name, WAIT_FOREVER, "its driver to take it");
	return slow_write(w, ctx->sysfs_fd, ctx->sysfs.path, "bus/pci/drivers_probe", dev->name);
}

int pci_get(const struct pci_device *dev, const char *name, char *buf)
{
	int ret = dev->present ? attr_read(dev->fd, name, buf, ATTR_MAX) : -ENODEV;

	if (ret)
		buf[0] = '\0';
	return ret;
}

int pci_set(const struct ctx *ctx, const struct pci_device *dev, const char *name,
	    const char *value)
{
	char where[SYSFS_PATH_MAX];

	snprintf(where, sizeof(where), "%s/" DEVICES "/%s", ctx->sysfs.path, dev->name);
	return attr_write(ctx, dev->fd, where, name, value);
}

int pci_get_slow(const struct pci_device *dev, const char *name, char *buf, struct wait *w)
{
	buf[0] = '\0';
	return dev->present ? slow_read(w, dev->fd, name, buf) : -ENODEV;
}

int pci_set_slow(const struct pci_device *dev, const char *name, const char *value, struct wait *w)
{
	char where[SYSFS_PATH_MAX];

	snprintf(where, sizeof(where), "%s/" DEVICES "/%s", w->ctx->sysfs.path, dev->name);
	return slow_write(w, dev->fd, where, name, value);
}
