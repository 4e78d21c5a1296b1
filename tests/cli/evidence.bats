#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl evidence: what it shows, verifies and refuses. evidence.py plays the device, with keys
# that are made for this run.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_kernel
	CERTS=$BATS_FILE_TMPDIR/certs
	"$BATS_TEST_DIRNAME/../tools/dsm/make-certs" "$CERTS"
	cd "$CERTS" || return
	# a leaf without an issuer, and one with an RSA key
	openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout self.key -out self.pem \
		-subj '/CN=self' -days 30 2> /dev/null
	openssl req -new -x509 -newkey rsa:3072 -nodes -keyout rsa.key -out rsa.pem -subj '/CN=rsa' -days 30 2> /dev/null
	# the same as self, but its key may not sign
	openssl req -new -x509 -key self.key -out mute.pem -subj '/CN=mute' -days 30 \
		-addext 'keyUsage=critical,keyAgreement' 2> /dev/null
	for name in self rsa mute; do openssl x509 -in "$name.pem" -outform DER -out "$name.der"; done
	for name in device intermediate root; do
		# the root revokes itself, and what it has signed
		issuer=root
		[ $name != device ] || issuer=intermediate
		printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha384\ndefault_crl_days=30\n' > conf
		: > index
		echo 01 > number
		openssl ca -config conf -keyfile $issuer.key -cert $issuer.pem -revoke $name.pem 2> /dev/null
		openssl ca -config conf -keyfile $issuer.key -cert $issuer.pem -gencrl -out "$name-revoked.pem" 2> /dev/null
		openssl ca -config conf -keyfile $issuer.key -cert $issuer.pem -gencrl -crl_lastupdate 200101000000Z \
			-crl_nextupdate 200201000000Z -out "$name-old.pem" 2> /dev/null
	done
}

setup() {
	fake_configured_host
	fake_assigned 0000:01:00.0
	CERTS=$BATS_FILE_TMPDIR/certs
	E=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm_evidence
	NONCE=$(printf '%064d' 12)
	CHAIN=$CERTS/root.der,$CERTS/intermediate.der
	mkdir -m 755 "$TSMCTL_ETC/trust.d"
	trust root
}

