// SPDX-License-Identifier: GPL-2.0-or-later
/* Options, threads, the watchdog and the summary. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define STUCK 120 /* seconds in one operation */

uint64_t seed;
unsigned int nr_threads = 6;
struct thread *threads[MAX_THREADS];

/* How many times longer than --seconds a run may take for --until */
#define PATIENCE 10

bool always_bound;

static unsigned long seconds, operations;
static atomic_bool stop;
/* --seconds are over, and a result is missing */
static atomic_bool late;
/* Locked for read by an operation, and for write by one that must run alone */
static pthread_rwlock_t at_work;

static const char usage[] =
	"usage: vfio-attack [OPTION]... VICTIM [SIBLING]\n"
	"\n"
	"Attacks the PCI function VICTIM from several threads at random. VICTIM must be on\n"
	"vfio-pci-tsm, connected to a simulated TSM, and have a policy that allows a bind.\n"
	"Fails if the simulated TSM sees a violation, if the TDI is lost without reason, if the\n"
	"driver shows bound while the TSM has no locked TDI or the other way round (unless the\n"
	"guest has stopped it), if a request of the guest acts on another bind or has a result\n"
	"that it may not have, if an operation takes more than two minutes, or if the device\n"
	"cannot be bound afterwards.\n"
	"SIBLING is a function on vfio-pci-tsm that would be reset together with VICTIM. The\n"
	"program finds all functions that share a slot, a bus, a PF, a DSM or an IOMMU group\n"
	"with VICTIM. It prints them, attacks them as root, and watches them.\n"
	"\n"
	"  --seed N         seed of the random numbers; the default is a new one\n"
	"  --seconds S      end after S seconds (default: 60, no limit with --operations)\n"
	"  --operations N   end after N operations of each thread\n"
	"  --until LIST     go on after --seconds until each attack of LIST has had its result,\n"
	"                   as in 'bind=OK,attach=EBUSY', and until books=stopped or\n"
	"                   books=foreign was found. Half of the operations are then those\n"
	"                   that are still missing. Fail after ten times --seconds\n"
	"  --bound          bind first, leave out attacks that end a bind, and fail if it ends\n"
	"  --threads N      number of threads (default: 6); races need two processors\n"
	"  --only LIST      do only these attacks and groups, separated by commas\n"
	"  --without LIST   do not do these attacks and groups\n"
	"  --list           print the attacks, their groups, and how often each is chosen\n"
	"  --help           print this text\n"
	"\n"
	"The device is open at first, and unbound: without \"bind\" it stays so.\n"
	"\n"
	"To replay a run, use the same seed, threads, --only, --without, --bound, functions,\n"
	"and a sibling or none.\n"
	"Each thread then does the same operations with the same parameters in the same\n"
	"order. Harmless values for configuration space are the values at the start. The timing\n"
	"between threads is not the same, and so neither are the results nor the winners of\n"
	"races. \"bound\" in the output is the state that was last seen.\n"
	"\n"
	"Exit status: 0, 1 for a failure, 2 for wrong usage, or SIGABRT when it hangs.\n";

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static unsigned int choose(struct thread *t)
{
	int missing = late ? until_choose(t) : -1;

	return missing >= 0 ? (unsigned int)missing : table_choose(t);
}

static void *attack(void *arg)
{
	struct thread *t = arg;

	t->tid = gettid();
	for (uint64_t i = 1; !stop && (!operations || i <= operations); i++) {
		unsigned int which;
		int answer;

		random_begin(t, i);
		which = choose(t);
		record_begin(t, i, which);
		if (is_alone(&attacks[which]))
			pthread_rwlock_wrlock(&at_work);
		else
			pthread_rwlock_rdlock(&at_work);
		answer = attacks[which].run(t);
		record_end(t, answer);
		pthread_rwlock_unlock(&at_work);
		if (!is_allowed(&attacks[which], answer))
			fail("%s may not end with %s", attacks[which].name, answer_name(answer));
		oracle_look();
	}
	t->done = true;
	return NULL;
}

static void hung(const struct thread *t)
{
	char path[64], text[4096];

	printf("FAILED: thread %u has been in operation %llu for more than %d s\nseed %#llx\n",
	       t->number, (unsigned long long)t->operation, STUCK, (unsigned long long)seed);
	record_print();
	for (unsigned int i = 0; i < nr_threads; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stack", threads[i]->tid);
		if (read_text(path, text, sizeof(text)) >= 0)
			printf("thread %u:\n%s", i, text);
	}
	fflush(stdout);
	abort();
}

/* Returns when every thread has ended. */
static void watch(void)
{
	const struct timespec second = { .tv_sec = 1 };
	long began = now();

	for (;;) {
		bool busy = false;

		for (unsigned int i = 0; i < nr_threads; i++) {
			const struct thread *t = threads[i];

			busy |= !t->done;
			if (!t->done && t->finished != t->operation && now() - t->began > STUCK)
				hung(t);
		}
		if (!busy)
			return;
		if (seconds && now() - began >= (long)seconds) {
			late = true;
			stop |= !until_missing() || now() - began >= (long)seconds * PATIENCE;
		}
		nanosleep(&second, NULL);
	}
}

