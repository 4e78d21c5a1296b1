# SPDX-License-Identifier: GPL-2.0-or-later
# The evidence of a device in sysfs, with a TSM that does not offer any.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	load_all
}
teardown_file() { load helpers; unload_all; }
teardown() { cleanup; }

files=$pci/devices/$dev/vfio_tsm_evidence
nonce=$(printf '0123456789abcdef%.0s' {1..4})

# evidence NAME: one of the files
evidence() { content "$files/$1"; }

# ask TEXT: writes a nonce with one write
ask() { printf '%b' "$1" >"$files/nonce"; }

# fails_with ERROR TEXT: the error of a write of the shell
fails_with() {
	run -1 ask "$2"
	assert_output --partial "$1"
}

@test "evidence: the files are there while the function is on the driver, and empty without evidence" {
	[ ! -e "$files" ]
	assign
	run find "$files" -type f -printf '%m %f\n'
	assert_equal "$(sort <<<"$output" | xargs)" "444 cert0 444 generation 444 measurements 444 report 444 vca 600 nonce"
	assert_equal "$(evidence generation)" 0
	assert_equal "$(evidence nonce)" ""
	assert_equal "$(cat "$files"/{cert0,vca,measurements,report} | wc -c)" 0
	release
	[ ! -e "$files" ]
}

@test "evidence: a nonce that is not 64 hexadecimal digits is refused, and no evidence appears" {
	prepare
	for text in '\n' "${nonce:1}" "${nonce}0" "$nonce\n\n" "${nonce:1}g" "0x${nonce:2}" "$nonce\0" "${nonce:1}\n"; do
		fails_with "Invalid argument" "$text"
	done
	fails_with "Invalid argument" "$(printf '0%.0s' {1..4000})"
	assert_equal "$(evidence generation)" 0
}

@test "evidence: a device that is not connected has none, and neither has one whose TSM does not offer it" {
	assign
	fails_with "Transport endpoint is not connected" "$nonce"
	connect
	fails_with "Operation not supported" "$nonce"
	fails_with "Operation not supported" "${nonce^^}\n"
	assert_equal "$(evidence generation)" 0
	assert_equal "$(evidence nonce)" ""
}

@test "evidence: only root can write a nonce or read it, and every user can read the rest" {
	assign
	run -0 setpriv --reuid=65534 --clear-groups cat "$files"/{generation,cert0,vca,measurements,report}
	assert_output 0
	run -1 setpriv --reuid=65534 --clear-groups cat "$files/nonce"
	assert_output --partial "Permission denied"
}
