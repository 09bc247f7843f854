/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Python stacks, of interpreters made of bytes and of real ones: what is named is right, and
 * what cannot be right is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence/episode/python_reads.h"
#include "incident_case.h"
#include "python_image.h"

static const maze_u32 versions[] = { 0x030b02f0, 0x030c01f0, 0x030d00f0, 0x030e00f0 };
#define VERSIONS (sizeof(versions) / sizeof(versions[0]))

static struct image image;
static struct python_stack stack;

static enum python_refusal read_image(void)
{
	struct python_target target = { .layout = image.layout, .runtime = IMAGE_RUNTIME };
	struct python_memory memory = image_memory(&image);

	memset(&stack, 0x5a, sizeof(stack));
	return python_stack_read(&memory, &target, IMAGE_TID, &stack);
}

static void make(maze_u32 version)
{
	assert_int_equal(image_make(&image, version), PYTHON_FINE);
}

static void assert_python(size_t i, const char *function, const char *file, unsigned int line,
			  bool entry)
{
	assert_true(i < stack.count);
	assert_string_equal(stack.frames[i].function, function);
	assert_string_equal(stack.frames[i].file, file);
	assert_int_equal(stack.frames[i].line, line);
	assert_int_equal(stack.frames[i].entry, entry);
}

static void each_version_has_its_functions_files_and_lines(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < VERSIONS; i++) {
		make(versions[i]);
		image_fill(&image);
		assert_int_equal(read_image(), PYTHON_FINE);
		assert_int_equal(stack.count, 3);
		assert_false(stack.cut);
		assert_python(0, "leaf", "/srv/leaf.py", 11, false);
		assert_python(1, "Handler.run", "/srv/app.py", 23, true);
		assert_python(2, "<module>", "/srv/app.py", 2, true);
	}
}

static void other_interpreters_are_refused(void **state)
{
	(void)state;
	assert_int_equal(image_make(&image, 0x030a00f0), PYTHON_VERSION);
	assert_int_equal(image_make(&image, 0x030f00f0), PYTHON_VERSION);
	assert_int_equal(image_make(&image, 0x030e00a1), PYTHON_PRERELEASE);
	assert_int_equal(image_make(&image, 0x030b00c1), PYTHON_PRERELEASE);
}

static enum python_refusal layout_with(size_t word, maze_u64 value)
{
	struct python_memory memory = image_memory(&image);
	struct python_layout layout;

	make(0x030d00f0);
	image_word(&image, IMAGE_RUNTIME + 8 * word, value);
	return python_layout_find(&memory, IMAGE_RUNTIME, 0, &layout);
}

static void a_description_is_not_trusted(void **state)
{
	(void)state;
	assert_int_equal(layout_with(3, 0), PYTHON_FINE);
	assert_int_equal(layout_with(2, 1), PYTHON_FREE_THREADED);
	assert_int_equal(layout_with(31, PYTHON_OBJECT_MAX), PYTHON_LAYOUT);
	assert_int_equal(layout_with(31, ~0ULL), PYTHON_LAYOUT);
	assert_int_equal(layout_with(8, 1ULL << 32), PYTHON_LAYOUT);
	assert_int_equal(layout_with(67, 7), PYTHON_LAYOUT);
}

/* Each entry has four units. Sets the line of the unit; -1: the table is invalid. */
static int line_at(const void *table, size_t size, unsigned int unit)
{
	make(0x030b02f0);
	image_frame(&image, image_code(&image, "f", "f.py", 100, table, size), unit, 1);
	return read_image() ? -1 : (int)stack.frames[0].line;
}

