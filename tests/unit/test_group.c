/* SPDX-License-Identifier: GPL-2.0-only */
/* The incident of a group: its members, its largest consumers, and their stacks. */
#include "incident_case.h"
#include "base/cgroup.h"
#include "evidence/episode/episode_group.h"
#include "evidence/incident_table.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MS MAZE_NSEC_PER_MSEC

/* What the processes of a test tell about themselves. */
static struct shared {
	volatile pid_t spinner, thread, respawner, idler, orphan;
} * shared;

static const struct maze_policy group_policy = {
	.soft_ns = MAZE_NSEC_PER_SEC,
	.hard_ns = 2 * MAZE_NSEC_PER_SEC,
	.share = MAZE_SHARE_ONE * 9 / 10,
	.flags = MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT,
};

static void __attribute__((noinline, noreturn)) spin_in_group(void)
{
	for (;;)
		__asm__ volatile("");
}

static void *spin_in_thread(void *arg)
{
	prctl(PR_SET_NAME, "busy thread");
	shared->thread = (pid_t)syscall(SYS_gettid);
	spin_in_group();
	return arg;
}

static pid_t start(void (*program)(void))
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		program();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void idle(void)
{
	shared->idler = getpid();
	for (;;)
		pause();
}

static void spin(void)
{
	shared->spinner = getpid();
	prctl(PR_SET_NAME, "spinner");
	spin_in_group();
}

