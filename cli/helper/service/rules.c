// SPDX-License-Identifier: GPL-2.0-or-later
/* The service's configuration, see rules.h. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>

#include "common/json.h"
#include "common/trust.h"
#include "helper/service/rules.h"

#define SIZE_MAX_BYTES 65536
#define RULES_MAX 256
#define GLOB_LEN 32
/* Deeper than a valid document is */
#define DEPTH 8
#define NOBODY ((unsigned int)-1)
/* The ID that the kernel reports for one that it cannot map, as of another user namespace */
#define OVERFLOW_ID 65534

/**
 * struct rule - one permission; a request must match all of it
 * @uid: user, or NOBODY for any
 * @gid: group, or NOBODY for any
 * @device: glob over addresses in the kernel's form
 * @kinds: kinds of requests
 * @admission: a bind is only for devices whose policy requires an admission
 */
struct rule {
	unsigned int uid;
	unsigned int gid;
	char device[GLOB_LEN];
	unsigned int kinds;
	bool admission;
};

/**
 * struct rules - the configuration
 * @admission: that of rules without a value of their own, and of clients that need no rule
 * @count: how many rules there are
 * @list: the rules
 */
struct rules {
	bool admission;
	size_t count;
	struct rule list[RULES_MAX];
};

static int complain(char **why, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int complain(char **why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!*why && vasprintf(why, fmt, ap) < 0)
		*why = NULL;
	va_end(ap);
	return err;
}

/* Looks up a user by name or number. Return: 0 or negative errno. */
static int find_user(struct json_object *v, unsigned int *id)
{
	const char *text = json_object_get_string(v);
	struct passwd *pw;

	if (text && !util_parse_u32(text, id))
		return 0;
	pw = json_object_is_type(v, json_type_string) ? getpwnam(text) : NULL;
	if (!pw)
		return -ENOENT;
	*id = pw->pw_uid;
	return 0;
}

static int find_group(struct json_object *v, unsigned int *id)
{
	const char *text = json_object_get_string(v);
	struct group *gr;

	if (text && !util_parse_u32(text, id))
		return 0;
	gr = json_object_is_type(v, json_type_string) ? getgrnam(text) : NULL;
	if (!gr)
		return -ENOENT;
	*id = gr->gr_gid;
	return 0;
}

static int set_id(unsigned int *id, struct json_object *v, const char *what,
		  int (*find)(struct json_object *v, unsigned int *id), char **why)
{
	const char *text = json_object_get_string(v) ?: "null";

	if (find(v, id))
		return complain(why, -EINVAL, "there is no %s '%s'", what, text);
	if (*id == OVERFLOW_ID || *id == NOBODY)
		return complain(why, -EINVAL,
				"%s '%s' also stands for every ID that the kernel cannot map", what,
				text);
	return 0;
}

static int add_kinds(struct rule *rule, struct json_object *v, char **why)
{
	size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;

	rule->kinds = 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);
		const char *text = json_object_get_string(item) ?: "null";
		unsigned int kind = request_kind(text);

		if (!kind)
			return complain(why, -EINVAL, "there is no request '%s'", text);
		rule->kinds |= kind;
	}
	return n ? 0 :
		   complain(why, -EINVAL,
			    "requests is not a list of bind, unbind, state and request");
}

static int set_admission(bool *admission, struct json_object *v, char **why)
{
	const char *text = json_string(v) ?: "";

	*admission = streq(text, "required");
	return *admission || streq(text, "none") ?
		       0 :
		       complain(why, -EINVAL, "admission is neither none nor required");
}

/* Adds one rule for each device of an entry. */
static int add_devices(struct rules *rules, const struct rule *rule, struct json_object *v,
		       char **why)
{
	size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);
		const char *text = json_object_get_string(item) ?: "null";
		struct rule *new = &rules->list[rules->count];
		struct pci_addr addr;

		if (rules->count == RULES_MAX)
			return complain(why, -E2BIG, "it allows more than %d devices", RULES_MAX);
		*new = *rule;
		if (!pci_addr_parse(text, &addr))
			pci_addr_name(&addr, new->device);
		else if (!strpbrk(text, "*?[") ||
			 strspn(text, "0123456789abcdef:.*?[]-!") != strlen(text) ||
			 !util_copy(new->device, sizeof(new->device), text))
			return complain(why, -EINVAL,
					"device '%s' is neither address nor glob over addresses",
					text);
		rules->count++;
	}
	return n ? 0 : complain(why, -EINVAL, "devices is not a list of addresses");
}

static int add_entry(struct rules *rules, struct json_object *entry, char **why)
{
	struct rule rule = {
		.uid = NOBODY,
		.gid = NOBODY,
		/* "request" must be listed explicitly: the file may be older than that kind */
		.kinds = REQUEST_BIND | REQUEST_UNBIND | REQUEST_STATE,
		.admission = rules->admission,
	};
	struct json_object *devices = NULL;
	int ret = 0;

	if (!json_object_is_type(entry, json_type_object))
		return complain(why, -EINVAL, "an entry of allow is not an object");
	json_object_object_foreach(entry, key, v) {
		if (streq(key, "user"))
			ret = set_id(&rule.uid, v, key, find_user, why);
		else if (streq(key, "group"))
			ret = set_id(&rule.gid, v, key, find_group, why);
		else if (streq(key, "requests"))
			ret = add_kinds(&rule, v, why);
		else if (streq(key, "admission"))
			ret = set_admission(&rule.admission, v, why);
		else if (streq(key, "devices"))
			devices = v;
		else
			ret = complain(why, -EINVAL, "there is no key '%s' in allow", key);
		if (ret)
			return ret;
	}
	if (rule.uid == NOBODY && rule.gid == NOBODY)
		return complain(why, -EINVAL, "an entry of allow names neither user nor group");
	return add_devices(rules, &rule, devices, why);
}