static void each_form_of_a_line_is_read(void **state)
{
	static const unsigned char table[] = {
		0x80 | 0 << 3 | 3,  0x11,			  /* the same line, with columns */
		0x80 | 12 << 3 | 3, 0x11, 0x12,			  /* two lines below */
		0x80 | 13 << 3 | 3, 0x42, 0x01,			  /* plus 33, in two bytes */
		0x80 | 14 << 3 | 3, 0x05, 0x00, 0x41, 0x01, 0x02, /* minus 2, with columns */
		0x80 | 15 << 3 | 3,				  /* none */
		0x80 | 13 << 3 | 3, 0x00,			  /* the same as before that */
	};
	const int lines[] = { 100, 102, 135, 133, 0, 133 };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		assert_int_equal(line_at(table, sizeof(table), (unsigned int)i * 4), lines[i]);
		assert_int_equal(line_at(table, sizeof(table), (unsigned int)i * 4 + 3), lines[i]);
	}
	/* Behind its end, and cut off in each of its bytes. */
	assert_int_equal(line_at(table, sizeof(table), 24), -1);
	for (i = 0; i < sizeof(table); i++)
		assert_int_equal(line_at(table, i, 23), -1);
}

static void a_line_that_cannot_be_is_refused(void **state)
{
	static const unsigned char below[] = { 0xe8, 0x4b, 0x06 };
	static const unsigned char endless[] = {
		0xe8, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0
	};
	static const unsigned char large[] = { 0xe8, 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x01 };
	static const unsigned char no_entry[] = { 0x68, 0x00 };

	(void)state;
	assert_int_equal(line_at(below, sizeof(below), 0), -1);
	assert_int_equal(line_at(endless, sizeof(endless), 0), -1);
	assert_int_equal(line_at(large, sizeof(large), 0), -1);
	assert_int_equal(line_at(no_entry, sizeof(no_entry), 0), -1);
	assert_int_equal(line_at(image_lines, sizeof(image_lines), 100), -1);
}

static void a_name_may_have_any_characters(void **state)
{
	/* "ü", a character of four bytes, half a surrogate pair, NUL. */
	static const maze_u32 wide[] = { 0xfc, 0x1f40d, 0xdc80, 0, 'x' };
	const maze_u32 state_of_text = 4 << 2 | 1 << 5;
	const struct python_layout *layout = &image.layout;
	maze_u64 code, name;

	(void)state;
	make(0x030c01f0);
	code = image_code(&image, "f", "f.py", 1, image_lines, sizeof(image_lines));
	name = image_object(&image, layout->text_other + sizeof(wide), IMAGE_TEXT);
	image_word(&image, name + layout->text_length, 5);
	image_put(&image, name + layout->text_state, &state_of_text, sizeof(state_of_text));
	image_put(&image, name + layout->text_other, wide, sizeof(wide));
	image_word(&image, code + layout->code_function, name);
	image_frame(&image, code, 0, 1);
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_string_equal(stack.frames[0].function,
			    "\xc3\xbc\xf0\x9f\x90\x8d\xef\xbf\xbd\xef\xbf\xbdx");
}

static void a_long_name_is_cut_off(void **state)
{
	char name[2 * PYTHON_NAME_MAX] = "";

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	make(0x030b02f0);
	image_frame(&image, image_code(&image, name, "f.py", 1, image_lines, sizeof(image_lines)),
		    0, 1);
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_int_equal(strlen(stack.frames[0].function), PYTHON_NAME_MAX - 1);
}

/* The first frame's code has that word at the offset. */
static enum python_refusal read_with(maze_u32 offset, maze_u64 value)
{
	maze_u64 frame, code;

	make(0x030b02f0);
	image_fill(&image);
	memcpy(&frame, image.bytes + (image.frame_slot - IMAGE_BASE), sizeof(frame));
	memcpy(&code, image.bytes + (frame + image.layout.frame_code - IMAGE_BASE), sizeof(code));
	image_word(&image, code + offset, value);
	return read_image();
}

static void an_object_of_another_type_is_refused(void **state)
{
	(void)state;
	make(0x030b02f0);
	assert_int_equal(read_with(image.layout.object_type, image.type[IMAGE_TEXT]), PYTHON_TORN);
	assert_int_equal(read_with(image.layout.object_type, 1), PYTHON_UNREADABLE);
	assert_int_equal(read_with(image.layout.code_function, image.type[IMAGE_TEXT]),
			 PYTHON_UNREADABLE);
	assert_int_equal(read_with(image.layout.var_size, 1ULL << 40), PYTHON_TORN);
	/* The instruction is then behind the code. */
	assert_int_equal(read_with(image.layout.var_size, 2), PYTHON_TORN);
}

