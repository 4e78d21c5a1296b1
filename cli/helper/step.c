// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs steps and explains their errors, see step.h. */
#include <errno.h>

#include "common/exitcode.h"
#include "common/stage.h"
#include "helper/cdev.h"
#include "helper/step.h"

const struct cause find_causes[] = { { -ENODEV, EXIT_NO_DEVICE, "no such device", NULL },
				     { -ENXIO, EXIT_UNSUPPORTED, "it is not on a VFIO driver",
				       "run 'tsmctl assign @'" },
				     { -EOPNOTSUPP, EXIT_UNSUPPORTED, NO_CDEV_CAUSE, NO_CDEV_HINT },
				     {} };

/* Errors without a stage, and an errno of several stages if the driver names no stage. */
const struct cause bind_causes[] = {
	{ -ENOTTY, EXIT_UNSUPPORTED, "its driver cannot bind", "run 'tsmctl assign @'" },
	{ -EALREADY, EXIT_BUSY, "it is bound already", NULL },
	{ -EHOSTDOWN, EXIT_FAILED, POWER_CAUSE ", or memory decode or bus mastering is off",
	  POWER_HINT },
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED,
	  "the TSM does not support it, or iommufd cannot look up vDEVICEs",
	  "'tsmctl show @' shows last_error; if its stage is vdevice, bind without a vDEVICE" },
	{}
};

const struct cause unbind_causes[] = { { -ENOTTY, EXIT_UNSUPPORTED, "its driver cannot bind",
					 "run 'tsmctl assign @'" },
				       { -EBUSY, EXIT_BUSY, FOREIGN_CAUSE, FOREIGN_HINT },
				       { -EIO, EXIT_FAILED, QUARANTINED_CAUSE, QUARANTINED_HINT },
				       {} };

const struct cause *cause_find(const struct cause *c, int err)
{
	for (; c && c->err; c++)
		if (c->err == err)
			return c;
	return NULL;
}

static void set_cause(struct verdict *v, const struct session *s, int code, const char *message,
		      const char *hint)
{
	v->code = code;
	if (s->other)
		snprintf(v->message, sizeof(v->message), "%s (process %u)", message, s->other);
	else if (s->detail[0])
		snprintf(v->message, sizeof(v->message), "%s: %s", message, s->detail);
	else
		util_copy(v->message, sizeof(v->message), message);
	if (hint) {
		util_fill(v->filled, sizeof(v->filled), hint, s->name);
		v->hint = v->filled;
	}
}

/* A bind that the TSM refuses has the exit code that its errno has at other stages. */
static int code_of(const struct stage *at, const struct cause *c, int err)
{
	const struct stage *other = at->err ? NULL : stage_guess(err);

	if (at->err)
		return (int)at->code;
	if (c)
		return c->code;
	return other ? (int)other->code : exit_code_of(err);
}

static void judge(const struct session *s, const struct step *step, int err, struct verdict *v)
{
	const struct cause *c = cause_find(step->causes, err);
	const struct stage *at = NULL;
	char message[sizeof(v->message)];

	*v = (struct verdict){ .err = err, .step = step->name };
	if (s->fault.why[0]) {
		say_distrust(v, s->lock_path[0] ? s->lock_path : s->run_dir, &s->fault);
		return;
	}
	if (step->staged) {
		cdev_refused_at(s, err, v->stage, sizeof(v->stage));
		if (v->stage[0])
			at = stage_find(v->stage, err);
		else if (!c)
			at = stage_guess(err);
	}
	if (at) {
		set_cause(v, s, code_of(at, c, err), at->message, at->hint);
	} else if (c) {
		set_cause(v, s, c->code, c->message, c->hint ?: errno_hint(err));
	} else {
		snprintf(message, sizeof(message), "%s: %s", step->name, strerror(-err));
		set_cause(v, s, exit_code_of(err), message, errno_hint(err));
	}
}

int steps_run(struct session *s, const struct step *list, struct verdict *v)
{
	int ret;

	for (const struct step *step = list; step->name; step++) {
		ret = step->run(s);
		if (!ret)
			continue;
		judge(s, step, ret, v);
		return ret;
	}
	return 0;
}
