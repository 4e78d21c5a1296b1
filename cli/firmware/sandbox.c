// SPDX-License-Identifier: GPL-2.0-or-later
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/util.h"
#include "firmware/sandbox.h"

static const char *const calls[] = {
	"read",	      "write",	      "close",		"fstat",
	"newfstatat", "statx",	      "lseek",		"brk",
	"mmap",	      "munmap",	      "mremap",		"madvise",
	"getrandom",  "futex",	      "getpid",		"gettid",
	"exit",	      "exit_group",   "clock_gettime",	"getrusage",
	"sigreturn",  "rt_sigreturn", "rt_sigprocmask", "restart_syscall",
};

static int filter(void)
{
	const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
	for (size_t i = 0; !ret && i < ARRAY_SIZE(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i]);

		if (nr != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	ret = ret ?: seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

int sandbox_enter(void)
{
	static const struct rlimit none;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return -errno;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return filter();
}
