#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper serve: the protocol, and clients that break it.
# leaks: the service runs for a long time
bats_require_minimum_version 1.5.0
load helpers
load socket

setup_file() { build_preload stall; }

setup() { socket_host; }

teardown() { end_service; }

@test "socket: binds, unbinds and shows the state through the file of the device" {
	serve
	ask "$(line bind)" /dev/null
	refused bind ENOTTY request bind device 0000:01:00.0 state open tdi_id 0000:00:05.0 vdevice_id ""
	ask "$(line unbind 01:00.0)" /dev/null
	refused unbind ENOTTY
	ask "$(line state)"
	answer_is ok true state open
	ask "$(line state)" /dev/null
	answer_is ok true
	ask '{"version":1,"request":"bind","device":"01:00.0","vdevice_id":4294967295}' /dev/null
	refused bind ENOTTY
	# its log has each bind
	run grep -c '"event":"request","device":"0000:01:00.0","request":"bind","uid":'"$(id -u)" "$SHORT/log"
	assert_output 2
}

@test "socket: refuses a request whose files are not one file of the device" {
	serve
	count_files
	for file in /dev/zero /dev/full / /etc/passwd "$DEV" "path:/dev/zero"; do
		ask "$(line bind)" "$file"
		refused "check file" ENXIO
		ask "$(line unbind)" "$file"
		refused "check file" ENXIO
		ask "$(line state)" "$file"
		refused "check file" ENXIO
	done
	ask "$(line bind 02:00.0)" /dev/null
	refused "check file" ENXIO
	ask "$(line bind)"
	refused "check file" EBADF
	ask "$(line bind 03:00.0)" /dev/null
	refused "find cdev" ENODEV
	# a file that is open with O_PATH
	ask "$(line bind)" path:/dev/null
	answer_is ok false
	ask "$(line bind)" /dev/null /dev/null
	refused receive EMFILE
	# shellcheck disable=SC2046
	ask "$(line bind)" $(yes /dev/null | head -n 100)
	refused receive EMFILE
	unharmed
}

@test "socket: counts the files of a request together, even if they come in pieces" {
	serve
	count_files
	python '
s = ask.connect(path)
line = ask.request("bind")
socket.send_fds(s, [line[:10]], [cdev])
socket.send_fds(s, [line[10:]], [cdev])
print(ask.answer(s), end="")
s = ask.connect(path)
socket.send_fds(s, [line[:10]], [cdev])
for b in line[10:]: s.send(bytes([b]))
print(ask.answer(s), end="")'
	both=$output
	output=$(head -n 1 <<< "$both")
	refused receive EMFILE
	output=$(tail -n 1 <<< "$both")
	refused bind ENOTTY
	unharmed
}

@test "socket: refuses what is not a valid request" {
	serve
	count_files
	texts=('' '{' '{}' '[]' 'null' '1' '"bind"' '{"version":1}' \
		'{"version":2,"request":"state","device":"01:00.0"}' \
		'{"version":"1","request":"state","device":"01:00.0"}' \
		'{"version":1,"request":"hold","device":"01:00.0"}' \
		'{"version":1,"request":["state"],"device":"01:00.0"}' \
		'{"version":1,"request":"state","device":"8086:10c9"}' \
		'{"version":1,"request":"state","device":"../../../etc"}' \
		'{"version":1,"request":"state","device":"01:00.0\u0000"}' \
		'{"version":1,"request":"state","device":null}' \
		'{"version":1,"request":"state","device":{"a":{}}}' \
		'{"version":1,"request":"state","device":"01:00.0","more":1}' \
		'{"version":1,"request":"state","device":"01:00.0","vdevice_id":1}' \
		'{"version":1,"request":"bind","device":"01:00.0","vdevice_id":-1}' \
		'{"version":1,"request":"bind","device":"01:00.0","vdevice_id":4294967296}' \
		'{"version":1,"request":"bind","device":"01:00.0","vdevice_id":1.5}' \
		'{"version":1,"request":"state","device":"01:00.0"}{}' \
		'{"version":1,"request":"state","device":"01:00.0"} x' \
		"{'version':1,'request':'state','device':'01:00.0'}" \
		'{"version":1,"request":"state","device":"01:00.0","device":"01:00.1"}' \
		$'{"version":1,"request":"state","device":"\xff"}')
	python '
for text in sys.argv[1:]:
    print(ask.ask(path, os.fsencode(text) + b"\n", [cdev]), end="")' "${texts[@]}"
	assert_success
	assert_equal "${#lines[@]}" "${#texts[@]}"
	for output in "${lines[@]}"; do
		refused request EINVAL request "" device "" state ""
	done
	# what is wrong with the text, and which keys a request may not have
	ask '{"version":1,"request":"state","device":"01:00.0","device":"01:00.1"}'
	[[ $output == *'"message":"device: this key is there twice"'* ]] || fail "$output"
	ask '{"version":1'
	[[ $output == *'"message":"the document ends too early"'* ]] || fail "$output"
	ask '[]'
	[[ $output == *'"message":"it is not a JSON object"'* ]] || fail "$output"
	ask '{"version":1,"request":"state","device":"01:00.0","vdevice_id":1}'
	[[ $output == *'"message":"vdevice_id is for bind"'* ]] || fail "$output"
	ask '{"version":1,"request":"bind","device":"01:00.0","scope":"info"}'
	[[ $output == *'"message":"scope, request_len and response_len are for request"'* ]] || fail "$output"
	ask "$(line state)"$'\n'"$(line state)"
	refused receive EBADMSG
	ask "$(printf '%2000s' x)"
	refused receive EMSGSIZE
	python 'print(ask.ask(path, b"\0" + ask.request()), end="")'
	refused receive EBADMSG
	unharmed
}

