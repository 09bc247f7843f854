/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secrets in command lines, which incidents do not keep: the value of each option or
 * variable whose name says that it is one ("--password VALUE", "--api-key=VALUE",
 * "TOKEN=VALUE", "Authorization: VALUE"), and the password of a URL ("://user:VALUE@").
 * What stands under no name ("-psecret") cannot be known for one.
 *
 * When in doubt, more is masked than less.
 */
#ifndef MAZE_EVIDENCE_REDACT_H
#define MAZE_EVIDENCE_REDACT_H

#include <stddef.h>

#include "../../lib/maze.h"

#define REDACT_TEXT "***"

struct redactor;

/*
 * `more` are names on top of those in redact.c, in which `*` stands for any bytes; case, and
 * `-` or `_`, make no difference. -EINVAL with a sentence; -ENOMEM.
 */
int redact_new(const char *const *more, size_t count, struct redactor **ret_redactor,
	       struct maze_error *error);
void redact_free(struct redactor *redactor);
bool redact_name_is_secret(const struct redactor *redactor, const char *name, size_t length);
/*
 * Words with a NUL behind each, as in /proc/PID/cmdline, masked; free(3) it. NULL: out of
 * memory.
 */
char *redact_apply(const struct redactor *redactor, const char *words, size_t size,
		   size_t *ret_size);

#endif
