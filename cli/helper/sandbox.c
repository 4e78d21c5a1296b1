// SPDX-License-Identifier: GPL-2.0-or-later
/* Capabilities, seccomp and the like, see sandbox.h. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/sched.h>
#include <linux/vfio_tsm.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/util.h"
#include "helper/sandbox.h"

#define EVERYBODY (SANDBOX_HOLD | SANDBOX_PID | SANDBOX_SERVE | SANDBOX_CLIENT)
#define TALKS (SANDBOX_HOLD | SANDBOX_SERVE | SANDBOX_CLIENT)
/* The service does not, but a client's process begins as a copy of it. */
#define USES_FILES (SANDBOX_PID | SANDBOX_SERVE | SANDBOX_CLIENT)

/* Sanitizers have needs of their own, at the end above all. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#define OTHERWISE SCMP_ACT_LOG
#else
#define OTHERWISE SCMP_ACT_ERRNO(EPERM)
#endif

/* The libraries' own needs, and ours; by name, for some machines lack some. */
static const struct {
	const char *name;
	unsigned int roles;
} calls[] = {
	{ "read", EVERYBODY },
	{ "pread64", EVERYBODY },
	{ "write", EVERYBODY },
	{ "close", EVERYBODY },
	{ "fstat", EVERYBODY },
	{ "newfstatat", EVERYBODY },
	{ "statx", EVERYBODY },
	{ "lseek", EVERYBODY },
	{ "getdents64", EVERYBODY },
	{ "readlink", EVERYBODY },
	{ "readlinkat", EVERYBODY },
	{ "fcntl", EVERYBODY },
	{ "poll", EVERYBODY },
	{ "ppoll", EVERYBODY },
	{ "brk", EVERYBODY },
	{ "mmap", EVERYBODY },
	{ "munmap", EVERYBODY },
	{ "mremap", EVERYBODY },
	{ "madvise", EVERYBODY },
	{ "getrandom", EVERYBODY },
	{ "clock_gettime", EVERYBODY },
	{ "getpid", EVERYBODY },
	{ "gettid", EVERYBODY },
	{ "geteuid", EVERYBODY },
	{ "rt_sigreturn", EVERYBODY },
	{ "rt_sigprocmask", EVERYBODY },
	{ "restart_syscall", EVERYBODY },
	{ "futex", EVERYBODY },
	{ "exit", EVERYBODY },
	{ "exit_group", EVERYBODY },
	/* capabilities and filters: what is dropped does not come back */
	{ "capget", SANDBOX_PID },
	{ "capset", SANDBOX_PID },
	{ "prctl", SANDBOX_PID | SANDBOX_SERVE },
	{ "seccomp", SANDBOX_SERVE },
	{ "pidfd_open", SANDBOX_PID },
	{ "pidfd_getfd", SANDBOX_PID },
	/* clients, and a word to systemd, on sockets that are there */
	{ "accept4", SANDBOX_HOLD | SANDBOX_SERVE },
	{ "getsockopt", TALKS },
	{ "recvmsg", TALKS },
	{ "sendto", TALKS },
	{ "shutdown", TALKS },
	/* the lock file is emptied, the socket removed */
	{ "ftruncate", SANDBOX_HOLD | SANDBOX_SERVE },
	{ "unlinkat", SANDBOX_HOLD | SANDBOX_SERVE },
	/* a process for each client */
	{ "close_range", SANDBOX_SERVE },
	{ "wait4", SANDBOX_SERVE },
	{ "pipe2", SANDBOX_SERVE },
	{ "set_robust_list", SANDBOX_SERVE },
	{ "rseq", SANDBOX_SERVE },
};

static const struct {
	unsigned long request;
	unsigned int roles;
} ioctls[] = {
	{ VFIO_DEVICE_GET_INFO, USES_FILES },
	{ VFIO_DEVICE_TSM_BIND, USES_FILES },
	{ VFIO_DEVICE_TSM_UNBIND, EVERYBODY },
	{ KVM_SET_DEVICE_ATTR, SANDBOX_HOLD },
};

int sandbox_start(unsigned int keep)
{
	static const struct rlimit none;

	util_std_fds();
	for (unsigned int fd = 3; fd < 3 + keep; fd++)
		if (fcntl((int)fd, F_SETFD, FD_CLOEXEC))
			return -errno;
	close_range(3 + keep, ~0U, 0);
	clearenv();
	umask(022);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none) || chdir("/"))
		return -errno;
	return 0;
}

int sandbox_caps(const unsigned int *keep, size_t count)
{
	bool had[8] = {};
	bool bounds;

	if (capng_get_caps_process())
		return -EIO;
	/* only who has this may shrink the bounding set; without it nothing is left to gain */
	bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < count && i < ARRAY_SIZE(had); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, keep[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < count && i < ARRAY_SIZE(had); i++)
		if (had[i] && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep[i]))
			return -EIO;
	return capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/* Files are opened for reading only, and the kinds of namespaces stay as they are. */
static int add_checked(scmp_filter_ctx ctx, enum sandbox_role role)
{
	const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));

	if (!ret && role == SANDBOX_SERVE)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
	for (size_t i = 0; !ret && i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].roles & role)
			ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX,
						       ioctls[i].request));
	return ret;
}

int sandbox_filter(enum sandbox_role role)
{
	scmp_filter_ctx ctx = seccomp_init(OTHERWISE);
	int ret = ctx ? 0 : -ENOMEM;
	int nr;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(calls); i++) {
		nr = seccomp_syscall_resolve_name(calls[i].name);
		if ((calls[i].roles & role) && nr != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	ret = ret ?: add_checked(ctx, role) ?: seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return ret;
}
