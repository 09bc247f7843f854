/* SPDX-License-Identifier: GPL-2.0-only */
/* How mazed finds the sections [X-Maze] of units, with a service manager of this test. */
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
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "daemon/rules/unit_rules.h"
#include "daemon/tracker/unit_sections.h"
#include "fake_manager.h"
#include "skip.h"

#define WAIT_USEC 60000000ULL
#define CGROUP "/system.slice/a.service"

struct testing {
	sd_event *event;
	struct bus *bus;
	struct fake_manager fake;
	struct rules *rules;
	struct unit_rules *units;
	struct group_tracker *groups;
	struct unit_sections *sections;
	char file[64]; /* the drop-in of each unit */
	bool silent, odd;
	unsigned int requests, tracked, all, changed, settled;
	pid_t last;
};

/* ---- the manager ------------------------------------------------------------------- */

static int answer(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct testing *it = arg;
	sd_bus_message *reply = NULL;

	(void)error;
	if (!sd_bus_message_is_method_call(call, BUS_PROPERTIES, "GetAll"))
		return 0;
	it->requests++;
	if (it->silent)
		return 1;
	if (it->odd)
		return sd_bus_reply_method_return(call, "a{sv}", 1, "DropInPaths", "u", 7);
	assert_true(sd_bus_message_new_method_return(call, &reply) >= 0);
	assert_true(sd_bus_message_append(reply, "a{sv}", 4, "Id", "s", "x", "SourcePath", "s",
					  "/proc/self/mountinfo", "FragmentPath", "s",
					  "/nonexistent/a.service", "DropInPaths", "as", 2,
					  "/dev/null", it->file) >= 0);
	assert_true(sd_bus_send(NULL, reply, NULL) >= 0);
	sd_bus_message_unref(reply);
	return 1;
}

static int connect_manager(void *arg, bool *ret_broker, struct maze_error *error)
{
	struct testing *it = arg;
	int fd = fake_connect(&it->fake, ret_broker, error);

	if (fd >= 0 && it->fake.connections[it->fake.connected - 1])
		assert_true(sd_bus_add_fallback(it->fake.connections[it->fake.connected - 1], NULL,
						"/org/freedesktop/systemd1/unit", answer, it) >= 0);
	return fd;
}

/* ---- the tracker ------------------------------------------------------------------- */

static void on_track(void *arg, pid_t pid)
{
	((struct testing *)arg)->tracked++;
	((struct testing *)arg)->last = pid;
}

static void on_all(void *arg)
{
	((struct testing *)arg)->all++;
}
static void on_changed(void *arg)
{
	((struct testing *)arg)->changed++;
}
static void on_settled(void *arg)
{
	((struct testing *)arg)->settled++;
}

