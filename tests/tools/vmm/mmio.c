// SPDX-License-Identifier: GPL-2.0-or-later
/* Private MMIO, and the attempts of a hostile VMM on it, without a guest. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tsmbind.h>

#include "../tdisp.h"
#include "layout.h"
#include "vmm.h"

#define PAGE 4096
#define NVME_VS 8
#define BAR(n) ((off_t)(n) << 40)

/* Opens the file that takes the place of secure page tables. */
void mmio_open(struct vmm *vmm)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/tsm_sim/%s", vmm->addr);
	vmm->private_mmio = open(path, O_RDWR | O_CLOEXEC);
	if (vmm->private_mmio < 0)
		die("%s: %m", path);
}

/* Maps BAR 0 of a TDI in RUN. */
void *mmio_map(struct vmm *vmm)
{
	void *map =
		mmap(NULL, vmm->bar_size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->private_mmio, 0);

	if (map == MAP_FAILED)
		die("private MMIO: %m");
	return map;
}

static sigjmp_buf back;

static void on_signal(int signal)
{
	siglongjmp(back, signal);
}

/* Touches that address. Returns 0, the signal, or -1 for all ones. */
static int touch(void *map)
{
	int signal = sigsetjmp(back, 1);

	if (signal)
		return signal;
	/* All ones mean that no device is at the address. */
	return *(volatile uint32_t *)((char *)map + NVME_VS) == ~0U ? -1 : 0;
}

static void check(struct vmm *vmm, const char *what, int is, int want)
{
	say("mmio: %s: %s", what, is == want ? "as it must be" : "wrong");
	if (is != want) {
		say("mmio: it is %d instead of %d", is, want);
		vmm->failures++;
	}
}

/* Maps and returns 0, or an errno. */
static int try_map(struct vmm *vmm, size_t size, int protection, int flags, off_t at)
{
	void *map = mmap(NULL, size, protection, flags, vmm->private_mmio, at);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, size);
	return 0;
}

/* Sends a message, and returns the length of the response. */
static size_t ask(struct vmm *vmm, uint8_t type, const void *payload, size_t len, uint8_t *answer,
		  size_t room)
{
	uint8_t message[64] = { TDISP_VERSION, type };
	ssize_t ret;

	memcpy(message + 4, &vmm->function_id, sizeof(vmm->function_id));
	memcpy(message + TDISP_HEADER, payload, len);
	ret = tsmbind_request(vmm->device, TSMBIND_SCOPE_STATE_CHANGE, message, TDISP_HEADER + len,
			      answer, room, NULL);
	if (ret < 0)
		die("request %#x: %s", type, strerror(-ret));
	if (answer[1] != (type & 0x7f))
		die("request %#x: TDISP error %#x", type, answer[TDISP_HEADER]);
	return ret;
}

static void start_tdi(struct vmm *vmm)
{
	static const uint8_t all[4] = { 0, 0, 0xff, 0xff };
	uint8_t answer[512];
	size_t len =
		ask(vmm, GET_DEVICE_INTERFACE_REPORT, all, sizeof(all), answer, sizeof(answer));

	ask(vmm, START_INTERFACE_REQUEST, answer + len - TDISP_NONCE, TDISP_NONCE, answer,
	    sizeof(answer));
}

static void stop_tdi(struct vmm *vmm)
{
	uint8_t answer[64];

	ask(vmm, STOP_INTERFACE_REQUEST, "", 0, answer, sizeof(answer));
}

/* The response of a STOP goes to the BAR. The STOP ends the mapping before. */
static int stop_into(struct vmm *vmm, void *map)
{
	uint8_t message[TDISP_HEADER] = { TDISP_VERSION, STOP_INTERFACE_REQUEST };
	ssize_t ret;

	memcpy(message + 4, &vmm->function_id, sizeof(vmm->function_id));
	ret = tsmbind_request(vmm->device, TSMBIND_SCOPE_STATE_CHANGE, message, sizeof(message),
			      map, 64, NULL);
	return ret < 0 ? -ret : 0;
}

static int tdi_state(struct vmm *vmm)
{
	struct tsmbind_info info;
	int ret = tsmbind_info(vmm->device, &info, sizeof(info));

	return ret ?: (int)info.tdi_state;
}

static void rebind(struct vmm *vmm)
{
	int ret = tsmbind_unbind(vmm->device) ?: tsmbind_bind(vmm->device, 0);

	if (ret)
		die("bind: %s", strerror(-ret));
}

static void check_arguments(struct vmm *vmm)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t size = vmm->bar_size;

	check(vmm, "a private mapping", try_map(vmm, size, rw, MAP_PRIVATE, 0), EINVAL);
	check(vmm, "an executable mapping", try_map(vmm, size, rw | PROT_EXEC, MAP_SHARED, 0),
	      EINVAL);
	check(vmm, "a page more than the BAR", try_map(vmm, size + PAGE, rw, MAP_SHARED, 0),
	      EINVAL);
	check(vmm, "the page after the BAR", try_map(vmm, PAGE, rw, MAP_SHARED, size), EINVAL);
	check(vmm, "a BAR that is not there", try_map(vmm, PAGE, rw, MAP_SHARED, BAR(5)), EINVAL);
	check(vmm, "a BAR beyond all", try_map(vmm, PAGE, rw, MAP_SHARED, BAR(6)), EINVAL);
	check(vmm, "the end of all offsets",
	      try_map(vmm, PAGE, rw, MAP_SHARED, (off_t)(INT64_MAX & -(int64_t)PAGE)), EINVAL);
	check(vmm, "the last page", try_map(vmm, PAGE, rw, MAP_SHARED, size - PAGE), 0);
}

