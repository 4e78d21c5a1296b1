// SPDX-License-Identifier: GPL-2.0-or-later
/* Events of the device: eventfd, device request interrupt, uevents, and poll() on its state. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

/* Longer than anything should take: a test that waits so long has failed. */
#define TIMEOUT_MS 120000

static int set_eventfd(struct client *c, unsigned int index, unsigned int count, const int *fds)
{
	char arg[sizeof(struct vfio_irq_set) + 8 * sizeof(int)] = "";
	struct vfio_irq_set *set = (void *)arg;

	set->argsz = sizeof(*set) + count * sizeof(int);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = count;
	memcpy(set->data, fds, count * sizeof(int));
	return ioctl(c->device, VFIO_DEVICE_SET_IRQS, set) < 0 ? -errno : 0;
}

/* msix, sets up two vectors with an eventfd each */
STEP(msix)
{
	int fds[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };

	return set_eventfd(c, VFIO_PCI_MSIX_IRQ_INDEX, 2, fds);
}

/* msix-off, after msix */
STEP(msix_off)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	return ioctl(c->device, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

/* request-eventfd, has the device request interrupt signal an eventfd */
STEP(request_eventfd)
{
	c->request = eventfd(0, EFD_CLOEXEC);
	return set_eventfd(c, VFIO_PCI_REQ_IRQ_INDEX, 1, &c->request);
}

/* request-wait, waits until it is signalled */
STEP(request_wait)
{
	struct pollfd pfd = { .fd = c->request, .events = POLLIN };

	return poll(&pfd, 1, TIMEOUT_MS) == 1 ? 0 : -ETIMEDOUT;
}

/* request-none, fails if it was signalled */
STEP(request_none)
{
	struct pollfd pfd = { .fd = c->request, .events = POLLIN };

	return poll(&pfd, 1, 0) ? -EEXIST : 0;
}

static int set_event(struct client *c, int fd)
{
	struct vfio_pci_tsm_event arg = { .argsz = sizeof(arg), .eventfd = fd };

	return ioctl(c->device, VFIO_DEVICE_TSM_EVENT, &arg) < 0 ? -errno : 0;
}

/* event, has the driver signal a new eventfd instead of an earlier one */
STEP(event)
{
	c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->event < 0 ? -errno : set_event(c, c->event);
}

/* event-other, has it signal an eventfd that the steps below do not read */
STEP(event_other)
{
	return set_event(c, eventfd(0, EFD_CLOEXEC));
}

/* event-off, has it signal no eventfd */
STEP(event_off)
{
	return set_event(c, -1);
}

/* event-wait, waits until it is signalled; the value is how often since the last time */
STEP(event_wait)
{
	struct pollfd pfd = { .fd = c->event, .events = POLLIN };
	uint64_t count;

	if (poll(&pfd, 1, TIMEOUT_MS) != 1)
		return -ETIMEDOUT;
	if (read(c->event, &count, sizeof(count)) != sizeof(count))
		return -errno;
	snprintf(answer, size, "%llu", (unsigned long long)count);
	return 0;
}

/* event-none, fails if it was signalled */
STEP(event_none)
{
	struct pollfd pfd = { .fd = c->event, .events = POLLIN };

	return poll(&pfd, 1, 0) ? -EEXIST : 0;
}

/* event-full, sets the counter to its maximum, which event-wait shows */
STEP(event_full)
{
	uint64_t most = UINT64_MAX - 1;

	return write(c->event, &most, sizeof(most)) == sizeof(most) ? 0 : -errno;
}

/* event-closed, closes the client's descriptor */
STEP(event_closed)
{
	return close(c->event) ? -errno : 0;
}

/* event-file, sets a file that is not an eventfd */
STEP(event_file)
{
	return set_event(c, c->device);
}

/* event-arg:ARGSZ:FLAGS:FD:PAD */
STEP(event_arg)
{
	struct vfio_pci_tsm_event arg = {
		.argsz = args[0] ?: sizeof(arg),
		.flags = args[1],
		.eventfd = args[2],
		.pad = args[3],
	};

	return ioctl(c->device, VFIO_DEVICE_TSM_EVENT, &arg) < 0 ? -errno : 0;
}

/* poll-state:COMMAND, runs it, and waits with poll(); the value is the new state */
STEP(poll_state)
{
	struct pollfd pfd = { .events = POLLPRI | POLLERR };
	char path[96], word[32] = "";
	ssize_t len;
	int ret = 0;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio_tsm/state", c->addr);
	pfd.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pfd.fd < 0)
		return -errno;
	if (read(pfd.fd, word, sizeof(word)) < 0 || poll(&pfd, 1, 0))
		ret = -EEXIST;
	else if (system(text))
		ret = -ECHILD;
	else if (poll(&pfd, 1, TIMEOUT_MS) != 1)
		ret = -ETIMEDOUT;
	len = pread(pfd.fd, word, sizeof(word) - 1, 0);
	if (len > 0)
		snprintf(answer, size, "%.*s", (int)len - 1, word);
	close(pfd.fd);
	return ret;
}

/* uevents, receives uevents from now on */
STEP(uevents)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int room = 4 << 20;

	c->uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (c->uevents < 0)
		return -errno;
	setsockopt(c->uevents, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return bind(c->uevents, (void *)&addr, sizeof(addr)) ? -errno : 0;
}

/* Prints the next uevent if it is of the device. Return: 0 if there is none */
static int show_uevent(struct client *c, unsigned long long *generation)
{
	char message[8192], line[512] = "", slot[64];
	ssize_t len;
	int ours = 0;

	snprintf(slot, sizeof(slot), "PCI_SLOT_NAME=%s", c->addr);
	len = recv(c->uevents, message, sizeof(message) - 1, MSG_DONTWAIT);
	if (len <= 0)
		return 0;
	message[len] = '\0';
	for (char *p = message; p < message + len; p += strlen(p) + 1) {
		ours |= !strcmp(p, slot);
		if (strncmp(p, "VFIO_TSM_", 9))
			continue;
		sscanf(p, "VFIO_TSM_GENERATION=%llu", generation);
		strncat(line, " ", sizeof(line) - strlen(line) - 1);
		strncat(line, p + 9, sizeof(line) - strlen(line) - 1);
	}
	if (ours && *line)
		printf("uevent%s\n", line);
	return 1;
}

/* uevents-show, prints a line for each received uevent, with its VFIO_TSM_ variables */
STEP(uevents_show)
{
	unsigned long long generation;

	while (show_uevent(c, &generation))
		;
	return 0;
}

/* uevents-until:GENERATION, the same, and waits for the uevent with that generation */
STEP(uevents_until)
{
	struct pollfd pfd = { .fd = c->uevents, .events = POLLIN };
	unsigned long long generation = 0;

	while (generation != args[0]) {
		if (poll(&pfd, 1, TIMEOUT_MS) != 1)
			return -ETIMEDOUT;
		show_uevent(c, &generation);
	}
	return 0;
}

const struct step event_steps[] = {
	{ "msix", msix },
	{ "msix-off", msix_off },
	{ "request-eventfd", request_eventfd },
	{ "request-wait", request_wait },
	{ "request-none", request_none },
	{ "event", event },
	{ "event-other", event_other },
	{ "event-off", event_off },
	{ "event-wait", event_wait },
	{ "event-none", event_none },
	{ "event-full", event_full },
	{ "event-closed", event_closed },
	{ "event-file", event_file },
	{ "event-arg", event_arg },
	{ "poll-state", poll_state },
	{ "uevents", uevents },
	{ "uevents-show", uevents_show },
	{ "uevents-until", uevents_until },
	{ NULL, NULL },
};
