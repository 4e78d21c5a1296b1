/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the evidence of a device as files, for other programs. */
#ifndef TSMCTL_EVIDENCE_FILES_H
#define TSMCTL_EVIDENCE_FILES_H

#include "evidence/evidence.h"
#include "host/pci.h"

/**
 * evidence_files_write() - write the files as they came
 * @ctx: this run
 * @dev: the device, for an error
 * @e: its evidence
 * @dir: the directory; it is made if it does not exist
 *
 * An existing file is replaced only if it is a regular file with evidence of the same kind. No
 * link is followed.
 *
 * Return: 0, or negative errno, reported.
 */
int evidence_files_write(struct ctx *ctx, const struct pci_device *dev, const struct evidence *e,
			 const char *dir);

#endif
