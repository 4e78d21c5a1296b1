# SPDX-License-Identifier: GPL-2.0-or-later
# Again and again: what leaks or is left behind shows in the kernel log.
# vm: --timeout 3600

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

@test "1,000 times bind and unbind" {
	run client open repeat:1000:tsm-bind,tsm-unbind
	assert_line "repeat:1000:tsm-bind,tsm-unbind OK"
	assert_equal "$(sim binds)" 1000
	assert_equal "$(sim violations)" 0
}

@test "1,000 times open, bind and close" {
	run client repeat:1000:cdev,kvm,bind-iommufd,ioas,enable,tsm-bind,close
	assert_output "repeat:1000:cdev,kvm,bind-iommufd,ioas,enable,tsm-bind,close OK"
	assert_equal "$(sim binds)" 1000
	assert_equal "$(sim violations)" 0
	assert_equal "$(attr state)" closed
}

@test "10 times assign and release, connect and disconnect" {
	for _ in {1..10}; do
		cleanup
		prepare
	done
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "5 times load and unload" {
	for _ in {1..5}; do
		cleanup
		unload_all
		load_all
		prepare
	done
	run client open tsm-bind
	assert_line "tsm-bind OK"
}
