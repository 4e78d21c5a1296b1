// SPDX-License-Identifier: GPL-2.0-or-later
/* Evidence as text and as JSON, see evidence-show.h. */
#include <inttypes.h>
#include <json-c/json.h>

#include "report.h"
#include "term.h"
#include "verbs/evidence-show.h"

/* A longer raw value is cut off for people. */
#define VALUE_SHOWN 64

static const struct {
	const char *word;
	const char *mark;
	enum term_style style;
} verdicts[] = {
	[PROOF_NOT_MADE] = { "n/a", "-   ", TERM_DIM },
	[PROOF_PASSES] = { "pass", "ok  ", TERM_GOOD },
	[PROOF_FAILS] = { "fail", "FAIL", TERM_BAD },
};

/* Bits with a word for each; NULL at the end. */
struct flag {
	unsigned int bit;
	const char *word;
};

static const struct flag range_flags[] = { { RANGE_MSIX_TABLE, "msix-table" },
					   { RANGE_MSIX_PBA, "msix-pba" },
					   { RANGE_NON_TEE, "non-tee" },
					   { RANGE_UPDATABLE, "updatable" },
					   { 0, NULL } };

static const struct flag report_flags[] = { { REPORT_NO_UPDATE, "no-firmware-update" },
					    { REPORT_DMA, "dma" },
					    { REPORT_DMA_PASID, "dma-pasid" },
					    { REPORT_ATS, "ats" },
					    { REPORT_PRS, "prs" },
					    { 0, NULL } };

static void version_text(const struct evidence *e, char text[8])
{
	snprintf(text, 8, "%u.%u", e->vca.version >> 4, e->vca.version & 0xfU);
}

/* --- for people ------------------------------------------------------------ */

static void print_flags(const char *head, const struct flag *flags, unsigned int bits)
{
	for (; flags->word; flags++)
		if (bits & flags->bit) {
			printf("%s%s", head, flags->word);
			head = ", ";
		}
	putchar('\n');
}

static void print_certs(const struct certs *certs)
{
	struct cert_text text;

	puts("certificates");
	for (size_t i = 0; i < certs->count; i++) {
		cert_describe(certs->list[i], &text);
		printf("  %s\n", text.subject);
		printf("      issuer  %s\n", text.issuer);
		printf("      valid   %s to %s\n", text.not_before, text.not_after);
		printf("      digest  %s\n", text.digest);
	}
}

static void print_block(const struct spdm_block *b)
{
	size_t shown = b->raw && b->value.len > VALUE_SHOWN ? VALUE_SHOWN : b->value.len;
	char value[2 * VALUE_SHOWN + 1];

	evidence_hex((struct spdm_bytes){ b->value.at, shown }, value);
	printf("  %3u  %-6s  %-32s  %s", b->index, b->raw ? "raw" : "digest",
	       spdm_block_type(b->type), value);
	if (shown < b->value.len)
		printf("... (%zu bytes)", b->value.len);
	putchar('\n');
}

static void print_report(const struct spdm_report *r)
{
	fputs("interface", stdout);
	print_flags("           ", report_flags, r->info);
	for (size_t i = 0; i < r->count; i++) {
		const struct spdm_range *range = &r->ranges[i];

		printf("  MMIO range %u: %u pages from page 0x%" PRIx64, range->id, range->pages,
		       range->first);
		print_flags(", ", range_flags, range->flags);
	}
}

static void print_proofs(const struct shown *s)
{
	for (size_t i = 0; i < PROOF_CHECKS; i++) {
		const struct proof *p = &s->x->proofs[i];

		printf("%s%s%s  %-13s %s\n", term_style(verdicts[p->verdict].style),
		       verdicts[p->verdict].mark, term_end(), proof_name(i), p->found);
	}
	printf("%-20s%s\n", "verified", proofs_verify(s->x->proofs) ? "yes" : "no");
	if (s->required)
		printf("%-20s%s\n", "admitted", s->admitted ? s->x->leaf : "no");
}

void evidence_print(const struct pci_device *dev, const struct shown *s)
{
	const struct evidence *e = &s->x->evidence;
	char hex[NONCE_TEXT_LEN], version[8];

	version_text(e, version);
	evidence_hex((struct spdm_bytes){ e->measurements.nonce, SPDM_NONCE_SIZE }, hex);
	printf("%-20s%s\n", "device", dev->name);
	printf("%-20s%" PRIu64 "\n", "generation", e->generation);
	printf("%-20s%s, %s, %s\n", "spdm", version, e->vca.signature->name, e->vca.hash->name);
	printf("%-20s%s\n", "nonce", hex);
	printf("%-20s%s\n", "fresh", s->x->fresh ? "yes" : "no");
	print_certs(&s->x->certs);
	puts("measurements");
	for (size_t i = 0; i < e->measurements.count; i++)
		print_block(&e->measurements.blocks[i]);
	if (e->files[FILE_REPORT].len)
		print_report(&e->report);
	print_proofs(s);
}

/* --- JSON ------------------------------------------------------------------ */

static void add_hex(struct json_object *obj, const char *key, struct spdm_bytes bytes)
{
	cleanup_free char *text = malloc(2 * bytes.len + 1);

	if (text)
		evidence_hex(bytes, text);
	report_add_text(obj, key, text);
}

static void add_number(struct json_object *obj, const char *key, uint64_t value)
{
	json_object_object_add(obj, key, json_object_new_uint64(value));
}

