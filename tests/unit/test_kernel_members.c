/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Future kernels: this kernel's types with members of other widths and signs, or without
 * them. The bpf engine still loads, and reports the lost features.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bounds.h"
#include "engine/bpf/engine_bpf.h"
#include "engine/bpf/follow.h"
#include "lib/maze.h"
#include "maze.skel.h"
#include "skip.h"

/* The kernel's types, parsed, and a copy to change. */
static struct btf *kernel;
static char *copy;
static const char *original;
static __u32 copy_size;
static struct maze_bpf *skeleton;
static char why_not[512];
static char path[] = "/tmp/maze-btf-XXXXXX";

/* The change of a member; returns whether it was changed. */
typedef bool (*change_t)(struct btf_member *member, const char *type, const char *name);

static struct btf_member *in_copy(const struct btf_member *member)
{
	return (struct btf_member *)(copy + ((const char *)member - original));
}

static const struct btf_type *resolve(__u32 id)
{
	const struct btf_type *type = btf__type_by_id(kernel, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(kernel, type->type);
	return type;
}

/* Applies the change to one member of a kernel's struct, also within anonymous ones. */
static int change_in(const struct btf_type *in, const char *type, const char *name, change_t change)
{
	const struct btf_member *members = btf_members(in);
	const struct btf_type *inner;
	int i, changed = 0;

	for (i = 0; i < btf_vlen(in); i++) {
		if (!strcmp(btf__name_by_offset(kernel, members[i].name_off), name))
			return change(in_copy(&members[i]), type, name);
		inner = members[i].name_off ? NULL : resolve(members[i].type);
		if (inner && btf_is_composite(inner))
			changed += change_in(inner, type, name, change);
	}
	return changed;
}

/*
 * Applies it to each member of a kernel's struct that the program uses; returns the
 * number.
 */
static int change_all(change_t change)
{
	const struct btf *ours = bpf_object__btf(skeleton->obj);
	const struct btf_type *type, *theirs;
	int id, theirs_id, i, changed = 0;
	const char *name, *member;

	memcpy(copy, original, copy_size);
	for (id = 1; id < (int)btf__type_cnt(ours); id++) {
		type = btf__type_by_id(ours, (__u32)id);
		name = btf__name_by_offset(ours, type->name_off);
		if (!btf_is_struct(type) || !*name)
			continue;
		theirs_id = btf__find_by_name_kind(kernel, name, BTF_KIND_STRUCT);
		theirs = theirs_id < 0 ? NULL : btf__type_by_id(kernel, (__u32)theirs_id);
		for (i = 0; theirs && i < btf_vlen(type); i++) {
			member = btf__name_by_offset(ours, btf_members(type)[i].name_off);
			changed += change_in(theirs, name, member, change);
		}
	}
	return changed;
}

static bool become(struct btf_member *member, const char *int_name)
{
	const struct btf_type *type = resolve(member->type);
	int id = btf__find_by_name_kind(kernel, int_name, BTF_KIND_INT);

	assert_true(id > 0);
	if (!type || !btf_is_int(type))
		return false;
	member->type = (__u32)id;
	return true;
}

static bool narrow_signed(struct btf_member *member, const char *type, const char *name)
{
	(void)type;
	(void)name;
	return become(member, "signed char");
}

static bool narrow_unsigned(struct btf_member *member, const char *type, const char *name)
{
	(void)type;
	(void)name;
	return become(member, "unsigned char");
}

/* The same width with the other sign. */
static bool flip_sign(struct btf_member *member, const char *type, const char *name)
{
	const struct btf_type *old = resolve(member->type);
	bool is_signed;

	(void)type;
	(void)name;
	if (!old || !btf_is_int(old))
		return false;
	is_signed = btf_int_encoding(old) & BTF_INT_SIGNED;
	switch (old->size) {
	case 1:
		return become(member, is_signed ? "unsigned char" : "signed char");
	case 4:
		return become(member, is_signed ? "unsigned int" : "int");
	case 8:
		return become(member, is_signed ? "long unsigned int" : "long int");
	default:
		return false;
	}
}

static bool is_essential(const char *type, const char *name)
{
	static const char *const list[] = {
		"task_struct.bpf_storage",
		"task_struct.flags",
		"task_struct.pid",
		"task_struct.tgid",
		"task_struct.se",
		"task_struct.group_leader",
		"sched_entity.sum_exec_runtime",
	};
	char full[128];
	size_t i;

	snprintf(full, sizeof(full), "%s.%s", type, name);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (!strcmp(list[i], full))
			return true;
	/* Types that the kernel makes for an iterator, and the registers of the processor. */
	return !strncmp(type, "bpf_iter", 8) || !strcmp(type, "pt_regs");
}

/* A member without its first letter is another member. */
static bool remove_it(struct btf_member *member, const char *type, const char *name)
{
	if (is_essential(type, name))
		return false;
	member->name_off++;
	return true;
}

static bool remove_of_task(struct btf_member *member, const char *type, const char *name)
{
	return !strcmp(type, "task_struct") && remove_it(member, type, name);
}

static bool remove_of_others(struct btf_member *member, const char *type, const char *name)
{
	return strcmp(type, "task_struct") && remove_it(member, type, name);
}

static void write_copy(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, copy, copy_size), copy_size);
	close(fd);
	setenv("MAZE_KERNEL_BTF", path, 1);
}

static int ignore(const struct maze_total *total, void *arg)
{
	(void)total;
	(void)arg;
	return 0;
}

