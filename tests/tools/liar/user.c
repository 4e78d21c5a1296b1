// SPDX-License-Identifier: GPL-2.0-or-later
/* What an administrator, a VMM and its guest do with the device. Most of it can fail. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"
#include "../tdisp.h"
#include "liar.h"

#define NONCE 64

static const char *addr;
static uint32_t function;
static struct client client;

static const struct {
	const char *name;
	ssize_t most;
} parts[] = { { "cert0", 16384 }, { "vca", 1024 }, { "measurements", 16384 }, { "report", 4096 } };

static int open_in(const char *name, int flags)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", addr, name);
	return open(path, flags | O_CLOEXEC);
}

static bool write_to(const char *name, const char *text)
{
	int file = open_in(name, O_WRONLY);
	bool ok = file >= 0 && write(file, text, strlen(text)) > 0;

	if (file >= 0)
		close(file);
	return ok;
}

static bool do_connect(uint64_t *seed)
{
	(void)seed;
	return write_to("tsm/connect", "tsm0");
}

static bool do_disconnect(uint64_t *seed)
{
	(void)seed;
	return write_to("tsm/disconnect", "tsm0");
}

static bool do_bind(uint64_t *seed)
{
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg) };

	(void)seed;
	return !ioctl(client.device, VFIO_DEVICE_TSM_BIND, &arg);
}

static bool do_unbind(uint64_t *seed)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = sizeof(arg) };

	(void)seed;
	return !ioctl(client.device, VFIO_DEVICE_TSM_UNBIND, &arg);
}

static bool do_request(uint64_t *seed)
{
	static const uint8_t types[] = { GET_TDISP_VERSION, GET_DEVICE_INTERFACE_REPORT,
					 GET_DEVICE_INTERFACE_STATE, START_INTERFACE_REQUEST,
					 STOP_INTERFACE_REQUEST };
	uint8_t request[TDISP_HEADER + TDISP_NONCE] = { TDISP_VERSION }, response[1024];
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = 1,
		.req_len = TDISP_HEADER,
		.resp_len = draw(seed, 2) ? sizeof(response) : draw(seed, sizeof(response)),
		.req_uptr = (uintptr_t)request,
		.resp_uptr = (uintptr_t)response,
	};

	request[1] = types[draw(seed, sizeof(types))];
	memcpy(request + 4, &function, sizeof(function));
	if (request[1] == START_INTERFACE_REQUEST) {
		arg.req_len += TDISP_NONCE;
		memset(request + TDISP_HEADER, 0x5a, TDISP_NONCE);
	} else if (request[1] == GET_DEVICE_INTERFACE_REPORT) {
		arg.req_len += 4;
		request[TDISP_HEADER + 2] = 64;
	}
	return ioctl(client.device, VFIO_DEVICE_TSM_REQ, &arg) >= 0;
}

static bool do_evidence(uint64_t *seed)
{
	char nonce[NONCE + 1] = { 0 };

	for (int i = 0; i < NONCE; i++)
		nonce[i] = "0123456789abcdef"[draw(seed, 16)];
	return write_to("vfio_tsm_evidence/nonce", nonce);
}

static bool do_read(uint64_t *seed)
{
	static uint8_t text[65536];
	uint32_t part = draw(seed, sizeof(parts) / sizeof(*parts));
	char name[64];
	ssize_t n;
	int file;

	snprintf(name, sizeof(name), "vfio_tsm_evidence/%s", parts[part].name);
	file = open_in(name, O_RDONLY);
	if (file < 0)
		return false;
	n = 0;
	for (ssize_t more = 1; more > 0 && n < (ssize_t)sizeof(text); n += more > 0 ? more : 0)
		more = read(file, text + n, sizeof(text) - (size_t)n);
	if (n > parts[part].most)
		fault("%s has %zd bytes", parts[part].name, n);
	close(file);
	return n > 0;
}

static bool do_open(uint64_t *seed)
{
	static int (*const steps[])(struct client *c, const unsigned long long *args,
				    const char *text, char *answer, size_t size) = {
		step_cdev, step_kvm, step_bind_iommufd, step_ioas, step_attach,
	};
	const unsigned long long args[MAX_ARGS] = { 0 };
	uint16_t value = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	char answer[64];

	(void)seed;
	if (client.device >= 0) {
		close(client.kvm_vfio);
		close(client.kvm_vm);
		close(client.device);
		close(client.iommufd);
	}
	client = (struct client)CLIENT_INIT(addr);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (steps[i](&client, args, "", answer, sizeof(answer)))
			return false;
	}
	return !ioctl(client.device, VFIO_DEVICE_GET_REGION_INFO, &config) &&
	       pwrite(client.device, &value, sizeof(value), config.offset + PCI_COMMAND) > 0;
}

static bool (*const operations[])(uint64_t *seed) = {
	do_connect, do_disconnect, do_bind, do_unbind, do_request, do_evidence, do_read, do_open,
};

struct count user_counts[] = {
	{ "connect", 0, 0 }, { "disconnect", 0, 0 }, { "bind", 0, 0 },
	{ "unbind", 0, 0 },  { "request", 0, 0 },    { "evidence", 0, 0 },
	{ "read", 0, 0 },    { "open", 0, 0 },	     { NULL, 0, 0 },
};

/* How often each is drawn: most of the time, the device is connected and bound. */
static const uint8_t weights[] = { 12, 3, 10, 5, 30, 19, 20, 1 };

void user_begin(const char *address)
{
	unsigned int segment, bus, slot, number;

	addr = address;
	client = (struct client)CLIENT_INIT(addr);
	if (sscanf(addr, "%x:%x:%x.%x", &segment, &bus, &slot, &number) == 4)
		function = bus << 8 | slot << 3 | number;
}

void *user_run(void *seed)
{
	count(&user_counts[7], do_open(seed));
	while (!done) {
		int chance = (int)draw(seed, 100);
		size_t i = 0;

		while ((chance -= weights[i]) >= 0)
			i++;
		count(&user_counts[i], operations[i](seed));
	}
	return NULL;
}
