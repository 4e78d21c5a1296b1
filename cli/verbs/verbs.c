// SPDX-License-Identifier: GPL-2.0-or-later
/* The one table of verbs. */
#include "verbs/verbs.h"

/* Each ends the source of its verb. */
extern const struct verb verb_list, verb_show, verb_mode, verb_tdi_id, verb_allow, verb_deny,
	verb_requests, verb_load, verb_unload, verb_assign, verb_release, verb_connect,
	verb_disconnect, verb_prepare, verb_bind, verb_unbind, verb_revoke, verb_free, verb_apply,
	verb_diff, verb_save, verb_config, verb_doctor, verb_monitor, verb_wait, verb_events,
	verb_metrics, verb_evidence, verb_admission;

const struct verb *const verbs[] = {
	&verb_list,	&verb_show,	  &verb_mode,	 &verb_tdi_id, &verb_allow,   &verb_deny,
	&verb_requests, &verb_admission,  &verb_load,	 &verb_unload, &verb_assign,  &verb_release,
	&verb_connect,	&verb_disconnect, &verb_prepare, &verb_bind,   &verb_unbind,  &verb_revoke,
	&verb_free,	&verb_apply,	  &verb_diff,	 &verb_save,   &verb_config,  &verb_doctor,
	&verb_evidence, &verb_monitor,	  &verb_wait,	 &verb_events, &verb_metrics, NULL,
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *const *v = verbs; *v; v++)
		if (streq((*v)->name, name))
			return *v;
	return NULL;
}
