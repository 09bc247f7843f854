/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of incidents: an unusable directory and its one message; the number of
 * files; and the files that are never touched.
 */
#include "incident_case.h"

#include <dirent.h>
#include <sys/stat.h>
#include <utime.h>

#include "../../evidence/store/incident_store.h"
#include "private_mounts.h"

#define INCIDENT(second) "20260102T03040" #second "Z-1-1-0.json"

/* A short incident of an ended thread. */
static void feed(struct incidents *incidents, pid_t pid)
{
	struct maze_record soft = case_record(pid, MAZE_EVENT_SOFT);
	struct maze_record end = case_record(pid, MAZE_EVENT_EXIT);

	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	incidents_record(incidents, &end, "bpf", NULL, NULL);
}

/* Does all due work; returns how often that part was reported, and counts all errors. */
static unsigned int work(struct incidents *incidents, const char *part, unsigned int *ret_troubles)
{
	maze_u64 until = case_now_ns() + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
	struct incident_messages messages;
	unsigned int count = 0;
	size_t i;
	int wait;

	*ret_troubles = 0;
	do {
		wait = incidents_work(incidents, &messages);
		for (i = 0; i < messages.count; i++) {
			count += strstr(messages.message[i].text, part) != NULL;
			*ret_troubles += messages.message[i].trouble;
		}
		poll(NULL, 0, wait > 0 ? wait : 0);
	} while (wait >= 0 && case_now_ns() < until);
	return count;
}

static unsigned int count_files(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return count;
}

static void put_file_of(const struct loop_place *place, const char *name, size_t size,
			time_t modified)
{
	struct utimbuf times = { .actime = modified, .modtime = modified };
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%.200s/%s", place->directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
	assert_int_equal(utime(path, &times), 0);
}

static void put_file(const struct loop_place *place, const char *name, size_t size, time_t age)
{
	put_file_of(place, name, size, time(NULL) - age);
}

static bool has_file(const struct loop_place *place, const char *name)
{
	struct stat status;

	return !lstat(loop_path(place, name), &status);
}

/* ---- an unusable directory ---------------------------------------------------------- */

static void an_impossible_directory_is_reported_once(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "loop.c/kept") };
	struct incidents *incidents = open_incidents(&options);
	unsigned int troubles;

	assert_int_equal(work(incidents, "incident directory", &troubles), 1);
	feed(incidents, GONE);
	feed(incidents, GONE + 1);
	assert_int_equal(work(incidents, "incident directory", &troubles), 0);
	assert_int_equal(troubles, 0);
	assert_int_equal(incidents_lost(incidents), 2);
	/* The obstacle is removed. */
	assert_int_equal(unlink(loop_path(place, "loop.c")), 0);
	feed(incidents, GONE);
	assert_int_equal(work(incidents, "written again; 2 were lost", &troubles), 1);
	assert_int_equal(troubles, 0);
	assert_int_equal(count_files(options.dir), 1);
	/* The obstacle is back: one more message. */
	loop_shell(place, "find loop.c -delete && touch loop.c");
	feed(incidents, GONE);
	assert_int_equal(work(incidents, "incident directory", &troubles), 1);
	incidents_close(incidents, NULL);
}

static void a_full_file_system_only_loses_the_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "small") };
	struct incidents *incidents;
	unsigned int troubles;
	char filler[PATH_MAX];

	assert_int_equal(mkdir(options.dir, 0700), 0);
	if (!private_tmpfs(options.dir))
		skip_because("%s", private_mounts_why);
	snprintf(filler, sizeof(filler),
		 "head -c 4m /dev/zero > '%.200s/filler' 2> /dev/null || :", options.dir);
	assert_int_equal(system(filler), 0);
	incidents = open_incidents(&options);
	feed(incidents, GONE);
	assert_int_equal(work(incidents, strerror(ENOSPC), &troubles), 1);
	assert_int_equal(troubles, 1);
	assert_int_equal(incidents_lost(incidents), 1);
	/* No partial file is left. */
	assert_int_equal(count_files(options.dir), 1);
	incidents_close(incidents, NULL);
	umount(options.dir);
}

