// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsm-bind-helper: the one program that opens vfio devices and binds them as TDIs.
 * This file reads the command line. The modes are in hold.c, pid.c and service/serve.c.
 */
#include <errno.h>
#include <popt.h>
#include <signal.h>

#include "common/exitcode.h"
#include "common/rundir.h"
#include "helper/hold.h"
#include "helper/pid.h"
#include "helper/sandbox.h"
#include "helper/say.h"
#include "helper/service/rules.h"
#include "helper/service/serve.h"
#include "helper/systemd.h"
#include "helper/vdevice.h"

/* One more than allowed, to report that */
static char *opt_devices[DEVICES_MAX + 1];
static size_t device_count;
static char *opt_pid;
static char *opt_vdevice_id;
static char *opt_sysfs;
static char *opt_run_dir;
static char *opt_vdevice;
static char *opt_guest_id;
static char *opt_listen;
static char *opt_config;
static int opt_start;
static int opt_notify;
static int opt_version;
static int opt_help;
static int opt_usage;

/* What poptGetNextOpt() returns for --device */
#define ONE_DEVICE 'd'

static const struct poptOption options[] = {
	{ "device", 0, POPT_ARG_STRING, NULL, ONE_DEVICE,
	  "PCI address of the device; hold: also several, for one VM", "ADDRESS" },
	{ "pid", 0, POPT_ARG_STRING, &opt_pid, 0,
	  "bind, unbind: process that has the device open, whose file is used", "PID" },
	{ "vdevice-id", 0, POPT_ARG_STRING, &opt_vdevice_id, 0,
	  "bind: vDEVICE in that process's iommufd (default: the configured TDI id)", "ID" },
	{ "guest-id", 0, POPT_ARG_STRING, &opt_guest_id, 0,
	  "hold: requester ID that the guest sees: bb:dd.f, ssss:bb:dd.f or 0x... (default: the configured TDI id)",
	  "ID" },
	{ "vdevice", 0, POPT_ARG_STRING, &opt_vdevice, 0,
	  "hold: bind by an iommufd vDEVICE: auto (if one can be made), always, never", "WHEN" },
	{ "start", 0, POPT_ARG_NONE, &opt_start, 0,
	  "hold: for tests with tsm_sim: start the TDI as its guest would", NULL },
	{ "sysfs", 0, POPT_ARG_STRING, &opt_sysfs, 0, "root of sysfs (/sys)", "DIR" },
	{ "run-dir", 0, POPT_ARG_STRING, &opt_run_dir, 0,
	  "directory of the lock files (" RUN_DIR ")", "DIR" },
	{ "listen", 0, POPT_ARG_STRING, &opt_listen, 0,
	  "serve: path of the socket, or systemd for a socket that systemd passes", "PATH" },
	{ "config", 0, POPT_ARG_STRING, &opt_config, 0,
	  "serve: file with the permissions of clients (" RULES_PATH ")", "FILE" },
	{ "notify", 0, POPT_ARG_NONE, &opt_notify, 0,
	  "hold, serve: run as a service: notify systemd, and write lines for its journal", NULL },
	{ "version", 'V', POPT_ARG_NONE, &opt_version, 0, "show the version", NULL },
	{ "help", 'h', POPT_ARG_NONE, &opt_help, 0, "show this help", NULL },
	{ NULL, '?', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, &opt_help, 0, NULL, NULL },
	{ "usage", 0, POPT_ARG_NONE, &opt_usage, 0, "show the options without their help", NULL },
	POPT_TABLEEND
};

/* The modes that an option is for. */
enum { FOR_HOLD = 1, FOR_PID = 2, FOR_BIND = 4, FOR_SERVE = 8 };

static const struct mode {
	const char *name;
	int (*run)(struct invocation *in);
	unsigned int takes;
} modes[] = {
	{ "hold", hold, FOR_HOLD },
	{ "bind", pid_bind, FOR_PID | FOR_BIND },
	{ "unbind", pid_unbind, FOR_PID },
	{ "serve", serve, FOR_SERVE },
};

