/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evidence as text and as JSON. */
#ifndef TSMCTL_EVIDENCE_SHOW_H
#define TSMCTL_EVIDENCE_SHOW_H

#include "verbs/examine.h"

/**
 * struct shown - what is known of the evidence of a device
 * @x: the evidence, verified
 * @required: the policy of the device requires that it is admitted
 * @admitted: this run has admitted it
 */
struct shown {
	const struct examined *x;
	bool required;
	bool admitted;
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

/**
 * evidence_print_allowed() - print a list of allowed measurements, with those of a device
 * @x: its evidence, verified
 * @name: name of the entry
 */
void evidence_print_allowed(const struct examined *x, const char *name);

#endif
