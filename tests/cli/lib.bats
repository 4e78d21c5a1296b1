#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2046,SC2086,SC2154
# plain: it builds libtsmbind itself
# libtsmbind: its symbols, its header, its ioctls, pkg-config, and its manual page.
bats_require_minimum_version 1.5.0
load helpers

# lib_make VARIABLE=VALUE... TARGET: runs make, which builds into the directory of this file
lib_make() { make -s -C "$BATS_TEST_DIRNAME/../../lib" O="$OUT" CFLAGS=-g CPPFLAGS= LDFLAGS= "$@"; }

setup_file() {
	export OUT=$BATS_FILE_TMPDIR/out DEST=$BATS_FILE_TMPDIR/dest
	lib_make prefix=/opt/tsm VERSION=1.2 DESTDIR="$DEST" install
}

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	tmp=$BATS_TEST_TMPDIR
	PATH=$PATH:/usr/sbin:/sbin
	shared=$DEST/opt/tsm/lib/libtsmbind.so.0
	static=$DEST/opt/tsm/lib/libtsmbind.a
	header=$top/lib/tsmbind.h
	page=$top/man/libtsmbind.3
}

# tree DIR: prints all files in it, with modes and contents
tree() {
	(cd "$1" && find . -printf '%p %y %m %l\n' | LC_ALL=C sort && find . -type f -exec cksum {} + | LC_ALL=C sort)
}

# functions: prints the functions that the header declares, one a line
functions() { cc -E "$header" | grep -oP '\btsmbind_[a-z_]+(?=\()' | LC_ALL=C sort; }

# compile FILE.c LIBRARY: builds a program that includes the header and those of the kernel
compile() {
	cc -std=gnu11 -Wall -Wextra -Werror -g -I"$top/lib" -I"$top/kernel/uapi" -o "${1%.c}" "$@"
}

@test "libtsmbind: exports the functions of its header, in the version of its map, and nothing else" {
	[ "$(functions | wc -l)" -ge 9 ]
	map=$(sed -n 's/^\t\(tsmbind_.*\);$/\1/p' "$top/lib/tsmbind.map" | LC_ALL=C sort)
	assert_equal "$map" "$(functions)"
	run sh -c 'nm -D --defined-only "$1" | cut -d " " -f 3 | LC_ALL=C sort' - "$shared"
	assert_output "$(echo TSMBIND_0.1; functions | sed 's/$/@@TSMBIND_0.1/')"
	run sh -c 'nm -g --defined-only "$1" | sed -n "s/.* T //p" | LC_ALL=C sort' - "$static"
	assert_output "$(functions)"
	[ "$(nm -g --defined-only "$static" | grep -c ' [A-TV-Z] ')" -eq "$(functions | wc -l)" ]
}

@test "libtsmbind: has the soname of its ABI, and needs only libc" {
	run sh -c 'readelf -dW "$1" | sed -nE "s/.*\((SONAME|NEEDED|TEXTREL|RPATH|RUNPATH)\).*\[(.*)\]/\1 \2/p"' - "$shared"
	assert_output "NEEDED libc.so.6
SONAME libtsmbind.so.0"
}

@test "tsmbind.h: is C99, C11 and C++, by itself and without a warning" {
	cat > "$tmp/program.c" <<- 'END'
		#include <tsmbind.h>
		typedef char caps_have_64_bits[sizeof(TSMBIND_CAP_BIND) == 8 ? 1 : -1];
		int main(void) { return TSMBIND_CAP_EXCLUSIVE == 8 ? 0 : tsmbind_unbind(0); }
	END
	tried=0
	for compiler in "gcc -xc -std=c99" "clang-19 -xc -std=c99" "gcc -xc -std=c11" "g++ -xc++ -std=c++11" "clang++-19 -xc++ -std=c++17"; do
		command -v ${compiler%% *} > /dev/null || continue
		$compiler -pedantic -Wall -Wextra -Wundef -Werror -I"$top/lib" -fsyntax-only "$tmp/program.c"
		tried=$((tried + 1))
	done
	[ $tried -ge 2 ] || fail "only $tried compilers"
}

