// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps that are not about the device, and the loop that does all steps. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

#define UNUSED __attribute__((unused))

/* A step with its arguments */
struct todo {
	const struct step *step;
	unsigned long long args[MAX_ARGS];
	const char *text;
};

static void parse(const char *text, struct todo *todo);
static int do_step(struct client *c, const char *text, int quiet);

/* sh:COMMAND, for a look from outside while the device is open */
static int run_shell(UNUSED struct client *c, UNUSED const unsigned long long *args,
		     const char *text, char *answer, size_t size)
{
	int status;

	fflush(stdout);
	status = system(text);
	snprintf(answer, size, "status %d", status < 0 ? status : status >> 8);
	return 0;
}

/* STEP,STEP,...; stops at the first one that fails, and prints only that one */
static int do_list(struct client *c, const char *list)
{
	char *copy = strdup(list), *rest = copy, *step;
	int ret = 0;

	while (!ret && (step = strsep(&rest, ",")))
		ret = *step ? do_step(c, step, 1) : 0;
	free(copy);
	return ret;
}

/* repeat:N:STEP,STEP,...; stops at the first step that fails */
static int repeat(struct client *c, const unsigned long long *args, const char *text,
		  UNUSED char *answer, UNUSED size_t size)
{
	const char *list = strchr(text, ':');
	int ret = 0;

	if (!list)
		return -EINVAL;
	for (unsigned long long i = 0; i < args[0] && !ret; i++)
		ret = do_list(c, list + 1);
	return ret;
}

/* Another function in the same iommufd, for on-sibling */
struct client sibling_client = CLIENT_INIT(NULL);

/* sibling-cdev:ADDR, opens it for the same iommufd, if there is one yet */
static int open_sibling_cdev(struct client *c, UNUSED const unsigned long long *args,
			     const char *text, UNUSED char *answer, UNUSED size_t size)
{
	sibling_client.addr = text;
	sibling_client.iommufd = c->iommufd;
	sibling_client.ioas = c->ioas;
	sibling_client.viommu = c->viommu;
	return do_step(&sibling_client, "cdev", 1);
}

/* sibling:ADDR, also binds it to the iommufd; without a VM */
static int open_sibling(struct client *c, const unsigned long long *args, const char *text,
			char *answer, size_t size)
{
	return open_sibling_cdev(c, args, text, answer, size) ?:
		       do_step(&sibling_client, "bind-iommufd", 1);
}

/* on-sibling:STEP */
static int on_sibling(UNUSED struct client *c, UNUSED const unsigned long long *args,
		      const char *text, UNUSED char *answer, UNUSED size_t size)
{
	return do_step(&sibling_client, text, 1);
}

/* Reads a file's text without the newline. Returns 0 or a negative errno. */
static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* Splits PATH=VALUE. Returns the value or NULL, and copies the path into @path. */
static const char *split(const char *text, char *path, size_t size)
{
	const char *value = strrchr(text, '=');

	if (!value)
		return NULL;
	snprintf(path, size, "%.*s", (int)(value - text), text);
	return value + 1;
}

/* is:PATH=VALUE, fails if the file does not contain VALUE, and prints its text to stderr */
static int is(UNUSED struct client *c, UNUSED const unsigned long long *args, const char *text,
	      UNUSED char *answer, UNUSED size_t size)
{
	char path[PATH_MAX], found[256];
	const char *value = split(text, path, sizeof(path));
	int ret;

	if (!value)
		return -EINVAL;
	ret = read_text(path, found, sizeof(found));
	if (ret)
		return ret;
	if (!strcmp(found, value))
		return 0;
	fprintf(stderr, "vfio-client: %s is %s\n", path, found);
	return -EPROTO;
}

