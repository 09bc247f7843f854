/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents as files: complete, with names, readable for their owner only; the effect of a
 * directory that fails, and the number of kept files. test_incident_ended.c has programs that
 * have ended.
 */
#include "incident_case.h"
#include "evidence/incident_table.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void a_loop_is_named(void **state)
{
	const struct loop_place *place = *state;
	const char *const words[] = { "loop", "--password=hush", "\xff", NULL };
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident, *process;
	struct stat status;
	pid_t pid;

	loop_shell(place, CC "loop.c -o loop");
	pid = loop_start(loop_path(place, "loop"), words);
	incident = incident_of(place, &options, pid, "loop", "loop");
	assert_frame(incident, 0, "twist");
	assert_frame(incident, 1, "inner");
	assert_frame(incident, 2, "middle");
	assert_frame(incident, 3, "outer");
	assert_int_equal(json_integer_value(get(incident, "samples.0.stack")), 0);
	assert_int_equal(json_array_size(get(incident, "samples")), 2);
	assert_int_equal(json_array_size(get(incident, "stacks")), 1);
	assert_int_equal(json_integer_value(get(incident, "samples_lost")), 0);
	assert_string_equal(text(incident, "records.0.event"), "soft");
	assert_string_equal(text(incident, "rule"), "spinners");
	assert_string_equal(text(incident, "policy.hard_signal"), "SIGKILL");
	process = get(incident, "process");
	assert_string_equal(text(process, "comm"), "loop");
	assert_string_equal(text(process, "cmdline.1"), "--password=***");
	assert_string_equal(text(process, "cmdline.2"), "\xef\xbf\xbd");
	assert_string_equal(text(process, "threads.0.comm"), "loop");
	assert_int_equal(json_integer_value(get(process, "open_files")) >= 2, 1);
	assert_int_equal(stat(last_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(options.dir, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	json_decref(incident);
	loop_stop(pid);
}

static void a_linked_debug_file_is_used(void **state)
{
	const struct loop_place *place = *state;
	const char *const words[] = { "apart", NULL };
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;
	pid_t pid;

	loop_shell(place, CC "loop.c -o whole && objcopy --only-keep-debug whole apart.debug && "
			     "objcopy --strip-all --add-gnu-debuglink=apart.debug whole apart");
	pid = loop_start(loop_path(place, "apart"), words);
	incident = incident_of(place, &options, pid, "apart", "whole");
	assert_frame(incident, 0, "twist");
	assert_frame(incident, 1, "inner");
	json_decref(incident);
	loop_stop(pid);
}

static void a_debug_file_of_another_build_is_not_used(void **state)
{
	const struct loop_place *place = *state;
	const char *const words[] = { "apart", NULL };
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;
	pid_t pid;

	loop_shell(place, CC "loop.c -o whole && " CC "-DOTHER -O1 loop.c -o other && "
			     "objcopy --only-keep-debug other apart.debug && "
			     "objcopy --strip-all --add-gnu-debuglink=apart.debug whole apart");
	pid = loop_start(loop_path(place, "apart"), words);
	incident = incident_of(place, &options, pid, "apart", "whole");
	assert_null(get(incident, "stacks.0.frames.0.function"));
	json_decref(incident);
	loop_stop(pid);
}

static void a_stripped_program_has_build_id_and_offset(void **state)
{
	const struct loop_place *place = *state;
	const char *const words[] = { "bare", NULL };
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;
	pid_t pid;

	loop_shell(place, CC "loop.c -o whole && strip -o bare whole");
	pid = loop_start(loop_path(place, "bare"), words);
	incident = incident_of(place, &options, pid, "bare", "whole");
	assert_null(get(incident, "stacks.0.frames.0.function"));
	assert_string_equal(text(incident, "stacks.0.frames.0.module"), loop_path(place, "bare"));
	assert_int_equal(strlen(text(incident, "stacks.0.frames.0.build_id")), 40);
	assert_int_equal(json_integer_value(get(incident, "stacks.0.frames.0.offset")),
			 loop_offset(place, "whole", "inner"));
	json_decref(incident);
	loop_stop(pid);
}

#define NOT_RUN "the thread did not run"

/* Callers without frame pointers, from a sample of the thread, which is not stopped. */
static void callers_are_found_by_dwarf(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	time_t until = time(NULL) + PATIENCE_MS / 1000;
	char why_not[512];
	json_t *incident;
	pid_t pid;

	pid = start_loop(place);
	incident = incident_of(place, &options, pid, "loop", "loop");
	/*
	 * It cannot be sampled while other threads have the CPU, and the incident states
	 * it.
	 */
	while (has_note(incident, NOT_RUN) && time(NULL) < until) {
		json_decref(incident);
		incident = incident_of(place, &options, pid, "loop", "loop");
	}
	loop_stop(pid);
	assert_false(has_note(incident, NOT_RUN));
	if (!json_is_object(get(incident, "unwound"))) {
		snprintf(why_not, sizeof(why_not), "%s", text(incident, "notes.0"));
		json_decref(incident);
		skip_because("no unwind: %s", why_not);
	}
	assert_int_equal(unwound_depth(incident, "outer") - unwound_depth(incident, "inner"), 2);
	assert_true(unwound_depth(incident, "main") > unwound_depth(incident, "outer"));
	assert_true(json_integer_value(get(incident, "unwound.took_ns")) > 0);
	json_decref(incident);
	options.no_unwind = true;
	incident = incident_of(place, &options, GONE, "loop", "loop");
	assert_true(json_is_null(get(incident, "unwound")));
	json_decref(incident);
}

static void code_made_at_run_time_is_named_by_its_map(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack;
	json_t *incident;
	char map[64];
	FILE *file;
	pid_t pid;

	pid = start_loop(place);
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	file = fopen(map, "we");
	assert_non_null(file);
	fprintf(file, "10000 1000 py::spin:/x.py\n");
	fclose(file);
	stack = (struct maze_stack){ .user_frames = 1 };
	stack.user[0] = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = 0x10800 };
	incident = incident_with(place, &options, pid, "loop", &stack);
	unlink(map);
	loop_stop(pid);
	assert_frame(incident, 0, "py::spin:/x.py");
	assert_string_equal(text(incident, "stacks.0.frames.0.address"), "0x0000000000010800");
	json_decref(incident);
}

/* A runtime that writes its map only after the verdict. The signature is reported then. */
static void a_late_map_is_used(void **state)
{
	struct incident_messages messages = { 0 };
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack = { .user_frames = 1 };
	struct incidents *incidents;
	struct maze_record soft, end;
	json_t *before, *after;
	char map[64];
	FILE *file;
	pid_t pid;

	pid = start_loop(place);
	soft = case_record(pid, MAZE_EVENT_SOFT);
	end = case_record(pid, MAZE_EVENT_EXIT);
	stack.pid = stack.tid = (maze_u32)pid;
	stack.boot_ns = soft.boot_ns;
	stack.user[0] = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = 0x10800 };
	incidents = open_incidents(&options);
	incidents_record(incidents, &soft, "bpf", "spinners", &case_policy);
	incidents_stack(incidents, &stack);
	assert_true(work_until(incidents, "incident 2"));
	before = load_last(options.dir);
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	file = fopen(map, "we");
	assert_non_null(file);
	fprintf(file, "10000 1000 Loop::spin\n");
	fclose(file);
	work_until_symbolized(incidents);
	/* Not before, because the incident would end by itself on a slow machine. */
	incidents_record(incidents, &end, "bpf", NULL, NULL);
	/* The end reads the names again, for which incidents_close() has two seconds only. */
	assert_true(work_until_messages(incidents, "Loop::spin", &messages));
	incidents_close(incidents, NULL);
	unlink(map);
	loop_stop(pid);
	after = load_path(last_path);
	assert_int_equal(messages.count, 1);
	assert_non_null(strstr(messages.message[0].text, ": loop: Loop::spin"));
	assert_string_equal(messages.message[0].written.id, last_id);
	assert_string_equal(messages.message[0].written.signature, text(after, "signature"));
	assert_true(messages.message[0].written.again);
	assert_null(get(before, "stacks.0.frames.0.function"));
	assert_frame(after, 0, "Loop::spin");
	json_decref(before);
	json_decref(after);
}

/* A file at a path that others may write to is not trusted. */
static void a_map_that_is_a_fifo_is_not_read(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack = { .user_frames = 1 };
	json_t *incident;
	char map[64];
	pid_t pid;

	pid = start_loop(place);
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	assert_int_equal(mkfifo(map, 0644), 0);
	stack.user[0] = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = 0x10800 };
	incident = incident_with(place, &options, pid, "loop", &stack);
	unlink(map);
	loop_stop(pid);
	assert_null(get(incident, "stacks.0.frames.0.function"));
	json_decref(incident);
}

