/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The samples of incidents of an engine that takes none (evidence/incident_samples.h): of
 * children that run, sleep and end by command.
 */
#include "incident_case.h"
#include "evidence/incident_table.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MS MAZE_NSEC_PER_MSEC
#define WANTED 10
/* More than the resolution of start times. */
#define TICKS_NS (50 * MS)

/* ---- the child ---------------------------------------------------------------------- */

/* In memory that it shares with its child. */
static struct shared {
	volatile int orders; /* each makes the child sleep once */
	volatile int sleeps;
	volatile maze_u64 slept_ns; /* CLOCK_BOOTTIME after the sleep */
	volatile int thread_wanted;
	volatile pid_t thread;
} * shared;

/*
 * Repeats until the kernel has counted a sleep. It is far longer than a wait for a CPU, since
 * the waits that come after a sample are subtracted from it.
 */
static void nap(void)
{
	struct rusage before, now;

	getrusage(RUSAGE_THREAD, &before);
	do {
		sleep(1);
		getrusage(RUSAGE_THREAD, &now);
	} while (now.ru_nvcsw == before.ru_nvcsw);
	shared->slept_ns = case_now_ns();
	shared->sleeps++;
}

static void *be_a_thread(void *arg)
{
	shared->thread = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return arg;
}

static void __attribute__((noinline)) spin_by_order(void)
{
	pthread_t thread;

	for (;;) {
		if (shared->orders > shared->sleeps)
			nap();
		if (shared->thread_wanted) {
			shared->thread_wanted = 0;
			pthread_create(&thread, NULL, be_a_thread, NULL);
		}
	}
}

static void wait_by_order(void)
{
	for (;;)
		pause();
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
	loop_running = pid;
	return pid;
}

/* ---- incidents ---------------------------------------------------------------------- */

static struct incidents *open_sampling(const struct loop_place *place, maze_u32 number)
{
	struct incidents_options options = { .dir = in_place(place, "kept"), .no_unwind = true };
	struct incidents *incidents = open_incidents(&options);
	struct maze_evidence_wants wants = { number, 5 * MS };

	memset(shared, 0, sizeof(*shared));
	incidents_take_samples(incidents, &wants);
	return incidents;
}

static struct incident *open_incident(const struct incidents *incidents, pid_t tid)
{
	size_t i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incidents->open[i]->episode.tid == (maze_u32)tid)
			return incidents->open[i];
	return NULL;
}

static bool notes(const struct incidents *incidents, pid_t tid, const char *part)
{
	const struct incident *incident = open_incident(incidents, tid);
	size_t i;

	for (i = 0; incident && i < incident->episode.notes_count; i++)
		if (strstr(incident->episode.notes[i], part))
			return true;
	return false;
}

/* A verdict on a child, which begins the samples, or else skips the test. */
static struct incident *begin(struct incidents *incidents, pid_t pid, const char *engine,
			      const struct maze_policy *policy)
{
	struct maze_record soft = case_record(pid, MAZE_EVENT_SOFT);

	incidents_record(incidents, &soft, engine, NULL, policy);
	if (notes(incidents, pid, "not permitted")) {
		incidents_close(incidents, NULL);
		loop_stop(pid);
		skip_because("perf events are not permitted");
	}
	return open_incident(incidents, pid);
}

/* Works until the sampler is closed, or there are so many samples. */
static void work_until_samples(struct incidents *incidents, struct incident *incident, size_t count)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;

	while (incident->samples.sampler && incident->episode.samples_count < count &&
	       case_now_ns() < until) {
		incidents_work(incidents, NULL);
		poll(NULL, 0, 2);
	}
	assert_true(case_now_ns() < until);
}

static bool has_sample_after_sleep(const struct incident *incident)
{
	size_t i;

	for (i = 0; i < incident->episode.samples_count; i++)
		if (incident->episode.samples[i].boot_ns > shared->slept_ns)
			return true;
	return false;
}

/* Works until the sampler is closed, or there is such a sample; those before may be unread. */
static void work_until_after_sleep(struct incidents *incidents, const struct incident *incident)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;

	while (incident->samples.sampler && !has_sample_after_sleep(incident)) {
		assert_true(case_now_ns() < until);
		incidents_work(incidents, NULL);
		poll(NULL, 0, 2);
	}
}

static void order_sleep(void)
{
	int before = shared->sleeps, i;

	shared->orders++;
	for (i = 0; i < PATIENCE_MS && shared->sleeps == before; i++)
		poll(NULL, 0, 1);
	assert_int_equal(shared->sleeps, before + 1);
}