# trust NAME...: what trust.d has.
trust() {
	local name

	rm -f "$TSMCTL_ETC"/trust.d/*
	for name; do install -m 644 "$CERTS/$name.pem" "$TSMCTL_ETC/trust.d/"; done
}

# device [KEY=VALUE]...: the TSM has collected evidence of the device.
device() {
	python3 "$BATS_TEST_DIRNAME/evidence.py" "$E" key="$CERTS/device.key" chain="$CHAIN,$CERTS/device.der" \
		nonce="$NONCE" "$@"
}

# evidence [OPTION]...: asks with the nonce of that evidence.
evidence() { run_split tsmctl evidence 0000:01:00.0 --nonce "$NONCE" "$@"; }

# proved CHECK...: prints the verdict of each check.
proved() { printf '%s' "$output" | python3 -c '
import json, sys
checks = {c["check"]: c for c in json.load(sys.stdin)["result"][0]["checks"]}
print(*[checks[name]["verdict"] for name in sys.argv[1:]])' "$@"; }
ALL="chain trust signature nonce measurements"

# refused CHECK PART: the evidence is shown, and refused because of this check alone.
refused() {
	local verdicts="" name

	evidence --json
	assert_failure 1
	for name in $ALL; do
		if [ "$name" = "$1" ]; then
			verdicts+=" fail"
		elif [ "$name" = measurements ] && [ ! -e "$TSMCTL_ETC/measurements.json" ]; then
			verdicts+=" n/a"
		else
			verdicts+=" pass"
		fi
	done
	# shellcheck disable=SC2086
	[ "${3:-}" = "others" ] || assert_equal "$(proved $ALL)" "${verdicts# }"
	assert_equal "$(results verified)" false
	assert_equal "$(errors "device attribute errno" "stage=$1")" "0000:01:00.0 evidence EBADMSG"
	[[ $output == *"the evidence is refused: $1: "*"$2"* ]] || fail "no '$2' in: $output"
}

@test "evidence: a good device is verified, and all of its evidence is shown" {
	device
	evidence --json
	assert_success
	assert_envelope
	assert_changed false
	assert_equal "$(results "device generation nonce fresh verified spdm_version signature hash")" \
		"0000:01:00.0 1 $NONCE true true \"1.2\" ecdsa-p384 sha384"
	# shellcheck disable=SC2086
	assert_equal "$(proved $ALL)" "pass pass pass pass n/a"
	sum=$(openssl x509 -in "$CERTS/device.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr '[:upper:]' '[:lower:]')
	[[ $output == *'"subject": "CN=tsm-dsm device"'*'"issuer": "CN=tsm-dsm intermediate"'*"sha256:$sum"* ]]
	[[ $output == *"\"value\": \"$(printf firmware | sha384sum | cut -d ' ' -f 1)\""* ]]
	[[ $output == *'"raw": true'*'"value": "312e322e33"'* ]]
	python3 -c '
import json, sys
report = json.load(sys.stdin)["result"][0]["report"]
assert report == {"flags": ["dma"], "msix_control": 0x8003, "lnr_control": 0, "tph_control": 0,
    "mmio_ranges": [{"id": 0, "first_page": 16, "pages": 4, "flags": []},
                    {"id": 4, "first_page": 32, "pages": 2, "flags": ["msix-table"]}],
    "device_specific": "616263"}, report' <<< "$output"
	# the device has the nonce in its attribute
	assert_equal "$(< "$E/nonce")" "$NONCE"
}

@test "evidence: every key of the JSON is in tsmctl-json(5)" {
	device
	evidence --json
	page=$(sed 's/\\//g' "$BATS_TEST_DIRNAME/../../man/tsmctl-json.5" | grep '^\.It ' | tr ' ' '\n')
	keys=$(grep -oE '"[a-z_]+":' <<< "$output" | tr -d '":' | sort -u)
	[ "$(wc -l <<< "$keys")" -gt 30 ] || fail "only $keys"
	for key in $keys; do grep -qxF "$key" <<< "$page" || fail "no $key"; done
}

@test "evidence: people read the same" {
	device report=
	evidence
	assert_success
	assert_equal "$stderr" ""
	assert_line --regexp "^device +0000:01:00.0$"
	assert_line --regexp "^fresh +yes$"
	assert_line "  CN=tsm-dsm device"
	assert_line --regexp "^      issuer  CN=tsm-dsm intermediate$"
	assert_line --regexp "^    2  digest  mutable firmware +$(printf firmware | sha384sum | cut -d ' ' -f 1)$"
	assert_line --regexp "^    3  raw     hardware configuration .*\.\.\. \(80 bytes\)$"
	assert_line --regexp "^ok    trust +by CN=tsm-dsm root, sha256:"
	assert_line --regexp "^verified +yes$"
	# without a TDI there is no report
	refute_output --partial MMIO
	device generation=2
	evidence
	assert_line "  MMIO range 4: 2 pages from page 0x20, msix-table"
}

@test "evidence: each run asks with another nonce" {
	export FAKE_MEANWHILE="*/vfio_tsm_evidence/nonce=* env -u LD_PRELOAD python3 $BATS_TEST_DIRNAME/evidence.py $E \
key=$CERTS/device.key chain=$CHAIN,$CERTS/device.der nonce=\$FAKE_VALUE"
	device generation=0
	for run in 1 2; do
		run_split kernel tsmctl evidence 0000:01:00.0 --json
		assert_success
		assert_equal "$(results "fresh verified")" "true true"
		eval "nonce$run=$(results nonce)"
	done
	# shellcheck disable=SC2154
	assert [ "$nonce1" != "$nonce2" ]
	assert [ "$nonce1" != "$NONCE" ]
	# every device has a nonce of its own
	fake_assigned 0000:02:00.0
	cp -r "$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm_evidence" "$SYS/devices/pci0000:00/0000:02:00.0"
	unset FAKE_MEANWHILE
	: > "$FAKE_LOG"
	run_split kernel tsmctl evidence 0000:01:00.0 0000:02:00.0 --json
	assert_equal "$(grep -o '/nonce .*' "$FAKE_LOG" | sort -u | wc -l)" 2
}

@test "evidence: an answer for another nonce is refused as old" {
	device
	NONCE=$(printf '%064d' 13)
	refused nonce "the evidence is for another nonce, $(printf '%064d' 12)"
}

@test "evidence: a chain that signs itself, or has another root, is not trusted" {
	device key="$CERTS/self.key" chain="$CERTS/self.der"
	refused trust "CN=self, sha256:"
	device
	trust other
	sum=$(openssl dgst -sha256 -r "$CERTS/root.der" | cut -d ' ' -f 1)
	refused trust "CN=tsm-dsm root, sha256:$sum: neither it nor its issuer is a trusted certificate"
	# an intermediate certificate can be trusted by itself
	trust intermediate
	evidence
	assert_success
}