static void expect_all_load(void)
{
	bool has_loop = btf__find_by_name_kind(kernel, "bpf_iter_task_new", BTF_KIND_FUNC) > 0;
	struct maze_error error = { "" };
	struct engine_follower *follower;
	struct engine *engine;

	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error))
		fail_msg("%s", error.text);
	if (engine_bpf.follow(engine, MAZE_FOLLOW_NAMES, &follower, &error))
		fail_msg("%s", error.text);
	engine_bpf.follower_close(follower);
	assert_int_equal(engine_bpf.totals(engine, ignore, NULL), has_loop ? 0 : -EOPNOTSUPP);
	engine_bpf.close(engine);
}

static void members_may_be_narrow_and_signed(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	assert_true(change_all(narrow_signed) > 20);
	write_copy();
	expect_all_load();
}

static void members_may_be_narrow_and_unsigned(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	assert_true(change_all(narrow_unsigned) > 20);
	write_copy();
	expect_all_load();
}

static void members_may_have_the_other_sign(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	assert_true(change_all(flip_sign) > 20);
	write_copy();
	expect_all_load();
}

static void members_may_be_missing(void **state)
{
	struct engine_report report;

	if (!*state)
		skip_because("%s", why_not);
	assert_true(change_all(remove_it) > 30);
	write_copy();
	expect_all_load();
	engine_bpf.probe(&report);
	assert_true(report.usable);
	assert_non_null(strstr(report.detail, "exact at each tick"));
	assert_non_null(strstr(report.blind_spots,
			       "up to 10 ms late (this kernel has no sched_entity.cfs_rq)."));
}

/* A member of a member: either the task's own is missing, or the inner one. */
static void half_a_path_may_be_missing(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	assert_true(change_all(remove_of_task) > 10);
	write_copy();
	expect_all_load();
	assert_true(change_all(remove_of_others) > 20);
	write_copy();
	expect_all_load();
}

static bool remove_flags(struct btf_member *member, const char *type, const char *name)
{
	if (strcmp(type, "task_struct") || strcmp(name, "flags"))
		return false;
	member->name_off++;
	return true;
}

static void a_missing_indispensable_member_is_named(void **state)
{
	struct engine_report report;

	if (!*state)
		skip_because("%s", why_not);
	assert_int_equal(change_all(remove_flags), 1);
	write_copy();
	engine_bpf.probe(&report);
	assert_false(report.usable);
	assert_non_null(strstr(report.why_not, "needs task_struct.flags, which this kernel does "));
}

static bool remove_handlers(struct btf_member *member, const char *type, const char *name)
{
	if (strcmp(type, "task_struct") || strcmp(name, "sighand"))
		return false;
	member->name_off++;
	return true;
}

static void end_otherwise(int signal)
{
	_exit(signal);
}

/* Spins; it would end with the warning's number if it got that signal. */
static pid_t start_spinner(void)
{
	int go[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (!pid) {
		bound_child();
		signal(SIGXCPU, end_otherwise);
		if (write(go[1], "", 1) != 1)
			_exit(99);
		for (;;)
			;
	}
	/* Or the read would not end with the child. */
	close(go[1]);
	assert_int_equal(read(go[0], &byte, 1), 1);
	close(go[0]);
	return pid;
}

/* Handlers are unknown, so no warning is sent, and the hard stage comes. */
static void without_handlers_there_is_no_warning(void **state)
{
	struct maze_record record = { 0 }, soft = { 0 };
	struct engine_report report;
	struct maze_policy policy;
	struct maze_reader *reader;
	struct maze *maze;
	int status;
	pid_t pid;

	if (!*state)
		skip_because("%s", why_not);
	assert_int_equal(change_all(remove_handlers), 1);
	write_copy();
	engine_bpf.probe(&report);
	assert_true(report.usable);
	assert_non_null(strstr(report.blind_spots, "No warning (soft-signal warn) is sent"));
	assert_non_null(strstr(report.blind_spots, "no task_struct.sighand)"));
	maze_policy_default(&policy);
	policy.soft_ns = 50 * MAZE_NSEC_PER_MSEC;
	policy.hard_ns = 100 * MAZE_NSEC_PER_MSEC;
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	assert_int_equal(maze_open("bpf", MAZE_PRIVATE, &maze, NULL), 0);
	assert_int_equal(maze_reader_open(maze, true, &reader, NULL), 0);
	pid = start_spinner();
	assert_int_equal(maze_watch(maze, pid, 0, &policy, 0, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (maze_reader_next(reader, &record) == 1)
		if (record.event == MAZE_EVENT_SOFT)
			soft = record;
	assert_int_equal(soft.pid, pid);
	assert_int_equal(soft.flags & MAZE_RECORD_SENT, 0);
	assert_int_equal(soft.not_sent, MAZE_NOT_SENT_OTHER);
	maze_reader_close(reader);
	maze_close(maze);
}

static int set_up(void **state)
{
	struct engine_report report;
	int fd;

	engine_bpf.probe(&report);
	if (!report.usable) {
		snprintf(why_not, sizeof(why_not), "%s", report.why_not);
		return 0;
	}
	kernel = btf__load_vmlinux_btf();
	skeleton = maze_bpf__open();
	fd = mkstemp(path);
	if (!kernel || !skeleton || fd < 0)
		return -1;
	close(fd);
	original = btf__raw_data(kernel, &copy_size);
	copy = malloc(copy_size);
	*state = copy;
	return copy ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(copy);
	maze_bpf__destroy(skeleton);
	btf__free(kernel);
	unsetenv("MAZE_KERNEL_BTF");
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_may_be_narrow_and_signed),
		cmocka_unit_test(members_may_be_narrow_and_unsigned),
		cmocka_unit_test(members_may_have_the_other_sign),
		cmocka_unit_test(members_may_be_missing),
		cmocka_unit_test(half_a_path_may_be_missing),
		cmocka_unit_test(a_missing_indispensable_member_is_named),
		cmocka_unit_test(without_handlers_there_is_no_warning),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
