# SPDX-License-Identifier: GPL-2.0-or-later
# Requests of the guest: every result of VFIO_DEVICE_TSM_REQ and VFIO_DEVICE_TSM_INFO. The
# table is in <linux/vfio_tsm.h>.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

INFO=0 CHANGE=1
BIND_CAPS=0xe # requests, bind, exclusive

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	prepare
	caps=$BIND_CAPS
	! can_find_vdevices || caps=0xf
	if [ -e "$debugfs/$dev/tdisp" ]; then
		# GET_DEVICE_INTERFACE_STATE of requester ID 01:00.0, and the reply: CONFIG_LOCKED
		ask=10850000000100000000000000000000
		locked=1005000000010000000000000000000001
	else
		ask=$(hex STATE) locked=$(hex CONFIG_LOCKED)
	fi
}
teardown() {
	sim_inject delay_guest_req_ms 0
	sim_inject error_guest_req 0
	cleanup
}

hex() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }
sim_inject() { [ ! -e "$debugfs/$dev" ] || echo "$2" >"$debugfs/$dev/inject/$1"; }

# Steps: wait until the TSM works on a request, print what it works on, let it continue
at_work="sh:until grep -q guest_req $debugfs/$dev/inject/delayed; do :; done"
delayed="sh:cat $debugfs/$dev/inject/delayed"
go_on="put:$debugfs/$dev/inject/delay_guest_req_ms=0"
# go_on_in FUNCTION: lets it continue as soon as the client's main thread waits in FUNCTION
go_on_in() { when_in "$1" "echo 0 >$debugfs/$dev/inject/delay_guest_req_ms"; }
disconnect="echo tsm0 >$pci/devices/$dev/tsm/disconnect"
reconnect="echo tsm0 >$pci/devices/$dev/tsm/connect"

# count SCOPE: requests and failures
count() { awk -v scope="$1" '$1 == scope { print $2, $3 }' "$pci/devices/$dev/vfio_tsm/requests"; }

@test "a request goes to the TSM and returns response, residue and code" {
	run client open tsm-bind "req:$INFO:$ask"
	assert_line "response $locked"
	assert_line "req:$INFO:$ask OK $((256 - ${#locked} / 2)) 0"
	assert_equal "$(count info)" "1 0"
	assert_equal "$(count state-change)" "0 0"
	assert_equal "$(sysfs last_request)" "info $((256 - ${#locked} / 2)) 0x0"
	assert_equal "$(sim violations)" 0
}

@test "an error of the TSM is returned and counted" {
	sim_inject error_guest_req 11
	run client open tsm-bind "req:$CHANGE:$ask"
	assert_line "req:$CHANGE:$ask EAGAIN"
	assert_equal "$(count state-change)" "1 1"
	assert_equal "$(sysfs last_request)" "state-change -11 0x0"
}

@test "ENXIO: the device is not bound, before a bind or after an unbind" {
	run client open "req:$INFO:$ask" tsm-bind tsm-unbind "req:$INFO:$ask" \
		tsm-bind "sh:echo 0 >$configfs/$dev/tsm/bound" "req:$INFO:$ask" \
		tsm-bind "sh:$disconnect" "req:$INFO:$ask" tsm-unbind "sh:$reconnect" "req:$INFO:$ask" \
		req-arg:0:0:0:0:8:8
	assert_equal "$(answers "req:$INFO:$ask")" "ENXIO ENXIO ENXIO ENXIO ENXIO"
	assert_line "req-arg:0:0:0:0:8:8 ENXIO"
	assert_equal "$(count info)" "0 0"
	assert_equal "$(sysfs last_request)" none
}

# refused ERRNO STEP...: each STEP fails with ERRNO, and the TSM does not see it
refused() {
	local errno=$1 arg
	shift
	run client open tsm-bind "$@"
	for arg in "$@"; do assert_line --regexp "^$arg $errno( |$)"; done
	assert_equal "$(count info) $(count state-change)" "0 0 0 0"
}

@test "EFAULT: an argument at a bad address" {
	refused EFAULT req-at:0 req-at:0xffffffffffffff00 req-at:0x7ffffffff000 \
		info-at:0 info-at:0xffffffffffffff00
}

