// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads an answer of 'tsmctl --json' from standard input, for the tests.
 *
 *   answer golden [TEXT=WORD]...         prints it, or several, with a line for each value
 *   answer text [TEXT=WORD]...           prints text that is not JSON
 *   answer rows LIST KEYS [KEY=VALUE]... prints a line for each member of LIST
 *   answer keys                          prints its keys, also those of LIST
 *   answer envelope                      fails if it is not a whole answer
 *
 * LIST is result or errors. 'rows' prints the values of KEYS, which have blanks between them,
 * for each member that has these VALUEs. A string that could be read as another value of JSON
 * has quotes. 'golden' and 'text' print a fixed word for what differs from run to run: TEXT,
 * the number and name of a process, a time that is now or was waited, the name of a device,
 * what depends on the user, and the version.
 *
 * It is a program in C because the tests start it a thousand times, and Python takes ten times
 * as long to start.
 */
#include <err.h>
#include <json-c/json.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char **words;

static char *read_all(void)
{
	char *text = NULL;
	size_t size = 0;

	if (getdelim(&text, &size, 0, stdin) < 0)
		return strdup("");
	return text;
}

/* Replaces each @from in @text, which is freed. */
static char *replace(char *text, const char *from, const char *to)
{
	char *out = NULL, *at, *rest = text;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		err(1, "memory");
	for (; *from && (at = strstr(rest, from)); rest = at + strlen(from))
		fprintf(f, "%.*s%s", (int)(at - rest), rest, to);
	fputs(rest, f);
	fclose(f);
	free(text);
	return out;
}

/* Replaces what matches; @and follows if the first group of the pattern also matches. */
static char *substitute(char *text, const char *pattern, const char *to, const char *and)
{
	char *out = NULL, *rest = text;
	regmatch_t m[2];
	regex_t re;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f || regcomp(&re, pattern, REG_EXTENDED))
		errx(1, "the pattern %s", pattern);
	for (; !regexec(&re, rest, 2, m, rest == text ? 0 : REG_NOTBOL); rest += m[0].rm_eo)
		fprintf(f, "%.*s%s%s", (int)m[0].rm_so, rest, to, m[1].rm_so < 0 ? "" : and);
	fputs(rest, f);
	fclose(f);
	regfree(&re);
	free(text);
	return out;
}

static char *fix_text(const char *text)
{
	char *out = strdup(text);

	for (char **word = words; *word; word++) {
		char *from = strdup(*word), *to = strrchr(from, '=');

		if (!to)
			errx(2, "%s has no =", from);
		*to++ = '\0';
		out = replace(out, from, to);
		free(from);
	}
	out = substitute(out, "\\<process [0-9]+( \\([^()]*\\))?", "process PID", " (NAME)");
	out = substitute(out, "\\<ps -fp [0-9]+()", "ps -fp PID", "");
	out = substitute(out, "\\<version=\"[^\"]*\"()", "version=\"VERSION\"", "");
	return substitute(out, "\\<after [0-9]+ s of waiting()", "after N s of waiting", "");
}

static bool is_now(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	return end && *end && text[strlen(text) - 1] == 'Z' && labs(time(NULL) - timegm(&tm)) < 600;
}

/* Return: the value in its place, to be put. */
static json_object *fix_string(const char *key, const char *text)
{
	char *fixed;
	json_object *value;

	/* root gets no hint in its place */
	if (!strcmp(key, "hint") && !strcmp(text, "run it as root"))
		return NULL;
	if (!strcmp(key, "time") && is_now(text))
		return json_object_new_string("NOW");
	if (!strcmp(key, "version"))
		return json_object_new_string("VERSION");
	fixed = fix_text(text);
	value = json_object_new_string(fixed);
	free(fixed);
	return value;
}

