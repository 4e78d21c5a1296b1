// SPDX-License-Identifier: GPL-2.0-or-later
/* The vfio cdev of a device: finds, opens, watches and enables it. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <tsmbind.h>

#include "common/stage.h"
#include "helper/cdev.h"
#include "helper/compat.h"

#define CDEV_DIR "/dev/vfio/devices"

/* Whether a name is vfio and a number, and so is safe in a path. */
static bool is_cdev_name(const char *name)
{
	unsigned int n;

	return starts_with(name, "vfio") && strlen(name) < 16 && !util_parse_u32(name + 4, &n);
}

/* Reads the first line of a file, without its newline. */
static int read_line(int dir, const char *path, char *text, size_t size)
{
	cleanup_fd int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* Opens a directory of the device: @where, its address, @below. */
static int open_dir(const struct session *s, const char *where, const char *below)
{
	cleanup_free char *path = NULL;
	int dir;

	if (asprintf(&path, "%s/%s/%s%s", s->sysfs, where, s->name, below) < 0)
		return -ENOMEM;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

static int open_sysfs(const struct session *s)
{
	return open_dir(s, "bus/pci/devices", "");
}

static int read_number(int dir, const char *name, dev_t *number)
{
	char path[64], text[32];
	unsigned int major, minor;
	char *colon;
	int ret;

	snprintf(path, sizeof(path), "%.31s/dev", name);
	ret = read_line(dir, path, text, sizeof(text));
	if (ret)
		return ret;
	colon = strchr(text, ':');
	if (!colon)
		return -EIO;
	*colon = '\0';
	if (util_parse_u32(text, &major) || util_parse_u32(colon + 1, &minor))
		return -EIO;
	*number = makedev(major, minor);
	return 0;
}

/* A device on a VFIO driver has no cdev if the kernel is built without them. */
static int no_cdev(int dev)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dev, "driver", target, sizeof(target) - 1);
	const char *slash;

	target[n < 0 ? 0 : n] = '\0';
	slash = strrchr(target, '/');
	return slash && strstr(slash, "vfio") ? -EOPNOTSUPP : -ENXIO;
}

int cdev_find(struct session *s)
{
	cleanup_fd int dev = open_sysfs(s);
	cleanup_dir DIR *dir = NULL;
	struct dirent *e;
	int ret;

	if (dev < 0)
		return dev == -ENOENT ? -ENODEV : dev;
	dir = util_opendirat(dev, "vfio-dev");
	if (!dir)
		return errno == ENOENT ? no_cdev(dev) : -errno;
	while ((e = readdir(dir))) {
		if (!is_cdev_name(e->d_name))
			continue;
		util_copy(s->cdev_name, sizeof(s->cdev_name), e->d_name);
		ret = read_number(dirfd(dir), s->cdev_name, &s->cdev_number);
		/* on a kernel without cdevs, the directory exists, but has no device number */
		return ret == -ENOENT ? no_cdev(dev) : ret;
	}
	return no_cdev(dev);
}

/* The file may be a client's, on a file system whose server is stuck: do not ask that server. */
bool cdev_is(const struct session *s, int fd)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) == 0 &&
	       S_ISCHR(stx.stx_mode) &&
	       makedev(stx.stx_rdev_major, stx.stx_rdev_minor) == s->cdev_number;
}

int cdev_open(struct session *s)
{
	cleanup_fd int node = -1;
	char path[64];

	snprintf(path, sizeof(path), CDEV_DIR "/%s", s->cdev_name);
	node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (node < 0)
		return -errno;
	if (!cdev_is(s, node))
		return -ENXIO;
	/* open the node that was checked: its name may be another node's by now */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	s->cdev = open(path, O_RDWR | O_CLOEXEC);
	return s->cdev < 0 ? -errno : 0;
}

/* On any other file of a cdev, every ioctl fails with EINVAL; on a file of O_PATH, with EBADF. */
bool cdev_in_use(int fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return ioctl(fd, VFIO_DEVICE_GET_INFO, &info) == 0 || (errno != EINVAL && errno != EBADF);
}

int cdev_watch(struct session *s)
{
	/* in memory, the descriptor follows the structure */
	union {
		struct vfio_irq_set set;
		char bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irq = {
		.set = {
			.argsz = sizeof(irq.bytes),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1,
		},
	};
	int32_t fd;
	int ret;

	s->request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->request < 0)
		return -errno;
	fd = s->request;
	memcpy(irq.set.data, &fd, sizeof(fd));
	if (ioctl(s->cdev, VFIO_DEVICE_SET_IRQS, &irq))
		return -errno;

	ret = tsmbind_open_event(s->cdev);
	/* an older module has no event, and signals a loss by the request */
	if (ret == -ENOTTY)
		return 0;
	s->event = ret < 0 ? -1 : ret;
	return ret < 0 ? ret : 0;
}

int cdev_attr(const struct session *s, const char *name, char *text, size_t size)
{
	cleanup_fd int dev = open_sysfs(s);
	char path[64];

	if (dev < 0)
		return dev;
	snprintf(path, sizeof(path), "vfio_tsm/%s", name);
	return read_line(dev, path, text, size);
}

void cdev_refused_at(const struct session *s, int err, char *stage, size_t size)
{
	const char *word;
	char text[64];
	int found;

	stage[0] = '\0';
	if (cdev_attr(s, "last_error", text, sizeof(text)))
		return;
	word = stage_parse(text, &found);
	if (word && found == err)
		util_copy(stage, size, word);
}

bool cdev_is_lost(const struct session *s, char *reason, size_t size)
{
	cleanup_fd int policy = -1;
	char state[16];

	if (!cdev_attr(s, "state", state, sizeof(state)))
		return (streq(state, "lost") || streq(state, "quarantined")) &&
		       !cdev_attr(s, "last_unbind", reason, size);
	policy = open_dir(s, "kernel/config/vfio_tsm", "/tsm");
	if (policy < 0 || read_line(policy, "state", state, sizeof(state)) || !streq(state, "lost"))
		return false;
	util_copy(reason, size, "removed");
	return true;
}

int cdev_enable(struct session *s)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command;
	off_t where;

	if (ioctl(s->cdev, VFIO_DEVICE_GET_REGION_INFO, &info))
		return -errno;
	where = (off_t)info.offset + PCI_COMMAND;
	if (pread(s->cdev, &command, sizeof(command), where) != sizeof(command))
		return -EIO;
	command |= htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (pwrite(s->cdev, &command, sizeof(command), where) != sizeof(command))
		return -EIO;
	return 0;
}