static void kernel_frames_come_first(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	maze_u64 address = kernel_address("schedule");
	struct maze_stack stack = { .user_frames = 1, .kernel_frames = 1 };
	json_t *incident;

	if (!address)
		skip_because("/proc/kallsyms has no addresses for this user");
	stack.kernel[0] = address + 4;
	stack.user[0] = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = 0x10800 };
	incident = incident_with(place, &options, GONE, "loop", &stack);
	assert_frame(incident, 0, "schedule");
	assert_true(json_is_true(get(incident, "stacks.0.frames.0.kernel")));
	assert_string_equal(text(incident, "stacks.0.frames.1.address"), "0x0000000000010800");
	json_decref(incident);
}

/* The kernel functions that take a stack are not shown as the thread's. */
static void frames_of_the_sampling_code_are_left_out(void **state)
{
	static const char *const functions[] = { "bpf_trace_run2", "hrtimer_interrupt",
						 "asm_sysvec_apic_timer_interrupt", "schedule" };
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack = { .kernel_frames = 4 };
	json_t *incident;
	size_t i;

	for (i = 0; i < 4; i++) {
		stack.kernel[i] = kernel_address(functions[i]);
		if (!stack.kernel[i])
			skip_because("/proc/kallsyms has no address of %s for this user",
				     functions[i]);
		stack.kernel[i] += 4;
	}
	incident = incident_with(place, &options, GONE, "loop", &stack);
	assert_frame(incident, 0, "schedule");
	assert_int_equal(json_array_size(get(incident, "stacks.0.frames")), 1);
	json_decref(incident);
}

