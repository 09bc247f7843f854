/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which other threads of a process are sampled beside its runaway thread: those that run,
 * and not those that sleep; a bounded number of them.
 */
#include "incident_case.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/proc_files.h"
#include "evidence/episode/siblings.h"

/* Of the child's threads, which it writes before they spin or sleep. */
struct shared {
	pid_t spinners[EPISODE_SIBLINGS_MAX + 4];
	pid_t sleeper;
};
static struct shared *shared;

static __attribute__((noreturn)) void *spin(void *arg)
{
	__atomic_store_n((pid_t *)arg, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("");
}

static void *sleep_on(void *arg)
{
	__atomic_store_n((pid_t *)arg, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

static pid_t start(size_t spinners)
{
	pthread_t thread;
	pid_t pid;
	size_t i;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, sleep_on, &shared->sleeper);
		for (i = 0; i < spinners; i++)
			pthread_create(&thread, NULL, spin, &shared->spinners[i]);
		for (;;)
			__asm__ volatile("");
	}
	wait_until(__atomic_load_n(&shared->sleeper, __ATOMIC_ACQUIRE));
	for (i = 0; i < spinners; i++)
		wait_until(__atomic_load_n(&shared->spinners[i], __ATOMIC_ACQUIRE));
	return pid;
}

static bool is_spinner(pid_t tid)
{
	size_t i;

	for (i = 0; i < sizeof(shared->spinners) / sizeof(shared->spinners[0]); i++)
		if (shared->spinners[i] == tid)
			return true;
	return false;
}

static struct episode *begin(pid_t pid)
{
	struct episode *episode = malloc(sizeof(*episode));
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	bool sleeps = false;
	size_t i;

	assert_non_null(episode);
	episode_init(episode);
	episode->pid = episode->tid = (maze_u32)pid;
	/* The thread that sleeps has written its number before. */
	while (!sleeps && case_now_ns() < until) {
		process_info_done(&episode->live);
		assert_int_equal(process_info_open(pid, pid, case_now_ns(), &episode->live), 0);
		for (i = 0; i < episode->live.threads_count; i++)
			sleeps |= episode->live.threads[i].tid == shared->sleeper &&
				  episode->live.threads[i].state == 'S';
	}
	assert_true(sleeps);
	episode->has_live = true;
	return episode;
}

static void finish(struct episode *episode, pid_t pid)
{
	episode_done(episode);
	free(episode);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct thread_times times_of(pid_t pid, pid_t tid)
{
	struct thread_times times;
	char path[32];
	int fd = -1, dir;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(proc_thread_times(dir, tid, &fd, false, &times), 0);
	close(dir);
	return times;
}

/*
 * Whether sibling_runs() must hold for a thread that is measured from before `from` until
 * after `to`, for at most `wall_ns`. On a busy machine a spinner may get no CPU for that long,
 * and the kernel adds its wait only at the end of the wait.
 */
static bool surely_runs(const struct thread_times *from, const struct thread_times *to,
			maze_u64 wall_ns)
{
	maze_u64 runtime_ns = to->runtime_ns - from->runtime_ns;
	maze_u64 waited_ns = to->waited_ns - from->waited_ns;

	return runtime_ns && runtime_ns + waited_ns >= wall_ns / SIBLING_RUNS;
}

static bool has_sibling(const struct episode *episode, pid_t tid)
{
	size_t i;

	for (i = 0; i < episode->siblings_count; i++)
		if (episode->siblings[i].tid == tid)
			return true;
	return false;
}

/* Samples two spinners. Each that surely runs must be there. Returns whether both are. */
static bool sample_two(struct episode *episode, pid_t pid)
{
	struct thread_times from[2], to[2];
	maze_u64 began_ns = case_now_ns(), wall_ns;
	size_t i;

	episode->siblings_count = 0;
	assert_int_equal(siblings_begin(episode, false), 2);
	for (i = 0; i < 2; i++)
		from[i] = times_of(pid, shared->spinners[i]);
	do {
		poll(NULL, 0, 5);
		for (i = 0; i < 2; i++)
			to[i] = times_of(pid, shared->spinners[i]);
	} while (siblings_step(episode));
	wall_ns = case_now_ns() - began_ns;
	for (i = 0; i < 2; i++)
		if (surely_runs(&from[i], &to[i], wall_ns))
			assert_true(has_sibling(episode, shared->spinners[i]));
	return episode->siblings_count == 2;
}

static void threads_that_run_are_sampled(void **state)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	pid_t pid = start(2);
	struct episode *episode = begin(pid);
	const struct episode_sibling *sibling;
	size_t i;

	(void)state;
	while (!sample_two(episode, pid))
		assert_true(case_now_ns() < until);
	for (i = 0; i < 2; i++) {
		sibling = &episode->siblings[i];
		assert_true(is_spinner(sibling->tid));
		assert_null(sibling->sampler);
		assert_true(sibling->to.runtime_ns > sibling->from.runtime_ns);
		assert_true(sibling->samples_count <= EPISODE_SIBLING_SAMPLES_MAX);
	}
	finish(episode, pid);
}

static void threads_that_sleep_are_dropped(void **state)
{
	pid_t pid = start(0);
	struct episode *episode = begin(pid);

	(void)state;
	assert_int_equal(siblings_begin(episode, true), 0);
	assert_int_equal(episode->notes_count, 0);
	assert_int_equal(siblings_begin(episode, false), 0);
	assert_false(siblings_step(episode));
	siblings_add(episode, shared->sleeper, MAZE_NSEC_PER_MSEC, 0);
	assert_int_equal(episode->siblings_count, 1);
	poll(NULL, 0, 20);
	siblings_end(episode);
	assert_int_equal(episode->siblings_count, 0);
	finish(episode, pid);
}

static void their_number_is_bounded(void **state)
{
	pid_t pid = start(EPISODE_SIBLINGS_MAX + 4);
	struct episode *episode = begin(pid);

	(void)state;
	assert_int_equal(siblings_begin(episode, true), 0);
	assert_int_equal(episode->notes_count, 1);
	assert_int_equal(siblings_begin(episode, false), EPISODE_SIBLINGS_MAX);
	assert_int_equal(episode->notes_count, 1);
	finish(episode, pid);
}

static void stacks_are_those_of_the_thread(void **state)
{
	pid_t pid = start(1);
	struct episode *episode = begin(pid);
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	const struct episode_sibling *sibling = &episode->siblings[0];
	const struct episode_frame *frame;
	struct stack_sampler *sampler;
	const struct map *map;
	int err;

	(void)state;
	err = stack_sampler_open(shared->spinners[0], MAZE_NSEC_PER_MSEC, &sampler, NULL);
	if (err) {
		finish(episode, pid);
		skip_because("no perf event of a thread is permitted here: %s", strerror(-err));
	}
	stack_sampler_close(sampler);
	siblings_add(episode, shared->spinners[0], MAZE_NSEC_PER_MSEC, 0);
	while (sibling->samples_count < EPISODE_SIBLING_SAMPLES_MAX && case_now_ns() < until) {
		poll(NULL, 0, 1);
		siblings_take(episode);
	}
	assert_int_equal(sibling->samples_count, EPISODE_SIBLING_SAMPLES_MAX);
	siblings_end(episode);
	assert_int_equal(episode->samples_count, 0);
	/* The child has the addresses of this process. */
	map = maps_find(&episode->live.maps, (maze_u64)(uintptr_t)spin);
	assert_non_null(map);
	frame = &episode->frames[episode->stacks[sibling->samples[0].stack].frames[0]];
	if (frame->kind == SYMBOLIZER_FILE)
		assert_in_range(frame->at, (maze_u64)(uintptr_t)spin - map->start + map->offset,
				(maze_u64)(uintptr_t)spin - map->start + map->offset + 128);
	finish(episode, pid);
}

/* The incident of an episode. Its spinner must be in it if it surely runs. */
static json_t *incident_with_one(const char *dir, pid_t pid, maze_u32 number)
{
	struct incidents_options options = { .dir = dir };
	struct incidents *incidents = open_incidents(&options);
	struct maze_record soft = case_record(pid, MAZE_EVENT_SOFT);
	maze_u64 began_ns = case_now_ns();
	struct thread_times from, to;
	json_t *incident;

	soft.episode = number;
	incidents_record(incidents, &soft, "poll", "spinners", &case_policy);
	/* The samples end in a later step. */
	from = times_of(pid, shared->spinners[0]);
	poll(NULL, 0, 100);
	to = times_of(pid, shared->spinners[0]);
	assert_true(work_until(incidents, "incident 2"));
	work_until_symbolized(incidents);
	incidents_close(incidents, NULL);
	incident = load_last(dir);
	if (surely_runs(&from, &to, case_now_ns() - began_ns))
		assert_non_null(get(incident, "siblings.0"));
	return incident;
}

/* From the verdict to the file. */
static void an_incident_has_them(void **state)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	const char *dir = in_place(*state, "kept");
	maze_u32 number = 0;
	json_t *incident;
	pid_t pid = start(1);

	incident = incident_with_one(dir, pid, number);
	while (!get(incident, "siblings.0")) {
		assert_true(case_now_ns() < until);
		json_decref(incident);
		incident = incident_with_one(dir, pid, ++number);
	}
	assert_int_equal(json_array_size(get(incident, "siblings")), 1);
	assert_int_equal(json_integer_value(get(incident, "siblings.0.tid")), shared->spinners[0]);
	assert_true(json_integer_value(get(incident, "siblings.0.cpu_ns")) > 0);
	json_decref(incident);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_run_are_sampled),
		cmocka_unit_test(threads_that_sleep_are_dropped),
		cmocka_unit_test(their_number_is_bounded),
		cmocka_unit_test(stacks_are_those_of_the_thread),
		IN_PLACE(an_incident_has_them),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("siblings", tests, NULL, NULL);
}
