// SPDX-License-Identifier: GPL-2.0-only
/* Values of the attributes as text, and from text. */
#include <linux/ctype.h>
#include <linux/hex.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "internal.h"

const char *const vfio_tsm_region_mode_words[] = {
	[VFIO_TSM_REGIONS_UNSET] = "default",
	[VFIO_TSM_REGIONS_EXCLUSIVE] = "exclusive",
	[VFIO_TSM_REGIONS_SHARED] = "shared",
};

const char *const vfio_tsm_region_active_words[] = {
	[VFIO_TSM_REGIONS_UNSET] = "none",
	[VFIO_TSM_REGIONS_EXCLUSIVE] = "exclusive",
	[VFIO_TSM_REGIONS_SHARED] = "shared",
};

const char *const vfio_tsm_bar_mmap_words[] = {
	[VFIO_TSM_BAR_MMAP_REFUSE] = "refuse",
	[VFIO_TSM_BAR_MMAP_REVOKE] = "revoke",
};

const char *const vfio_tsm_guest_requests_words[] = {
	[VFIO_TSM_GUEST_REQUESTS_NONE] = "none",
	[VFIO_TSM_GUEST_REQUESTS_INFO] = "info",
	[VFIO_TSM_GUEST_REQUESTS_ALL] = "all",
};

const char *const vfio_tsm_admission_words[] = {
	[VFIO_TSM_ADMISSION_NONE] = "none",
	[VFIO_TSM_ADMISSION_REQUIRED] = "required",
};

const char *const vfio_tsm_scope_words[] = {
	[VFIO_TSM_SCOPE_INFO] = "info",
	[VFIO_TSM_SCOPE_STATE_CHANGE] = "state-change",
};

const char *const vfio_tsm_tdi_state_words[] = {
	[VFIO_TSM_TDI_UNKNOWN] = "unknown", [VFIO_TSM_TDI_UNLOCKED] = "unlocked",
	[VFIO_TSM_TDI_LOCKED] = "locked",   [VFIO_TSM_TDI_RUN] = "run",
	[VFIO_TSM_TDI_ERROR] = "error",
};

const char *const vfio_tsm_state_words[] = {
	[VFIO_TSM_ABSENT] = "absent",
	[VFIO_TSM_UNASSIGNED] = "unassigned",
	[VFIO_TSM_CLOSED] = "closed",
	[VFIO_TSM_OPEN] = "open",
	[VFIO_TSM_BOUND] = "bound",
	[VFIO_TSM_LOST] = "lost",
	[VFIO_TSM_QUARANTINED] = "quarantined",
};

const char *const vfio_tsm_stage_words[] = {
	[VFIO_TSM_STAGE_NONE] = "none",
	[VFIO_TSM_STAGE_REGIONS] = "regions",
	[VFIO_TSM_STAGE_DENIED] = "denied",
	[VFIO_TSM_STAGE_MAPPED] = "mapped",
	[VFIO_TSM_STAGE_IOEVENTFD] = "ioeventfd",
	[VFIO_TSM_STAGE_KVM] = "kvm",
	[VFIO_TSM_STAGE_TDI_ID] = "tdi-id",
	[VFIO_TSM_STAGE_VDEVICE] = "vdevice",
	[VFIO_TSM_STAGE_NOT_CONNECTED] = "not-connected",
	[VFIO_TSM_STAGE_POWER] = "power",
	[VFIO_TSM_STAGE_COMMAND] = "command",
	[VFIO_TSM_STAGE_TSM] = "tsm",
	[VFIO_TSM_STAGE_GROUP] = "group",
	[VFIO_TSM_STAGE_NO_BIND] = "no-bind",
	[VFIO_TSM_STAGE_BAR] = "bar",
	[VFIO_TSM_STAGE_FOREIGN] = "foreign",
	[VFIO_TSM_STAGE_QUARANTINED] = "quarantined",
	[VFIO_TSM_STAGE_ADMISSION] = "admission",
};

const char *const vfio_tsm_event_words[] = {
	[VFIO_TSM_EVENT_ASSIGNED] = "assigned",
	[VFIO_TSM_EVENT_RELEASED] = "released",
	[VFIO_TSM_EVENT_OPENED] = "opened",
	[VFIO_TSM_EVENT_CLOSED] = "closed",
	[VFIO_TSM_EVENT_BOUND] = "bound",
	[VFIO_TSM_EVENT_UNBOUND] = "unbound",
	[VFIO_TSM_EVENT_LOST] = "lost",
	[VFIO_TSM_EVENT_ACKNOWLEDGED] = "acknowledged",
	[VFIO_TSM_EVENT_QUARANTINED] = "quarantined",
	[VFIO_TSM_EVENT_FREED] = "freed",
};

const char *const vfio_tsm_reason_words[] = {
	[VFIO_TSM_REASON_NONE] = "none",       [VFIO_TSM_REASON_IOCTL] = "ioctl",
	[VFIO_TSM_REASON_CLOSE] = "close",     [VFIO_TSM_REASON_REVOKED] = "revoked",
	[VFIO_TSM_REASON_RESET] = "reset",     [VFIO_TSM_REASON_LOST] = "lost",
	[VFIO_TSM_REASON_AER] = "aer",	       [VFIO_TSM_REASON_REMOVED] = "removed",
	[VFIO_TSM_REASON_FOREIGN] = "foreign", [VFIO_TSM_REASON_DRIVER] = "driver",
};

/**
 * vfio_tsm_reason_name() - why a device was unbound, in the word of the ABI
 * @reason: the reason
 *
 * Return: the word.
 */