static void a_second_type_of_the_same_name_is_refused(void **state)
{
	maze_u64 code, other;

	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	/* Of the outermost frame, so that the type is known from the others. */
	memcpy(&code, image.bytes + (image.frame + image.layout.frame_code - IMAGE_BASE),
	       sizeof(code));
	other = image_room(&image, 64);
	image_put(&image, other, image.bytes + (image.type[IMAGE_CODE] - IMAGE_BASE), 64);
	image_word(&image, code + image.layout.object_type, other);
	assert_int_equal(read_image(), PYTHON_TORN);
}

static void a_thread_that_has_no_python_is_refused(void **state)
{
	struct python_target target = { .runtime = IMAGE_RUNTIME };
	struct python_memory memory = image_memory(&image);

	(void)state;
	make(0x030b02f0);
	assert_int_equal(read_image(), PYTHON_NO_FRAME);
	image_fill(&image);
	target.layout = image.layout;
	assert_int_equal(python_stack_read(&memory, &target, IMAGE_TID + 1, &stack),
			 PYTHON_NO_THREAD);
}

static void a_ring_of_frames_ends(void **state)
{
	maze_u64 innermost;

	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	memcpy(&innermost, image.bytes + (image.frame_slot - IMAGE_BASE), sizeof(innermost));
	image_word(&image, image.frame + image.layout.frame_previous, innermost);
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_true(stack.cut);
	assert_int_equal(stack.count, PYTHON_FRAMES_MAX);
	assert_true(image.reads < PYTHON_READS_MAX);
}

/* leaf() returns and is called again: each second read of the frame's address has not it. */
static void return_and_call(struct image *changed)
{
	static maze_u64 leaf;
	maze_u64 now, caller;

	memcpy(&now, changed->bytes + (changed->frame_slot - IMAGE_BASE), sizeof(now));
	if (!leaf)
		leaf = now;
	memcpy(&caller, changed->bytes + (leaf + changed->layout.frame_previous - IMAGE_BASE),
	       sizeof(caller));
	/* Not a divisor of the number of reads of a walk. */
	if (changed->reads % 7 == 0)
		image_word(changed, changed->frame_slot, now == leaf ? caller : leaf);
}

static void a_function_that_returned_meanwhile_is_left_out(void **state)
{
	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	image.before = return_and_call;
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_int_equal(stack.count, 2);
	assert_python(0, "Handler.run", "/srv/app.py", 23, true);
}

/* The caller is at another instruction each time, so its callee is never the same call. */
static void step_in_the_caller(struct image *changed)
{
	maze_u64 leaf, caller, at;

	memcpy(&leaf, changed->bytes + (changed->frame_slot - IMAGE_BASE), sizeof(leaf));
	memcpy(&caller, changed->bytes + (leaf + changed->layout.frame_previous - IMAGE_BASE),
	       sizeof(caller));
	caller += changed->layout.frame_instruction;
	memcpy(&at, changed->bytes + (caller - IMAGE_BASE), sizeof(at));
	/* Units 10 to 19 have the same line. */
	image_word(changed, caller, changed->reads % 2 ? at + 2 : at - 2);
}

static void a_callee_whose_caller_went_on_is_left_out(void **state)
{
	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	image.before = step_in_the_caller;
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_int_equal(stack.count, 2);
	assert_python(0, "Handler.run", "/srv/app.py", 23, true);
}

/* The outermost function returns and another one is called. */
static void replace_all(struct image *changed)
{
	maze_u64 code;

	memcpy(&code, changed->bytes + (changed->frame + changed->layout.frame_code - IMAGE_BASE),
	       sizeof(code));
	image_word(changed, changed->frame + changed->layout.frame_code,
		   changed->reads % 3 ? code | 64 : code & ~64ULL);
}

static void a_stack_that_changes_as_a_whole_is_torn(void **state)
{
	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	image.before = replace_all;
	assert_int_equal(read_image(), PYTHON_TORN);
}

