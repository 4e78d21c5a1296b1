/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of one device. */
#ifndef TSMCTL_DOCTOR_DEVICE_H
#define TSMCTL_DOCTOR_DEVICE_H

#include "doctor/doctor.h"

/* Ended by an entry without a name. */
extern const struct check device_checks[];

#endif