@test "EFAULT: an argument that ends in the middle, or into which INFO cannot write" {
	# up to the middle of argsz, its end, the middle of a pointer, and all but the last byte
	refused EFAULT req-cut:2 req-cut:4 req-cut:28 req-cut:40 req-cut:47 \
		info-cut:2 info-cut:4 info-cut:47 info-const
}

@test "EINVAL: argsz too small, flags, scopes, architectures, pointers" {
	refused EINVAL req-arg:1 req-arg:47 req-arg:0:1 req-arg:0:0x80000000 req-arg:0:0:2 \
		req-arg:0:0:3 req-arg:0:0:4 req-arg:0:0:0xffffffff req-arg:0:0:0:1 \
		req-arg:0:0:0:0x80000000 req-arg:0:0:0:0:8:8:1 req-arg:0:0:0:0:8:8:2 \
		req-arg:0:0:0:0:8:8:3 req-arg:0:0:0:0:1:0:1 req-arg:0:0:0:0:0:1:2 info-arg:1 info-arg:47 \
		info-arg:0:1 info-arg:0:0x80000000
}

@test "E2BIG: bytes that are unknown to this kernel, and buffers beyond the limit" {
	refused E2BIG req-long:49:1 req-long:4096:255 req-long:100000:0 info-long:49:1 \
		info-long:100000:0 req-arg:0:0:0:0:0x100001:8 req-arg:0:0:0:0:8:0x100001 \
		req-arg:0:0:0:0:0xffffffff:8 req-arg:0:0:0:0:8:0xffffffff
}

@test "a longer argument with zeros is accepted, and no length of a buffer does harm" {
	run client open tsm-bind info-long:64:0 req-arg:0:0:0:0:0x100000:0x100000 req-arg:0:0:1:0:0:0 \
		req-arg:0:0:0:0:1:1 req-arg:0:0:0:0:0:0:3 req-arg:0:0:0:0:0:8:1 req-arg:0:0:0:0:8:0:2 \
		"req:$INFO:$ask"
	assert_line "info-long:64:0 OK"
	refute_line --regexp '^req-arg.* (EFAULT|E2BIG|ENXIO|ENOMEM)'
	assert_line "response $locked"
	assert_equal "$(sim violations)" 0
}

@test "ENOTTY: a file of the group, and a device of another driver" {
	run client group "req-arg:0:0:0:0:8:8" info
	assert_line --regexp "^req-arg.* ENOTTY"
	assert_line --regexp "^info ENOTTY"
	modprobe vfio-pci
	assign "$dev" vfio-pci
	run client open req-arg:0:0:0:0:8:8 info-arg event
	assert_line --regexp "^req-arg.* ENOTTY"
	assert_line "info-arg ENOTTY"
	assert_line "event ENOTTY"
}

@test "EINVAL: a file that is not yet open as a device; EBADF: a closed file" {
	run client cdev req-arg:0:0:0:0:8:8 info-arg event
	assert_equal "$(answers req-arg:0:0:0:0:8:8) $(answers info-arg) $(answers event)" \
		"EINVAL EINVAL EINVAL"
	run client cdev close req-arg:0:0:0:0:8:8 info-arg event
	assert_equal "$(answers req-arg:0:0:0:0:8:8) $(answers info-arg) $(answers event)" \
		"EBADF EBADF EBADF"
}

@test "EFAULT, without a call of the TSM: memory that ends in the middle, is read-only, or is the kernel's" {
	sim_inject error_guest_req 11 # a call of the TSM would fail with EAGAIN
	for kind in half-request half-response const-response kernel-request kernel-response; do
		run client open tsm-bind "req-memory:$kind:$CHANGE:$ask"
		assert_line --regexp "^req-memory:.* EFAULT$"
	done
	assert_equal "$(count state-change)" "5 5"
	assert_equal "$(sysfs last_request)" "state-change -14 0x0"
	run client open tsm-bind "req-memory:const-argument:$CHANGE:$ask"
	assert_line --regexp "^req-memory:.* EFAULT$"
	assert_equal "$(count state-change)" "5 5"
}

