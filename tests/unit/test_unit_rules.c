/* SPDX-License-Identifier: GPL-2.0-only */
/* The section [X-Maze] of unit files: syntax, keys, and the rule made of it. */
#include "rules_case.h"

#include "daemon/rules/match.h"
#include "daemon/rules/tag.h"
#include "daemon/rules/unit_file.h"
#include "daemon/rules/unit_rules.h"

#define UNIT "nginx.service"
#define OWN "/system.slice/" UNIT
#define RULES "[defaults]\nsoft = 3s\nhard = 9s\nshadow = yes\n[rule all]\nhard-signal = TERM\n"

struct section {
	struct fixture fixture;
	struct unit_rules *units;
	struct unit *unit;
};

static int begin(void **state)
{
	struct section *it = calloc(1, sizeof(*it));

	if (!it || unit_rules_new(&it->units))
		return -1;
	it->unit = unit_rules_add(it->units, UNIT);
	problems_init(&it->fixture.problems);
	accept(&it->fixture, RULES);
	it->fixture.rules->units = it->units;
	*state = it;
	return 0;
}

static int end(void **state)
{
	struct section *it = *state;

	forget(&it->fixture);
	unit_rules_free(it->units);
	free(it);
	return 0;
}

/* Sets the section of the unit from the texts of its files, /f0, /f1 and so on. */
static const struct rule *set(struct section *it, const char *const *texts)
{
	struct problems *problems = &it->fixture.problems;
	struct conf conf;
	char file[32];
	size_t i;

	problems_done(problems);
	problems_init(problems);
	conf_init(&conf);
	assert_int_equal(conf_add_section(&conf, SECTION_UNIT, "unit:" UNIT, strlen("unit:" UNIT)),
			 0);
	for (i = 0; texts[i]; i++) {
		snprintf(file, sizeof(file), "/f%zu", i);
		assert_int_equal(unit_file_parse(&conf, file, texts[i], strlen(texts[i]), problems),
				 0);
	}
	unit_rules_set(it->units, it->unit, it->fixture.rules, &conf, problems);
	return it->unit->rule;
}

static const struct rule *set_one(struct section *it, const char *text)
{
	return set(it, (const char *const[]){ text, NULL });
}

static const struct rule *take(struct section *it, const char *text)
{
	const struct rule *rule = set_one(it, text);

	if (rule && !it->fixture.problems.errors)
		return rule;
	say_problems(&it->fixture);
	fail_msg("refused: %s", text);
	return NULL;
}

static void refuse_section(struct section *it, const char *text, unsigned int line, const char *key,
			   const char *because)
{
	const struct problem *first;

	assert_null(set_one(it, text));
	assert_true(it->fixture.problems.errors > 0);
	first = &it->fixture.problems.items[0];
	if (first->line != line || !strstr(first->text, because) ||
	    (key ? !first->key || strcmp(first->key, key) != 0 : first->key != NULL)) {
		say_problems(&it->fixture);
		fail_msg("wanted line %u, %s, \"%s\" for: %s", line, key ? key : "no key", because,
			 text);
	}
	assert_string_equal(first->file, "/f0");
}

static void the_section_is_the_defaults_and_its_own_keys(void **state)
{
	struct section *it = *state;
	const struct rule *rule = take(it, "[Unit]\nDescription=x\n"
					   "[X-Maze]\nSoft = 1s\nHardSignal=TERM\n Shadow=no\n"
					   "SoftExec=/bin/a \"b c\"\n[Service]\nSoft=9s\n");

	assert_string_equal(rule->name, "unit:" UNIT);
	assert_int_equal(rule->tag, tag_of_rule("unit:" UNIT));
	assert_int_equal(rule->line, 3);
	assert_string_equal(rule->file, "/f0");
	assert_int_equal(rule->settings.policy.soft_ns, MAZE_NSEC_PER_SEC);
	assert_int_equal(rule->settings.policy.hard_ns, 9 * MAZE_NSEC_PER_SEC);
	assert_int_equal(rule->settings.policy.hard_signal, SIGTERM);
	assert_false(rule->settings.policy.flags & MAZE_POLICY_SHADOW);
	assert_int_equal(rule->settings.stages[STAGE_SOFT].exec.count, 2);
	assert_int_equal(it->fixture.problems.count, 0);
}

