// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps of the requests of clients, see steps.h. */
#include <errno.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/guest.h"
#include "helper/service/clients.h"
#include "helper/service/places.h"
#include "helper/service/steps.h"
#include "helper/service/watch.h"
#include "helper/vdevice.h"

static int check_file(struct session *s)
{
	if (s->cdev < 0)
		return -EBADF;
	if (!cdev_is(s, s->cdev))
		return -ENXIO;
	return cdev_in_use(s->cdev) ? 0 : -ENOTCONN;
}

static const struct cause file_causes[] = {
	{ -EBADF, EXIT_FAILED, "no file came with the request",
	  "pass the open cdev file with SCM_RIGHTS" },
	{ -ENXIO, EXIT_FAILED, "the file is not the cdev of this device",
	  "pass the file of /dev/vfio/devices that belongs to the device" },
	{ -ENOTCONN, EXIT_FAILED, "the file was not given to an iommufd",
	  "do KVM_DEV_VFIO_FILE_ADD and then VFIO_DEVICE_BIND_IOMMUFD, before the request" },
	{}
};

/* After its client is gone, a request must not act on a later bind of the device. */
static int check_client(struct session *s)
{
	return watch_gone(s->client->fd);
}

static int watch_client(struct session *s)
{
	return watch_start(s->client->fd) ?: check_client(s);
}

static const struct cause client_causes[] = { { -EPIPE, EXIT_FAILED, "the client is gone", NULL },
					      {} };

static int claim_place(struct session *s)
{
	return places_claim(s->client->places, s->client->number, s->cdev_number);
}

static const struct cause place_causes[] = {
	{ -EBUSY, EXIT_BUSY, "the TSM still works on a request for this function",
	  "wait for its answer before the next request" },
	{ -EAGAIN, EXIT_BUSY, "too many requests of guests at a time", "try again later" },
	{}
};

/*
 * The driver enforces the admission, so nothing can change between this check and the bind
 * unless the administrator changes it.
 */
static int check_admission(struct session *s)
{
	char text[16];
	int ret;

	if (!s->must_be_admitted)
		return 0;
	ret = cdev_attr(s, "admission", text, sizeof(text));
	if (ret)
		return ret == -ENOENT ? -EOPNOTSUPP : ret;
	return streq(text, "required") ? 0 : -EACCES;
}

static const struct cause admission_causes[] = {
	{ -EACCES, EXIT_NOT_PERMITTED,
	  "this service binds it only if its policy requires an admission",
	  "run 'tsmctl admission @ required'" },
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED,
	  "it is not on vfio-pci-tsm, or that driver is too old for an admission",
	  "run 'tsmctl assign @'" },
	{}
};

#define CHECKING                                             \
	{ "find cdev", cdev_find, find_causes, false },      \
	{                                                    \
		"check file", check_file, file_causes, false \
	}

static const struct step bind_steps[] = {
	CHECKING,
	{ "admission", check_admission, admission_causes, false },
	{ "check client", check_client, client_causes, false },
	{ "bind", vdevice_bind, bind_causes, true },
	{},
};

static const struct step unbind_steps[] = {
	CHECKING,
	{ "unbind", tdi_unbind, unbind_causes, false },
	{},
};

static const struct step guest_steps[] = {
	CHECKING,
	{ "check buffer", guest_read, buffer_causes, false },
	{ "permission", claim_place, place_causes, false },
	{ "check client", watch_client, client_causes, false },
	{ "pass request", guest_pass, guest_causes, false },
	{},
};

/* A request for the state needs no file, but a file that comes with it must be the right one. */
static const struct step state_with_file_steps[] = { CHECKING, {} };
static const struct step state_steps[] = {
	{ "find cdev", cdev_find, find_causes, false },
	{},
};

const struct step *steps_of(const struct request *r, bool with_file)
{
	switch (r->kind) {
	case REQUEST_BIND:
		return bind_steps;
	case REQUEST_UNBIND:
		return unbind_steps;
	case REQUEST_GUEST:
		return guest_steps;
	default:
		return with_file ? state_with_file_steps : state_steps;
	}
}

enum sandbox_role steps_role(const struct request *r)
{
	switch (r->kind) {
	case REQUEST_BIND:
		return SANDBOX_BIND;
	case REQUEST_UNBIND:
		return SANDBOX_UNBIND;
	case REQUEST_GUEST:
		return SANDBOX_REQUEST;
	default:
		return SANDBOX_STATE;
	}
}
