# SPDX-License-Identifier: GPL-2.0-or-later
# tsm-bind-helper makes a vDEVICE if IOMMU and kernel support it, else uses the configured id.
# vm: --iommu amd --nvme 2
# kernels: normal patched debug oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

# start OPTION...: starts a helper in the background, and waits for its first line
start() {
	said=$BATS_TEST_TMPDIR/said
	tsm-bind-helper --device "$dev" "$@" >"$said" 3>&- &
	helper=$!
	eventually 1 grep -c event "$said"
}

# said KEY: a member of its first line
said() {
	python3 -c 'import json, sys
print(json.loads(open(sys.argv[1]).readline())[sys.argv[2]])' "$said" "$1"
}

bound_as() { # TDI-ID
	assert_equal "$(said event)" bound
	assert_equal "$(said tdi_id)" "$1"
	assert_equal "$(attr tdi_id)" "$1"
}

stop() {
	local rc=0
	kill -TERM "$helper" 2>/dev/null || true
	wait "$helper" || rc=$?
	assert_equal "$rc" "${1:-0}"
	assert_equal "$(attr state)" closed
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
}

@test "auto with the guest's id: uses a vDEVICE if the kernel can find it, else reports why not" {
	start --guest-id 00:05.0
	bound_as 0000:00:05.0
	if can_find_vdevices; then
		assert_equal "$(said vdevice_id)" "$(attr vdevice_id)"
		assert_equal "$(said fallback)" None
		refute [ "$(attr vdevice_id)" = none ]
	else
		assert_equal "$(said vdevice_id)" None
		assert_equal "$(attr vdevice_id)" none
		assert_regex "$(said fallback)" "iommufd finds no vDEVICEs"
	fi
	stop
}

@test "auto without other options: uses the configured id" {
	start
	bound_as 0000:00:05.0
	stop
}

@test "always: binds by the vDEVICE, or fails" {
	set_attr tdi_id none
	start --vdevice always --guest-id 0x1230
	if can_find_vdevices; then
		bound_as 0000:12:06.0
		assert_equal "$(sim tdi_id)" 0x1230
		stop
	else
		assert_equal "$(said errno)" EOPNOTSUPP
		stop 5
	fi
}

@test "always, without any id: fails with ENODATA" {
	set_attr tdi_id none
	start --vdevice always
	assert_equal "$(said errno)" ENODATA
	stop 1
}

@test "never: uses the configured id, and fails if another one is asked for" {
	start --vdevice never
	bound_as 0000:00:05.0
	assert_equal "$(attr vdevice_id)" none
	assert_equal "$(said fallback)" None
	stop
	start --vdevice never --guest-id 00:05.0
	bound_as 0000:00:05.0
	stop
	start --vdevice never --guest-id 00:06.0
	assert_equal "$(said event)" error
	assert_equal "$(said step)" "check guest id"
	stop 1
}

@test "auto: falls back to the configured id only if it is the one that is asked for" {
	set_attr tdi_id 00:07.0
	start --guest-id 00:05.0
	if can_find_vdevices; then
		bound_as 0000:00:05.0
		stop
	else
		assert_equal "$(said step)" "check guest id"
		stop 1
	fi
}

@test "EOPNOTSUPP from the TSM is not taken for a kernel that cannot find vDEVICEs" {
	echo 95 >"$debugfs/$dev/inject/error_bind"
	start --vdevice auto
	assert_equal "$(said errno)" EOPNOTSUPP
	echo 0 >"$debugfs/$dev/inject/error_bind"
	stop 5
}
