# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Functions for the tests of tsmctl and tsm-bind-helper: they make fake trees of sysfs and
# configfs in BATS_TEST_TMPDIR, and check JSON answers. None of them needs root.

export BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats}
bats_lib() { load "${BATS_LIB_PATH%%:*}/$1/load.bash"; }
bats_lib bats-support
bats_lib bats-assert

: "${TSMCTL_BIN:=$BATS_TEST_DIRNAME/../../build/bin}"
TSMCTL_BIN=$(cd "$TSMCTL_BIN" && pwd)
# The system's own tools come first: pyenv's python3 is a shell script that takes longer
# than most tests.
PATH=$TSMCTL_BIN:/usr/bin:/bin:$PATH

# No other user can write to the files of a test, whatever the caller's umask is, or to the
# directories above them. bats makes these by the umask, and run-bats without it.
umask 022
trust_directories() {
	local dir=$BATS_TEST_TMPDIR dirs=("$BATS_RUN_TMPDIR")

	[[ $BATS_TEST_NAME != rb_test_* ]] || return 0
	while [[ $dir == "$BATS_RUN_TMPDIR"/* ]]; do
		dirs+=("$dir")
		dir=${dir%/*}
	done
	chmod go-w "${dirs[@]}"
}

# fake_host: a host without devices: a PCI bus, a TSM class, configfs with vfio_tsm.
fake_host() {
	trust_directories
	SYS=$BATS_TEST_TMPDIR/sys
	CFG=$SYS/kernel/config/vfio_tsm
	RUN=$BATS_TEST_TMPDIR/run
	export SYSFS_PATH=$SYS TSMCTL_RUN=$RUN
	unset TSMCTL_CONFIGFS
	mkdir -p "$SYS"/bus/pci/{devices,drivers} "$SYS"/class/tsm "$SYS"/module \
		"$SYS/devices/pci0000:00" "$SYS/kernel/iommu_groups" "$CFG"
	: > "$SYS/bus/pci/drivers_probe"
	echo exclusive > "$CFG/default_region_mode"
}

# fake_driver NAME: registers a PCI driver.
fake_driver() {
	[ ! -d "$SYS/bus/pci/drivers/$1" ] || return 0
	mkdir -p "$SYS/bus/pci/drivers/$1"
	: > "$SYS/bus/pci/drivers/$1/unbind"
	: > "$SYS/bus/pci/drivers/$1/bind"
}

# fake_set_driver ADDR [NAME]: gives the device to that driver, as the kernel does, or to none.
fake_set_driver() {
	local dev="$SYS/devices/pci0000:00/$1"

	rm -f "$dev/driver" "$SYS"/bus/pci/drivers/*/"$1"
	[ -n "${2:-}" ] || return 0
	fake_driver "$2"
	ln -s "../../../bus/pci/drivers/$2" "$dev/driver"
	ln -s "../../../../devices/pci0000:00/$1" "$SYS/bus/pci/drivers/$2/$1"
}

# fake_device ADDR [DRIVER [VENDOR DEVICE [GROUP]]]: a function in an IOMMU group.
fake_device() {
	local dev="$SYS/devices/pci0000:00/$1" group=${5:-7}

	mkdir -p "$dev" "$SYS/kernel/iommu_groups/$group/devices"
	ln -s "../../../devices/pci0000:00/$1" "$SYS/bus/pci/devices/$1"
	ln -s ../../../bus/pci "$dev/subsystem"
	ln -s "../../../kernel/iommu_groups/$group" "$dev/iommu_group"
	ln -s "../../../../devices/pci0000:00/$1" "$SYS/kernel/iommu_groups/$group/devices/$1"
	echo "0x${3:-8086}" > "$dev/vendor"
	echo "0x${4:-10c9}" > "$dev/device"
	echo 0x020000 > "$dev/class"
	echo -1 > "$dev/numa_node"
	echo '(null)' > "$dev/driver_override"
	fake_set_driver "$1" "${2:-}"
}

# never_answers ADDR ATTR: a process that opens this attribute waits forever
never_answers() {
	rm -f "$SYS/devices/pci0000:00/$1/$2"
	mkfifo "$SYS/devices/pci0000:00/$1/$2"
}

# fake_tsm N: registers tsmN. fake_tsm_side ADDR [tsmN]: a TEE-capable function 0.
fake_tsm() { mkdir -p "$SYS/class/tsm/tsm$1"; }
fake_tsm_side() {
	local dev="$SYS/devices/pci0000:00/$1/tsm"

	mkdir -p "$dev"
	echo "${2:-}" > "$dev/connect"
	: > "$dev/disconnect"
	echo > "$dev/bound"
	if [ -n "${2:-}" ]; then echo "$1"; else echo; fi > "$dev/dsm"
}

# fake_policy ADDR [STATE]: the device's directory in configfs.
fake_policy() {
	local dir="$CFG/$1/tsm"

	mkdir -p "$dir"
	echo default > "$dir/region_mode"
	echo none > "$dir/region_mode_active"
	echo refuse > "$dir/bar_mmap"
	echo 1 > "$dir/bind_allowed"
	echo none > "$dir/admission"
	echo 0 > "$dir/admitted"
	echo all > "$dir/guest_requests"
	echo none > "$dir/tdi_id"
	echo "${2:-closed}" > "$dir/state"
	if [ "${2:-}" = bound ]; then echo 1; else echo 0; fi > "$dir/bound"
	if [ "${2:-}" = bound ]; then echo vfio; else echo none; fi > "$dir/origin"
	echo 0 > "$dir/quarantine"
	echo none > "$dir/vdevice_id"
	echo none > "$dir/tsm"
	echo none > "$dir/owner"
	echo 0 > "$dir/last_error"
	echo 3 > "$dir/generation"
}

# fake_assigned ADDR [STATE]: a device that is ready for a bind.
fake_assigned() {
	fake_device "$1" vfio-pci-tsm
	fake_tsm_side "$1" tsm0
	fake_policy "$1" "${2:-closed}"
}

# fake_cdev ADDR: the cdev of a device on a VFIO driver, as sysfs shows it.
fake_cdev() {
	mkdir -p "$SYS/devices/pci0000:00/$1/vfio-dev/vfio0"
	echo 511:0 > "$SYS/devices/pci0000:00/$1/vfio-dev/vfio0/dev"
}

# fake_tdi ADDR [STATE]: the driver's files in sysfs about the TDI and its guest's requests.
fake_tdi() {
	local dir=$SYS/devices/pci0000:00/$1/vfio_tsm

	mkdir -p "$dir"
	printf 'info 3 1\nstate-change 2 0\n' > "$dir/requests"
	echo "info 239 0x0" > "$dir/last_request"
	echo "${2:-locked}" > "$dir/tdi_state"
	echo 1 > "$dir/can_bind"
}

# put FILE VALUE: writes an attribute at once, with the notice of a change. After ">" the file
# would be empty for a moment, as an attribute of the kernel never is, and a program may be
# reading it.
put() {
	echo "$2" > "$BATS_TEST_TMPDIR/value.$BASHPID"
	mv "$BATS_TEST_TMPDIR/value.$BASHPID" "$1"
	: >> "$1"
}

# policy ADDR ATTR [VALUE]: reads or writes a fake attribute.
policy() {
	if [ $# -gt 2 ]; then put "$CFG/$1/tsm/$2" "$3"; else echo "$(< "$CFG/$1/tsm/$2")"; fi
}

# snapshot [DIR]: prints everything that a change would change. The run directory is made for
# a lock, and stays.
snapshot() {
	(cd "${1:-$BATS_TEST_TMPDIR}" && find sys run -mindepth 1 -printf '%p %y %l\n' 2> /dev/null | sort &&
		find sys -type f -exec cat {} + 2> /dev/null) || true
}

# run_restricted COMMAND...: run_split for a command that file modes restrict, even if it runs
# as root.
run_restricted() {
	if [ "$(id -u)" -eq 0 ]; then
		run_split setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"
	else
		run_split "$@"
	fi
}

# as_root: skips the test if it does not run as root, which can be several users and give files
# away. tests/check runs the tests that have a line with this, in files marked "as root", as root.
as_root() { [ "$(id -u)" -eq 0 ] || skip "only root can be another user"; }

# run_split COMMAND...: run, with standard error kept apart in $stderr.
run_split() { run --separate-stderr "$@"; }

# read_answer ACTION...: what answer.c prints for the JSON in $output. It is built once in a run.
read_answer() {
	local program=$BATS_RUN_TMPDIR/answer

	[ -e "$program" ] || {
		cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$program.$BASHPID" \
			"$BATS_TEST_DIRNAME/answer.c" -ljson-c
		mv "$program.$BASHPID" "$program"
	}
	"$program" "$@" <<< "$output"
}

# results KEYS [KEY=VALUE]..., errors KEYS [KEY=VALUE]...: a line for each result, or error,
# that has these VALUEs, with the values of KEYS.
results() { read_answer rows result "$@"; }
errors() { read_answer rows errors "$@"; }

# assert_changed true|false: whether the answer reports a change.
assert_changed() {
	[[ $output == $'{\n  "schema_version": 1,\n  "changed": '"$1"$',\n  "result": ['* ]] ||
		fail "changed is not $1 in: $output"
}

# assert_envelope: the answer is a whole one, with all members of its errors.
assert_envelope() { read_answer envelope || fail "not an answer: $output"; }

# assert_golden NAME: the answer is the one in golden/NAME.json; a NAME with a dot is a file
# of text. TSMCTL_GOLDEN=write in the environment writes the file instead.
assert_golden() {
	local name=$1 action=golden text

	case $name in *.*) action=text ;; *) name+=.json ;; esac
	text=$(read_answer "$action" "$BATS_TEST_TMPDIR=TMP" "$TSMCTL_BIN=BIN") || fail "no answer: $output"
	if [ "${TSMCTL_GOLDEN:-}" = write ]; then
		printf '%s\n' "$text" > "$BATS_TEST_DIRNAME/golden/$name"
	else
		diff -u --label "golden/$name" --label "the answer" "$BATS_TEST_DIRNAME/golden/$name" - <<< "$text" ||
			fail "the answer is not golden/$name"
	fi
}

# assert_golden_in FILE NAME: assert_golden, for the contents of FILE.
assert_golden_in() {
	local output

	output=$(< "$1")
	assert_golden "$2"
}

# assert_one_line PART...: standard error is one line that contains each PART.
assert_one_line() {
	local part

	[[ $stderr != *$'\n'* ]] || fail "more than one line: $stderr"
	for part; do
		[[ $stderr == *"$part"* ]] || fail "no '$part' in: $stderr"
	done
}

# until_true COMMAND...: runs COMMAND until it succeeds, for ten seconds at most.
until_true() {
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}

# build_preload NAME: builds fake-NAME.c, once in a run for all files. For setup_file.
build_preload() {
	local lib=$BATS_RUN_TMPDIR/$1.so

	[ -e "$lib" ] || {
		cc -D_GNU_SOURCE -shared -fPIC -o "$lib.$$" "$BATS_TEST_DIRNAME/fake-$1.c" -ldl
		mv "$lib.$$" "$lib"
	}
}
# build_kernel: build_preload for fake-kernel.c. kernel COMMAND...: runs it with that preloaded,
# and after it $PRELOAD_TOO.
build_kernel() { build_preload kernel; }
kernel() {
	LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so${PRELOAD_TOO:+:$PRELOAD_TOO} \
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 "$@"
}

# fake_configured_host: a host with the driver, a TSM and /etc/tsmctl; changes of the system
# are logged. fake_capable ADDR [TSM]: a TEE-capable function on its default driver.
fake_configured_host() {
	fake_host
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc FAKE_LOG=$BATS_TEST_TMPDIR/log
	mkdir -m 755 "$TSMCTL_ETC"
	: > "$FAKE_LOG"
	fake_driver vfio-pci-tsm
	fake_tsm 0
}
fake_capable() {
	fake_device "$1" nvme
	default_driver "$1" nvme
	fake_tsm_side "$@"
}

# fake_capable_host: a configured host with one TEE-capable function, 0000:01:00.0; $DEV is
# its directory in sysfs.
fake_capable_host() {
	fake_configured_host
	fake_capable 0000:01:00.0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

# prepare_service: sets $SOCK and $CONF for a service. serve [COMMAND ARG...]: starts the
# service through COMMAND, and waits until it listens. end_service: for teardown.
prepare_service() {
	# the path of a UNIX socket is short
	SHORT=$(mktemp -d)
	chmod 755 "$SHORT"
	SOCK=$SHORT/run/helper.sock
	CONF=$SHORT/helper.json
	export SOCK PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1
}
serve() {
	[ -e "$CONF" ] || echo '{"allow":[]}' > "$CONF"
	# the output of an earlier service must not be taken for that of this one
	: > "$SHORT/log"
	"$@" tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF" \
		> "$SHORT/log" 2> "$SHORT/stderr" 3>&- &
	service=$!
	disown
	until_true grep -q listening "$SHORT/log"
}
end_service() {
	[ -z "${service:-}" ] || kill -KILL "$service" 2> /dev/null || true
	rm -rf "$SHORT"
}

# default_driver ADDR NAME: the driver that takes the device while it has no driver_override.
default_driver() {
	fake_driver "$2"
	echo "$2" > "$SYS/devices/pci0000:00/$1/default_driver"
}

# config ENTRIES [MORE]: writes config.json.
config() {
	printf '{ "version": 1, %s "devices": [ %s ] }\n' "${2:-}" "$1" > "$TSMCTL_ETC/config.json"
	chmod 644 "$TSMCTL_ETC/config.json"
}

# pty COMMAND...: runs it on a terminal; $output is what it prints there.
pty() {
	run python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
}

# holder TRAP [END]: a process, $HOLDER, that has the lock of the device, as the helper has, and
# is its owner. On SIGTERM it runs TRAP, and then END, which is "exit 0" by default.
holder() {
	mkdir -p "$RUN"
	cat > "$BATS_TEST_TMPDIR/holder" <<- EOF
		umask 077
		exec 9> "$RUN/0000:01:00.0.lock"
		flock 9
		echo \$\$ >&9
		trap '$1; ${2-exit 0}' TERM
		echo \$\$ > "$BATS_TEST_TMPDIR/holder.pid"
		while :; do sleep 0.1; done
	EOF
	bash "$BATS_TEST_TMPDIR/holder" > /dev/null 2>&1 3>&- &
	disown
	until_true test -s "$BATS_TEST_TMPDIR/holder.pid"
	HOLDER=$(< "$BATS_TEST_TMPDIR/holder.pid")
	policy 0000:01:00.0 owner "$HOLDER"
}