static int touch_in_child(void *map)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(touch(map));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Returns the new address of the mapping. */
static void *check_mapping(struct vmm *vmm, void *map)
{
	size_t size = vmm->bar_size;
	void *moved;

	check(vmm, "a touch in RUN", touch(map), 0);
	moved = mremap(map, size, 2 * size, MREMAP_MAYMOVE);
	check(vmm, "a mapping that grows", moved == MAP_FAILED ? errno : 0, EFAULT);
	moved = mremap(map, 0, size, MREMAP_MAYMOVE);
	check(vmm, "a mapping that is doubled", moved == MAP_FAILED ? errno : 0, EFAULT);
	check(vmm, "execution later", mprotect(map, size, PROT_READ | PROT_EXEC) ? errno : 0,
	      EACCES);
	check(vmm, "inheritance later", madvise(map, size, MADV_DOFORK) ? errno : 0, EINVAL);
	check(vmm, "a touch by a child", touch_in_child(map), SIGSEGV);

	moved = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	moved = mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	if (moved == MAP_FAILED)
		die("mremap: %m");
	check(vmm, "a touch where it was", touch(map), SIGSEGV);
	check(vmm, "a touch where it is now", touch(moved), 0);
	return moved;
}

/* Accesses by the kernel itself cause the same faults. */
static int write_from(void *map)
{
	int fds[2], ret;

	if (pipe(fds))
		return errno;
	ret = write(fds[1], map, 4) < 0 ? errno : 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* Moves the TDI to ERROR without the driver, and has the TSM look. */
static void break_tdi(struct vmm *vmm)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "setpci -s %s COMMAND=0:4 && cat /sys/kernel/debug/tsm_sim/%s/state >&2",
		 vmm->addr, vmm->addr);
	if (system(command))
		die("%s: failed", command);
}

/**
 * mmio_wait() - map, and touch the mapping at each line of standard input
 * @vmm: the VMM, bound
 */
void mmio_wait(struct vmm *vmm)
{
	char line[16];
	void *map;

	signal(SIGBUS, on_signal);
	start_tdi(vmm);
	map = mmio_map(vmm);
	do {
		int signal = touch(map);

		say("mmio: touch: %s", signal ? strsignal(signal) : "a register");
	} while (fgets(line, sizeof(line), stdin));
}

/**
 * mmio_check() - do all of these checks
 * @vmm: the VMM, bound
 */
void mmio_check(struct vmm *vmm)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t size = vmm->bar_size;
	void *old, *map;

	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);

	check(vmm, "a mapping before RUN", try_map(vmm, size, rw, MAP_SHARED, 0), ENXIO);
	start_tdi(vmm);
	check_arguments(vmm);
	old = check_mapping(vmm, mmio_map(vmm));

	/* The descriptor is closed, and the mapping stays. */
	close(vmm->private_mmio);
	check(vmm, "a touch, the file closed", touch(old), 0);
	mmio_open(vmm);
	stop_tdi(vmm);
	check(vmm, "a touch after STOP", touch(old), SIGBUS);
	check(vmm, "the kernel's touch after STOP", write_from(old), EFAULT);
	check(vmm, "a mapping after STOP", try_map(vmm, size, rw, MAP_SHARED, 0), ENXIO);

	rebind(vmm);
	check(vmm, "a touch in CONFIG_LOCKED", touch(old), SIGBUS);
	start_tdi(vmm);
	check(vmm, "a touch of an old mapping in the next RUN", touch(old), SIGBUS);
	map = mmio_map(vmm);
	check(vmm, "a touch of a new one", touch(map), 0);
	check(vmm, "the response of a STOP into it", stop_into(vmm, map), EFAULT);
	check(vmm, "the TDI after that STOP", tdi_state(vmm), TSMBIND_TDI_UNLOCKED);

	rebind(vmm);
	start_tdi(vmm);
	map = mmio_map(vmm);
	check(vmm, "a touch of the next one", touch(map), 0);
	if (tsmbind_unbind(vmm->device))
		die("unbind");
	check(vmm, "a touch after unbind", touch(map), SIGBUS);
	check(vmm, "a mapping after unbind", try_map(vmm, size, rw, MAP_SHARED, 0), EACCES);

	rebind(vmm);
	start_tdi(vmm);
	map = mmio_map(vmm);
	check(vmm, "a touch before ERROR", touch(map), 0);
	break_tdi(vmm);
	check(vmm, "a touch in ERROR", touch(map), SIGBUS);
}
