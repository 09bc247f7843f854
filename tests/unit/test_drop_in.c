/* SPDX-License-Identifier: GPL-2.0-only */
/* The drop-in of maze protect: written as a whole, and removed without a trace of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/drop_in.h"

#define UNIT "a.service"

struct place {
	char directory[64];
	char unit[96]; /* UNIT.d */
	char path[PATH_MAX];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/maze-drop-in-XXXXXX");
	*state = place;
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->unit, sizeof(place->unit), "%s/" UNIT ".d", place->directory);
	drop_in_path(place->directory, UNIT, place->path);
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s/override.conf", place->unit);
	unlink(other);
	unlink(place->path);
	if (rmdir(place->unit))
		unlink(place->unit);
	rmdir(place->directory);
	free(place);
	return 0;
}

static const char *content(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length < 0 ? NULL : text;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void what_is_written_is_removed(void **state)
{
	struct place *place = *state;
	struct maze_error error = { "" };
	struct stat status;
	mode_t mask = umask(077);

	assert_int_equal(drop_in_exists(place->directory, UNIT, &error), 0);
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), -ENOENT);
	assert_int_equal(drop_in_write(place->directory, UNIT, "[X-Maze]\nSoft=1s\n", &error), 0);
	umask(mask);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_string_equal(content(place->path), DROP_IN_MARK "\n[X-Maze]\nSoft=1s\n");
	assert_int_equal(drop_in_write(place->directory, UNIT, "x\n", &error), 0);
	assert_string_equal(content(place->path), DROP_IN_MARK "\nx\n");
	assert_int_equal(drop_in_exists(place->directory, UNIT, &error), 1);
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), 0);
	assert_int_equal(access(place->unit, F_OK), -1);
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), -ENOENT);
}

static void drop_ins_of_others_stay(void **state)
{
	struct place *place = *state;
	struct maze_error error = { "" };
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s/override.conf", place->unit);
	assert_int_equal(mkdir(place->unit, 0755), 0);
	put(other, "[Service]\n");
	assert_int_equal(drop_in_write(place->directory, UNIT, "x\n", &error), 0);
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), 0);
	assert_string_equal(content(other), "[Service]\n");
	put(place->path, "[X-Maze]\n");
	assert_int_equal(drop_in_exists(place->directory, UNIT, &error), -EEXIST);
	assert_int_equal(drop_in_write(place->directory, UNIT, "x\n", &error), -EEXIST);
	assert_non_null(strstr(error.text, "was not written by maze protect"));
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), -EEXIST);
	assert_string_equal(content(place->path), "[X-Maze]\n");
}

static void links_are_not_followed(void **state)
{
	struct place *place = *state;
	struct maze_error error = { "" };
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s/override.conf", place->unit);
	assert_int_equal(mkdir(place->unit, 0755), 0);
	put(other, DROP_IN_MARK "\n");
	assert_int_equal(symlink("override.conf", place->path), 0);
	assert_int_equal(drop_in_write(place->directory, UNIT, "x\n", &error), -EEXIST);
	assert_int_equal(drop_in_remove(place->directory, UNIT, &error), -EEXIST);
	assert_string_equal(content(other), DROP_IN_MARK "\n");
	unlink(other);
	unlink(place->path);
	rmdir(place->unit);
	assert_int_equal(symlink("/tmp", place->unit), 0);
	assert_true(drop_in_write(place->directory, UNIT, "x\n", &error) < 0);
	assert_true(drop_in_remove(place->directory, UNIT, &error) < 0);
	assert_int_equal(access("/tmp/" DROP_IN_NAME, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_removed),
		TEST(drop_ins_of_others_stay),
		TEST(links_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
