/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules for groups: their keys, what contradicts them, and which one applies. */
#include "rules_case.h"

#include <fcntl.h>
#include <sys/sysinfo.h>

#include "base/cgroup.h"
#include "daemon/rules/match.h"
#include "daemon/rules/tag.h"

static const struct maze_policy *policy(const struct fixture *fixture)
{
	return &fixture->rules->rules[0].settings.policy;
}

static void groups_have_their_keys(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule a]\nscope = process\nshare = 90%\nsoft = 1s\n");
	assert_int_equal(maze_policy_scope(policy(fixture)->flags), MAZE_SCOPE_PROCESS);
	assert_true(policy(fixture)->flags & MAZE_POLICY_TO_PROCESS);
	assert_int_equal(policy(fixture)->share, (MAZE_SHARE_ONE * 9 + 5) / 10);
	assert_int_equal(policy(fixture)->hard_ns, 2 * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy(fixture)->hard_signal, SIGKILL);
	accept(fixture, "[rule a]\nscope = tree\nshare = 150%\n");
	assert_int_equal(policy(fixture)->soft_signal, 0);
	assert_int_equal(policy(fixture)->hard_signal, 0);
	accept(fixture, "[rule a]\nscope = cgroup\nshare = 150%\nkill = yes\n");
	assert_int_equal(policy(fixture)->hard_signal, SIGKILL);
	assert_int_equal(maze_policy_scope(policy(fixture)->flags), MAZE_SCOPE_CGROUP);
	assert_true(fixture->rules->rules[0].tag & TAG_GROUP);
	assert_int_equal(tag_kind(fixture->rules->rules[0].tag), TAG_RULE);
	accept(fixture, "[rule a]\nscope = thread\n");
	assert_false(fixture->rules->rules[0].tag & TAG_GROUP);
}

static void defaults_fit_groups_too(void **state)
{
	struct fixture *fixture = *state;

	/* None of these keys is for groups, and all are of rules of threads. */
	accept(fixture, "[defaults]\nrecovery = inf\nsoft-signal = TERM\nhard-signal = TERM\n"
			"yield = count\ninherit = no\nsignal-to = thread\nsoft-renice = 5\n"
			"hard-idle = yes\nsoft-exec = /bin/true\nsoft = 3s\n"
			"[rule a]\nscope = tree\nshare = 90%\n"
			"[rule b]\n");
	assert_int_equal(policy(fixture)->soft_ns, 3 * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy(fixture)->hard_ns, 6 * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy(fixture)->hard_signal, 0);
	assert_false(fixture->rules->rules[0].settings.stages[STAGE_SOFT].renices);
	assert_false(fixture->rules->rules[0].settings.stages[STAGE_HARD].idle);
	assert_int_equal(fixture->rules->rules[0].settings.stages[STAGE_SOFT].exec.count, 1);
	assert_true(fixture->rules->rules[1].settings.stages[STAGE_SOFT].renices);
	assert_int_equal(fixture->rules->rules[1].settings.policy.recovery, MAZE_RECOVERY_INF);
	refuse(fixture, "[defaults]\nscope = tree\n", 2, "scope", "");
	refuse(fixture, "[defaults]\nshare = 90%\n", 2, "share", "");
	refuse(fixture, "[defaults]\nkill = yes\n", 2, "kill", "");
}

static void contradictions_are_refused_at_their_line(void **state)
{
	struct fixture *fixture = *state;

	refuse(fixture, "[rule a]\nsoft = 1s\nscope = tree\n", 3, "scope", "needs a share");
	refuse(fixture, "[rule a]\nshare = 90%\n", 2, "share", "for groups");
	refuse(fixture, "[rule a]\nkill = yes\n", 2, "kill", "for groups");
	refuse(fixture, "[rule a]\nscope = tree\nshare = 90%\nrecovery = 1\n", 2, "scope",
	       "recovery is for scope thread");
	refuse(fixture, "[rule a]\nscope = tree\nshare = 90%\nhard-signal = TERM\n", 2, "scope",
	       "give kill");
	refuse(fixture, "[rule a]\nscope = process\nshare = 90%\nkill = yes\n", 2, "scope",
	       "hard-signal KILL");
	refuse(fixture, "[rule a]\nscope = job\nshare = 90%\n", 2, "scope", "invalid scope");
	refuse(fixture, "[rule a]\nscope = tree\nshare = 90\n", 3, "share", "cpus-N");
	refuse(fixture, "[rule a]\nscope = tree\nshare = cpus-\n", 3, "share", "cpus-N");
	refuse(fixture, "[rule a]\nscope = tree\nshare = cpus-x\n", 3, "share", "cpus-N");
	refuse(fixture, "[rule a]\nscope = tree\nshare = cpus--1\n", 3, "share", "cpus-N");
	refuse(fixture, "[rule a]\nscope = tree\nshare = 90%\nsoft = 2s\nhard = 1s\n", 5, "hard",
	       "below the soft limit");
	refuse(fixture, "[rule a]\nscope = tree\nshare = 90%\nthread = main\n", 4, "thread",
	       "it is for scope thread, not for scope tree");
	refuse(fixture, "[rule a]\nscope = cgroup\nshare = 90%\nsoft-renice = 5\n", 4,
	       "soft-renice", "exec, freeze and restart");
	refuse(fixture, "[rule a]\nscope = process\nshare = 90%\nhard-idle = yes\n", 4, "hard-idle",
	       "exec, freeze and restart");
	refuse(fixture, "[rule a]\ncpu-quota = maybe\n", 2, "cpu-quota", "yes or no");
}

