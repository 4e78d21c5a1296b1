#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl load and unload, as far as they go without loading a module.
bats_require_minimum_version 1.5.0
load helpers

setup() { fake_host; }

@test "load, unload: never touch the running kernel if SYSFS_PATH or TSMCTL_CONFIGFS is set" {
	before=$(snapshot)
	for verb in load unload "unload --forget" "load --sim 0000:01:00.0"; do
		# shellcheck disable=SC2086
		run_split tsmctl $verb
		[ "$status" -eq 5 ] || fail "$verb gave exit $status"
		assert_one_line "was moved" SYSFS_PATH
		# shellcheck disable=SC2086
		run_split env -u SYSFS_PATH TSMCTL_CONFIGFS="$CFG/.." tsmctl $verb --json
		[ "$status" -eq 5 ] || fail "$verb gave exit $status"
		assert_envelope
		assert_equal "$stderr" ""
	done
	assert_equal "$(snapshot)" "$before"
}

@test "load, unload: refuse devices as arguments; --sim takes a list of addresses" {
	for args in "load x" "unload 01:00.0" "load --sim=" "load --sim 01:00.0;x" "load --sim a=b" \
		"load --sim" "unload --sim x" "load --sim all" "load --sim 8086:10c9" \
		"load --sim 01:00.0,,02:00.0" "load --sim 01:00.0,all"; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		[ "$status" -eq 2 ] || fail "$args gave exit $status"
		assert_one_line "--help"
	done
	run_split tsmctl load --sim "01:00.0 dyndbg=x"
	assert_equal "$status" 2
	run_split tsmctl load --sim "$(head -c 400 /dev/zero | tr '\0' 0)"
	assert_equal "$status" 2
}

@test "load: --sim names the item of the list that is wrong" {
	run_split tsmctl load --sim 01:00.0,8086:10c9,02:00.0 --json
	assert_equal "$status" 2
	assert_equal "$(errors value)" 8086:10c9
	run_split tsmctl load --sim 01:00.0,8086:10c9,02:00.0
	assert_one_line "'8086:10c9' in --sim" glob
}

# a_module NAME: makes a module that every kernel refuses; prints its directory, for --modules
a_module() {
	local dir=$BATS_TEST_TMPDIR/lib/modules/1.2.3

	mkdir -p "$dir"
	printf '.section .modinfo,"a"\n.asciz "name=%s"\n' "$1" | cc -c -x assembler -o "$dir/$1.ko" -
	/sbin/depmod -b "$BATS_TEST_TMPDIR" 1.2.3 2> /dev/null
	echo "$dir"
}

# sim_parameter LIST: the parameter that load --sim would give to the module.
sim_parameter() {
	run_split tsmctl load --dry-run --modules "$modules" --sim "$1"
	[ "$status" -eq 0 ] || fail "$1 gave exit $status: $stderr"
	sed -n 's/.*module tsm_sim devices=//p' <<< "$stderr"
}

@test "load: --sim passes full addresses in lower case to the module, and notes what no function matches" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	command -v /sbin/depmod > /dev/null || skip "no depmod"
	for module in vfio_tsm iommufd vfio_pci_tsm tsm_sim; do modules=$(a_module $module); done
	while read -r given parameter; do
		assert_equal "$(sim_parameter "$given")" "$parameter"
	done <<- 'END'
		01:00.0 0000:01:00.0
		0000:AB:1f.7 0000:ab:1f.7
		0000:01:00.0,02:* 0000:01:00.0,0000:02:*
		0000:E0:* 0000:e0:*
		C1:0[0-3].? 0000:c1:0[0-3].?
		*:00.0 *:00.0
		??:00.0 0000:??:00.0
		0*:00.0 0000:0*:00.0,0*:00.0
		10000:e1:00.0 10000:e1:00.0
	END
	run_split tsmctl load --dry-run --modules "$modules" --sim fffe:fe:1f.6,fffd:*:*.* --json
	assert_success
	assert_equal "$(results note attribute=tsm_sim)" "no function on this host matches fffe:fe:1f.6,fffd:*:*.*"
	here=$(ls /sys/bus/pci/devices | head -n 1)
	[ -n "$here" ] || skip "no PCI function here"
	run_split tsmctl load --dry-run --modules "$modules" --sim "${here^^}" --json
	assert_equal "$(results note attribute=tsm_sim)" null
}

@test "load: a missing module is exit 5 and one line" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	mkdir "$BATS_TEST_TMPDIR/modules"
	run_split tsmctl load --modules "$BATS_TEST_TMPDIR/modules"
	assert_equal "$status" 5
	assert_one_line "no module vfio_tsm in $BATS_TEST_TMPDIR/modules" depmod
	if [ -z "$(find "/lib/modules/$(uname -r)" -name "vfio_tsm.ko*" 2> /dev/null)" ]; then
		run_split tsmctl load
		assert_equal "$status" 5
		assert_one_line "no module vfio_tsm for this kernel"
	fi
	run_split tsmctl load --modules "$BATS_TEST_TMPDIR/modules" --json
	assert_equal "$status" 5
	assert_envelope
	assert_equal "$(errors value)" vfio_tsm
}

