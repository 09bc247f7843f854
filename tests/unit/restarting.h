/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the action restart: a service manager, and processes in control
 * groups of the test, which have the names of units and containers.
 */
#ifndef MAZE_TEST_RESTARTING_H
#define MAZE_TEST_RESTARTING_H

#include "../../base/pidfd.h"
#include "acting.h"
#include "fake_manager.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct stage_actions yes_stage = { .restart = RESTART_YES };
static const struct stage_actions now_stage = { .restart = RESTART_NOW };

static struct cgroup_fs cgroups = { .fd = -1 };
static char made[64][PATH_MAX];
static unsigned int made_count;

/* In place of /run/user. */
static char users_run[96];
static struct fake_manager fake;

/* Makes a slice of this test and PATH below it. */
static inline const char *make_path(const char *path)
{
	char whole[PATH_MAX], part[PATH_MAX];
	const char *end;
	unsigned int i;

	snprintf(whole, sizeof(whole), "/maze-test-%d-r.slice%s", getpid(), path);
	for (end = whole; *end;) {
		end = strchrnul(end + 1, '/');
		snprintf(part, sizeof(part), "%.*s", (int)(end - whole), whole);
		for (i = 0; i < made_count && strcmp(made[i], part) != 0; i++)
			;
		if (i < made_count)
			continue;
		assert_int_equal(mkdirat(cgroups.fd, part + 1, 0755), 0);
		assert_true(made_count < 64);
		snprintf(made[made_count++], sizeof(made[0]), "%s", part);
	}
	for (i = 0; strcmp(made[i], whole) != 0; i++)
		;
	return made[i];
}

static inline int start_restarting(void **state)
{
	struct acting *acting;

	if (start_acting(state))
		return -1;
	acting = *state;
	fake = (struct fake_manager){ .event = acting->event, .result = "done" };
	if (bus_new(acting->event, fake_connect, &fake, &acting->bus))
		return -1;
	snprintf(users_run, sizeof(users_run), "%.63s/users", acting->directory);
	if (mkdir(users_run, 0755))
		return -1;
	reopen_with_grace(acting, 100 * MAZE_NSEC_PER_MSEC);
	return 0;
}

static inline int stop_restarting(void **state)
{
	struct acting *acting = *state;
	int fd;

	actions_close(acting->actions);
	acting->actions = NULL;
	bus_free(acting->bus);
	fake_leave(&fake);
	while (made_count) {
		made_count--;
		fd = cgroup_open(&cgroups, made[made_count]);
		if (fd < 0)
			continue;
		cgroup_write(fd, "cgroup.kill", "1");
		close(fd);
		remove_cgroup(&cgroups, made[made_count]);
	}
	return stop_acting(state);
}

static inline void start_victim_in(const char *path, struct victim *ret_victim,
				   struct maze_record *ret_record)
{
	if (cgroups.fd < 0)
		skip_because("no cgroups of version 2");
	if (geteuid())
		skip_because("needs root for control groups");
	start_victim(ret_victim);
	enter_cgroup(&cgroups, make_path(path), ret_victim->pid);
	*ret_record = record_of(ret_victim->pid, ret_victim->tid);
}

/* Until what starts has a later start time, which has a resolution of 10 ms. */
static inline void wait_for_later_start_times(void)
{
	maze_u64 until_ns = boot_now_ns() + 50 * MAZE_NSEC_PER_MSEC;

	while (boot_now_ns() < until_ns)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static inline void run_until_logged(struct acting *acting, const char *text)
{
	maze_u64 until_ns = boot_now_ns() + ACTING_WAIT_USEC * MAZE_NSEC_PER_USEC;

	while (!count_logged(acting, text)) {
		if (boot_now_ns() > until_ns)
			fail_msg("no \"%s\" in:\n%s", text, read_text(acting->log_path));
		assert_true(sd_event_run(acting->event, 100000) >= 0);
	}
}

static inline void act_on_restart(struct acting *acting, const struct maze_record *record,
				  const struct stage_actions *stage, int pidfd)
{
	static const struct string_list none;
	struct act_on on = act_on_of(record, stage, pidfd);

	on.no_restart = &none;
	actions_perform(acting->actions, &on);
}

#endif
