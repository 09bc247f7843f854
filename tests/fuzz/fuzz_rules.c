/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as maze.conf, with any bytes as the process: either rules that can be matched
 * and explained, or problems with one message each; never both.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rules/explain.h"
#include "daemon/rules/match.h"
#include "daemon/rules/rules.h"
#include "daemon/rules/unused.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer texts only repeat the same cases, and are slower. */
#define TEXT_MAX 4096

static void copy_text(char *to, size_t room, const uint8_t *data, size_t size)
{
	size_t i, length = size < room - 1 ? size : room - 1;

	for (i = 0; i < length; i++)
		to[i] = data[i] ? (char)data[i] : ' ';
	to[length] = '\0';
}

/* The process's name consists of the bytes that the patterns are made of. */
static void fill(struct subject *subject, const uint8_t *data, size_t size)
{
	memset(subject, 0, sizeof(*subject));
	subject->known = FACT_ALL;
	subject->uid = size ? data[0] : 0;
	subject->is_main = size & 1;
	copy_text(subject->comm, sizeof(subject->comm), data, size);
	copy_text(subject->thread_comm, sizeof(subject->thread_comm), data, size / 2);
	copy_text(subject->parent_comm, sizeof(subject->parent_comm), data, size / 3);
	copy_text(subject->exe, sizeof(subject->exe), data, size);
	copy_text(subject->cgroup, sizeof(subject->cgroup), data, size);
	copy_text(subject->cmdline, sizeof(subject->cmdline), data, size);
}

static void use(const struct rules *rules, const uint8_t *data, size_t size)
{
	static struct subject subject;
	const struct rule *rule = NULL;
	char *printed = NULL;
	size_t length, i;
	unsigned int missing;
	FILE *out;

	for (i = 0; i < rules->count; i++)
		if (!rules->rules[i].ignore &&
		    maze_policy_explain(&rules->rules[i].settings.policy, NULL))
			abort();
	fill(&subject, data, size);
	if (match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing) == MATCH_YES && !rule)
		abort();
	out = open_memstream(&printed, &length);
	if (!out)
		abort();
	explain_subject(out, rules, &subject, NULL);
	fclose(out);
	/* Only newlines may pass unescaped. */
	for (i = 0; i < length; i++)
		if ((unsigned char)printed[i] < ' ' && printed[i] != '\n')
			abort();
	free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = NULL;
	struct problems problems;
	size_t i;
	int err;

	if (size > TEXT_MAX)
		return 0;
	problems_init(&problems);
	err = rules_parse("fuzz", (const char *)data, size, &rules, &problems);
	if (!err != !problems.errors || !err != (rules != NULL))
		abort();
	for (i = 0; i < problems.count; i++)
		if (!problems.items[i].text[0])
			abort();
	if (rules) {
		rules_note_unused(rules, &problems);
		use(rules, data, size);
	}
	rules_free(rules);
	problems_done(&problems);
	return 0;
}