@test "socket: a client that stops in the middle gets an error, and does not delay others" {
	serve
	count_files
	python '
silent = ask.connect(path)
half = ask.connect(path)
socket.send_fds(half, [ask.request("bind")[:20]], [cdev])
ended = ask.connect(path)
ended.send(b"{")
ended.shutdown(socket.SHUT_WR)
gone = ask.connect(path)
gone.send(b"{")
gone.close()
print(ask.ask(path, ask.request()), end="")
for s in (ended, silent, half): print(ask.answer(s), end="")'
	all=$output
	output=$(sed -n 1p <<< "$all")
	answer_is ok true
	output=$(sed -n 2p <<< "$all")
	refused receive EPIPE
	for n in 3 4; do
		output=$(sed -n ${n}p <<< "$all")
		refused receive ETIMEDOUT
	done
	unharmed
}

@test "socket: a user can have eight requests at a time" {
	serve
	count_files
	python '
waiting = [ask.connect(path) for i in range(8)]
print(ask.ask(path, ask.request()), end="")
waiting[3].send(ask.request())
print(ask.answer(waiting[3]), end="")'
	both=$output
	output=$(head -n 1 <<< "$both")
	refused permission EAGAIN
	output=$(tail -n 1 <<< "$both")
	answer_is ok true
	unharmed
}

@test "socket: a file that is slow to close does not stop the service" {
	serve
	count_files
	python '
listener = socket.create_server(("127.0.0.1", 0))
waiting = []
for rest in (ask.request("bind")[1:], b"", b"x" * 3000, None):
    # the last one is refused, and its file is not received
    if rest is None: waiting = [ask.connect(path) for i in range(8)]
    tcp = socket.create_connection(listener.getsockname())
    peer = listener.accept()[0]
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 600))
    tcp.setblocking(False)
    try:
        while True: tcp.send(b"x" * 65536)
    except BlockingIOError: pass
    s = ask.connect(path)
    # the request is not complete: this is not the last close of the file
    socket.send_fds(s, [b"{"], [tcp.fileno()])
    tcp.close()
    if rest: s.send(rest)
    elif rest is None: print(ask.answer(s)[:100])
    s.close()
    for w in waiting: w.close()
    # clients that wait, and files that linger, count until they have ended
    while "EAGAIN" in (said := ask.ask(path, ask.request())): pass
    print(said, end="")
    peer.close()'
	assert_success
	assert_equal "$(grep -c '"ok":true,"state":"open"' <<< "$output")" 4
	unharmed
}

@test "socket: the service has no privileges, no files of its caller, and seccomp" {
	serve 9< /etc/passwd
	run cat "/proc/$service/status"
	assert_line --regexp $'^Seccomp:\t2$'
	assert_line --regexp $'^NoNewPrivs:\t1$'
	for set in CapInh CapPrm CapEff CapAmb; do assert_line --regexp "^$set:"$'\t0+$'; done
	run grep 'Max core file size' "/proc/$service/limits"
	assert_output --regexp ' 0 +0 '
	if [ -r "/proc/$service/fd" ] && [ "$(id -u)" -eq 0 ]; then
		run find "/proc/$service/fd" -lname /etc/passwd
		assert_output ""
	fi
}