static void add_flag(struct json_object *obj, const char *key, bool value)
{
	json_object_object_add(obj, key, json_object_new_boolean(value));
}

static struct json_object *make_flags(const struct flag *flags, unsigned int bits)
{
	struct json_object *array = json_object_new_array();

	for (; flags->word; flags++)
		if (bits & flags->bit)
			json_object_array_add(array, json_object_new_string(flags->word));
	return array;
}

static struct json_object *make_certs(const struct certs *certs)
{
	struct json_object *array = json_object_new_array();
	struct cert_text text;

	for (size_t i = 0; i < certs->count; i++) {
		struct json_object *obj = json_object_new_object();

		cert_describe(certs->list[i], &text);
		report_add_text(obj, "subject", text.subject);
		report_add_text(obj, "issuer", text.issuer);
		report_add_text(obj, "not_before", text.not_before[0] ? text.not_before : NULL);
		report_add_text(obj, "not_after", text.not_after[0] ? text.not_after : NULL);
		report_add_text(obj, "digest", text.digest);
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *make_blocks(const struct spdm_measurements *m)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < m->count; i++) {
		struct json_object *obj = json_object_new_object();

		add_number(obj, "index", m->blocks[i].index);
		add_number(obj, "type", m->blocks[i].type);
		report_add_text(obj, "type_name", spdm_block_type(m->blocks[i].type));
		add_flag(obj, "raw", m->blocks[i].raw);
		add_hex(obj, "value", m->blocks[i].value);
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *make_report(const struct spdm_report *r)
{
	struct json_object *obj = json_object_new_object(), *ranges = json_object_new_array();

	json_object_object_add(obj, "flags", make_flags(report_flags, r->info));
	add_number(obj, "msix_control", r->msix);
	add_number(obj, "lnr_control", r->lnr);
	add_number(obj, "tph_control", r->tph);
	for (size_t i = 0; i < r->count; i++) {
		struct json_object *range = json_object_new_object();

		add_number(range, "id", r->ranges[i].id);
		add_number(range, "first_page", r->ranges[i].first);
		add_number(range, "pages", r->ranges[i].pages);
		json_object_object_add(range, "flags", make_flags(range_flags, r->ranges[i].flags));
		json_object_array_add(ranges, range);
	}
	json_object_object_add(obj, "mmio_ranges", ranges);
	add_hex(obj, "device_specific", r->specific);
	return obj;
}

static struct json_object *make_proofs(const struct proof *proofs)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < PROOF_CHECKS; i++) {
		struct json_object *obj = json_object_new_object();

		report_add_text(obj, "check", proof_name(i));
		report_add_text(obj, "title", proof_title(i));
		report_add_text(obj, "verdict", verdicts[proofs[i].verdict].word);
		report_add_text(obj, "found", proofs[i].found);
		json_object_array_add(array, obj);
	}
	return array;
}

struct json_object *evidence_json(const struct pci_device *dev, const struct shown *s)
{
	struct json_object *obj = json_object_new_object();
	const struct evidence *e = &s->x->evidence;
	bool report = e->files[FILE_REPORT].len;
	char version[8];

	version_text(e, version);
	report_add_text(obj, "device", dev->name);
	add_number(obj, "generation", e->generation);
	add_hex(obj, "nonce", (struct spdm_bytes){ e->measurements.nonce, SPDM_NONCE_SIZE });
	add_flag(obj, "fresh", s->x->fresh);
	add_flag(obj, "verified", proofs_verify(s->x->proofs));
	report_add_text(obj, "spdm_version", version);
	report_add_text(obj, "signature", e->vca.signature->name);
	report_add_text(obj, "hash", e->vca.hash->name);
	json_object_object_add(obj, "certificates", make_certs(&s->x->certs));
	json_object_object_add(obj, "measurements", make_blocks(&e->measurements));
	json_object_object_add(obj, "report", report ? make_report(&e->report) : NULL);
	json_object_object_add(obj, "checks", make_proofs(s->x->proofs));
	add_flag(obj, "admitted", s->admitted);
	return obj;
}

static struct json_object *make_allowed_block(const struct spdm_block *b)
{
	struct json_object *obj = json_object_new_object(), *values = json_object_new_array();
	cleanup_free char *hex = malloc(2 * b->value.len + 1);

	if (hex)
		evidence_hex(b->value, hex);
	json_object_array_add(values, hex ? json_object_new_string(hex) : NULL);
	add_number(obj, "index", b->index);
	json_object_object_add(obj, "values", values);
	return obj;
}

void evidence_print_allowed(const struct examined *x, const char *name)
{
	struct json_object *list = json_object_new_object(), *entries = json_object_new_array();
	struct json_object *entry = json_object_new_object(), *blocks = json_object_new_array();

	for (size_t i = 0; i < x->evidence.measurements.count; i++) {
		const struct spdm_block *b = &x->evidence.measurements.blocks[i];

		/* the list can have no others */
		if (b->value.len && b->index <= ALLOWED_INDEX_MAX)
			json_object_array_add(blocks, make_allowed_block(b));
	}
	report_add_text(entry, "name", name);
	report_add_text(entry, "device", x->model);
	json_object_object_add(entry, "measurements", blocks);
	json_object_array_add(entries, entry);
	add_number(list, "version", ALLOWED_VERSION);
	json_object_object_add(list, "allowed", entries);
	puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(list);
}
