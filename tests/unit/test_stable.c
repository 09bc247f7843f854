/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON that other programs read, and structures of libmaze, are those of tests/stable. A key
 * that is missing in the program breaks other programs (docs/stable.md); a new key gets a
 * line there.
 */
#include "log_case.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "../../daemon/log/entry_json.h"
#include "../../evidence/episode/episode_group.h"
#include "skip.h"

#define ID "3f0c9d5e7a1b42c68d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"

/* Adds "a", "a.b" and "a[].c" for the keys in `value`. */
static void add_paths(json_t *paths, const char *prefix, json_t *value)
{
	char path[256];
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member) {
		snprintf(path, sizeof(path), "%.250s[]", prefix);
		add_paths(paths, path, member);
	}
	json_object_foreach(value, key, member) {
		snprintf(path, sizeof(path), "%.120s%s%.120s", prefix, *prefix ? "." : "", key);
		json_object_set_new(paths, path, json_true());
		add_paths(paths, path, member);
	}
}

static void add_text(json_t *paths, char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	add_paths(paths, "", object);
	json_decref(object);
	free(text);
}

/* Compares the paths with the lines of a list, and frees them. */
static void assert_listed(json_t *paths, const char *list)
{
	FILE *file = fopen(list, "re");
	char line[256];
	const char *path;
	json_t *value;

	if (!file)
		fail_msg("%s cannot be read from here", list);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && json_object_del(paths, line))
			fail_msg("%s has \"%s\", but the program does not", list, line);
	}
	fclose(file);
	json_object_foreach(paths, path, value)
		fail_msg("%s lacks \"%s\": add it", list, path);
	json_decref(paths);
}

static void records_have_their_keys(void **state)
{
	struct maze_record record = a_record;
	json_t *paths = json_object();
	unsigned int event;

	(void)state;
	record.not_sent = 1;
	for (event = 1; event < MAZE_EVENT_COUNT_; event++) {
		record.event = (maze_u16)event;
		record.flags &= ~MAZE_RECORD_SCOPE;
		add_text(paths, maze_record_json(&record, "bpf"));
		record.flags |= MAZE_SCOPE_TREE << MAZE_RECORD_SCOPE_SHIFT;
		add_text(paths, maze_record_json(&record, "bpf"));
	}
	assert_listed(paths, "tests/stable/records.txt");
}

static void the_list_of_watches_has_its_keys(void **state)
{
	struct maze_group group = { .entry.flags = MAZE_POLICY_SCOPE };
	struct maze_entry entry = { .pid = 1 };
	json_t *paths = json_object();

	(void)state;
	add_text(paths, maze_entry_json(&entry, "bpf"));
	add_text(paths, maze_group_json(&group, "bpf"));
	assert_listed(paths, "tests/stable/list.txt");
}

/* Beside those of records. */
static void the_log_of_mazed_has_its_keys(void **state)
{
	static const struct log_unit unit = {
		.unit = "a.service", .user_unit = "b.service", .pod = "1", .container = "2"
	};
	struct log_action action = { .entry = an_entry, .action = "renice", .text = "" };
	struct log_incident incident = { .entry = an_entry, .id = "1", .signature = "f" };
	struct log_message message = { .text = "", .incident = &incident };
	json_t *paths = json_object(), *records = json_object(), *value;
	const char *path;

	(void)state;
	action.entry.cgroup = "/a";
	action.entry.unit = &unit;
	add_text(paths, action_json(&action, "text"));
	add_text(paths, message_json(&message));
	add_text(records, maze_record_json(&a_record, "bpf"));
	json_object_foreach(records, path, value)
		json_object_del(paths, path);
	json_decref(records);
	assert_listed(paths, "tests/stable/log.txt");
}

/* Adds a stack of one frame of each kind. */
static void fill_stack(struct episode_stack *stack)
{
	unsigned int i;

	stack->frames = calloc(3, sizeof(*stack->frames));
	assert_non_null(stack->frames);
	for (i = 0; i < 3; i++)
		stack->frames[stack->count++] = i;
	stack->astray = true;
}

