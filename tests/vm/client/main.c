// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps that are not the device's own, and doing them in turn. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define UNUSED __attribute__((unused))

static int do_step(struct client *c, const char *text, int quiet);

/* sh:COMMAND, for a look from outside while the device is held */
static int run_shell(UNUSED struct client *c, UNUSED const unsigned long long *args,
		     const char *text, char *answer, size_t size)
{
	int status;

	fflush(stdout);
	status = system(text);
	snprintf(answer, size, "status %d", status < 0 ? status : status >> 8);
	return 0;
}

/* repeat:N:STEP,STEP,...; stops at the first step that fails */
static int repeat(struct client *c, const unsigned long long *args, const char *text,
		  UNUSED char *answer, UNUSED size_t size)
{
	const char *list = strchr(text, ':');
	int ret = 0;

	if (!list)
		return -EINVAL;
	for (unsigned long long i = 0; i < args[0] && !ret; i++) {
		char *copy = strdup(list + 1), *rest = copy, *step;

		while (!ret && (step = strsep(&rest, ",")))
			ret = do_step(c, step, 1);
		free(copy);
	}
	return ret;
}

/* Another function of the same iommufd, for on-sibling. */
static struct client sibling = { .device = -1, .group = -1, .kvm_vm = -1, .kvm_vfio = -1 };

/* sibling:ADDR, opens it */
static int open_sibling(struct client *c, UNUSED const unsigned long long *args, const char *text,
			UNUSED char *answer, UNUSED size_t size)
{
	sibling.addr = text;
	sibling.iommufd = c->iommufd;
	return do_step(&sibling, "cdev", 1) ?: do_step(&sibling, "bind-iommufd", 1);
}

/* on-sibling:STEP */
static int on_sibling(UNUSED struct client *c, UNUSED const unsigned long long *args,
		      const char *text, UNUSED char *answer, UNUSED size_t size)
{
	return do_step(&sibling, text, 1);
}

static const struct step steps[] = {
	{ "sibling", open_sibling },
	{ "on-sibling", on_sibling },
	{ "cdev", step_cdev },
	{ "group", step_group },
	{ "kvm", step_kvm },
	{ "kvm-close", step_kvm_close },
	{ "bind-iommufd", step_bind_iommufd },
	{ "ioas", step_ioas },
	{ "attach", step_attach },
	{ "detach", step_detach },
	{ "close", step_close },
	{ "sh", run_shell },
	{ "repeat", repeat },
	{ NULL, NULL },
};

static const struct step *find(const struct step *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static int do_step(struct client *c, const char *text, int quiet)
{
	unsigned long long args[MAX_ARGS] = { 0 };
	const struct step *step;
	char answer[64] = "";
	char name[32];
	const char *rest;
	int ret;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
	step = find(steps, name)		?:
		       find(device_steps, name) ?:
		       find(config_steps, name) ?:
						  find(event_steps, name);
	if (!step) {
		fprintf(stderr, "vfio-client: unknown step '%s'\n", text);
		exit(2);
	}

	rest = strchr(text, ':');
	if (rest) {
		char *end;

		rest++;
		args[0] = strtoull(rest, &end, 0);
		for (int i = 1; i < MAX_ARGS && *end == ':'; i++)
			args[i] = strtoull(end + 1, &end, 0);
	}

	ret = step->run(c, args, rest ?: "", answer, sizeof(answer));
	if (ret)
		printf("%s %s\n", text, strerrorname_np(-ret));
	else if (!quiet)
		printf("%s OK%s%s\n", text, *answer ? " " : "", answer);
	return ret;
}

int main(int argc, char **argv)
{
	/* What most tests begin with. */
	static const char *const open_steps[] = { "cdev", "kvm", "bind-iommufd", "ioas", "enable" };
	struct client c = {
		.device = -1,
		.group = -1,
		.iommufd = -1,
		.kvm_vm = -1,
		.kvm_vfio = -1,
		.dma_buf = -1,
		.request = -1,
		.uevents = -1,
	};

	if (argc < 3) {
		fprintf(stderr, "usage: vfio-client ADDR STEP...\n");
		return 2;
	}

	c.addr = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "open")) {
			do_step(&c, argv[i], 0);
			continue;
		}
		for (size_t j = 0; j < sizeof(open_steps) / sizeof(*open_steps); j++)
			if (do_step(&c, open_steps[j], 1))
				break;
	}
	return 0;
}