@test "evidence: without a trusted certificate, the chain is verified in itself" {
	device
	rm -r "$TSMCTL_ETC/trust.d"
	evidence --json
	assert_success
	# shellcheck disable=SC2086
	assert_equal "$(proved $ALL)" "pass n/a pass pass n/a"
	assert_equal "$(results verified)" false
}

@test "evidence: a revoked leaf, intermediate or root is refused" {
	device
	for name in device intermediate root; do
		trust root "$name-revoked"
		refused trust "CN=tsm-dsm $name, sha256:"
		[[ $output == *"it is revoked"* ]]
		# a list that is too old proves nothing
		trust root "$name-old"
		refused trust "CRL has expired"
	done
}

@test "evidence: an expired certificate is refused" {
	device key="$CERTS/expired.key" chain="$CHAIN,$CERTS/expired.der"
	refused chain "CN=tsm-dsm device: it has expired, at 2021-01-01T00:00:00Z" others
	# shellcheck disable=SC2086
	assert_equal "$(proved $ALL)" "fail fail pass pass n/a"
}

@test "evidence: certificates in another order, or with another root digest, are refused" {
	device chain="$CERTS/intermediate.der,$CERTS/root.der,$CERTS/device.der"
	refused chain "certificate 2 was not issued by the one before it" others
	device
	printf '\0\0\0' | dd of="$E/cert0" bs=1 seek=10 conv=notrunc status=none
	refused chain "the digest of the root" others
	# a key that is not for signatures
	trust mute
	device key="$CERTS/self.key" chain="$CERTS/mute.der"
	refused chain "the leaf is not for signatures"
	trust root
	# a certificate that is not one
	device
	printf '\0\0\0\0\0' | dd of="$E/cert0" bs=1 seek=62 conv=notrunc status=none
	refused chain "a certificate cannot be read" others
}

@test "evidence: a measurement that was changed after it was signed, and a wrong signature, are refused" {
	device
	size=$(stat -c %s "$E/measurements")
	# in the digest of block 2; in the VCA; in the signature
	for change in measurements:110 vca:16 measurements:$((size - 1)); do
		device
		printf '\x5a' | dd of="$E/${change%:*}" bs=1 seek="${change#*:}" conv=notrunc status=none
		refused signature "the key of the leaf has not signed these measurements"
	done
	# the key of another certificate
	device key="$CERTS/expired.key"
	refused signature "the key of the leaf has not signed these measurements"
	# a key of another kind
	trust rsa
	device chain="$CERTS/rsa.der"
	refused signature "the key of the leaf is not one for ecdsa-p384"
	trust root
	device slot=1
	refused signature "they are signed for slot 1"
}

@test "evidence: other algorithms and SPDM 1.3 are verified" {
	trust rsa root
	for algorithm in rsapss-3072 rsassa-2048; do
		[ $algorithm != rsassa-2048 ] ||
			openssl req -new -x509 -newkey rsa:2048 -nodes -keyout "$CERTS/rsa.key" -out "$CERTS/rsa.pem" \
				-subj '/CN=rsa' -days 30 2> /dev/null
		openssl x509 -in "$CERTS/rsa.pem" -outform DER -out "$CERTS/rsa.der"
		trust rsa root
		device key="$CERTS/rsa.key" chain="$CERTS/rsa.der" signature=$algorithm hash=sha256
		evidence --json
		assert_success
		assert_equal "$(results "verified signature hash")" "true $algorithm sha256"
	done
	device version=13
	evidence --json
	assert_success
	assert_equal "$(results "verified spdm_version")" 'true "1.3"'
}

