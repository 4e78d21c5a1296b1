// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of a TDI, as the VMM sees it. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tsmbind.h>

#include "layout.h"
#include "vmm.h"

static void print(FILE *file, const char *format, va_list args)
{
	/* Write each line at once: the host's attempts are in another thread. */
	char line[256];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(file, "%s\n", line);
	fflush(file);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(stdout, format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("tsm-vmm: ", stderr);
	print(stderr, format, args);
	va_end(args);
	exit(1);
}

/* The function ID: the requester ID on the host, with the segment unless it is 0 */
static uint32_t function_id(const char *addr)
{
	unsigned int segment, bus, device, function;

	if (sscanf(addr, "%x:%x:%x.%x", &segment, &bus, &device, &function) != 4)
		die("'%s' is not a PCI address such as 0000:01:00.0", addr);
	segment &= 0xff;
	return bus << 8 | device << 3 | function | (segment ? 1 << 24 | segment << 16 : 0);
}

/* Prints the states of the device and its TDI. */
void say_info(struct vmm *vmm)
{
	struct tsmbind_info info;
	int ret = tsmbind_info(vmm->device, &info, sizeof(info));

	if (ret)
		die("info: %s", strerror(-ret));
	say("vmm: device %s, TDI %s, last unbind %s", tsmbind_state_name(info.state),
	    tsmbind_tdi_state_name(info.tdi_state), tsmbind_reason_name(info.reason));
}

static void bind_device(struct vmm *vmm)
{
	int ret;

	/* Before the bind, so that no loss is missed. */
	vmm->event = tsmbind_open_event(vmm->device);
	if (vmm->event < 0)
		die("event: %s", strerror(-vmm->event));
	ret = tsmbind_bind(vmm->device, 0);
	if (ret)
		die("bind: %s", strerror(-ret));
	say("vmm: bound");
	say_info(vmm);
}

static void unbind_device(struct vmm *vmm)
{
	int ret = tsmbind_unbind(vmm->device);

	if (ret)
		die("unbind: %s", strerror(-ret));
	say("vmm: unbound");
	say_info(vmm);
}

static void run_guest(struct vmm *vmm)
{
	int ret;

	memcpy(vmm->memory + FUNCTION_ID, &vmm->function_id, sizeof(vmm->function_id));
	ret = vm_run(vmm);
	say("vmm: the guest has ended with %d", ret);
	vmm->failures += ret;
}

/* The option, and the function that runs while the device is bound */
static const struct {
	const char *option;
	void (*run)(struct vmm *vmm);
} modes[] = {
	{ "--guest", run_guest },
	{ "--mmio", mmio_check },
	{ "--wait", mmio_wait },
};

static void usage(void)
{
	fputs("usage: tsm-vmm [OPTION] ADDR\n"
	      "  --guest  run the guest; this is the default\n"
	      "  --mmio   try accesses to private MMIO that must fail\n"
	      "  --wait   touch private MMIO at each line of standard input\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	void (*run)(struct vmm *vmm) = argc == 2 ? run_guest : NULL;
	struct vmm vmm = { .device = -1 };

	for (size_t i = 0; argc == 3 && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].option))
			run = modes[i].run;
	if (!run)
		usage();
	/* A guest or a device that hangs must not keep this program running for ever. */
	alarm(300);
	vmm.addr = argv[argc - 1];
	vmm.function_id = function_id(vmm.addr);
	mmio_open(&vmm);

	/* The order matters: the VM must have the file before iommufd has the device. */
	device_open(&vmm);
	vm_create(&vmm);
	vm_add_device(&vmm);
	device_attach(&vmm);
	say("vmm: %s is in the VM, its DMA reaches the guest's memory", vmm.addr);
	device_enable(&vmm);
	device_region(&vmm, 0, &vmm.bar_size);

	bind_device(&vmm);
	run(&vmm);
	unbind_device(&vmm);
	if (vmm.failures)
		say("vmm: %d steps did not go as they must", vmm.failures);
	return !!vmm.failures;
}
