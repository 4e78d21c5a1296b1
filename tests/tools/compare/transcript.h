/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-transcript: write the results of all operations on a vfio-pci device as text.
 *
 *	vfio-transcript ADDR cdev|group
 *
 * Opens the device, does every operation of VFIO on a PCI function, with valid and invalid
 * arguments, and prints a line for each result. The same device in the same place gives the
 * same text each time: values that vary (numbers of files, addresses, ids) are left out. So
 * two drivers can be compared with diff.
 */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct target - the device
 * @addr: PCI address
 * @file: its file, or -1
 * @group: file of its group, or -1 when it was opened as a cdev
 * @iommufd: the iommufd to which it is bound
 * @ioas: id of the IOAS to which it is attached
 */
struct target {
	const char *addr;
	int file;
	int group;
	int iommufd;
	uint32_t ioas;
};

/* main.c */
void title(const char *name);
long say(long ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_bytes(const void *bytes, ssize_t len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
long call(const struct target *t, unsigned long request, void *arg);
uint64_t region_size(const struct target *t, unsigned int index);
ssize_t get(const struct target *t, unsigned int index, uint64_t pos, void *buf, size_t len);
ssize_t put(const struct target *t, unsigned int index, uint64_t pos, const void *buf, size_t len);
uint64_t digest(const void *bytes, size_t len);
void set_command(const struct target *t, uint16_t clear, uint16_t set);
void reset(const struct target *t);

/* ioctls.c: queries, features, resets, ioeventfds; irqs.c: interrupts */
void show_unbound_file(const struct target *t);
void show_infos(const struct target *t);
void show_all_ioctls(const struct target *t);
void show_features(const struct target *t);
void show_resets(const struct target *t);
void show_ioeventfds(const struct target *t);
void show_irqs(const struct target *t);

/* config.c: configuration space; regions.c: BARs, ROM, VGA; mappings.c: mmap, dma-buf */
void show_config(const struct target *t);
void show_config_writes(const struct target *t);
void show_regions(const struct target *t);
void show_mappings(const struct target *t);
void show_dma_bufs(const struct target *t);

/* iommu.c: attach and detach */
void show_iommu(const struct target *t);

#endif /* TRANSCRIPT_H */
