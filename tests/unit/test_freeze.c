/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action freeze and the thaw, in control groups of this test; and the groups that
 * must not be frozen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/actions/freezing.h"
#include "../../daemon/actions/frozen.h"
#include "acting.h"

static struct cgroup_fs cgroups = { .fd = -1 };
static const struct stage_actions freeze_stage = { .freeze = true };

/* A victim in a group of its own. */
struct captive {
	char cgroup[64];
	struct victim victim;
	struct maze_record record;
};

static bool make_captive(struct captive *ret_captive, const char *name)
{
	if (cgroups.fd < 0 || !make_cgroup(&cgroups, name, ret_captive->cgroup))
		return false;
	start_victim(&ret_captive->victim);
	enter_cgroup(&cgroups, ret_captive->cgroup, ret_captive->victim.pid);
	ret_captive->record = record_of(ret_captive->victim.pid, ret_captive->victim.tid);
	return true;
}

static void free_captive(struct captive *captive)
{
	end_victim(&captive->victim);
	remove_cgroup(&cgroups, captive->cgroup);
}

static maze_u64 id_of(const char *cgroup)
{
	int fd = cgroup_open(&cgroups, cgroup);
	maze_u64 id = cgroup_id(fd);

	close(fd);
	return id;
}

static bool is_frozen(const char *cgroup)
{
	int fd = cgroup_open(&cgroups, cgroup);
	char text[8] = "";

	assert_true(fd >= 0);
	assert_int_equal(cgroup_read(fd, "cgroup.freeze", text, sizeof(text)), 0);
	close(fd);
	return !strcmp(text, "1");
}

/* The groups in the list for the next mazed. */
static unsigned int listed(const struct acting *acting)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/frozen", acting->directory);
	return count_in(read_text(path), "\n");
}

/* ---- frozen and thawed ------------------------------------------------------------------ */

static void the_control_group_is_frozen_and_thawed_by_the_next_mazed(void **state)
{
	struct acting *acting = *state;
	struct captive captive;
	struct maze_error error = { "" };
	int again;

	if (!make_captive(&captive, "captive"))
		skip_because("%s", no_cgroup_why);
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	assert_true(is_frozen(captive.cgroup));
	assert_logged(acting, "\"action\":\"freeze\",\"tried\":true,\"applied\":true");
	assert_logged(acting, "froze its cgroup /maze-test-");
	/* By its process, whose other thread the record was about. */
	actions_close(acting->actions);
	open_actions(acting);
	assert_int_equal(listed(acting), 1);
	assert_int_equal(actions_thaw(acting->actions, NULL, captive.victim.pid, &error), 0);
	assert_false(is_frozen(captive.cgroup));
	again = actions_thaw(acting->actions, captive.cgroup, 0, &error);
	free_captive(&captive);
	assert_int_equal(again, -ENOENT);
	assert_non_null(strstr(error.text, "was not frozen by mazed"));
	assert_int_equal(listed(acting), 0);
}

static void a_control_group_of_a_record_is_frozen_by_its_id(void **state)
{
	struct acting *acting = *state;
	struct act_on on = { .stage = &freeze_stage, .engine = "bpf", .rule = "r", .pidfd = -1 };
	struct captive captive;
	bool other_frozen;

	if (!make_captive(&captive, "by-id"))
		skip_because("%s", no_cgroup_why);
	captive.record.flags = MAZE_SCOPE_CGROUP << MAZE_RECORD_SCOPE_SHIFT;
	captive.record.pid = captive.record.tid = 0;
	captive.record.cgroup_id = 1;
	on.record = &captive.record;
	/* Without a path, and with the path of another group. */
	actions_perform(acting->actions, &on);
	on.cgroup = captive.cgroup;
	actions_perform(acting->actions, &on);
	other_frozen = is_frozen(captive.cgroup);
	captive.record.cgroup_id = id_of(captive.cgroup);
	actions_perform(acting->actions, &on);
	if (is_frozen(captive.cgroup))
		assert_int_equal(actions_thaw(acting->actions, captive.cgroup, 0, NULL), 0);
	free_captive(&captive);
	assert_false(other_frozen);
	assert_logged(acting, "the path of the cgroup is unknown");
	assert_logged(acting, "the cgroup no longer exists");
	assert_logged(acting, "froze its cgroup /maze-test-");
}