static json_object *fix(const char *key, json_object *value)
{
	json_object *fixed, *name;

	switch (json_object_get_type(value)) {
	case json_type_string:
		return fix_string(key, json_object_get_string(value));
	case json_type_array:
		fixed = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(value); i++)
			json_object_array_add(fixed, fix(key, json_object_array_get_idx(value, i)));
		return fixed;
	case json_type_object:
		break;
	default:
		return json_object_get(value);
	}
	fixed = json_object_new_object();
	json_object_object_foreach(value, member, v)
		json_object_object_add(fixed, member, fix(member, v));
	/* this machine may have no database of PCI IDs */
	if (json_object_object_get_ex(value, "vendor_id", NULL) &&
	    json_object_object_get_ex(value, "name", NULL))
		json_object_object_add(fixed, "name", json_object_new_string("NAME"));
	/* root and other users run the tests */
	if (json_object_object_get_ex(value, "check", &name) &&
	    !strcmp(json_object_get_string(name) ?: "", "permission")) {
		json_object_object_add(fixed, "verdict", json_object_new_string("VERDICT"));
		json_object_object_add(fixed, "evidence", json_object_new_string("EVIDENCE"));
	}
	return fixed;
}

/* Prints a value in a line, with a blank after each comma and colon. */
static void print_flat(json_object *value)
{
	const char *sep = "";

	switch (json_object_get_type(value)) {
	case json_type_array:
		putchar('[');
		for (size_t i = 0; i < json_object_array_length(value); i++, sep = ", ") {
			fputs(sep, stdout);
			print_flat(json_object_array_get_idx(value, i));
		}
		putchar(']');
		break;
	case json_type_object:
		putchar('{');
		json_object_object_foreach(value, key, v) {
			printf("%s\"%s\": ", sep, key);
			print_flat(v);
			sep = ", ";
		}
		putchar('}');
		break;
	default:
		fputs(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE),
		      stdout);
	}
}

/* Whether a text can be read as a value of JSON. */
static bool is_json(const char *text)
{
	json_tokener *tok = json_tokener_new();
	bool is;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	json_object_put(json_tokener_parse_ex(tok, text, -1));
	is = json_tokener_get_error(tok) == json_tokener_success;
	json_tokener_free(tok);
	return is && *text;
}

static void print_value(json_object *value)
{
	const char *text = json_object_get_string(value);

	if (json_object_is_type(value, json_type_string) && !is_json(text))
		fputs(text, stdout);
	else
		print_flat(value);
}

/* What print_value() prints, to be freed. */
static char *show(json_object *value)
{
	FILE *old = stdout;
	char *text = NULL;
	size_t size;

	stdout = open_memstream(&text, &size);
	print_value(value);
	fclose(stdout);
	stdout = old;
	return text;
}

static void print_golden(json_object *answer)
{
	json_object *fixed = fix("", answer);
	char *text = strdup(json_object_to_json_string_ext(
		fixed, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			       JSON_C_TO_STRING_NOSLASHESCAPE));

	/* versions of json-c differ in what is empty */
	text = substitute(text, "\\[\n *\\]()", "[]", "");
	text = substitute(text, "\\{\n *\\}()", "{}", "");
	puts(text);
	free(text);
	json_object_put(fixed);
}

static json_object *member(json_object *row, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(row, key, &value))
		errx(1, "no key %s", key);
	return value;
}

static bool has(json_object *row, char **wanted)
{
	for (; *wanted; wanted++) {
		char *key = strdup(*wanted), *text = strchr(key, '='), *found;
		bool same;

		if (!text)
			errx(2, "%s has no =", key);
		*text++ = '\0';
		found = show(member(row, key));
		same = !strcmp(found, text);
		free(found);
		free(key);
		if (!same)
			return false;
	}
	return true;
}