static int read_config(struct rules *rules, struct json_object *obj, char **why)
{
	struct json_object *allow = NULL;
	int ret = 0;

	if (!json_object_is_type(obj, json_type_object))
		return complain(why, -EINVAL, "it is not a JSON object");
	json_object_object_foreach(obj, key, v) {
		if (streq(key, "allow"))
			allow = v;
		else if (streq(key, "admission"))
			ret = set_admission(&rules->admission, v, why);
		else if (!streq(key, "version"))
			return complain(why, -EINVAL, "there is no key '%s'", key);
		else if (!json_object_is_type(v, json_type_int) || json_object_get_int(v) != 1)
			return complain(why, -EINVAL, "only version 1 is supported");
		if (ret)
			return ret;
	}
	if (!json_object_is_type(allow, json_type_array))
		return complain(why, -EINVAL, "allow is not a list");
	for (size_t i = 0; !ret && i < json_object_array_length(allow); i++)
		ret = add_entry(rules, json_object_array_get_idx(allow, i), why);
	return ret;
}

static int open_trusted(const char *path, struct trust_fault *fault)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret;
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return trust_refuse(fault, "put the file itself there", NULL,
				    "it is a symbolic link");
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = trust_refuse(fault, "put a regular file there", NULL,
				   "it is not a regular file");
	else
		ret = trust_check(fault, path, path, &st, TRUST_NO_WRITE);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Reads the whole file, and terminates it. Only root or the caller may be able to write it. */
static int read_file(const char *path, char **text, size_t *len, char **why,
		     struct trust_fault *fault)
{
	cleanup_fd int fd = open_trusted(path, fault);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	*text = malloc(SIZE_MAX_BYTES + 1);
	if (!*text)
		return -ENOMEM;
	while (used < SIZE_MAX_BYTES) {
		n = read(fd, *text + used, SIZE_MAX_BYTES - used);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used == SIZE_MAX_BYTES)
		return complain(why, -EFBIG, "it has %d bytes or more", SIZE_MAX_BYTES);
	(*text)[used] = '\0';
	*len = used;
	return 0;
}

/*
 * Whether a text has an escape by number. It could hide a NUL in a name, or a key that is
 * there twice, and nothing in this file needs it.
 */
static bool has_numbered_escape(const char *text)
{
	for (text = strchr(text, '\\'); text && text[1]; text = strchr(text + 2, '\\'))
		if (text[1] == 'u')
			return true;
	return false;
}

/* Parses the file strictly, because everything in it is a permission. */
static int parse(const char *text, size_t len, struct json_object **obj, char **why)
{
	struct json_fault f;
	int ret = json_read(text, len, DEPTH, obj, &f);

	if (ret == -EINVAL)
		return complain(why, ret, "%s%s%s", f.path, f.path[0] ? ": " : "", f.message);
	if (!ret && has_numbered_escape(text))
		return complain(why, -EINVAL, "escapes with \\u are not accepted");
	return ret;
}

int rules_load(const char *path, struct rules **rules, char **why, struct trust_fault *fault)
{
	cleanup_free char *text = NULL;
	struct json_object *obj = NULL;
	size_t len = 0;
	int ret;

	*why = NULL;
	*rules = calloc(1, sizeof(**rules));
	if (!*rules)
		return -ENOMEM;
	ret = read_file(path ?: RULES_PATH, &text, &len, why, fault);
	if (ret == -ENOENT && !path)
		return 0;
	if (ret)
		return ret;
	ret = parse(text, len, &obj, why) ?: read_config(*rules, obj, why);
	json_object_put(obj);
	return ret;
}

static bool fits(const struct rule *rule, const struct peer *peer)
{
	return (rule->uid == NOBODY || rule->uid == peer->uid) &&
	       (rule->gid == NOBODY || rule->gid == peer->gid);
}

/* Whether a client could open the device itself, or control the service, anyway. */
static bool is_trusted(const struct peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid();
}

enum standing rules_standing(const struct rules *rules, const struct peer *peer)
{
	enum standing best = is_trusted(peer) ? STANDING_TRUSTED : STANDING_NONE, this;

	for (size_t i = 0; i < rules->count; i++) {
		this = rules->list[i].uid == NOBODY ? STANDING_GROUP : STANDING_USER;
		if (this > best && fits(&rules->list[i], peer))
			best = this;
	}
	return best;
}

static enum permission permission_with(bool admission)
{
	return admission ? PERMISSION_ADMITTED : PERMISSION_ALL;
}

enum permission rules_allow(const struct rules *rules, const struct peer *peer,
			    const struct request *r)
{
	enum permission best = PERMISSION_NONE;
	const struct rule *rule;

	if (is_trusted(peer))
		return permission_with(rules->admission);
	for (size_t i = 0; best != PERMISSION_ALL && i < rules->count; i++) {
		rule = &rules->list[i];
		if (fits(rule, peer) && (rule->kinds & r->kind) &&
		    fnmatch(rule->device, r->device, FNM_NOESCAPE) == 0 &&
		    permission_with(rule->admission) > best)
			best = permission_with(rule->admission);
	}
	return best;
}

void rules_free(struct rules *rules)
{
	free(rules);
}
