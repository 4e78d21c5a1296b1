// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsm-bind-helper: the one program that opens vfio devices and binds them as TDIs.
 * The command line; what is done is in hold.c and pid.c.
 */
#include <errno.h>
#include <popt.h>
#include <signal.h>

#include "exitcode.h"
#include "modes.h"
#include "sandbox.h"
#include "say.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

static char *opt_device;
static char *opt_pid;
static char *opt_vdevice_id;
static char *opt_sysfs;
static char *opt_run_dir;
static char *opt_vdevice;
static char *opt_guest_id;
static int opt_version;

static const struct poptOption options[] = {
	{ "device", 0, POPT_ARG_STRING, &opt_device, 0, "PCI address of the device", "ADDRESS" },
	{ "pid", 0, POPT_ARG_STRING, &opt_pid, 0,
	  "bind, unbind: process that holds the device, whose file is used", "PID" },
	{ "vdevice-id", 0, POPT_ARG_STRING, &opt_vdevice_id, 0,
	  "bind: vDEVICE in that process's iommufd (none: the configured TDI id)", "ID" },
	{ "guest-id", 0, POPT_ARG_STRING, &opt_guest_id, 0,
	  "hold: the guest's requester ID of it: bb:dd.f, ssss:bb:dd.f or 0x... (the configured TDI id)",
	  "ID" },
	{ "vdevice", 0, POPT_ARG_STRING, &opt_vdevice, 0,
	  "hold: bind by an iommufd vDEVICE: auto (if it can be had), always, never", "WHEN" },
	{ "sysfs", 0, POPT_ARG_STRING, &opt_sysfs, 0, "root of sysfs (/sys)", "DIR" },
	{ "run-dir", 0, POPT_ARG_STRING, &opt_run_dir, 0,
	  "directory of the lock files (/run/tsmctl)", "DIR" },
	{ "version", 'V', POPT_ARG_NONE, &opt_version, 0, "show the version", NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

/* What an option is for. */
enum { FOR_HOLD = 1, FOR_PID = 2, FOR_BIND = 4 };

static const struct mode {
	const char *name;
	int (*run)(struct session *s);
	unsigned int takes;
} modes[] = {
	{ "hold", hold, FOR_HOLD },
	{ "bind", pid_bind, FOR_PID | FOR_BIND },
	{ "unbind", pid_unbind, FOR_PID },
};

static int usage(const char *value, const char *message)
{
	say_failure(value, "usage", -EINVAL, message, "see 'tsm-bind-helper --help'");
	return EXIT_USAGE;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (streq(modes[i].name, name))
			return &modes[i];
	return NULL;
}

/* Options that this mode has no use for are mistakes. */
static int check_options(const struct mode *mode)
{
	const struct {
		const char *value;
		unsigned int what;
		const char *message;
	} checks[] = {
		{ opt_pid, FOR_PID, "--pid wants bind or unbind" },
		{ opt_vdevice_id, FOR_BIND, "--vdevice-id is for bind with --pid" },
		{ opt_guest_id, FOR_HOLD, "--guest-id is for hold" },
		{ opt_vdevice, FOR_HOLD, "--vdevice is for hold" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].value && !(mode->takes & checks[i].what))
			return usage(checks[i].value, checks[i].message);
	if ((mode->takes & FOR_PID) && !opt_pid)
		return usage(NULL, "bind and unbind want --pid, the process that holds the device");
	if (!opt_device)
		return usage(NULL, "--device is missing");
	return 0;
}

static int read_numbers(struct session *s)
{
	unsigned int pid = 0;

	if (opt_pid && (util_parse_u32(opt_pid, &pid) || !pid || pid > INT32_MAX))
		return usage(opt_pid, "this is no process ID");
	s->pid = (pid_t)pid;
	if (opt_vdevice_id && (util_parse_u32(opt_vdevice_id, &s->vdevice) || !s->vdevice))
		return usage(opt_vdevice_id, "this is no id of a vDEVICE: 1 or more");
	return 0;
}

static int read_options(struct session *s)
{
	struct pci_addr addr;

	if (pci_addr_parse(opt_device, &addr))
		return usage(opt_device, "this is no PCI address: 0000:01:00.0");
	if ((opt_sysfs && opt_sysfs[0] != '/') || (opt_run_dir && opt_run_dir[0] != '/'))
		return usage(NULL, "--sysfs and --run-dir take absolute paths");
	if (opt_vdevice && vdevice_mode_parse(opt_vdevice, &s->mode))
		return usage(opt_vdevice, "--vdevice takes auto, always or never");
	if (opt_guest_id && (tdi_id_parse(opt_guest_id, s->guest_id, sizeof(s->guest_id)) ||
			     streq(s->guest_id, "none")))
		return usage(opt_guest_id,
			     "this is no requester ID: 00:05.0, 0000:00:05.0 or 0x28");
	pci_addr_name(&addr, s->name);
	s->sysfs = opt_sysfs ?: "/sys";
	s->run_dir = opt_run_dir ?: "/run/tsmctl";
	return read_numbers(s);
}

static int run(poptContext con)
{
	struct session s = SESSION_INIT;
	const struct mode *mode = &modes[0];
	int opt = poptGetNextOpt(con), ret;

	if (opt != -1)
		return usage(poptBadOption(con, 0), poptStrerror(opt));
	if (opt_version) {
		puts("tsm-bind-helper " VERSION);
		return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	}
	if (poptPeekArg(con))
		mode = find_mode(poptPeekArg(con));
	if (!mode)
		return usage(poptPeekArg(con), "this is none of hold, bind and unbind");
	poptGetArg(con);
	if (poptPeekArg(con))
		return usage(poptPeekArg(con),
			     "one of hold, bind and unbind, and options: no more");
	ret = check_options(mode) ?: read_options(&s);
	if (ret)
		return ret;
	ret = sandbox_start(0);
	if (ret)
		return say_failure(s.name, "isolate", ret, "cannot prepare itself", NULL);
	return mode->run(&s);
}

int main(int argc, char **argv)
{
	poptContext con = poptGetContext("tsm-bind-helper", argc, (const char **)argv, options, 0);
	char **texts[] = { &opt_device,	 &opt_pid,     &opt_vdevice_id, &opt_sysfs,
			   &opt_run_dir, &opt_vdevice, &opt_guest_id };
	int ret;

	util_std_fds();
	signal(SIGPIPE, SIG_IGN);
	if (con)
		poptSetOtherOptionHelp(con, "[OPTION...] [hold | bind | unbind]");
	ret = con ? run(con) : EXIT_FAILED;
	poptFreeContext(con);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(*texts[i]);
	return ret;
}