/* Without frame pointers, the kernel's walk ends in random words of the stack. */
static void frames_outside_of_code_are_cut_off(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack;
	json_t *incident;
	pid_t pid;

	pid = start_loop(place);
	stack = case_stack(place, "loop");
	stack.user[1] = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = 0x7f0000000000 };
	incident = incident_with(place, &options, pid, "loop", &stack);
	loop_stop(pid);
	assert_frame(incident, 1, "inner");
	assert_int_equal(json_array_size(get(incident, "stacks.0.frames")), 2);
	assert_true(json_is_true(get(incident, "stacks.0.cut")));
	assert_true(json_is_true(get(incident, "stacks.0.astray")));
	json_decref(incident);
}

/* The record of a verdict may be read after its stack: no incident file lacks a record. */
static void nothing_is_written_before_the_record(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct maze_process_info recorded;
	struct incidents *incidents;
	struct maze_stack stack;

	loop_shell(place, CC "loop.c -o loop");
	recorded = case_process_info(place, GONE, "loop");
	stack = case_stack(place, "loop");
	stack.pid = stack.tid = (maze_u32)GONE;
	stack.boot_ns = soft.boot_ns;
	incidents = open_incidents(&options);
	incidents_process_info(incidents, &recorded);
	incidents_stack(incidents, &stack);
	work_until_symbolized(incidents);
	loop_shell(place, "! ls kept | grep json");
	incidents_record(incidents, &soft, "bpf", "spinners", &case_policy);
	assert_true(work_until(incidents, "incident 2"));
	json_decref(load_last(options.dir));
	incidents_close(incidents, NULL);
}

static size_t count_open(const struct incidents *incidents)
{
	size_t i, count = 0;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		count += incidents->open[i] != NULL;
	return count;
}

