/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of mazed as a file: its form, the files that it does not write to, and a full
 * disk.
 */
#include "log_case.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

struct place {
	char directory[PATH_MAX];
	char path[PATH_MAX];
	char other[PATH_MAX];
};

static int make_place(void **state)
{
	static struct place now;
	struct place *place = &now;

	strcpy(place->directory, "/tmp/test-log-XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->path, sizeof(place->path), "%.100s/log", place->directory);
	snprintf(place->other, sizeof(place->other), "%.100s/other", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	unlink(place->other);
	rmdir(place->directory);
	return 0;
}

static char *read_all(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	assert_true(fd >= 0);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

/* Line number `index` of the file as JSON, for json_decref(). */
static json_t *line_of(const char *path, unsigned int index)
{
	char *text = read_all(path), *line = strtok(text, "\n");
	json_t *object;

	while (index-- && line)
		line = strtok(NULL, "\n");
	assert_non_null(line);
	object = json_loads(line, 0, NULL);
	if (!object)
		fail_msg("no JSON: %s", line);
	return object;
}

static const char *string_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static void records_are_written_to_a_file(void **state)
{
	struct log_action action = { .entry = an_entry, .action = "idle", .text = "gone" };
	struct log_entry anonymous = { .record = &a_record, .engine = "poll" };
	struct place *place = *state;
	struct log *log = open_log(DAEMON_LOG_FILE, place->path);
	struct stat status;
	json_t *object;

	log_record(log, &an_entry);
	log_record(log, &anonymous);
	log_act(log, &action);
	log_printf(log, LOG_NOTICE, "a \"quoted\" \xff word");
	log_close(log);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);

	object = line_of(place->path, 0);
	assert_string_equal(string_of(object, "event"), "hard");
	assert_string_equal(string_of(object, "rule"), "spinners");
	assert_string_equal(string_of(object, "comm"), "sp\nin\x1b[2J");
	assert_int_equal(json_integer_value(json_object_get(object, "pid")), 4000001);
	assert_true(json_is_true(json_object_get(object, "sent")));
	json_decref(object);
	object = line_of(place->path, 1);
	assert_true(json_is_null(json_object_get(object, "rule")));
	assert_string_equal(string_of(object, "engine"), "poll");
	json_decref(object);
	object = line_of(place->path, 2);
	assert_string_equal(string_of(object, "event"), "action");
	assert_string_equal(string_of(object, "stage"), "hard");
	assert_string_equal(string_of(object, "action"), "idle");
	assert_true(json_is_false(json_object_get(object, "tried")));
	assert_true(json_is_false(json_object_get(object, "applied")));
	json_decref(object);
	object = line_of(place->path, 3);
	assert_string_equal(string_of(object, "event"), "message");
	assert_string_equal(string_of(object, "priority"), "notice");
	assert_string_equal(string_of(object, "message"), "a \"quoted\" \\xff word");
	json_decref(object);
}

static void links_are_not_followed(void **state)
{
	struct place *place = *state;
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE, .log_path = place->path };
	struct maze_error error = { "" };
	struct log *log = NULL;
	struct stat status;

	assert_int_equal(symlink(place->other, place->path), 0);
	assert_int_equal(log_open(&settings, &log, &error), -ELOOP);
	assert_has(error.text, "symbolic link");
	assert_int_equal(stat(place->other, &status), -1);
}

static void only_regular_files_are_written_to(void **state)
{
	struct place *place = *state;
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE, .log_path = place->path };
	struct maze_error error = { "" };
	struct log *log = NULL;

	/* A FIFO without a reader: opening it must not wait. */
	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_int_equal(log_open(&settings, &log, &error), -EINVAL);
	assert_has(error.text, "not a regular file");
}

static void reopen_leaves_a_renamed_file(void **state)
{
	struct place *place = *state;
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE, .log_path = place->path };
	struct log *log = open_log(DAEMON_LOG_FILE, place->path);
	json_t *object;

	log_printf(log, LOG_INFO, "one");
	assert_int_equal(rename(place->path, place->other), 0);
	log_printf(log, LOG_INFO, "two");
	assert_int_equal(log_reopen(log, &settings, NULL), 0);
	log_printf(log, LOG_INFO, "three");
	log_close(log);
	object = line_of(place->other, 1);
	assert_string_equal(string_of(object, "message"), "two");
	json_decref(object);
	object = line_of(place->path, 0);
	assert_string_equal(string_of(object, "message"), "three");
	json_decref(object);
}

static void a_failed_reopen_changes_nothing(void **state)
{
	struct place *place = *state;
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE,
					    .log_path = "/nonexistent/maze/log" };
	struct log *log = open_log(DAEMON_LOG_FILE, place->path);
	struct maze_error error = { "" };
	json_t *object;

	assert_int_equal(log_reopen(log, &settings, &error), -ENOENT);
	assert_has(error.text, "/nonexistent/maze/log");
	log_printf(log, LOG_INFO, "still here");
	log_close(log);
	object = line_of(place->path, 0);
	assert_string_equal(string_of(object, "message"), "still here");
	json_decref(object);
}

/*
 * The disk is full in the middle of a line. RLIMIT_FSIZE stands in for it: write(2)
 * writes the part that fits, then fails.
 */
static void a_full_disk_loses_no_record_that_fits_later(void **state)
{
	struct place *place = *state;
	struct log *log = open_log(DAEMON_LOG_FILE, place->path);
	struct rlimit before, full;
	char *text, *line;
	unsigned int whole = 0, torn = 0;
	json_t *object;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	log_printf(log, LOG_INFO, "zero");
	full = (struct rlimit){ strlen(read_all(place->path)) + 10, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	log_printf(log, LOG_INFO, "one");
	log_printf(log, LOG_INFO, "two");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	log_printf(log, LOG_INFO, "three");
	log_close(log);
	text = read_all(place->path);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		object = json_loads(line, 0, NULL);
		if (object)
			whole++;
		else
			torn++;
		json_decref(object);
	}
	assert_int_equal(whole, 4);
	assert_int_equal(torn, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_written_to_a_file, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(links_are_not_followed, make_place, remove_place),
		cmocka_unit_test_setup_teardown(only_regular_files_are_written_to, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(reopen_leaves_a_renamed_file, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_failed_reopen_changes_nothing, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_full_disk_loses_no_record_that_fits_later,
						make_place, remove_place),
	};

	/* A write waited that must not wait. */
	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
