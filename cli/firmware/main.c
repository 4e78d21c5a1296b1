// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsm-sim-firmware: the part of the software TSM that holds the SPDM sessions, as the secure
 * processor of a platform does. tsm_sim with transport=doe gives it commands.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <popt.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "firmware/device.h"
#include "firmware/link.h"
#include "firmware/sandbox.h"

static char *opt_device;
static char *opt_root;
static int opt_version;

static const struct poptOption options[] = {
	{ "device", 0, POPT_ARG_STRING, &opt_device, 0, "file of tsm_sim (/dev/tsm_sim_firmware)",
	  "FILE" },
	{ "root", 0, POPT_ARG_STRING, &opt_root, 0,
	  "the only root certificate that a device may have, in DER (default: any)", "FILE" },
	{ "version", 'V', POPT_ARG_NONE, &opt_version, 0, "show the version", NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

static int fail(const char *what, int error)
{
	fprintf(stderr, "tsm-sim-firmware: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Reads the certificate, which libspdm takes apart when a device is connected. */
static int read_root(void)
{
	static uint8_t bytes[4096];
	cleanup_file FILE *file = opt_root ? fopen(opt_root, "rbe") : NULL;
	size_t len;

	if (!opt_root)
		return 0;
	if (!file)
		return -errno;
	len = fread(bytes, 1, sizeof(bytes), file);
	if (!len || len == sizeof(bytes))
		return -EINVAL;
	device_trust(bytes, len);
	return 0;
}

static int serve(void)
{
	static struct link link;
	const char *path = opt_device ?: "/dev/tsm_sim_firmware";
	uint8_t byte;
	int ret = link_open(&link, path);

	if (ret)
		return fail(path, ret);
	/* OpenSSL reads its configuration now, and not in the sandbox. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) || RAND_bytes(&byte, 1) != 1)
		return fail("OpenSSL", -EIO);
	ret = sandbox_enter();
	if (ret)
		return fail("sandbox", ret);
	fprintf(stderr, "tsm-sim-firmware: ready\n");
	while (!ret)
		ret = link_wait(&link) ?: device_command(&link);
	return fail(path, ret);
}

int main(int argc, const char **argv)
{
	poptContext context = poptGetContext(NULL, argc, argv, options, 0);
	int ret = poptGetNextOpt(context);

	if (ret < -1 || poptPeekArg(context)) {
		fprintf(stderr, "tsm-sim-firmware: %s: %s\n",
			poptPeekArg(context) ?: poptBadOption(context, POPT_BADOPTION_NOALIAS),
			ret < -1 ? poptStrerror(ret) : "unexpected argument");
		poptFreeContext(context);
		return 2;
	}
	poptFreeContext(context);
	if (opt_version) {
		puts("tsm-sim-firmware " VERSION);
		return 0;
	}
	ret = read_root();
	return ret ? fail(opt_root, ret) : serve();
}
