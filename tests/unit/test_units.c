/* SPDX-License-Identifier: GPL-2.0-only */
/* The unit of a record, by its control group: also of a group and a process that are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "daemon/log/units.h"
#include "skip.h"

#define OTHER_USER 65534
#define POD "7d1f6a0e-3c52-4b8e-9a41-0c5d2e6f7a90"
#define POD_ "7d1f6a0e_3c52_4b8e_9a41_0c5d2e6f7a90"
#define ID "d1a3f5b7c9e0d1a3f5b7c9e0d1a3f5b7c9e0d1a3f5b7c9e0d1a3f5b7c9e0abcd"

struct fixture {
	struct cgroup_fs fs;
	struct units *units;
	char made[UNITS_PER_USER + 8][64]; /* the control groups to remove */
	size_t count;
	pid_t child;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (cgroup_fs_open(&fixture->fs, NULL))
		fixture->fs.fd = -1;
	fixture->units = units_new();
	return 0;
}

static void end_child(struct fixture *fixture)
{
	if (fixture->child > 0) {
		kill(fixture->child, SIGKILL);
		waitpid(fixture->child, NULL, 0);
	}
	fixture->child = 0;
}

static void remove_last(struct fixture *fixture)
{
	char *path = fixture->made[--fixture->count];

	assert_int_equal(unlinkat(fixture->fs.fd, path + 1, AT_REMOVEDIR), 0);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	end_child(fixture);
	while (fixture->count)
		remove_last(fixture);
	units_free(fixture->units);
	cgroup_fs_close(&fixture->fs);
	free(fixture);
	return 0;
}

/* Makes a control group of this name below the root, and returns its ID. */
static maze_u64 make(struct fixture *fixture, const char *name, uid_t owner)
{
	char *path = fixture->made[fixture->count];
	maze_u64 id;

	snprintf(path, sizeof(fixture->made[0]), "/maze-test-%d-%s", getpid(), name);
	if (fixture->fs.fd < 0 || mkdirat(fixture->fs.fd, path + 1, 0755))
		skip_because("no control group can be made: %s", strerror(errno));
	fixture->count++;
	assert_int_equal(fchownat(fixture->fs.fd, path + 1, owner, owner, 0), 0);
	assert_true(cgroup_stat(&fixture->fs, path, &id, &owner));
	return id;
}

static const char *unit_of(struct fixture *fixture, maze_u64 cgroup_id)
{
	const struct maze_record record = { .event = MAZE_EVENT_HARD, .cgroup_id = cgroup_id };
	const struct log_unit *unit = units_find(fixture->units, &record, NULL);

	return unit ? unit->unit : NULL;
}

static void the_unit_of_a_removed_group_is_known(void **state)
{
	struct fixture *fixture = *state;
	maze_u64 id = make(fixture, "a.service", 0), other = make(fixture, "b", 0);
	char name[64];

	snprintf(name, sizeof(name), "maze-test-%d-a.service", getpid());
	units_note(fixture->units, fixture->made[0]);
	units_note(fixture->units, fixture->made[1]);
	units_note(fixture->units, "/../outside.service");
	units_note(fixture->units, "");
	remove_last(fixture);
	remove_last(fixture);
	assert_string_equal(unit_of(fixture, id), name);
	/* It is in no unit. */
	assert_null(unit_of(fixture, other));
	assert_null(unit_of(fixture, 1));
	/* A new group of this name has another ID. */
	assert_true(make(fixture, "a.service", 0) != id);
}

static void a_path_names_units_pod_and_container(void **state)
{
	static const struct {
		const char *path, *unit, *user_unit, *pod, *container;
	} cases[] = {
		{ "/system.slice/a.service/b.service\n", "a.service", "", "", "" },
		{ "/user.slice/user-7.slice/user@7.service/app.slice/b.service/x", "user@7.service",
		  "b.service", "", "" },
		/* The user chose these names. */
		{ "/user.slice/user-7.slice/user@7.service/b\n.service", "user@7.service", "", "",
		  "" },
		{ "/user.slice/user-7.slice/user@7.service/b", "user@7.service", "", "", "" },
		{ "/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID ".scope",
		  "crio-" ID ".scope", "", POD, ID },
		/* In no unit, and a name that a user chose. */
		{ "/kubepods/pod" POD "/" ID, "", "", POD, ID },
		{ "/lxc/\n_UID=0", "", "", "", "\n_UID=0" },
		{ .path = "/a\n.service" },
		{ .path = "/docker/0123" },
		{ .path = "/" },
	};
	struct fixture *fixture = *state;
	const struct maze_record record = { .event = MAZE_EVENT_HARD };
	const struct log_unit *unit;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit = units_find(fixture->units, &record, cases[i].path);
		if (!cases[i].unit) {
			assert_null(unit);
			continue;
		}
		assert_string_equal(unit->unit, cases[i].unit);
		assert_string_equal(unit->user_unit, cases[i].user_unit);
		assert_string_equal(unit->pod, cases[i].pod);
		assert_string_equal(unit->container, cases[i].container);
	}
}

static void one_user_does_not_displace_the_units_of_others(void **state)
{
	struct fixture *fixture = *state;
	maze_u64 of_root = make(fixture, "root.service", 0), first = 0, last = 0;
	char name[32];
	int i;

	if (geteuid())
		skip_because("groups of another user take root");
	units_note(fixture->units, fixture->made[0]);
	for (i = 0; i <= UNITS_PER_USER; i++) {
		snprintf(name, sizeof(name), "%d.service", i);
		last = make(fixture, name, OTHER_USER);
		first = i ? first : last;
		units_note(fixture->units, fixture->made[fixture->count - 1]);
	}
	assert_non_null(unit_of(fixture, of_root));
	assert_non_null(unit_of(fixture, last));
	assert_null(unit_of(fixture, first));
}

/* The poll engine does not know the ID, and an engine in the kernel a group that is not kept. */
static void a_process_that_is_not_reaped_still_has_its_unit(void **state)
{
	struct fixture *fixture = *state;
	maze_u64 id = make(fixture, "c.service", 0);
	struct maze_record record = { .event = MAZE_EVENT_HARD };
	char text[16];
	int dir;

	fixture->child = fork();
	if (!fixture->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	dir = cgroup_open(&fixture->fs, fixture->made[0]);
	snprintf(text, sizeof(text), "%d", fixture->child);
	assert_int_equal(cgroup_write(dir, "cgroup.procs", text), 0);
	close(dir);
	record.pid = record.tid = (maze_u32)fixture->child;
	record.boot_ns = 1;
	/* It began after the record. */
	assert_null(units_find(fixture->units, &record, NULL));
	record.boot_ns = now_ns(CLOCK_BOOTTIME);
	record.cgroup_id = id + 1;
	assert_null(units_find(fixture->units, &record, NULL));
	record.cgroup_id = 0;
	kill(fixture->child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)fixture->child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT),
			 0);
	assert_non_null(units_find(fixture->units, &record, NULL));
	end_child(fixture);
	assert_non_null(unit_of(fixture, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_unit_of_a_removed_group_is_known, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_path_names_units_pod_and_container, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_user_does_not_displace_the_units_of_others,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_process_that_is_not_reaped_still_has_its_unit,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