/* systemd.syntax(7) */
static void lines_are_joined_and_ended_as_systemd_does(void **state)
{
	struct section *it = *state;
	const struct rule *rule;

	/* A continued line of another section is no section line. */
	assert_null(set_one(it, "[Service]\nExecStart=/bin/a \\\n[X-Maze]\nSoft=1s\n"));
	assert_int_equal(it->fixture.problems.count, 0);
	rule = take(it, "\xef\xbb\xbf[X-Maze]\r\n# Soft=9s\n  ; x\nSoft=1min\\\n# between\n  "
			"30s\n\nHard=0\n"
			"SoftExec=/bin/a\\\n\\\n b");
	assert_int_equal(rule->settings.policy.soft_ns, 90 * MAZE_NSEC_PER_SEC);
	assert_int_equal(rule->settings.stages[STAGE_SOFT].exec.count, 2);
	assert_int_equal(rule->section->entries[0].line, 4);
	assert_int_equal(rule->section->entries[2].line, 9);
	/* An even number of backslashes continues nothing. */
	rule = take(it, "[Service]\nExecStart=/bin/a \\\\\n[X-Maze]\nSoft=1s\n");
	assert_int_equal(rule->settings.policy.soft_ns, MAZE_NSEC_PER_SEC);
	/* A percent sign stands for itself. */
	rule = take(it, "[X-Maze]\nScope=cgroup\nShare=150%\n");
	assert_int_equal(rule->settings.policy.share, MAZE_SHARE_ONE * 3 / 2);
	assert_int_equal(rule->tag, tag_of_group(tag_of_rule("unit:" UNIT)));
}

static void drop_ins_are_applied_in_order(void **state)
{
	struct section *it = *state;
	const struct rule *rule = set(
		it, (const char *const[]){ "[X-Maze]\nSoft=1s\nHardSignal=TERM\nShadow=no\n",
					   "[X-Maze]\nSoft=2s\n[X-Maze]\nSoft=4s\n",
					   "[Service]\nSoft=1s\n[X-Maze]\nHardSignal=\n", NULL });

	assert_non_null(rule);
	assert_int_equal(rule->settings.policy.soft_ns, 4 * MAZE_NSEC_PER_SEC);
	/* Taken back: as in [defaults]. */
	assert_int_equal(rule->settings.policy.hard_signal, SIGKILL);
	assert_int_equal(rule->section->count, 2);
	assert_string_equal(rule->section->entries[1].file, "/f1");
	assert_int_equal(rule->section->entries[1].line, 4);
	assert_string_equal(rule->file, "/f2");
	/* A section without keys is none. */
	assert_null(
		set(it, (const char *const[]){ "[X-Maze]\nSoft=1s\n", "[X-Maze]\nSoft=\n", NULL }));
	assert_int_equal(it->fixture.problems.count, 0);
	assert_null(set_one(it, "[X-Maze]\n"));
	assert_null(set_one(it, ""));
	assert_int_equal(it->fixture.problems.count, 0);
}

