/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles of libmaze. This file has the table of engines, the choice of an engine, and
 * the calls that only forward to the engine. watch.c has the calls about processes.
 */
#include "handle.h"
#include "origin.h"
#include "stack_sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The engines in order of preference. A new engine needs a row here and a directory in
 * engine/.
 */
static const struct engine_ops *const engines[] = {
	&engine_bpf,
	&engine_kmod,
	&engine_poll,
};
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

static const struct engine_ops *find_engine(const char *name)
{
	size_t i;

	for (i = 0; i < ENGINES; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}

void origin_interface(const char *engine, char ret_version[ORIGIN_LEN])
{
	const struct engine_ops *ops = find_engine(engine);

	ret_version[0] = '\0';
	if (ops && ops->interface)
		snprintf(ret_version, ORIGIN_LEN, "%u", ops->interface);
}

static const enum engine_scope scopes[] = {
	[MAZE_PRIVATE] = ENGINE_PRIVATE,
	[MAZE_PINNED] = ENGINE_PINNED,
	[MAZE_EXISTING] = ENGINE_EXISTING,
};

/* True if "auto" tries the next engine after this error. */
static bool cannot_run(int err)
{
	return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP || err == -ENOENT ||
	       err == -ENOSYS;
}

static void add_reason(struct maze *maze, const char *name, const char *why)
{
	size_t n = strlen(maze->why);

	snprintf(maze->why + n, sizeof(maze->why) - n, "%s%s cannot be used here: %s",
		 n ? "; " : "", name, why);
}

/*
 * Opens the first engine that can run. If none can run, returns the error of the most
 * preferred engine. For MAZE_PINNED, the message has the reasons of all engines.
 */
static int open_best(struct maze *maze, enum engine_scope scope, struct maze_error *ret_why)
{
	struct maze_error why;
	int err, first = 0;
	size_t i;

	for (i = 0; i < ENGINES; i++) {
		why.text[0] = '\0';
		maze->ops = engines[i];
		err = maze->ops->open(scope, &maze->engine, &why);
		if (!err)
			return 0;
		if (!first) {
			first = err;
			*ret_why = why;
		}
		if (!cannot_run(err))
			return err;
		add_reason(maze, engines[i]->name, why.text);
	}
	if (scope == ENGINE_PINNED)
		snprintf(ret_why->text, sizeof(ret_why->text), "%.*s",
			 (int)sizeof(ret_why->text) - 1, maze->why);
	return first;
}

int maze_engine_check(const char *name, struct maze_error *error)
{
	char names[128] = "auto";
	size_t i, n = strlen(names);

	if (!strcmp(name, "auto") || find_engine(name))
		return 0;
	for (i = 0; i < ENGINES; i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				      i + 1 == ENGINES ? " and " : ", ", engines[i]->name);
	return maze_fail(error, -EINVAL, "unknown engine \"%s\"; the engines are %s", name, names);
}

int maze_open(const char *engine, enum maze_scope scope, struct maze **ret_maze,
	      struct maze_error *error)
{
	struct maze_error why = { "" };
	struct maze *maze;
	int err;

	if (engine && maze_engine_check(engine, error))
		return -EINVAL;
	maze = calloc(1, sizeof(*maze));
	if (!maze)
		return maze_fail(error, -ENOMEM, "out of memory");
	if (!engine || !strcmp(engine, "auto")) {
		err = open_best(maze, scopes[scope], &why);
	} else {
		maze->ops = find_engine(engine);
		err = maze->ops->open(scopes[scope], &maze->engine, &why);
	}
	if (err) {
		free(maze);
		return maze_fail(error, err, "%s", why.text);
	}
	*ret_maze = maze;
	return 0;
}

const char *maze_why_not_better(const struct maze *maze)
{
	return maze->why;
}

bool maze_sees_yields(const struct maze *maze)
{
	return !maze->ops->sees_yields || maze->ops->sees_yields(maze->engine);
}

int maze_counts(struct maze *maze, struct maze_counts *ret_counts, struct maze_error *error)
{
	int err = maze->ops->counts(maze->engine, ret_counts);

	return err ? maze_fail(error, err, "cannot read the counts of engine %s: %s",
			       maze->ops->name, strerror(-err))
		   : 0;
}

int maze_adopt(struct maze *maze, const struct maze_policy *policy, maze_u64 tag)
{
	if (maze_policy_scope(policy->flags))
		return groups_adopt(maze, tag);
	return maze->ops->adopt ? maze->ops->adopt(maze->engine, policy, tag) : 0;
}

void maze_spare_program(struct maze *maze)
{
	if (maze->ops->spare_program)
		maze->ops->spare_program(maze->engine);
	maze->spares = true;
}

void maze_close(struct maze *maze)
{
	if (!maze)
		return;
	groups_close(maze);
	maze->ops->close(maze->engine);
	free(maze);
}

const char *maze_engine_name(const struct maze *maze)
{
	return maze->ops->name;
}

struct maze_follower {
	const struct engine_ops *ops;
	struct engine_follower *follower;
};

int maze_follow(struct maze *maze, unsigned int wants, struct maze_follower **ret_follower,
		struct maze_error *error)
{
	struct maze_follower *follower;
	int err;

	if (!maze->ops->follow)
		return maze_fail(error, -EOPNOTSUPP, "the %s engine reports no process events",
				 maze->ops->name);
	follower = calloc(1, sizeof(*follower));
	if (!follower)
		return maze_fail(error, -ENOMEM, "out of memory");
	follower->ops = maze->ops;
	err = maze->ops->follow(maze->engine, wants, &follower->follower, error);
	if (err) {
		free(follower);
		return err;
	}
	*ret_follower = follower;
	return 0;
}

int maze_follower_fd(struct maze_follower *follower)
{
	return follower->ops->follower_fd(follower->follower);
}

int maze_follower_next(struct maze_follower *follower, struct maze_process_event *ret_event)
{
	return follower->ops->follower_next(follower->follower, ret_event);
}

void maze_follower_close(struct maze_follower *follower)
{
	if (!follower)
		return;
	follower->ops->follower_close(follower->follower);
	free(follower);
}

int maze_service_fd(struct maze *maze)
{
	return maze->ops->service_fd(maze->engine);
}

int maze_service(struct maze *maze)
{
	groups_service(maze);
	return maze->ops->service(maze->engine);
}

int maze_become_service(struct maze *maze)
{
	return maze->ops->become_service(maze->engine);
}

int maze_gone_fd(struct maze *maze)
{
	return maze->ops->gone_fd(maze->engine);
}

bool maze_gone(struct maze *maze)
{
	return maze->ops->gone(maze->engine);
}

int maze_unload(const char *engine, bool *ret_was_loaded, struct maze_error *error)
{
	bool any = false, one;
	size_t i;
	int err;

	for (i = 0; i < ENGINES; i++) {
		if (engine && strcmp(engine, engines[i]->name))
			continue;
		err = engines[i]->unload(&one, error);
		if (err)
			return err;
		any |= one;
	}
	*ret_was_loaded = any;
	return 0;
}

/* Perf events take the stacks of an engine that takes none. */
static void add_sample_limits(struct maze_engine_report *report)
{
	size_t length = strlen(report->blind_spots);
	struct stack_sampler *sampler = NULL;
	const char *limit = "";

	if (stack_sampler_open(gettid(), MAZE_STACK_INTERVAL_DEFAULT_NS, &sampler, NULL))
		limit = "Incidents have no samples: perf events are not permitted (CAP_PERFMON, or "
			"kernel.perf_event_paranoid of at most 2).\n";
	else if (!stack_sampler_sees_kernel(sampler))
		limit = "Samples of incidents are taken in user code only (in the kernel too with "
			"CAP_PERFMON, or kernel.perf_event_paranoid of at most 1).\n";
	stack_sampler_close(sampler);
	snprintf(report->blind_spots + length, sizeof(report->blind_spots) - length, "%s", limit);
}

size_t maze_probe(struct maze_engine_report *ret_reports, size_t max)
{
	struct engine_report report;
	size_t i;

	for (i = 0; i < ENGINES && i < max; i++) {
		engines[i]->probe(&report);
		ret_reports[i].name = report.name;
		ret_reports[i].usable = report.usable;
		ret_reports[i].pinned = report.pinned;
		memcpy(ret_reports[i].why_not, report.why_not, sizeof(report.why_not));
		memcpy(ret_reports[i].detail, report.detail, sizeof(report.detail));
		memcpy(ret_reports[i].blind_spots, report.blind_spots, sizeof(report.blind_spots));
		if (report.usable && !engines[i]->evidence_open)
			add_sample_limits(&ret_reports[i]);
	}
	return ENGINES;
}
