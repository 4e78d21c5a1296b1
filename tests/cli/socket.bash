# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Functions for the tests of the service's socket. /dev/null plays the cdev, as in
# helper-pid.bats: ENOTTY shows that an ioctl was issued.

# socket_host: a host with two devices, of which a VMM has the first one open, and the place of
# a service.
socket_host() {
	fake_host
	fake_device 0000:01:00.0 vfio-pci-tsm
	fake_device 0000:02:00.0 vfio-pci-tsm
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	mkdir -p "$DEV/vfio-dev/vfio1" "$SYS/devices/pci0000:00/0000:02:00.0/vfio-dev/vfio2" "$DEV/vfio_tsm"
	echo 1:3 > "$DEV/vfio-dev/vfio1/dev"
	echo 1:5 > "$SYS/devices/pci0000:00/0000:02:00.0/vfio-dev/vfio2/dev"
	echo open > "$DEV/vfio_tsm/state"
	echo 0000:00:05.0 > "$DEV/vfio_tsm/tdi_id"
	echo none > "$DEV/vfio_tsm/vdevice_id"
	prepare_service
}

ask() { run_split timeout 60 "$BATS_TEST_DIRNAME/ask.py" "$SOCK" "$@"; }

# python CODE [ARGUMENT]...: runs it with the module ask, the path of the socket, /dev/null as
# cdev, and a line with a request of the guest.
python() {
	run timeout 120 python3 -c "
import fcntl, json, os, signal, socket, struct, sys, ask
path, cdev = os.environ['SOCK'], os.open('/dev/null', os.O_RDWR)
line = ask.request('request', scope='info', request_len=16, response_len=64)
$1" "${@:2}"
}

# An answer, member by member. A regular expression is faster than a start of Python.
word='(null|"([a-z]+)")' number='(null|[0-9]+)' text='(null|"(([^"\\]|\\.)*)")'
an_answer='^\{"version":1,"request":'$word',"device":'$text',"ok":(true|false)'
an_answer+=',"state":'$word',"tdi_id":'$text',"vdevice_id":'$number
an_answer+=',"tdi_state":'$word',"response_len":'$number',"tsm_code":'$text
an_answer+=',"error":(null|\{"step":'$text',"errno":(null|"([A-Z0-9]+)"),"stage":'$text
an_answer+=',"message":'$text',"hint":'$text'\})\}$'
unset word number text

# answer_is [NAME VALUE]...: $output is one line, an answer with all its members, and the
# member NAME is VALUE. VALUE is "" for null.
answer_is() {
	local -A got

	[[ $output =~ $an_answer ]] || fail "no answer: $output"
	got=([request]=${BASH_REMATCH[2]} [device]=${BASH_REMATCH[4]} [ok]=${BASH_REMATCH[6]}
		[state]=${BASH_REMATCH[8]} [tdi_id]=${BASH_REMATCH[10]}
		[vdevice_id]=${BASH_REMATCH[12]#null} [tdi_state]=${BASH_REMATCH[14]}
		[response_len]=${BASH_REMATCH[15]#null} [tsm_code]=${BASH_REMATCH[17]}
		[error]=${BASH_REMATCH[19]} [step]=${BASH_REMATCH[21]} [errno]=${BASH_REMATCH[24]})
	if [ "${got[ok]}" = true ]; then [ "${got[error]}" = null ]; else [ "${got[error]}" != null ]; fi ||
		fail "ok, and an error, or neither: $output"
	while [ $# -gt 0 ]; do
		[ "${got[$1]}" = "$2" ] || fail "$1 is '${got[$1]}', not '$2': $output"
		shift 2
	done
}

# refused STEP ERRNO [NAME VALUE]...: the answer is this error
refused() { answer_is ok false step "$1" errno "$2" "${@:3}"; }

line() { printf '{"version":1,"request":"%s","device":"%s"}' "$1" "${2:-0000:01:00.0}"; }

count_files() { files=$(find "/proc/$service/fd" -mindepth 1 2> /dev/null | wc -l); }

# unharmed: the service has the files of before and no children, and answers.
unharmed() {
	until_true eval '[ -z "$(pgrep -P "$service")" ]'
	assert_equal "$(find "/proc/$service/fd" -mindepth 1 2> /dev/null | wc -l)" "$files"
	ask "$(line state)"
	answer_is ok true
	run cat "$SHORT/stderr"
	assert_output ""
}