@test "buffers may overlap, also with the argument" {
	run client open tsm-bind "req-memory:same:$INFO:$ask" "req-memory:shifted:$INFO:$ask" \
		"req-memory:argument:$INFO:$ask"
	refute_output --regexp ' E[A-Z]+$'
	assert_equal "$(grep -cx "response $locked" <<<"$output")" 3
	assert_equal "$(count info)" "3 0"
}

@test "EFAULT: a response into a mapping of the device itself, which is not written" {
	set_attr bar_mmap revoke
	run client open mmap:0 tsm-bind "req-memory:bar:$INFO:$ask" "req:$INFO:$ask"
	assert_line --regexp "^req-memory:bar.* EFAULT$"
	assert_line "response $locked"
	assert_equal "$(sim violations)" 0
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "EACCES: guest_requests is none or info" {
	assert_equal "$(attr guest_requests)" all
	run client open tsm-bind "put:$configfs/$dev/tsm/guest_requests=info" "req:$INFO:$ask" \
		"req:$CHANGE:$ask" "put:$configfs/$dev/tsm/guest_requests=none" "req:$INFO:$ask" \
		"req:$CHANGE:$ask" "req-memory:half-request:$CHANGE:$ask" \
		"put:$configfs/$dev/tsm/guest_requests=all" "req:$INFO:$ask"
	assert_equal "$(answers "req:$INFO:$ask")" "OK EACCES OK"
	assert_equal "$(answers "req:$CHANGE:$ask")" "EACCES EACCES"
	assert_line --regexp "^req-memory:.* EACCES$"
	assert_equal "$(count info)" "3 1"
	assert_equal "$(count state-change)" "3 3"
}

@test "each request is a tracepoint, and no request is a uevent" {
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	echo >/sys/kernel/tracing/trace
	echo 1 >/sys/kernel/tracing/events/vfio_tsm/vfio_tsm_request/enable
	run client open tsm-bind uevents "req:$INFO:$ask" "req-arg:0:0:1:0:3:4:1" "req-arg:0:0:0:0:7:0" uevents-show
	echo 0 >/sys/kernel/tracing/events/vfio_tsm/vfio_tsm_request/enable
	refute_line --regexp '^uevent '
	run cat /sys/kernel/tracing/trace
	assert_line --regexp "vfio_tsm_request: device=$dev scope=info req_len=$((${#ask} / 2)) resp_len=256 result=$((256 - ${#locked} / 2)) tsm_code=0x0"
	assert_line --partial "scope=info req_len=7 resp_len=0 result="
	refute_line --partial scope=state-change
}

@test "INFO reports the state, the reason of the last unbind, and the capabilities" {
	run client open info tsm-bind info tsm-unbind info tsm-bind "sh:echo 0 >$configfs/$dev/tsm/bound" info \
		tsm-bind "sh:$disconnect" info tsm-unbind info info-generation "sh:cat $configfs/$dev/tsm/generation"
	without_tdi=$(awk '$1 == "info" { $4 = "-"; print }' <<<"$output")
	exclusive=$((caps & ~6))
	assert_equal "$without_tdi" "info OK 0 - 0 0 0 $caps
info OK 1 - 0x28 0 0 $caps
info OK 0 - 0 0 1 $caps
info OK 0 - 0 0 3 $caps
info OK 2 - 0 0 5 $(printf '%#x' $exclusive)
info OK 0 - 0 0 5 $(printf '%#x' $exclusive)"
	generation=$(awk '$1 == "info-generation" { print $3 }' <<<"$output")
	assert_line "$generation"
}

@test "INFO reports shared regions, and a TSM that cannot bind" {
	set_attr region_mode shared
	run client open info
	assert_line --regexp "^info OK 0 . 0 0 0 $(printf '%#x' $((caps & ~8)))$"
	set_attr region_mode exclusive
	echo 1 >"$debugfs/no_bind_tsm"
	run client open info "sh:$disconnect; echo tsm1 >$pci/devices/$dev/tsm/connect" info tsm-bind \
		"sh:cat $configfs/$dev/tsm/last_error"
	echo 0 >"$debugfs/no_bind_tsm"
	assert_equal "$(awk '$1 == "info" { print $NF }' <<<"$output" | uniq)" "$(printf '%#x' $((caps & ~4)))"
	assert_line -- "-6 no-bind"
}

@test "tdi_state is unknown while no TSM is connected" {
	assert_regex "$(sysfs tdi_state)" '^(unknown|unlocked)$'
	eval "$disconnect"
	assert_equal "$(sysfs tdi_state)" unknown
	eval "$reconnect"
}

@test "tsmctl sets the policy, counts the requests, and shows the last one and the TDI's state" {
	run -0 tsmctl requests "$dev" info
	assert_line "$dev: guest_requests info (was all)"
	run client open tsm-bind "req:$INFO:$ask" "req:$CHANGE:$ask" "sh:tsmctl show $dev; tsmctl list $dev" \
		"sh:tsmctl requests $dev all" "req:$CHANGE:$ask" "sh:tsmctl show $dev | grep ^requests"
	assert_line "req:$CHANGE:$ask EACCES"
	assert_line --regexp '^guest_requests +info$'
	assert_line --regexp '^requests +info 1 \(0 failed\), state-change 1 \(1 failed\)$'
	assert_line --regexp '^last_request +state-change: EACCES, TSM code 0x0$'
	assert_line --regexp '^tdi_state +locked$'
	assert_line --regexp "^$dev  bound .* locked "
	assert_line "$dev: guest_requests all (was info)"
	assert_line --regexp '^requests +info 1 \(0 failed\), state-change 2 \(1 failed\)$'
}

@test "the state can be read, and the bind be revoked, during a slow request" {
	sim_inject delay_guest_req_ms 60000
	run client open event tsm-bind "bg:req:$INFO:$ask" "$at_work" \
		"sh:cat $configfs/$dev/tsm/state $pci/devices/$dev/vfio_tsm/requests" info config-read:0:0:4 \
		"$delayed" event-none "$(go_on_in pci_tsm_unbind)" "put:$configfs/$dev/tsm/bound=0" bg-end event-wait info \
		"req:$INFO:$ask" tsm-bind "req:$INFO:$ask"
	assert_output --partial "bound
info 0 0"
	assert_line guest_req
	assert_line --regexp '^info OK 1 '
	assert_line --regexp '^info OK 0 . 0 0 3 '
	assert_line "bg-end OK"
	assert_line "event-wait OK 1"
	assert_equal "$(answers "req:$INFO:$ask")" "ENXIO OK"
	assert_equal "$(sim violations)" 0
}

@test "UNBIND waits only for the request on which the TSM works" {
	sim_inject delay_guest_req_ms 60000
	run client open tsm-bind "flood:32:$INFO:$ask" "$at_work" "$(go_on_in pci_tsm_unbind)" \
		tsm-unbind flood-sent:33 flood-end "sh:cat $pci/devices/$dev/vfio_tsm/requests" tsm-bind "req:$INFO:$ask"
	assert_line "tsm-unbind OK"
	assert_line "flood-end OK OK ENXIO"
	# The TSM answered only the request on which it worked.
	assert_equal "$(awk '$1 == "info" { print $2 - $3 }' <<<"$output")" 1
	assert_line "response $locked"
	assert_equal "$(sim violations)" 0
}

@test "a request that began in one bind does not reach the TSM in the next" {
	sim_inject error_guest_req 11
	run client open tsm-bind "req-stall:$CHANGE:64" tsm-unbind tsm-bind req-go \
		"sh:cat $debugfs/$dev/state"
	assert_line "req-go ENXIO"
	assert_line CONFIG_LOCKED
	assert_equal "$(answers tsm-bind)" "OK OK"
	# A request that waits for its memory has no lock, and still reaches its own bind.
	run client open tsm-bind "req-stall:$CHANGE:64" "req:$INFO:$ask" req-go
	assert_line "req:$INFO:$ask EAGAIN"
	assert_line "req-go EAGAIN"
}

@test "a bind of a bound device and refused operations do not wait for a slow request" {
	sim_inject delay_guest_req_ms 60000
	run client open tsm-bind "bg:req:$INFO:$ask" "$at_work" tsm-bind read:0:0:4 "$delayed" \
		"$go_on" bg-end tsm-unbind
	assert_line "tsm-bind EALREADY"
	assert_line "read:0:0:4 EBUSY"
	assert_line guest_req
	assert_line "bg-end OK"
	assert_equal "$(sim violations)" 0
}

@test "a disconnect waits for a slow request, which succeeds; then the device is lost" {
	sim_inject delay_guest_req_ms 60000
	run client open event tsm-bind "bg:req:$INFO:$ask" "$at_work" "sh:($disconnect) &" \
		"sh:until cat /proc/[0-9]*/stack 2>/dev/null | grep -q disconnect_store; do :; done" \
		"sh:cat $configfs/$dev/tsm/state" "$go_on" bg-end event-wait info "req:$INFO:$ask" \
		"sh:$reconnect" tsm-unbind tsm-bind "req:$INFO:$ask"
	assert_line bound
	assert_line "bg-end OK"
	assert_line --regexp '^event-wait OK'
	assert_line --regexp '^info OK 2 '
	assert_equal "$(answers "req:$INFO:$ask")" "ENXIO OK"
	assert_equal "$(sim violations)" 0
}

@test "a forced reset during a slow request is a loss at once, and the request succeeds" {
	sim_inject delay_guest_req_ms 60000
	run client open event tsm-bind "bg:req:$INFO:$ask" "$at_work" \
		"sh:(echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset) &" \
		event-wait "$delayed" info "req:$INFO:$ask" "$go_on" bg-end \
		"sh:until grep -q CONFIG_UNLOCKED $debugfs/$dev/state; do :; done" info
	echo default >"$pci/devices/$dev/reset_method"
	assert_line "event-wait OK 1"
	assert_line guest_req
	assert_line --regexp '^info OK 2 . 0 0 4 '
	assert_line "req:$INFO:$ask ENXIO"
	assert_line "bg-end OK"
}

@test "EINTR: a signal while a request waits for another one, and it is not restarted" {
	sim_inject delay_guest_req_ms 60000
	run client open signals tsm-bind "bg:req:$INFO:$ask" "$at_work" \
		"$(when_in vfio_pci_tsm_guest_request "kill -USR1 \$PPID")" "req-memory:same:$CHANGE:$ask" "$go_on" bg-end
	assert_line "req-memory:same:$CHANGE:$ask EINTR"
	assert_line "bg-end OK"
	assert_equal "$(sysfs last_request)" "info $((256 - ${#locked} / 2)) 0x0"
}

@test "a kill of the owner during a slow request closes the device" {
	sim_inject delay_guest_req_ms 60000
	vfio-client "$dev" open tsm-bind "flood:8:$INFO:$ask" flood-sent:1000000 3>&- &
	eventually guest_req sim inject/delayed
	kill -KILL $!
	sim_inject delay_guest_req_ms 0
	wait $! || true
	eventually closed attr state
	assert_equal "$(sim violations)" 0
}

@test "a thousand requests and more with bind, unbind, revoke, disconnect, policy and close do no harm" {
	run client open event tsm-bind "flood:32:$INFO:$ask" "flood-sent:200" \
		"repeat:20:tsm-unbind,tsm-bind,info,event,event-off" \
		"repeat:20:put:$configfs/$dev/tsm/bound=0,tsm-unbind,tsm-bind,info" \
		"repeat:5:put:$configfs/$dev/tsm/guest_requests=none,put:$configfs/$dev/tsm/guest_requests=all" \
		"repeat:10:put:$pci/devices/$dev/tsm/disconnect=tsm0,put:$pci/devices/$dev/tsm/connect=tsm0,tsm-unbind,tsm-bind" \
		tsm-unbind tsm-bind "sh:cat $configfs/$dev/tsm/state" flood-sent:1000 close flood-close flood-end
	refute_line --regexp '^(tsm|info|event|repeat|put).* E[A-Z]+$'
	assert_line bound
	refute_line --regexp '^flood-end.*(EFAULT|EINTR|EAGAIN|EIO|ENOMEM)'
	assert_line --regexp '^flood-end OK OK .*ENXIO'
	eventually closed attr state
	assert_equal "$(sim violations)" 0
	run client open tsm-bind "req:$INFO:$ask"
	assert_line "response $locked"
}
