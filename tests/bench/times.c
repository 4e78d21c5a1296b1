// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * times.so: preloaded into tsm-sim-firmware, measures where the time of a command goes
 *
 * A command begins when a read returns it, and ends when DONE is written. Between a write and the
 * end of the read after it, the data object is on the wire: the kernel carries it through the
 * mailbox, and the device answers. All else is the firmware's. At the end of each command, a line
 * "TYPE FIRMWARE WIRE OBJECTS" goes to the file that $TIMES names: the type of the command, two times in
 * ns, and how many data objects were sent.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <linux/tsm_sim.h>

static struct {
	uint32_t type;
	int64_t began;
	int64_t sent;
	int64_t wire;
	unsigned int objects;
} command;

static FILE *file;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Before the sandbox closes the file system */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TIMES");

	file = path ? fopen(path, "ae") : NULL;
}

/* A message of the kernel has at least this much. Other files are read in other pieces. */
static int is_message(const void *buf, ssize_t n)
{
	const struct tsm_sim_msg *msg = buf;

	return n >= (ssize_t)sizeof(*msg) && msg->size == (size_t)n;
}

ssize_t read(int fd, void *buf, size_t count)
{
	static ssize_t (*real)(int fd, void *buf, size_t count);
	const struct tsm_sim_msg *msg = buf;
	ssize_t n;

	if (!real)
		real = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	n = real(fd, buf, count);
	if (!is_message(buf, n))
		return n;
	if (msg->type == TSM_SIM_ANSWER) {
		command.wire += now() - command.sent;
	} else {
		command.type = msg->type;
		command.wire = 0;
		command.objects = 0;
		command.began = now();
	}
	return n;
}

ssize_t write(int fd, const void *buf, size_t count)
{
	static ssize_t (*real)(int fd, const void *buf, size_t count);
	const struct tsm_sim_msg *msg = buf;

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (!is_message(buf, (ssize_t)count))
		return real(fd, buf, count);
	command.sent = now();
	command.objects += msg->type == TSM_SIM_EXCHANGE;
	if (msg->type == TSM_SIM_DONE && file) {
		fprintf(file, "%u %lld %lld %u\n", command.type,
			(long long)(command.sent - command.began - command.wire),
			(long long)command.wire, command.objects);
		fflush(file);
	}
	return real(fd, buf, count);
}
