# SPDX-License-Identifier: GPL-2.0-or-later
# Many repetitions: a leak or something left behind shows in the kernel log.
# vm: --nvme 2 --timeout 4500 --silence 4500
# long: thousands of cycles
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	second=0000:02:00.0
	prepare
}
teardown() { cleanup "$second"; }

@test "1,000 binds and unbinds of one open device all succeed" {
	run client open repeat:1000:tsm-bind,tsm-unbind
	assert_line "repeat:1000:tsm-bind,tsm-unbind OK"
	assert_equal "$(sim binds)" 1000
	assert_equal "$(sim violations)" 0
}

# A reset mostly waits, so two devices side by side need less time for the same number.
@test "CYCLES times open, bind and close succeed, on two devices side by side" {
	local each=$((${CYCLES:-100} / 2)) d
	local cycle=repeat:$each:cdev,kvm,bind-iommufd,ioas,enable,tsm-bind,close
	prepare "$second"
	vfio-client "$second" "$cycle" >"$BATS_TEST_TMPDIR/second" &
	run client "$cycle"
	wait
	assert_output "$cycle OK"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/second")" "$cycle OK"
	for d in "$dev" "$second"; do
		assert_equal "$(sim binds "$d")" "$each"
		assert_equal "$(sim violations "$d")" 0
		assert_equal "$(attr state "$d")" closed
	done
}

@test "a bind succeeds after 10 times assign and release, connect and disconnect" {
	for _ in {1..10}; do
		cleanup
		prepare
	done
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "a bind succeeds after 5 times load and unload" {
	for _ in {1..5}; do
		cleanup
		unload_all
		load_all
		prepare
	done
	run client open tsm-bind
	assert_line "tsm-bind OK"
}
