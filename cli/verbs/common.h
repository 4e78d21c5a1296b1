/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several verbs share: options, checks of arguments, and what is done to each device. */
#ifndef TSMCTL_VERBS_COMMON_H
#define TSMCTL_VERBS_COMMON_H

#include "config/document.h"
#include "verbs/verbs.h"

/* The value of --timeout, or NULL. */
extern const char *verb_timeout;

/* For the options of a verb that calls verb_change_each(). */
#define VERB_TIMEOUT                                                           \
	{                                                                      \
		.longName = "timeout",                                         \
		.argInfo = POPT_ARG_STRING,                                    \
		.arg = &verb_timeout,                                          \
		.descrip = "give up on a device after this time (0 to 86400)", \
		.argDescrip = "SECONDS",                                       \
	}

/* The options of a verb that has no other one. */
extern const struct poptOption verb_timeout_alone[];

/* Whether --save was given. */
extern int verb_saves;

/* For the options of a verb that calls verb_keep(). */
#define VERB_SAVE                                                                                \
	{                                                                                        \
		.longName = "save",                                                              \
		.argInfo = POPT_ARG_NONE,                                                        \
		.arg = &verb_saves,                                                              \
		.descrip = "also write this to a drop-in of the configuration, for later boots", \
	}

/* The options of a verb that has no other ones. */
extern const struct poptOption verb_save_alone[];

/**
 * verb_keep() - with --save, write what was changed into the drop-in of a device
 * @ctx: this run
 * @dev: the device, on which the verb has succeeded
 * @want: what it has now, see saved_put()
 *
 * Return: 0, or negative errno, reported.
 */
int verb_keep(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS]);

/**
 * verb_refuse_save() - refuse --save for a run that only reads
 * @ctx: this run
 * @verb: the verb
 *
 * Return: 0 without --save, or -EINVAL, reported.
 */
int verb_refuse_save(struct ctx *ctx, const struct verb *verb);

/**
 * verb_usage_error() - report wrong usage of a verb
 * @ctx: this run
 * @verb: the verb, or NULL for the program itself
 * @value: the argument at fault, or NULL
 * @fmt: message, as for printf
 *
 * Return: -EINVAL, for the caller to return.
 */
int verb_usage_error(struct ctx *ctx, const struct verb *verb, const char *value, const char *fmt,
		     ...) PRINTF_LIKE(4, 5);

/**
 * verb_check_words() - check the value of an option that takes words of a table
 * @ctx: this run
 * @verb: the verb
 * @option: long name of the option
 * @what: what a word is, with its article, as "a state"
 * @words: the table; NULL-terminated
 * @list: the value: words with commas between them; or NULL
 *
 * Return: 0, or negative errno, reported; -EINVAL if a word is not in the table.
 */
int verb_check_words(struct ctx *ctx, const struct verb *verb, const char *option, const char *what,
		     const char *const *words, const char *list);

/**
 * verb_check_policy() - check a value that is to be set
 * @ctx: this run
 * @verb: the verb
 * @id: an attribute of policy with a few words
 * @value: the value, or NULL
 *
 * Return: 0, or -EINVAL, reported, if @value is not one of the words.
 */
int verb_check_policy(struct ctx *ctx, const struct verb *verb, enum policy_id id,
		      const char *value);

/**
 * verb_read_tdi_id() - read a requester ID that is to be set
 * @ctx: this run
 * @verb: the verb
 * @text: the ID, or NULL
 * @id: out, PCI_NAME_LEN bytes: the ID as the kernel reads it back; "" without @text
 * @more: a remark after the message of a mistake, or ""
 *
 * Return: 0, or -EINVAL, reported.
 */
int verb_read_tdi_id(struct ctx *ctx, const struct verb *verb, const char *text, char *id,
		     const char *more);

/**
 * verb_select() - read the arguments of a verb as devices
 * @ctx: this run
 * @verb: whose arguments they are
 * @argc: number of selectors; 0 selects all devices, for a verb with VERB_ALL
 * @argv: selectors, see common/selector.h
 * @s: out, for select_done(); the strings of @argv must live as long
 *
 * Return: 0, or negative errno, reported.
 */
int verb_select(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
		struct selection *s);

/**
 * verb_each() - do something to every device that the arguments select
 * @ctx: this run
 * @verb: whose arguments they are
 * @argc: number of selectors
 * @argv: selectors
 * @fn: called once for each device, however often it is selected
 * @arg: passed to @fn
 *
 * An invalid selector is an error before anything is done.
 *
 * Return: 0, or the last error, reported.
 */
int verb_each(struct ctx *ctx, const struct verb *verb, int argc, const char **argv, device_fn fn,
	      void *arg);

/**
 * verb_refuse_absent() - report that a device does not exist
 * @ctx: this run
 * @dev: a device that VERB_FUTURE has let through
 *
 * Return: -ENODEV, for the caller to return.
 */
int verb_refuse_absent(struct ctx *ctx, const struct pci_device *dev);

/**
 * verb_seconds() - read an option that is a number of seconds
 * @ctx: this run
 * @verb: whose option it is
 * @text: its value, or NULL
 * @seconds: out, if there is one
 *
 * Return: 0, or -EINVAL, reported.
 */
int verb_seconds(struct ctx *ctx, const struct verb *verb, const char *text, int *seconds);

/**
 * struct change - what is done to a device while this run has the lock on it
 * @fn: does it
 * @arg: passed to @fn
 */
struct change {
	device_fn fn;
	void *arg;
};

/**
 * verb_change() - change a device, with the lock on it
 * @ctx: this run
 * @dev: the device; opened again when the lock is taken
 * @change: struct change
 *
 * Return: what the change returned, or negative errno, reported.
 */
int verb_change(struct ctx *ctx, struct pci_device *dev, void *change);

/**
 * verb_change_each() - change every device that the arguments select, one lock at a time
 * @ctx: this run
 * @verb: whose arguments they are; its options have VERB_TIMEOUT
 * @argc: number of selectors
 * @argv: selectors
 * @fn: called once for each device
 * @arg: passed to @fn
 *
 * Return: as verb_each().
 */
int verb_change_each(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
		     device_fn fn, void *arg);

#endif
