// SPDX-License-Identifier: GPL-2.0-or-later
/* The use of an open device: regions, mappings, resets, bind and unbind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

static int call(struct client *c, unsigned long request, const void *arg)
{
	int ret = ioctl(c->device, request, arg);

	return ret < 0 ? -errno : ret;
}

static int region(struct client *c, unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return call(c, VFIO_DEVICE_GET_REGION_INFO, info);
}

/* read:REGION:OFFSET:LENGTH, reads at most 8 bytes; the value is a number */
STEP(do_read)
{
	struct vfio_region_info info;
	uint64_t value = 0;
	int ret = region(c, args[0], &info);

	if (ret)
		return ret;
	if (pread(c->device, &value, args[2] ?: 4, info.offset + args[1]) < 0)
		return -errno;
	snprintf(answer, size, "%#llx", (unsigned long long)value);
	return 0;
}

/* read-at:REGION:OFFSET:LENGTH, also for a region that does not exist */
STEP(read_at)
{
	uint64_t value;

	return pread(c->device, &value, args[2], args[0] << 40 | args[1]) < 0 ? -errno : 0;
}

/* write:REGION:OFFSET:LENGTH:VALUE */
STEP(do_write)
{
	struct vfio_region_info info;
	uint64_t value = args[3];
	int ret = region(c, args[0], &info);

	if (ret)
		return ret;
	return pwrite(c->device, &value, args[2], info.offset + args[1]) < 0 ? -errno : 0;
}

/* enable, turns memory decode and bus mastering on, as a guest's driver does */
STEP(enable)
{
	struct vfio_region_info info;
	uint16_t command;
	int ret = region(c, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (ret)
		return ret;
	if (pread(c->device, &command, sizeof(command), info.offset + PCI_COMMAND) < 0)
		return -errno;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(c->device, &command, sizeof(command), info.offset + PCI_COMMAND) < 0)
		return -errno;
	return 0;
}

/* region-info:REGION; the value is its size */
STEP(region_info)
{
	struct vfio_region_info info;
	int ret = region(c, args[0], &info);

	if (!ret)
		snprintf(answer, size, "%#llx", (unsigned long long)info.size);
	return ret;
}

/* mmap:BAR */
STEP(do_mmap)
{
	struct vfio_region_info info;
	int ret;
	void *p;

	if (args[0] >= MAX_BARS)
		return -EINVAL;
	ret = region(c, args[0], &info);
	if (ret)
		return ret;
	p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, c->device, info.offset);
	if (p == MAP_FAILED)
		return -errno;
	c->map[args[0]] = p;
	c->map_size[args[0]] = info.size;
	return 0;
}

STEP(do_munmap)
{
	if (args[0] >= MAX_BARS || !c->map[args[0]])
		return -EINVAL;
	munmap((void *)c->map[args[0]], c->map_size[args[0]]);
	c->map[args[0]] = NULL;
	return 0;
}

static sigjmp_buf bus_error;

static void on_sigbus(UNUSED int sig)
{
	siglongjmp(bus_error, 1);
}

/* resource:BAR, maps the BAR through sysfs, as root may, and unmaps it */
STEP(resource)
{
	char path[64];
	int fd, ret = 0;
	void *p;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", c->addr, (int)args[0]);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		ret = -errno;
	else
		munmap(p, 4096);
	close(fd);
	return ret;
}

/* touch:BAR:OFFSET, reads the mapping; fails with EFAULT for a SIGBUS */
STEP(touch)
{
	struct sigaction action = { .sa_handler = on_sigbus };
	int ret = 0;

	if (args[0] >= MAX_BARS || !c->map[args[0]])
		return -EINVAL;
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(bus_error, 1))
		ret = -EFAULT;
	else
		snprintf(answer, size, "%#x",
			 *(volatile uint32_t *)((volatile char *)c->map[args[0]] + args[1]));
	signal(SIGBUS, SIG_DFL);
	return ret;
}

/* touch-refused:BAR:OFFSET, touches it until that fails with EFAULT, at most 10 s */
STEP(touch_refused)
{
	int ret = 0;

	for (int i = 0; !ret && i < 1000; i++) {
		ret = touch(c, args, text, answer, size);
		usleep(10000);
	}
	return ret == -EFAULT ? 0 : ret ?: -ETIMEDOUT;
}

static int ioeventfd(struct client *c, const unsigned long long *args, int fd)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = args[0] << 40 | args[1],
		.fd = fd,
	};

	return call(c, VFIO_DEVICE_IOEVENTFD, &arg);
}

/* ioeventfd:BAR:OFFSET, and ioeventfd-del:BAR:OFFSET */
STEP(ioeventfd_add)
{
	return ioeventfd(c, args, eventfd(0, EFD_CLOEXEC));
}

STEP(ioeventfd_del)
{
	return ioeventfd(c, args, -1);
}

STEP(reset)
{
	return call(c, VFIO_DEVICE_RESET, NULL);
}

STEP(hot_reset)
{
	struct vfio_pci_hot_reset arg = { .argsz = sizeof(arg) };

	return call(c, VFIO_DEVICE_PCI_HOT_RESET, &arg);
}

