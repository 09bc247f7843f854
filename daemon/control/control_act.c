/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Performs the requests that have an answer of one line. Two checks ensure that users act
 * only on their own processes. This file makes the first check, before any change. The
 * engine makes the second check. It acts on a task only while the real, effective and
 * saved user ID of the task are the owner's.
 */
#include "control_act.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/proc_files.h"
#include "../../lib/record_time.h"
#include "control_groups.h"
#include "control_owner.h"
#include "../rules/tag.h"
#include "../../base/clock.h"

/* The minimum time between two counts of watched tasks. A count may take milliseconds. */
#define COUNT_USEC 100000U

/* ---- the limit of watched tasks ---------------------------------------------------- */

static int count_entries(const struct control_host *host, struct control_user *user,
			 struct maze_error *error)
{
	maze_u64 tag = tag_of_user(user->uid);
	struct maze_entry *entries = NULL;
	size_t count = 0, i;
	int err = maze_list(host->maze, &entries, &count, error);

	if (err)
		return err;
	user->entries = 0;
	for (i = 0; i < count; i++)
		user->entries += entries[i].tag == tag;
	free(entries);
	user->counted_usec = now_ns(CLOCK_MONOTONIC) / 1000;
	return 0;
}

static unsigned int threads_of(const struct subject_source *source)
{
	unsigned long links = proc_thread_links(source->proc_fd);

	return links < 3 ? 1 : (unsigned int)links - 2;
}

/*
 * Adds `tasks` to the number of the user's watched tasks, or fails above the limit.
 * Between counts, the number is not exact, because children inherit watches without a
 * request.
 */
static int charge(const struct control_host *host, struct control_client *client,
		  unsigned int tasks, struct maze_error *error)
{
	unsigned int max = host->rules->daemon.entries_per_user;
	struct control_user *user = client->user;
	int err = 0;

	if (!user->counted_usec ||
	    now_ns(CLOCK_MONOTONIC) / 1000 - user->counted_usec >= COUNT_USEC)
		err = count_entries(host, user, error);
	if (err)
		return err;
	if (user->entries + tasks > max) {
		client->fault(client, CONTROL_FAULT_QUOTA, client->arg);
		return maze_fail(error, -EDQUOT,
				 "you watch %u of at most %u processes and threads "
				 "(entries-per-user in maze.conf)",
				 user->entries, max);
	}
	user->entries += tasks;
	return 0;
}

/* ---- watch and unwatch ------------------------------------------------------------- */

static int watch_for_root(const struct control_host *host, const struct control_request *request,
			  int pidfd, struct maze_error *error)
{
	return maze_claim(host->maze, pidfd, request->tid, &request->policy, tag_of_root(), 0,
			  error);
}

static int watch_for_user(const struct control_host *host, struct control_client *client,
			  const struct control_request *request,
			  const struct subject_source *source, struct maze_error *error)
{
	struct maze_policy policy = request->policy;
	maze_u64 tag = tag_of_user(client->peer.uid);
	int err;

	policy.flags |= MAZE_POLICY_OWNED;
	policy.owner = client->peer.uid;
	err = charge(host, client, request->tid ? 1 : threads_of(source), error);
	if (err)
		return err;
	err = tracker_release_shadow(host->tracker, request->pid, request->tid, error);
	if (!err)
		err = maze_claim(host->maze, source->pidfd, request->tid, &policy, tag, ~0ULL,
				 error);
	if (err == -EEXIST)
		maze_fail(error, err,
			  "process %d is already watched for another user, or by a rule that "
			  "enforces",
			  request->pid);
	/* If a rule watched the process before, begin that watch again. */
	if (err)
		tracker_track(host->tracker, request->pid, request->tid);
	return err;
}

static int watch_threads(const struct control_host *host, struct control_client *client,
			 const struct control_request *request, struct maze_error *error)
{
	struct subject_source source;
	int err = control_owner_open(client, request, &source, error);

	if (err)
		return err;
	err = client->root ? watch_for_root(host, request, source.pidfd, error)
			   : watch_for_user(host, client, request, &source, error);
	subject_close(&source);
	return err;
}

void control_watch(const struct control_host *host, struct control_client *client,
		   const struct control_request *request)
{
	struct maze_error error = { "" };
	int err = maze_policy_scope(request->policy.flags)
			  ? control_watch_group(host, client, request, &error)
			  : watch_threads(host, client, request, &error);

	if (err)
		control_client_error(client, err, error.text);
	else
		control_client_ok(client, NULL);
}

