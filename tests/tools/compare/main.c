// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens the device in both ways, and has the functions that the other files use. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "transcript.h"

/* In practice region offsets are vfio-pci's ABI. ioctls.c tests GET_REGION_INFO. */
#define REGION_SHIFT 40

void title(const char *name)
{
	printf("\n## %s\n", name);
}

/* Prints an operation and its result: @ret as a system call returns it. */
long say(long ret, const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (ret < 0)
		printf(": %s\n", strerrorname_np(error));
	else
		printf(": %ld\n", ret);
	errno = error;
	return ret;
}

/* The same for an operation that returns bytes. A negative @len is an error. */
void say_bytes(const void *bytes, ssize_t len, const char *format, ...)
{
	const uint8_t *byte = bytes;
	int error = errno;
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (len < 0) {
		printf(": %s\n", strerrorname_np(error));
		return;
	}
	printf(": %zd =", len);
	for (ssize_t i = 0; i < len; i++)
		printf("%s%02x", i % 16 ? "" : " ", byte[i]);
	printf("\n");
}

long call(const struct target *t, unsigned long request, void *arg)
{
	return ioctl(t->file, request, arg);
}

uint64_t region_size(const struct target *t, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	return call(t, VFIO_DEVICE_GET_REGION_INFO, &info) ? 0 : info.size;
}

ssize_t get(const struct target *t, unsigned int index, uint64_t pos, void *buf, size_t len)
{
	return pread(t->file, buf, len, ((uint64_t)index << REGION_SHIFT) + pos);
}

ssize_t put(const struct target *t, unsigned int index, uint64_t pos, const void *buf, size_t len)
{
	return pwrite(t->file, buf, len, ((uint64_t)index << REGION_SHIFT) + pos);
}

/* FNV-1a, for bytes that are too many to be shown. */
uint64_t digest(const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint64_t sum = 0xcbf29ce484222325;

	while (len--)
		sum = (sum ^ *byte++) * 0x100000001b3;
	return sum;
}

void set_command(const struct target *t, uint16_t clear, uint16_t set)
{
	uint16_t command = 0;

	get(t, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, sizeof(command));
	command = (command & ~clear) | set;
	say(put(t, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, sizeof(command)),
	    "Command to %#x", command);
}

/* Between two sections: resets the device, and turns decode and bus mastering on. */
void reset(const struct target *t)
{
	say(call(t, VFIO_DEVICE_RESET, NULL), "reset");
	set_command(t, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static int must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "vfio-transcript: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return ret;
}

static uint32_t new_ioas(const struct target *t)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	must(ioctl(t->iommufd, IOMMU_IOAS_ALLOC, &alloc), "IOMMU_IOAS_ALLOC");
	return alloc.out_ioas_id;
}

static void open_cdev(struct target *t)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", t->addr);
	dir = opendir(path);
	must(dir ? 0 : -1, path);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4))
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
	t->file = must(open(path, O_RDWR | O_CLOEXEC), path);
	t->group = -1;
}

static void bind_cdev(struct target *t)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = t->iommufd };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };

	say(call(t, VFIO_DEVICE_BIND_IOMMUFD, &bind), "bind to an iommufd");
	say(call(t, VFIO_DEVICE_BIND_IOMMUFD, &bind), "and again");
	t->ioas = attach.pt_id = new_ioas(t);
	say(call(t, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach), "attach to an IOAS");
}

static void open_group(struct target *t)
{
	struct iommu_vfio_ioas compat = { .size = sizeof(compat), .op = IOMMU_VFIO_IOAS_SET };
	char path[PATH_MAX], group[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", t->addr);
	len = must(readlink(path, group, sizeof(group) - 1), path);
	group[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(group, '/') + 1);

	t->ioas = compat.ioas_id = new_ioas(t);
	must(ioctl(t->iommufd, IOMMU_VFIO_IOAS, &compat), "IOMMU_VFIO_IOAS");
	t->group = must(open(path, O_RDWR | O_CLOEXEC), path);
	must(ioctl(t->group, VFIO_GROUP_SET_CONTAINER, &t->iommufd), "VFIO_GROUP_SET_CONTAINER");
	t->file = must(ioctl(t->group, VFIO_GROUP_GET_DEVICE_FD, t->addr),
		       "VFIO_GROUP_GET_DEVICE_FD");
}

static void open_device(struct target *t, bool by_group)
{
	t->iommufd = must(open("/dev/iommu", O_RDWR | O_CLOEXEC), "/dev/iommu");
	if (by_group) {
		open_group(t);
		return;
	}
	open_cdev(t);
	show_unbound_file(t);
	bind_cdev(t);
}

static void close_device(struct target *t)
{
	close(t->file);
	if (t->group >= 0)
		close(t->group);
	close(t->iommufd);
}

int main(int argc, char **argv)
{
	struct target t = { .addr = argv[1] };
	bool by_group;

	if (argc != 3) {
		fprintf(stderr, "usage: vfio-transcript ADDR cdev|group\n");
		return 2;
	}
	by_group = !strcmp(argv[2], "group");

	title("Open");
	open_device(&t, by_group);
	show_infos(&t);
	show_config(&t);
	show_irqs(&t);
	reset(&t);
	show_regions(&t);
	reset(&t);
	show_mappings(&t);
	reset(&t);
	show_dma_bufs(&t);
	reset(&t);
	show_ioeventfds(&t);
	reset(&t);
	show_features(&t);
	reset(&t);
	show_all_ioctls(&t);
	reset(&t);
	show_resets(&t);
	reset(&t);
	show_iommu(&t);
	reset(&t);
	show_config_writes(&t);
	reset(&t);
	show_config(&t);
	close_device(&t);

	title("Open again");
	open_device(&t, by_group);
	show_infos(&t);
	show_config(&t);
	close_device(&t);
	printf("\nThe end.\n");
	return fclose(stdout) ? 1 : 0;
}
