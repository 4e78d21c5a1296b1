# SPDX-License-Identifier: GPL-2.0-or-later
# A firmware of tsm_sim that lies at random, while the device is connected, bound, asked and
# pulled out of its hands. The kernel takes no harm: its log stays clean, nothing hangs, and
# the real firmware works afterwards.
# long: it fuzzes for two minutes; TSMCTL_ROUNDS sets how many minutes, and TSMCTL_SEED another first seed
# kernels: debug
# vm: --dsm --cpus 2 --timeout 1800

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

# Many commands have no answer, and each of them waits for 300 ms.
setup_file() { load helpers; load doe; doe_load "$dev" 300; }
teardown_file() { load helpers; unload_all; }

teardown() { doe_end; }

@test "liar: a firmware that lies does no harm, whatever it sends and whenever" {
	local rounds=${TSMCTL_ROUNDS:-2} seed=${TSMCTL_SEED:-1} counts=''
	no_fault
	mkdir "$configfs/$dev"
	assign
	set_attr tdi_id 00:05.0
	for ((; rounds; rounds--, seed++)); do
		run -0 tsm-liar "$dev" "$seed" 60
		assert_line "0 faults"
		counts+=$output$'\n'
	done
	counts=$(awk '/ok, / { ok[$1] += $(NF - 3); failed[$1] += $(NF - 1) }
		END { for (name in ok) print name, ok[name], failed[name] }' <<<"$counts")
	echo "$counts" | sed 's/^/# /' >&3
	# Each kind of message was accepted and refused, and each operation succeeded and failed.
	run -1 grep -E '^(exchange|part|done|garbage|disturb|connect|disconnect|bind|request|evidence|read) (.* )?0( |$)|^flood 0' <<<"$counts"
	# The real firmware finds a device and a kernel that work.
	echo 60000 >/sys/module/tsm_sim/parameters/firmware_timeout_ms
	start_firmware
	[ "$(cat "$pci/devices/$dev/tsm/connect")" = "" ] || echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	connect
	run client open tsm-bind tsm-unbind
	assert_equal "$(answers tsm-bind)$(answers tsm-unbind)" OKOK
	openssl rand -hex 32 >"$pci/devices/$dev/vfio_tsm_evidence/nonce"
	[ "$(wc -c <"$pci/devices/$dev/vfio_tsm_evidence/measurements")" -gt 200 ]
}
