/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a thread achieved: the numbers are those of the program's own account, a sleep ends
 * them unless there is evidence, and a number that cannot be read is missing.
 */
#include "incident_case.h"
#include "evidence/incident_table.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define READS 100
#define READ_BYTES 4096
#define WRITES 7
#define WRITE_BYTES 10
#define PAGES 64
#define PAGE 4096
/* The least time between two readings. */
#define PAUSE_NS (100 * MAZE_NSEC_PER_MSEC)

/* The test sets the even ones, and the program the odd ones. */
enum stage { STAGE_WORK = 2, STAGE_WORKED, STAGE_SLEEP, STAGE_SLEPT };

struct shared {
	volatile enum stage stage;
	volatile unsigned long long cpu_ns; /* of the program when it had worked */
};

static struct shared *shared;

static void spin_until(enum stage stage)
{
	while (shared->stage < stage)
		;
}

static void work(int zero, int null, char *memory)
{
	static char buf[READ_BYTES];
	struct timespec cpu;
	int i;

	for (i = 0; i < READS; i++)
		if (read(zero, buf, READ_BYTES) != READ_BYTES)
			_exit(1);
	for (i = 0; i < WRITES; i++)
		if (write(null, buf, WRITE_BYTES) != WRITE_BYTES)
			_exit(1);
	for (i = 0; i < PAGES; i++)
		memory[i * PAGE] = 1;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	shared->cpu_ns = (unsigned long long)cpu.tv_sec * MAZE_NSEC_PER_SEC +
			 (unsigned long long)cpu.tv_nsec;
}

static void program(void)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
	spin_until(STAGE_WORK);
	work(zero, null, memory);
	shared->stage = STAGE_WORKED;
	spin_until(STAGE_SLEEP);
	usleep(1000);
	shared->stage = STAGE_SLEPT;
	for (;;)
		;
}

static int make_program(void **state)
{
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		program();
	*state = shared;
	loop_running = pid;
	return 0;
}

static int end_program(void **state)
{
	(void)state;
	if (loop_running)
		loop_stop(loop_running);
	return munmap(shared, sizeof(*shared));
}

static void have_stage(enum stage stage)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;

	shared->stage = stage;
	while (shared->stage == stage && case_now_ns() < until)
		poll(NULL, 0, 1);
	assert_int_equal(shared->stage, stage + 1);
}