@test "socket: on SIGTERM, finishes the requests that it has, removes the socket, and exits with 0" {
	echo '{"allow":[]}' > "$CONF"
	tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF" > "$SHORT/log" 3>&- &
	service=$!
	until_true grep -q listening "$SHORT/log"
	assert_equal "$(stat -c %a "$SOCK")" 666
	assert_equal "$(< "$SHORT/run/helper.sock.lock")" "$service"
	mkfifo "$SHORT/go"
	python3 -c '
import os, ask
path = os.environ["SOCK"]
s = ask.connect(path)
s.send(ask.request()[:5])
open(path + ".go").read()
s.send(ask.request()[5:])
print(ask.answer(s), end="")' > "$SHORT/answer" 3>&- &
	client=$!
	mkfifo "$SOCK.go"
	until_true pgrep -P "$service"
	kill -TERM "$service"
	until_true test ! -e "$SOCK"
	: > "$SOCK.go"
	wait "$client"
	rc=0
	wait "$service" || rc=$?
	assert_equal "$rc" 0
	grep '"ok":true' "$SHORT/answer"
	assert_equal "$(< "$SHORT/run/helper.sock.lock")" ""
}

@test "socket: an error of the driver has the message and the hint of its stage" {
	serve env "LD_PRELOAD=$BATS_RUN_TMPDIR/stall.so" "BIND_FAILS=$DEV/vfio_tsm/last_error" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0"
	while IFS='|' read -r last name message hint; do
		echo "$last" > "$DEV/vfio_tsm/last_error"
		ask "$(line bind)" /dev/null
		refused bind "$name"
		[[ $output == *"\"message\":\"$message\",\"hint\":"*"$hint"* ]] || fail "$last: $output"
	done <<- 'EOF'
		-6 not-connected|ENXIO|it is not connected to a TSM, or its last bind was lost|tsmctl unbind 0000:01:00.0
		-6 no-bind|ENXIO|a TSM of this host cannot bind|install the TSM driver
		-112 power|EHOSTDOWN|it, its PF or function 0 is not in power state D0, or the host resets or suspends it|power/control
		-112 command|EHOSTDOWN|memory decode or bus mastering is off|Bus Master Enable
		-112|EHOSTDOWN|it, its PF or function 0 is not in power state D0, or memory decode or bus mastering is off|power/control
		-16|EBUSY|user space has its BARs mapped|x-no-mmap=on
		-16 foreign|EBUSY|another module of the kernel has bound it|tsmctl revoke 0000:01:00.0
		-5 tsm|EIO|the TSM refused the bind|dmesg
	EOF
}

@test "socket: a lack of memory is not reported as an invalid request" {
	serve env "LD_PRELOAD=$BATS_RUN_TMPDIR/stall.so" TOKENERS=1 \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0"
	ask "$(line state)"
	refused request ENOMEM
	[[ $output == *"no memory"* ]] || fail "$output"
}

@test "socket: refuses a path that another service uses, replaces a socket that one has left, and no other file" {
	serve
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 6
	[[ $output == *"process $service listens"* ]] || fail "$output"
	kill -KILL "$service"
	until_true eval '! kill -0 "$service" 2> /dev/null'
	[ -S "$SOCK" ]
	serve
	ask "$(line state)"
	answer_is ok true
	kill -KILL "$service"
	until_true eval '! kill -0 "$service" 2> /dev/null'
	rm "$SOCK"
	echo mine > "$SOCK"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 1
	[[ $output == *EEXIST* ]] || fail "$output"
	assert_equal "$(< "$SOCK")" mine
	chmod 777 "$SHORT/run"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 4
}