static void an_invalid_section_is_refused_as_a_whole(void **state)
{
	struct section *it = *state;
	struct conf conf;

	refuse_section(it, "[X-Maze]\nShadow=no\nSoft=1x\n", 3, "Soft", "accepted: a duration");
	refuse_section(it, "[X-Maze]\nHardSignal=KIL\n", 2, "HardSignal", "; accepted: a signal");
	refuse_section(it, "[X-Maze]\nhard-signal=KILL\n", 2, "hard-signal",
		       "unknown key in [X-Maze]; known keys: Soft Hard SoftSignal HardSignal");
	refuse_section(it, "[X-Maze]\nComm=x\n", 2, "Comm", "unknown key");
	refuse_section(it, "[X-Maze]\nSoft=1s\nsomething\n", 3, NULL, "expected KEY=VALUE");
	refuse_section(it, "[X-Maze]\n=1s\n", 2, NULL, "expected KEY=VALUE");
	refuse_section(it, "[X-Maze]\nHard=1s\nSoft=5s\n", 2, "Hard", "is below the soft limit");
	refuse_section(it, "[X-Maze]\nScope=cgroup\n", 2, "Scope", "share");
	refuse_section(it, "[X-Maze]\nScope=process\nShare=90%\nHardRenice=5\n", 4, "HardRenice",
		       "it is for scope thread");
	refuse_section(it, "[X-Maze]\nHardExec=relative\n", 2, "HardExec", "not an absolute path");
	refuse_section(it, "[X-Maze]\nSoft=\"5s\"\n", 2, "Soft", "accepted: a duration");
	/* The other sections, and the rules, are not affected. */
	assert_int_equal(it->fixture.rules->count, 1);
	conf_init(&conf);
	conf_add_section(&conf, SECTION_UNIT, "x", 1);
	unit_file_parse(&conf, "/nul", "[X-Maze]\nSoft=1s\n\0", 18, &it->fixture.problems);
	assert_string_equal(it->fixture.problems.items[it->fixture.problems.count - 1].text,
			    "it has a NUL byte");
	conf_done(&conf);
}

static void a_rule_of_the_same_name_is_a_conflict(void **state)
{
	struct section *it = *state;

	accept(&it->fixture, "[rule unit:" UNIT "]\n");
	it->fixture.rules->units = it->units;
	refuse_section(it, "[X-Maze]\nSoft=1s\n", 1, NULL, "t.conf:1 has a rule of the name");
}

static const struct rule *first(const struct section *it, const char *cgroup,
				enum maze_policy_scope scope)
{
	static struct subject subject;
	const struct rule *rule = NULL;
	unsigned int missing = 0;

	subject = (struct subject){ .known = FACT_ALL };
	snprintf(subject.cgroup, sizeof(subject.cgroup), "%s", cgroup);
	return match_first(it->fixture.rules, scope, &subject, &rule, &missing) == MATCH_YES ? rule
											     : NULL;
}

static void the_unit_comes_before_all_rules_of_its_scope(void **state)
{
	struct section *it = *state;
	const struct rule *all, *rule;
	static struct subject unread;
	unsigned int missing = 0;

	accept(&it->fixture, "[rule no]\naction = ignore\n");
	it->fixture.rules->units = it->units;
	all = &it->fixture.rules->rules[0];
	rule = take(it, "[X-Maze]\nSoft=1s\n");
	assert_ptr_equal(first(it, OWN, MAZE_SCOPE_THREAD), rule);
	assert_ptr_equal(first(it, OWN "/workers", MAZE_SCOPE_THREAD), rule);
	assert_ptr_equal(first(it, "/system.slice/a.slice/" UNIT, MAZE_SCOPE_THREAD), rule);
	assert_ptr_equal(first(it, OWN, MAZE_SCOPE_PROCESS), all);
	/* A user can name the control groups below those of a unit of his. */
	assert_ptr_equal(
		first(it, "/user.slice/user-1.slice/user@1.service/" UNIT, MAZE_SCOPE_THREAD), all);
	assert_ptr_equal(first(it, "/system.slice/other.service", MAZE_SCOPE_THREAD), all);
	assert_ptr_equal(first(it, "/", MAZE_SCOPE_THREAD), all);
	assert_int_equal(
		match_first(it->fixture.rules, MAZE_SCOPE_THREAD, &unread, &rule, &missing),
		MATCH_MORE);
	assert_int_equal(missing, FACT_CGROUP);
	/* Like a rule, an ignoring section is for all scopes. */
	rule = take(it, "[X-Maze]\nAction=ignore\n");
	assert_ptr_equal(first(it, OWN, MAZE_SCOPE_CGROUP), rule);
	assert_ptr_equal(rules_by_tag(it->fixture.rules, rule->tag), rule);
	assert_int_equal(rules_scopes(it->fixture.rules), 0);
	take(it, "[X-Maze]\nScope=cgroup\nShare=90%\n");
	assert_int_equal(rules_scopes(it->fixture.rules), 1U << MAZE_SCOPE_CGROUP);
	set_one(it, "");
	assert_int_equal(rules_scopes(it->fixture.rules), 0);
}

