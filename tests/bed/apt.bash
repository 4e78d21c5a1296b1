# SPDX-License-Identifier: GPL-2.0-or-later
# For build-kernel, complete-kernel, get-qemu and get-libspdm: download Debian packages of
# other suites than the machine's own into the cache. Installed packages are not changed.

cache=${TSMCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsmctl}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# mirror: prints the mirror of this machine's own apt, and the release
mirror() {
	local uri
	# shellcheck disable=SC2016 # these are apt's
	uri=$(apt-get indextargets --format '$(SITE) $(COMPONENT) $(CODENAME) $(SUITE)' \
		2>/dev/null | awk '$2 == "main" && $3 !~ /-(security|updates|backports)/ &&
			$4 ~ /stable|testing|unstable/ { print $1, $3; exit }')
	[ -n "$uri" ] || return 1
	printf '%s\n' "$uri"
}

# private_apt NAME COMMAND...: runs COMMAND of apt with lists of its own
private_apt() {
	local dir=$cache/apt/$1
	"$2" -q -o Dir::Etc::sourcelist="$dir/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root "${@:3}"
}

# private_sources [--source] NAME SUITE...: sets the suites of private_apt NAME; with
# --source they have source packages only
private_sources() {
	local dir suite uri kind='deb'
	[ "$1" != --source ] || { kind='deb-src'; shift; }
	dir=$cache/apt/$1
	read -r uri _ < <(mirror) || return 1
	mkdir -p "$dir"/{lists/partial,cache/archives/partial}
	for suite in "${@:2}"; do
		printf '%s [signed-by=%s] %s %s main\n' "$kind" \
			/usr/share/keyrings/debian-archive-keyring.gpg "$uri" "$suite"
	done >"$dir/sources.list"
	private_apt "$1" apt-get update >&2
}

# source_package VERSION: prints the path of the package of the kernel's source in the
# cache. It stays until build-kernel has unpacked it, or there is a newer one.
source_package() { printf '%s\n' "$cache/packages/linux-source-${1:?}.deb"; }

# download_source NAME SERIES VERSION: downloads that package with private_apt NAME, if needed
download_source() {
	local deb part=$cache/packages/part
	deb=$(source_package "$3")
	mkdir -p "$cache/packages"
	exec 6>"$cache/packages/.lock"
	flock 6
	if [ ! -f "$deb" ]; then
		rm -rf "$part" "$cache/packages/linux-source-$2"[.~-]*.deb
		mkdir "$part"
		(cd "$part" && private_apt "$1" apt-get download "linux-source-$2=$3" >&2) || return
		mv "$part"/*.deb "$deb"
		rm -rf "$part"
	fi
	exec 6>&-
}
