# SPDX-License-Identifier: GPL-2.0-or-later
# For other-release and build-deb: minimal root file systems of Debian releases, which are
# made with mmdebstrap from this machine's own mirror and kept in the cache, and commands in them.
# It needs apt.bash.

: "${cache:?}"
as_root=()

# need_root: fails if there is neither root nor sudo without a password
need_root() {
	if [ "$(id -u)" -ne 0 ]; then
		sudo -n true 2>/dev/null ||
			die "only root can change the root directory, and sudo needs a password"
		as_root=(sudo -n)
	fi
	command -v mmdebstrap >/dev/null ||
		die "mmdebstrap is missing; tests/install-deps check installs it"
}

# make_root NAME KEY RELEASE URI SIZE ARG...: sets root to a root file system of RELEASE in the
# cache, and makes it with the ARGs for mmdebstrap if it is missing. KEY stands for what is in
# it: those of NAME with other keys are removed.
make_root() {
	local name=$1 key=$2 release=$3 uri=$4 size=$5
	shift 5
	root=$cache/releases/$name-$key
	mkdir -p "$cache/releases"
	exec 9>"$cache/releases/.lock-$name"
	flock 9
	if [ ! -e "$root.complete" ]; then
		say "making a minimal $release in $root: $size"
		"${as_root[@]}" rm -rf "$cache/releases/$name"-*
		apt-config dump --format '%f "%v";%n' | grep -i '^Acquire::' >"$cache/releases/apt.conf" || true
		"${as_root[@]}" mmdebstrap --quiet --dpkgopt=force-unsafe-io --aptopt="$cache/releases/apt.conf" \
			--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' "$@" \
			"$release" "$root" "deb $uri $release main" >&2 </dev/null 9>&- ||
			die "mmdebstrap could not make a $release"
		touch "$root.complete"
	fi
	exec 9>&-
}

# in_root ROOT DIRECTORY COMMAND...: runs COMMAND in place of this process, as root in ROOT,
# with DIRECTORY as /mnt. The cache of kernels is at the same path as here, read-only. If
# scratch is the name of a directory, what COMMAND writes to ROOT is in memory and ends with it.
# It runs in a mount namespace of its own, so that nothing has to be unmounted.
in_root() {
	# shellcheck disable=SC2016 # a shell inside expands it
	local inside='
		set -e
		cache=$1 over=$2 root=$3 directory=$4
		shift 4
		mount --make-rprivate /
		if [ -n "$over" ]; then
			mkdir -p "$over"
			mount -t tmpfs tmpfs "$over"
			mkdir "$over/root" "$over/upper" "$over/work"
			mount -t overlay -o "lowerdir=$root,upperdir=$over/upper,workdir=$over/work" \
				overlay "$over/root"
			root=$over/root
		fi
		mount --rbind /proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
		mkdir -p "$root$cache" "$root/mnt"
		mount --bind "$cache" "$root$cache"
		mount -o remount,bind,ro "$root$cache"
		mount --bind "$directory" "$root/mnt"
		exec chroot "$root" /usr/bin/env -i -C /mnt PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp \
			LANG=C.UTF-8 TERM="${TERM:-dumb}" TSMCTL_CACHE="$cache" "$@"'
	exec "${as_root[@]}" unshare -m bash -c "$inside" "${0##*/}" "$cache" "${scratch:-}" "$@"
}