@test "libtsmbind: each function issues its ioctl, and returns a negative errno or what it promises" {
	cat > "$tmp/calls.c" <<- 'END'
		#include <assert.h>
		#include <errno.h>
		#include <linux/vfio_tsm.h>
		#include <stdarg.h>
		#include <stdio.h>
		#include <string.h>
		#include <fcntl.h>
		#include <tsmbind.h>

		static unsigned long seen;
		static int result, error, eventfd_seen;
		static struct vfio_pci_tsm_req req;
		static uint32_t vdevice_id;

		int ioctl(int fd, unsigned long request, ...)
		{
			va_list args;
			void *arg;

			va_start(args, request);
			arg = va_arg(args, void *);
			va_end(args);
			assert(fd == 99);
			seen = request;
			if (request == VFIO_DEVICE_TSM_BIND) {
				struct vfio_pci_tsm_bind *bind = arg;

				assert(bind->argsz == sizeof(*bind) && !bind->flags && !bind->pad);
				vdevice_id = bind->vdevice_id;
			} else if (request == VFIO_DEVICE_TSM_UNBIND) {
				struct vfio_pci_tsm_unbind *unbind = arg;

				assert(unbind->argsz == sizeof(*unbind) && !unbind->flags);
			} else if (request == VFIO_DEVICE_TSM_REQ) {
				req = *(struct vfio_pci_tsm_req *)arg;
				assert(req.argsz == sizeof(req) && !req.flags && !req.tvm_arch);
				((struct vfio_pci_tsm_req *)arg)->tsm_code = 77;
			} else if (request == VFIO_DEVICE_TSM_INFO) {
				struct vfio_pci_tsm_info *info = arg;

				assert(info->argsz == sizeof(*info) && !info->flags);
				*info = (struct vfio_pci_tsm_info){
					.argsz = sizeof(*info), .state = 1, .tdi_state = 2, .tdi_id = 3,
					.vdevice_id = 4, .reason = 5, .generation = 6, .caps = 1ull << 40,
				};
			} else {
				struct vfio_pci_tsm_event *event = arg;

				assert(request == VFIO_DEVICE_TSM_EVENT);
				assert(event->argsz == sizeof(*event) && !event->flags && !event->pad);
				eventfd_seen = event->eventfd;
			}
			errno = error;
			return error ? -1 : result;
		}

		int main(void)
		{
			struct tsmbind_info info;
			char ask[8], answer[32], *bytes;
			struct { struct tsmbind_info info; char later[8]; } newer;
			uint64_t code = 1;
			int fd;

			assert(tsmbind_bind(99, 7) == 0 && seen == VFIO_DEVICE_TSM_BIND && vdevice_id == 7);
			assert(tsmbind_unbind(99) == 0 && seen == VFIO_DEVICE_TSM_UNBIND);
			assert(tsmbind_set_event(99, -1) == 0 && seen == VFIO_DEVICE_TSM_EVENT);
			assert(eventfd_seen == -1);
			fd = tsmbind_open_event(99);
			assert(fd >= 0 && eventfd_seen == fd);
			assert(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) & O_NONBLOCK);

			/* the residue of the response, and none without a response */
			result = 12;
			assert(tsmbind_request(99, TSMBIND_SCOPE_STATE_CHANGE, ask, 8, answer, 32, &code) == 20);
			assert(seen == VFIO_DEVICE_TSM_REQ && code == 77 && req.scope == 1);
			assert(req.req_len == 8 && req.resp_len == 32);
			assert(req.req_uptr == (uintptr_t)ask && req.resp_uptr == (uintptr_t)answer);
			assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, 8, answer, 32, NULL) == 20);
			result = 3;
			assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, 8, NULL, 0, &code) == 0);

			/* the code is written on every error */
			error = EIO, code = 1;
			assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, 8, answer, 32, &code) == -EIO);
			assert(code == 77);
			for (size_t len = 0x100001; len; len = len == 0x100001 ? 0x100000008 : 0) {
				seen = 0, code = 1;
				assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, len, answer, 32, &code) == -E2BIG);
				assert(!seen && code == 0);
				assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, 8, answer, len, NULL) == -E2BIG);
				assert(!seen);
			}

			/* older and newer programs */
			error = result = 0;
			assert(tsmbind_info(99, &info, sizeof(info)) == 0 && seen == VFIO_DEVICE_TSM_INFO);
			assert(info.state == 1 && info.tdi_state == 2 && info.tdi_id == 3 && info.vdevice_id == 4);
			assert(info.reason == 5 && !info.reserved && info.generation == 6 && info.caps == 1ull << 40);
			memset(&newer, 0xff, sizeof(newer));
			assert(tsmbind_info(99, &newer.info, sizeof(newer)) == 0 && newer.info.caps == 1ull << 40);
			bytes = newer.later;
			for (int i = 0; i < 8; i++)
				assert(!bytes[i]);
			memset(&newer, 0xff, sizeof(newer));
			assert(tsmbind_info(99, &newer.info, 32) == 0 && newer.info.generation == 6);
			assert(newer.info.caps == UINT64_MAX);

			for (error = 1; error < 134; error++) {
				assert(tsmbind_bind(99, 0) == -error && tsmbind_unbind(99) == -error);
				assert(tsmbind_set_event(99, 5) == -error && tsmbind_open_event(99) == -error);
				assert(tsmbind_info(99, &info, sizeof(info)) == -error);
				assert(tsmbind_request(99, TSMBIND_SCOPE_INFO, ask, 8, answer, 32, &code) == -error);
				/* nothing stays open */
				assert(fcntl(eventfd_seen, F_GETFD) == -1 && eventfd_seen == fd + 1);
			}

			assert(!strcmp(tsmbind_state_name(TSMBIND_STATE_OPEN), "open"));
			assert(!strcmp(tsmbind_state_name(TSMBIND_STATE_QUARANTINED), "quarantined"));
			assert(!strcmp(tsmbind_tdi_state_name(TSMBIND_TDI_ERROR), "ERROR"));
			assert(!strcmp(tsmbind_reason_name(TSMBIND_REASON_FOREIGN), "foreign"));
			assert(!strcmp(tsmbind_state_name(5), "unknown") && !strcmp(tsmbind_state_name(-1), "unknown"));
			assert(!strcmp(tsmbind_tdi_state_name(5), "unknown"));
			assert(!strcmp(tsmbind_reason_name(10), "unknown"));
			puts("all");
		}
	END
	for library in "$shared" "$static"; do
		compile "$tmp/calls.c" "$library"
		run env LD_LIBRARY_PATH="${shared%/*}" "$tmp/calls"
		assert_success
		assert_output all
	done
}

