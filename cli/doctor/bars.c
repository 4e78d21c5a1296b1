// SPDX-License-Identifier: GPL-2.0-or-later
/* The BARs of a device: their addresses and their mappings, see bars.h. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "doctor/bars.h"

/* BARs in configuration space, PCI 3.0 section 6.2.5. */
#define BARS 6
#define BAR_OFFSET 0x10
#define BAR_IO 0x1
#define BAR_64 0x4

#define CDEV_DIR "/dev/vfio/devices"

/* The BARs for which the kernel has an address, as bits; negative if that cannot be read. */
static int known_bars(const struct pci_device *dev)
{
	cleanup_fd int fd = openat(dev->fd, "resource", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[512], *line = text;
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long long end;
	int known = 0;

	if (length < 0)
		return -1;
	text[length] = '\0';
	for (int bar = 0; bar < BARS; bar++) {
		if (!line || sscanf(line, "%*x %llx", &end) != 1)
			return -1;
		known |= (end != 0) << bar;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return known;
}

/*
 * The driver makes the same comparison in its probe. It skips functions that have no BARs
 * according to the PCI core, whatever their registers contain.
 */
void check_bars(struct ctx *ctx, const struct pci_device *dev, struct finding *f)
{
	cleanup_fd int fd = openat(dev->fd, "config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int known = known_bars(dev);
	uint8_t reg[BARS * 4];

	(void)ctx;
	if (faccessat(dev->fd, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		finding_skip(f, "it is a VF: its PF has the registers of its BARs");
		return;
	}
	if (known < 0 || fd < 0 || pread(fd, reg, sizeof(reg), BAR_OFFSET) != sizeof(reg)) {
		finding_skip(f, "its BARs cannot be read");
		return;
	}
	for (int bar = 0; bar < BARS; bar++) {
		const uint8_t *r = reg + bar * 4;

		if (!(r[0] | r[1] | r[2] | r[3]) || r[0] & BAR_IO)
			continue;
		if (!(known & 1 << bar)) {
			finding_refuse(f, "BAR %d has no address", bar);
			return;
		}
		/* the next register is the upper half */
		bar += (r[0] & BAR_64) != 0;
	}
	finding_pass(f, "no BAR is seen to lack an address");
}

/* Whether a line of /proc/PID/maps is about a VFIO device of this name. */
static bool is_mapping_of(const char *line, const char *name)
{
	const char *at = strstr(line, CDEV_DIR "/");
	size_t len = strlen(name);

	if (!at || !len || !starts_with(at + strlen(CDEV_DIR "/"), name))
		return false;
	at += strlen(CDEV_DIR "/") + len;
	return !*at || *at == '\n' || *at == ' ';
}

unsigned int count_bar_mappings(const char *root, pid_t pid, const char *name,
				unsigned int *unknown)
{
	cleanup_free char *line = NULL;
	cleanup_file FILE *file = NULL;
	unsigned int count = 0;
	char path[PATH_MAX];
	size_t size = 0;

	*unknown = 0;
	snprintf(path, sizeof(path), "%s/proc/%d/maps", root, pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		count += is_mapping_of(line, name);
		*unknown += strstr(line, "[vfio-device]") != NULL;
	}
	return count;
}
