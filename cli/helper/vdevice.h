/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding a device as a TDI: by an iommufd vDEVICE, or by the configured TDI id. */
#ifndef TSM_HELPER_VDEVICE_H
#define TSM_HELPER_VDEVICE_H

#include "helper/session.h"

/**
 * vdevice_mode_parse() - parse auto, always or never
 * @text: the word
 * @mode: out; untouched on failure
 *
 * Return: 0 or -EINVAL.
 */
int vdevice_mode_parse(const char *text, enum vdevice_mode *mode);

/**
 * vdevice_make() - make a vDEVICE, if the mode wants one
 * @s: session, in an iommufd and not attached; @s->vdevice, @s->page_table, or
 *	@s->fallback are filled in
 *
 * Return: 0; with VDEVICE_ALWAYS also -ENODATA if no requester ID is known, or
 * negative errno of iommufd.
 */
int vdevice_make(struct session *s);

/**
 * vdevice_bind() - bind, by the vDEVICE if there is one
 * @s: session; @s->bound is set on success
 *
 * Return: 0 or negative errno, as listed in <linux/vfio_tsm.h>.
 */
int vdevice_bind(struct session *s);

/**
 * vdevice_check() - make sure that the device is bound by the ID that was asked for
 * @s: session, bound; @s->tdi_id is filled in
 *
 * Return: 0; if an ID was asked for, -EINVAL if it is bound by another one, or negative errno.
 */
int vdevice_check(struct session *s);

/**
 * tdi_unbind() - unbind the device, if it is bound
 * @s: session
 *
 * Return: 0 or negative errno.
 */
int tdi_unbind(struct session *s);

#endif