static size_t perf_events_open(void)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	char path[64];
	size_t count = 0;
	ssize_t length;

	assert_non_null(fds);
	while ((entry = readdir(fds))) {
		length = readlinkat(dirfd(fds), entry->d_name, path, sizeof(path) - 1);
		path[length < 0 ? 0 : length] = '\0';
		count += strstr(path, "perf_event") != NULL;
	}
	closedir(fds);
	return count;
}

/* ---- tests -------------------------------------------------------------------------- */

static void an_incident_has_its_number_of_samples(void **state)
{
	struct incidents *incidents = open_sampling(*state, WANTED);
	pid_t pid = start(spin_by_order);
	struct incident *incident = begin(incidents, pid, "poll", &case_policy);
	struct maze_record hard = case_record(pid, MAZE_EVENT_HARD);
	json_t *json, *samples;
	maze_u64 before = 0, now;
	char *stacks;
	size_t i;

	assert_true(notes(incidents, pid, "No sample was taken"));
	assert_int_equal(perf_events_open(), 1);
	work_until_samples(incidents, incident, WANTED + 1);
	assert_int_equal(incidents->samplers_open, 0);
	assert_int_equal(perf_events_open(), 0);
	assert_false(notes(incidents, pid, "No sample was taken"));
	/* The later verdict of the episode begins no others. */
	incidents_record(incidents, &hard, "poll", NULL, &case_policy);
	assert_int_equal(perf_events_open(), 0);
	snprintf(last_id, sizeof(last_id), "%s", incident->episode.id);
	incidents_close(incidents, NULL);
	loop_stop(pid);
	json = load_last(in_place(*state, "kept"));
	samples = get(json, "samples");
	assert_int_equal(json_array_size(samples), WANTED);
	assert_int_equal(json_integer_value(get(json, "samples_lost")), 0);
	for (i = 0; i < WANTED; i++, before = now) {
		now = (maze_u64)json_integer_value(get(json_array_get(samples, i), "count_ns"));
		/* Of the verdict, and then CPU time. */
		assert_true(now > before && now >= 300000123 + i * 5 * MS);
	}
	stacks = json_dumps(get(json, "stacks"), JSON_COMPACT);
	assert_non_null(strstr(stacks, "\"spin_by_order\""));
	free(stacks);
	json_decref(json);
}

static void the_end_of_the_thread_ends_them(void **state)
{
	struct incidents *incidents = open_sampling(*state, 1000);
	pid_t pid = start(spin_by_order);
	struct incident *incident = begin(incidents, pid, "poll", &case_policy);

	work_until_samples(incidents, incident, 2);
	assert_int_equal(perf_events_open(), 1);
	loop_stop(pid);
	work_until_samples(incidents, incident, 1000);
	assert_true(incident->episode.samples_count >= 2);
	assert_int_equal(perf_events_open(), 0);
	incidents_close(incidents, NULL);
}

static void an_exit_a_close_and_a_lack_of_room_end_them(void **state)
{
	struct incidents *incidents = open_sampling(*state, 1000);
	pid_t pid = start(wait_by_order);
	struct maze_record exit = case_record(pid, MAZE_EVENT_EXIT);

	begin(incidents, pid, "poll", &case_policy);
	assert_int_equal(perf_events_open(), 1);
	incidents_record(incidents, &exit, "poll", NULL, NULL);
	incidents_work(incidents, NULL);
	assert_int_equal(perf_events_open(), 0);
	incidents_close(incidents, NULL);
	incidents = open_sampling(*state, 1000);
	begin(incidents, pid, "poll", &case_policy);
	assert_int_equal(perf_events_open(), 1);
	incidents_close(incidents, NULL);
	assert_int_equal(perf_events_open(), 0);
	incidents = open_sampling(*state, 1000);
	begin(incidents, pid, "poll", &case_policy);
	incident_drop(incidents, &incidents->open[0]);
	assert_int_equal(perf_events_open(), 0);
	incidents_close(incidents, NULL);
	loop_stop(pid);
}

/* Whether the first sleep has ended the samples. */
static bool sleep_ends_samples(const struct loop_place *place, const char *engine,
			       maze_u32 recovery)
{
	struct incidents *incidents = open_sampling(place, 1000);
	pid_t pid = start(spin_by_order);
	struct maze_policy policy = case_policy;
	struct incident *incident;
	bool after;

	policy.recovery = recovery;
	incident = begin(incidents, pid, engine, &policy);
	work_until_samples(incidents, incident, 3);
	order_sleep();
	work_until_after_sleep(incidents, incident);
	after = has_sample_after_sleep(incident);
	incidents_close(incidents, NULL);
	loop_stop(pid);
	return !after;
}