static void a_read_only_file_system_only_loses_the_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "fixed") };
	struct incidents *incidents;
	unsigned int troubles;

	assert_int_equal(mkdir(options.dir, 0700), 0);
	if (!private_tmpfs(options.dir))
		skip_because("%s", private_mounts_why);
	assert_int_equal(mount(NULL, options.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	incidents = open_incidents(&options);
	feed(incidents, GONE);
	assert_int_equal(work(incidents, strerror(EROFS), &troubles), 1);
	assert_int_equal(incidents_lost(incidents), 1);
	incidents_close(incidents, NULL);
	umount(options.dir);
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "open") };
	struct incidents *incidents;
	unsigned int troubles;

	assert_int_equal(mkdir(options.dir, 0700), 0);
	assert_int_equal(chmod(options.dir, 0770), 0);
	incidents = open_incidents(&options);
	assert_int_equal(work(incidents, "other users may write", &troubles), 1);
	incidents_close(incidents, NULL);
	assert_int_equal(chmod(options.dir, 0755), 0);
	/* Others may read the directory, but not the files. */
	incidents = open_incidents(&options);
	work(incidents, "", &troubles);
	assert_int_equal(troubles, 0);
	incidents_close(incidents, NULL);
}

static void a_link_is_not_followed(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "link") };
	struct incidents *incidents;
	unsigned int troubles;

	loop_shell(place, "mkdir target && ln -s target link");
	incidents = open_incidents(&options);
	assert_int_equal(work(incidents, "symbolic link", &troubles), 1);
	incidents_close(incidents, NULL);
}

/* ---- names --------------------------------------------------------------------------------------- */

static void an_existing_file_is_not_overwritten(void **state)
{
	const struct loop_place *place = *state;
	struct incident_store_limits limits = { .count_max = 10,
						.bytes_max = 1 << 20,
						.age_max_ns = ~0ULL };
	char first[96] = "20260102T030405Z-1-1-0", second[96] = "20260102T030405Z-1-1-0",
	     third[96] = "20260102T030405Z-1-1-0";
	struct incident_store *store;

	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_write(store, first, sizeof(first), false, "one", NULL), 0);
	assert_int_equal(incident_store_write(store, second, sizeof(second), false, "two", NULL),
			 1);
	assert_string_equal(second, "20260102T030405Z-1-1-0-2");
	assert_int_equal(incident_store_write(store, second, sizeof(second), true, "three", NULL),
			 0);
	assert_int_equal(incident_store_write(store, third, sizeof(third), false, "four", NULL), 1);
	assert_string_equal(third, "20260102T030405Z-1-1-0-3");
	loop_shell(place, "test \"$(cat 20260102T030405Z-1-1-0.json)\" = one");
	loop_shell(place, "test \"$(cat 20260102T030405Z-1-1-0-2.json)\" = three");
	incident_store_free(store);
}

/* ---- the number of files ------------------------------------------------------------ */

static void put_four(const struct loop_place *place)
{
	put_file(place, INCIDENT(1), 1000, 400);
	put_file(place, INCIDENT(2), 1000, 300);
	put_file(place, INCIDENT(3), 1000, 200);
	put_file(place, INCIDENT(4), 1000, 100);
	put_file(place, "notes.json", 100000, 10000);
	loop_shell(place, "ln -s loop.c " INCIDENT(0));
}

static void assert_pruned(const struct loop_place *place, struct incident_store_limits limits,
			  bool first, bool second, bool third)
{
	struct incident_store *store;

	put_four(place);
	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_open(store, NULL), 0);
	assert_false(incident_store_prune(store));
	assert_int_equal(has_file(place, INCIDENT(1)), first);
	assert_int_equal(has_file(place, INCIDENT(2)), second);
	assert_int_equal(has_file(place, INCIDENT(3)), third);
	/* The newest stays, and so do foreign files. */
	assert_true(has_file(place, INCIDENT(4)));
	assert_true(has_file(place, "notes.json"));
	assert_true(has_file(place, INCIDENT(0)));
	incident_store_free(store);
	unlink(loop_path(place, INCIDENT(0)));
}