static int open_proc(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void the_numbers_are_those_of_the_program(void **state)
{
	struct progress before, after;
	int proc_fd = open_proc(loop_running);
	long long *number = after.number;

	(void)state;
	assert_int_equal(progress_read(proc_fd, loop_running, &before), 0);
	have_stage(STAGE_WORK);
	assert_int_equal(progress_read(proc_fd, loop_running, &after), 0);
	if (before.io_error == -ENOENT)
		skip_because("the kernel does not count bytes");
	assert_int_equal(number[PROGRESS_READ_BYTES] - before.number[PROGRESS_READ_BYTES],
			 READS * READ_BYTES);
	assert_int_equal(number[PROGRESS_READ_CALLS] - before.number[PROGRESS_READ_CALLS], READS);
	assert_int_equal(number[PROGRESS_WRITTEN_BYTES] - before.number[PROGRESS_WRITTEN_BYTES],
			 WRITES * WRITE_BYTES);
	assert_int_equal(number[PROGRESS_WRITE_CALLS] - before.number[PROGRESS_WRITE_CALLS],
			 WRITES);
	assert_true(number[PROGRESS_MINOR_FAULTS] - before.number[PROGRESS_MINOR_FAULTS] >= PAGES);
	assert_true(after.resident_bytes > 0);
	assert_true(number[PROGRESS_INVOLUNTARY_SWITCHES] >=
		    before.number[PROGRESS_INVOLUNTARY_SWITCHES]);
	assert_true(after.boot_ns > before.boot_ns);
	/* The number may be a tick old. */
	assert_true(before.number[PROGRESS_CPU_NS] <= (long long)shared->cpu_ns);
	assert_int_equal(number[PROGRESS_VOLUNTARY_SWITCHES],
			 before.number[PROGRESS_VOLUNTARY_SWITCHES]);
	have_stage(STAGE_SLEEP);
	assert_int_equal(progress_read(proc_fd, loop_running, &after), 0);
	assert_true(number[PROGRESS_VOLUNTARY_SWITCHES] >
		    before.number[PROGRESS_VOLUNTARY_SWITCHES]);
	close(proc_fd);
}

/* Its end was a voluntary switch, and its memory is gone. */
static void an_ended_thread_is_not_read(void **state)
{
	int proc_fd = open_proc(loop_running);
	struct progress progress;
	siginfo_t info;

	(void)state;
	kill(loop_running, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)loop_running, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(progress_read(proc_fd, loop_running, &progress), -ESRCH);
	assert_int_equal(waitpid(loop_running, NULL, 0), loop_running);
	assert_int_equal(progress_read(proc_fd, loop_running, &progress), -ESRCH);
	loop_running = 0;
	close(proc_fd);
}

/* ---- episodes ---------------------------------------------------------------------- */

static struct episode *make_episode(int proc_fd, pid_t tid)
{
	struct episode *episode = malloc(sizeof(*episode));

	assert_non_null(episode);
	episode_init(episode);
	episode->pid = episode->tid = (maze_u32)tid;
	episode->live.proc_fd = proc_fd;
	episode->has_live = true;
	return episode;
}

static void free_episode(struct episode *episode)
{
	episode_done(episode);
	free(episode);
}

/* The time of evidence that is new, however long the machine pauses before the reading. */
static maze_u64 new_evidence(void)
{
	return case_now_ns() + 3600 * MAZE_NSEC_PER_SEC;
}

/* As if the last reading were long ago. */
static void read_again(struct episode *episode, maze_u64 evidence_ns)
{
	episode->progress.tried_ns = 0;
	episode_read_progress(episode, evidence_ns);
}

static bool has_episode_note(const struct episode *episode, const char *part)
{
	size_t i;

	for (i = 0; i < episode->notes_count; i++)
		if (strstr(episode->notes[i], part))
			return true;
	return false;
}

static void a_reading_after_a_sleep_needs_evidence(void **state)
{
	struct episode *episode = make_episode(open_proc(loop_running), loop_running);
	maze_u64 first_ns, last_ns;
	json_t *json;

	(void)state;
	episode_read_progress(episode, 0);
	assert_true(episode->progress.first.boot_ns);
	first_ns = episode->progress.tried_ns;
	/* A moment later there is no second reading, unless the machine has paused. */
	episode_read_progress(episode, new_evidence());
	assert_true(!episode->progress.last.boot_ns ||
		    episode->progress.last.boot_ns - first_ns >= PAUSE_NS);
	read_again(episode, 0);
	last_ns = episode->progress.last.boot_ns;
	assert_true(last_ns > episode->progress.first.boot_ns);
	have_stage(STAGE_WORK);
	have_stage(STAGE_SLEEP);
	read_again(episode, 0);
	read_again(episode, case_now_ns() - MAZE_NSEC_PER_SEC);
	assert_int_equal(episode->progress.last.boot_ns, last_ns);
	read_again(episode, new_evidence());
	assert_true(episode->progress.last.boot_ns > last_ns);
	json = episode_progress_json(episode);
	assert_int_equal(json_object_size(json), PROGRESS_NUMBERS_ + 2);
	json_decref(json);
	assert_true(episode_end_progress(episode));
	assert_false(episode_end_progress(episode));
	assert_int_equal(episode->notes_count, 0);
	free_episode(episode);
}

static void one_reading_is_a_note(void **state)
{
	struct episode *episode = make_episode(open_proc(loop_running), loop_running);

	(void)state;
	episode_read_progress(episode, 0);
	assert_true(episode_end_progress(episode));
	assert_true(has_episode_note(episode, "ended before the second reading"));
	assert_true(json_is_null(episode_progress_json(episode)));
	/* Late evidence of a thread that has not ended. */
	read_again(episode, new_evidence());
	assert_int_equal(episode->notes_count, 0);
	free_episode(episode);
}

static void put_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#define STAT(faults, start)                                                                        \
	"7 (a) R 1) R 1 1 1 0 -1 4194304 " #faults " 0 3 0 1 1 0 0 20 0 1 0 " #start " 0 0\n"

static void what_cannot_be_read_is_missing(void **state)
{
	const struct loop_place *place = *state;
	int dir = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct episode *episode;
	json_t *json;

	assert_true(dir >= 0);
	assert_int_equal(mkdirat(dir, "task", 0700), 0);
	assert_int_equal(mkdirat(dir, "task/7", 0700), 0);
	put_file(dir, "task/7/statm", "9 5 1 1 0 3 0\n");
	put_file(dir, "task/7/stat", STAT(12, 100));
	episode = make_episode(dir, 7);
	episode_read_progress(episode, 0);
	assert_true(has_episode_note(episode, "the kernel does not support it"));
	/* Without the number of sleeps, only evidence shows that the episode lasts. */
	put_file(dir, "task/7/stat", STAT(19, 100));
	read_again(episode, 0);
	assert_true(!episode->progress.last.boot_ns);
	read_again(episode, new_evidence());
	/* Another thread has the number. */
	put_file(dir, "task/7/stat", STAT(33, 101));
	read_again(episode, new_evidence());
	json = episode_progress_json(episode);
	assert_int_equal(json_integer_value(get(json, "minor_faults")), 7);
	assert_int_equal(json_integer_value(get(json, "major_faults")), 0);
	assert_int_equal(json_integer_value(get(json, "resident_bytes")),
			 5 * sysconf(_SC_PAGESIZE));
	assert_null(get(json, "read_bytes"));
	assert_null(get(json, "cpu_ns"));
	assert_null(get(json, "voluntary_switches"));
	json_decref(json);
	free_episode(episode);
}

/* From the first verdict to the last, and not a moment of the time after the thread's end. */
static void an_incident_has_the_progress(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct incidents *incidents = open_incidents(&options);
	struct maze_record record;
	json_t *incident;
	pid_t pid;

	loop_shell(place, CC "loop.c -o loop");
	pid = loop_start(loop_path(place, "loop"), (const char *const[]){ "loop", NULL });
	record = case_record(pid, MAZE_EVENT_SOFT);
	incidents_record(incidents, &record, "poll", "spinners", &case_policy);
	assert_true(work_until(incidents, "incident 2"));
	incidents->open[0]->episode.progress.tried_ns = 0;
	record = case_record(pid, MAZE_EVENT_HARD);
	incidents_record(incidents, &record, "poll", "spinners", &case_policy);
	loop_stop(pid);
	record = case_record(pid, MAZE_EVENT_EXIT);
	incidents_record(incidents, &record, "poll", NULL, NULL);
	incidents_close(incidents, NULL);
	incident = load_last(options.dir);
	assert_true(strcmp(text(incident, "progress.from"), text(incident, "progress.to")) < 0);
	assert_int_equal(json_integer_value(get(incident, "progress.voluntary_switches")), 0);
	assert_true(json_is_integer(get(incident, "progress.minor_faults")));
	assert_true(json_integer_value(get(incident, "progress.resident_bytes")) > 0);
	json_decref(incident);
}

int main(void)
{
#define WITH_PROGRAM(test) cmocka_unit_test_setup_teardown(test, make_program, end_program)
	const struct CMUnitTest tests[] = {
		WITH_PROGRAM(the_numbers_are_those_of_the_program),
		WITH_PROGRAM(an_ended_thread_is_not_read),
		WITH_PROGRAM(a_reading_after_a_sleep_needs_evidence),
		WITH_PROGRAM(one_reading_is_a_note),
		IN_PLACE(what_cannot_be_read_is_missing),
		IN_PLACE(an_incident_has_the_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
