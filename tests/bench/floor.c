// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor TREE [ATTRIBUTE...]: the least that a list of functions can cost. It reads the link to
 * the driver and these attributes of each function with bare system calls. An ATTRIBUTE that
 * begins with = is one of configfs.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_attribute(int dir, const char *function, const char *name)
{
	char path[4096], buf[256];
	int fd;

	snprintf(path, sizeof(path), *name == '=' ? "%s/tsm/%s" : "%s/%s", function,
		 name + (*name == '='));
	fd = openat(dir, path, O_RDONLY);
	if (fd < 0 || read(fd, buf, sizeof(buf)) < 0) {
		perror(path);
		return -1;
	}
	return close(fd);
}

int main(int argc, char **argv)
{
	char path[4096], buf[256];
	struct dirent *e;
	int policy;
	DIR *dir;

	if (argc < 2)
		return 2;
	snprintf(path, sizeof(path), "%s/kernel/config/vfio_tsm", argv[1]);
	policy = open(path, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/bus/pci/devices", argv[1]);
	dir = opendir(path);
	if (!dir || policy < 0)
		return 1;
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		for (int i = 2; i < argc; i++)
			if (read_attribute(*argv[i] == '=' ? policy : dirfd(dir), e->d_name,
					   argv[i]))
				return 1;
		snprintf(path, sizeof(path), "%s/driver", e->d_name);
		if (readlinkat(dirfd(dir), path, buf, sizeof(buf)) < 0)
			continue;
	}
	closedir(dir);
	return 0;
}