/* Only files with such a name are removed. */
static void incidents_are_named_by_time_and_ids(void **state)
{
	static const char *const incidents[] = {
		"20261124T204512Z-4711-4713-0.json",
		"20261124T204512Z-4711-4713-0-2.json",
		"20261124T204512Z-4711-4713-0-u1000.json",
		"20261124T204512Z-4711-4713-0-u1000-2.json",
		"20261124T204512Z-4711-tree-0.json",
		"20261124T204512Z-18446744073709551615-cgroup-0-u1000-2.json",
	};
	static const char *const others[] = {
		"20261124T204512Z-4711-4713-0-u.json",
		"20261124T204512Z-4711-4713-0-2-u1000.json",
		"20261124T204512Z-4711-4713-0",
		"20261124T204512Z-4711-4713.json",
		"20261124T204512Z-4711-4713-0.json.bak",
		"20261124T204512Z-4711-4713-x.json",
		"20261124T204512Z-4711-trees-0.json",
		"notes.json",
		".json",
	};
	const struct incident_store_limits limits = { .count_max = 9,
						      .bytes_max = 99999,
						      .age_max_ns = 50 * MAZE_NSEC_PER_SEC };
	const struct loop_place *place = *state;
	struct incident_store *store;
	size_t i;

	for (i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++)
		put_file(place, incidents[i], 10, 100);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put_file(place, others[i], 10, 100);
	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_open(store, NULL), 0);
	assert_false(incident_store_prune(store));
	for (i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++)
		assert_false(has_file(place, incidents[i]));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(has_file(place, others[i]));
	incident_store_free(store);
}

static void the_oldest_go_first(void **state)
{
	const struct incident_store_limits none = { .count_max = 9,
						    .bytes_max = 99999,
						    .age_max_ns = ~0ULL };
	struct incident_store_limits limits = none;

	assert_pruned(*state, limits, true, true, true);
	limits.count_max = 2;
	assert_pruned(*state, limits, false, false, true);
	limits = none;
	limits.bytes_max = 3500;
	assert_pruned(*state, limits, false, true, true);
	limits = none;
	limits.bytes_max = 1;
	assert_pruned(*state, limits, false, false, false);
	limits = none;
	limits.age_max_ns = 250 * MAZE_NSEC_PER_SEC;
	assert_pruned(*state, limits, false, false, true);
}

static void leftovers_of_a_killed_writer_are_removed(void **state)
{
	const struct loop_place *place = *state;
	struct incident_store_limits limits = { .count_max = 9,
						.bytes_max = 99999,
						.age_max_ns = ~0ULL };
	struct incident_store *store;

	put_file(place, ".20260102T030401Z-1-1-0.part", 10, 100);
	put_file(place, ".20260102T030402Z-1-1-0.part", 10, 0);
	put_file(place, ".other.part", 10, 100);
	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_open(store, NULL), 0);
	incident_store_prune(store);
	assert_false(has_file(place, ".20260102T030401Z-1-1-0.part"));
	assert_true(has_file(place, ".20260102T030402Z-1-1-0.part"));
	assert_true(has_file(place, ".other.part"));
	incident_store_free(store);
}

/* ---- owners ------------------------------------------------------------------------- */

/*
 * Makes so many files of a user (-1: the owner), each older than the one before, from
 * that age on.
 */
static void put_incidents(const struct loop_place *place, int uid, int count, time_t age)
{
	time_t newest = time(NULL) - age;
	char name[64], user[16] = "";
	int i;

	if (uid >= 0)
		snprintf(user, sizeof(user), "-u%d", uid);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "20260102T030405Z-1-%d-0%s.json", i, user);
		put_file_of(place, name, 1000, newest - i);
	}
}

static void assert_count(const struct loop_place *place, const char *pattern, int count)
{
	char command[128];

	snprintf(command, sizeof(command), "test $(ls | grep -c -- '%s') -eq %d", pattern, count);
	loop_shell(place, command);
}

