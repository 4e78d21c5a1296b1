#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154
# tests/static/rooms: it checks which room of cli/ includes which, and what a header declares.
# plain: it reads sources alone
bats_require_minimum_version 1.5.0
load helpers

setup() { ROOMS=$BATS_TEST_DIRNAME/../static/rooms; }

# copy: makes a copy of the sources and the table, for faults
copy() {
	cp "$BATS_TEST_DIRNAME/../../ARCHITECTURE.md" "$BATS_TEST_TMPDIR"
	cp -r "$BATS_TEST_DIRNAME/../../cli" "$BATS_TEST_TMPDIR/cli"
	cd "$BATS_TEST_TMPDIR/cli" || fail "no copy"
}

# finds FAULT...: the script fails, and prints these lines and no others
finds() {
	run "$ROOMS" .
	assert_failure
	assert_output "$(printf '%s\n' "$@")"
}

@test "rooms: the sources of the programs keep the rules" {
	run "$ROOMS"
	assert_success
	assert_output --regexp '^[0-9]+ files in [0-9]+ rooms$'
}

@test "rooms: an include against the direction is found, in sources and in headers" {
	copy
	sed -i '1i #include "host/pci.h"' common/util.c
	sed -i '1i #include "config/plan.h"' doctor/doctor.h
	sed -i '1i #include "report.h"' helper/say.c
	sed -i '1i #include "helper/service/rules.h"' helper/step.c
	sed -i '1i #include "verbs/verbs.h"' report.c
	finds "common/util.c:1: common includes host/pci.h" \
		"doctor/doctor.h:1: doctor includes config/plan.h" \
		"helper/say.c:1: helper includes report.h" \
		"helper/step.c:1: helper includes helper/service/rules.h" \
		"report.c:1: report includes verbs/verbs.h"
}

@test "rooms: an include that does not name the room is found" {
	copy
	sed -i '1i #include "pci.h"' host/tsm.c
	sed -i '1i #  include "../common/util.h"' host/tsm.h
	finds "host/tsm.c:1: pci.h is not a path from cli/" \
		"host/tsm.h:1: ../common/util.h is not a path from cli/"
}

@test "rooms: an include with <> or a macro is found" {
	copy
	sed -i '1i #include <host/pci.h>' common/util.c
	sed -i '1i #include HEADER' host/tsm.c
	sed -i '1i #include <sys/later.h>' host/tsm.h
	finds "common/util.c:1: <host/pci.h> is a file of cli/: include it with quotes" \
		"host/tsm.c:1: HEADER is not the name of a file"
}

@test "rooms: a source that declares something of another source is found" {
	copy
	printf '%s\n' 'extern int elsewhere;' 'extern int called(void);' 'static int x;' >> host/tsm.c
	printf '%s\n' 'void f(void)' '{' '	extern int within;' '}' >> report.c
	printf '%s\n' 'int pci_probe(int x);' 'static int of_its_own(int x);' >> common/util.c
	finds "common/util.c: 'int pci_probe(int x);': the header of a source declares what it defines" \
		"host/tsm.c: extern: the header of a source declares what it defines" \
		"report.c: extern: the header of a source declares what it defines"
}

@test "rooms: a header that defines something is found" {
	copy
	cat >> host/tsm.h << 'END'
int shared_counter;
const char *words[] = { "one" };
int (*hook)(void);
int twice(int x) { return 2 * x; }
END
	finds "host/tsm.h: defines shared_counter: only a source defines anything" \
		"host/tsm.h: defines words: only a source defines anything" \
		"host/tsm.h: defines hook: only a source defines anything" \
		"host/tsm.h: defines twice: only a source defines anything"
}

@test "rooms: outside of the helper, the headers of the ioctls are found" {
	copy
	sed -i '1i #include <tsmbind.h>' host/tsm.c
	sed -i '1i #include <linux/vfio_tsm.h>' common/util.h
	finds "common/util.h:1: common includes <linux/vfio_tsm.h>, which is for the helper" \
		"host/tsm.c:1: host includes <tsmbind.h>, which is for the helper"
}

@test "rooms: the table is the one of ARCHITECTURE.md" {
	copy
	sed -i '/^| `doctor`/s/ host`/`/' ../ARCHITECTURE.md
	run "$ROOMS" .
	assert_failure
	assert_line --regexp '^doctor/host.c:[0-9]+: doctor includes host/'
	refute_line --regexp '^(common|config|host|helper|verbs)/'
	cp "$BATS_TEST_DIRNAME/../../ARCHITECTURE.md" ..
	sed -i -e '/^| `main`/s/main help/main/' -e '/^| `verbs`/a | `attic` | `cli/attic/` | `common` |' ../ARCHITECTURE.md
	run "$ROOMS" .
	assert_failure
	assert_line "ARCHITECTURE.md: the room attic has no file"
	assert_line --regexp '^main.c:[0-9]+: main includes help.h$'
	rm ../ARCHITECTURE.md
	run "$ROOMS" .
	assert_failure
}

@test "rooms: a pointer to a function is checked as a variable" {
	copy
	echo 'extern int (*hook)(void), (*hooks[2])(int), (*defined)(void);' >> host/tsm.h
	echo 'int (*defined)(void);' >> host/tsm.c
	finds "host/tsm.h: declares hook, which host/tsm.c does not define" \
		"host/tsm.h: declares hooks, which host/tsm.c does not define"
}

@test "rooms: a declaration that cannot be read is a fault" {
	copy
	printf '%s\n' 'extern ;' 'extern int called(int a, int b);' >> host/tsm.h
	finds "host/tsm.h: cannot read the declaration 'extern;'" \
		"host/tsm.h: declares called, which host/tsm.c does not define"
}

@test "rooms: a header that declares what another file defines is found" {
	copy
	# one is defined elsewhere, one nowhere, one for its own source alone
	cat >> host/tsm.h << 'END'
int pci_probe(const struct ctx *ctx,
	      const struct pci_device *dev);
extern const struct check host_checks[], nothing;
void tsm_of_nobody(int (*fn)(void *arg), char *text) PRINTF_LIKE(1, 2);
int tsm_own(void);
END
	echo 'static int tsm_own(void) { return 0; }' >> host/tsm.c
	# these do not declare what a source defines
	cat >> host/tsm.h << 'END'
/* int in_a_comment(void); */
struct later;
typedef int (*a_type)(struct later *later);
static inline int within(int v) { return v; }
#define MACRO(x) int macro_##x(void);
END
	finds "host/tsm.h: declares pci_probe, which host/tsm.c does not define" \
		"host/tsm.h: declares host_checks, which host/tsm.c does not define" \
		"host/tsm.h: declares nothing, which host/tsm.c does not define" \
		"host/tsm.h: declares tsm_of_nobody, which host/tsm.c does not define" \
		"host/tsm.h: declares tsm_own, which host/tsm.c does not define"
}

@test "rooms: a room that the table does not have may not include another one" {
	copy
	mkdir attic
	echo '#include "common/util.h"' > attic/attic.c
	finds "attic/attic.c:1: attic includes common/util.h"
	rm -r ./*
	run "$ROOMS" .
	assert_failure
}