static void fill_frames(struct episode *episode)
{
	struct answer *answer = calloc(1, sizeof(*answer) + sizeof(answer->symbol[0]));

	assert_non_null(answer);
	answer->references = answer->count = 1;
	answer->symbol[0].function = strdup("f");
	answer->symbol[0].file = strdup("f.c");
	answer->symbol[0].line = 1;
	answer->symbol[0].inlined = true;
	episode->frames = calloc(3, sizeof(*episode->frames));
	assert_non_null(episode->frames);
	episode->frames[episode->frames_count++] =
		(struct episode_frame){ .kind = SYMBOLIZER_KERNEL };
	episode->frames[episode->frames_count++] = (struct episode_frame){ .kind = SYMBOLIZER_JIT };
	episode->frames[episode->frames_count++] =
		(struct episode_frame){ .kind = SYMBOLIZER_FILE, .answer = answer };
	episode->files[episode->files_count++].has_build_id = true;
	fill_stack(&episode->stacks[episode->stacks_count++]);
	fill_stack(&episode->unwound);
	episode->samples = calloc(1, sizeof(*episode->samples));
	episode->samples_count = 1;
}

static void fill_process(struct process_info *live)
{
	live->exe = strdup("/bin/x");
	live->words = strdup("x");
	live->words_size = 2;
	live->cgroup = strdup("/user.slice/user-1000.slice/user@1000.service/user.slice/"
			      "user-libpod_pod_" ID ".slice/libpod-" ID ".scope");
	live->open_files = 1;
	live->threads = calloc(1, sizeof(*live->threads));
	live->threads_count = live->threads_total = 1;
}

static void fill_calls(struct episode *episode)
{
	struct call_slice slice = {
		.calls = 2,
		.rows = { { .call = SYS_read, .result = 1, .count = 1, .sum = 1 },
			  { .call = 3 | CALL_COMPAT, .result = -EAGAIN, .count = 1 } },
		.rows_count = 2,
		.inside = SYS_read,
	};

	episode_add_calls(episode, 0, &slice);
	slice.inside = 3 | CALL_COMPAT;
	episode_add_calls(episode, 0, &slice);
}

static void fill_descriptors(struct episode *episode)
{
	enum descriptor_kind kind;
	struct descriptor *descriptor;

	episode->descriptors = calloc(1, sizeof(*episode->descriptors));
	assert_non_null(episode->descriptors);
	for (kind = 0; kind < DESCRIPTOR_KINDS; kind++) {
		descriptor = &episode->descriptors->descriptor[episode->descriptors->count++];
		*descriptor = (struct descriptor){
			.fd = (int)kind,
			.kind = kind,
			.target = strdup("/x"),
			.deleted = true,
			/* It watches itself, under the number of another file. */
			.info = { .inode = 1,
				  .watches = { { .fd = (int)kind, .inode = 2 } },
				  .watches_count = 1 },
			.has_info = true,
			.protocol = "TCP",
			.has_net = true,
			.is_listed = true,
			.net = { .local = "x", .remote = "x", .state = 1 },
			.path = "x",
			.other = kind % 2 ? OTHER_HELD : OTHER_GONE,
		};
	}
}

static void fill_runs(struct episode *episode)
{
	struct maze_last_runs runs = {
		.count = 2,
		.run = { { .end = MAZE_RUN_PREEMPTED, .other = 1, .comm = "x" } },
	};

	episode_add_runs(episode, &runs);
}

static void fill_progress(struct episode_progress *progress)
{
	progress->first.boot_ns = 1;
	progress->last.boot_ns = 2;
}

static void fill_python(struct episode_python *python)
{
	python->reads = json_pack("[{s:s, s:i}]", "time", "x", "stack", 0);
	python->stacks = json_pack("[{s:b, s:[{s:s, s:s, s:i, s:b}]}]", "cut", 0, "frames",
				   "function", "f", "file", "f.py", "line", 1, "entry", 1);
}