static void a_user_takes_no_room_from_others(void **state)
{
	const struct loop_place *place = *state;
	struct incident_store_limits limits = {
		.count_max = 40, .bytes_max = 1 << 20, .age_max_ns = ~0ULL, .shared = true
	};
	struct incident_store *store;

	/* All files of the flood are newer than all others. */
	put_incidents(place, -1, 20, 2000);
	put_incidents(place, 8, 4, 1000);
	put_incidents(place, 7, 60, 10);
	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_open(store, NULL), 0);
	assert_false(incident_store_prune(store));
	assert_count(place, "-0.json$", 20);
	assert_count(place, "-u8.json$", 4);
	assert_count(place, "-u7.json$", 16);
	/* Its newest file. */
	assert_true(has_file(place, "20260102T030405Z-1-15-0-u7.json"));
	incident_store_free(store);
}

static void users_have_at_least_a_quarter(void **state)
{
	const struct loop_place *place = *state;
	struct incident_store_limits limits = {
		.count_max = 99, .bytes_max = 40000, .age_max_ns = ~0ULL, .shared = true
	};
	struct incident_store *store;

	put_incidents(place, 7, 15, 2000);
	put_incidents(place, -1, 35, 10);
	assert_int_equal(incident_store_new(place->directory, &limits, &store), 0);
	assert_int_equal(incident_store_open(store, NULL), 0);
	assert_false(incident_store_prune(store));
	assert_count(place, "-0.json$", 30);
	assert_count(place, "-u7.json$", 10);
	incident_store_free(store);
}

/* ---- many at once ------------------------------------------------------------------------------------ */

static void a_hundred_incidents_at_once_are_written(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct incidents *incidents = open_incidents(&options);
	unsigned int troubles;
	pid_t pid;

	for (pid = GONE; pid < GONE + 100; pid++)
		feed(incidents, pid);
	work(incidents, "", &troubles);
	assert_int_equal(troubles, 0);
	assert_int_equal(incidents_lost(incidents), 0);
	assert_int_equal(count_files(options.dir), 100);
	incidents_close(incidents, NULL);
}

static void incidents_beyond_the_table_are_counted(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct incidents *incidents = open_incidents(&options);
	pid_t pid;

	for (pid = GONE; pid < GONE + 300; pid++)
		feed(incidents, pid);
	assert_true(work_until(incidents, "more than"));
	assert_int_equal(incidents_lost(incidents), 300 - 256);
	incidents_close(incidents, NULL);
	assert_int_equal(count_files(options.dir), 256);
}

/* A collector that closes writes the data it has. */
static void closing_writes_open_incidents(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct incidents *incidents = open_incidents(&options);
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct incident_messages messages;

	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	incidents_close(incidents, &messages);
	assert_int_equal(messages.count, 1);
	assert_non_null(strstr(messages.message[0].text, "incident 2"));
	assert_int_equal(count_files(options.dir), 1);
}

/* The next episode of a thread is another incident. */
static void an_episode_has_an_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct incidents *incidents = open_incidents(&options);
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct incident_messages messages;

	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	soft.event = MAZE_EVENT_HARD;
	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	soft.event = MAZE_EVENT_SOFT;
	soft.episode = 1;
	incidents_record(incidents, &soft, "bpf", NULL, &case_policy);
	soft.event = MAZE_EVENT_EXIT;
	incidents_record(incidents, &soft, "bpf", NULL, NULL);
	incidents_close(incidents, &messages);
	assert_int_equal(messages.count, 2);
	assert_int_equal(count_files(options.dir), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(an_impossible_directory_is_reported_once),
		IN_PLACE(a_full_file_system_only_loses_the_incident),
		IN_PLACE(a_read_only_file_system_only_loses_the_incident),
		IN_PLACE(a_directory_that_others_can_write_is_refused),
		IN_PLACE(a_link_is_not_followed),
		IN_PLACE(an_existing_file_is_not_overwritten),
		IN_PLACE(incidents_are_named_by_time_and_ids),
		IN_PLACE(the_oldest_go_first),
		IN_PLACE(leftovers_of_a_killed_writer_are_removed),
		IN_PLACE(a_user_takes_no_room_from_others),
		IN_PLACE(users_have_at_least_a_quarter),
		IN_PLACE(a_hundred_incidents_at_once_are_written),
		IN_PLACE(incidents_beyond_the_table_are_counted),
		IN_PLACE(closing_writes_open_incidents),
		IN_PLACE(an_episode_has_an_incident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