static void a_tree_is_frozen_only_if_nothing_else_is_in_its_group(void **state)
{
	struct acting *acting = *state;
	struct captive captive = { .victim.pid = 0 };
	struct victim other;
	bool before, after;

	if (!make_captive(&captive, "alone"))
		skip_because("%s", no_cgroup_why);
	start_victim(&other);
	enter_cgroup(&cgroups, captive.cgroup, other.pid);
	captive.record.flags = MAZE_SCOPE_TREE << MAZE_RECORD_SCOPE_SHIFT;
	captive.record.tid = (maze_u32)captive.victim.pid;
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	before = is_frozen(captive.cgroup);
	end_victim(&other);
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	after = is_frozen(captive.cgroup);
	if (after)
		assert_int_equal(actions_thaw(acting->actions, captive.cgroup, 0, NULL), 0);
	free_captive(&captive);
	assert_false(before);
	assert_true(after);
	assert_logged(acting, "which is not in the tree");
}

static void groups_frozen_by_others_are_not_changed(void **state)
{
	struct acting *acting = *state;
	struct captive captive;
	int fd, err;

	if (!make_captive(&captive, "others"))
		skip_because("%s", no_cgroup_why);
	fd = cgroup_open(&cgroups, captive.cgroup);
	assert_int_equal(cgroup_write(fd, "cgroup.freeze", "1"), 0);
	close(fd);
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	err = actions_thaw(acting->actions, captive.cgroup, 0, NULL);
	assert_true(is_frozen(captive.cgroup));
	free_captive(&captive);
	assert_int_equal(err, -ENOENT);
	assert_logged(acting, "is already frozen");
	assert_logged(acting, "\"tried\":false,\"applied\":false");
}

static void shadow_freezes_nothing(void **state)
{
	struct acting *acting = *state;
	struct captive captive;

	if (!make_captive(&captive, "shadow"))
		skip_because("%s", no_cgroup_why);
	captive.record.flags = MAZE_RECORD_SHADOW;
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	assert_false(is_frozen(captive.cgroup));
	free_captive(&captive);
	assert_logged(acting, "shadow: would have frozen its cgroup /maze-test-");
	assert_int_equal(listed(acting), 0);
}

