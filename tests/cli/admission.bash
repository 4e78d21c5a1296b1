#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154
# What the tests of admission share: a device with good evidence, and what this host allows.
# evidence.py plays the device, with keys that are made for this run.
load helpers

# For setup_file: the certificates, and revocation lists: root-list has nothing, and revoked the
# certificate of the device.
prepare_certs() {
	build_kernel
	"$BATS_TEST_DIRNAME/../tools/dsm/make-certs" "$BATS_FILE_TMPDIR/certs"
	cd "$BATS_FILE_TMPDIR/certs" || return
	printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha384\ndefault_crl_days=30\n' > conf
	: > index
	echo 01 > number
	openssl ca -config conf -keyfile root.key -cert root.pem -gencrl -out root-list.pem 2> /dev/null
	openssl ca -config conf -keyfile intermediate.key -cert intermediate.pem -revoke device.pem 2> /dev/null
	openssl ca -config conf -keyfile intermediate.key -cert intermediate.pem -gencrl -out revoked.pem 2> /dev/null
}

# For setup: a device that must be admitted, and answers with good evidence.
fake_admission() {
	fake_configured_host
	fake_assigned 0000:01:00.0
	CERTS=$BATS_FILE_TMPDIR/certs
	DEVICES=$SYS/devices/pci0000:00
	FIRMWARE=$(printf firmware | sha384sum | cut -d ' ' -f 1)
	LEAF=sha256:$(openssl dgst -sha256 -r "$CERTS/device.der" | cut -d ' ' -f 1)
	mkdir -m 755 "$TSMCTL_ETC/trust.d"
	trust root
	allow "[$(entry "firmware 1.2" "$FIRMWARE")]"
	device 0000:01:00.0
	answers 0000:01:00.0
	policy 0000:01:00.0 admission required
}

# trust NAME...: what trust.d has.
trust() {
	local name

	rm -f "$TSMCTL_ETC"/trust.d/*
	for name; do install -m 644 "$CERTS/$name.pem" "$TSMCTL_ETC/trust.d/"; done
}

# allow ENTRIES: the list of allowed measurements. entry NAME HEX: one of its entries.
allow() {
	printf '{"version": 1, "allowed": %s}' "$1" > "$TSMCTL_ETC/measurements.json"
	chmod 644 "$TSMCTL_ETC/measurements.json"
}
entry() { printf '{"name": "%s", "measurements": [{"index": 2, "values": ["%s"]}]}' "$1" "$2"; }

# make_evidence ADDR: the command that makes the evidence of a device.
make_evidence() {
	echo "python3 $BATS_TEST_DIRNAME/evidence.py $DEVICES/$1/vfio_tsm_evidence key=$CERTS/device.key \
chain=$CERTS/root.der,$CERTS/intermediate.der,$CERTS/device.der"
}

# device ADDR [KEY=VALUE]...: its TSM has collected evidence before.
device() { $(make_evidence "$1") nonce="$(printf '%064d' 1)" generation=4 "${@:2}"; }

# answers ADDR [KEY=VALUE]...: what the device answers to the nonce of the next command.
answers() {
	FAKE_MEANWHILE="*/$1/vfio_tsm_evidence/nonce=* env -u LD_PRELOAD $(make_evidence "$1") \
nonce=\$FAKE_VALUE generation=5 ${*:2}"
	export FAKE_MEANWHILE
}
