// SPDX-License-Identifier: GPL-2.0-or-later
/* A write or a request whose buffer is not there yet: the kernel waits for it in the middle. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

#define PAGE 4096

/* The only write or request that is stalled */
static struct {
	pthread_t thread;
	int uffd;
	void *page;
	int device;
	unsigned long long offset;
	unsigned int scope;
	size_t length;
	int ret;
	atomic_bool done;
} stall = { .uffd = -1 };

static void *write_page(UNUSED void *arg)
{
	ssize_t done = pwrite(stall.device, stall.page, stall.length, stall.offset);

	stall.ret = done < 0 ? -errno : 0;
	stall.done = true;
	return NULL;
}

static void *send_page(UNUSED void *unused)
{
	char response[256];
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = stall.scope,
		.req_len = stall.length,
		.resp_len = sizeof(response),
		.req_uptr = (uintptr_t)stall.page,
		.resp_uptr = (uintptr_t)response,
	};

	stall.ret = ioctl(stall.device, VFIO_DEVICE_TSM_REQ, &arg) < 0 ? -errno : 0;
	stall.done = true;
	return NULL;
}

/* Makes a page that is only filled in by an ioctl of userfaultfd. */
static int make_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.len = PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	stall.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stall.page == MAP_FAILED)
		return -errno;
	reg.range.start = (uintptr_t)stall.page;
	stall.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (stall.uffd < 0 || ioctl(stall.uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(stall.uffd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	return 0;
}

/* Returns once the kernel waits for the page, or has refused the system call. */
static int begin(void *(*run)(void *))
{
	struct pollfd event = { .events = POLLIN };
	int ret;

	stall.done = false;
	ret = pthread_create(&stall.thread, NULL, run, NULL);
	if (ret)
		return -ret;
	event.fd = stall.uffd;
	while (!stall.done && poll(&event, 1, 10) == 0)
		;
	return 0;
}

/*
 * config-stall:OFFSET:LENGTH, writes zeros to configuration space, and returns once the
 * kernel waits for them, or has refused the write
 */
STEP(config_stall)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int ret;

	if (ioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return -errno;
	ret = make_page();
	if (ret)
		return ret;
	stall.device = c->device;
	stall.offset = info.offset + args[0];
	stall.length = args[1];
	return begin(write_page);
}

/* req-stall:SCOPE:LENGTH, the same with a request of LENGTH zeros */
STEP(req_stall)
{
	int ret = make_page();

	if (ret)
		return ret;
	stall.device = c->device;
	stall.scope = args[0];
	stall.length = args[1];
	return begin(send_page);
}

/* config-go and req-go, let it continue, and return the result of the write or request */
STEP(config_go)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)stall.page, PAGE } };

	if (ioctl(stall.uffd, UFFDIO_ZEROPAGE, &zero) < 0 && errno != EEXIST)
		return -errno;
	pthread_join(stall.thread, NULL);
	return stall.ret;
}

const struct step stall_steps[] = {
	{ "config-stall", config_stall },
	{ "config-go", config_go },
	{ "req-stall", req_stall },
	{ "req-go", config_go },
	{ NULL, NULL },
};