/* put:PATH=VALUE, writes VALUE into an existing file */
static int put(UNUSED struct client *c, UNUSED const unsigned long long *args, const char *text,
	       UNUSED char *answer, UNUSED size_t size)
{
	char path[PATH_MAX];
	const char *value = split(text, path, sizeof(path));
	int fd, ret = 0;

	if (!value)
		return -EINVAL;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int make_dir(UNUSED struct client *c, UNUSED const unsigned long long *args,
		    const char *text, UNUSED char *answer, UNUSED size_t size)
{
	return mkdir(text, 0755) ? -errno : 0;
}

static int remove_dir(UNUSED struct client *c, UNUSED const unsigned long long *args,
		      const char *text, UNUSED char *answer, UNUSED size_t size)
{
	return rmdir(text) ? -errno : 0;
}

#define MAX_FAULTS 5000

/* Does @todo while its @nth allocation fails. Returns whether there was such an allocation. */
static int run_failing(struct client *c, const struct todo *todo, unsigned int nth, int *ret)
{
	char number[16], answer[64];
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int len = snprintf(number, sizeof(number), "%u", nth);

	if (fd < 0 || pwrite(fd, number, len, 0) != len) {
		perror("vfio-client: fail-nth");
		exit(2);
	}
	*ret = todo->step->run(c, todo->args, todo->text, answer, sizeof(answer));
	len = pread(fd, number, sizeof(number) - 1, 0);
	if (len <= 0 || pwrite(fd, "0", 1, 0) != 1) {
		perror("vfio-client: fail-nth");
		exit(2);
	}
	close(fd);
	number[len] = '\0';
	return !atoi(number);
}

/*
 * fail-each:BEFORE;STEP;FAILED;DONE;AFTER, where each except STEP is a list as for repeat
 *
 * Does STEP while its first allocation in the kernel fails, then its second, and so on,
 * until all succeed. Each time it does BEFORE, STEP, FAILED or DONE, and AFTER. Only STEP
 * may fail. The value is the number of faults and of each result. It needs
 * CONFIG_FAILSLAB, set up in debugfs.
 */
static int fail_each(struct client *c, UNUSED const unsigned long long *args, const char *text,
		     char *answer, size_t size)
{
	char *copy = strdup(text), *rest = copy, *part[5];
	unsigned int count[256] = { 0 }, nth = 0;
	int ret, injected, err = 0;
	struct todo todo;

	for (int i = 0; i < 5; i++)
		part[i] = strsep(&rest, ";") ?: "";
	parse(part[1], &todo);
	do {
		ret = do_list(c, part[0]);
		if (ret)
			break;
		injected = run_failing(c, &todo, ++nth, &err);
		if (injected)
			count[-err & 255]++;
		else if (err)
			ret = err;
		if (!ret)
			ret = do_list(c, part[err ? 2 : 3]);
		if (!ret)
			ret = do_list(c, part[4]);
	} while (!ret && injected && nth < MAX_FAULTS);

	if (ret)
		fprintf(stderr, "vfio-client: at allocation %u of '%s', which returned %s\n", nth,
			part[1], err ? strerrorname_np(-err) : "OK");
	snprintf(answer, size, "%u faults", nth - 1);
	for (int i = 0; i < 256; i++) {
		size_t len = strlen(answer);

		if (count[i])
			snprintf(answer + len, size - len, ", %u %s", count[i],
				 i ? strerrorname_np(i) : "OK");
	}
	free(copy);
	return ret ?: nth < MAX_FAULTS ? 0 : -ELOOP;
}

/* The only step in the background */
static struct {
	pthread_t thread;
	struct client *client;
	const char *text;
	int ret;
} background;

static void *run_background(UNUSED void *arg)
{
	background.ret = do_step(background.client, background.text, 1);
	return NULL;
}

/* bg:STEP, begins STEP in another thread of this process */
static int begin_background(struct client *c, UNUSED const unsigned long long *args,
			    const char *text, UNUSED char *answer, UNUSED size_t size)
{
	background.client = c;
	background.text = text;
	return -pthread_create(&background.thread, NULL, run_background, NULL);
}

/* bg-end, waits for it, and returns its result */
static int end_background(UNUSED struct client *c, UNUSED const unsigned long long *args,
			  UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)
{
	return -pthread_join(background.thread, NULL) ?: background.ret;
}

static const struct step steps[] = {
	{ "bg", begin_background },
	{ "bg-end", end_background },
	{ "sibling", open_sibling },
	{ "sibling-cdev", open_sibling_cdev },
	{ "on-sibling", on_sibling },
	{ "cdev", step_cdev },
	{ "group", step_group },
	{ "kvm", step_kvm },
	{ "kvm-close", step_kvm_close },
	{ "bind-iommufd", step_bind_iommufd },
	{ "ioas", step_ioas },
	{ "attach", step_attach },
	{ "attach-pasid", step_attach_pasid },
	{ "detach", step_detach },
	{ "detach-pasid", step_detach_pasid },
	{ "close", step_close },
	{ "sh", run_shell },
	{ "repeat", repeat },
	{ "fail-each", fail_each },
	{ "is", is },
	{ "put", put },
	{ "mkdir", make_dir },
	{ "rmdir", remove_dir },
	{ NULL, NULL },
};

static const struct step *const tables[] = { steps,	  device_steps, config_steps,
					     stall_steps, event_steps,	vdevice_steps,
					     ask_steps,	  cost_steps,	request_steps };

static const struct step *find(const struct step *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static void parse(const char *text, struct todo *todo)
{
	char name[32];
	char *end;

	*todo = (struct todo){ .text = "" };
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
	for (size_t i = 0; !todo->step && i < sizeof(tables) / sizeof(*tables); i++)
		todo->step = find(tables[i], name);
	if (!todo->step) {
		fprintf(stderr, "vfio-client: unknown step '%s'\n", text);
		exit(2);
	}

	text = strchr(text, ':');
	if (!text)
		return;
	todo->text = text + 1;
	todo->args[0] = strtoull(text + 1, &end, 0);
	for (int i = 1; i < MAX_ARGS && *end == ':'; i++)
		todo->args[i] = strtoull(end + 1, &end, 0);
}

static int do_step(struct client *c, const char *text, int quiet)
{
	char answer[64] = "";
	struct todo todo;
	int ret;

	parse(text, &todo);
	ret = todo.step->run(c, todo.args, todo.text, answer, sizeof(answer));
	if (ret)
		printf("%s %s\n", text, strerrorname_np(-ret));
	else if (!quiet)
		printf("%s OK%s%s\n", text, *answer ? " " : "", answer);
	return ret;
}

int main(int argc, char **argv)
{
	/* Most tests begin with these. */
	static const char *const open_steps[] = { "cdev", "kvm", "bind-iommufd", "ioas", "enable" };
	struct client c = CLIENT_INIT(NULL);

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