/* Each child burns 2 ms, so that the parent itself uses far less. */
static void respawn(void)
{
	struct timespec used;
	pid_t pid;

	shared->respawner = getpid();
	prctl(PR_SET_NAME, "respawner");
	for (;;) {
		pid = fork();
		if (!pid) {
			do
				clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
			while (!used.tv_sec && used.tv_nsec < 2000000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* A process with a busy thread and one that sleeps. */
static void be_two_threads(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, spin_in_thread, NULL);
	for (;;)
		pause();
}

/* A tree of a spinner, a process that sleeps and one whose children end. */
static void be_a_tree(void)
{
	start(idle);
	start(spin);
	respawn();
}

/* Its child ends at once, and leaves a spinner. */
static void leave_an_orphan(void)
{
	pid_t pid = fork();

	if (!pid) {
		pid = fork();
		if (!pid) {
			/* Its parent is to end, so PR_SET_PDEATHSIG would end it too early. */
			alarm(LIFE_SECONDS);
			shared->orphan = getpid();
			prctl(PR_SET_NAME, "orphan");
			spin_in_group();
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	idle();
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (shared->orphan == pid)
		shared->orphan = 0;
}

/* ---- incidents ---------------------------------------------------------------------- */

static struct maze_record verdict(maze_u32 scope, pid_t pid, unsigned int event)
{
	struct maze_record record = case_record(pid, event);

	record.flags = scope << MAZE_RECORD_SCOPE_SHIFT;
	record.signal = 0;
	record.count_ns = record.limit_ns = MAZE_NSEC_PER_SEC;
	record.used_ns = 3 * MAZE_NSEC_PER_SEC;
	record.elapsed_ns = 2 * MAZE_NSEC_PER_SEC;
	record.share = group_policy.share;
	return record;
}

static struct incidents *open_kept(const struct loop_place *place)
{
	struct incidents_options options = { .dir = in_place(place, "kept"), .no_unwind = true };

	memset(shared, 0, sizeof(*shared));
	return open_incidents(&options);
}

static json_t *work_until_kept(struct incidents *incidents, const struct loop_place *place)
{
	assert_true(work_until(incidents, "incident "));
	return load_last(in_place(place, "kept"));
}

static json_t *consumer(json_t *incident, const char *kind, long long pid)
{
	json_t *consumers = get(incident, "group.consumers"), *found;
	size_t i;

	assert_true(json_array_size(consumers) <= GROUP_CONSUMERS_MAX);
	for (i = 0; i < json_array_size(consumers); i++) {
		found = json_array_get(consumers, i);
		if (!strcmp(text(found, "kind"), kind) &&
		    json_integer_value(get(found, "process.pid")) == pid)
			return found;
	}
	return NULL;
}

/* The samples of a consumer whose innermost function has this name. */
static size_t samples_in(json_t *incident, const json_t *of, const char *function)
{
	json_t *samples = get(incident, "samples"), *sample, *stack;
	size_t i, count = 0;

	for (i = 0; i < json_array_size(samples); i++) {
		sample = json_array_get(samples, i);
		stack = json_array_get(get(incident, "stacks"),
				       (size_t)json_integer_value(get(sample, "stack")));
		count +=
			json_array_get(get(incident, "group.consumers"),
				       (size_t)json_integer_value(get(sample, "consumer"))) == of &&
			!strcmp(text(stack, "frames.0.function"), function);
	}
	return count;
}

/*
 * Measures the group until this consumer is among the largest, with a stack if it is a
 * thread. A busy machine may give it no CPU time for a while. Skips the test if samples
 * are not permitted.
 */
static json_t *measure(struct incidents *incidents, const struct loop_place *place,
		       struct maze_record *record, const char *kind, pid_t pid)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MS;
	json_t *incident, *found;

	for (;;) {
		record->boot_ns = case_now_ns();
		incidents_record(incidents, record, "poll", "services", &group_policy);
		incident = work_until_kept(incidents, place);
		found = consumer(incident, kind, pid);
		if (found && (strcmp(kind, "thread") != 0 || has_note(incident, "not permitted") ||
			      samples_in(incident, found, "spin_in_group")))
			return incident;
		if (case_now_ns() > until)
			fail_msg("no %s of %d: %s", kind, (int)pid,
				 json_dumps(incident, JSON_INDENT(1)));
		json_decref(incident);
		record->episode++;
	}
}

/* ---- incidents of groups ------------------------------------------------------------ */

static void the_threads_of_a_process_are_consumers(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(be_two_threads);
	struct maze_record soft = verdict(MAZE_SCOPE_PROCESS, pid, MAZE_EVENT_SOFT);
	json_t *incident, *found;

	wait_until(shared->thread);
	incident = measure(incidents, *state, &soft, "thread", pid);
	incidents_close(incidents, NULL);
	stop(pid);
	assert_string_equal(text(incident, "group.scope"), "process");
	assert_int_equal(json_integer_value(get(incident, "group.members")), 1);
	assert_true(json_integer_value(get(incident, "group.wall_ns")) > 0);
	assert_string_equal(text(incident, "policy.share"), "90%");
	assert_null(get(incident, "policy.recovery"));
	found = consumer(incident, "thread", pid);
	assert_int_equal(json_integer_value(get(found, "tid")), shared->thread);
	assert_string_equal(text(found, "comm"), "busy thread");
	assert_non_null(strstr(text(incident, "id"), "-process-"));
	json_decref(incident);
}

static void a_tree_has_its_descendants_and_ended_children(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(be_a_tree);
	struct maze_record soft = verdict(MAZE_SCOPE_TREE, pid, MAZE_EVENT_SOFT);
	json_t *incident;

	wait_until(shared->spinner);
	wait_until(shared->idler);
	wait_until(shared->respawner);
	incident = measure(incidents, *state, &soft, "thread", shared->spinner);
	assert_null(consumer(incident, "thread", shared->idler));
	assert_note(incident, "parents have ended were not found");
	/* The root, the two that it started, and at times one that ends. */
	assert_in_range(json_integer_value(get(incident, "group.members")), 3, 4);
	json_decref(incident);
	soft.episode++;
	incident = measure(incidents, *state, &soft, "ended-children", pid);
	assert_string_equal(text(consumer(incident, "ended-children", pid), "process.comm"),
			    "respawner");
	json_decref(incident);
	incidents_close(incidents, NULL);
	kill(shared->spinner, SIGKILL);
	kill(shared->idler, SIGKILL);
	stop(pid);
}

static void orphans_are_found_below_their_reaper(void **state)
{
	struct incidents *incidents = open_kept(*state);
	struct maze_record soft;
	json_t *incident;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = start(leave_an_orphan);
	soft = verdict(MAZE_SCOPE_TREE, pid, MAZE_EVENT_SOFT);
	wait_until(shared->orphan);
	wait_until(shared->idler);
	incidents_record(incidents, &soft, "poll", NULL, &group_policy);
	incident = work_until_kept(incidents, *state);
	assert_null(consumer(incident, "thread", shared->orphan));
	assert_note(incident, "parents have ended were not found");
	json_decref(incident);
	soft.episode++;
	incidents->reaper = getpid();
	incident = measure(incidents, *state, &soft, "thread", shared->orphan);
	assert_int_equal(json_integer_value(get(incident, "group.members")), 2);
	assert_false(has_note(incident, "parents have ended were not found"));
	json_decref(incident);
	incidents_close(incidents, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	stop(shared->orphan);
	stop(pid);
}

static void a_control_group_has_its_processes(void **state)
{
	struct incidents *incidents = open_kept(*state);
	struct maze_record soft = verdict(MAZE_SCOPE_CGROUP, 0, MAZE_EVENT_SOFT);
	struct cgroup_fs fs = { -1 };
	char name[64], procs[96], number[16];
	json_t *incident;
	pid_t pid;
	int dir, below;

	snprintf(name, sizeof(name), "maze-test-%d", (int)getpid());
	if (cgroup_fs_open(&fs, NULL) || (fs.fd = openat(fs.fd, ".", O_RDONLY)) < 0 ||
	    mkdirat(fs.fd, name, 0755)) {
		incidents_close(incidents, NULL);
		skip_because("no control group can be made");
	}
	dir = openat(fs.fd, name, O_RDONLY | O_DIRECTORY);
	soft.cgroup_id = cgroup_id(dir);
	assert_int_equal(mkdirat(dir, "below", 0755), 0);
	below = openat(dir, "below", O_RDONLY | O_DIRECTORY);
	pid = start(spin);
	snprintf(number, sizeof(number), "%d", (int)pid);
	assert_int_equal(cgroup_write(below, "cgroup.procs", number), 0);
	wait_until(shared->spinner);
	incident = measure(incidents, *state, &soft, "thread", pid);
	assert_string_equal(text(incident, "process.cgroup") + 1, name);
	assert_null(get(incident, "process.pid"));
	snprintf(procs, sizeof(procs), "-%llu-cgroup-", soft.cgroup_id);
	assert_non_null(strstr(text(incident, "id"), procs));
	json_decref(incident);
	stop(pid);
	/* A process may be in the list for a moment after its end. */
	wait_until(!unlinkat(dir, "below", AT_REMOVEDIR) || errno != EBUSY);
	assert_int_equal(unlinkat(fs.fd, name, AT_REMOVEDIR), 0);
	soft.episode++;
	incidents_record(incidents, &soft, "poll", NULL, &group_policy);
	incident = work_until_kept(incidents, *state);
	assert_note(incident, "The control group was removed, or was not found");
	json_decref(incident);
	incidents_close(incidents, NULL);
	close(below);
	close(dir);
	close(fs.fd);
}

/* ---- one incident for a group ------------------------------------------------------- */

static void a_thread_and_its_process_have_two_incidents(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(spin);
	struct maze_record group = verdict(MAZE_SCOPE_PROCESS, pid, MAZE_EVENT_SOFT);
	struct maze_record thread = case_record(pid, MAZE_EVENT_SOFT);
	size_t i, count = 0;

	incidents_record(incidents, &group, "poll", NULL, &group_policy);
	incidents_record(incidents, &thread, "poll", NULL, &case_policy);
	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		count += incidents->open[i] != NULL;
	assert_int_equal(count, 2);
	assert_string_not_equal(incidents->open[0]->episode.id, incidents->open[1]->episode.id);
	incidents_close(incidents, NULL);
	stop(pid);
}

static void what_the_soft_verdict_found_stays_after_a_kill(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(be_two_threads);
	struct maze_record soft = verdict(MAZE_SCOPE_TREE, pid, MAZE_EVENT_SOFT);
	struct maze_record hard, end;
	json_t *incident;

	wait_until(shared->thread);
	json_decref(measure(incidents, *state, &soft, "thread", pid));
	stop(pid);
	hard = soft;
	hard.event = MAZE_EVENT_HARD;
	hard.signal = SIGKILL;
	end = soft;
	end.event = MAZE_EVENT_EXIT;
	incidents_record(incidents, &hard, "poll", NULL, &group_policy);
	incidents_record(incidents, &end, "poll", NULL, &group_policy);
	incidents_close(incidents, NULL);
	incident = load_last(in_place(*state, "kept"));
	assert_int_equal(json_array_size(get(incident, "records")), 3);
	assert_non_null(consumer(incident, "thread", pid));
	assert_true(json_array_size(get(incident, "samples")) ||
		    has_note(incident, "not permitted"));
	assert_false(has_note(incident, "had ended before"));
	json_decref(incident);
}

static void members_that_have_ended_leave_a_note(void **state)
{
	struct incidents *incidents = open_kept(*state);
	struct maze_record hard = verdict(MAZE_SCOPE_TREE, GONE, MAZE_EVENT_HARD);
	json_t *incident;

	incidents_record(incidents, &hard, "poll", NULL, &group_policy);
	incident = work_until_kept(incidents, *state);
	assert_note(incident, "The members of the group had ended before they were read");
	assert_note(incident, "The process had ended before it was read");
	assert_int_equal(json_array_size(get(incident, "group.consumers")), 0);
	incidents_close(incidents, NULL);
	json_decref(incident);
}

/* A process is a consumer if it has used CPU time, which a crowded machine gives late. */
static void await_cpu(pid_t pid, long long ns)
{
	struct timespec used = { 0 };
	clockid_t clock;
	int i;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	for (i = 0; i < 60000 && used.tv_sec * 1000000000LL + used.tv_nsec < ns; i++) {
		usleep(1000);
		assert_int_equal(clock_gettime(clock, &used), 0);
	}
}

/* Then the CPU time of their life says which used the most. */
static void members_that_end_between_the_readings_are_named(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(spin);
	struct maze_record soft = verdict(MAZE_SCOPE_TREE, pid, MAZE_EVENT_SOFT);
	json_t *incident, *found;

	wait_until(shared->spinner);
	await_cpu(pid, 50 * (long long)MS);
	incidents_record(incidents, &soft, "poll", NULL, &group_policy);
	stop(pid);
	incident = work_until_kept(incidents, *state);
	assert_note(incident, "had ended, or maze ended, before their CPU time was compared");
	found = consumer(incident, "thread", pid);
	assert_non_null(found);
	assert_string_equal(text(found, "process.comm"), "spinner");
	assert_true(json_is_null(get(incident, "group.wall_ns")));
	incidents_close(incidents, NULL);
	json_decref(incident);
}

static void few_groups_are_read_at_the_same_time(void **state)
{
	struct incidents *incidents = open_kept(*state);
	pid_t pid = start(spin);
	struct maze_record soft = verdict(MAZE_SCOPE_PROCESS, pid, MAZE_EVENT_SOFT);
	size_t i, noted = 0;
	pid_t others[8];

	for (i = 0; i < 9; i++) {
		if (i)
			others[i - 1] = start(idle);
		soft.pid = soft.tid = (maze_u32)(i ? others[i - 1] : pid);
		soft.boot_ns = case_now_ns();
		incidents_record(incidents, &soft, "poll", NULL, &group_policy);
	}
	for (i = 0; i < 9; i++)
		noted += !incidents->open[i]->episode.group->open;
	assert_int_equal(noted, 1);
	incidents_close(incidents, NULL);
	for (i = 0; i < 8; i++)
		stop(others[i]);
	stop(pid);
}

static void records_of_a_group_pass_the_collector(void **state)
{
	struct incidents_options options = { .dir = in_place(*state, "kept"), .no_unwind = true };
	struct collector *collector = NULL;
	struct maze_record soft;
	json_t *incident;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = start(leave_an_orphan);
	wait_until(shared->orphan);
	wait_until(shared->idler);
	soft = verdict(MAZE_SCOPE_TREE, pid, MAZE_EVENT_SOFT);
	collector_record(collector, &soft, "poll", NULL, &group_policy);
	incident = collect_key(collector, in_place(*state, "kept"), "group.wall_ns", NULL);
	assert_non_null(incident);
	/* Without the worker, which is a child of the reaper too. */
	assert_int_equal(json_integer_value(get(incident, "group.members")), 2);
	collector_close(collector, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	stop(shared->orphan);
	stop(pid);
	json_decref(incident);
}

/* A test that failed has left it, and it would keep the standard output of the tests. */
static int end_orphan(void **state)
{
	if (shared->orphan)
		kill(shared->orphan, SIGKILL);
	shared->orphan = 0;
	return loop_remove_place(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_make_place, end_orphan)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_threads_of_a_process_are_consumers),
		TEST(a_tree_has_its_descendants_and_ended_children),
		TEST(orphans_are_found_below_their_reaper),
		TEST(a_control_group_has_its_processes),
		TEST(a_thread_and_its_process_have_two_incidents),
		TEST(what_the_soft_verdict_found_stays_after_a_kill),
		TEST(members_that_have_ended_leave_a_note),
		TEST(members_that_end_between_the_readings_are_named),
		TEST(few_groups_are_read_at_the_same_time),
		TEST(records_of_a_group_pass_the_collector),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED || cmocka_run_group_tests(tests, NULL, NULL);
}