/* The code object is freed, and its memory has another one, while its names are read. */
static void replace_code(struct image *changed)
{
	static const maze_u32 line = 77;
	maze_u64 code;

	if (changed->reads < 30)
		return;
	memcpy(&code, changed->bytes + (changed->frame + changed->layout.frame_code - IMAGE_BASE),
	       sizeof(code));
	image_put(changed, code + changed->layout.code_first_line, &line, sizeof(line));
}

static void a_code_object_that_changes_is_torn(void **state)
{
	(void)state;
	make(0x030b02f0);
	image_frame(&image, image_code(&image, "f", "f.py", 1, image_lines, sizeof(image_lines)), 0,
		    1);
	assert_int_equal(read_image(), PYTHON_FINE);
	assert_int_equal(stack.frames[0].line, 2);
	/* In the middle of the reads of this frame, which follow those of the walks. */
	image.reads = 30 - (image.reads - 6);
	image.before = replace_code;
	assert_int_equal(read_image(), PYTHON_TORN);
}

static void reads_are_bounded(void **state)
{
	struct python_target target = { .runtime = IMAGE_RUNTIME };
	struct python_memory memory = image_memory(&image);

	(void)state;
	make(0x030b02f0);
	image_fill(&image);
	target.layout = image.layout;
	memory.reads_left = 20;
	assert_int_equal(python_stack_read(&memory, &target, IMAGE_TID, &stack), PYTHON_TORN);
	assert_int_equal(memory.reads_left, 0);
}

/* A process that chooses long names must not fill the memory of the worker. */
static void the_size_of_all_stacks_is_bounded(void **state)
{
	struct episode_python python = { .stacks = json_array() };
	char name[PYTHON_NAME_MAX] = "";
	json_t *frames, *stacks[50];
	int i, k, index = 0;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	for (i = 0; i < 50; i++) {
		frames = json_array();
		for (k = 0; k < PYTHON_FRAMES_MAX; k++)
			json_array_append_new(frames, json_pack("{s:s, s:s, s:i}", "function", name,
								"file", name, "line", i));
		stacks[i] = json_pack("{s:o, s:b}", "frames", frames, "cut", 0);
		if (index >= 0)
			index = python_reads_index(&python, stacks[i]);
		assert_true(index == i || index < 0);
	}
	assert_in_range(json_array_size(python.stacks), 2, 20);
	assert_int_equal(python_reads_index(&python, stacks[1]), 1);
	for (i = 0; i < 50; i++)
		json_decref(stacks[i]);
	json_decref(python.stacks);
}

/* ---- a real interpreter ------------------------------------------------------------- */

static const char script[] = "import sys\n"
			     "class Handler:\n"
			     "    def spin(self):\n"
			     "        sys.stdout.write('!')\n"
			     "        sys.stdout.flush()\n"
			     "        while True:\n"
			     "            pass\n"
			     "def main():\n"
			     "    Handler().spin()\n"
			     "main()\n";