@test "socket: refuses a configuration that has a mistake or is not trusted" {
	while IFS='|' read -r text want; do
		printf '%b' "$text" > "$CONF"
		run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
		[ "$status" -eq 2 ] || fail "exit $status for: $text"
		[[ $output == *'"step":"configuration"'*"$want"* ]] || fail "no '$want' in: $output"
	done <<- 'EOF'
		|the document ends too early
		{|the document ends too early
		{"allow":[]} x|not valid JSON
		{"allow":[]}{}|not valid JSON
		{"allow":[]}\0|NUL byte
		{"allow":[],}|not valid JSON
		{'allow':[]}|not valid JSON
		{"allow":[]/* all */}|not valid JSON
		{"allow":[],"allow":[]}|allow: this key is there twice
		{"allow":[{"devices":["*"],"user":1,"user":2}]}|allow[0].user: this key is there twice
		{"allow":[],"\\u0061llow":[]}|escapes
		{"allow":[{"devices":["*"],"user":"root\\u0000"}]}|escapes
		{"allow":[{"devices":["*"],"user":"\0377"}]}|not valid JSON
		[]|not a JSON object
		{"allow":{}}|allow is not a list
		{"version":2,"allow":[]}|version 1
		{"more":1,"allow":[]}|no key 'more'
		{"allow":[1]}|not an object
		{"allow":[{"user":"root"}]}|devices is not a list
		{"allow":[{"devices":["all"],"user":"root"}]}|neither address nor glob
		{"allow":[{"devices":["*"]}]}|neither user nor group
		{"allow":[{"devices":["*"],"user":"no-such-user-here"}]}|there is no user
		{"allow":[{"devices":["*"],"group":"no-such-group-here"}]}|there is no group
		{"allow":[{"devices":["*"],"user":-1}]}|there is no user
		{"allow":[{"devices":["*"],"user":65534}]}|cannot map
		{"allow":[{"devices":["*"],"user":4294967295}]}|cannot map
		{"allow":[{"devices":["*"],"user":"root","requests":["hold"]}]}|no request 'hold'
		{"allow":[{"devices":["*"],"user":"root","requests":[]}]}|requests is not a list
		{"allow":[{"devices":["../*"],"user":"root"}]}|neither address nor glob
		{"allow":[{"devices":["*"],"user":"root","rw":1}]}|no key 'rw'
	EOF
	# a file that --config names must exist
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$SHORT/nonexistent"
	assert_equal "$status" 2
	[[ $output == *'"step":"configuration","errno":"ENOENT"'*"without --config"* ]] || fail "$output"
	# a backslash may be in a name; this user only does not exist here
	printf '%s' '{"allow":[{"devices":["*"],"user":"DOMAIN\\user"}]}' > "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	[[ $output == *"there is no user"* ]] || fail "$output"
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$SHORT"
		chmod 600 "$CONF"
		run_split setpriv --reuid 2001 --clear-groups "$(type -P tsm-bind-helper)" serve --listen "$SOCK" --config "$CONF"
		assert_equal "$status" 4
		[[ $output == *EACCES*"must be able to read it"* ]] || fail "$output"
	fi
	echo '{"version":1,"allow":[{"devices":["0000:01:00.*","02:00.0"],"user":"root"}]}' > "$CONF"
	chmod 666 "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 4
	[[ $output == *"its mode is 0666, so others can write to it"*"chmod go-w $CONF"* ]] || fail "$output"
	chmod 644 "$CONF"
	mv "$CONF" "$CONF.1"
	ln -s "$CONF.1" "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	[[ $output == *'"errno":"EPERM"'*"it is a symbolic link"* ]] || fail "$output"
	rm "$CONF"
	mkfifo "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 4
	rm "$CONF"
	mv "$CONF.1" "$CONF"
	serve
	ask "$(line state)"
	answer_is ok true
}

@test "socket: takes its socket from systemd, notifies it, and ignores sockets for another process" {
	run_split timeout 60 env LISTEN_PID=1 LISTEN_FDS=1 tsm-bind-helper serve --listen systemd
	assert_equal "$status" 1
	[[ $output == *'"step":"listen","errno":"ENOENT"'* ]] || fail "$output"
	run_split timeout 60 bash -c 'exec 3< /etc/passwd; LISTEN_PID=$BASHPID LISTEN_FDS=1 exec tsm-bind-helper serve --listen systemd'
	[[ $output == *'"errno":"EPROTOTYPE"'* ]] || fail "$output"
	mkdir "$SHORT/run"
	echo '{"allow":[]}' > "$CONF"
	python '
short = sys.argv[1]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind("\0tsmctl-test-%d" % os.getpid())
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
def child():
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
                      NOTIFY_SOCKET="@tsmctl-test-%d" % os.getppid())
    os.execvp("tsm-bind-helper", ["tsm-bind-helper", "serve", "--listen", "systemd", "--notify",
              "--sysfs", sys.argv[2], "--config", short + "/helper.json"])
pid = os.fork()
if not pid: child()
print(notify.recv(100).decode())
print(ask.ask(path, ask.request()), end="")
os.kill(pid, signal.SIGTERM)
print(notify.recv(100).decode())
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
# the socket of systemd stays
print(os.path.exists(path))' "$SHORT" "$SYS"
	assert_success
	assert_line 'READY=1'
	assert_line --partial '"ok":true'
	assert_line 'STOPPING=1'
	assert_line --partial '<6>{"event":"listening"'
	assert_line 0
	assert_line True
}

@test "socket: wrong usage is exit 2" {
	for args in serve "serve --listen x" "serve --listen /tmp/" "serve --listen $SOCK --device 01:00.0" \
		"serve --listen $SOCK --pid 1" "serve --listen $SOCK --config x" "--listen $SOCK" \
		"hold --device 01:00.0 --config /x" "bind --device 01:00.0 --pid 1 --notify" "--config"; do
		# shellcheck disable=SC2086
		run_split timeout 60 tsm-bind-helper $args
		[ "$status" -eq 2 ] || fail "exit $status for: $args"
		[[ $output == *'"step":"usage"'* ]] || fail "$output"
	done
}