static void write_file(const struct testing *it, const char *text)
{
	int fd = open(it->file, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void open_sections(struct testing *it, uint64_t wait_usec)
{
	const struct unit_sections_host host = {
		.event = it->event,
		.bus = it->bus,
		.units = it->units,
		.groups = it->groups,
		.track = on_track,
		.track_all = on_all,
		.changed = on_changed,
		.settled = on_settled,
		.arg = it,
		.wait_usec = wait_usec,
	};

	assert_int_equal(unit_sections_open(&host, &it->sections), 0);
	assert_int_equal(unit_sections_subscribe(it->sections, it->rules), 0);
	unit_sections_use(it->sections, it->rules);
}

static int set_up(void **state)
{
	static const char text[] = "[defaults]\nshadow = no\n[rule all]\n";
	struct testing *it = calloc(1, sizeof(*it));
	struct problems problems;

	problems_init(&problems);
	strcpy(it->file, "/tmp/maze-unit-XXXXXX");
	close(mkstemp(it->file));
	assert_true(sd_event_new(&it->event) >= 0);
	it->fake = (struct fake_manager){ .event = it->event };
	assert_int_equal(bus_new(it->event, connect_manager, it, &it->bus), 0);
	assert_int_equal(rules_parse("t.conf", text, strlen(text), &it->rules, &problems), 0);
	assert_int_equal(unit_rules_new(&it->units), 0);
	it->rules->units = it->units;
	assert_int_equal(group_tracker_open(it->event, NULL, NULL, &it->groups), 0);
	open_sections(it, WAIT_USEC);
	*state = it;
	return 0;
}

static int tear_down(void **state)
{
	struct testing *it = *state;

	unit_sections_close(it->sections);
	group_tracker_close(it->groups);
	bus_free(it->bus);
	fake_leave(&it->fake);
	rules_free(it->rules);
	unit_rules_free(it->units);
	sd_event_unref(it->event);
	unlink(it->file);
	free(it);
	return 0;
}

static void run_until(struct testing *it, const unsigned int *number, unsigned int value)
{
	while (*number < value)
		assert_true(sd_event_run(it->event, WAIT_USEC) > 0);
}

/* Until nothing is left to do, without a wait. */
static void run_dry(struct testing *it)
{
	while (sd_event_run(it->event, 0) > 0)
		;
}

static const struct rule *rule_of(const struct testing *it)
{
	return unit_rules_of_cgroup(it->units, CGROUP);
}

/* ---- the tests --------------------------------------------------------------------- */

static void a_unit_is_read_once_and_holds_up_its_first_process(void **state)
{
	struct testing *it = *state;

	write_file(it, "[X-Maze]\nSoft=2s\n");
	assert_int_equal(unit_sections_want(it->sections, "/"), 0);
	assert_int_equal(unit_sections_want(it->sections, "/system.slice"), 0);
	assert_int_equal(unit_sections_want(it->sections, CGROUP), -EINPROGRESS);
	assert_int_equal(unit_sections_want(it->sections, CGROUP "/below"), -EINPROGRESS);
	assert_true(unit_sections_wait(it->sections));
	run_until(it, &it->settled, 1);
	assert_int_equal(it->requests, 1);
	assert_int_equal(it->changed, 1);
	assert_false(unit_sections_wait(it->sections));
	assert_int_equal(rule_of(it)->settings.policy.soft_ns, 2 * MAZE_NSEC_PER_SEC);
	assert_string_equal(rule_of(it)->file, it->file);
	assert_int_equal(unit_sections_want(it->sections, CGROUP), 0);
	run_dry(it);
	assert_int_equal(it->requests, 1);
}

static void emit_reloading(struct testing *it, int begins)
{
	sd_bus *bus = it->fake.connections[it->fake.connected - 1];

	assert_true(sd_bus_emit_signal(bus, BUS_MANAGER_PATH, BUS_MANAGER, "Reloading", "b",
				       begins) >= 0);
}

static void a_reload_of_systemd_reads_them_again(void **state)
{
	struct testing *it = *state;
	unsigned int all;

	write_file(it, "[X-Maze]\nSoft=2s\n");
	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->settled, 1);
	run_dry(it);
	write_file(it, "[X-Maze]\nSoft=3s\n");
	all = it->all;
	emit_reloading(it, 1);
	emit_reloading(it, 0);
	run_until(it, &it->all, all + 1);
	/* The old rule holds until the answer. */
	assert_int_equal(unit_sections_want(it->sections, CGROUP), 0);
	assert_int_equal(rule_of(it)->settings.policy.soft_ns, 2 * MAZE_NSEC_PER_SEC);
	run_until(it, &it->changed, 2);
	assert_int_equal(rule_of(it)->settings.policy.soft_ns, 3 * MAZE_NSEC_PER_SEC);
	/* Nothing is tracked again for a section that stays, and an invalid one is none. */
	emit_reloading(it, 0);
	run_until(it, &it->all, all + 2);
	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->requests, 3);
	run_dry(it);
	assert_int_equal(it->changed, 2);
	write_file(it, "[X-Maze]\nSoft=3x\n");
	emit_reloading(it, 0);
	run_until(it, &it->all, all + 3);
	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->changed, 3);
	assert_null(rule_of(it));
	assert_int_equal(unit_sections_want(it->sections, CGROUP), 0);
}

