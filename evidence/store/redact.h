/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replaces secrets in command lines. A secret is the value of an option or variable with
 * the name of a secret ("--password VALUE", "--api-key=VALUE", "TOKEN=VALUE",
 * "Authorization: VALUE"), or the password of a URL ("://user:VALUE@"). A secret without
 * a name ("-psecret") is not recognized. In doubt a value is replaced.
 */
#ifndef MAZE_EVIDENCE_REDACT_H
#define MAZE_EVIDENCE_REDACT_H

#include <stddef.h>

#include "../../lib/maze.h"

#define REDACT_TEXT "***"

struct redactor;

/*
 * `more` are patterns of names in addition to those in redact.c. In a pattern, `*`
 * matches any bytes, case is ignored, and `_` equals `-`. Returns 0, -EINVAL with an
 * error text, or -ENOMEM.
 */
int redact_new(const char *const *more, size_t count, struct redactor **ret_redactor,
	       struct maze_error *error);
void redact_free(struct redactor *redactor);
/*
 * `words` are in the format of /proc/PID/cmdline, with a NUL behind each word. Returns
 * NULL without memory. The caller frees the result.
 */
char *redact_apply(const struct redactor *redactor, const char *words, size_t size,
		   size_t *ret_size);

#endif
