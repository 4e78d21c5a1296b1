// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the evidence of a device, see evidence.h. */
#include <errno.h>
#include <fcntl.h>

#include "common/util.h"
#include "evidence/evidence.h"

/* A device that is connected and asked without an end is at fault, and not waited for. */
#define TRIES 16

static const struct {
	const char *name;
	size_t max;
} files[] = {
	[FILE_VCA] = { "vca", SPDM_VCA_MAX },
	[FILE_CHAIN] = { "cert0", SPDM_CHAIN_MAX },
	[FILE_MEASUREMENTS] = { "measurements", SPDM_MEASUREMENTS_MAX },
	[FILE_REPORT] = { "report", SPDM_REPORT_MAX },
};

const char *evidence_file_name(enum evidence_file file)
{
	return files[file].name;
}

/* Reads a file of at most @max bytes. An attribute may give its bytes in several parts. */
static int read_file(int dir, const char *name, size_t max, struct spdm_bytes *bytes)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t *buf;
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* the byte beyond the limit shows that the file is longer */
	buf = malloc(max + 1);
	if (!buf)
		return -ENOMEM;
	*bytes = (struct spdm_bytes){ buf, 0 };
	while (bytes->len <= max) {
		n = read(fd, buf + bytes->len, max + 1 - bytes->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		bytes->len += (size_t)n;
	}
	return -EFBIG;
}

static int read_generation(int dir, uint64_t *generation)
{
	struct spdm_bytes bytes = { .len = 0 };
	char text[32] = "", *end;
	int ret = read_file(dir, "generation", sizeof(text) - 2, &bytes);

	if (!ret) {
		memcpy(text, bytes.at, bytes.len);
		*generation = strtoull(text, &end, 10);
		ret = end == text || (*end && *end != '\n') ? -EBADMSG : 0;
	}
	free((void *)bytes.at);
	return ret;
}

void evidence_free(struct evidence *e)
{
	for (size_t i = 0; i < EVIDENCE_FILES; i++) {
		free((void *)e->files[i].at);
		e->files[i] = (struct spdm_bytes){ .len = 0 };
	}
}

static int read_once(int dir, struct evidence *e)
{
	int ret = 0;

	evidence_free(e);
	for (size_t i = 0; !ret && i < EVIDENCE_FILES; i++)
		ret = read_file(dir, files[i].name, files[i].max, &e->files[i]);
	return ret;
}

int evidence_read(int device, struct evidence *e)
{
	cleanup_fd int dir = -1;
	uint64_t after = 0;
	int ret;

	*e = (struct evidence){ 0 };
	dir = openat(device, EVIDENCE_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	for (int i = 0; i < TRIES; i++) {
		ret = read_generation(dir, &e->generation) ?:
			      read_once(dir, e)		   ?:
							     read_generation(dir, &after);
		if (ret)
			return ret;
		/* parts of two generations do not belong together */
		if (after == e->generation)
			return e->generation && e->files[FILE_MEASUREMENTS].len ? 0 : -ENODATA;
	}
	return -EAGAIN;
}

int evidence_parse(struct evidence *e, enum evidence_file *file, struct spdm_fault *f)
{
	const struct spdm_bytes *bytes = e->files;
	int ret;

	*file = FILE_VCA;
	ret = spdm_read_vca(bytes[FILE_VCA], &e->vca, f);
	if (ret)
		return ret;
	*file = FILE_CHAIN;
	ret = spdm_read_chain(bytes[FILE_CHAIN], &e->vca, &e->chain, f);
	if (ret)
		return ret;
	*file = FILE_MEASUREMENTS;
	ret = spdm_read_measurements(bytes[FILE_MEASUREMENTS], &e->vca, &e->measurements, f);
	if (ret || !bytes[FILE_REPORT].len)
		return ret;
	*file = FILE_REPORT;
	return spdm_read_report(bytes[FILE_REPORT], &e->report, f);
}

bool evidence_file_is(enum evidence_file file, struct spdm_bytes bytes)
{
	struct spdm_report report;
	struct spdm_fault f;

	if (!bytes.len)
		return true;
	if (bytes.len > files[file].max || bytes.len < 4)
		return false;
	switch (file) {
	case FILE_VCA:
		return bytes.at[0] == 0x10 && bytes.at[1] == 0x84;
	case FILE_CHAIN:
		return (size_t)(bytes.at[0] | bytes.at[1] << 8) == bytes.len;
	case FILE_MEASUREMENTS:
		return bytes.at[0] >= 0x10 && bytes.at[0] < 0x20 && bytes.at[1] == 0xe0;
	default:
		return !spdm_read_report(bytes, &report, &f);
	}
}

void evidence_hex(struct spdm_bytes bytes, char *text)
{
	for (size_t i = 0; i < bytes.len; i++)
		sprintf(text + 2 * i, "%02x", bytes.at[i]);
	text[2 * bytes.len] = '\0';
}

bool nonce_parse(const char *text, uint8_t *nonce)
{
	if (strlen(text) != NONCE_TEXT_LEN - 1 ||
	    strspn(text, "0123456789abcdefABCDEF") != NONCE_TEXT_LEN - 1)
		return false;
	for (size_t i = 0; i < SPDM_NONCE_SIZE; i++) {
		const char digits[] = { text[2 * i], text[2 * i + 1], '\0' };

		nonce[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}
