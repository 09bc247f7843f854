/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of incidents: parts of an episode, and checks of the incident file.
 */
#ifndef MAZE_TEST_INCIDENT_CASE_H
#define MAZE_TEST_INCIDENT_CASE_H

#include "loop_program.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "../../base/clock.h"
#include "../../evidence/collector.h"
#include "bounds.h"
#include "skip.h"

#define CC "${CC:-gcc} -O2 -g -fomit-frame-pointer -Wl,--build-id "
/* Above every possible process number. */
#define GONE 4194305
/* Within this time a helper finishes on any machine. */
#define PATIENCE_MS (WAIT_SECONDS * 1000)
/* The longest interval at which the collector checks a working helper. */
#define UNDER_WAY_MS 10

/* Of the last new incident that work_until() has seen. */
static char last_id[128], last_path[PATH_MAX];

static inline char *in_place(const struct loop_place *place, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.200s/%s", place->directory, name);
	return path;
}

static inline maze_u64 case_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* ---- parts of an episode ------------------------------------------------------------ */

static const struct maze_policy case_policy = {
	.soft_ns = 300000000,
	.hard_ns = 600000000,
	.recovery = MAZE_RECOVERY_INF,
	.soft_signal = SIGXCPU,
	.hard_signal = SIGKILL,
	.flags = MAZE_POLICY_INHERIT,
};

static inline struct maze_record case_record(pid_t pid, unsigned int event)
{
	return (struct maze_record){
		.boot_ns = case_now_ns(),
		.count_ns = 300000123,
		.limit_ns = 300000000,
		.pid = (maze_u32)pid,
		.tid = (maze_u32)pid,
		.event = (maze_u16)event,
		.signal = SIGXCPU,
		.flags = MAZE_RECORD_SENT,
		.comm = "loop\xff",
	};
}

static inline struct maze_process_info case_process_info(const struct loop_place *place, pid_t pid,
							 const char *program)
{
	static const char args[] = "loop\0TOKEN=hush";
	struct maze_process_info recorded = {
		.boot_ns = case_now_ns(),
		.start_ns = 1000,
		.pid = (maze_u32)pid,
		.tid = (maze_u32)pid,
		.args_size = sizeof(args),
		.comm = "loop",
	};

	snprintf(recorded.exe, sizeof(recorded.exe), "%.300s", loop_path(place, program));
	memcpy(recorded.args, args, sizeof(args));
	return recorded;
}

/* inner, middle, outer, as a walk by frame pointers would find them in that file. */
static inline struct maze_stack case_stack(const struct loop_place *place, const char *in_file)
{
	static const char *const functions[] = { "inner", "middle", "outer" };
	struct maze_stack stack = { .user_frames = 3 };
	int fd = loop_open(place, in_file);
	size_t i;

	for (i = 0; i < 3; i++) {
		stack.user[i].kind = MAZE_FRAME_FILE;
		stack.user[i].at = loop_offset(place, in_file, functions[i]);
		assert_int_equal(elf_file_build_id(fd, stack.user[i].build_id), 0);
	}
	close(fd);
	return stack;
}

/* Builds and starts the program "loop". The caller kills it with loop_stop(). */
static inline pid_t start_loop(const struct loop_place *place)
{
	static const char *const words[] = { "loop", NULL };

	loop_shell(place, CC "loop.c -o loop");
	return loop_start(loop_path(place, "loop"), words);
}

/* ---- the collector --------------------------------------------------------------------------- */

/*
 * Runs until nothing is due, as a caller's loop does; true: a message has that part, and is
 * one of *ret_messages.
 */
static inline bool work_until_messages(struct incidents *incidents, const char *part,
				       struct incident_messages *ret_messages)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	size_t i;
	int wait;

	do {
		wait = incidents_work(incidents, ret_messages);
		for (i = 0; i < ret_messages->count; i++) {
			sscanf(ret_messages->message[i].text, "incident %127[^:]", last_id);
			if (strstr(ret_messages->message[i].text, part))
				return true;
		}
		poll(NULL, 0, wait > 0 ? wait : 0);
	} while (wait >= 0 && case_now_ns() < until);
	return false;
}

static inline bool work_until(struct incidents *incidents, const char *part)
{
	struct incident_messages messages;

	return work_until_messages(incidents, part, &messages);
}

/* Until nothing is under way: what is due then is due by the clock. */
static inline void work_until_symbolized(struct incidents *incidents)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	int wait;

	for (wait = 0; wait >= 0 && wait <= UNDER_WAY_MS && case_now_ns() < until;) {
		wait = incidents_work(incidents, NULL);
		if (wait > 0 && wait <= UNDER_WAY_MS)
			poll(NULL, 0, wait);
	}
}

static inline struct incidents *open_incidents(const struct incidents_options *options)
{
	struct incidents *incidents = NULL;
	struct maze_error error = { "" };

	if (incidents_open(options, &incidents, &error))
		fail_msg("%s", error.text);
	return incidents;
}

static inline json_t *load_path(const char *path)
{
	json_error_t error;
	json_t *incident = json_load_file(path, 0, &error);

	if (!incident)
		fail_msg("%s: %s", path, error.text);
	return incident;
}

static inline json_t *load_last(const char *dir)
{
	snprintf(last_path, sizeof(last_path), "%.300s/%s.json", dir, last_id);
	return load_path(last_path);
}

