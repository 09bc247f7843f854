/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles of libmaze: which engines there are, in order of preference, and the
 * calls that pass straight through to one. What is about processes is in watch.c.
 */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In order of preference. A new engine is a row here and a directory in engine/. */
static const struct engine_ops *const engines[] = {
	&engine_bpf,
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

static const enum engine_scope scopes[] = {
	[MAZE_PRIVATE] = ENGINE_PRIVATE,
	[MAZE_PINNED] = ENGINE_PINNED,
	[MAZE_EXISTING] = ENGINE_EXISTING,
};

int maze_open(const char *engine, enum maze_scope scope, struct maze **ret_maze,
	      struct maze_error *error)
{
	struct engine_error why = { "" };
	struct maze *maze;
	int err;

	maze = calloc(1, sizeof(*maze));
	if (!maze)
		return handle_fail(error, -ENOMEM, "out of memory");
	/* One engine so far, so the best is also the first. */
	maze->ops = !engine || !strcmp(engine, "auto") ? engines[0] : find_engine(engine);
	if (!maze->ops) {
		free(maze);
		return handle_fail(error, -EINVAL,
				   "\"%s\" is not an engine of this maze; it has: auto, bpf",
				   engine);
	}
	err = maze->ops->open(scopes[scope], &maze->engine, &why);
	if (err) {
		free(maze);
		return handle_fail(error, err, "%s", why.text);
	}
	*ret_maze = maze;
	return 0;
}

void maze_close(struct maze *maze)
{
	if (!maze)
		return;
	maze->ops->close(maze->engine);
	free(maze);
}

const char *maze_engine_name(const struct maze *maze)
{
	return maze->ops->name;
}

struct maze_reader {
	const struct engine_ops *ops;
	struct engine_reader *reader;
};

int maze_reader_open(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		     struct maze_error *error)
{
	struct maze_reader *reader = calloc(1, sizeof(*reader));
	struct engine_error why = { "" };
	int err;

	if (!reader)
		return handle_fail(error, -ENOMEM, "out of memory");
	reader->ops = maze->ops;
	err = maze->ops->reader_open(maze->engine, from_oldest, &reader->reader, &why);
	if (err) {
		free(reader);
		return handle_fail(error, err, "%s", why.text);
	}
	*ret_reader = reader;
	return 0;
}

int maze_reader_fd(struct maze_reader *reader)
{
	return reader->ops->reader_fd(reader->reader);
}

int maze_reader_next(struct maze_reader *reader, struct maze_record *ret_record)
{
	return reader->ops->reader_next(reader->reader, ret_record);
}

void maze_reader_close(struct maze_reader *reader)
{
	if (!reader)
		return;
	reader->ops->reader_close(reader->reader);
	free(reader);
}

int maze_attend_fd(struct maze *maze)
{
	return maze->ops->attend_fd(maze->engine);
}

int maze_attend(struct maze *maze)
{
	return maze->ops->attend(maze->engine);
}

int maze_reside(struct maze *maze)
{
	return maze->ops->reside(maze->engine);
}

int maze_gone_fd(struct maze *maze)
{
	return maze->ops->gone_fd(maze->engine);
}

bool maze_gone(struct maze *maze)
{
	return maze->ops->gone(maze->engine);
}

int maze_unload(bool *ret_was_loaded, struct maze_error *error)
{
	struct engine_error why = { "" };
	bool any = false, one;
	size_t i;
	int err;

	for (i = 0; i < ENGINES; i++) {
		err = engines[i]->unload(&one, &why);
		if (err)
			return handle_fail(error, err, "%s", why.text);
		any |= one;
	}
	*ret_was_loaded = any;
	return 0;
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
	}
	return ENGINES;
}