/* A worker of the driver turns on the resets that another module's bind had turned off. */
static int open_afterwards(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	long began = now();
	int ret;

	/* A rebind leaves it without a driver if a function in its slot was bound then. */
	while (((ret = device_open(&victim)) == -EBUSY || ret == -ENOENT) &&
	       now() - began < STUCK) {
		if (ret == -ENOENT)
			write_text("/sys/bus/pci/drivers_probe", victim.addr);
		nanosleep(&moment, NULL);
	}
	return ret;
}

/* Fails if the device cannot be bound as before. */
static void bind_afterwards(void)
{
	char path[128];
	int ret;

	always_bound = false;
	foreign_end();
	requests_end();
	device_close(&sibling, 0);
	device_close(&victim, 0);
	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/region_mode", victim.addr);
	write_text(path, "exclusive");
	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/bind_allowed",
		 victim.addr);
	write_text(path, "1");
	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/tdi_id", victim.addr);
	write_text(path, "00:05.0");
	host_connect(); /* unless it is */

	ret = open_afterwards();
	if (ret)
		fail("afterwards the device cannot be opened: %s", answer_name(ret));
	ret = device_settle(true);
	if (!ret)
		ret = device_bind(0);
	if (ret)
		fail("afterwards the device cannot be bound: %s", answer_name(ret));
	device_unbind();
	device_close(&victim, 0);
}

static unsigned long number(const char *name, const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end || !n || n > max) {
		fprintf(stderr, "vfio-attack: --%s takes a number from 1 to %lu, not '%s'\n", name,
			max, text);
		exit(2);
	}
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "operations", required_argument, NULL, 'n' },
		{ "threads", required_argument, NULL, 'j' },
		{ "until", required_argument, NULL, 'u' },
		{ "only", required_argument, NULL, 'o' },
		{ "without", required_argument, NULL, 'w' },
		{ "bound", no_argument, NULL, 'b' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL, *without = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = number("seed", optarg, ~0ul);
			break;
		case 't':
			seconds = number("seconds", optarg, 1000000);
			break;
		case 'n':
			operations = number("operations", optarg, ~0ul >> 1);
			break;
		case 'j':
			nr_threads = number("threads", optarg, MAX_THREADS);
			break;
		case 'u':
			if (!until_parse(optarg))
				exit(2);
			break;
		case 'o':
			only = optarg;
			break;
		case 'w':
			without = optarg;
			break;
		case 'b':
			always_bound = true;
			break;
		case 'l':
			table_list();
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs("vfio-attack: see --help\n", stderr);
			exit(2);
		}
	}
	if (argc - optind < 1 || argc - optind > 2) {
		fputs("vfio-attack: give one device or two; see --help\n", stderr);
		exit(2);
	}
	victim.addr = argv[optind];
	sibling.addr = argv[optind + 1];
	functions_find();
	if (!table_select(only, without))
		exit(2);
	if (!seconds && !operations)
		seconds = 60;
	while (!seed && getrandom(&seed, 4, 0) != 4)
		;
}

static void start(void)
{
	pthread_rwlockattr_t attr;
	int ret;

	/* Prefer the writer: it would otherwise wait until all others are idle by chance. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&at_work, &attr);
	host_init();
	config_init();
	devices_init();
	for (unsigned int i = 0; i < nr_threads; i++) {
		threads[i] = calloc(1, sizeof(*threads[i]));
		if (!threads[i])
			fail("no memory");
		threads[i]->number = i;
		thread_memory_init(threads[i]);
	}
	memory_init();
	device_open(&victim);
	if (sibling.addr)
		device_open(&sibling);
	ret = always_bound ? device_settle(true) ?: device_bind(0) : 0;
	if (ret)
		fail("the device cannot be bound: %s", answer_name(ret));
	oracle_start();
	for (unsigned int i = 0; i < nr_threads; i++) {
		if (pthread_create(&threads[i]->pthread, NULL, attack, threads[i]))
			fail("cannot start a thread");
	}
}

int main(int argc, char **argv)
{
	unsigned long long count = 0;

	parse(argc, argv);
	printf("seed %#llx, %u threads\n", (unsigned long long)seed, nr_threads);
	functions_print();
	fflush(stdout);
	start();
	watch();
	for (unsigned int i = 0; i < nr_threads; i++)
		pthread_join(threads[i]->pthread, NULL);
	oracle_stop();
	memory_stop();

	record_summary();
	oracle_summary();
	bind_afterwards();
	oracle_look();
	if (until_missing())
		fail("never seen: %s", until_missing());
	for (unsigned int i = 0; i < nr_threads; i++)
		count += threads[i]->finished;
	printf("%llu operations, no violation\n", count);
	return 0;
}
