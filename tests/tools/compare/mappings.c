// SPDX-License-Identifier: GPL-2.0-or-later
/* mmap of regions, whole and in part, reads of the mappings, and dma-bufs of BARs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "transcript.h"

#define PAGE 4096ul

/* See ioctls.c. */
#define SCRATCH 0x28

static sigjmp_buf bus_error;

static void on_sigbus(int sig)
{
	siglongjmp(bus_error, sig);
}

static void *map(const struct target *t, unsigned int index, uint64_t pos, size_t len, int prot,
		 int flags)
{
	return mmap(NULL, len, prot, flags, t->file, ((off_t)index << 40) + pos);
}

/* Prints the word at @p, or that the read was a bus error. */
static void touch(const volatile void *p, const char *when)
{
	if (sigsetjmp(bus_error, 1))
		printf("%s: a bus error\n", when);
	else
		printf("%s: %08x\n", when, *(const volatile uint32_t *)p);
}

/* Compares the mapping of a page with reads of the same words. */
static void compare_page(const struct target *t, unsigned int index, uint64_t pos,
			 const volatile uint32_t *p)
{
	volatile unsigned int differ = 0;
	uint32_t words[PAGE / 4];

	if (sigsetjmp(bus_error, 1)) {
		printf("  a bus error at %#llx\n", (unsigned long long)pos);
		return;
	}
	for (size_t i = 0; i < PAGE / 4; i++) {
		uint32_t word = 0;

		words[i] = p[i];
		get(t, index, pos + 4 * i, &word, 4);
		differ = differ + (word != words[i]);
	}
	printf("  page at %#llx: %016llx, %u words differ from read\n", (unsigned long long)pos,
	       (unsigned long long)digest(words, sizeof(words)), differ);
}

