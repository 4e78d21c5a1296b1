# SPDX-License-Identifier: GPL-2.0-or-later
# A systemd of the tests' own: process 1 of a pid namespace, with mounts of its own. It has
# only the units that it is given.

# systemd_targets DIR: makes the targets that units name, without the units of the host
systemd_targets() {
	local target
	for target in sysinit basic sockets shutdown multi-user umount final; do
		printf '[Unit]\nDefaultDependencies=no\n' >"$1/$target.target"
	done
}

# systemd_start PATH: starts systemd with the units in these directories
systemd_start() {
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	unshare --pid --mount --fork --mount-proc --kill-child \
		env -i container=other PATH="$PATH" SYSTEMD_UNIT_PATH="$1" \
		/lib/systemd/systemd --system --unit=multi-user.target --log-target=console \
		</dev/null >"$BATS_FILE_TMPDIR/systemd.log" 2>&1 3>&- &
}

# systemd_of_helper UNITS BIN: starts systemd with the units of the helper and with its
# programs, and waits until it runs, which takes a minute on Debian's kernel
systemd_of_helper() {
	local unit name
	mkdir -p "$1" "$2"
	# The services do not see /tmp and /home, where the checkout may be.
	cp "$top/build/bin/tsm-bind-helper" "$top/tests/cli/ask.py" "$2"
	for unit in "$top"/systemd/tsmctl-h*.in; do
		name=${unit##*/}
		sed "s,@helperdir@,$2," "$unit" >"$1/${name%.in}"
	done
	systemd_targets "$1"
	systemd_start "$1"
	is_running() { [ "$(state_of_systemd)" = running ]; }
	wait_for 120 is_running
}

systemd_kill() { pkill -KILL -x systemd || true; }

# in_systemd COMMAND...: runs COMMAND in the namespaces of systemd
in_systemd() { nsenter -t "$(pgrep -o -x systemd)" -p -m -- "$@"; }

# systemd accepts clients only from its own namespace.
systemctl() { in_systemd env SYSTEMD_PAGER= systemctl "$@"; }
state_of_systemd() { systemctl is-system-running 2>/dev/null || true; }
property() { systemctl show --value -p "$1" "$2"; }
