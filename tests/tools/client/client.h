/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-client: a program that uses one vfio device, in steps from the command line.
 *
 *	vfio-client ADDR STEP...
 *
 * Each step is NAME or NAME:ARG:ARG... The steps are done in order. Each prints a line
 * `STEP OK [VALUE]` or `STEP ERRNO`. A step that fails does not stop the others.
 * The exit status is 0 unless a step is unknown or cannot be tried at all.
 */
#ifndef VFIO_CLIENT_H
#define VFIO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define MAX_ARGS 8
#define MAX_BARS 6

/**
 * struct client - the files and objects that the steps have opened so far
 * @addr: PCI address of the device
 * @device: file of the device, or -1
 * @group: file of its group, or -1
 * @iommufd: file of the iommufd, or -1
 * @kvm_vm: file of the VM, or -1
 * @kvm_vfio: KVM's vfio device in it, or -1
 * @iommufd_id: id of the device in it, or 0
 * @ioas: id of the IOAS, or 0
 * @hwpt: id of the nest parent, or 0
 * @viommu: id of the vIOMMU, or 0
 * @vdevice: id of the last vDEVICE, or 0; stays after it was destroyed
 * @dma_buf: file of the last exported dma-buf, or -1
 * @request: eventfd of the device request interrupt, or -1
 * @event: eventfd that the driver signals, or -1
 * @uevents: socket that receives uevents, or -1
 * @map: mapping of each BAR, or NULL
 * @map_size: their sizes in bytes
 */
struct client {
	const char *addr;
	int device;
	int group;
	int iommufd;
	int kvm_vm;
	int kvm_vfio;
	uint32_t iommufd_id;
	uint32_t ioas;
	uint32_t hwpt;
	uint32_t viommu;
	uint32_t vdevice;
	int dma_buf;
	int request;
	int event;
	int uevents;
	volatile void *map[MAX_BARS];
	size_t map_size[MAX_BARS];
};

/* A client of the device @address that has not opened anything */
#define CLIENT_INIT(address)       \
	{                          \
		.addr = (address), \
		.device = -1,      \
		.group = -1,       \
		.iommufd = -1,     \
		.kvm_vm = -1,      \
		.kvm_vfio = -1,    \
		.dma_buf = -1,     \
		.request = -1,     \
		.event = -1,       \
		.uevents = -1,     \
	}

/**
 * struct step - one thing that the client can do
 * @name: its name
 * @run: does it; @args are the numbers, missing ones are 0, @text is the unparsed rest.
 *	Returns 0 or a negative errno, and may write a value into @answer.
 */
struct step {
	const char *name;
	int (*run)(struct client *c, const unsigned long long *args, const char *text, char *answer,
		   size_t size);
};

/* open.c: opens the device */
extern const unsigned char vf_token[16];
int step_cdev(struct client *c, const unsigned long long *args, const char *text, char *answer,
	      size_t size);
int step_group(struct client *c, const unsigned long long *args, const char *text, char *answer,
	       size_t size);
int step_kvm(struct client *c, const unsigned long long *args, const char *text, char *answer,
	     size_t size);
int step_kvm_close(struct client *c, const unsigned long long *args, const char *text, char *answer,
		   size_t size);
int step_bind_iommufd(struct client *c, const unsigned long long *args, const char *text,
		      char *answer, size_t size);
int step_ioas(struct client *c, const unsigned long long *args, const char *text, char *answer,
	      size_t size);
int step_attach(struct client *c, const unsigned long long *args, const char *text, char *answer,
		size_t size);
int step_attach_pasid(struct client *c, const unsigned long long *args, const char *text,
		      char *answer, size_t size);
int step_detach_pasid(struct client *c, const unsigned long long *args, const char *text,
		      char *answer, size_t size);
int step_detach(struct client *c, const unsigned long long *args, const char *text, char *answer,
		size_t size);
int step_close(struct client *c, const unsigned long long *args, const char *text, char *answer,
	       size_t size);

/* device.c: uses it */
extern const struct step device_steps[];

/* config.c: its configuration space */
extern const struct step config_steps[];

/* stall.c: a write that stops in the middle */
extern const struct step stall_steps[];

/* events.c: its events */
extern const struct step event_steps[];

/* requests.c: requests of the guest */
extern const struct step request_steps[];

/* vdevice.c: a bind by vDEVICE */
extern const struct step vdevice_steps[];

/* ask.c: a bind by tsm-bind-helper */
extern const struct step ask_steps[];

/* cost.c: the cost of operations */
extern const struct step cost_steps[];

/* main.c: another function, in the same iommufd or in one of its own */
extern struct client sibling_client;

#endif /* VFIO_CLIENT_H */
