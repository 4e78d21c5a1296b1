// SPDX-License-Identifier: GPL-2.0-or-later
/* What the host shows of the causes for which a bind is refused, see refusal.h. */
#include <errno.h>
#include <fcntl.h>

#include "host/policy.h"
#include "host/quarantine.h"
#include "host/refusal.h"
#include "host/tsm.h"

#define COMMAND_OFFSET 4

int refusal_dsm(const struct pci_device *dev, char *name)
{
	int ret = tsm_get(dev, "tsm/dsm", name);

	if (!name[0])
		util_copy(name, ATTR_MAX, dev->name);
	return ret == -EBUSY ? ret : 0;
}

int refusal_command(const struct pci_device *dev)
{
	cleanup_fd int fd = openat(dev->fd, "config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char reg[2];

	if (fd < 0 || pread(fd, reg, sizeof(reg), COMMAND_OFFSET) != sizeof(reg))
		return -EIO;
	return reg[0] | reg[1] << 8;
}

/* With @connected, a TSM must be connected to the function at @addr. */
static bool is_so(struct ctx *ctx, const struct pci_addr *addr, bool connected,
		  bool (*is)(const struct pci_device *fn, char *detail), char name[PCI_NAME_LEN],
		  char *detail)
{
	struct pci_device fn cleanup_pci = { .fd = -1 };
	char tsm[ATTR_MAX];

	if (pci_open(ctx, addr, &fn) || !fn.present || !is(&fn, detail))
		return false;
	if (connected && tsm_get(&fn, "tsm/connect", tsm) != -EBUSY && !tsm[0])
		return false;
	util_copy(name, PCI_NAME_LEN, fn.name);
	return true;
}

bool refusal_relies_on(struct ctx *ctx, const struct pci_device *dev,
		       bool (*is)(const struct pci_device *fn, char *detail),
		       char name[PCI_NAME_LEN], char *detail)
{
	struct pci_addr pf = dev->addr, f0;
	bool vf = pci_link(dev, "physfn", &pf);

	/* function 0 may be the DSM */
	f0 = pf;
	f0.fn = 0;
	return (vf && is_so(ctx, &pf, false, is, name, detail)) ||
	       (pf.fn && is_so(ctx, &f0, true, is, name, detail));
}

/* Whether a PF or DSM stays asleep: a bind ends a runtime suspend, but no other sleep. */
static bool stays_asleep(const struct pci_device *fn, char *state)
{
	char status[ATTR_MAX];

	if (pci_get(fn, "power_state", state) || streq(state, "D0") || streq(state, "unknown"))
		return false;
	return pci_get(fn, "power/runtime_status", status) || !streq(status, "suspended");
}

bool refusal_asleep(struct ctx *ctx, const struct pci_device *dev, char name[PCI_NAME_LEN],
		    char *state)
{
	char use[ATTR_MAX];

	if (policy_get(ctx, dev, "state", use) == 0 &&
	    (streq(use, "open") || streq(use, "bound")) &&
	    pci_get(dev, "power_state", state) == 0 && !streq(state, "D0")) {
		util_copy(name, PCI_NAME_LEN, dev->name);
		return true;
	}
	return refusal_relies_on(ctx, dev, stays_asleep, name, state);
}

static bool hint_quarantined(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	char dsm[ATTR_MAX];

	(void)ctx;
	refusal_dsm(dev, dsm);
	snprintf(
		buf, REFUSAL_HINT_LEN,
		"run 'tsmctl disconnect %.16s'; if the quarantine stays, power cycle the device and run 'tsmctl free %s'",
		dsm, dev->name);
	return true;
}

static bool hint_not_connected(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	char text[ATTR_MAX];

	if (policy_get(ctx, dev, "state", text) == 0 && streq(text, "lost")) {
		snprintf(buf, REFUSAL_HINT_LEN, "run 'tsmctl unbind %s' first", dev->name);
		return true;
	}
	if (faccessat(dev->fd, "tsm", F_OK, 0)) {
		snprintf(
			buf, REFUSAL_HINT_LEN,
			"run 'tsmctl connect' for its PF or function 0; on hosts without a TSM, 'tsmctl load --sim %s'",
			dev->name);
		return true;
	}
	refusal_dsm(dev, text);
	snprintf(buf, REFUSAL_HINT_LEN, "run 'tsmctl connect %.16s'", text);
	return true;
}

static bool hint_power(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	char name[PCI_NAME_LEN], state[ATTR_MAX];

	if (!refusal_asleep(ctx, dev, name, state))
		return false;
	snprintf(buf, REFUSAL_HINT_LEN,
		 "run 'echo on > /sys/bus/pci/devices/%s/power/control', and bind again", name);
	return true;
}

static bool hint_command(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	(void)ctx;
	if (refusal_command(dev) != COMMAND_SILENT)
		return false;
	snprintf(buf, REFUSAL_HINT_LEN,
		 "check power and link of its slot: 'lspci -vv -s %s' and 'dmesg'", dev->name);
	return true;
}

/* Each returns false if the hint of the stage is the right one. */
static const struct {
	const char *stage;
	bool (*fill)(struct ctx *ctx, const struct pci_device *dev, char *buf);
} exact[] = {
	{ QUARANTINED, hint_quarantined },
	{ "not-connected", hint_not_connected },
	{ "power", hint_power },
	{ "command", hint_command },
};

void refusal_hint(struct ctx *ctx, const struct pci_device *dev, const struct stage *s,
		  char buf[REFUSAL_HINT_LEN])
{
	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (streq(exact[i].stage, s->name) && exact[i].fill(ctx, dev, buf))
			return;
	util_fill(buf, REFUSAL_HINT_LEN, s->hint, dev->name);
}
