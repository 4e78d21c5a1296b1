// SPDX-License-Identifier: GPL-2.0-or-later
/* While the guest does I/O, the host tries every access to the device. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "layout.h"
#include "vmm.h"

/* Each returns 0 or a negative errno. */
static int read_bar(struct vmm *vmm)
{
	uint32_t value;

	return pread(vmm->device, &value, sizeof(value), device_region(vmm, 0, NULL)) < 0 ? -errno :
											    0;
}

static int write_bar(struct vmm *vmm)
{
	uint32_t value = 0;

	return pwrite(vmm->device, &value, sizeof(value), device_region(vmm, 0, NULL) + 0x14) < 0 ?
		       -errno :
		       0;
}

static int map_region(int fd, size_t size, off_t at)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

static int map_bar(struct vmm *vmm)
{
	return map_region(vmm->device, vmm->bar_size, device_region(vmm, 0, NULL));
}

static int reset(struct vmm *vmm)
{
	return ioctl(vmm->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

static int hot_reset(struct vmm *vmm)
{
	struct vfio_pci_hot_reset arg = { .argsz = sizeof(arg) };

	return ioctl(vmm->device, VFIO_DEVICE_PCI_HOT_RESET, &arg) ? -errno : 0;
}

static int add_ioeventfd(struct vmm *vmm)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = device_region(vmm, 0, NULL) + 0x1000,
		.fd = vmm->event,
	};

	return ioctl(vmm->device, VFIO_DEVICE_IOEVENTFD, &arg) ? -errno : 0;
}

static int stop_mastering(struct vmm *vmm)
{
	uint64_t at = device_region(vmm, VFIO_PCI_CONFIG_REGION_INDEX, NULL) + PCI_COMMAND;
	uint16_t command = PCI_COMMAND_MEMORY;

	return pwrite(vmm->device, &command, sizeof(command), at) < 0 ? -errno : 0;
}

static int sleep_device(struct vmm *vmm)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	};

	return ioctl(vmm->device, VFIO_DEVICE_FEATURE, &feature) ? -errno : 0;
}

static int sysfs_file(struct vmm *vmm, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", vmm->addr, name);
	return open(path, flags | O_CLOEXEC);
}

static int map_sysfs(struct vmm *vmm)
{
	int fd = sysfs_file(vmm, "resource0", O_RDWR);
	int ret;

	if (fd < 0)
		return -errno;
	ret = map_region(fd, vmm->bar_size, 0);
	close(fd);
	return ret;
}

static int reset_by_sysfs(struct vmm *vmm)
{
	int fd = sysfs_file(vmm, "reset", O_WRONLY);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, "1", 1) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* A child has the file, but is not the owner. */
static int map_in_child(struct vmm *vmm)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-map_region(vmm->private_mmio, vmm->bar_size, 0));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/**
 * struct attempt - one kind of access to the device
 * @what: for the output
 * @try: the attempt
 * @error: how it must fail
 */
struct attempt {
	const char *what;
	int (*try)(struct vmm *vmm);
	int error;
};

static const struct attempt attempts[] = {
	{ "read of BAR 0", read_bar, EBUSY },
	{ "write to BAR 0", write_bar, EBUSY },
	{ "mapping of BAR 0", map_bar, EBUSY },
	{ "reset", reset, EBUSY },
	{ "hot reset", hot_reset, EBUSY },
	{ "ioeventfd", add_ioeventfd, EBUSY },
	{ "bus mastering off", stop_mastering, EBUSY },
	{ "low power", sleep_device, EBUSY },
	{ "mapping of resource0 in sysfs", map_sysfs, EINVAL },
	{ "reset in sysfs", reset_by_sysfs, ENOTTY },
	{ "private MMIO in another process", map_in_child, EACCES },
};

static pthread_t thread;
static bool started;

static uint32_t count_commands(struct vmm *vmm)
{
	return __atomic_load_n((uint32_t *)(vmm->memory + COMMANDS), __ATOMIC_ACQUIRE);
}

/* Waits until another Identify has ended, which may have begun before the call. */
static void wait_for_io(struct vmm *vmm)
{
	uint32_t before = count_commands(vmm);

	while (count_commands(vmm) == before)
		sched_yield();
}

static void *try_all(void *arg)
{
	struct vmm *vmm = arg;
	uint32_t before = count_commands(vmm);

	/* Wait for I/O of the guest before each attempt and after the last one. */
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		int ret;

		wait_for_io(vmm);
		ret = attempts[i].try(vmm);

		say("host: %s: %s", attempts[i].what, ret ? strerror(-ret) : "success");
		if (ret != -attempts[i].error)
			__atomic_add_fetch(&vmm->failures, 1, __ATOMIC_RELAXED);
	}
	wait_for_io(vmm);
	say("host: %u commands of the guest meanwhile", count_commands(vmm) - before);
	__atomic_store_n(&vmm->host_tries, false, __ATOMIC_RELEASE);
	return NULL;
}

/* The guest does I/O from now on. */
void host_begin(struct vmm *vmm)
{
	if (started)
		die("the guest asks the host twice");
	vmm->host_tries = true;
	if (pthread_create(&thread, NULL, try_all, vmm))
		die("no thread");
	started = true;
}

/* Whether the guest must go on with its I/O */
bool host_is_busy(struct vmm *vmm)
{
	if (__atomic_load_n(&vmm->host_tries, __ATOMIC_ACQUIRE))
		return true;
	if (started)
		pthread_join(thread, NULL);
	started = false;
	return false;
}