/* Returns when the script is in spin(); 0: there is no python3 that is read. */
static pid_t start_python(const char *path)
{
	FILE *file = fopen(path, "we");
	int ends[2];
	char byte;
	pid_t pid;

	fputs(script, file);
	fclose(file);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		execlp("/usr/bin/python3", "python3", path, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	close(ends[0]);
	loop_running = pid;
	return pid;
}

static void a_real_stack_is_in_the_incident(void **state)
{
	struct incidents_options options = { .no_unwind = true };
	struct maze_stack sample = { 0 };
	struct incidents *incidents;
	struct maze_record soft;
	json_t *incident;
	pid_t pid;
	int i;

	pid = start_python(in_place(*state, "app.py"));
	if (!pid)
		skip_because("no /usr/bin/python3");
	options.dir = in_place(*state, "kept");
	incidents = open_incidents(&options);
	soft = case_record(pid, MAZE_EVENT_SOFT);
	/* Until its hard verdict comes, the incident stays open, however slow the reads are. */
	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	sample.pid = sample.tid = (maze_u32)pid;
	sample.boot_ns = soft.boot_ns;
	for (i = 0; i < 20; i++, sample.number++) {
		incidents_stack(incidents, &sample);
		work_until_symbolized(incidents);
	}
	incidents_close(incidents, NULL);
	loop_stop(pid);
	snprintf(last_path, sizeof(last_path), "ls %.200s/*.json", in_place(*state, "kept"));
	incident = NULL;
	{
		FILE *list = popen(last_path, "re");

		assert_true(list && fscanf(list, "%511s", last_path) == 1);
		pclose(list);
	}
	incident = load_path(last_path);
	if (!get(incident, "python.reads"))
		fail_msg("no Python stack: %s", json_dumps(incident, JSON_INDENT(1)));
	/* At the verdict, which comes with the first sample, and at each other sample. */
	assert_int_equal(json_array_size(get(incident, "python.reads")), 20);
	assert_string_equal(text(incident, "python.stacks.0.frames.0.function"), "Handler.spin");
	assert_non_null(strstr(text(incident, "python.stacks.0.frames.0.file"), "/app.py"));
	assert_string_equal(text(incident, "python.stacks.0.frames.1.function"), "main");
	assert_int_equal(json_integer_value(get(incident, "python.stacks.0.frames.1.line")), 9);
	assert_string_equal(text(incident, "python.stacks.0.frames.2.function"), "<module>");
	json_decref(incident);
}

static void a_consumer_of_a_group_has_its_stack(void **state)
{
	struct incidents_options options = { .no_unwind = true };
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	struct incidents *incidents;
	struct maze_record soft;
	json_t *incident = NULL, *stacks;
	pid_t pid;

	pid = start_python(in_place(*state, "app.py"));
	if (!pid)
		skip_because("no /usr/bin/python3");
	options.dir = in_place(*state, "kept");
	incidents = open_incidents(&options);
	soft = case_record(pid, MAZE_EVENT_SOFT);
	soft.flags = MAZE_SCOPE_PROCESS << MAZE_RECORD_SCOPE_SHIFT;
	/* On a busy machine the thread may not run for a while, and is no consumer then. */
	do {
		json_decref(incident);
		soft.boot_ns = case_now_ns();
		incidents_record(incidents, &soft, "poll", NULL, NULL);
		assert_true(work_until(incidents, "incident "));
		incident = load_last(in_place(*state, "kept"));
		stacks = get(incident, "group.consumers.0.python.stacks");
		soft.episode++;
	} while (!stacks && (soft.episode < 60 || soft.boot_ns < until));
	incidents_close(incidents, NULL);
	loop_stop(pid);
	assert_non_null(stacks);
	assert_string_equal(text(stacks, "0.frames.0.function"), "Handler.spin");
	assert_string_equal(text(stacks, "0.frames.1.function"), "main");
	assert_true(json_is_null(get(incident, "python")));
	json_decref(incident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_has_its_functions_files_and_lines),
		cmocka_unit_test(other_interpreters_are_refused),
		cmocka_unit_test(a_description_is_not_trusted),
		cmocka_unit_test(each_form_of_a_line_is_read),
		cmocka_unit_test(a_line_that_cannot_be_is_refused),
		cmocka_unit_test(a_name_may_have_any_characters),
		cmocka_unit_test(a_long_name_is_cut_off),
		cmocka_unit_test(an_object_of_another_type_is_refused),
		cmocka_unit_test(a_second_type_of_the_same_name_is_refused),
		cmocka_unit_test(a_thread_that_has_no_python_is_refused),
		cmocka_unit_test(a_ring_of_frames_ends),
		cmocka_unit_test(a_function_that_returned_meanwhile_is_left_out),
		cmocka_unit_test(a_callee_whose_caller_went_on_is_left_out),
		cmocka_unit_test(a_stack_that_changes_as_a_whole_is_torn),
		cmocka_unit_test(a_code_object_that_changes_is_torn),
		cmocka_unit_test(reads_are_bounded),
		cmocka_unit_test(the_size_of_all_stacks_is_bounded),
		IN_PLACE(a_real_stack_is_in_the_incident),
		IN_PLACE(a_consumer_of_a_group_has_its_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
