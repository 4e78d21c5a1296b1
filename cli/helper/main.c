// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsm-bind-helper: binds one device as a TDI and holds it until told to stop.
 * Says what happens in JSON, one object a line, on standard output.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <popt.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "exitcode.h"
#include "session.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

static char *opt_device;
static char *opt_sysfs;
static char *opt_run_dir;
static char *opt_vdevice;
static char *opt_guest_id;
static int opt_version;

static const struct poptOption options[] = {
	{ "device", 0, POPT_ARG_STRING, &opt_device, 0, "PCI address of the device", "ADDRESS" },
	{ "guest-id", 0, POPT_ARG_STRING, &opt_guest_id, 0,
	  "the guest's requester ID of it: bb:dd.f, ssss:bb:dd.f or 0x... (the configured TDI id)",
	  "ID" },
	{ "vdevice", 0, POPT_ARG_STRING, &opt_vdevice, 0,
	  "bind by an iommufd vDEVICE: auto (if it can be had), always, never", "WHEN" },
	{ "sysfs", 0, POPT_ARG_STRING, &opt_sysfs, 0, "root of sysfs (/sys)", "DIR" },
	{ "run-dir", 0, POPT_ARG_STRING, &opt_run_dir, 0,
	  "directory of the lock files (/run/tsmctl)", "DIR" },
	{ "version", 'V', POPT_ARG_NONE, &opt_version, 0, "show the version", NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

/* Writes one line; takes the object. Answers 0 or negative errno. */
static int say(struct json_object *obj)
{
	const char *json = json_object_to_json_string_ext(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	cleanup_free char *line = NULL;
	size_t done = 0;
	int len = asprintf(&line, "%s\n", json);
	ssize_t n;

	json_object_put(obj);
	if (len < 0)
		return -ENOMEM;
	while (done < (size_t)len) {
		n = write(STDOUT_FILENO, line + done, (size_t)len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static struct json_object *event(const char *name, const char *device)
{
	struct json_object *obj = json_object_new_object();
	cleanup_free char *safe = device ? util_printable(device) : NULL;

	json_object_object_add(obj, "event", json_object_new_string(name));
	json_object_object_add(obj, "device", safe ? json_object_new_string(safe) : NULL);
	return obj;
}

static void say_error(const char *device, const char *step, int err, const char *message,
		      const char *hint)
{
	struct json_object *obj = event("error", device);
	const char *name = strerrorname_np(-err);

	json_object_object_add(obj, "step", json_object_new_string(step));
	json_object_object_add(obj, "errno", name ? json_object_new_string(name) : NULL);
	json_object_object_add(obj, "message", json_object_new_string(message));
	json_object_object_add(obj, "hint", hint ? json_object_new_string(hint) : NULL);
	say(obj);
}

/* Says why a step failed. Answers the exit code. */
static int explain(const struct session *s, const struct step *step, int err)
{
	const struct answer *a = step->answers;
	char message[192];

	while (a && a->err && a->err != err)
		a++;
	if (a && !a->err)
		a = NULL;
	if (a && s->other)
		snprintf(message, sizeof(message), "%s (process %u)", a->message, s->other);
	else if (a)
		util_copy(message, sizeof(message), a->message);
	else
		snprintf(message, sizeof(message), "%s: %s", step->name, strerror(-err));
	say_error(s->name, step->name, err, message, a && a->hint ? a->hint : errno_hint(err));
	return a ? a->code : exit_code_of(err);
}

/* Waits until somebody wants the device back. Answers who. */
static const char *wait_for_end(const struct session *s, int signals)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = s->request, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return "failure";
		if (fds[0].revents)
			return "signal";
		if (fds[1].revents)
			return "request";
	}
}

static int finish(struct session *s, const char *reason)
{
	char loss[16];
	bool lost = streq(reason, "request") && cdev_is_lost(s, loss, sizeof(loss));
	int ret = session_close(s);
	struct json_object *obj;

	lock_drop(s);
	if (ret) {
		say_error(s->name, "unbind", ret,
			  "the kernel refused to unbind; the device was closed", errno_hint(ret));
		return exit_code_of(ret);
	}
	obj = event(lost ? "lost" : "unbound", s->name);
	json_object_object_add(obj, "reason", json_object_new_string(lost ? loss : reason));
	/* the device is free, whether or not anybody still listens */
	say(obj);
	return lost ? EXIT_FAILED : EXIT_DONE;
}

static struct json_object *text_or_null(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

static int hold(struct session *s, int signals)
{
	struct json_object *obj;
	int ret;

	for (const struct step *step = steps; step->name; step++) {
		ret = step->run(s);
		if (!ret)
			continue;
		session_close(s);
		lock_drop(s);
		return explain(s, step, ret);
	}
	obj = event("bound", s->name);
	json_object_object_add(obj, "pid", json_object_new_int(getpid()));
	json_object_object_add(obj, "tdi_id", text_or_null(s->tdi_id));
	json_object_object_add(obj, "vdevice_id",
			       s->vdevice ? json_object_new_int64(s->vdevice) : NULL);
	json_object_object_add(obj, "fallback", text_or_null(s->fallback));
	/* a device that nobody knows to be bound would stay so */
	if (say(obj)) {
		session_close(s);
		lock_drop(s);
		return EXIT_FAILED;
	}
	return finish(s, wait_for_end(s, signals));
}

/* Nothing of the caller's surroundings matters here, or may be seen from outside. */
static int isolate(void)
{
	sigset_t set;

	util_std_fds();
	close_range(3, ~0U, 0);
	clearenv();
	umask(022);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || chdir("/"))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int usage(const char *value, const char *message)
{
	say_error(value, "usage", -EINVAL, message, "see 'tsm-bind-helper --help'");
	return EXIT_USAGE;
}

static int run(poptContext con)
{
	struct session s = {
		.lock = -1, .cdev = -1, .iommufd = -1, .kvm = -1, .vm = -1, .vfio = -1, .request = -1
	};
	cleanup_fd int signals = -1;
	struct pci_addr addr;
	int opt = poptGetNextOpt(con);

	if (opt != -1)
		return usage(poptBadOption(con, 0), poptStrerror(opt));
	if (opt_version) {
		puts("tsm-bind-helper " VERSION);
		return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	}
	if (poptPeekArg(con))
		return usage(poptPeekArg(con), "it takes options only");
	if (!opt_device)
		return usage(NULL, "--device is missing");
	if (pci_addr_parse(opt_device, &addr))
		return usage(opt_device, "this is no PCI address: 0000:01:00.0");
	if ((opt_sysfs && opt_sysfs[0] != '/') || (opt_run_dir && opt_run_dir[0] != '/'))
		return usage(NULL, "--sysfs and --run-dir take absolute paths");
	if (opt_vdevice && vdevice_mode_parse(opt_vdevice, &s.mode))
		return usage(opt_vdevice, "--vdevice takes auto, always or never");
	if (opt_guest_id && (tdi_id_parse(opt_guest_id, s.guest_id, sizeof(s.guest_id)) ||
			     streq(s.guest_id, "none")))
		return usage(opt_guest_id,
			     "this is no requester ID: 00:05.0, 0000:00:05.0 or 0x28");
	pci_addr_name(&addr, s.name);
	s.sysfs = opt_sysfs ?: "/sys";
	s.run_dir = opt_run_dir ?: "/run/tsmctl";
	signals = isolate();
	if (signals < 0) {
		say_error(s.name, "isolate", -errno, "cannot prepare itself", NULL);
		return EXIT_FAILED;
	}
	return hold(&s, signals);
}

int main(int argc, char **argv)
{
	poptContext con = poptGetContext("tsm-bind-helper", argc, (const char **)argv, options, 0);
	int ret = con ? run(con) : EXIT_FAILED;

	poptFreeContext(con);
	free(opt_device);
	free(opt_sysfs);
	free(opt_run_dir);
	free(opt_vdevice);
	free(opt_guest_id);
	return ret;
}