/* Ends the watches of the process, and of its groups if no thread is named. */
static int unwatch_process(const struct control_host *host, struct control_client *client,
			   const struct control_request *request, struct maze_error *error)
{
	maze_u64 tag = client->root ? 0 : tag_of_user(client->peer.uid);
	struct subject_source source;
	int err = control_owner_open(client, request, &source, error);

	if (err)
		return err;
	err = maze_release(host->maze, source.pidfd, request->tid, tag, client->root ? 0 : ~0ULL,
			   error);
	if (!client->root && !request->tid && (!err || err == -ENOENT) &&
	    !control_unwatch_groups(host, client, source.pidfd))
		err = 0;
	subject_close(&source);
	if (err == -ENOENT && !client->root)
		maze_fail(error, err, "you have no watch of process %d", request->pid);
	if (!err && !client->root)
		tracker_track(host->tracker, request->pid, request->tid);
	return err;
}

void control_unwatch(const struct control_host *host, struct control_client *client,
		     const struct control_request *request)
{
	struct maze_error error = { "" };
	int err = request->cgroup ? control_unwatch_cgroup(host, client, request, &error)
				  : unwatch_process(host, client, request, &error);

	if (err)
		control_client_error(client, err, error.text);
	else
		control_client_ok(client, NULL);
}

/* ---- other requests ---------------------------------------------------------------- */

static size_t count_groups(const struct control_host *host)
{
	struct maze_group *groups = NULL;
	size_t count = 0;

	if (!maze_list_groups(host->maze, &groups, &count, NULL))
		free(groups);
	return count;
}

void control_status(const struct control_host *host, struct control_client *client,
		    unsigned int clients, maze_u64 lost)
{
	struct maze_counts counts = { 0 };
	struct maze_error error = { "" };
	int err = maze_counts(host->maze, &counts, &error);

	if (err) {
		control_client_error(client, err, error.text);
		return;
	}
	control_client_ok(client, json_pack("{s:s,s:i,s:s,s:I,s:i,s:I,s:I,s:I,s:I,s:I}", "version",
					    MAZE_VERSION, "pid", (int)getpid(), "engine",
					    maze_engine_name(host->maze), "rules",
					    (json_int_t)host->rules->count, "clients", (int)clients,
					    "groups", (json_int_t)count_groups(host), "watched",
					    (json_int_t)counts.watched, "verdicts",
					    (json_int_t)counts.verdicts, "signals",
					    (json_int_t)counts.signals, "lost", (json_int_t)lost));
}

/* All users get the totals of the machine, which name no process. */
void control_stats(const struct control_host *host, struct control_client *client,
		   const struct record_stats *records, maze_u64 since_ns)
{
	struct maze_error error = { "" };
	struct maze_counts counts;
	char since[RFC3339_LEN];
	json_t *object;
	int err = maze_counts(host->maze, &counts, &error);

	if (err) {
		control_client_error(client, err, error.text);
		return;
	}
	object = record_stats_json(records, &counts);
	json_object_set_new(object, "engine", json_string(maze_engine_name(host->maze)));
	json_object_set_new(object, "since", json_string(record_time_format(since_ns, since)));
	json_object_set_new(object, "groups", json_integer((json_int_t)count_groups(host)));
	control_client_ok(client, object);
}

bool control_refuse_others(struct control_client *client, const char *what)
{
	char text[128];

	if (client->root)
		return false;
	snprintf(text, sizeof(text), "%s requires root", what);
	control_client_error(client, -EPERM, text);
	return true;
}

void control_reload(const struct control_host *host, struct control_client *client)
{
	struct maze_error error = { "" };
	int err;

	if (control_refuse_others(client, "reload"))
		return;
	err = host->reload(host->arg, &error);
	if (err)
		control_client_error(client, err, error.text);
	else
		control_client_ok(client, NULL);
}

void control_thaw(const struct control_host *host, struct control_client *client,
		  const struct control_request *request)
{
	struct maze_error error = { "" };
	struct subject_source source;
	int err = 0;

	if (control_refuse_others(client, "thaw"))
		return;
	if (request->pid) {
		err = control_owner_open(client, request, &source, &error);
		if (!err)
			subject_close(&source);
	}
	if (!err && request->all)
		actions_thaw_all(host->actions);
	else if (!err)
		err = actions_thaw(host->actions, request->cgroup, request->pid, &error);
	if (err)
		control_client_error(client, err, error.text);
	else
		control_client_ok(client, NULL);
}