const char *vfio_tsm_reason_name(enum vfio_tsm_reason reason)
{
	return vfio_tsm_reason_words[reason];
}
EXPORT_SYMBOL_GPL(vfio_tsm_reason_name);

const char *const vfio_tsm_blocked_words[] = {
	[VFIO_TSM_BLOCKED_RESET] = "reset",
	[VFIO_TSM_BLOCKED_HOT_RESET] = "hot-reset",
	[VFIO_TSM_BLOCKED_BAR] = "bar",
	[VFIO_TSM_BLOCKED_ROM] = "rom",
	[VFIO_TSM_BLOCKED_REGION] = "region",
	[VFIO_TSM_BLOCKED_MMAP] = "mmap",
	[VFIO_TSM_BLOCKED_FAULT] = "fault",
	[VFIO_TSM_BLOCKED_IOEVENTFD] = "ioeventfd",
	[VFIO_TSM_BLOCKED_LOW_POWER] = "low-power",
	[VFIO_TSM_BLOCKED_COMMAND] = "config-command",
	[VFIO_TSM_BLOCKED_BIST] = "config-bist",
	[VFIO_TSM_BLOCKED_POWER_STATE] = "config-power-state",
	[VFIO_TSM_BLOCKED_DEVCTL] = "config-device-control",
	[VFIO_TSM_BLOCKED_DEVCTL2] = "config-device-control-2",
	[VFIO_TSM_BLOCKED_AF] = "config-advanced-features",
	[VFIO_TSM_BLOCKED_VENDOR] = "config-vendor",
	[VFIO_TSM_BLOCKED_UNKNOWN] = "config-unknown",
	[VFIO_TSM_BLOCKED_ATTACH] = "attach",
	[VFIO_TSM_BLOCKED_DETACH] = "detach",
	[VFIO_TSM_BLOCKED_SRIOV] = "sriov",
	[VFIO_TSM_BLOCKED_SUSPEND] = "suspend",
};

/**
 * vfio_tsm_parse_addr() - parse a directory's name as a PCI address
 * @name: the name
 * @index: gets its place in the xarray
 *
 * Only the spelling of pci_name() is accepted, so that a function has one directory
 * at most.
 *
 * Return: 0 or -EINVAL, with @index unchanged.
 */
int vfio_tsm_parse_addr(const char *name, unsigned long *index)
{
	unsigned int domain, bus, slot, func;
	char canonical[32];

	if (sscanf(name, "%8x:%2x:%2x.%1x", &domain, &bus, &slot, &func) != 4)
		return -EINVAL;
	if (domain > INT_MAX || slot > 0x1f || func > 7)
		return -EINVAL;
	snprintf(canonical, sizeof(canonical), "%04x:%02x:%02x.%u", domain, bus, slot, func);
	if (strcmp(name, canonical))
		return -EINVAL;

	*index = vfio_tsm_index(domain, PCI_DEVID(bus, PCI_DEVFN(slot, func)));
	return 0;
}

/* Parses @digits hexadecimal digits at @text and @stop behind them, and moves @text on. */
static int take_hex(const char **text, int digits, char stop, unsigned int max, unsigned int *value)
{
	*value = 0;
	for (; digits; digits--) {
		int digit = hex_to_bin(*(*text)++);

		if (digit < 0)
			return -EINVAL;
		*value = *value << 4 | digit;
	}
	return *value <= max && *(*text)++ == stop ? 0 : -EINVAL;
}

/**
 * vfio_tsm_parse_tdi_id() - parse a TDI ID
 * @text: ``none``, ``bb:dd.f``, ``ssss:bb:dd.f`` or ``0x...``, with or without
 *	a newline at the end
 * @policy: gets has_tdi_id and tdi_id
 *
 * Return: 0 or -EINVAL, with @policy unchanged.
 */
int vfio_tsm_parse_tdi_id(const char *text, struct vfio_tsm_policy *policy)
{
	unsigned int segment = 0, bus, slot, func;
	char word[16];
	const char *p = word;
	ssize_t len;
	u32 id;

	len = strscpy(word, text);
	if (len < 0)
		return -EINVAL;
	if (len && word[len - 1] == '\n')
		word[--len] = '\0';

	if (!strcmp(word, "none")) {
		policy->has_tdi_id = false;
		policy->tdi_id = 0;
		return 0;
	}

	if (str_has_prefix(word, "0x")) {
		/* kstrtou32() would accept another 0x, and another newline. */
		p += strlen("0x");
		if (strlen(p) > 8 || strspn(p, "0123456789abcdefABCDEF") != strlen(p) ||
		    kstrtou32(p, 16, &id))
			return -EINVAL;
	} else {
		if (len == strlen("ssss:bb:dd.f") && take_hex(&p, 4, ':', U16_MAX, &segment))
			return -EINVAL;
		if (take_hex(&p, 2, ':', U8_MAX, &bus) || take_hex(&p, 2, '.', 0x1f, &slot) ||
		    take_hex(&p, 1, '\0', 7, &func))
			return -EINVAL;
		id = segment << 16 | PCI_DEVID(bus, PCI_DEVFN(slot, func));
	}

	policy->has_tdi_id = true;
	policy->tdi_id = id;
	return 0;
}

/**
 * vfio_tsm_print_tdi_id() - a TDI ID as text
 * @text: gets the text
 * @size: its size, 13 or more
 * @tdi_id: segment << 16 | BDF
 */
void vfio_tsm_print_tdi_id(char *text, size_t size, u32 tdi_id)
{
	u8 devfn = tdi_id & 0xff;

	snprintf(text, size, "%04x:%02x:%02x.%u", tdi_id >> 16, PCI_BUS_NUM(tdi_id),
		 PCI_SLOT(devfn), PCI_FUNC(devfn));
}
