/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With `now`, the processes of a unit are killed after its manager has accepted the restart,
 * and not before: if the manager refuses or does not answer, nothing has been killed. The
 * unit can have new processes by then. So only those are killed that started before the
 * restart was requested.
 */
#include "restarts.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../../../base/clock.h"
#include "../../../base/error.h"
#include "../../../base/proc_files.h"
#include "container_first.h"
#include "restart_job.h"
#include "user_manager.h"

/* Longer than the stop and the start of almost all units, which are 90 s each by default. */
#define TIMEOUT_DEFAULT_NS (600 * MAZE_NSEC_PER_SEC)
/* A user's manager is not trusted to end. */
#define TIMEOUT_USER_NS (90 * MAZE_NSEC_PER_SEC)
/* As `docker stop` and `podman stop` have it. */
#define GRACE_DEFAULT_NS (10 * MAZE_NSEC_PER_SEC)
#define TIMER_ACCURACY_USEC 10000U
/* To look at so many takes less than 100 ms. Others end with the stop of their unit. */
#define PROCESSES_MAX 1024
/* Enough for restart_target_format(). */
#define WHAT_SIZE 192

struct restart {
	struct restart *next;
	struct restarts *restarts;
	struct restart_target target;
	bool now, killed, quiet;
	maze_u64 began_ns; /* CLOCK_BOOTTIME */
	unsigned int seen, killed_count;
	char kills[96]; /* what was killed with `now`, for messages */
	pid_t first;	/* of a container */
	int pidfd;	/* of `first`; -1: none */
	struct restart_job *job;
	struct worker worker; /* fd -1: none */
	sd_event_source *source, *timer;
	struct maze_record record;
	struct log_unit unit; /* "": unknown */
	char *engine, *rule, *cgroup;
};

struct restarts {
	struct restarts_settings settings;
	char run[PATH_MAX]; /* the directory of the users' runtime directories */
	struct restart *first;
	struct workers_left left;
};

/* ---- end --------------------------------------------------------------------------- */

static void free_restart(struct restart *restart)
{
	struct restart **slot = &restart->restarts->first;

	while (*slot && *slot != restart)
		slot = &(*slot)->next;
	if (*slot)
		*slot = restart->next;
	sd_event_source_disable_unref(restart->source);
	sd_event_source_disable_unref(restart->timer);
	restart_job_free(restart->job);
	if (restart->worker.fd >= 0)
		worker_leave(&restart->worker, true, restart->target.uid, &restart->restarts->left);
	if (restart->pidfd >= 0)
		close(restart->pidfd);
	free(restart->engine);
	free(restart->rule);
	free(restart->cgroup);
	free(restart);
}

static void report(const struct restart *restart, bool pending, bool applied, const char *text)
{
	const struct log_action action = {
		.entry = { .record = &restart->record,
			   .engine = restart->engine,
			   .rule = restart->rule,
			   .cgroup = restart->cgroup,
			   .unit = &restart->unit },
		.action = "restart",
		.pending = pending,
		.tried = true,
		.applied = applied,
		.quiet = restart->quiet,
		.text = text,
	};

	log_act(restart->restarts->settings.log, &action);
}

__attribute__((format(printf, 3, 4))) static void finish(struct restart *restart, bool applied,
							 const char *format, ...)
{
	struct maze_error text = { "" };
	va_list args;

	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	report(restart, false, applied, text.text);
	free_restart(restart);
}

static const char *age(const struct restart *restart, char buf[64])
{
	maze_u64 ns = now_ns(CLOCK_BOOTTIME) - restart->began_ns;

	return maze_duration_format(ns - ns % MAZE_NSEC_PER_MSEC, buf, 64);
}

/* ---- units ------------------------------------------------------------------------- */

static bool kill_if_old(pid_t pid, void *arg)
{
	struct restart *restart = arg;
	char cgroup[PROC_CGROUP_SIZE];
	int pidfd = pid ? pidfd_open(pid, 0) : -1, dir = -1;
	maze_u64 ticks = 0;

	if (pidfd >= 0)
		dir = proc_open_process(pid, pidfd);
	/* A start time is rounded down by less than a tick. */
	if (dir >= 0 && !proc_start_ticks(dir, &ticks) &&
	    proc_ticks_to_ns(ticks + 1) <= restart->began_ns && !proc_cgroup(dir, cgroup) &&
	    cgroup_contains(restart->target.cgroup, cgroup) &&
	    !pidfd_send_signal(pidfd, SIGKILL, NULL, 0))
		restart->killed_count++;
	if (dir >= 0)
		close(dir);
	if (pidfd >= 0)
		close(pidfd);
	return ++restart->seen < PROCESSES_MAX;
}