static int usage(const char *value, const char *message)
{
	say_usage(value, message);
	return EXIT_USAGE;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (streq(modes[i].name, name))
			return &modes[i];
	return NULL;
}

/* Rejects options that the mode does not use. */
static int check_options(const struct mode *mode)
{
	const struct {
		const char *value;
		unsigned int what;
		const char *message;
	} checks[] = {
		{ opt_pid, FOR_PID, "--pid is for bind and unbind" },
		{ opt_vdevice_id, FOR_BIND, "--vdevice-id is for bind with --pid" },
		{ opt_guest_id, FOR_HOLD, "--guest-id is for hold" },
		{ opt_vdevice, FOR_HOLD, "--vdevice is for hold" },
		{ opt_start ? "--start" : NULL, FOR_HOLD, "--start is for hold" },
		{ opt_listen, FOR_SERVE, "--listen is for serve" },
		{ opt_config, FOR_SERVE, "--config is for serve" },
		{ opt_notify ? "--notify" : NULL, FOR_HOLD | FOR_SERVE,
		  "--notify is for hold and serve" },
		{ opt_devices[0], FOR_HOLD | FOR_PID, "--device is not for serve" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].value && !(mode->takes & checks[i].what))
			return usage(checks[i].value, checks[i].message);
	if ((mode->takes & FOR_PID) && !opt_pid)
		return usage(NULL,
			     "bind and unbind need --pid, the process that has the device open");
	if ((mode->takes & FOR_SERVE) && !opt_listen)
		return usage(NULL, "serve needs --listen");
	if (!(mode->takes & FOR_SERVE) && !device_count)
		return usage(NULL, "--device is missing");
	if (device_count > 1 && !(mode->takes & FOR_HOLD))
		return usage(opt_devices[1], "only hold takes several devices");
	if (device_count > 1 && opt_guest_id)
		return usage(opt_guest_id, "--guest-id is for one device");
	return 0;
}

static int read_numbers(struct session *s)
{
	unsigned int pid = 0;

	if (opt_pid && (util_parse_u32(opt_pid, &pid) || !pid || pid > INT32_MAX))
		return usage(opt_pid, "this is not a process ID");
	s->pid = (pid_t)pid;
	if (opt_vdevice_id && (util_parse_u32(opt_vdevice_id, &s->vdevice) || !s->vdevice))
		return usage(opt_vdevice_id, "this is not the ID of a vDEVICE: 1 or more");
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	struct pci_addr x = {}, y = {};

	pci_addr_parse(a, &x);
	pci_addr_parse(b, &y);
	return pci_addr_compare(&x, &y);
}

static int read_devices(struct invocation *in)
{
	struct pci_addr addr;

	for (size_t n = 0; n < device_count; n++) {
		if (n == DEVICES_MAX)
			return usage(opt_devices[n], "a holder has at most 64 devices");
		if (pci_addr_parse(opt_devices[n], &addr))
			return usage(opt_devices[n], "this is not a PCI address: 0000:01:00.0");
		pci_addr_name(&addr, in->names[n]);
		for (size_t i = 0; i < n; i++)
			if (streq(in->names[i], in->names[n]))
				return usage(opt_devices[n], "this device is there twice");
		in->count++;
	}
	/* function 0 cannot be opened any more while a function that relies on it is bound */
	qsort(in->names, in->count, sizeof(in->names[0]), compare_names);
	util_copy(in->s.name, sizeof(in->s.name), in->names[0]);
	return 0;
}

static bool is_relative(const char *path)
{
	return path && path[0] != '/';
}

