// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of tsm-dsm. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsm.h"

struct dsm dsm = { .request = "unknown" };

static const char usage[] =
	"Usage: tsm-dsm --certs DIR [OPTION]... PORT\n"
	"       tsm-dsm --decode FILE\n"
	"The Device Security Manager of a device that QEMU emulates. It listens on PORT of the\n"
	"loopback interface, prints PORT (0: a free one), and serves one connection after the\n"
	"other: QEMU's -device nvme,spdm_port=PORT makes one when it starts.\n"
	"\n"
	"  --certs DIR       keys and certificates, as make-certs makes them\n"
	"  --bar FUNCTION:BAR:FIRST:SIZE\n"
	"                    a memory BAR of a function, in hexadecimal; FUNCTION is the\n"
	"                    requester ID. SIZE 0: only the function. May be repeated\n"
	"  --fault FAULT[@REQUEST]\n"
	"                    what goes wrong, at one kind of request or at each that fits:\n"
	"      signature     a byte of the signature is changed\n"
	"      expired       the certificate of the device has expired\n"
	"      measurement   the digest of the firmware is another one\n"
	"      mac           a byte of a secured answer is changed\n"
	"      nonce         a start needs another nonce than the lock has answered\n"
	"      error         a TDISP request is answered with TDISP_ERROR\n"
	"      silence       there is no answer\n"
	"      long          the answer is padded to the size of the mailbox\n"
	"      lost          the connection is closed in the place of an answer\n"
	"      random        bytes and the length of one answer in eight are changed before it\n"
	"                    is encrypted\n"
	"  --seed N          of the fault random (default: 0)\n"
	"  --control FILE    lines \"fault ...\" and \"bar ...\", read before each request. If the\n"
	"                    file is there, it has the fault, and --fault has no effect\n"
	"  --capture FILE    append each message to FILE\n"
	"  --once            end after the first connection\n"
	"  --decode FILE     print the messages in a capture, one a line: direction (> from the\n"
	"                    host, < from the device, ! changed or suppressed by a fault),\n"
	"                    kind, bytes on the wire, name and fields\n";

static int fail(const char *what, int error)
{
	fprintf(stderr, "tsm-dsm: %s: %s\n", what, strerror(-error));
	return 1;
}

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "tsm-dsm: wrong %s '%s'; see tsm-dsm --help\n", what, value);
	return 2;
}

static int serve(const char *port, bool once)
{
	int listener = dsm_listen(port);
	int ret = 0;

	if (listener < 0)
		return fail(port, listener);
	do {
		int fd = dsm_accept(listener);

		if (fd < 0)
			return fail("accept", fd);
		ret = dsm_serve(fd);
		close(fd);
	} while (!once && (ret == -ECONNRESET || ret == -ECONNABORTED));
	close(listener);
	return ret == -ECONNRESET || ret == -ECONNABORTED ? 0 : fail("connection", ret);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "certs", required_argument, NULL, 'c' },
		{ "bar", required_argument, NULL, 'b' },
		{ "fault", required_argument, NULL, 'f' },
		{ "control", required_argument, NULL, 'r' },
		{ "capture", required_argument, NULL, 'w' },
		{ "decode", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ "once", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool once = false;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			dsm.certs = optarg;
			break;
		case 'b':
			if (dsm_add_bar(optarg))
				return wrong("BAR", optarg);
			break;
		case 'f':
			if (dsm_set_fault(optarg))
				return wrong("fault", optarg);
			break;
		case 'r':
			dsm.control = optarg;
			break;
		case 'w':
			dsm.capture = fopen(optarg, "ae");
			if (!dsm.capture)
				return fail(optarg, -errno);
			break;
		case 'd':
			ret = dsm_decode(optarg);
			return ret ? fail(optarg, ret) : 0;
		case 's':
			dsm.seed = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'o':
			once = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (argc - optind != 1 || !dsm.certs) {
		fputs(usage, stderr);
		return 2;
	}
	ret = dsm_load();
	return ret ? fail(dsm.certs, ret) : serve(argv[optind], once);
}