/* Returns whether all could be seen. */
static bool kill_all(struct restart *restart)
{
	int dir = cgroup_open(restart->restarts->settings.cgroups, restart->target.cgroup);
	bool complete;

	if (dir < 0)
		return dir == -ENOENT;
	complete = cgroup_each_process(dir, kill_if_old, restart);
	close(dir);
	return complete && restart->seen < PROCESSES_MAX;
}

/* Kills what the stop of the unit would kill, and nothing if KillMode= is unknown. */
static void kill_processes(struct restart *restart, const struct restart_news *news)
{
	static const char *const modes[] = { "control-group", "mixed", "process", "none" };
	const char *mode = "unknown";
	bool complete = true;
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(news->kill_mode, modes[i]))
			mode = modes[i];
	if (mode == modes[0] || mode == modes[1])
		complete = kill_all(restart);
	else if (mode == modes[2] && news->main_pid)
		kill_if_old((pid_t)news->main_pid, restart);
	snprintf(restart->kills, sizeof(restart->kills),
		 ", with %u process%s killed%s (KillMode=%s)", restart->killed_count,
		 restart->killed_count == 1 ? "" : "es", complete ? "" : ", not all", mode);
}

static void on_event(void *arg, const struct restart_news *news)
{
	struct restart *restart = arg;
	char what[WHAT_SIZE], time[64];

	restart_target_format(&restart->target, what, sizeof(what));
	if (news->event == RESTART_DONE) {
		finish(restart, true, "restarted its %s in %s%s", what, age(restart, time),
		       restart->kills);
	} else if (news->event == RESTART_FAILED) {
		finish(restart, false, "could not restart its %s: %.200s (after %s%s)", what,
		       news->text, age(restart, time), restart->kills);
	} else {
		if (!restart->quiet)
			log_printf(restart->restarts->settings.log, LOG_NOTICE,
				   "restart: systemd restarts %s", what);
		if (restart->now)
			kill_processes(restart, news);
	}
}

static int on_worker(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct restart_news news;
	struct restart *restart = arg;
	int got = user_manager_receive(&restart->worker, &news);

	(void)source;
	(void)fd;
	(void)events;
	if (!got)
		news = (struct restart_news){ .event = RESTART_FAILED,
					      .text = "the worker that asked the manager ended" };
	if (got >= 0)
		on_event(restart, &news);
	return 0;
}

static unsigned int count_of_user(const struct restarts *restarts, maze_u32 uid)
{
	const struct restart *restart;
	unsigned int count = 0;

	for (restart = restarts->first; restart; restart = restart->next)
		count += restart->target.kind == RESTART_USER_UNIT && restart->target.uid == uid;
	return count;
}

/*
 * Returns the oldest restart of the user who has most, or NULL if that user would then have
 * fewer than `uid`: two users must not take the places from each other in turns.
 */
static struct restart *find_dispensable(const struct restarts *restarts, maze_u32 uid)
{
	unsigned int most = count_of_user(restarts, uid) + 2, count;
	struct restart *restart, *found = NULL;

	/* The newest comes first. */
	for (restart = restarts->first; restart; restart = restart->next) {
		if (restart->target.kind != RESTART_USER_UNIT)
			continue;
		count = count_of_user(restarts, restart->target.uid);
		if (count < most)
			continue;
		most = count;
		found = restart;
	}
	return found;
}

static void make_room(struct restarts *restarts, maze_u32 uid)
{
	unsigned int of_users = 0;
	struct restart *restart;
	char what[WHAT_SIZE], time[64];

	for (restart = restarts->first; restart; restart = restart->next)
		of_users += restart->target.kind == RESTART_USER_UNIT;
	restart = of_users < RESTARTS_OF_USERS_MAX ? NULL : find_dispensable(restarts, uid);
	if (restart)
		finish(restart, false,
		       "the restart of its %s gives way to one of another user after %s; mazed "
		       "waits no longer",
		       restart_target_format(&restart->target, what, sizeof(what)),
		       age(restart, time));
}

static int begin_user_unit(struct restart *restart, struct maze_error *error)
{
	struct restarts *restarts = restart->restarts;
	int err;

	workers_left_reap(&restarts->left);
	if (!workers_left_allow(&restarts->left, restart->target.uid))
		return maze_fail(error, -EBUSY, "too many workers are blocked");
	make_room(restarts, restart->target.uid);
	err = user_manager_restart(restarts->run, restart->target.uid, restart->target.name,
				   &restart->worker);
	if (!err)
		err = sd_event_add_io(restarts->settings.event, &restart->source,
				      restart->worker.fd, EPOLLIN, on_worker, restart);
	return err < 0 ? maze_fail(error, err, "cannot start a worker: %s", strerror(-err)) : 0;
}

