// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals that wait for the end of a change, see interrupt.h. */
#include <signal.h>
#include <time.h>

#include "common/util.h"
#include "interrupt.h"

static const int signals[] = { SIGINT, SIGHUP, SIGTERM };
static bool held;
/* A signal in spite of which a roll-back was begun, or 0. */
static int noted;

void interrupt_hold(void)
{
	struct sigaction sa;
	sigset_t set;

	if (held)
		return;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		/* an ignored signal would also be pending if it were blocked */
		if (sigaction(signals[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	held = true;
}

bool interrupt_held(void)
{
	return held;
}

void interrupt_release(void)
{
	sigset_t set;

	if (!held)
		return;
	held = false;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int interrupt_again(void)
{
	sigset_t set;

	if (!held || sigpending(&set))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigismember(&set, signals[i]) == 1)
			return signals[i];
	return 0;
}

int interrupt_pending(void)
{
	return interrupt_again() ?: noted;
}

void interrupt_note(void)
{
	const struct timespec none = { 0 };
	sigset_t set;
	int number;

	/* note all of them: at the end of a session, SIGTERM and SIGHUP come together */
	while ((number = interrupt_again())) {
		sigemptyset(&set);
		sigaddset(&set, number);
		if (sigtimedwait(&set, NULL, &none) != number)
			return;
		noted = noted ?: number;
	}
}

void interrupt_end(void)
{
	int number = interrupt_pending();
	sigset_t set;

	if (!number)
		return;
	raise(number);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
