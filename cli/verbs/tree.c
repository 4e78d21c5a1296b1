// SPDX-License-Identifier: GPL-2.0-or-later
/* Which function of a table is below which other one, see tree.h. */
#include <errno.h>
#include <json-c/json.h>

#include "common/bdf.h"
#include "common/util.h"
#include "host/info.h"
#include "verbs/tree.h"

/**
 * struct place - where the row of a function is
 * @addr: its address, as pci_addr_key()
 * @row: index of the row
 */
struct place {
	uint64_t addr;
	size_t row;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static bool address_of(struct json_object *row, const char *key, uint64_t *addr)
{
	struct pci_addr parsed;
	char buf[PCI_NAME_LEN];

	if (pci_addr_parse(info_text(row, key, buf, sizeof(buf)), &parsed))
		return false;
	*addr = pci_addr_key(&parsed);
	return true;
}

static struct place *find_places(struct json_object *rows, size_t count)
{
	struct place *places = calloc(count, sizeof(*places));

	for (size_t i = 0; places && i < count; i++) {
		places[i].row = i;
		address_of(json_object_array_get_idx(rows, i), "address", &places[i].addr);
	}
	if (places)
		qsort(places, count, sizeof(*places), compare_places);
	return places;
}

/* The row of the function that a key of row @i names, if that is another one. */
static size_t find_other(const struct tree *tree, const struct place *places,
			 struct json_object *rows, size_t i, const char *key)
{
	struct place wanted, *found;

	if (!address_of(json_object_array_get_idx(rows, i), key, &wanted.addr))
		return TREE_TOP;
	found = bsearch(&wanted, places, tree->count, sizeof(*places), compare_places);
	return found && found->row != i ? found->row : TREE_TOP;
}

static int find_parents(struct tree *tree, struct json_object *rows)
{
	cleanup_free struct place *places = find_places(rows, tree->count);

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < tree->count; i++) {
		tree->parents[i] = find_other(tree, places, rows, i, TREE_PF);
		if (tree->parents[i] == TREE_TOP)
			tree->parents[i] = find_other(tree, places, rows, i, "dsm");
	}
	return 0;
}

/*
 * Orders the rows, one level of the tree after the other. Functions that are each other's DSM,
 * which is not valid, would have no level: the first of them is put at the top.
 */
static int find_order(struct tree *tree)
{
	/* the level of each row, from 1 on; 0 for a row that is not in the order yet */
	cleanup_free size_t *levels = calloc(tree->count, sizeof(*levels));
	size_t done = 0;

	if (!levels)
		return -ENOMEM;
	for (size_t level = 1; done < tree->count; level++) {
		size_t before = done, first = TREE_TOP;

		for (size_t i = 0; i < tree->count; i++) {
			size_t parent = tree->parents[i];

			if (levels[i])
				continue;
			if (parent != TREE_TOP && (!levels[parent] || levels[parent] == level)) {
				first = first == TREE_TOP ? i : first;
				continue;
			}
			levels[i] = level;
			tree->order[done++] = i;
		}
		if (done == before)
			tree->parents[first] = TREE_TOP;
	}
	return 0;
}

int tree_make(struct tree *tree, struct json_object *rows, bool deep)
{
	int ret = 0;

	tree->count = json_object_array_length(rows);
	tree->parents = calloc(tree->count, sizeof(*tree->parents));
	tree->order = calloc(tree->count, sizeof(*tree->order));
	if (!tree->parents || !tree->order)
		return -ENOMEM;
	for (size_t i = 0; i < tree->count; i++)
		tree->parents[i] = TREE_TOP;
	if (deep)
		ret = find_parents(tree, rows);
	return ret ?: find_order(tree);
}

void tree_done(struct tree *tree)
{
	free(tree->parents);
	free(tree->order);
	*tree = (struct tree){ 0 };
}
