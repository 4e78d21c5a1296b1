// SPDX-License-Identifier: GPL-2.0-or-later
/* What completions offer, see offer.h. */
#include <errno.h>

#include "host/owner.h"
#include "host/policy.h"
#include "verbs/offer.h"

/* How long a slow TSM may delay a completion, in ms. */
#define WAIT_MS 200

/**
 * struct offers - what is found
 * @verb: for this verb
 * @word: with these characters in front
 * @count: addresses that were printed
 * @short_ones: short addresses, which are printed if there are no others
 */
struct offers {
	const struct verb *verb;
	const char *word;
	size_t count;
	FILE *short_ones;
};

static bool is_in(struct ctx *ctx, const struct pci_device *dev, const char *states)
{
	char state[ATTR_MAX];

	return !policy_get(ctx, dev, "state", state) && util_in_list(states, state);
}

/* Whether it can be connected to a TSM, and is connected or not. */
static bool can_connect(const struct pci_device *dev, bool connected)
{
	char tsm[ATTR_MAX];

	return dev->present &&
	       !attr_read_within(dev->fd, "tsm/connect", tsm, sizeof(tsm), WAIT_MS) &&
	       (tsm[0] != '\0') == connected;
}

static bool is_offered(struct ctx *ctx, const struct pci_device *dev, enum verb_offer offer)
{
	bool assigned = dev->present && streq(dev->driver, TSM_DRIVER);
	char text[ATTR_MAX];

	switch (offer) {
	case OFFER_UNASSIGNED:
		return dev->present && !assigned && !pci_is_bridge(ctx, dev->name);
	case OFFER_NOT_BOUND:
		return dev->present && !pci_is_bridge(ctx, dev->name) && !is_in(ctx, dev, "bound");
	case OFFER_ASSIGNED:
		return assigned;
	case OFFER_UNCONNECTED:
		return can_connect(dev, false);
	case OFFER_CONNECTED:
		return can_connect(dev, true);
	case OFFER_UNBOUND:
		return assigned && is_in(ctx, dev, "closed,open,lost");
	case OFFER_BOUND:
		return is_in(ctx, dev, "bound");
	case OFFER_BOUND_OR_LOST:
		return is_in(ctx, dev, "bound,lost");
	case OFFER_QUARANTINED:
		return !policy_get(ctx, dev, "quarantine", text) && streq(text, "1");
	default:
		return true;
	}
}

static int consider(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *alone = dev->name + sizeof("0000:") - 1;
	struct offers *o = arg;
	bool whole = starts_with(dev->name, o->word);

	/* it is not looked at if it does not matter */
	if (!whole && (dev->addr.domain || !starts_with(alone, o->word)))
		return 0;
	if (!is_offered(ctx, dev, o->verb->offer))
		return 0;
	fprintf(whole ? stdout : o->short_ones, "%s\n", whole ? dev->name : alone);
	o->count += whole;
	return 0;
}

/* Calls back for all functions, and for all devices that only have policy. */
static int each_device(struct ctx *ctx, device_fn fn, void *arg)
{
	const char *any = "*:*";
	struct selection s cleanup_selection;
	int n = select_parse(&s, SELECT_ABSENT | SELECT_SORTED, 1, &any);

	/* that there is none is not an error */
	s.implied = true;
	return n < 0 ? n : select_each(ctx, &s, fn, arg);
}

int offer_devices(struct ctx *ctx, const struct verb *verb, const char *word)
{
	struct offers o = { verb, word, 0, NULL };
	cleanup_free char *text = NULL;
	size_t size;
	int ret;

	o.short_ones = open_memstream(&text, &size);
	if (!o.short_ones)
		return -ENOMEM;
	ret = each_device(ctx, consider, &o);
	if (fclose(o.short_ones))
		return -ENOMEM;
	if (!o.count)
		fputs(text, stdout);
	return ret;
}

static int consider_owner(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct owner owner = { .pid = policy_owner(ctx, dev) };
	pid_t *last = arg;

	if (!owner.pid || owner.pid == *last)
		return 0;
	owner_describe(ctx, dev, &owner);
	if (!owner.ours)
		printf("%d\n", owner.pid);
	*last = owner.pid;
	return 0;
}

int offer_owners(struct ctx *ctx)
{
	pid_t last = 0;

	return each_device(ctx, consider_owner, &last);
}