static void whole(const struct target *t, unsigned int index, uint64_t size)
{
	uint32_t word = 0x1000;
	uint8_t *p = map(t, index, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
	int status = 0;
	pid_t child;

	say(p == MAP_FAILED ? -1 : 0, "region %u: map all", index);
	if (p == MAP_FAILED)
		return;
	for (uint64_t pos = 0; pos + PAGE <= size && pos < 16 * PAGE; pos += PAGE)
		compare_page(t, index, pos, (void *)(p + pos));

	touch(p + SCRATCH, "scratch");
	*(volatile uint32_t *)(p + SCRATCH) = word;
	touch(p + SCRATCH, "scratch written");
	say_bytes(&word, get(t, index, SCRATCH, &word, 4), "and read");

	fflush(stdout);
	child = fork();
	if (!child) {
		touch(p + SCRATCH, "in a child");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("  child: %#x\n", status);

	say(madvise(p, PAGE, MADV_DONTNEED), "madvise DONTNEED");
	say(madvise(p, PAGE, MADV_DOFORK), "madvise DOFORK");
	say(mprotect(p, PAGE, PROT_READ), "mprotect");
	say(mlock(p, PAGE), "mlock");
	say(munlock(p, PAGE), "munlock");
	say(mremap(p, size, size + PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0, "grow");
	touch(p, "after all that");

	/* vfio-pci zaps the mapping, and restores it at a touch. */
	set_command(t, PCI_COMMAND_MEMORY, 0);
	touch(p, "not decoded");
	set_command(t, 0, PCI_COMMAND_MEMORY);
	touch(p, "decoded");
	say(call(t, VFIO_DEVICE_RESET, NULL), "reset");
	touch(p, "after a reset");
	set_command(t, 0, PCI_COMMAND_MEMORY);
	touch(p, "decoded again");

	if (size > 2 * PAGE) {
		say(munmap(p + PAGE, PAGE), "unmap the second page");
		touch(p, "first page");
		touch(p + 2 * PAGE, "third page");
	}
	munmap(p, size);
}

static void parts(const struct target *t, unsigned int index, uint64_t size)
{
	const struct {
		uint64_t pos;
		size_t len;
		int prot, flags;
	} part[] = {
		{ 0, 1, PROT_READ, MAP_SHARED },
		{ 0, PAGE, PROT_READ, MAP_SHARED },
		{ 0, PAGE, PROT_WRITE, MAP_SHARED },
		{ 0, PAGE, PROT_NONE, MAP_SHARED },
		{ 0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED },
		{ 0, PAGE, PROT_READ, MAP_PRIVATE },
		{ 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE },
		{ PAGE, PAGE, PROT_READ, MAP_SHARED },
		{ size - PAGE, PAGE, PROT_READ, MAP_SHARED },
		{ size - PAGE, 2 * PAGE, PROT_READ, MAP_SHARED },
		{ size, PAGE, PROT_READ, MAP_SHARED },
		{ 0, size + PAGE, PROT_READ, MAP_SHARED },
		{ 1ull << 39, PAGE, PROT_READ, MAP_SHARED },
		{ 0, 1ul << 41, PROT_READ, MAP_SHARED },
	};

	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
		void *p = map(t, index, part[i].pos, part[i].len, part[i].prot, part[i].flags);

		say(p == MAP_FAILED ? -1 : 0, "region %u: map %#zx at %#llx, %x %x", index,
		    part[i].len, (unsigned long long)part[i].pos, part[i].prot, part[i].flags);
		if (p == MAP_FAILED)
			continue;
		if (part[i].prot & PROT_READ && part[i].flags == MAP_SHARED)
			compare_page(t, index, part[i].pos, p);
		munmap(p, part[i].len);
	}
}

void show_mappings(const struct target *t)
{
	struct sigaction action = { .sa_handler = on_sigbus };

	title("Mappings");
	sigaction(SIGBUS, &action, NULL);
	for (unsigned int index = 0; index < VFIO_PCI_NUM_REGIONS + 2; index++) {
		uint64_t size = region_size(t, index) ?: PAGE;

		whole(t, index, size);
		parts(t, index, size);
	}
	signal(SIGBUS, SIG_DFL);
}

struct export
{
	struct vfio_device_feature feature;
	struct vfio_device_feature_dma_buf dma_buf;
	struct vfio_region_dma_range range[3];
};

/* Returns the file, or a negative number. */
static int export(const struct target *t, unsigned int index, uint32_t nr, uint64_t offset,
		  uint64_t length, uint32_t open_flags, uint32_t flags)
{
	struct export arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.dma_buf.region_index = index,
		.dma_buf.open_flags = open_flags,
		.dma_buf.flags = flags,
		.dma_buf.nr_ranges = nr,
		.range = { { offset, length }, { 0, PAGE }, { offset, length } },
	};
	int fd = call(t, VFIO_DEVICE_FEATURE, &arg);

	say(fd < 0 ? -1 : 0, "region %u: %u ranges, %#llx bytes at %#llx, %x %x", index, nr,
	    (unsigned long long)length, (unsigned long long)offset, open_flags, flags);
	return fd;
}

static void show_file(const struct target *t, int fd)
{
	void *p;

	if (fd < 0)
		return;
	say(lseek(fd, 0, SEEK_END), "  size");
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	say(p == MAP_FAILED ? -1 : 0, "  map");
	if (p != MAP_FAILED)
		munmap(p, PAGE);
	/* These revoke it, and make it valid again. */
	say(call(t, VFIO_DEVICE_RESET, NULL), "  reset");
	set_command(t, PCI_COMMAND_MEMORY, 0);
	set_command(t, 0, PCI_COMMAND_MEMORY);
	close(fd);
}

void show_dma_bufs(const struct target *t)
{
	const uint32_t rw = O_RDWR | O_CLOEXEC;

	title("dma-bufs");
	for (unsigned int index = 0; index < VFIO_PCI_NUM_REGIONS + 2; index++) {
		uint64_t size = region_size(t, index) ?: PAGE;

		show_file(t, export(t, index, 1, 0, size, rw, 0));
		show_file(t, export(t, index, 1, 0, PAGE, O_RDONLY, 0));
		show_file(t, export(t, index, 3, size - PAGE, PAGE, rw, 0));
		show_file(t, export(t, index, 1, size, PAGE, rw, 0));
		show_file(t, export(t, index, 1, 0, size + PAGE, rw, 0));
		show_file(t, export(t, index, 1, 0, 1, rw, 0));
		show_file(t, export(t, index, 1, 1, PAGE, rw, 0));
		show_file(t, export(t, index, 1, 0, 0, rw, 0));
		show_file(t, export(t, index, 0, 0, PAGE, rw, 0));
		show_file(t, export(t, index, 1, 0, PAGE, ~0u, 0));
		show_file(t, export(t, index, 1, 0, PAGE, rw, 1));
		show_file(t, export(t, index, 2, 0, ~0ul << 12, rw, 0));
	}
	say(export(t, 0, ~0u, 0, PAGE, rw, 0), "ranges without end");

	/* a dma-buf that is still open when the device is closed */
	say(export(t, 0, 1, 0, PAGE, rw, 0) < 0 ? -1 : 0, "left open");
}
