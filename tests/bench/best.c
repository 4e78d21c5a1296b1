// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * best RUNS STATUS COMMAND...: prints the shortest time and the least CPU time in ms, and the
 * peak memory in MiB
 *
 * Each run must exit with STATUS. A shell command in $BEFORE is run before each of them, and is
 * not measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double cpu(const struct rusage *u)
{
	return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

/* Runs the command without its output. Return: its exit status, or -1. */
static int run(char **command, double *took, struct rusage *usage)
{
	const double began = now();
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, usage) != pid) {
		fprintf(stderr, "best: cannot run %s: %s\n", command[0], strerror(errno));
		return -1;
	}
	*took = now() - began;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "best: %s was killed by signal %d\n", command[0], WTERMSIG(status));
	return -1;
}

int main(int argc, char **argv)
{
	const char *before = getenv("BEFORE");
	double best = 0, took = 0, least = 0;
	struct rusage usage;
	long peak = 0;
	int status;

	if (argc < 4)
		return 2;
	for (int i = 0; i < atoi(argv[1]); i++) {
		if (before && system(before)) {
			fprintf(stderr, "best: '%s' failed\n", before);
			return 1;
		}
		status = run(argv + 3, &took, &usage);
		if (status < 0)
			return 1;
		if (status != atoi(argv[2])) {
			fprintf(stderr, "best: %s %s: exit status %d, not %s\n", argv[3],
				argv[4] ? argv[4] : "", status, argv[2]);
			return 1;
		}
		if (i == 0 || took < best)
			best = took;
		if (i == 0 || cpu(&usage) < least)
			least = cpu(&usage);
		peak = usage.ru_maxrss;
	}
	printf("%.1f %.1f %.1f\n", best, least, peak / 1024.0);
	return 0;
}
