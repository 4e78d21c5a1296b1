/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the host. */
#ifndef TSMCTL_DOCTOR_HOST_H
#define TSMCTL_DOCTOR_HOST_H

#include "doctor/doctor.h"

/* Ended by an entry without a name. */
extern const struct check host_checks[];

#endif