static void other_defaults_apply_to_the_section(void **state)
{
	struct section *it = *state;
	struct problems *problems = &it->fixture.problems;

	take(it, "[X-Maze]\nSoft=2s\n");
	accept(&it->fixture, "[defaults]\nhard = 5s\n[rule all]\n");
	unit_rules_remake(it->units, it->unit, it->fixture.rules, problems);
	assert_int_equal(it->unit->rule->settings.policy.hard_ns, 5 * MAZE_NSEC_PER_SEC);
	assert_false(it->unit->rule->settings.policy.flags & MAZE_POLICY_SHADOW);
	/* The reload is accepted, and the section is not. */
	accept(&it->fixture, "[defaults]\nsoft = 500ms\nhard = 1s\n[rule all]\n");
	unit_rules_remake(it->units, it->unit, it->fixture.rules, problems);
	assert_null(it->unit->rule);
	assert_int_equal(problems->errors, 1);
	accept(&it->fixture, RULES);
	unit_rules_remake(it->units, it->unit, it->fixture.rules, problems);
	assert_int_equal(it->unit->rule->settings.policy.hard_ns, 9 * MAZE_NSEC_PER_SEC);
}

static void units_of_the_past_are_forgotten(void **state)
{
	struct section *it = *state;
	const struct rule *rule = take(it, "[X-Maze]\nSoft=2s\n");
	char name[32];
	int i;

	for (i = 0; i < 2 * UNIT_RULES_MAX; i++) {
		snprintf(name, sizeof(name), "run-%d.scope", i);
		assert_non_null(unit_rules_add(it->units, name));
		assert_string_equal(unit_rules_find(it->units, name)->name, name);
	}
	assert_true(unit_rules_count(it->units) <= UNIT_RULES_MAX);
	assert_ptr_equal(first(it, OWN, MAZE_SCOPE_THREAD), rule);
}

static void explanation_has_file_and_line_of_each_key(void **state)
{
	struct section *it = *state;
	static struct subject subject;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_non_null(set(it, (const char *const[]){ "[X-Maze]\nSoft=1s\n",
						       "[X-Maze]\n\nHardSignal=TERM\n", NULL }));
	subject = (struct subject){ .pid = 7, .tid = 7, .is_main = true, .known = FACT_ALL };
	snprintf(subject.cgroup, sizeof(subject.cgroup), OWN);
	explain_subject(out, it->fixture.rules, &subject, NULL);
	fclose(out);
	assert_non_null(strstr(text,
			       "section [X-Maze] of " UNIT ", which comes before all rules of "
			       "maze.conf\n  Soft=1s (/f0:2)\n  HardSignal=TERM (/f1:3)\n"));
	assert_non_null(strstr(text, "rule unit:" UNIT ": the thread is watched in shadow\n"));
	assert_null(strstr(text, "rule all"));
	free(text);
}

