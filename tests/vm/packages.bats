# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian packages under systemd: neither an upgrade nor a removal takes a bound device
# from its owner, and a purge leaves nothing. TSMCTL_DEB is the directory of the packages, and
# ../next has their next version.
# by hand: tests/bed/packages.bats builds the packages and runs this file

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

units=/run/tsm-units
hold=tsmctl-hold@0000:01:00.0.service
version=$(sed -n 's/^TSMCTL_VERSION := //p' "$BATS_TEST_DIRNAME/../../version.mk")

# packages COMMAND...: dpkg in the namespaces of systemd, without the triggers of other packages
packages() { in_systemd env DEBIAN_FRONTEND=noninteractive dpkg --no-triggers "$@"; }

setup_file() {
	load helpers
	load systemd
	# The root of the VM is in its memory, or is read-only.
	mount -o remount,bind,rw /
	# DKMS would build for each kernel of the host.
	touch /etc/dkms/no-autoinstall
	# In a container, this may forbid maintainer scripts to stop units.
	rm -f /usr/sbin/policy-rc.d
	load_all
	mkdir -p $units /etc/tsmctl
	echo '{"version": 1, "devices": []}' >/etc/tsmctl/config.json
	for dir in /lib /usr/lib; do
		for unit in tsmctl.service tsmctl-helper.socket tsmctl-helper.service tsmctl-hold@.service; do
			ln -sf "$dir/systemd/system/$unit" $units
		done
		[ ! -L /lib ] || break
	done
	systemd_targets $units
	systemd_start $units
	is_running() { [ "$(state_of_systemd)" = running ]; }
	wait_for 120 is_running
	packages -i "$TSMCTL_DEB/tsmctl_${version}"_*.deb "$TSMCTL_DEB/tsmctl-dkms_${version}"_*.deb
	systemctl daemon-reload
	prepare
}
teardown_file() {
	load helpers
	load systemd
	systemd_kill
	cleanup
	unload_all
}

@test "packages: nothing is enabled or started by an installation" {
	assert_equal "$(property ActiveState tsmctl.service)" inactive
	assert_equal "$(property ActiveState tsmctl-helper.socket)" inactive
	run find /etc/systemd/system -name 'tsmctl*'
	assert_output ""
	assert_equal "$(/usr/bin/tsmctl --version)" "tsmctl $version"
}

@test "packages: an upgrade keeps holder, helper and bind, and reports modules that stay loaded" {
	systemctl start $hold tsmctl-helper.socket tsmctl-helper.service
	assert_equal "$(attr state)" bound
	before="$(property MainPID $hold) $(property MainPID tsmctl-helper.service) $(attr generation)"
	run packages -i "$TSMCTL_DEB/../next"/*.deb
	assert_success
	assert_line --partial "version $version of the modules stays loaded until the next boot"
	assert_line --partial "for version $version.1 before that"
	assert_equal "$(property MainPID $hold) $(property MainPID tsmctl-helper.service) $(attr generation)" "$before"
	assert_equal "$(attr state)" bound
	[ -e "/usr/src/tsmctl-$version.1/dkms.conf" ]
	[ ! -e "/usr/src/tsmctl-$version" ]
}

@test "packages: a removal is refused while a device is bound, and stops the units later" {
	run packages --remove tsmctl
	assert_failure
	assert_line "tsmctl: these devices are bound: $dev"
	assert_equal "$(attr state)" bound
	assert_equal "$(property ActiveState tsmctl-helper.service)" active
	systemctl stop $hold
	packages --remove tsmctl
	assert_equal "$(property ActiveState tsmctl-helper.socket)" inactive
	eventually "" pgrep -x tsm-bind-helper
	# what the administrator wrote stays until a purge
	[ -e /etc/tsmctl/config.json ]
}

@test "packages: a purge keeps nothing" {
	mkdir -p /etc/systemd/system/multi-user.target.wants
	ln -s /lib/systemd/system/tsmctl-hold@.service "/etc/systemd/system/multi-user.target.wants/$hold"
	packages --purge tsmctl tsmctl-dkms
	[ ! -e /run/tsmctl ]
	run find /etc /lib/systemd /lib/udev /usr/bin /usr/libexec /usr/src /usr/share/doc /usr/share/man \
		/var/lib/dkms /var/lib/dpkg /var/lib/systemd -name '*tsmctl*'
	assert_output ""
}