@test "evidence: files that are cut off, too long or wrong are refused, with the place" {
	device
	cp -r "$E" "$BATS_TEST_TMPDIR/good"
	for file in vca cert0 measurements report; do
		size=$(stat -c %s "$E/$file")
		# without a byte, there is no report, and no evidence
		for len in 3 $((size / 2)) $((size - 1)); do
			cp "$BATS_TEST_TMPDIR/good/$file" "$E/$file"
			truncate -s "$len" "$E/$file"
			evidence --json
			assert_failure 1
			assert_equal "$(errors "value errno stage")" "$file EBADMSG parse"
		done
		cp "$BATS_TEST_TMPDIR/good/$file" "$E/$file"
		printf x >> "$E/$file"
		evidence
		assert_failure 1
		assert_one_line "0000:01:00.0: the evidence is not valid: $file, byte "
		truncate -s 70000 "$E/$file"
		evidence
		assert_failure 1
		assert_one_line "cannot read the evidence: File too large"
		cp "$BATS_TEST_TMPDIR/good/$file" "$E/$file"
	done
	# lengths: VERSION, ALGORITHMS, the chain, a certificate, the record, a block, ranges
	for place in vca:9 vca:85 vca:88 cert0:0 cert0:55 measurements:41 measurements:42 measurements:47 \
		measurements:50 report:12 report:15; do
		file=${place%:*}
		printf '\xff' | dd of="$E/$file" bs=1 seek="${place#*:}" conv=notrunc status=none
		evidence --json
		assert_failure 1
		assert_equal "$(errors "value errno stage")" "$file EBADMSG parse"
		cp "$BATS_TEST_TMPDIR/good/$file" "$E/$file"
	done
	# it was not asked for all blocks, or not for a signature
	for request in 12e001fe 12e000ff; do
		device request=$request
		evidence
		assert_failure 1
		assert_one_line "measurements, byte 0: GET_MEASUREMENTS does not ask for"
	done
	echo x > "$E/generation"
	evidence
	assert_failure 1
}

@test "evidence: files of two generations are not mixed" {
	device
	# while it is read for the first time, it is collected again
	export FAKE_OPEN="*/vfio_tsm_evidence/cert0 env -u LD_PRELOAD python3 $BATS_TEST_DIRNAME/evidence.py $E \
key=$CERTS/device.key chain=$CHAIN,$CERTS/device.der nonce=$NONCE generation=2 signature=ecdsa-p384 change=2"
	run_split kernel tsmctl evidence 0000:01:00.0 --nonce "$NONCE" --json
	assert_success
	assert_equal "$(results "generation verified")" "2 true"
	[[ $output != *"$(printf firmware | sha384sum | cut -d ' ' -f 1)"* ]]
	# it never comes to an end
	export FAKE_OPEN="*/vfio_tsm_evidence/cert0 echo x >> $BATS_TEST_TMPDIR/count; wc -l < $BATS_TEST_TMPDIR/count > $E/generation"
	run_split kernel tsmctl evidence 0000:01:00.0 --nonce "$NONCE" --json
	assert_failure 6
	assert_equal "$(errors "errno stage")" "EAGAIN read"
}

@test "evidence: a TSM that offers none, a device that is not connected, and failures are named" {
	device
	while read -r number code stage message; do
		export FAKE_REFUSE="*/vfio_tsm_evidence/nonce=* $number"
		run_split kernel tsmctl evidence 0000:01:00.0
		assert_failure "$code"
		assert_equal "$output" ""
		[[ $stderr == "tsmctl: 0000:01:00.0: cannot get evidence: $message"* ]] || fail "not '$message': $stderr"
		run_split kernel tsmctl evidence 0000:01:00.0 --json
		assert_equal "$(errors stage)" "$stage"
	done <<- END
		95 5 evidence its TSM offers no evidence
		107 5 not-connected it is not connected to a TSM
		16 6 evidence its TSM is busy
		110 6 evidence its TSM or the device has not answered in time
		74 1 evidence the answer of the device is not valid
		5 1 evidence its TSM or the device has failed
		19 3 write No such device
	END
	unset FAKE_REFUSE
	# the evidence is gone when it is to be read
	echo 0 > "$E/generation"
	evidence
	assert_failure 1
	assert_one_line "the TSM has collected evidence, and it is gone"
	rm -r "$E"
	evidence
	assert_failure 5
	assert_one_line "the module vfio_tsm has none"
	fake_set_driver 0000:01:00.0 nvme
	evidence --json
	assert_failure 5
	assert_equal "$(errors "attribute value stage")" "driver nvme driver"
	run_split tsmctl evidence 0000:09:00.0
	assert_failure 3
}