static void a_share_follows_from_the_machine(void **state)
{
	struct fixture *fixture = *state;
	int cpus = get_nprocs();
	char text[128];

	accept(fixture, "[rule a]\nscope = cgroup\nshare = cpus-0\n");
	assert_int_equal(policy(fixture)->share, (maze_u32)cpus * MAZE_SHARE_ONE);
	assert_false(fixture->rules->rules[0].never);
	/* As cpus-1 on a machine with one CPU. */
	snprintf(text, sizeof(text), "[rule a]\nscope = cgroup\nshare = cpus-%d\n[rule b]\n", cpus);
	accept(fixture, text);
	assert_true(fixture->rules->rules[0].never);
	assert_int_equal(fixture->rules->scopes, 1U << MAZE_SCOPE_THREAD);
	if (cpus > 1) {
		snprintf(text, sizeof(text), "[rule a]\nscope = cgroup\nshare = cpus-%d\n",
			 cpus - 1);
		accept(fixture, text);
		assert_int_equal(policy(fixture)->share, MAZE_SHARE_ONE);
	}
}

/* ---- which rule applies ------------------------------------------------------------ */

static void subject_of(struct subject *subject, const char *comm, bool quota)
{
	memset(subject, 0, sizeof(*subject));
	subject->known = FACT_ALL;
	subject->pid = subject->tid = 42;
	subject->is_main = true;
	subject->cpu_quota = quota;
	snprintf(subject->comm, sizeof(subject->comm), "%s", comm);
	snprintf(subject->thread_comm, sizeof(subject->thread_comm), "%s", comm);
	snprintf(subject->cgroup, sizeof(subject->cgroup), "/system.slice/it.service");
}

/* The names of the rules of the four scopes, such as "- a b -". "!": it ignores. */
static const char *found(const struct fixture *fixture, const char *comm, bool quota)
{
	static char text[256];
	struct subject subject;
	const struct rule *rule;
	unsigned int scope, missing;
	size_t length = 0;

	subject_of(&subject, comm, quota);
	for (scope = 0; scope < MAZE_SCOPE_COUNT_; scope++) {
		rule = NULL;
		match_first(fixture->rules, scope, &subject, &rule, &missing);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s%s",
					   scope ? " " : "", rule && rule->ignore ? "!" : "",
					   rule ? rule->name : "-");
	}
	return text;
}

#define TREE "scope = tree\nshare = 90%\n"
#define CGROUP "scope = cgroup\nshare = 90%\n"

static void each_scope_has_its_first_rule(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule all]\n"
			"[rule p]\ncomm = a b\nscope = process\nshare = 90%\n"
			"[rule t]\ncomm = b\n" TREE "[rule c]\n" CGROUP "[rule c2]\n" CGROUP);
	assert_string_equal(found(fixture, "a", false), "all p - c");
	assert_string_equal(found(fixture, "b", false), "all p t c");
	assert_string_equal(found(fixture, "x", false), "all - - c");
}

static void ignoring_ends_the_search_of_its_scopes(void **state)
{
	struct fixture *fixture = *state;

	/* Without a scope, of all; with one, of this one; with a thread, of threads. */
	accept(fixture, "[rule i]\ncomm = a\naction = ignore\n"
			"[rule j]\ncomm = b\nscope = tree\naction = ignore\n"
			"[rule k]\nthread = c\naction = ignore\n"
			"[rule all]\n[rule t]\n" TREE "[rule c]\n" CGROUP);
	assert_string_equal(found(fixture, "a", false), "!i !i !i !i");
	assert_string_equal(found(fixture, "b", false), "all - !j c");
	assert_string_equal(found(fixture, "c", false), "!k - t c");
	assert_string_equal(found(fixture, "x", false), "all - t c");
}

