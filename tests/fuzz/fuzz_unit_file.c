/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as the file and the drop-in of a unit: either a rule that is valid and can be
 * explained, or no rule, and then problems or no key; never both.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rules/explain.h"
#include "daemon/rules/unit_file.h"
#include "daemon/rules/unit_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer texts only repeat the same cases, and are slower. */
#define TEXT_MAX 4096
#define NAME "unit:a.service"

static void explain(const struct rules *rules)
{
	static struct subject subject = { .known = FACT_ALL, .cgroup = "/system.slice/a.service" };
	char *printed = NULL;
	size_t length, i;
	FILE *out = open_memstream(&printed, &length);

	if (!out)
		abort();
	explain_subject(out, rules, &subject, NULL);
	fclose(out);
	for (i = 0; i < length; i++)
		if ((unsigned char)printed[i] < ' ' && printed[i] != '\n')
			abort();
	free(printed);
}

static void use(struct rules *rules, struct conf *conf, struct problems *problems)
{
	size_t keys = conf->sections[0]->count;
	struct unit_rules *units = NULL;
	struct unit *unit;

	if (unit_rules_new(&units))
		abort();
	unit = unit_rules_add(units, "a.service");
	unit_rules_set(units, unit, rules, conf, problems);
	if (!unit->rule != (problems->errors || !keys))
		abort();
	rules->units = units;
	if (unit->rule) {
		if (!unit->rule->ignore && maze_policy_explain(&unit->rule->settings.policy, NULL))
			abort();
		explain(rules);
		/* The same defaults, so the same result. */
		unit_rules_remake(units, unit, rules, problems);
		if (!unit->rule)
			abort();
	}
	unit_rules_free(units);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct rules *rules = NULL;
	struct problems problems;
	struct conf conf;
	size_t half = size / 2;

	if (size > TEXT_MAX)
		return 0;
	problems_init(&problems);
	if (rules_parse("fuzz", "[rule a]\n", 9, &rules, &problems))
		abort();
	conf_init(&conf);
	if (conf_add_section(&conf, SECTION_UNIT, NAME, strlen(NAME)) ||
	    unit_file_parse(&conf, "/own", text, half, &problems) ||
	    unit_file_parse(&conf, "/drop-in", text + half, size - half, &problems))
		abort();
	use(rules, &conf, &problems);
	rules_free(rules);
	problems_done(&problems);
	return 0;
}