static void a_sleep_ends_the_samples(void **state)
{
	const maze_u32 locks = MAZE_RECOVERY_LOCK | 29 * MAZE_RECOVERY_ONE;

	assert_true(sleep_ends_samples(*state, "poll", MAZE_RECOVERY_INF));
	assert_true(sleep_ends_samples(*state, "kmod", MAZE_RECOVERY_INF));
	assert_true(sleep_ends_samples(*state, "poll", locks));
}

static void a_recovery_that_leaves_a_count_does_not(void **state)
{
	/* In 1/65536: of no sleep that fits into a test, and of each. */
	assert_false(sleep_ends_samples(*state, "poll", 1));
	assert_false(sleep_ends_samples(*state, "kmod", MAZE_RECOVERY_LOCK | 1));
}

/* Before the sleep's share is known exactly, samples may still be taken. */
static void a_recovery_that_leaves_no_count_does(void **state)
{
	struct incidents *incidents = open_sampling(*state, 1000);
	pid_t pid = start(spin_by_order);
	struct maze_policy policy = case_policy;
	struct incident *incident;

	policy.recovery = 1000 * MAZE_RECOVERY_ONE;
	incident = begin(incidents, pid, "poll", &policy);
	work_until_samples(incidents, incident, 3);
	order_sleep();
	work_until_samples(incidents, incident, 1000);
	assert_null(incident->samples.sampler);
	assert_true(incident->episode.samples_count < 1000);
	incidents_close(incidents, NULL);
	loop_stop(pid);
}

static void the_samplers_are_limited(void **state)
{
	struct incidents *incidents = open_sampling(*state, WANTED);
	pid_t pids[INCIDENT_SAMPLERS_MAX + 1];
	bool too_many, memory;
	size_t i, open;

	for (i = 0; i <= INCIDENT_SAMPLERS_MAX; i++) {
		pids[i] = start(wait_by_order);
		begin(incidents, pids[i], "poll", &case_policy);
	}
	open = perf_events_open();
	too_many = notes(incidents, pids[INCIDENT_SAMPLERS_MAX], "too many other threads");
	memory = notes(incidents, pids[INCIDENT_SAMPLERS_MAX], "lock more memory");
	incidents_close(incidents, NULL);
	for (i = 0; i <= INCIDENT_SAMPLERS_MAX; i++)
		loop_stop(pids[i]);
	assert_int_equal(perf_events_open(), 0);
	assert_true(too_many || memory);
	if (too_many)
		assert_int_equal(open, INCIDENT_SAMPLERS_MAX);
	else
		assert_in_range(open, 1, INCIDENT_SAMPLERS_MAX - 1);
}

static void a_thread_that_began_after_the_verdict_is_not_sampled(void **state)
{
	struct incidents *incidents = open_sampling(*state, WANTED);
	pid_t pid = start(spin_by_order);
	struct maze_record soft = case_record(pid, MAZE_EVENT_SOFT);
	int i;

	soft.boot_ns += TICKS_NS;
	while (case_now_ns() < soft.boot_ns + TICKS_NS)
		poll(NULL, 0, 1);
	shared->thread_wanted = 1;
	for (i = 0; i < PATIENCE_MS && !shared->thread; i++)
		poll(NULL, 0, 1);
	assert_true(shared->thread > 0);
	soft.tid = (maze_u32)shared->thread;
	incidents_record(incidents, &soft, "poll", NULL, &case_policy);
	assert_true(notes(incidents, shared->thread, "the thread had ended") ||
		    notes(incidents, shared->thread, "not permitted"));
	/* Those of the first thread, which runs too. */
	assert_int_equal(perf_events_open(),
			 open_incident(incidents, shared->thread)->episode.siblings_count);
	assert_int_equal(incidents->samplers_open, 0);
	incidents_close(incidents, NULL);
	loop_stop(pid);
}

static void an_engine_that_takes_stacks_opens_none(void **state)
{
	struct incidents *incidents = open_sampling(*state, 0);
	pid_t pid = start(spin_by_order);

	begin(incidents, pid, "bpf", &case_policy);
	assert_int_equal(perf_events_open(), 0);
	assert_false(notes(incidents, pid, "No sample was taken"));
	incidents_close(incidents, NULL);
	loop_stop(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(an_incident_has_its_number_of_samples),
		IN_PLACE(the_end_of_the_thread_ends_them),
		IN_PLACE(an_exit_a_close_and_a_lack_of_room_end_them),
		IN_PLACE(a_sleep_ends_the_samples),
		IN_PLACE(a_recovery_that_leaves_a_count_does_not),
		IN_PLACE(a_recovery_that_leaves_no_count_does),
		IN_PLACE(the_samplers_are_limited),
		IN_PLACE(a_thread_that_began_after_the_verdict_is_not_sampled),
		IN_PLACE(an_engine_that_takes_stacks_opens_none),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED || cmocka_run_group_tests(tests, NULL, NULL);
}