static void a_quota_is_a_condition(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule n]\ncpu-quota = no\n" CGROUP "[rule y]\ncpu-quota = yes\n" TREE);
	assert_string_equal(found(fixture, "a", false), "- - - n");
	assert_string_equal(found(fixture, "a", true), "- - y -");
}

static void quotas_are_read_up_to_the_root(void **state)
{
	struct fixture *fixture = *state;
	struct cgroup_fs fs;
	char command[256];

	strcpy(fixture->directory, "/tmp/maze-test-quota-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p limited/below free/below && echo 50000 100000 > "
		 "limited/cpu.max && echo max 100000 | tee limited/below/cpu.max "
		 "free/cpu.max > free/below/cpu.max",
		 fixture->directory);
	assert_int_equal(system(command), 0);
	fs.fd = open(fixture->directory, O_PATH | O_DIRECTORY);
	assert_true(fs.fd >= 0);
	assert_true(cgroup_has_cpu_quota(&fs, "/limited"));
	assert_true(cgroup_has_cpu_quota(&fs, "/limited/below"));
	assert_false(cgroup_has_cpu_quota(&fs, "/free/below"));
	assert_false(cgroup_has_cpu_quota(&fs, "/"));
	assert_false(cgroup_has_cpu_quota(&fs, ""));
	assert_false(cgroup_has_cpu_quota(&fs, "/none/below"));
	assert_false(cgroup_has_cpu_quota(&fs, "/free/../limited"));
	cgroup_fs_close(&fs);
	assert_false(cgroup_has_cpu_quota(&fs, "/limited"));
	snprintf(command, sizeof(command), "rm -r %s", fixture->directory);
	assert_int_equal(system(command), 0);
	fixture->directory[0] = '\0';
}

static size_t unused(struct fixture *fixture, const char *text)
{
	size_t before;

	accept(fixture, text);
	before = fixture->problems.notes;
	rules_note_unused(fixture->rules, &fixture->problems);
	return fixture->problems.notes - before;
}

static void rules_of_other_scopes_hide_no_rule(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unused(fixture, "[rule all]\n[rule t]\n" TREE), 0);
	assert_int_equal(unused(fixture, "[rule t]\n" TREE "[rule u]\ncomm = a\n" TREE), 1);
	assert_int_equal(unused(fixture, "[rule i]\naction = ignore\n[rule u]\n" TREE), 1);
	assert_int_equal(unused(fixture, "[rule all]\n[rule i]\ncomm = a\naction = ignore\n"), 1);
	assert_int_equal(unused(fixture, "[rule all]\n[rule i]\ncomm = a\naction = ignore\n"
					 "[rule t]\n" TREE),
			 0);
}

/* ---- what is printed --------------------------------------------------------------- */

static void explanations_have_all_scopes(void **state)
{
	static const char *const wanted[] = {
		"scope thread:\n",
		"rule all: the thread is watched\n",
		"scope tree:\n",
		"rule t: the tree of the process is watched\n  scope: tree, share 90% of a CPU\n",
		"  soft: at 10s of CPU above the share, signal none\n",
		"  hard: at 20s of CPU above the share, signal SIGKILL to all its processes\n",
		"scope cgroup:\n",
		"rule i: the control group of the process is not watched (action = ignore)\n",
		"the first rule that matches applies: the other 1 is not checked\n",
	};
	struct fixture *fixture = *state;
	struct subject subject;
	char *text = NULL;
	size_t size = 0, i;
	FILE *out = open_memstream(&text, &size);

	accept(fixture, "[rule all]\n[rule t]\nkill = yes\n" TREE
			"[rule i]\nscope = cgroup\naction = ignore\n[rule c]\n" CGROUP);
	subject_of(&subject, "a", false);
	explain_subject(out, fixture->rules, &subject, NULL);
	fclose(out);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("\"%s\" is not in:\n%s", wanted[i], text);
	assert_null(strstr(text, "scope process:"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_have_their_keys),
		TEST(defaults_fit_groups_too),
		TEST(contradictions_are_refused_at_their_line),
		TEST(a_share_follows_from_the_machine),
		TEST(each_scope_has_its_first_rule),
		TEST(ignoring_ends_the_search_of_its_scopes),
		TEST(a_quota_is_a_condition),
		TEST(quotas_are_read_up_to_the_root),
		TEST(rules_of_other_scopes_hide_no_rule),
		TEST(explanations_have_all_scopes),
	};

	return cmocka_run_group_tests_name("rules_groups", tests, NULL, NULL);
}
