# SPDX-License-Identifier: GPL-2.0-or-later
# Several TDIs of one device: the DSM behind the mailbox of a PF has an interface for each VF. Their
# messages are in one session, and do not touch the other VF.
# vm: --nvme 0 --dsm --timeout 1800 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,spdm_port=dsm

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

setup_file() {
	load helpers
	load doe
	doe_load "$(find_pf)"
	make_vfs
}
teardown_file() { load helpers; remove_vfs; unload_all; }

setup() {
	dev=$PF
	doe_begin
	connect "$PF"
	for vf in "$VF0" "$VF1"; do
		mkdir "$configfs/$vf"
		assign "$vf"
		set_attr tdi_id 00:06.0 "$vf"
	done
}

teardown() {
	no_fault
	echo 0 >"$debugfs/$VF0/inject/delay_remove_ms"
	kill_holders
	for vf in "$VF0" "$VF1"; do
		release "$vf"
		rmdir "$configfs/$vf"
	done
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	stop_firmware
}

# The faults and functions of the DSM are for all of these.
bars() { for function in "$PF" "$VF0" "$VF1"; do bars_of "$function"; done; }

# interface DEVICE: its requester ID, as in the decoded capture
interface() { printf '%#x' $((0x$(function_id "$1"))); }

# hold_vf DEVICE: binds it until end_vf, or the end of the test
hold_vf() {
	mkfifo "$BATS_TEST_TMPDIR/go-$1"
	vfio-client "$1" open tsm-bind "sh:read -r _ <$BATS_TEST_TMPDIR/go-$1" tsm-unbind 3>&- >"$BATS_TEST_TMPDIR/out-$1" &
	holders[$1]=$!
	eventually CONFIG_LOCKED sim state "$1"
}
end_vf() {
	echo >"$BATS_TEST_TMPDIR/go-$1"
	wait "${holders[$1]}" || true
}

states() { echo "$(sim state "$VF0") $(sysfs tdi_state "$VF0") $(sim state "$VF1") $(sysfs tdi_state "$VF1")"; }

# went REQUEST: the interfaces to which that went, in order
went() { "$tsm_dsm" --decode "$capture" | sed -n "s/^> .* $1 interface //p" | xargs; }

@test "doe: two VFs are locked in one session, and a start and a stop of one do not touch the other" {
	local -A holders
	[ "$(interface "$VF0")" != "$(interface "$VF1")" ]
	hold_vf "$VF0"
	hold_vf "$VF1"
	assert_equal "$(states)" "CONFIG_LOCKED locked CONFIG_LOCKED locked"
	echo RUN >"$debugfs/$VF1/guest_request"
	assert_equal "$(states)" "CONFIG_LOCKED locked RUN run"
	end_vf "$VF0"
	assert_equal "$(states)" "CONFIG_UNLOCKED unlocked RUN run"
	# The device itself says so.
	echo STATE >"$debugfs/$VF1/guest_request"
	assert_equal "$("$tsm_dsm" --decode "$capture" | sed -n '$s/.* interface //p')" "$(interface "$VF1") RUN"
	end_vf "$VF1"
	assert_equal "$(states)" "CONFIG_UNLOCKED unlocked CONFIG_UNLOCKED unlocked"
	assert_equal "$(went LOCK_INTERFACE_REQUEST)" "$(interface "$VF0") $(interface "$VF1")"
	assert_equal "$(went START_INTERFACE_REQUEST)" "$(interface "$VF1")"
	assert_equal "$(went STOP_INTERFACE_REQUEST)" "$(interface "$VF0") $(interface "$VF1")"
	assert_equal "$("$tsm_dsm" --decode "$capture" | grep -c ' KEY_EXCHANGE$')" 1
	assert_equal "$(sim violations "$VF0") $(sim violations "$VF1")" "0 0"
}

@test "doe: the report of a VF has the BARs of that VF" {
	local -A holders
	hold_vf "$VF1"
	run perl -e 'my ($path, $message) = @ARGV;
		open my $file, "+<", $path or die; syswrite $file, pack "H*", $message or die;
		sysread $file, my $answer, 4096; print unpack "Q<", substr $answer, 36' \
		"$debugfs/$VF1/tdisp" "10840000$(printf '%08x' $((0x$(function_id "$VF1"))) | fold -w 2 | tac | tr -d '\n')00000000000000000000ffff"
	assert_success
	assert_equal "$output" $(($(head -n 1 "$pci/devices/$VF1/resource" | cut -d ' ' -f 1) >> 12))
	end_vf "$VF1"
}

@test "doe: a fault at the lock of one VF ends the session, and the other VF has to be stopped too" {
	local -A holders
	hold_vf "$VF0"
	fault mac@LOCK_INTERFACE_REQUEST
	run vfio-client "$VF1" open tsm-bind
	assert_line "tsm-bind EIO"
	says "bind: TDISP: the answer cannot be decrypted" "$VF1"
	no_fault
	assert_equal "$(sysfs state "$VF0")" bound
	end_vf "$VF0"
	assert_equal "$(sysfs state "$VF0") $(sysfs tdi_state "$VF0")" "quarantined unknown"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	connect "$PF"
	assert_equal "$(sysfs state "$VF0")" closed
	for vf in "$VF0" "$VF1"; do
		run vfio-client "$vf" open tsm-bind tsm-unbind
		assert_line "tsm-bind OK"
		assert_line "tsm-unbind OK"
	done
}

@test "doe: a VF is admitted on its own evidence, and not on that of another VF" {
	local -A evidence
	for vf in "$VF0" "$VF1"; do
		set_attr admission required "$vf"
		openssl rand -hex 32 >"$pci/devices/$vf/vfio_tsm_evidence/nonce"
		evidence[$vf]=$(<"$pci/devices/$vf/vfio_tsm_evidence/generation")
	done
	fails_with "Stale file handle" set_attr admitted "${evidence[$VF0]}" "$VF1"
	fails_with "Stale file handle" set_attr admitted "${evidence[$VF1]}" "$VF0"
	set_attr admitted "${evidence[$VF0]}" "$VF0"
	assert_equal "$(sysfs admitted "$VF0") $(sysfs admitted "$VF1")" "${evidence[$VF0]} 0"
	run vfio-client "$VF0" open tsm-bind tsm-unbind
	assert_line "tsm-bind OK"
	run vfio-client "$VF1" open tsm-bind
	assert_line "tsm-bind EACCES"
	assert_equal "$(attr last_error "$VF1")" "-13 admission"
	# The VF is disconnected with its PF.
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	assert_equal "$(sysfs admitted "$VF0")" 0
	connect "$PF"
	run vfio-client "$VF0" open tsm-bind
	assert_line "tsm-bind EACCES"
}

@test "doe: evidence about a VF that comes in the middle of a disconnect is forgotten when the session ends" {
	local files=$pci/devices/$VF0/vfio_tsm_evidence
	echo 60000 >"$debugfs/$VF0/inject/delay_remove_ms"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect" 3>&- &
	disconnect=$!
	eventually remove sim inject/delayed "$VF0"
	# The evidence of the VF is forgotten, but PCI/TSM still has the VF, and the session is there.
	openssl rand -hex 32 >"$files/nonce"
	generation=$(<"$files/generation")
	[ "$(wc -c <"$files/measurements")" -gt 200 ]
	echo 0 >"$debugfs/$VF0/inject/delay_remove_ms"
	wait $disconnect
	assert_equal "$(wc -c <"$files/measurements")" 0
	[ "$(<"$files/generation")" != "$generation" ]
	connect "$PF"
	fails_with "No data available" set_attr admitted "$generation" "$VF0"
}