static int set_feature(struct client *c, unsigned int feature, const void *data, size_t size)
{
	char arg[sizeof(struct vfio_device_feature) + 16] = "";
	struct vfio_device_feature *head = (void *)arg;

	head->argsz = sizeof(*head) + size;
	head->flags = VFIO_DEVICE_FEATURE_SET | feature;
	if (size)
		memcpy(head->data, data, size);
	return call(c, VFIO_DEVICE_FEATURE, arg);
}

STEP(low_power)
{
	return set_feature(c, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0);
}

STEP(low_power_wakeup)
{
	struct vfio_device_low_power_entry_with_wakeup entry = {
		.wakeup_eventfd = eventfd(0, EFD_CLOEXEC),
	};

	return set_feature(c, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, &entry,
			   sizeof(entry));
}

/* vf-token, sets the token of a PF, which the users of its VFs also need */
STEP(set_vf_token)
{
	return set_feature(c, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, vf_token, sizeof(vf_token));
}

/* dma-buf:BAR, exports its first page; the file stays open for dma-buf-map */
STEP(dma_buf)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf dma_buf;
		struct vfio_region_dma_range range;
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.dma_buf.region_index = args[0],
		.dma_buf.open_flags = O_RDWR | O_CLOEXEC,
		.dma_buf.nr_ranges = 1,
		.range.length = 4096,
	};
	int ret = call(c, VFIO_DEVICE_FEATURE, &arg);

	c->dma_buf = ret;
	return ret < 0 ? ret : 0;
}

/* dma-buf-fence, has hold_fence add a fence to the last dma-buf */
STEP(dma_buf_fence)
{
	FILE *file = fopen("/sys/module/hold_fence/parameters/dma_buf", "w");
	int ret;

	if (!file)
		return -errno;
	ret = fprintf(file, "%d", c->dma_buf) < 0 ? -errno : 0;
	return fclose(file) ? -errno : ret;
}

/* dma-buf-map:IOVA, maps the last dma-buf into the IOAS; ENODEV if it is revoked */
STEP(dma_buf_map)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = c->ioas,
		.fd = c->dma_buf,
		.length = 4096,
		.iova = args[0],
	};

	return ioctl(c->iommufd, IOMMU_IOAS_MAP_FILE, &arg) < 0 ? -errno : 0;
}

/* tsm-bind:ARGSZ:FLAGS:VDEVICE:PAD; an argsz of 0 stands for the right one */
STEP(tsm_bind)
{
	struct vfio_pci_tsm_bind arg = {
		.argsz = args[0] ?: sizeof(arg),
		.flags = args[1],
		.vdevice_id = args[2],
		.pad = args[3],
	};

	return call(c, VFIO_DEVICE_TSM_BIND, &arg);
}

/* tsm-unbind:ARGSZ:FLAGS */
STEP(tsm_unbind)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = args[0] ?: sizeof(arg), .flags = args[1] };

	return call(c, VFIO_DEVICE_TSM_UNBIND, &arg);
}

/* tsm-bind-long:ARGSZ:VALUE, with VALUE in the last of that many bytes */
STEP(tsm_bind_long)
{
	struct vfio_pci_tsm_bind *arg = calloc(1, args[0] + sizeof(*arg));
	int ret;

	arg->argsz = args[0];
	((unsigned char *)arg)[args[0] - 1] = args[1];
	ret = call(c, VFIO_DEVICE_TSM_BIND, arg);
	free(arg);
	return ret;
}

/* tsm-bind-at:ADDRESS and tsm-unbind-at:ADDRESS, with an argument at any address */
STEP(tsm_bind_at)
{
	return call(c, VFIO_DEVICE_TSM_BIND, (void *)(uintptr_t)args[0]);
}

STEP(tsm_unbind_at)
{
	return call(c, VFIO_DEVICE_TSM_UNBIND, (void *)(uintptr_t)args[0]);
}

const struct step device_steps[] = {
	{ "enable", enable },
	{ "read", do_read },
	{ "read-at", read_at },
	{ "write", do_write },
	{ "region-info", region_info },
	{ "mmap", do_mmap },
	{ "munmap", do_munmap },
	{ "resource", resource },
	{ "touch", touch },
	{ "touch-refused", touch_refused },
	{ "ioeventfd", ioeventfd_add },
	{ "ioeventfd-del", ioeventfd_del },
	{ "reset", reset },
	{ "hot-reset", hot_reset },
	{ "vf-token", set_vf_token },
	{ "low-power", low_power },
	{ "low-power-wakeup", low_power_wakeup },
	{ "dma-buf", dma_buf },
	{ "dma-buf-fence", dma_buf_fence },
	{ "dma-buf-map", dma_buf_map },
	{ "tsm-bind", tsm_bind },
	{ "tsm-bind-long", tsm_bind_long },
	{ "tsm-bind-at", tsm_bind_at },
	{ "tsm-unbind", tsm_unbind },
	{ "tsm-unbind-at", tsm_unbind_at },
	{ NULL, NULL },
};