/* ---- containers -------------------------------------------------------------------- */

static int on_end(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct restart *restart = arg;
	char what[WHAT_SIZE], time[64];

	(void)source;
	(void)fd;
	(void)events;
	finish(restart, true, "ended process %d, the first of its %s, by %s in %s", restart->first,
	       restart_target_format(&restart->target, what, sizeof(what)),
	       restart->killed ? "SIGKILL" : "SIGTERM", age(restart, time));
	return 0;
}

static int signal_first(struct restart *restart, int signal, struct maze_error *error)
{
	restart->killed = signal == SIGKILL;
	if (!pidfd_send_signal(restart->pidfd, signal, NULL, 0))
		return 0;
	return maze_fail(error, -errno, "cannot signal process %d, the first of its container: %s",
			 restart->first, strerror(errno));
}

static int begin_container(struct restart *restart, struct maze_error *error)
{
	struct restarts *restarts = restart->restarts;
	int err = sd_event_add_io(restarts->settings.event, &restart->source, restart->pidfd,
				  EPOLLIN, on_end, restart);

	if (err < 0)
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	return signal_first(restart, restart->now ? SIGKILL : SIGTERM, error);
}

/* ---- begin ------------------------------------------------------------------------- */

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct restart *restart = arg;
	struct maze_error error = { "" };
	char what[WHAT_SIZE], time[64];

	(void)usec;
	if (restart->pidfd >= 0 && !restart->killed) {
		if (signal_first(restart, SIGKILL, &error)) {
			finish(restart, false, "%s", error.text);
			return 0;
		}
		sd_event_source_set_time_relative(source, restart->restarts->settings.timeout_ns /
								  MAZE_NSEC_PER_USEC);
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	finish(restart, false,
	       "the restart of its %s has not ended after %s; mazed waits no longer",
	       restart_target_format(&restart->target, what, sizeof(what)), age(restart, time));
	return 0;
}

static int add_timer(struct restart *restart, struct maze_error *error)
{
	const struct restarts_settings *settings = &restart->restarts->settings;
	bool grace = restart->pidfd >= 0 && !restart->now;
	maze_u64 timeout_ns = settings->timeout_ns;
	int err;

	if (restart->target.kind == RESTART_USER_UNIT && timeout_ns > TIMEOUT_USER_NS)
		timeout_ns = TIMEOUT_USER_NS;
	err = sd_event_add_time_relative(settings->event, &restart->timer, CLOCK_MONOTONIC,
					 (grace ? settings->grace_ns : timeout_ns) /
						 MAZE_NSEC_PER_USEC,
					 TIMER_ACCURACY_USEC, on_time, restart);

	return err < 0 ? maze_fail(error, err, "cannot add an event source: %s", strerror(-err))
		       : 0;
}

/* Fails if the target is being restarted, or too many restarts run. */
static int check_others(const struct restarts *restarts, const struct restart_target *target,
			struct maze_error *error)
{
	unsigned int of_user = 0, of_users = 0, of_system = 0;
	const struct restart *other;
	char what[WHAT_SIZE], time[64];

	for (other = restarts->first; other; other = other->next) {
		if (other->target.kind == target->kind && other->target.uid == target->uid &&
		    !strcmp(other->target.cgroup, target->cgroup))
			return maze_fail(error, -EALREADY,
					 "its %s is being restarted already, since %s, for process "
					 "%u",
					 restart_target_format(target, what, sizeof(what)),
					 age(other, time), other->record.pid);
		if (other->target.kind != RESTART_USER_UNIT) {
			of_system++;
			continue;
		}
		of_users++;
		of_user += other->target.uid == target->uid;
	}
	if (target->kind == RESTART_USER_UNIT
		    ? of_user >= RESTARTS_OF_USER_MAX || (of_users >= RESTARTS_OF_USERS_MAX &&
							  !find_dispensable(restarts, target->uid))
		    : of_system >= RESTARTS_OF_SYSTEM_MAX)
		return maze_fail(error, -EBUSY, "its %s is not restarted: %u restarts run already",
				 restart_target_format(target, what, sizeof(what)),
				 target->kind == RESTART_USER_UNIT ? of_users : of_system);
	return 0;
}

