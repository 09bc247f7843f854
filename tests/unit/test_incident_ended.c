/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of a program that has ended, is deleted, or has been replaced by another build. */
#include "incident_case.h"

#include <linux/capability.h>
#include <sys/syscall.h>

/* Its file is found by the path from the kernel, and verified by its build-id. */
static void a_loop_of_an_ended_process_is_named(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;

	loop_shell(place, CC "loop.c -o loop");
	incident = incident_of(place, &options, GONE, "loop", "loop");
	assert_frame(incident, 0, "twist");
	assert_frame(incident, 1, "inner");
	assert_string_equal(text(incident, "process.exe"), loop_path(place, "loop"));
	assert_string_equal(text(incident, "process.cmdline.0"), "loop");
	assert_string_equal(text(incident, "process.cmdline.1"), "TOKEN=***");
	assert_note(incident, "had ended before");
	json_decref(incident);
}

static void remove_program(const struct loop_place *place)
{
	loop_shell(place, "rm loop");
}

static void end_program(const struct loop_place *place)
{
	remove_program(place);
	loop_stop(loop_running);
}

/* The frame as a kernel gives it that does not find the build-id of the file. */
static void give_address(struct maze_frame *frame, pid_t pid, const char *path)
{
	struct maps maps = { 0 };
	const struct map *map;
	char proc[32];
	size_t i;
	int fd;

	snprintf(proc, sizeof(proc), "/proc/%d", pid);
	fd = open(proc, O_PATH | O_CLOEXEC);
	assert_int_equal(maps_read(fd, &maps), 0);
	close(fd);
	for (i = 0; i < maps.count; i++) {
		map = &maps.map[i];
		if (strcmp(map->path, path) || frame->at - map->offset >= map->end - map->start)
			continue;
		*frame = (struct maze_frame){ .kind = MAZE_FRAME_ADDRESS,
					      .at = frame->at - map->offset + map->start };
		break;
	}
	maps_done(&maps);
	assert_int_equal(frame->kind, MAZE_FRAME_ADDRESS);
}

/*
 * A process ends after it was read and before its first stack comes. Its path then leads
 * nowhere, as in a /tmp that a service does not share.
 */
static void a_program_that_ends_before_its_stacks_is_named(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack;
	json_t *incident;
	bool by_address;
	pid_t pid;
	int i;

	for (i = 0; i < 2; i++) {
		by_address = i;
		pid = start_loop(place);
		stack = case_stack(place, "loop");
		if (by_address)
			give_address(&stack.user[0], pid, loop_path(place, "loop"));
		incident = incident_between(place, &options, pid, "loop", &stack, end_program);
		assert_frame(incident, 0, "twist");
		assert_frame(incident, 1, "inner");
		assert_string_equal(text(incident, "stacks.0.frames.0.module"),
				    loop_path(place, "loop"));
		json_decref(incident);
	}
}

/* Without those for the kernel's links in map_files, which mazed does not have either. */
static void set_capabilities(bool all)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &header, sets), 0);
	sets[0].effective = sets[0].permitted;
	sets[1].effective = sets[1].permitted;
	if (!all) {
		sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
		sets[1].effective &= ~(1U << (CAP_CHECKPOINT_RESTORE - 32));
	}
	assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

static int regain_capabilities(void **state)
{
	set_capabilities(true);
	return loop_remove_place(state);
}

/* As after an upgrade, when the old program still runs. */
static void a_deleted_program_is_named(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_stack stack;
	json_t *incident;
	pid_t pid;

	pid = start_loop(place);
	stack = case_stack(place, "loop");
	remove_program(place);
	set_capabilities(false);
	incident = incident_with(place, &options, pid, "loop", &stack);
	assert_frame(incident, 1, "inner");
	json_decref(incident);
	loop_stop(pid);
}

static void a_library_of_an_ended_process_is_named(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;

	loop_shell(place,
		   "${CC:-gcc} -O2 -g -fPIC -shared -Wl,--build-id -Dmain=loop_main loop.c "
		   "-o libloop.so && echo 'int loop_main(int, char **); int main(int c, "
		   "char **v) { return loop_main(c, v); }' > main.c && ${CC:-gcc} -Wl,--build-id "
		   "main.c -L. -lloop -o user");
	incident = incident_of(place, &options, GONE, "user", "libloop.so");
	assert_frame(incident, 1, "inner");
	assert_string_equal(text(incident, "stacks.0.frames.1.module"),
			    loop_path(place, "libloop.so"));
	json_decref(incident);
}

/* Another build at the same path is not used. */
static void another_build_is_not_used(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	json_t *incident;

	loop_shell(place, CC "loop.c -o loop && " CC "-DOTHER=1 -O1 loop.c -o other");
	incident = incident_of(place, &options, GONE, "other", "loop");
	assert_null(get(incident, "stacks.0.frames.0.function"));
	assert_note(incident, "build-id");
	json_decref(incident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_loop_of_an_ended_process_is_named),
		IN_PLACE(a_program_that_ends_before_its_stacks_is_named),
		cmocka_unit_test_setup_teardown(a_deleted_program_is_named, loop_make_place,
						regain_capabilities),
		IN_PLACE(a_library_of_an_ended_process_is_named),
		IN_PLACE(another_build_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