static void print_rows(json_object *answer, int argc, char **argv)
{
	json_object *list;

	if (argc < 2)
		errx(2, "rows LIST KEYS");
	list = member(answer, argv[0]);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *row = json_object_array_get_idx(list, i);
		char *keys = strdup(argv[1]), *save, *key;
		const char *sep = "";

		if (has(row, argv + 2)) {
			for (key = strtok_r(keys, " ", &save); key;
			     key = strtok_r(NULL, " ", &save), sep = " ") {
				fputs(sep, stdout);
				print_value(member(row, key));
			}
			putchar('\n');
		}
		free(keys);
	}
}

static void print_keys(json_object *answer)
{
	static const char *const lists[] = { "result", "errors" };
	const char *sep = "";

	json_object_object_foreach(answer, key, value) {
		(void)value;
		printf("%s%s", sep, key);
		sep = " ";
	}
	for (int l = 0; l < 2; l++) {
		json_object *list = member(answer, lists[l]);

		for (size_t i = 0; i < json_object_array_length(list); i++) {
			json_object_object_foreach(json_object_array_get_idx(list, i), k, v) {
				(void)v;
				printf(" %s", k);
			}
		}
	}
	putchar('\n');
}

/* Fails unless an object has just these keys, in this order. */
static void check_keys(json_object *object, const char *wanted)
{
	char keys[256] = "";
	size_t len = 0;

	json_object_object_foreach(object, key, value) {
		(void)value;
		len += (size_t)snprintf(keys + len, sizeof(keys) - len, "%s ", key);
		if (len >= sizeof(keys))
			errx(1, "too many keys: %s", keys);
	}
	if (strcmp(keys, wanted))
		errx(1, "the keys are %s", keys);
}

static void check_envelope(json_object *answer)
{
	json_object *errors;

	check_keys(answer, "schema_version changed result errors ");
	errors = member(answer, "errors");
	if (json_object_get_int(member(answer, "schema_version")) != 1 ||
	    !json_object_is_type(member(answer, "changed"), json_type_boolean) ||
	    !json_object_is_type(member(answer, "result"), json_type_array) ||
	    !json_object_is_type(errors, json_type_array))
		errx(1, "a member has a wrong value");
	for (size_t i = 0; i < json_object_array_length(errors); i++)
		check_keys(json_object_array_get_idx(errors, i),
			   "device attribute value errno stage message hint ");
}

static void act(json_object *answer, int argc, char **argv)
{
	if (!strcmp(argv[1], "golden")) {
		print_golden(answer);
	} else if (!strcmp(argv[1], "rows")) {
		print_rows(answer, argc - 2, argv + 2);
	} else if (!strcmp(argv[1], "keys")) {
		print_keys(answer);
	} else if (!strcmp(argv[1], "envelope")) {
		check_envelope(answer);
	} else {
		errx(2, "%s is not an action", argv[1]);
	}
}

/* Several answers may follow each other. Return: an array of them. */
static json_object *parse_all(const char *text)
{
	json_object *answers = json_object_new_array();
	json_tokener *tok = json_tokener_new();

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	while (*text) {
		json_object *answer = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);

		if (json_tokener_get_error(tok) != json_tokener_success)
			errx(1, "%s", json_tokener_error_desc(json_tokener_get_error(tok)));
		json_object_array_add(answers, answer);
		text += json_tokener_get_parse_end(tok);
		text += strspn(text, " \n");
	}
	json_tokener_free(tok);
	return answers;
}

int main(int argc, char **argv)
{
	json_object *answers;
	size_t count;
	char *text;

	if (argc < 2)
		errx(2, "an action is missing");
	words = argv + 2;
	text = read_all();
	if (!strcmp(argv[1], "text")) {
		text = fix_text(text);
		fputs(text, stdout);
		return 0;
	}
	answers = parse_all(text);
	count = json_object_array_length(answers);
	if (!count || (count > 1 && strcmp(argv[1], "golden")))
		errx(1, "%zu answers", count);
	for (size_t i = 0; i < count; i++)
		act(json_object_array_get_idx(answers, i), argc, argv);
	return 0;
}
