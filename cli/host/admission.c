// SPDX-License-Identifier: GPL-2.0-or-later
/* The admission of a device, see admission.h. */
#include <errno.h>

#include "evidence/evidence.h"
#include "host/admission.h"
#include "host/policy.h"
#include "host/tsm.h"

bool admission_required(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];

	return !policy_get(ctx, dev, ADMISSION, text) && streq(text, REQUIRED);
}

/* Return: 1 if it is connected, itself or through its DSM; 0 if not; or negative errno, reported. */
static int is_connected(struct ctx *ctx, const struct pci_device *dev)
{
	struct tsm_dsm dsm;
	char tsm[ATTR_MAX];
	int ret = tsm_get_connected(ctx, dev, tsm);

	if (ret == -ENOENT)
		return tsm_follows(ctx, dev, &dsm);
	return ret ?: tsm[0] != '\0';
}

int admission_would_lack(struct ctx *ctx, const struct pci_device *dev, bool required,
			 bool assigned, bool connects)
{
	char text[ATTR_MAX];

	if (!dev->present || !required || !assigned)
		return 0;
	if (connects)
		return 1;
	if (!policy_get(ctx, dev, ADMITTED, text) && !streq(text, "0"))
		return 0;
	/* the next bind needs it, and not the present one */
	if (!policy_get(ctx, dev, "state", text) && streq(text, "bound"))
		return 0;
	return is_connected(ctx, dev);
}

int admission_lacks(struct ctx *ctx, const struct pci_device *dev)
{
	bool assigned = streq(dev->driver, TSM_DRIVER);

	return admission_would_lack(ctx, dev, assigned && admission_required(ctx, dev), assigned,
				    false);
}

bool admission_leaf(const struct pci_device *dev, const char *admitted, char *digest)
{
	struct evidence e cleanup_evidence = { .generation = 0 };
	struct certs certs cleanup_certs = { .count = 0 };
	enum evidence_file file;
	struct spdm_fault f;
	char number[24];

	digest[0] = '\0';
	if (!*admitted || streq(admitted, "0") || evidence_read(dev->fd, &e))
		return false;
	snprintf(number, sizeof(number), "%ju", (uintmax_t)e.generation);
	/* the evidence was replaced meanwhile, and with it went the admission */
	if (!streq(number, admitted) || evidence_parse(&e, &file, &f))
		return false;
	certs_read(&e.chain, &certs);
	certs_leaf(&certs, digest);
	return digest[0];
}