static int read_options(struct invocation *in)
{
	struct session *s = &in->s;
	int ret = read_devices(in);

	if (ret)
		return ret;
	if (is_relative(opt_sysfs) || is_relative(opt_run_dir) || is_relative(opt_config))
		return usage(NULL, "--sysfs, --run-dir and --config take absolute paths");
	if (opt_vdevice && vdevice_mode_parse(opt_vdevice, &s->mode))
		return usage(opt_vdevice, "--vdevice takes auto, always or never");
	if (opt_guest_id && (tdi_id_parse(opt_guest_id, s->guest_id, sizeof(s->guest_id)) ||
			     streq(s->guest_id, "none")))
		return usage(opt_guest_id,
			     "this is not a requester ID: 00:05.0, 0000:00:05.0 or 0x28");
	s->sysfs = opt_sysfs ?: "/sys";
	s->run_dir = opt_run_dir ?: RUN_DIR;
	s->start = opt_start;
	in->notify = opt_notify;
	in->config = opt_config;
	if (opt_listen && !streq(opt_listen, "systemd")) {
		in->listen = opt_listen;
		if (is_relative(opt_listen) || opt_listen[strlen(opt_listen) - 1] == '/')
			return usage(opt_listen, "--listen takes an absolute path, or systemd");
	}
	return read_numbers(s);
}

/* Reads what systemd has put into the environment, then clears the environment. */
static int prepare(const struct mode *mode, const struct invocation *in)
{
	bool passed = (mode->takes & FOR_SERVE) && !in->listen;
	int ret = passed ? systemd_listen() : 0;

	if (ret)
		return say_failure(
			NULL, "listen", ret, "systemd has passed no socket to listen on",
			"run 'systemctl start tsmctl-helper.socket', or give --listen a path");
	if (opt_notify) {
		systemd_look();
		say_levels();
	}
	ret = sandbox_start(passed ? 1 : 0);
	if (ret)
		return say_failure(in->s.name, "isolate", ret,
				   "cannot isolate itself from its caller", NULL);
	ret = systemd_connect();
	return ret ? say_failure(NULL, "notify", ret,
				 "cannot connect to the notification socket of systemd", NULL) :
		     0;
}

static int run(poptContext con)
{
	struct invocation in = { .s = SESSION_INIT };
	const struct mode *mode = &modes[0];
	int opt, ret;

	while ((opt = poptGetNextOpt(con)) == ONE_DEVICE) {
		char *text = poptGetOptArg(con);

		if (device_count < ARRAY_SIZE(opt_devices))
			opt_devices[device_count++] = text;
		else
			free(text);
	}
	if (opt != -1)
		return usage(poptBadOption(con, 0), poptStrerror(opt));
	if (opt_help || opt_usage || opt_version) {
		if (opt_help)
			poptPrintHelp(con, stdout, 0);
		else if (opt_usage)
			poptPrintUsage(con, stdout, 0);
		else
			puts("tsm-bind-helper " VERSION);
		return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	}
	if (poptPeekArg(con))
		mode = find_mode(poptPeekArg(con));
	if (!mode)
		return usage(poptPeekArg(con), "this is not one of hold, bind, unbind and serve");
	poptGetArg(con);
	if (poptPeekArg(con))
		return usage(poptPeekArg(con),
			     "after hold, bind, unbind or serve, only options can follow");
	ret = check_options(mode) ?: read_options(&in) ?: prepare(mode, &in);
	return ret ?: mode->run(&in);
}

int main(int argc, char **argv)
{
	poptContext con = poptGetContext("tsm-bind-helper", argc, (const char **)argv, options, 0);
	char **texts[] = { &opt_pid,	 &opt_vdevice_id, &opt_sysfs,  &opt_run_dir,
			   &opt_vdevice, &opt_guest_id,	  &opt_listen, &opt_config };
	int ret;

	util_std_fds();
	signal(SIGPIPE, SIG_IGN);
	if (con)
		poptSetOtherOptionHelp(con, "[OPTION...] [hold | bind | unbind | serve]");
	ret = con ? run(con) : EXIT_FAILED;
	poptFreeContext(con);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(*texts[i]);
	for (size_t i = 0; i < device_count; i++)
		free(opt_devices[i]);
	return ret;
}
