# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bed/get-libspdm gets libspdm into the cache, once, and programs can be built with it.

load helpers

setup() {
	bin=$BATS_TEST_TMPDIR/bin
	log=$BATS_TEST_TMPDIR/log
	mkdir "$bin"
	unset LIBSPDM_SRC
}

# stand_in NAME LINE...: makes a script that is found before the real NAME
stand_in() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/sh' "echo $name \"\$*\" >>'$log'" "$@" >"$bin/$name"
	chmod +x "$bin/$name"
}

# stand_ins: instead of apt, cmake and make, and a source package with as much as they need
stand_ins() {
	local tree=$BATS_TEST_TMPDIR/tree/edk2-1/SecurityPkg/DeviceSecurity/SpdmLib/libspdm
	mkdir -p "$tree"/{include/library,os_stub/openssllib/openssl_gen}
	touch "$tree"/{include/library/spdm_responder_lib.h,os_stub/openssllib/openssl_gen/ssl.h}
	echo "a licence" >"$tree/LICENSE.md"
	tar -C "$BATS_TEST_TMPDIR/tree" -cJf "$BATS_TEST_TMPDIR/edk2_1.orig.tar.xz" edk2-1
	stand_in apt-get "case \"\$*\" in" \
		'*indextargets*) echo http://127.0.0.1 main bookworm stable ;;' \
		"*\ source\ *) cp '$BATS_TEST_TMPDIR/edk2_1.orig.tar.xz' . ;;" 'esac'
	stand_in apt-cache 'echo Version: 1-2'
	# shellcheck disable=SC2016 # the script's
	stand_in cmake 'dir=$4/library/spdm_responder_lib/CMakeFiles/spdm_responder_lib.dir' \
		'mkdir -p "$dir"; echo "C_DEFINES = -DLIBSPDM_X=0 -DOTHER" >"$dir/flags.make"'
	stand_in make
	export TSMCTL_CACHE=$BATS_TEST_TMPDIR/cache
	PATH=$bin:$PATH
}

@test "libspdm: a requester and a responder can be linked with what is in the cache, and its licence is beside it" {
	run -0 --separate-stderr "$top/tests/bed/get-libspdm"
	dir=$output
	run -0 cat "$dir/LICENSE.md"
	assert_line --partial "BSD 3-Clause"
	# libspdm calls functions of the program; these are not called here.
	cat >"$BATS_TEST_TMPDIR/use.c" <<-END
		#include "library/spdm_common_lib.h"
		#define HOOK(name) bool name(void); bool name(void) { return false; }
		HOOK(libspdm_psk_handshake_secret_hkdf_expand)
		HOOK(libspdm_psk_master_secret_hkdf_expand)
		HOOK(libspdm_requester_data_sign)
		HOOK(libspdm_responder_data_sign)
		int main(void) { return libspdm_get_context_size() == 0; }
	END
	cat >"$BATS_TEST_TMPDIR/use.mk" <<-END
		include $dir/flags.mk
		all: requester responder
		requester: use.c ; gcc -Wall -Werror \$(SPDM_CFLAGS) -o \$@ \$< \$(SPDM_REQUESTER)
		responder: use.c ; gcc -Wall -Werror \$(SPDM_CFLAGS) -o \$@ \$< \$(SPDM_RESPONDER)
	END
	run -0 make -C "$BATS_TEST_TMPDIR" -f use.mk
	run -0 "$BATS_TEST_TMPDIR/requester"
	run -0 "$BATS_TEST_TMPDIR/responder"
}

@test "libspdm: once it is in the cache, nothing is downloaded or built" {
	run -0 --separate-stderr "$top/tests/bed/get-libspdm"
	dir=$output
	for name in apt-get apt-cache cmake make; do stand_in $name 'exit 1'; done
	PATH=$bin:$PATH run -0 "$top/tests/bed/get-libspdm"
	assert_output "$dir"
	PATH=$bin:$PATH run -0 "$top/tests/bed/get-libspdm" --cached
	assert_output "$dir"
	[ ! -e "$log" ]
}

@test "libspdm: only the archive of the source is downloaded, and headers of another OpenSSL are left out" {
	stand_ins
	run -1 "$top/tests/bed/get-libspdm" --cached
	assert_output ""
	run -0 --separate-stderr "$top/tests/bed/get-libspdm"
	assert_regex "$output" "^$TSMCTL_CACHE/libspdm/1-2-[0-9a-f]{12}\$"
	assert_equal "$(cat "$output/LICENSE.md")" "a licence"
	grep -q '^SPDM_CFLAGS := -isystem .* -DLIBSPDM_X=0 -include base.h$' "$output/flags.mk"
	[ ! -e "$TSMCTL_CACHE/libspdm/source-1-2/os_stub/openssllib/openssl_gen" ]
	grep -q '^deb-src .* trixie main$' "$TSMCTL_CACHE/apt/libspdm/sources.list"
	run -0 grep -c ' source .* edk2=1-2$' "$log"
	assert_output 1
	# The second run finds all of it.
	: >"$log"
	run -0 --separate-stderr "$top/tests/bed/get-libspdm"
	run -0 cat "$log"
	assert_output ""
}

@test "libspdm: with LIBSPDM_SRC make is called each time, and nothing is downloaded" {
	stand_ins
	export LIBSPDM_SRC=$BATS_TEST_TMPDIR/tree/edk2-1/SecurityPkg/DeviceSecurity/SpdmLib/libspdm
	for try in 1 2; do
		: >"$log"
		run -0 --separate-stderr "$top/tests/bed/get-libspdm"
		assert_regex "$output" "^$TSMCTL_CACHE/libspdm/given-[0-9a-f]{12}\$"
		run -0 cut -d ' ' -f 1 "$log"
		assert_output "cmake
make"
	done
}

@test "libspdm: without a mirror, or with a wrong LIBSPDM_SRC, one line has the reason" {
	stand_ins
	stand_in apt-get
	run -1 "$top/tests/bed/get-libspdm"
	assert_output "get-libspdm: no Debian mirror in this machine's apt sources; set LIBSPDM_SRC to a tree of libspdm 3.6"
	LIBSPDM_SRC=$BATS_TEST_TMPDIR run -1 "$top/tests/bed/get-libspdm"
	assert_output "get-libspdm: LIBSPDM_SRC=$BATS_TEST_TMPDIR is not a tree of libspdm"
}

@test "libspdm: a build that fails prints the end of its log, and the next run begins it again" {
	stand_ins
	stand_in make 'echo no such thing; exit 2'
	run -1 "$top/tests/bed/get-libspdm"
	assert_line "no such thing"
	assert_line --partial "get-libspdm: cannot build libspdm; the log is $TSMCTL_CACHE/libspdm/1-2-"
	stand_in make
	run -0 "$top/tests/bed/get-libspdm"
}
