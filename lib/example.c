// SPDX-License-Identifier: GPL-2.0-or-later
/* Binds a device, asks for the TDI's state (TDISP), and waits for the end of the TDI. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <tsmbind.h>
#include <unistd.h>

/* DEVICE: a vfio cdev that is in the VM and in the iommufd. HOST_ID: its bus, device, function */
int run_device(int device, unsigned int host_id)
{
	unsigned char ask[16] = { 0x10, 0x85, [4] = host_id & 0xff, host_id >> 8 }, answer[64];
	struct tsmbind_info now = { .state = TSMBIND_STATE_BOUND };
	eventfd_t count;
	int left;
	struct pollfd event = { .fd = tsmbind_open_event(device), .events = POLLIN };
	ssize_t ret = event.fd < 0 ? event.fd : tsmbind_bind(device, 0); /* no loss is missed */

	if (ret)
		goto close_event;
	ret = tsmbind_request(device, TSMBIND_SCOPE_INFO, ask, sizeof(ask), answer, sizeof(answer),
			      NULL);
	if (ret >= 0)
		ret = ret < 17 || answer[1] != 0x05 ? -EPROTO : 0;
	if (!ret)
		printf("TDI state %d\n", answer[16]);
	while (!ret && now.state == TSMBIND_STATE_BOUND && now.tdi_state != TSMBIND_TDI_ERROR) {
		poll(&event, 1, -1);
		eventfd_read(event.fd, &count);
		ret = tsmbind_info(device, &now, sizeof(now));
	}
	if (!ret)
		printf("%s %s\n", tsmbind_state_name(now.state), tsmbind_reason_name(now.reason));
	left = tsmbind_unbind(device);
	ret = ret ? ret : left;
close_event:
	close(event.fd);
	return ret;
}