static struct restart *new_restart(struct restarts *restarts, const struct act_on *on,
				   const struct restart_target *target, bool now)
{
	struct restart *restart = calloc(1, sizeof(*restart));

	if (!restart)
		return NULL;
	*restart = (struct restart){ .restarts = restarts,
				     .target = *target,
				     .now = now,
				     .quiet = on->quiet,
				     .began_ns = now_ns(CLOCK_BOOTTIME),
				     .pidfd = -1,
				     .worker.fd = -1,
				     .record = *on->record,
				     .engine = strdup(on->engine),
				     .rule = on->rule ? strdup(on->rule) : NULL,
				     .cgroup = on->cgroup ? strdup(on->cgroup) : NULL };
	if (on->unit)
		restart->unit = *on->unit;
	if (restart->engine && (!on->rule || restart->rule) && (!on->cgroup || restart->cgroup))
		return restart;
	free_restart(restart);
	return NULL;
}

static int begin(struct restart *restart, struct maze_error *error)
{
	struct restarts *restarts = restart->restarts;
	int err = add_timer(restart, error);

	if (err)
		return err;
	switch (restart->target.kind) {
	case RESTART_CONTAINER:
		err = begin_container(restart, error);
		break;
	case RESTART_USER_UNIT:
		err = begin_user_unit(restart, error);
		break;
	default:
		err = restart_job_start(restarts->settings.bus, restart->target.name, on_event,
					restart, &restart->job, error);
	}
	if (err)
		return err;
	restart->next = restarts->first;
	restarts->first = restart;
	return 0;
}

static void report_shadow(const struct restart *restart, struct maze_error *text)
{
	char what[WHAT_SIZE];

	restart_target_format(&restart->target, what, sizeof(what));
	if (restart->target.kind == RESTART_CONTAINER)
		maze_fail(text, 0, "shadow: would have ended process %d, the first of its %s",
			  restart->first, what);
	else
		maze_fail(text, 0, "shadow: would have %srestarted its %s",
			  restart->now ? "killed and " : "", what);
}

void restarts_begin(struct restarts *restarts, const struct act_on *on,
		    const struct restart_target *target, bool now, struct action_result *ret_result)
{
	struct maze_error *text = &ret_result->text;
	struct maze_error why = { "" };
	struct restart *restart;
	char what[WHAT_SIZE];

	if (check_others(restarts, target, text))
		return;
	restart = new_restart(restarts, on, target, now);
	if (!restart) {
		maze_fail(text, -ENOMEM, "out of memory");
		return;
	}
	if (target->kind == RESTART_CONTAINER)
		restart->pidfd = container_first_open(restarts->settings.cgroups, target->cgroup,
						      &restart->first, text);
	if (target->kind == RESTART_CONTAINER && restart->pidfd < 0) {
		free_restart(restart);
		return;
	}
	if (act_is_shadow(on)) {
		report_shadow(restart, text);
		free_restart(restart);
		return;
	}
	if (!begin(restart, &why)) {
		report(restart, true, false, "");
		ret_result->logged = true;
		return;
	}
	ret_result->tried = true;
	maze_fail(text, 0, "could not restart its %s: %.300s",
		  restart_target_format(target, what, sizeof(what)), why.text);
	free_restart(restart);
}

/* ---- open and closed --------------------------------------------------------------- */

int restarts_open(const struct restarts_settings *settings, struct restarts **ret_restarts)
{
	struct restarts *restarts = calloc(1, sizeof(*restarts));

	if (!restarts)
		return -ENOMEM;
	restarts->settings = *settings;
	restarts->settings.timeout_ns = settings->timeout_ns ?: TIMEOUT_DEFAULT_NS;
	restarts->settings.grace_ns = settings->grace_ns ?: GRACE_DEFAULT_NS;
	/* The sandbox of the unit hides /run/user, and has it in the runtime directory. */
	if ((size_t)snprintf(restarts->run, sizeof(restarts->run), "%s/users",
			     settings->runtime_dir) >= sizeof(restarts->run) ||
	    access(restarts->run, F_OK))
		snprintf(restarts->run, sizeof(restarts->run), "%s", USER_MANAGER_RUN);
	*ret_restarts = restarts;
	return 0;
}

void restarts_close(struct restarts *restarts)
{
	struct restart *restart, *next;
	size_t i;

	if (!restarts)
		return;
	for (restart = restarts->first; restart; restart = next) {
		next = restart->next;
		free_restart(restart);
	}
	workers_left_reap(&restarts->left);
	for (i = 0; i < restarts->left.count; i++)
		close(restarts->left.worker[i].pidfd);
	free(restarts);
}

unsigned int restarts_count(const struct restarts *restarts)
{
	const struct restart *restart;
	unsigned int count = 0;

	for (restart = restarts->first; restart; restart = restart->next)
		count++;
	return count;
}