@test "libtsmbind: a program that is built with pkg-config runs with the shared and the static library" {
	command -v pkg-config > /dev/null || skip "no pkg-config"
	cat > "$tmp/program.c" <<- 'END'
		#include <errno.h>
		#include <stdio.h>
		#include <tsmbind.h>

		int main(void)
		{
			struct tsmbind_info info;
			char answer[32];
			uint64_t code = 1;

			printf("%d %d %d %d %d %d %s\n", tsmbind_bind(-1, 0) == -EBADF, tsmbind_unbind(-1) == -EBADF,
			       tsmbind_info(-1, &info, sizeof(info)) == -EBADF, tsmbind_set_event(-1, -1) == -EBADF,
			       tsmbind_open_event(-1) == -EBADF,
			       tsmbind_request(-1, TSMBIND_SCOPE_INFO, NULL, 0, answer, 32, &code) == -EBADF && !code,
			       tsmbind_state_name(TSMBIND_STATE_LOST));
			return 0;
		}
	END
	export PKG_CONFIG_LIBDIR=$DEST/opt/tsm/lib/pkgconfig
	run pkg-config --modversion tsmbind
	assert_output 1.2
	for how in --define-prefix "--dont-define-prefix --define-variable=prefix=$DEST/opt/tsm"; do
		run pkg-config $how --cflags --libs tsmbind
		assert_output --regexp "^-I$DEST/opt/tsm/include -L$DEST/opt/tsm/lib -ltsmbind ?$"
		cc -Wall -Werror -o "$tmp/program" "$tmp/program.c" $output
	done
	run readelf -d "$tmp/program"
	assert_output --partial "[libtsmbind.so.0]"
	run env LD_LIBRARY_PATH="$DEST/opt/tsm/lib" "$tmp/program"
	assert_output "1 1 1 1 1 1 lost"
	cc -Wall -Werror -o "$tmp/program" "$tmp/program.c" -Wl,-Bstatic $(pkg-config --define-prefix --static --cflags --libs tsmbind) -Wl,-Bdynamic
	run readelf -d "$tmp/program"
	refute_output --partial "libtsmbind"
	run "$tmp/program"
	assert_output "1 1 1 1 1 1 lost"
}