static void a_group_is_not_frozen_without_its_list_entry(void **state)
{
	struct acting *acting = *state;
	struct captive captive;
	char path[128];

	if (!make_captive(&captive, "unwritten"))
		skip_because("%s", no_cgroup_why);
	/* A directory is in the place of the file. */
	snprintf(path, sizeof(path), "%s/frozen", acting->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	act(acting, &captive.record, &freeze_stage, captive.victim.pidfd);
	assert_false(is_frozen(captive.cgroup));
	free_captive(&captive);
	assert_logged(acting, "cannot write the list");
	assert_logged(acting, "\"tried\":false,\"applied\":false");
}

/* Not another group that has the same name now. */
static void a_new_group_of_the_same_name_is_not_thawed(void **state)
{
	struct acting *acting = *state;
	struct captive first, second;
	int fd, err;

	if (!make_captive(&first, "same-name"))
		skip_because("%s", no_cgroup_why);
	act(acting, &first.record, &freeze_stage, first.victim.pidfd);
	assert_true(is_frozen(first.cgroup));
	free_captive(&first);
	assert_true(make_captive(&second, "same-name"));
	fd = cgroup_open(&cgroups, second.cgroup);
	assert_int_equal(cgroup_write(fd, "cgroup.freeze", "1"), 0);
	close(fd);
	err = actions_thaw(acting->actions, second.cgroup, 0, NULL);
	assert_true(is_frozen(second.cgroup));
	free_captive(&second);
	assert_int_equal(err, -ENOENT);
	assert_int_equal(listed(acting), 0);
}

static void a_final_stop_of_mazed_thaws_all_groups(void **state)
{
	struct acting *acting = *state;
	struct captive one, two;

	if (!make_captive(&one, "one"))
		skip_because("%s", no_cgroup_why);
	assert_true(make_captive(&two, "two"));
	act(acting, &one.record, &freeze_stage, one.victim.pidfd);
	act(acting, &two.record, &freeze_stage, two.victim.pidfd);
	assert_true(is_frozen(one.cgroup) && is_frozen(two.cgroup));
	actions_thaw_all(acting->actions);
	assert_false(is_frozen(one.cgroup) || is_frozen(two.cgroup));
	free_captive(&one);
	free_captive(&two);
	assert_int_equal(listed(acting), 0);
}

/* ---- refusals ----------------------------------------------------------------------- */

static void assert_refused(const char *cgroup, const char *why)
{
	struct maze_error error = { "" };

	assert_int_equal(freezing_is_allowed(cgroup, &error), -EPERM);
	if (!strstr(error.text, why))
		fail_msg("%s: %s", cgroup, error.text);
}

static void groups_with_other_processes_are_refused(void **state)
{
	(void)state;
	assert_refused("/", "root cgroup");
	assert_refused("/init.scope", "service manager");
	assert_refused("/user.slice/user-1000.slice/user@1000.service/init.scope",
		       "service manager");
	assert_refused("/system.slice", "is a slice");
	assert_refused("/user.slice", "is a slice");
	assert_refused("/user.slice/user-1000.slice", "is a slice");
	assert_refused("/../outside", "is not visible to mazed");
}

static void the_root_group_is_refused(void **state)
{
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;

	if (cgroups.fd < 0)
		skip_because("%s", no_cgroup_why);
	start_victim(&victim);
	enter_cgroup(&cgroups, "/", victim.pid);
	record = record_of(victim.pid, victim.tid);
	act(acting, &record, &freeze_stage, victim.pidfd);
	end_victim(&victim);
	assert_logged(acting, "it is in the root cgroup");
	assert_logged(acting, "\"tried\":false,\"applied\":false");
}

/* The group of this process, without its newline. */
static void own_cgroup(char *path, size_t size)
{
	char *text = strstr(read_text("/proc/self/cgroup"), "0::");

	assert_non_null(text);
	snprintf(path, size, "%.*s", (int)strcspn(text + 3, "\n"), text + 3);
}

/* Runs in a child in `cgroup`; this process is the parent. */
static int allowed_from(const char *cgroup, const char *asked, const char *why)
{
	struct maze_error error = { "" };
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		enter_cgroup(&cgroups, cgroup, getpid());
		if (!freezing_is_allowed(asked, &error))
			_exit(0);
		_exit(why && strstr(error.text, why) ? 1 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void mazed_and_its_ancestors_are_never_frozen(void **state)
{
	char before[PATH_MAX], ours[64], childs[64], other[64], below[128];
	int of_itself, of_above, of_ancestor, of_other, of_sibling;

	(void)state;
	if (cgroups.fd < 0 || !make_cgroup(&cgroups, "ours", ours))
		skip_because("%s", no_cgroup_why);
	assert_true(make_cgroup(&cgroups, "childs", childs));
	assert_true(make_cgroup(&cgroups, "other", other));
	snprintf(below, sizeof(below), "%s/below", childs);
	assert_int_equal(mkdirat(cgroups.fd, below + 1, 0755), 0);
	own_cgroup(before, sizeof(before));
	enter_cgroup(&cgroups, ours, getpid());
	of_itself = allowed_from(childs, childs, "contains mazed itself");
	of_above = allowed_from(below, childs, "contains mazed itself");
	of_ancestor = allowed_from(childs, ours, "contains an ancestor of mazed");
	of_other = allowed_from(childs, other, NULL);
	/* Another group whose name begins the same. */
	of_sibling = allowed_from(below, "/maze-test", NULL);
	enter_cgroup(&cgroups, before, getpid());
	remove_cgroup(&cgroups, below);
	remove_cgroup(&cgroups, childs);
	remove_cgroup(&cgroups, other);
	remove_cgroup(&cgroups, ours);
	assert_int_equal(of_itself, 1);
	assert_int_equal(of_above, 1);
	assert_int_equal(of_ancestor, 1);
	assert_int_equal(of_other, 0);
	assert_int_equal(of_sibling, 0);
}

/* ---- parsing ------------------------------------------------------------------------ */

static void groups_contain_themselves_and_their_children(void **state)
{
	(void)state;
	assert_true(cgroup_contains("/", "/"));
	assert_true(cgroup_contains("/", "/a"));
	assert_true(cgroup_contains("/a", "/a"));
	assert_true(cgroup_contains("/a", "/a/b"));
	assert_false(cgroup_contains("/a", "/"));
	assert_false(cgroup_contains("/a", "/ab"));
	assert_false(cgroup_contains("/a/b", "/a"));
}

static void paths_do_not_leave_the_root(void **state)
{
	static const char *const paths[] = { "",   "a",	    "/..",  "/a/../..", "/../etc",
					     "//", "/a//b", "/a/.", "/./a",	"/a/" };
	size_t i;

	(void)state;
	if (cgroups.fd < 0)
		skip_because("%s", no_cgroup_why);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(cgroup_open(&cgroups, paths[i]), -EINVAL);
}

static void the_list_of_frozen_groups_is_read_back(void **state)
{
	struct frozen_group group = {
		.id = 0xfedcba9876543210ULL,
		.boot_ns = 5,
		.pid = 77,
		.rule = (char *)"a-rule",
		.cgroup = (char *)"/with a blank \xff and\tmore",
	};
	struct acting *acting = *state;
	struct frozen *frozen = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/frozen", acting->directory);
	assert_int_equal(frozen_open(path, &frozen, NULL), 0);
	assert_int_equal(frozen->count, 0);
	assert_int_equal(frozen_add(frozen, &group, NULL), 0);
	group.id++;
	group.rule = (char *)"-";
	assert_int_equal(frozen_add(frozen, &group, NULL), 0);
	frozen_close(frozen);
	assert_int_equal(frozen_open(path, &frozen, NULL), 0);
	assert_int_equal(frozen->count, 2);
	assert_int_equal(frozen_find(frozen, group.id), 1);
	assert_true(frozen->groups[0].id == 0xfedcba9876543210ULL);
	assert_int_equal(frozen->groups[0].pid, 77);
	assert_string_equal(frozen->groups[0].rule, "a-rule");
	assert_string_equal(frozen->groups[0].cgroup, group.cgroup);
	assert_int_equal(frozen_remove(frozen, 0, NULL), 0);
	frozen_close(frozen);
	assert_int_equal(frozen_open(path, &frozen, NULL), 0);
	assert_int_equal(frozen->count, 1);
	assert_string_equal(frozen->groups[0].rule, "-");
	frozen_close(frozen);
}

static void an_invalid_list_is_refused(void **state)
{
	static const char *const texts[] = { "x\n", "1 2 3 rule\n", "1 2 3 rule relative\n", "\n" };
	struct acting *acting = *state;
	struct maze_error error = { "" };
	struct frozen *frozen = NULL;
	char path[128];
	FILE *file;
	size_t i;

	snprintf(path, sizeof(path), "%s/frozen", acting->directory);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file = fopen(path, "we");
		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
		assert_int_equal(frozen_open(path, &frozen, &error), -EINVAL);
		assert_non_null(strstr(error.text, path));
	}
}

#define ACTING(test) cmocka_unit_test_setup_teardown(test, start_acting, stop_acting)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_contain_themselves_and_their_children),
		cmocka_unit_test(paths_do_not_leave_the_root),
		cmocka_unit_test(groups_with_other_processes_are_refused),
		ACTING(the_list_of_frozen_groups_is_read_back),
		ACTING(an_invalid_list_is_refused),
		ACTING(the_control_group_is_frozen_and_thawed_by_the_next_mazed),
		ACTING(a_control_group_of_a_record_is_frozen_by_its_id),
		ACTING(a_tree_is_frozen_only_if_nothing_else_is_in_its_group),
		ACTING(groups_frozen_by_others_are_not_changed),
		ACTING(shadow_freezes_nothing),
		ACTING(a_group_is_not_frozen_without_its_list_entry),
		ACTING(a_new_group_of_the_same_name_is_not_thawed),
		ACTING(a_final_stop_of_mazed_thaws_all_groups),
		ACTING(the_root_group_is_refused),
		cmocka_unit_test(mazed_and_its_ancestors_are_never_frozen),
	};
	char path[64];
	int failed;

	alarm(240);
	if (cgroup_fs_open(&cgroups, NULL)) {
		snprintf(no_cgroup_why, sizeof(no_cgroup_why),
			 "no control groups of version 2 that can be written to");
	} else if (make_cgroup(&cgroups, "probe", path)) {
		remove_cgroup(&cgroups, path);
	} else {
		cgroup_fs_close(&cgroups);
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_cgroups(&cgroups);
	cgroup_fs_close(&cgroups);
	return failed;
}