@test "load: if the kernel is the reason for a missing module, the error names what the kernel lacks" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	[ -z "$(find "/lib/modules/$(uname -r)" -name "vfio_tsm.ko*" 2> /dev/null)" ] || skip "vfio_tsm is installed here"
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$TSMCTL_ROOT"/{proc/sys/kernel,boot}
	while IFS='|' read -r release without found hint; do
		echo "$release" > "$TSMCTL_ROOT/proc/sys/kernel/osrelease"
		for option in PCI_TSM IOMMUFD VFIO_PCI VFIO_DEVICE_CDEV KVM CONFIGFS_FS; do
			[ "$option" = "$without" ] || echo "CONFIG_$option=m"
		done > "$TSMCTL_ROOT/boot/config-$release"
		run_split tsmctl load
		assert_equal "$status" 5
		assert_one_line "no module vfio_tsm for this kernel" "$found" "$hint"
		run_split tsmctl load --json
		assert_envelope
		assert_equal "$(errors value)" vfio_tsm
	done <<- 'END'
		6.12.63||Linux 6.12.63 is older than 7.0|use Linux 7.0, 7.2 or 7.3
		7.4.0||is for Linux 7.0, 7.2 or 7.3, and not for 7.4.0|use Linux 7.0, 7.2 or 7.3
		7.3.4|PCI_TSM|boot/config-7.3.4 lacks CONFIG_PCI_TSM|use Linux 7.0, 7.2 or 7.3 with CONFIG_PCI_TSM
		7.3.4|IOMMUFD|boot/config-7.3.4 lacks CONFIG_IOMMUFD|use Linux 7.0, 7.2 or 7.3 with CONFIG_IOMMUFD
		7.3.4|VFIO_DEVICE_CDEV|boot/config-7.3.4 lacks CONFIG_VFIO_DEVICE_CDEV|with CONFIG_VFIO_DEVICE_CDEV
		7.3.4|||by DKMS or 'make modules_install'
	END
}

@test "unload: changes nothing if no module is loaded" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	run_split tsmctl unload --json
	assert_success
	assert_golden unload-nothing
}

# load_refused ERRNO [OPTION...]: runs load on a kernel that refuses the module with ERRNO.
# The system call does not reach the kernel of this machine.
load_refused() {
	run_split env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=init_module,finit_module \
		-e inject=init_module,finit_module:error="$1" \
		"${preload[@]}" tsmctl load --modules "$modules" "${@:2}"
	grep -q "init_module.*$1.*INJECTED" "$BATS_TEST_TMPDIR/trace" || skip "strace cannot inject here"
}

@test "load: an unsigned module is an error that names Secure Boot and the command that helps" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	command -v strace > /dev/null || skip "no strace"
	modules=$(a_module vfio_tsm) preload=(env)
	for error in EKEYREJECTED ENOKEY; do
		load_refused $error
		assert_equal "$status" 5
		assert_one_line vfio_tsm "Secure Boot" "mokutil --import"
		load_refused $error --json
		assert_equal "$status" 5
		assert_envelope
		assert_equal "$(errors "attribute value errno")" "module vfio_tsm $error"
	done
	load_refused ENOEXEC
	assert_equal "$status" 5
	[[ ! $stderr == *"Secure Boot"* ]] || fail "$stderr"
}

@test "load: EPERM under lockdown is an error about the signature, otherwise about permissions" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	command -v strace > /dev/null || skip "no strace"
	cc -shared -fPIC -o "$BATS_TEST_TMPDIR/lockdown.so" -x c - -ldl <<- 'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <fcntl.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>

		uid_t geteuid(void) { return 0; }
		long syscall(long n, ...)
		{
			long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall"), arg[6];
			__builtin_va_list list;

			__builtin_va_start(list, n);
			for (int i = 0; i < 6; i++)
				arg[i] = __builtin_va_arg(list, long);
			__builtin_va_end(list);
			if (n == SYS_openat2 && strcmp((char *)arg[1], "kernel/security/lockdown") == 0)
				return open(getenv("LOCKDOWN"), O_RDONLY);
			return real(n, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
		}
	END
	modules=$(a_module vfio_tsm)
	preload=(env LD_PRELOAD="$BATS_TEST_TMPDIR/lockdown.so" LOCKDOWN="$BATS_TEST_TMPDIR/lockdown"
		ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0:verify_asan_link_order=0")
	echo "none [integrity] confidentiality" > "$BATS_TEST_TMPDIR/lockdown"
	load_refused EPERM
	assert_equal "$status" 5
	assert_one_line vfio_tsm "locked down" "Secure Boot" "mokutil --import"
	for modes in "[none] integrity confidentiality" ""; do
		echo "$modes" > "$BATS_TEST_TMPDIR/lockdown"
		load_refused EPERM
		assert_equal "$status" 4
		[[ ! $stderr == *"Secure Boot"* ]] || fail "$stderr"
	done
}
