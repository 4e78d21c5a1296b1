/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evidence as text and as JSON. */
#ifndef TSMCTL_EVIDENCE_SHOW_H
#define TSMCTL_EVIDENCE_SHOW_H

#include "evidence/verify.h"
#include "host/pci.h"

/**
 * struct shown - what is known of the evidence of a device
 * @evidence: the evidence, read
 * @certs: its certificates; none if they could not be read
 * @proofs: the results of all checks
 * @fresh: the device was asked now
 * @verified: all checks pass
 */
struct shown {
	const struct evidence *evidence;
	const struct certs *certs;
	const struct proof *proofs;
	bool fresh;
	bool verified;
};

/**
 * evidence_print() - print evidence for people
 * @dev: the device
 * @s: its evidence
 */
void evidence_print(const struct pci_device *dev, const struct shown *s);

/**
 * evidence_json() - make the object of the evidence of a device
 * @dev: the device
 * @s: its evidence
 *
 * Return: the object, for report_object().
 */
struct json_object *evidence_json(const struct pci_device *dev, const struct shown *s);

#endif