/* The test runs as root or not, so files of others are made only as root. */
static void files_of_others_are_refused(void **state)
{
	struct section *it = *state;
	struct problems *problems = &it->fixture.problems;
	char path[] = "/tmp/maze-unit-XXXXXX", directory[] = "/tmp", missing[] = "/nonexistent/x";
	char null[] = "/dev/null", fifo[64];
	const mode_t bad[] = { 0646, 0666 };
	int fd = mkstemp(path);
	struct conf conf;
	size_t i;

	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "[X-Maze]\nSoft=1s\n"), 17);
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	conf_init(&conf);
	assert_int_equal(
		unit_files_read(&conf, UNIT, (char *[]){ missing, null, path, NULL }, problems), 0);
	assert_int_equal(problems->count, 0);
	assert_int_equal(conf.sections[0]->count, 1);
	assert_string_equal(conf.sections[0]->entries[0].file, path);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fchmod(fd, bad[i]), 0);
		assert_int_equal(unit_file_read(&conf, path, problems), 0);
		assert_int_equal(problems->errors, i + 1);
		assert_non_null(strstr(problems->items[i].text, "other users may write to it"));
	}
	fchmod(fd, 0600);
	if (!geteuid()) {
		assert_int_equal(fchown(fd, 65534, 0), 0);
		unit_file_read(&conf, path, problems);
		assert_int_equal(problems->errors, 3);
		assert_non_null(strstr(problems->items[2].text, "does not belong to root"));
	}
	i = problems->errors;
	unit_file_read(&conf, directory, problems);
	unit_file_read(&conf, fifo, problems);
	assert_int_equal(problems->errors, i + 2);
	assert_non_null(strstr(problems->items[i + 1].text, "not a regular file"));
	if (!geteuid())
		assert_int_equal(fchown(fd, 0, 0), 0);
	assert_int_equal(ftruncate(fd, UNIT_FILE_MAX_BYTES + 1), 0);
	unit_file_read(&conf, path, problems);
	assert_non_null(strstr(problems->items[i + 2].text, "1 MiB"));
	conf_done(&conf);
	close(fd);
	unlink(path);
	unlink(fifo);
}

static void names_of_units(void **state)
{
	static const char *const valid[] = { "a.service", "getty@tty1.service", "getty@.service",
					     "x\\x2dy.mount", "a:b_c.scope" };
	static const char *const invalid[] = { "",
					       "a",
					       ".service",
					       "@x.service",
					       "a/b.service",
					       "../x.service",
					       "a.timer",
					       "a b.service",
					       "a.slice",
					       "\xc3\xa4.service" };
	char key[UNIT_KEY_SIZE], longest[UNIT_NAME_SIZE + 9];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		assert_true(unit_name_is_valid(valid[i]));
	for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		assert_false(unit_name_is_valid(invalid[i]));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + UNIT_NAME_SIZE - 9, ".service", 9);
	assert_true(unit_name_is_valid(longest));
	memcpy(longest + UNIT_NAME_SIZE - 9, "a.service", 10);
	assert_false(unit_name_is_valid(longest));
	assert_true(unit_is_template("getty@.service"));
	assert_false(unit_is_template("getty@tty1.service"));
	assert_false(unit_is_template("getty.service"));
	assert_string_equal(unit_key("hard-signal", key), "HardSignal");
	assert_string_equal(unit_key("soft", key), "Soft");
}

#define IN_SECTION(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SECTION(the_section_is_the_defaults_and_its_own_keys),
		IN_SECTION(lines_are_joined_and_ended_as_systemd_does),
		IN_SECTION(drop_ins_are_applied_in_order),
		IN_SECTION(an_invalid_section_is_refused_as_a_whole),
		IN_SECTION(a_rule_of_the_same_name_is_a_conflict),
		IN_SECTION(the_unit_comes_before_all_rules_of_its_scope),
		IN_SECTION(other_defaults_apply_to_the_section),
		IN_SECTION(units_of_the_past_are_forgotten),
		IN_SECTION(explanation_has_file_and_line_of_each_key),
		IN_SECTION(files_of_others_are_refused),
		cmocka_unit_test(names_of_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
