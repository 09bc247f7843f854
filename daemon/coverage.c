/* SPDX-License-Identifier: GPL-2.0-only */
#include "coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "rules/explain.h"
#include "rules/tag.h"

/*
 * Counts a process once even if several of its threads have entries. They are neighbours in
 * the list, which is sorted by PID.
 */
static int count_processes(struct maze *maze, size_t *ret_count, struct maze_error *error)
{
	struct maze_entry *entries = NULL;
	size_t i, count = 0;
	maze_u32 pid = 0;
	int err = maze_list(maze, &entries, &count, error);

	*ret_count = 0;
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (tag_kind(entries[i].tag) != TAG_RULE || entries[i].tag == tag_of_no_rule() ||
		    entries[i].pid == pid)
			continue;
		pid = entries[i].pid;
		++*ret_count;
	}
	free(entries);
	return 0;
}

static size_t count_groups(struct maze *maze)
{
	struct maze_group *groups = NULL;
	size_t i, count = 0, by_rules = 0;

	if (maze_list_groups(maze, &groups, &count, NULL))
		return 0;
	for (i = 0; i < count; i++)
		by_rules += tag_kind(groups[i].entry.tag) == TAG_RULE;
	free(groups);
	return by_rules;
}

static void report_no_match(const struct rules *rules, const char *config, struct log *log)
{
	struct subject_source source;
	struct subject subject;
	char text[1024];

	if (subject_open(getpid(), 0, &source, &subject, NULL))
		return;
	if (!subject_read(&source, FACT_CGROUP, &subject, NULL)) {
		explain_no_match(rules, subject.cgroup, config, text, sizeof(text));
		log_announce(log, LOG_NOTICE, LOG_KIND_OTHER, text);
	}
	subject_close(&source);
}

void report_coverage(struct maze *maze, const struct rules *rules, const char *config,
		     struct log *log)
{
	struct maze_error error = { "" };
	size_t processes, groups = count_groups(maze);
	char text[256], and_groups[64] = "";

	if (count_processes(maze, &processes, &error))
		log_printf(log, LOG_WARNING, "cannot count the watched processes: %s", error.text);
	if (groups)
		snprintf(and_groups, sizeof(and_groups), " and %zu group%s", groups,
			 groups == 1 ? "" : "s");
	snprintf(text, sizeof(text),
		 "%zu rule%s in force, %zu process%s%s watched by them, engine %s, log: %s",
		 rules->count, rules->count == 1 ? "" : "s", processes, processes == 1 ? "" : "es",
		 and_groups, maze_engine_name(maze), log_name(log));
	log_announce(log, LOG_INFO, LOG_KIND_OTHER, text);
	if (!processes && !groups && !*error.text)
		report_no_match(rules, config, log);
}