@test "libtsmbind: has the version of tsmctl, which appears only in tsmbind.pc" {
	version=$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")
	[[ $version == [0-9]*.* ]]
	for version in "" 0 1.0; do
		lib_make prefix=/opt/tsm ${version:+VERSION="$version"} DESTDIR="$tmp/$version" install
		run diff -r "$tmp/$version" "$DEST"
		assert_equal "$(grep -c '^diff' <<< "$output")" 1
		assert_line "< Version: ${version:-$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")}"
	done
}

@test "libtsmbind: install puts each file in its place with its mode, and without a path of the build" {
	(umask 077 && lib_make prefix=/usr DESTDIR="$tmp/dest" install)
	run sh -c 'cd "$1" && find . ! -type d -printf "%m %P %l\n" | LC_ALL=C sort -k 2' - "$tmp/dest"
	assert_output "644 usr/include/tsmbind.h 
644 usr/lib/libtsmbind.a 
777 usr/lib/libtsmbind.so libtsmbind.so.0
755 usr/lib/libtsmbind.so.0 
644 usr/lib/pkgconfig/tsmbind.pc "
	run grep -rlF -e "$top" -e "$OUT" -e "$tmp" "$tmp/dest"
	assert_output ""
	run grep -rE '@[A-Za-z]+@' "$tmp/dest/usr/lib/pkgconfig"
	assert_output ""
}

@test "libtsmbind: uninstall removes what install has put there, and nothing else" {
	mkdir -p "$tmp/dest/usr/local/lib/pkgconfig" "$tmp/dest/usr/local/include" "$tmp/dest/usr/local/bin"
	echo mine | tee "$tmp/dest/usr/local/lib/pkgconfig/other.pc" > "$tmp/dest/usr/local/lib/libtsmbind.so.1"
	before=$(tree "$tmp/dest")
	lib_make DESTDIR="$tmp/dest" install
	[ "$(tree "$tmp/dest")" != "$before" ]
	# whatever the version is, and twice
	for version in 3.0 3.0; do
		lib_make DESTDIR="$tmp/dest" VERSION=$version uninstall
		assert_equal "$(tree "$tmp/dest")" "$before"
	done
	dirs="prefix=/p libdir=/1/lib includedir=/2 pkgconfigdir=/3/a,b&c"
	lib_make DESTDIR="$tmp/root" $dirs install
	assert_equal "$(cd "$tmp/root" && find . ! -type d | LC_ALL=C sort | xargs)" \
		"./1/lib/libtsmbind.a ./1/lib/libtsmbind.so ./1/lib/libtsmbind.so.0 ./2/tsmbind.h ./3/a,b&c/tsmbind.pc"
	lib_make DESTDIR="$tmp/root" $dirs uninstall
	run find "$tmp/root" -mindepth 1
	assert_output ""
}

@test "libtsmbind: tsmbind.pc may have directories with ',' and '&', and those below the prefix move with it" {
	lib_make DESTDIR="$tmp" 'prefix=/a,b&c' includedir=/d,e install
	run cat "$tmp/a,b&c/lib/pkgconfig/tsmbind.pc"
	assert_line 'prefix=/a,b&c'
	assert_line 'libdir=${prefix}/lib'
	assert_line 'includedir=/d,e'
}

