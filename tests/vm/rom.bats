# SPDX-License-Identifier: GPL-2.0-or-later
# A function with an expansion ROM and vendor-specific capabilities: QEMU's virtio.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpx,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu virtio-net-pci,bus=rpx,disable-legacy=on,id=net0,mac=52:54:00:00:00:01

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	NET=$(basename "$(dirname "$(grep -l 0x020000 "$pci"/devices/*/class)")")
	load_all "$NET"
	export NET
}
teardown_file() { load helpers; unload_all; }
setup() { dev=$NET; prepare; }
teardown() { cleanup; }

@test "reads of the ROM are refused while bound, and its size is reported without a read" {
	run client open read:6:0:2 region-info:6 tsm-bind read:6:0:2 region-info:6 \
		"sh:cat $debugfs/$dev/state" tsm-unbind read:6:0:2 region-info:6
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(answers read:6:0:2)" "OK EBUSY OK"
	assert_equal "$(blocked rom)" 1
	assert_equal "$(grep '^region-info' <<<"$output" | sort -u | wc -l)" 1
	assert_line --regexp '^region-info:6 OK 0x[1-9a-f]'
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

@test "root cannot read the ROM through sysfs while bound" {
	read_rom="cd $pci/devices/$dev; echo 1 >rom; head -c 2 rom | od -An -tx1"
	run client open "sh:$read_rom" tsm-bind "sh:$read_rom" "sh:cat $debugfs/$dev/state" tsm-unbind \
		"sh:$read_rom"
	assert_equal "$(grep -c '^ 55 aa' <<<"$output")" 2
	assert_output --partial "Input/output error"
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
	assert_regex "$(sed -n 7p "$pci/devices/$dev/resource")" '^0x0*[1-9a-f]'
}

@test "writes to virtio's vendor-specific capabilities are refused" {
	refused config-vendor config-write:9:4:1:0
}