/* The incident in the directory, which has at most one; NULL: none. */
static inline json_t *load_any(const char *dir)
{
	DIR *directory = opendir(dir);
	json_t *incident = NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		assert_null(incident);
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		incident = json_load_file(path, 0, NULL);
	}
	if (directory)
		closedir(directory);
	return incident;
}

/*
 * The whole life of an incident with that stack, twice; the result is for json_decref().
 * `between` is called with the place after the process was read, before its first stack.
 */
static inline json_t *incident_between(const struct loop_place *place,
				       const struct incidents_options *options, pid_t pid,
				       const char *program, const struct maze_stack *stack_of,
				       void (*between)(const struct loop_place *place))
{
	struct maze_record soft = case_record(pid, MAZE_EVENT_SOFT);
	struct maze_record end = case_record(pid, MAZE_EVENT_EXIT);
	struct maze_process_info recorded = case_process_info(place, pid, program);
	struct incidents *incidents = open_incidents(options);
	struct maze_stack stack = *stack_of;
	json_t *incident;

	stack.pid = stack.tid = (maze_u32)pid;
	stack.boot_ns = soft.boot_ns;
	incidents_record(incidents, &soft, "bpf", "spinners", &case_policy);
	incidents_process_info(incidents, &recorded);
	if (between)
		between(place);
	incidents_stack(incidents, &stack);
	stack.number = 1;
	incidents_stack(incidents, &stack);
	/* The file exists before the episode ends. */
	assert_true(work_until(incidents, "incident 2"));
	json_decref(load_last(options->dir));
	assert_int_equal(incidents_lost(incidents), 0);
	/* Closing the collector writes it again at once; the loop would wait. */
	incidents_record(incidents, &end, "bpf", NULL, NULL);
	work_until_symbolized(incidents);
	incidents_close(incidents, NULL);
	incident = load_path(last_path);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(incident, "records"), 1), "event")),
		"exit");
	return incident;
}

static inline json_t *incident_with(const struct loop_place *place,
				    const struct incidents_options *options, pid_t pid,
				    const char *program, const struct maze_stack *stack_of)
{
	return incident_between(place, options, pid, program, stack_of, NULL);
}

static inline json_t *incident_of(const struct loop_place *place,
				  const struct incidents_options *options, pid_t pid,
				  const char *program, const char *in_file)
{
	struct maze_stack stack = case_stack(place, in_file);

	return incident_with(place, options, pid, program, &stack);
}

/* ---- checks ------------------------------------------------------------------------- */

/* By a path such as "records.0.event"; NULL: there is none. */
static inline json_t *get(json_t *from, const char *path)
{
	char copy[256], *word, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	while (from && (word = strsep(&rest, ".")))
		from = json_is_array(from) ? json_array_get(from, strtoul(word, NULL, 10))
					   : json_object_get(from, word);
	return from;
}

static inline const char *text(json_t *from, const char *path)
{
	return json_string_value(get(from, path)) ?: "(none)";
}

static inline void assert_frame(json_t *incident, size_t index, const char *function)
{
	char path[64];

	snprintf(path, sizeof(path), "stacks.0.frames.%zu.function", index);
	if (strcmp(text(incident, path), function) != 0)
		fail_msg("%s is %s, and not %s: %s", path, text(incident, path), function,
			 json_dumps(get(incident, "unwound") ?: incident, JSON_INDENT(1)));
}

static inline bool has_note(json_t *incident, const char *part)
{
	json_t *note;
	size_t i;

	json_array_foreach(get(incident, "notes"), i, note)
		if (strstr(json_string_value(note), part))
			return true;
	return false;
}

static inline void assert_note(json_t *incident, const char *part)
{
	if (has_note(incident, part))
		return;
	fail_msg("no note with \"%s\": %s", part,
		 json_dumps(get(incident, "unwound") ?: incident, JSON_INDENT(1)));
}

/* Runs the collector until the incident has the value at `path` or a note. */
static inline json_t *collect_key(struct collector *collector, const char *dir, const char *path,
				  const char *noted)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + 60 * MAZE_NSEC_PER_SEC;
	struct incident_messages messages;
	json_t *incident;
	int wait_ms;

	while (now_ns(CLOCK_MONOTONIC) < until) {
		struct pollfd poll_fd = { .fd = collector_fd(collector), .events = POLLIN };

		wait_ms = collector_work(collector, &messages);
		poll(&poll_fd, 1, wait_ms < 0 || wait_ms > 50 ? 50 : wait_ms);
		incident = load_any(dir);
		if (incident && (get(incident, path) || (noted && has_note(incident, noted))))
			return incident;
		json_decref(incident);
	}
	return NULL;
}

/* The index of a function in the unwound stack. */
static inline int unwound_depth(json_t *incident, const char *function)
{
	json_t *frame;
	size_t i;

	json_array_foreach(get(incident, "unwound.frames"), i, frame)
		if (!strcmp(text(frame, "function"), function))
			return (int)i;
	fail_msg("%s is not in %s", function,
		 json_dumps(get(incident, "unwound") ?: incident, JSON_INDENT(1)));
	return -1;
}

/* 0: not shown. */
static inline maze_u64 kernel_address(const char *function)
{
	FILE *kallsyms = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;
	char line[512], name[256], kind;

	while (kallsyms && fgets(line, sizeof(line), kallsyms))
		if (sscanf(line, "%llx %c %255s", &address, &kind, name) == 3 &&
		    !strcmp(name, function))
			break;
	if (kallsyms)
		fclose(kallsyms);
	return address;
}

#endif
