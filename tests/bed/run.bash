# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# For the tests of tests/vm/run.

load helpers

# vm ARG...: tests/vm/run without the variables of this bats, and with a directory of its
# own for the files that it keeps
vm() {
	env -i PATH="$PATH" HOME="$HOME" TERM=vt220 LANG=C.UTF-8 \
		${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} \
		${TSMCTL_CACHE:+TSMCTL_CACHE="$TSMCTL_CACHE"} ${LINUX_SRC:+LINUX_SRC="$LINUX_SRC"} \
		TSMCTL_KEEP="$BATS_FILE_TMPDIR/keep" TSMCTL_WORD='two words' SECRET=1 \
		"$top/tests/vm/run" --cpus 1 --kernel "${TSMCTL_KERNEL:-debug}" "$@"
}
