# SPDX-License-Identifier: GPL-2.0-or-later
# For tests with a real VMM: QEMU 10 with iommufd runs a guest Linux on the device, under
# KVM. The guest has the kernel of the VM itself, and busybox. It has an old processor,
# because newer ones fail in a guest of the processor that QEMU 7.2 emulates.

: "${top:?}" "${dev:?}"

# The guest's disk, in memory: busybox, the NVMe driver, and an init
guest_image() {
	local root=$BATS_FILE_TMPDIR/guest modules n=0 module
	mkdir -p "$root"/{bin,lib,usr}
	cp /bin/busybox "$root/bin/"
	/bin/busybox --install -s "$root/bin"
	ln -s ../bin "$root/usr/bin"
	rm -f "$root/bin/init"
	install -m 755 "$top/tests/bed/guest-init" "$root/init"
	mapfile -t modules < <(modprobe --show-depends nvme | awk '$1 == "insmod" { print $2 }')
	for module in "${modules[@]}"; do
		n=$((n + 1))
		cp "$module" "$root/lib/$n-${module##*/}"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$BATS_FILE_TMPDIR/guest.cpio"
}

# vmm_launch ACCEL DEVICE [ARG]...: starts QEMU, with DEVICE as the options of vfio-pci;
# $vmm is its pid. It runs until vmm_stop. The device is used through iommufd, or
# with api=group through VFIO's group and container. It is at 00:05.0 in the guest, or
# with hotplug=native or hotplug=acpi at 01:00.0, in a port whose slot can be unplugged
# by the port's registers or by those of ACPI.
vmm_launch() {
	local run=$BATS_TEST_TMPDIR/vmm accel=$1 device=$2 command place=addr=5 port=()
	shift 2
	if [ -n "${hotplug:-}" ]; then
		place=bus=port0
		port=(-device "pcie-root-port,id=port0,chassis=1" -global
			"ICH9-LPC.acpi-pci-hotplug-with-bridge-support=$([ "$hotplug" = native ] && echo off || echo on)")
	fi
	read -r -a command <<<"${TSMCTL_VM_QEMU:?}"
	mkdir -p "$run"
	rm -f "$run"/*
	mkfifo "$run/console.in" "$run/console.out"
	"${command[@]}" -accel "$accel" -cpu qemu64 -M q35 -m 256 -nodefaults -no-user-config \
		-display none \
		-kernel "${TSMCTL_VM_KERNEL:?}" -initrd "$BATS_FILE_TMPDIR/guest.cpio" \
		-append "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable" \
		-chardev "pipe,id=console,path=$run/console" -serial chardev:console \
		-object iommufd,id=iommufd0 \
		"${port[@]}" \
		-device "vfio-pci,$([ "${api:-}" = group ] || echo iommufd=iommufd0,)id=dev0,$place,$device" \
		-qmp "unix:$run/qmp,server=on,wait=off" "$@" >"$run/log" 2>&1 3>&- &
	vmm=$!
	# Open both for reading and writing: an open for one would wait for the other end.
	exec {guest_in}<>"$run/console.in" {guest_out}<>"$run/console.out"
}

# vmm_start [OPTION]: starts QEMU under KVM, with OPTION of the device, until the guest runs
vmm_start() {
	vmm_launch kvm "host=$dev${1:+,$1}"
	guest_answer || { cat "$BATS_TEST_TMPDIR/vmm/log"; return 1; }
}

# guest_answer: prints what the guest prints, up to the line with the status of a command,
# and returns that status. It is Perl, because bash's read can lose a newline at a time limit.
guest_answer() {
	perl -e 'my ($vmm, $end, $text) = ($ARGV[0], time + 300, "");
		while (1) {
			vec(my $set = "", fileno STDIN, 1) = 1;
			if (select(my $ready = $set, undef, undef, 1)) {
				sysread STDIN, $text, 4096, length $text;
				$text =~ s/\r//g;
				next unless $text =~ s/^GUEST (\d+)\n//m;
				print $text;
				exit $1;
			}
			print("$text\nQEMU has ended\n"), exit 125 unless kill 0, $vmm;
			print("$text\nthe guest does not answer\n"), exit 125 if time > $end;
		}' "$vmm" <&"$guest_out"
}

# guest COMMAND: runs COMMAND in the guest's shell
guest() {
	echo "$*" >&"$guest_in"
	guest_answer
}

# qmp COMMAND [ARGUMENTS]: prints the reply's "return" or "error" as JSON
qmp() {
	python3 - "$BATS_TEST_TMPDIR/vmm/qmp" "$@" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		f.readline()
		def call(name, arguments={}):
		    f.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
		    f.flush()
		    while True:
		        answer = json.loads(f.readline())
		        if "event" not in answer:
		            return answer
		call("qmp_capabilities")
		answer = call(sys.argv[2], json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})
		print(json.dumps(answer.get("return", answer.get("error"))))
		sys.exit("error" in answer)
	END
}

# vmm_stop [SIGNAL]: ends QEMU, which has the time that eventually() waits
vmm_stop() {
	local rc=0
	[ -n "${vmm:-}" ] || return 0
	vmm_ended() { vmm_runs || echo yes; }
	kill "${1:--TERM}" "$vmm" 2>/dev/null || true
	eventually yes vmm_ended || { rc=1; kill -KILL "$vmm"; }
	wait "$vmm" || true
	exec {guest_in}>&- {guest_out}<&-
	vmm=
	return $rc
}

vmm_runs() { kill -0 "$vmm" 2>/dev/null; }