@test "libtsmbind: install prints the next step if there is one, and nothing with -s" {
	say() { make --no-print-directory -C "$top/lib" O="$OUT" CFLAGS=-g CPPFLAGS= LDFLAGS= prefix="$tmp/p" "$@"; }
	run say DESTDIR="$tmp/dest" install
	assert_output "  INSTALL $tmp/dest$tmp/p/lib/libtsmbind.so"
	run say DESTDIR="$tmp/dest" uninstall
	assert_output "  REMOVE  $tmp/dest$tmp/p/lib/libtsmbind.so"
	run say DESTDIR= install
	assert_line "  INSTALL $tmp/p/lib/libtsmbind.so"
	assert_line --partial ldconfig
	run say DESTDIR= -s install
	assert_output ""
}

@test "libtsmbind: other flags of the compiler or linker build it again" {
	build() { make --no-print-directory -C "$top/lib" O="$tmp" CPPFLAGS= "$@"; }
	for flags in "CFLAGS=-g LDFLAGS=" "CFLAGS=-g LDFLAGS=-Wl,-O1"; do
		run build $flags
		assert_line --partial "  LD "
		run build $flags
		assert_output ""
	done
}

# run_example FAULT: runs lib/example.c on a device that does not exist. FAULT is the letter of
# an ioctl that fails, with its errno, or a word. Prints the output of the example, the
# ioctls and the result.
run_example() {
	[ -e "$BATS_FILE_TMPDIR/example" ] || {
		cat > "$BATS_FILE_TMPDIR/example.c" <<- 'END'
			#include <assert.h>
			#include <errno.h>
			#include <fcntl.h>
			#include <linux/vfio_tsm.h>
			#include <stdarg.h>
			#include <stdio.h>
			#include <stdlib.h>
			#include <string.h>
			#include <sys/eventfd.h>

			int run_device(int device, unsigned int host_id);

			static const char *fault;
			static char calls[16];
			static int event = -1, infos;

			int ioctl(int fd, unsigned long request, ...)
			{
				struct vfio_pci_tsm_info *info;
				struct vfio_pci_tsm_req *req;
				char call = "BURIE"[request - VFIO_DEVICE_TSM_BIND];
				unsigned char *ask;
				va_list args;
				void *arg;

				va_start(args, request);
				arg = va_arg(args, void *);
				va_end(args);
				assert(fd == 99 && strlen(calls) < 15);
				calls[strlen(calls)] = call;
				if (fault[0] == call) {
					errno = atoi(fault + 1);
					return -1;
				}
				switch (call) {
				case 'E':
					event = ((struct vfio_pci_tsm_event *)arg)->eventfd;
					break;
				case 'B':
					/* lost at once */
					assert(event >= 0 && !eventfd_write(event, 1));
					break;
				case 'R':
					req = arg;
					ask = (unsigned char *)(uintptr_t)req->req_uptr;
					assert(req->req_len == 16 && ask[0] == 0x10 && ask[1] == 0x85);
					assert(ask[4] == 0x28 && ask[5] == 0x41);
					memset((void *)(uintptr_t)req->resp_uptr, 2, req->resp_len);
					((char *)(uintptr_t)req->resp_uptr)[1] = strcmp(fault, "refused") ? 0x05 : 0x7f;
					return req->resp_len - (strcmp(fault, "short") ? 17 : 16);
				case 'I':
					info = arg;
					info->state = VFIO_PCI_TSM_INFO_STATE_LOST;
					info->reason = VFIO_PCI_TSM_INFO_REASON_RESET;
					if (!strcmp(fault, "twice") && !infos++) {
						info->state = VFIO_PCI_TSM_INFO_STATE_BOUND;
						assert(!eventfd_write(event, 1));
					}
					if (!strcmp(fault, "error")) {
						info->state = VFIO_PCI_TSM_INFO_STATE_BOUND;
						info->tdi_state = VFIO_PCI_TSM_INFO_TDI_ERROR;
					}
				}
				return 0;
			}

			int main(int argc, char **argv)
			{
				int ret;

				assert(argc == 2);
				fault = argv[1];
				ret = run_device(99, 0x4128);
				printf("%s %d\n", calls, ret);
				/* the eventfd is closed */
				assert(fcntl(event, F_GETFD) == -1);
				return 0;
			}
		END
		compile "$BATS_FILE_TMPDIR/example.c" "$top/lib/example.c" "$static"
	}
	run timeout 60 "$BATS_FILE_TMPDIR/example" "$1"
	assert_success
}

