// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits, see waiting.h.
 *
 * The kernel may keep a process in a system call that no signal ends: that process can then print
 * nothing, and cannot end. So another process makes such a call, and this one waits for it. See
 * host/slow.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>

#include "interrupt.h"
#include "term.h"
#include "waiting.h"

#define STEP_MS 50
/* Seconds before the first line, and between lines that do not go to a terminal. */
#define FIRST 2
#define EACH 10
/* The least time for a step that has begun: a step that is given up leaves a device half-way. */
#define LEAST_MS 1000
/* The least time to undo what was done, in seconds. */
#define UNDO 60

void wait_clock(struct ctx *ctx)
{
	clock_gettime(CLOCK_MONOTONIC, &ctx->began);
	ctx->undoing = false;
}

void wait_undo(struct ctx *ctx)
{
	wait_clock(ctx);
	ctx->undoing = true;
	interrupt_note();
}

static long since_ms(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - began->tv_sec) * 1000 + (now.tv_nsec - began->tv_nsec) / 1000000;
}

void wait_begin(struct wait *w, struct ctx *ctx, const char *device, unsigned int usual,
		const char *fmt, ...)
{
	va_list ap;

	*w = (struct wait){ .ctx = ctx, .device = device, .limit = usual, .next = FIRST };
	va_start(ap, fmt);
	vsnprintf(w->what, sizeof(w->what), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_MONOTONIC, &w->began);
	if (!ctx->dry_run)
		interrupt_hold();
}

static bool is_time_over(const struct ctx *ctx)
{
	int seconds = ctx->timeout;

	if (ctx->undoing && seconds < UNDO)
		seconds = UNDO;
	return since_ms(&ctx->began) >= seconds * 1000L;
}

/* A signal that came before an undo does not end it. */
static int signal_for(const struct ctx *ctx)
{
	return ctx->undoing ? interrupt_again() : interrupt_pending();
}

static bool is_over(const struct wait *w, long ms)
{
	if (w->ctx->timeout >= 0)
		return ms >= w->least && is_time_over(w->ctx);
	return w->limit != WAIT_FOREVER && ms >= w->limit * 1000L;
}

int wait_may_step(struct wait *w)
{
	w->least = LEAST_MS;
	if (w->ctx->dry_run || w->ctx->undoing)
		return 0;
	/* quick work is finished in spite of a signal */
	if (since_ms(&w->ctx->began) >= FIRST * 1000L && interrupt_pending())
		w->refused = -EINTR;
	/* with --timeout 0, each step begins, and has only the least time */
	else if (w->ctx->timeout > 0 && is_time_over(w->ctx))
		w->refused = -ETIMEDOUT;
	return w->refused;
}

const char *wait_why(const struct wait *w, int err)
{
	if (!w->refused || w->refused != err)
		return strerror(-err);
	return err == -EINTR ? "a signal came before this step" :
			       "the time of --timeout was over before this step";
}

/* Prints what is waited for; on a terminal, one line that is overwritten each second. */
static void say(struct wait *w)
{
	unsigned int width = term_error_width();
	char text[384];

	if (w->ctx->quiet || w->seconds < w->next)
		return;
	snprintf(text, sizeof(text), "tsmctl: %s%swaiting for %s (%u s)", w->device ?: "",
		 w->device ? ": " : "", w->what, w->seconds);
	w->next = w->seconds + (width ? 1 : EACH);
	w->shown = width;
	if (width)
		fprintf(stderr, "\r\033[K%.*s", (int)width - 1, text);
	else
		fprintf(stderr, "%s\n", text);
}

int wait_step(struct wait *w, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	n = poll(&pfd, 1, STEP_MS);
	if (n > 0)
		return 1;
	if (n < 0 && errno != EINTR)
		return -errno;
	return wait_look(w);
}

int wait_look(struct wait *w)
{
	long ms;

	ms = since_ms(&w->began);
	w->seconds = (unsigned int)(ms / 1000);
	if (w->seconds >= FIRST && signal_for(w->ctx))
		return -EINTR;
	if (is_over(w, ms))
		return -ETIMEDOUT;
	say(w);
	return 0;
}

int wait_for(struct wait *w, int fd)
{
	int ret;

	do {
		ret = wait_step(w, fd);
	} while (!ret);
	return ret < 0 ? ret : 0;
}

void wait_end(struct wait *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
	w->shown = false;
}

void wait_given_up(const struct wait *w, int err, char *text, size_t size)
{
	if (err == -EINTR)
		snprintf(text, size, "SIG%s after %u s of waiting for %s",
			 sigabbrev_np(interrupt_pending()), w->seconds, w->what);
	else
		snprintf(text, size, "gave up after %u s of waiting for %s", w->seconds, w->what);
}