@test "evidence: a user who may not ask is shown the present evidence, as not fresh" {
	device
	chmod 400 "$E/nonce"
	run_restricted tsmctl evidence 0000:01:00.0 --json
	assert_success
	assert_equal "$(results "fresh verified")" "false false"
	# shellcheck disable=SC2086
	assert_equal "$(proved $ALL)" "pass pass pass n/a n/a"
	run_restricted tsmctl evidence 0000:01:00.0
	assert_success
	assert_line --regexp '^fresh +no$'
	assert_line --partial "the evidence may be old"
	# a nonce is a demand
	run_restricted tsmctl evidence 0000:01:00.0 --nonce "$NONCE"
	assert_failure 4
	assert_equal "$output" ""
	echo 0 > "$E/generation"
	run_restricted tsmctl evidence 0000:01:00.0
	assert_failure 4
	assert_one_line "no evidence was collected yet, and only root can ask for it"
}

@test "evidence: --dry-run asks nothing, and writes no file" {
	device
	before=$(snapshot | tr -d "\0")
	run_split tsmctl evidence 0000:01:00.0 --dry-run --out "$BATS_TEST_TMPDIR/out" --json
	assert_success
	assert_equal "$(results fresh)" false
	assert_equal "$(snapshot | tr -d "\0")" "$before"
	assert [ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "evidence: --out writes the files as they came, for openssl to verify" {
	device
	out=$BATS_TEST_TMPDIR/out
	evidence --out "$out"
	assert_success
	assert_equal "$(cd "$out" && echo *)" "cert0 measurements report vca"
	for file in cert0 measurements report vca; do cmp "$out/$file" "$E/$file"; done
	# the digest of the root, and then the first certificate
	tail -c +53 "$out/cert0" | openssl x509 -inform DER -noout -subject | grep -q 'tsm-dsm root'
	# they are replaced, also by empty ones
	device generation=2 report= change=1
	evidence --out "$out"
	assert_success
	for file in cert0 measurements report vca; do cmp "$out/$file" "$E/$file"; done
	assert [ ! -s "$out/report" ]
	# also evidence that is refused is written
	truncate -s 50 "$E/measurements"
	evidence --out "$out"
	assert_failure 1
	cmp "$out/measurements" "$E/measurements"
}

@test "evidence: --out replaces nothing else, and follows no link" {
	device
	out=$BATS_TEST_TMPDIR/out
	mkdir "$out"
	for file in cert0 measurements report vca; do
		rm -rf "${out:?}"/*
		echo "something else" > "$out/$file"
		evidence --out "$out"
		assert_failure 1
		assert_one_line "cannot write $out/$file: it exists, and is not evidence of this kind"
		assert_equal "$(< "$out/$file")" "something else"
		rm "$out/$file"
		: > "$BATS_TEST_TMPDIR/target"
		ln -s ../target "$out/$file"
		evidence --out "$out"
		assert_failure 1
		assert [ ! -s "$BATS_TEST_TMPDIR/target" ]
		assert [ -L "$out/$file" ]
		rm "$out/$file"
		mkfifo "$out/$file"
		evidence --out "$out"
		assert_failure 1
	done
	ln -s out "$BATS_TEST_TMPDIR/link"
	evidence --out "$BATS_TEST_TMPDIR/link"
	assert_failure 1
	evidence --out "$BATS_TEST_TMPDIR/none/none"
	assert_failure 1
	assert_one_line "cannot write $BATS_TEST_TMPDIR/none/none: No such file or directory"
}

@test "evidence: wrong arguments are refused before a device is asked" {
	device
	for nonce in "" 12 "${NONCE}0" "x${NONCE:1}" "0x${NONCE:2}"; do
		run_split tsmctl evidence 0000:01:00.0 --nonce "$nonce"
		assert_failure 2
	done
	for devices in all 0000:02:00.0 '*'; do
		run_split tsmctl evidence "$devices" 0000:01:00.0 --out "$BATS_TEST_TMPDIR"
		assert_failure 2
		assert_one_line "--out needs one device"
	done
	assert_equal "$(< "$E/nonce")" ""
}

@test "evidence: a file in trust.d that others can write to, or without a certificate, is refused" {
	device
	chmod 666 "$TSMCTL_ETC/trust.d/root.pem"
	evidence
	assert_failure 4
	assert_one_line "root.pem is not trusted"
	trust root
	echo nothing > "$TSMCTL_ETC/trust.d/empty.pem"
	evidence
	assert_failure 2
	assert_one_line "empty.pem has neither a certificate nor a revocation list"
	# other files are not read
	mv "$TSMCTL_ETC/trust.d/empty.pem" "$TSMCTL_ETC/trust.d/README"
	evidence
	assert_success
}