@test "lib/example.c: misses no loss, checks the response, and cleans up on every error" {
	run_example -
	assert_output "TDI state 2
lost reset
EBRIU 0"
	run_example twice
	assert_output --partial "EBRIIU 0"
	run_example error
	assert_output --partial "EBRIU 0"
	for each in E25:E:-25 B16:EB:-16 R6:EBRU:-6 short:EBRU:-71 refused:EBRU:-71 I5:EBRIU:-5 U5:EBRIU:-5; do
		IFS=: read -r fault calls result <<< "$each"
		run_example "$fault"
		assert_line "$calls $result"
		[[ $calls == *I* ]] || [ "$fault" = R6 ] || refute_output --partial "state"
	done
}

@test "lib/example.c: has 40 lines at most, and README shows all but its includes" {
	[ "$(wc -l < "$top/lib/example.c")" -le 40 ]
	block=$(sed -n '/^```c$/,/^```$/{/^```/!p}' "$top/README.md")
	assert_equal "$block" "$(sed '1,/^#include <unistd/d' "$top/lib/example.c" | sed '/./,$!d')"
}

@test "libtsmbind(3): has every function, constant and field of tsmbind.h" {
	for name in $(functions); do
		[ "$(grep -cE "^\.Fn $name( |$)" "$page")" -ge 2 ] || fail "no $name"
	done
	constants=$(grep -oP '^(\t|#define )\KTSMBIND_[A-Z0-9_]+(?= )' "$header")
	[ "$(wc -l <<< "$constants")" -ge 25 ] || fail "only $constants"
	for name in $constants; do
		grep -qE "^\.Dv $name( |$)" "$page" || fail "no $name"
	done
	for name in $(sed -n '/^struct tsmbind_info {/,/^}/s/^\tuint.* \(.*\);$/\1/p' "$header"); do
		grep -qx "\.It Va $name" "$page" || fail "no $name"
		fields=$((${fields:-0} + 1))
	done
	[ "$fields" -ge 8 ]
}

# errors FUNCTION: prints the errors that the page has for this function, or for all
errors() {
	awk -v "name=$1()" '/^\.Sh/ { on = /ERRORS/ } /^\.Ss/ { on = $2 == name } on && /^\.It Bq Er/ { print $4 }' "$page"
}

@test "libtsmbind(3): has every errno of the ioctls, by function" {
	abi=$top/kernel/uapi/linux/vfio_tsm.h
	checked=0
	for pair in BIND:bind REQ:request INFO:info EVENT:set_event; do
		known=$(errors "tsmbind_${pair#*:}")
		# the library passes valid structures; ENOTTY is an error of all functions
		for errno in $(sed -n "/^ \* VFIO_DEVICE_TSM_${pair%:*} - /,/^#define/p" "$abi" |
			grep -vE 'bad pointer|as for VFIO_DEVICE_TSM_BIND;' | grep -E '^ \* [A-Z0-9, ]+ - ' |
			sed 's/ - .*//' | grep -oE '\bE[A-Z0-9]+\b'); do
			grep -qx "$errno" <<< "$known" || fail "no $errno of tsmbind_${pair#*:}"
			checked=$((checked + 1))
		done
	done
	[ $checked -ge 25 ] || fail "only $checked"
	known=$(errors tsmbind_unbind)
	for errno in $(sed -n '/^ \* vfio_pci_tsm_unbind()/,/^ \* Context/p' "$top/kernel/unbind.c" | grep -oP -- '-\KE[A-Z]+'); do
		grep -qx "$errno" <<< "$known" || fail "no $errno of tsmbind_unbind"
		checked=$((checked + 1))
	done
	for name in $(functions); do
		for errno in $(sed -n "/^ \* $name()/,/^ \*\//p" "$top/lib/tsmbind.c" | grep -oP -- '-\KE[A-Z]+'); do
			errors "$name" | grep -qx "$errno" || fail "no $errno of $name"
			checked=$((checked + 1))
		done
	done
	[ $checked -ge 35 ] || fail "only $checked"
}
