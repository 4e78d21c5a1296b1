// SPDX-License-Identifier: GPL-2.0-or-later
/* The summary of a device, see summary.h. */
#include <errno.h>
#include <stdint.h>

#include "host/policy.h"
#include "host/summary.h"

#define FILE_NAME "summary"

static bool is_ours(const struct pci_device *dev)
{
	return dev->present && streq(dev->driver, TSM_DRIVER);
}

void summary_begin(struct summary *s, struct ctx *ctx, const struct pci_device *dev)
{
	s->ctx = ctx;
	s->dev = dev;
	s->read = false;
	s->unknown = false;
	s->text[0] = '\0';
}

/* Reads it, if that was not done yet. What is missing is read from the single files. */
static void look(struct summary *s)
{
	const struct pci_device *dev = s->dev;
	struct ctx *ctx = s->ctx;
	char path[PCI_NAME_LEN + sizeof("/tsm/" FILE_NAME)];
	/* an older module: do not look for the file again for each device */
	static bool lacks;
	int ret = -ENOENT;

	if (s->read)
		return;
	s->read = true;
	snprintf(path, sizeof(path), "%s/tsm/" FILE_NAME, dev->name);
	if (!lacks && policy_available(ctx))
		ret = attr_read_text(ctx->policy_fd, path, s->text, sizeof(s->text));
	if (!ret)
		return;
	/* reading may have failed in the middle */
	s->text[0] = '\0';
	if (policy_available(ctx) && policy_has(ctx, dev->name))
		lacks = lacks || ret == -ENOENT;
	else if (!is_ours(dev))
		s->unknown = true;
	else if (!lacks && attr_read_text(dev->fd, "vfio_tsm/" FILE_NAME, s->text, sizeof(s->text)))
		s->text[0] = '\0';
}

int summary_get(struct summary *s, const char *attr, char *buf)
{
	int ret;

	look(s);
	ret = attr_variable(s->text, attr, buf, ATTR_MAX);
	if (ret == -ENOENT)
		ret = s->unknown ? policy_get_usual(s->ctx, s->dev, attr, buf) :
				   policy_get(s->ctx, s->dev, attr, buf);
	if (ret)
		buf[0] = '\0';
	return ret;
}

/* An attribute of a device that is on the driver. */
static int get_ours(struct summary *s, const char *attr, char *buf, size_t size)
{
	if (!is_ours(s->dev))
		return -ENODEV;
	look(s);
	return attr_variable(s->text, attr, buf, size);
}

int summary_get_driver(struct summary *s, const char *attr, char *buf)
{
	char path[64];
	int ret = get_ours(s, attr, buf, ATTR_MAX);

	if (ret == -ENOENT) {
		snprintf(path, sizeof(path), "vfio_tsm/%s", attr);
		ret = pci_get(s->dev, path, buf);
	}
	if (ret)
		buf[0] = '\0';
	return ret;
}

int summary_get_lines(struct summary *s, const char *attr, char *buf, size_t size)
{
	char path[64];
	int ret = get_ours(s, attr, buf, size);

	if (ret == -ENOENT) {
		snprintf(path, sizeof(path), "vfio_tsm/%s", attr);
		return attr_read_text(s->dev->fd, path, buf, size);
	}
	for (char *c = buf; !ret && *c; c++)
		if (*c == ',')
			*c = '\n';
	return ret;
}

pid_t summary_owner(struct summary *s)
{
	char text[ATTR_MAX];
	unsigned int pid;

	if (summary_get(s, "owner", text) || util_parse_u32(text, &pid) || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}