/* Of its consumer, process, unwound and python have the keys of those of an incident. */
static void add_group(json_t *paths, struct episode *episode, const struct redactor *redactor)
{
	const struct episode_key key = { .scope = MAZE_SCOPE_TREE };
	struct episode *of = malloc(sizeof(*of));
	json_t *incident;
	char *text;

	assert_non_null(of);
	episode_init(of);
	of->samples = calloc(1, sizeof(*of->samples));
	of->samples_count = 1;
	of->live.threads = calloc(1, sizeof(*of->live.threads));
	of->live.threads_count = 1;
	assert_true(episode_group_init(episode, &key, 0));
	episode->group->consumers[0].episode = of;
	episode->group->consumers[0].is.tid = 1;
	episode->group->consumers_count = 1;
	episode->policy.flags = MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT;
	text = episode_json(episode, redactor, NULL);
	incident = json_loads(text, 0, NULL);
	free(text);
	json_array_clear(json_object_get(incident, "records"));
	json_object_clear(json_object_get(
		json_array_get(json_object_get(json_object_get(incident, "group"), "consumers"), 0),
		"process"));
	add_paths(paths, "", incident);
	json_decref(incident);
}

static void incidents_have_their_keys(void **state)
{
	struct episode *episode = malloc(sizeof(*episode));
	json_t *paths = json_object(), *incident, *records;
	struct redactor *redactor = NULL;
	char *text;
	size_t i;

	(void)state;
	assert_non_null(episode);
	episode_init(episode);
	for (i = 0; i < ORIGIN_COUNT_; i++)
		snprintf(episode->origin.text[i], ORIGIN_LEN, "x");
	episode->pid = 1;
	episode->has_policy = episode->has_live = true;
	fill_process(&episode->live);
	fill_frames(episode);
	fill_calls(episode);
	fill_descriptors(episode);
	fill_runs(episode);
	fill_progress(&episode->progress);
	fill_python(&episode->python);
	episode->siblings_count = episode->siblings[0].samples_count = 1;
	episode->look.boot_ns = 1;
	episode_note(episode, "note");
	episode_add_action(episode, &(struct episode_action){ .name = "x", .text = "x" });
	assert_int_equal(redact_new(NULL, 0, &redactor, NULL), 0);
	text = episode_json(episode, redactor, NULL);
	incident = json_loads(text, 0, NULL);
	/* They have the keys of records.txt. */
	records = json_object_get(incident, "records");
	assert_true(json_is_array(records));
	json_array_clear(records);
	add_paths(paths, "", incident);
	json_decref(incident);
	free(text);
	add_group(paths, episode, redactor);
	redact_free(redactor);
	episode_done(episode);
	free(episode);
	assert_listed(paths, "tests/stable/incident.txt");
}

#define SIZE(name)                                                                                 \
	{                                                                                          \
#name, sizeof(struct name)                                                         \
	}

/* Programs allocate these structures, some in arrays, so even a new member breaks them. */
static void structures_of_libmaze_have_their_sizes(void **state)
{
	static const struct {
		const char *name;
		size_t size;
	} structs[] = {
		SIZE(maze_counts),     SIZE(maze_cursor),	 SIZE(maze_engine_report),
		SIZE(maze_entry),      SIZE(maze_error),	 SIZE(maze_evidence_wants),
		SIZE(maze_frame),      SIZE(maze_group),	 SIZE(maze_policy),
		SIZE(maze_policy_key), SIZE(maze_process_event), SIZE(maze_process_info),
		SIZE(maze_record),     SIZE(maze_stack),	 SIZE(maze_streaks),
	};
	json_t *sizes;
	char line[128];
	size_t i;

	(void)state;
	if (sizeof(void *) != 8)
		skip_because("the list has the sizes of 64-bit machines");
	sizes = json_object();
	for (i = 0; i < sizeof(structs) / sizeof(structs[0]); i++) {
		snprintf(line, sizeof(line), "%s %zu", structs[i].name, structs[i].size);
		json_object_set_new(sizes, line, json_true());
	}
	assert_listed(sizes, "tests/stable/structs.txt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_have_their_keys),
		cmocka_unit_test(the_list_of_watches_has_its_keys),
		cmocka_unit_test(the_log_of_mazed_has_its_keys),
		cmocka_unit_test(incidents_have_their_keys),
		cmocka_unit_test(structures_of_libmaze_have_their_sizes),
	};

	return cmocka_run_group_tests_name("stable", tests, NULL, NULL);
}
