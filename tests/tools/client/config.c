// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration space through VFIO. Capabilities are found as by a guest. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

/* Added to the ID of an extended capability. 0 is the header. */
#define EXTENDED 0x1000

static int config_region(struct client *c, uint64_t *offset)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};

	if (ioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return -errno;
	*offset = info.offset;
	return 0;
}

static int read_config(struct client *c, uint64_t base, unsigned int pos, void *value, size_t len)
{
	return pread(c->device, value, len, base + pos) < 0 ? -errno : 0;
}

static int find_std(struct client *c, uint64_t base, uint8_t id)
{
	uint8_t pos, cap[2];
	int ret = read_config(c, base, PCI_CAPABILITY_LIST, &pos, 1);

	for (; !ret && pos; pos = cap[1]) {
		ret = read_config(c, base, pos, cap, sizeof(cap));
		if (!ret && cap[0] == id)
			return pos;
	}
	return ret ?: -ENOENT;
}

static int find_ext(struct client *c, uint64_t base, uint16_t id)
{
	unsigned int pos = 0x100;
	uint32_t header;

	while (pos) {
		int ret = read_config(c, base, pos, &header, sizeof(header));

		if (ret)
			return ret;
		if ((header & 0xffff) == id)
			return pos;
		pos = header >> 20;
	}
	return -ENOENT;
}

/* Sets @pos to the offset of CAP:OFFSET in the device file. */
static int locate(struct client *c, const unsigned long long *args, uint64_t *pos)
{
	uint64_t base = 0;
	int cap = 0, ret;

	ret = config_region(c, &base);
	if (ret)
		return ret;
	if (args[0] >= EXTENDED)
		cap = find_ext(c, base, args[0] - EXTENDED);
	else if (args[0])
		cap = find_std(c, base, args[0]);
	if (cap < 0)
		return cap;
	*pos = base + cap + args[1];
	return 0;
}

/* config-read:CAP:OFFSET:LENGTH; CAP is an ID, 0x1000 + an extended ID, or 0 for the header */
STEP(config_read)
{
	uint64_t pos = 0, value = 0;
	int ret = locate(c, args, &pos);

	if (ret)
		return ret;
	if (pread(c->device, &value, args[2], pos) < 0)
		return -errno;
	snprintf(answer, size, "%#llx", (unsigned long long)value);
	return 0;
}

static int write_value(struct client *c, uint64_t pos, uint64_t value, size_t len)
{
	ssize_t done = pwrite(c->device, &value, len, pos);

	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -EIO;
}

/* config-write:CAP:OFFSET:LENGTH:VALUE */
STEP(config_write)
{
	uint64_t pos = 0;

	return locate(c, args, &pos) ?: write_value(c, pos, args[3], args[2]);
}

static int rewrite(struct client *c, const unsigned long long *args, uint64_t clear, uint64_t flip)
{
	uint64_t pos = 0, value = 0;
	int ret = locate(c, args, &pos);

	if (ret)
		return ret;
	if (pread(c->device, &value, args[2], pos) < 0)
		return -errno;
	return write_value(c, pos, (value & ~clear) ^ flip, args[2]);
}

/* config-set:CAP:OFFSET:LENGTH:BITS, config-clear, config-flip; BITS of 0 writes back */
STEP(config_set)
{
	return rewrite(c, args, args[3], args[3]);
}

STEP(config_clear)
{
	return rewrite(c, args, args[3], 0);
}

STEP(config_flip)
{
	return rewrite(c, args, 0, args[3]);
}

/* config-long:START:LENGTH:CLEAR, writes the present bytes back, without CLEAR, in one write */
STEP(config_long)
{
	unsigned char bytes[4096];
	uint64_t base = 0;
	int ret = config_region(c, &base);

	if (ret)
		return ret;
	if (args[1] > sizeof(bytes))
		return -EINVAL;
	if (pread(c->device, bytes, args[1], base + args[0]) < 0)
		return -errno;
	bytes[0] &= ~args[2];
	ret = pwrite(c->device, bytes, args[1], base + args[0]);
	return ret < 0 ? -errno : ret == (int)args[1] ? 0 : -EIO;
}

struct flipper {
	atomic_bool stop;
	volatile uint16_t value;
	uint16_t values[2];
};

static void *flip(void *arg)
{
	struct flipper *f = arg;

	for (unsigned int i = 0; !f->stop; i++) {
		f->value = f->values[i & 1];
		/* With one processor, the writer must get both values. */
		if (!(i % 17))
			sched_yield();
	}
	return NULL;
}

/*
 * config-race:OFFSET:GOOD:BAD:N, writes 16 bits N times from a buffer that a second
 * thread changes between GOOD and BAD. The value is the number of writes that succeeded.
 */
STEP(config_race)
{
	struct flipper f = { .values = { args[1], args[2] }, .value = args[1] };
	unsigned int written = 0;
	pthread_t thread;
	uint64_t base = 0;
	int ret = config_region(c, &base);

	if (ret)
		return ret;
	ret = pthread_create(&thread, NULL, flip, &f);
	if (ret)
		return -ret;
	for (unsigned long long i = 0; i < args[3] && !ret; i++) {
		if (pwrite(c->device, (void *)&f.value, 2, base + args[0]) == 2)
			written++;
		else if (errno != EBUSY)
			ret = -errno;
		if (!(i & 0xf))
			sched_yield();
	}
	f.stop = true;
	pthread_join(thread, NULL);
	snprintf(answer, size, "%u", written);
	return ret;
}

const struct step config_steps[] = {
	{ "config-read", config_read }, { "config-write", config_write },
	{ "config-set", config_set },	{ "config-clear", config_clear },
	{ "config-flip", config_flip }, { "config-long", config_long },
	{ "config-race", config_race }, { NULL, NULL },
};
