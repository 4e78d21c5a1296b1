// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Binds by another module of the kernel: the overlay module other_bind. Such a module must
 * stop the owner before it binds. Otherwise an operation of the owner that is at work meets
 * a TDI that is not yet guarded (vfio-pci-tsm(4)). So nothing else runs meanwhile. The
 * unbind comes at any moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "attack.h"

#define MODULE "/sys/module/other_bind/parameters/"
#define HELD "/sys/module/reset_flags/parameters/no_bus_reset"

#define PATIENCE 30 /* seconds */

bool foreign_is_there(void)
{
	return !access(MODULE "bind", W_OK) && !access(HELD, R_OK);
}

/* Mostly chooses the victim. */
static struct function *choose(struct thread *t)
{
	struct function *f = &functions[one_in(t, 4) ? below(t, nr_functions) : 0];

	note(t, " %s", f->addr);
	return f;
}

/* Whether the driver has turned off the resets on which a TDI of @f depends */
static bool is_held(const struct function *f)
{
	char path[128], text[4096];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", f->addr);
	if (read_text(path, text, sizeof(text)) < 0 || text[strspn(text, "\n")])
		return false;
	if (read_text(HELD, text, sizeof(text)) < 0 || !strstr(text, f->addr))
		return false;
	for (unsigned int i = 0; i < nr_functions; i++) {
		if (!strncmp(functions[i].addr, f->addr, 7) && !strstr(text, functions[i].addr))
			return false;
	}
	return true;
}

/*
 * The driver guards the TDI as soon as the state is read, and shows it once its worker has given back
 * what an earlier TDI of the module took. The worker also turns off the resets of other functions.
 */
static void wait_until_held(const struct function *f)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct timespec began, now;
	bool bound;

	clock_gettime(CLOCK_MONOTONIC, &began);
	while (!(bound = function_is_bound(f)) || !is_held(f)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - began.tv_sec > PATIENCE)
			fail("another module has bound %s, and %s", f->addr,
			     bound ? "its resets are not taken" : "the driver does not say so");
		nanosleep(&moment, NULL);
	}
}

/*
 * Whether memory decode and bus mastering are on, which its owner can set. The simulated
 * TSM expects Command to stay as it was locked, even if these bits were off.
 */
static bool is_ready(const struct function *f)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, is = 0;
	const struct device *d = device_of(f);
	char path[PATH_MAX], link[16];
	int fd;

	/* It has no owner, and gets none while it is bound. */
	if (!d || !d->opened)
		return true;
	if (d == &victim)
		device_settle(false);
	else if (pwrite(d->fd, &command, 2, CONFIG_OFFSET + PCI_COMMAND) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/physfn", f->addr);
	if (readlink(path, link, sizeof(link)) > 0)
		command = PCI_COMMAND_MASTER;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", f->addr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &is, 2, PCI_COMMAND) != 2)
		is = 0;
	close(fd);
	return (is & command) == command;
}

static int bind(struct function *f)
{
	int ret;

	if (!function_has_driver(f) || function_is_bound(f))
		return -EBUSY;
	if (!is_ready(f))
		return -EHOSTDOWN;
	excuse_begin(&binds);
	ret = write_text(MODULE "bind", f->addr);
	if (!ret) {
		function_bound(f, false, disconnects.ended, steals.ended);
		wait_until_held(f);
		looks_bound |= f == &functions[0];
	}
	excuse_end(&binds);
	return ret;
}

/*
 * No other operation runs meanwhile: see is_alone(). But the oracle's thread does no
 * operation, and may still be closing a device while a driver waits for the other one.
 * vfio-pci then resets the function.
 */
int foreign_bind(struct thread *t)
{
	struct function *f = choose(t);
	int ret;

	pthread_mutex_lock(&victim.lock);
	pthread_mutex_lock(&sibling.lock);
	ret = bind(f);
	pthread_mutex_unlock(&sibling.lock);
	pthread_mutex_unlock(&victim.lock);
	return ret;
}

/* At any moment. By then a bind of the owner may have replaced that of the module. */
static int unbind(const struct function *f)
{
	char path[128], text[16] = "";
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio_tsm/origin", f->addr);
	read_text(path, text, sizeof(text));
	if (strcmp(text, "foreign\n"))
		return -ENXIO;
	excuse_begin(&steals);
	ret = write_text(MODULE "unbind", f->addr);
	excuse_end(&steals);
	return ret;
}

int foreign_unbind(struct thread *t)
{
	return unbind(choose(t));
}

void foreign_end(void)
{
	for (unsigned int i = 0; i < nr_functions; i++) {
		unbind(&functions[i]);
		/* The driver detects it when the state is read. */
		function_is_bound(&functions[i]);
	}
}