/* SIGKILL at the hard limit: the process may be gone before the record is read. */
static void a_hard_verdict_and_its_action_after_the_end_are_in_the_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	const struct episode_action action = {
		.hard = true, .tried = true, .name = "restart", .text = "restarted \xff"
	};
	struct incidents *incidents = open_incidents(&options);
	struct maze_record record;
	struct episode_key key;
	pid_t pid = fork();
	json_t *incident;

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	record = case_record(pid, MAZE_EVENT_SOFT);
	incidents_record(incidents, &record, "kmod", "spinners", &case_policy);
	assert_true(work_until(incidents, "incident 2"));
	/* As if it had spun for that long since. */
	incidents->open[0]->last_ns -= 2 * INCIDENT_QUIET_NS;
	incidents->open[0]->due_ns = 0;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	incidents_work(incidents, NULL);
	assert_int_equal(count_open(incidents), 1);
	record.event = MAZE_EVENT_HARD;
	incidents_record(incidents, &record, "kmod", "spinners", &case_policy);
	assert_int_equal(count_open(incidents), 1);
	assert_int_equal(json_array_size(incidents->open[0]->episode.records), 2);
	/* So is the result of an action, unless the incident is not open. */
	key = episode_key_of(&record);
	incidents_action(incidents, &key, &action);
	key.pid++;
	incidents_action(incidents, &key, &action);
	assert_int_equal(count_open(incidents), 1);
	incidents_close(incidents, NULL);
	incident = load_last(options.dir);
	assert_int_equal(json_array_size(get(incident, "actions")), 1);
	assert_string_equal(text(incident, "actions.0.stage"), "hard");
	assert_string_equal(text(incident, "actions.0.action"), "restart");
	assert_string_equal(text(incident, "actions.0.text"), "restarted \xef\xbf\xbd");
	json_decref(incident);
}

/* A restart that kills the process ends after it. */
static void a_result_after_the_end_is_in_the_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct episode_action action = {
		.hard = true, .tried = true, .pending = true, .name = "restart", .text = "unknown"
	};
	struct incidents *incidents = open_incidents(&options);
	struct maze_record hard = case_record(GONE, MAZE_EVENT_HARD);
	struct maze_record end = case_record(GONE, MAZE_EVENT_EXIT);
	const struct episode_key key = episode_key_of(&hard);
	json_t *incident;

	incidents_record(incidents, &hard, "bpf", "spinners", &case_policy);
	incidents_action(incidents, &key, &action);
	incidents_record(incidents, &end, "bpf", "spinners", &case_policy);
	assert_true(work_until(incidents, "incident 2"));
	incidents->open[0]->last_ns -= 2 * INCIDENT_QUIET_NS;
	incidents->open[0]->due_ns = 0;
	incidents_work(incidents, NULL);
	incident = load_last(options.dir);
	assert_string_equal(text(incident, "actions.0.text"), "unknown");
	json_decref(incident);
	assert_int_equal(count_open(incidents), 1);

	action.pending = false;
	action.text[0] = '\0';
	incidents_action(incidents, &key, &action);
	/* As if nothing more had come for a while. */
	incidents->open[0]->last_ns -= 2 * INCIDENT_QUIET_NS;
	incidents_work(incidents, NULL);
	assert_int_equal(count_open(incidents), 0);
	incident = load_last(options.dir);
	assert_int_equal(json_array_size(get(incident, "actions")), 1);
	assert_string_equal(text(incident, "actions.0.text"), "");
	json_decref(incident);
	incidents_close(incidents, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_loop_is_named),
		IN_PLACE(a_linked_debug_file_is_used),
		IN_PLACE(a_debug_file_of_another_build_is_not_used),
		IN_PLACE(a_stripped_program_has_build_id_and_offset),
		IN_PLACE(callers_are_found_by_dwarf),
		IN_PLACE(code_made_at_run_time_is_named_by_its_map),
		IN_PLACE(a_late_map_is_used),
		IN_PLACE(a_map_that_is_a_fifo_is_not_read),
		IN_PLACE(kernel_frames_come_first),
		IN_PLACE(frames_of_the_sampling_code_are_left_out),
		IN_PLACE(frames_outside_of_code_are_cut_off),
		IN_PLACE(nothing_is_written_before_the_record),
		IN_PLACE(a_hard_verdict_and_its_action_after_the_end_are_in_the_incident),
		IN_PLACE(a_result_after_the_end_is_in_the_incident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
