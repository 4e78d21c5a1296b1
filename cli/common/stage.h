/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of why a bind is refused, with errnos, exit codes, causes and hints. The
 * helper, bind, bind --dry-run and doctor use it.
 */
#ifndef TSMCTL_STAGE_H
#define TSMCTL_STAGE_H

#include "common/exitcode.h"

/* Causes and hints of stages at which an unbind can fail, or a bind without a stage. */
#define FOREIGN_CAUSE "another module of the kernel has bound it"
#define FOREIGN_HINT "have that module unbind it, or run 'tsmctl revoke @'"
#define QUARANTINED_CAUSE "it is quarantined: the TSM may not have stopped its TDI"
#define QUARANTINED_HINT "'tsmctl doctor @' shows what ends that"
#define POWER_CAUSE "it, its PF or function 0 is not in power state D0"
#define POWER_HINT                                                               \
	"run 'echo on > /sys/bus/pci/devices/@/power/control', also for its PF " \
	"and function 0; bind again"

/* The hint is also for a host without IOMMU groups. */
#define NO_CDEV_CAUSE "the kernel has no VFIO cdev of it"
#define NO_CDEV_HINT "use a kernel with CONFIG_VFIO_DEVICE_CDEV"
#define NO_IOMMU_CAUSE "it is in no IOMMU group"
#define NO_IOMMU_HINT \
	"enable the IOMMU in the firmware and on the kernel command line (intel_iommu=on)"

/**
 * struct stage - one stage, with one errno
 * @name: the word in last_error; or that of a refusal by tsmctl, before it asks the driver
 * @err: negative errno of such a bind, or 0 for any
 * @code: exit code
 * @message: the cause, without a full stop
 * @hint: the next step; @ stands for the device's address
 */
struct stage {
	const char *name;
	int err;
	enum exit_code code;
	const char *message;
	const char *hint;
};

/**
 * stage_find() - the row of a stage
 * @name: the stage
 * @err: negative errno of the bind, or 0
 *
 * Return: the row with this errno, else the last row of the stage; NULL if there is no
 * such stage.
 */
const struct stage *stage_find(const char *name, int err);

/**
 * stage_guess() - the stage that an errno suggests, if the driver names none
 * @err: negative errno of the bind
 *
 * Return: the first row with this errno, or NULL.
 */
const struct stage *stage_guess(int err);

/**
 * stage_next() - go through the rows of the driver
 * @s: a row, or NULL
 *
 * Return: the row after @s, the first one for NULL, or NULL after the last one.
 */
const struct stage *stage_next(const struct stage *s);

/**
 * stage_parse() - split a device's last_error
 * @text: "0", or "-ERRNO STAGE"
 * @err: out, negative errno, or 0
 *
 * Return: the stage within @text, or NULL if there is none.
 */
const char *stage_parse(const char *text, int *err);

#endif
