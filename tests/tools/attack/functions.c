// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The victim and its mates: functions that share a slot, a bus, a PF, a DSM or an IOMMU
 * group with it. Bridges are not mates, because a bridge has no owner.
 */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"

#define DEVICES "/sys/bus/pci/devices"
#define SLOTS "/sys/bus/pci/slots"

struct function functions[MAX_FUNCTIONS];
unsigned int nr_functions;
char connector[16];

static const char *const share_names[] = { "slot", "bus", "pf", "dsm", "group" };

/* The name of the directory @up levels above the target of a link of a function */
static bool leads_to(const char *addr, const char *name, int up, char *text, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX], *end = target;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", addr, name);
	if (!realpath(path, target))
		return false;
	while (up--)
		end = dirname(end);
	snprintf(text, size, "%s", basename(end));
	return true;
}

static bool same_link(const char *a, const char *b, const char *name)
{
	char of_a[64], of_b[64];

	return leads_to(a, name, 0, of_a, sizeof(of_a)) &&
	       leads_to(b, name, 0, of_b, sizeof(of_b)) && !strcmp(of_a, of_b);
}

/* 0000:01:02.3 is on bus 0000:01 and may be in slot 0000:01:02. */
static bool same_bus(const char *a, const char *b)
{
	char above[64];

	return !strncmp(a, b, 7) && leads_to(a, "", 1, above, sizeof(above)) &&
	       strncmp(above, "pci", 3);
}

static bool same_slot(const char *a, const char *b)
{
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (strncmp(a, b, 10))
		return false;
	dir = opendir(SLOTS);
	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX], text[32] = "";

		snprintf(path, sizeof(path), SLOTS "/%s/address", entry->d_name);
		read_text(path, text, sizeof(text));
		found |= strlen(text) >= 10 && !strncmp(text, a, 10);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A VF and its PF, or two VFs of one */
static bool same_pf(const char *a, const char *b)
{
	char pf_a[256], pf_b[256];

	if (!leads_to(a, "physfn", 0, pf_a, sizeof(pf_a)))
		snprintf(pf_a, sizeof(pf_a), "%s", a);
	if (!leads_to(b, "physfn", 0, pf_b, sizeof(pf_b)))
		snprintf(pf_b, sizeof(pf_b), "%s", b);
	return !strcmp(pf_a, pf_b);
}

/* Finds the DSM of a connected function, else the function itself. */
static void find_dsm(const char *addr, char *dsm, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/tsm/dsm", addr);
	if (read_text(path, dsm, size) < 12 || dsm[4] != ':')
		snprintf(dsm, size, "%s", addr);
	dsm[strcspn(dsm, "\n")] = '\0';
}

static unsigned int shares(const char *addr)
{
	char dsm[16];
	unsigned int what = 0;

	find_dsm(addr, dsm, sizeof(dsm));
	what |= same_slot(victim.addr, addr) ? SHARES_SLOT : 0;
	what |= same_bus(victim.addr, addr) ? SHARES_BUS : 0;
	what |= same_pf(victim.addr, addr) ? SHARES_PF : 0;
	what |= !strcmp(dsm, connector) ? SHARES_DSM : 0;
	what |= same_link(victim.addr, addr, "iommu_group") ? SHARES_GROUP : 0;
	return what;
}

static bool is_bridge(const char *addr)
{
	char path[PATH_MAX], text[16] = "";

	snprintf(path, sizeof(path), DEVICES "/%s/class", addr);
	read_text(path, text, sizeof(text));
	return !strncmp(text, "0x0604", 6);
}

static void add(const char *addr, unsigned int what)
{
	struct function *f = &functions[nr_functions++];
	char path[PATH_MAX], pf[64];

	snprintf(f->addr, sizeof(f->addr), "%s", addr);
	f->shares = what;
	snprintf(path, sizeof(path), DEVICES "/%s/physfn", victim.addr);
	/* All resets of these are off while the victim is bound. */
	f->is_above = f->addr[11] == '0' && !strncmp(f->addr, victim.addr, 10) &&
		      access(path, F_OK);
	f->is_above |= !strcmp(addr, connector);
	f->is_above |= leads_to(victim.addr, "physfn", 0, pf, sizeof(pf)) && !strcmp(pf, addr);
}

/* Runs before any attack is chosen: the possible attacks depend on it. */
void functions_find(void)
{
	struct dirent **entries;
	int count;

	find_dsm(victim.addr, connector, sizeof(connector));
	add(victim.addr, 0);
	count = scandir(DEVICES, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *addr = entries[i]->d_name;
		unsigned int what;

		if (addr[0] != '.' && strcmp(addr, victim.addr) && !is_bridge(addr)) {
			what = shares(addr);
			if (what && nr_functions < MAX_FUNCTIONS)
				add(addr, what);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

void functions_print(void)
{
	for (unsigned int i = 1; i < nr_functions; i++) {
		printf("mate %s:", functions[i].addr);
		for (unsigned int bit = 0; bit < sizeof(share_names) / sizeof(*share_names);
		     bit++) {
			if (functions[i].shares & 1u << bit)
				printf(" %s", share_names[bit]);
		}
		printf("\n");
	}
}

struct function *choose_mate(struct thread *t)
{
	unsigned int i = below(t, nr_functions - 1);

	note(t, " %s", functions[1 + i].addr);
	return &functions[1 + i];
}

/* The device of @f, or NULL if the program does not open it */
struct device *device_of(const struct function *f)
{
	if (f == &functions[0])
		return &victim;
	return sibling.addr && !strcmp(sibling.addr, f->addr) ? &sibling : NULL;
}
