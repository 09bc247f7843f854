/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a file of maze observe: refused with an error message, or rules that mazed
 * accepts, all in shadow, and no more than there are programs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rules/rules.h"
#include "daemon/rules/unused.h"
#include "suggest/rule_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rules(char *text, size_t size, const struct streaks_file *file)
{
	struct rules *rules = NULL;
	struct problems problems;
	size_t i;

	/* Newlines are those of the writer. */
	for (i = 0; i < size; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 127)
			abort();
	problems_init(&problems);
	if (rules_parse("fuzz", text, size, &rules, &problems) || rules->count > file->count)
		abort();
	rules_note_unused(rules, &problems);
	if (problems.count)
		abort();
	for (i = 0; i < rules->count; i++)
		if (!rules->rules[i].ignore && !rules->rules[i].shadow)
			abort();
	rules_free(rules);
	problems_done(&problems);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct advice_settings settings = { .risk = 10 };
	struct maze_error error = { "" };
	struct streaks_file *file;
	size_t length;
	char *text;
	FILE *out;

	if (streaks_file_parse((const char *)data, size, &file, &error)) {
		if (!error.text[0])
			abort();
		return 0;
	}
	out = open_memstream(&text, &length);
	if (!out)
		abort();
	if (!advice_check(file, &settings, &error) && rule_file_write(file, &settings, out))
		abort();
	if (fclose(out))
		abort();
	check_rules(text, length, file);
	streaks_file_free(file);
	return 0;
}