static void a_unit_that_is_loaded_anew_is_read_again(void **state)
{
	struct testing *it = *state;

	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->settled, 1);
	assert_null(rule_of(it));
	write_file(it, "[X-Maze]\nSoft=2s\n");
	assert_true(sd_bus_emit_signal(it->fake.connections[0], BUS_MANAGER_PATH, BUS_MANAGER,
				       "UnitNew", "so", "a.service", "/x") >= 0);
	run_dry(it);
	while (it->requests < 2) {
		unit_sections_want(it->sections, CGROUP);
		assert_true(sd_event_run(it->event, WAIT_USEC) > 0);
	}
	run_until(it, &it->changed, 1);
	assert_non_null(rule_of(it));
}

/* Also, few requests are under way, and those are cancelled at the end. */
static void a_silent_manager_holds_up_no_process_for_long(void **state)
{
	struct testing *it = *state;
	char cgroup[64];
	int i;

	unit_sections_close(it->sections);
	open_sections(it, 20000);
	it->silent = true;
	for (i = 0; i < 100; i++) {
		snprintf(cgroup, sizeof(cgroup), "/system.slice/%d.service", i);
		assert_int_equal(unit_sections_want(it->sections, cgroup), -EINPROGRESS);
	}
	run_until(it, &it->settled, 1);
	assert_int_equal(unit_sections_want(it->sections, cgroup), 0);
	run_until(it, &it->requests, 16);
	run_dry(it);
	assert_int_equal(it->requests, 16);
}

static void without_a_manager_or_with_odd_answers_no_unit_has_a_section(void **state)
{
	struct testing *it = *state;
	unsigned int all;

	write_file(it, "[X-Maze]\nSoft=2s\n");
	it->odd = true;
	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->settled, 1);
	assert_null(rule_of(it));
	it->fake.way = FAKE_GONE;
	fake_leave(&it->fake);
	all = it->all;
	assert_int_equal(unit_sections_want(it->sections, "/b.service"), -EINPROGRESS);
	run_until(it, &it->settled, 2);
	assert_int_equal(unit_sections_want(it->sections, "/b.service"), 0);
	/* It is read when the manager is back. */
	it->odd = false;
	it->fake.way = FAKE_DONE;
	run_until(it, &it->all, all + 1);
	unit_sections_want(it->sections, CGROUP);
	run_until(it, &it->changed, 1);
	assert_non_null(rule_of(it));
}

static void no_section_is_read_if_maze_conf_says_so(void **state)
{
	struct testing *it = *state;

	it->rules->units = NULL;
	assert_int_equal(unit_sections_want(it->sections, CGROUP), 0);
	run_dry(it);
	assert_int_equal(it->requests, 0);
}

static void the_processes_of_the_unit_are_tracked_again(void **state)
{
	struct testing *it = *state;
	const struct cgroup_fs *fs = group_tracker_cgroups(it->groups);
	char name[64], path[80];
	pid_t child;
	int dir = -1, err = 0;

	snprintf(name, sizeof(name), "maze-test-%d.service", getpid());
	snprintf(path, sizeof(path), "/%s", name);
	if (fs->fd < 0 || mkdirat(fs->fd, name, 0755))
		skip_because("cannot create a control group");
	child = fork();
	if (!child) {
		bound_child();
		pause();
		_exit(0);
	}
	dir = openat(fs->fd, name, O_RDONLY | O_DIRECTORY);
	snprintf(name, sizeof(name), "%d", child);
	err = cgroup_write(dir, "cgroup.procs", name);
	if (!err) {
		unit_sections_want(it->sections, path);
		run_until(it, &it->settled, 1);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(dir);
	wait_until(!unlinkat(fs->fd, path + 1, AT_REMOVEDIR) || errno != EBUSY);
	if (err)
		skip_because("cannot move a process into a control group");
	assert_int_equal(it->tracked, 1);
	assert_int_equal(it->last, child);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_unit_is_read_once_and_holds_up_its_first_process),
		TEST(a_reload_of_systemd_reads_them_again),
		TEST(a_unit_that_is_loaded_anew_is_read_again),
		TEST(a_silent_manager_holds_up_no_process_for_long),
		TEST(without_a_manager_or_with_odd_answers_no_unit_has_a_section),
		TEST(no_section_is_read_if_maze_conf_says_so),
		TEST(the_processes_of_the_unit_are_tracked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
