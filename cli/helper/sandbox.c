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
#include "helper/compat.h"
#include "helper/sandbox.h"

#define SERVES (SANDBOX_BIND | SANDBOX_UNBIND | SANDBOX_STATE | SANDBOX_REQUEST)
/*
 * A client's process reads the request first. Until then it may do what any request needs.
 * So may the service, because that process begins as a copy of it.
 */
#define NOT_YET_KNOWN (SANDBOX_SERVE | SANDBOX_CLIENT)
#define HEARS (SANDBOX_HOLD | NOT_YET_KNOWN)
/* Roles that have a second thread, or will start one */
#define WATCHES (NOT_YET_KNOWN | SANDBOX_REQUEST)
#define EVERYBODY (SANDBOX_HOLD | SANDBOX_PID | NOT_YET_KNOWN | SERVES)

/* Sanitizers need more system calls, most of them at the end. */
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

/* The system calls of the libraries and of the helper, by name: some machines lack some. */
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
	/* capabilities and filters: a role can only drop more */
	{ "capget", SANDBOX_PID },
	{ "capset", SANDBOX_PID },
	{ "prctl", SANDBOX_PID | NOT_YET_KNOWN },
	{ "seccomp", NOT_YET_KNOWN },
	{ "pidfd_open", SANDBOX_PID },
	{ "pidfd_getfd", SANDBOX_PID },
	/* clients and notifications to systemd, on sockets that are open already */
	{ "accept4", SANDBOX_HOLD | SANDBOX_SERVE },
	{ "getsockopt", HEARS },
	{ "recvmsg", HEARS },
	{ "sendto", HEARS | SERVES },
	{ "shutdown", HEARS | SERVES },
	/* at the end, the lock file is emptied and the socket is removed */
	{ "ftruncate", SANDBOX_HOLD | SANDBOX_SERVE },
	{ "unlinkat", SANDBOX_HOLD | SANDBOX_SERVE },
	/* a holder also binds devices of the same group, whose open files it gets */
	{ "eventfd2", SANDBOX_HOLD },
	{ "pwrite64", SANDBOX_HOLD | NOT_YET_KNOWN | SANDBOX_REQUEST },
	/* a process for each client */
	{ "close_range", SANDBOX_SERVE },
	{ "wait4", SANDBOX_SERVE },
	{ "pipe2", SANDBOX_SERVE },
	{ "set_robust_list", WATCHES },
	{ "rseq", WATCHES },
	/* checks the kind of memory that a client passes */
	{ "fstatfs", NOT_YET_KNOWN | SANDBOX_REQUEST },
	/* writes the response into that memory, as pwrite64 does */
	{ "pwritev2", NOT_YET_KNOWN | SANDBOX_REQUEST },
	/* the stack of a thread */
	{ "mprotect", WATCHES },
};

static const struct {
	unsigned long request;
	unsigned int roles;
} ioctls[] = {
	{ VFIO_DEVICE_GET_INFO, SANDBOX_PID | NOT_YET_KNOWN | SERVES },
	{ VFIO_DEVICE_BIND_IOMMUFD, SANDBOX_HOLD },
	{ VFIO_DEVICE_ATTACH_IOMMUFD_PT, SANDBOX_HOLD },
	{ IOMMU_VDEVICE_ALLOC, SANDBOX_HOLD },
	{ VFIO_DEVICE_GET_REGION_INFO, SANDBOX_HOLD },
	{ VFIO_DEVICE_SET_IRQS, SANDBOX_HOLD },
	{ VFIO_DEVICE_TSM_EVENT, SANDBOX_HOLD },
	{ VFIO_DEVICE_TSM_BIND, SANDBOX_HOLD | SANDBOX_PID | NOT_YET_KNOWN | SANDBOX_BIND },
	{ VFIO_DEVICE_TSM_UNBIND, SANDBOX_HOLD | SANDBOX_PID | NOT_YET_KNOWN | SANDBOX_UNBIND },
	{ VFIO_DEVICE_TSM_REQ, SANDBOX_HOLD | NOT_YET_KNOWN | SANDBOX_REQUEST },
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
	/* shrinking the bounding set needs this; without it, that would gain nothing */
	bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < count && i < ARRAY_SIZE(had); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, keep[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < count && i < ARRAY_SIZE(had); i++)
		if (had[i] && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep[i]))
			return -EIO;
	return capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/*
 * Allows processes and threads. A filter cannot see the flags of clone3(), so clone3() fails
 * with ENOSYS, and libc uses clone().
 */
static int add_clone(scmp_filter_ctx ctx, enum sandbox_role role)
{
	const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	/* the service starts processes for clients; these start a thread */
	const uint64_t must = role == SANDBOX_SERVE ? 0 : CLONE_THREAD;
	int nr = seccomp_syscall_resolve_name("clone3");
	int ret;

	if (!(role & WATCHES))
		return 0;
	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, spaces | must, must));
	if (!ret && nr != __NR_SCMP_ERROR)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
	return ret;
}

/* Allows openat() for reading only, clone() without new namespaces, and the role's ioctls. */
static int add_checked(scmp_filter_ctx ctx, enum sandbox_role role)
{
	const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));

	ret = ret ?: add_clone(ctx, role);
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
