// SPDX-License-Identifier: GPL-2.0-or-later
/* Follows the TDISP states of devices, see tdi.h. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "host/tdi.h"

const char *const tdi_states[] = { TDI_UNKNOWN, "unlocked", "locked", "run", "error", NULL };

int tdi_wait(void)
{
	struct rlimit files;
	int fd;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	fd = epoll_create1(EPOLL_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void tdi_close(struct tdi *tdi)
{
	util_close(&tdi->fd);
	tdi->fd = -1;
	util_copy(tdi->state, sizeof(tdi->state), TDI_UNKNOWN);
}

/* Reads the state from the start of the file, so that epoll reports the next change. */
static bool read_state(int fd, char state[TDI_STATE_LEN])
{
	char text[TDI_STATE_LEN];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return util_copy(state, TDI_STATE_LEN, text);
}

static int start(const struct ctx *ctx, int epoll, const struct pci_addr *addr, struct tdi *tdi,
		 void *arg)
{
	struct epoll_event event = { .events = EPOLLPRI, .data.ptr = arg };
	struct pci_device dev cleanup_pci;
	int ret = pci_open(ctx, addr, &dev);

	if (ret || !dev.present)
		return ret;
	ret = attr_open(dev.fd, TDI_STATE);
	/* the function is not assigned */
	if (ret == -ENOENT || ret == -ENODEV)
		return 0;
	if (ret < 0)
		return ret;
	tdi->fd = ret;
	/* first wait, then read: a change in between is seen */
	ret = epoll_ctl(epoll, EPOLL_CTL_ADD, tdi->fd, &event) ? -errno : 0;
	read_state(tdi->fd, tdi->state);
	return ret;
}

int tdi_look(const struct ctx *ctx, int epoll, const struct pci_addr *addr, struct tdi *tdi,
	     void *arg)
{
	char before[TDI_STATE_LEN];
	int ret = 0;

	util_copy(before, sizeof(before), tdi->state);
	/* once the function is released, reading its file fails with ENODEV */
	if (!read_state(tdi->fd, tdi->state)) {
		tdi_close(tdi);
		ret = start(ctx, epoll, addr, tdi, arg);
	}
	return ret ?: !streq(before, tdi->state);
}
