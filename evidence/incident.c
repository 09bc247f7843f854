/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents; see incident.h.
 */
#include "incident.h"

#include <errno.h>

#include "../lib/error.h"

int incidents_open(const struct incidents_options *options, struct incidents **ret,
		   struct maze_error *error)
{
	(void)ret;
	return maze_fail(error, -EOPNOTSUPP, "incidents cannot be kept in %s yet", options->dir);
}

void incidents_record(struct incidents *incidents, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy)
{
	(void)incidents;
	(void)record;
	(void)engine;
	(void)rule;
	(void)policy;
}

void incidents_portrait(struct incidents *incidents, const struct maze_portrait *portrait)
{
	(void)incidents;
	(void)portrait;
}

void incidents_stack(struct incidents *incidents, const struct maze_stack *stack)
{
	(void)incidents;
	(void)stack;
}

int incidents_work(struct incidents *incidents, struct incidents_said *ret)
{
	(void)incidents;
	if (ret)
		ret->count = 0;
	return -1;
}

void incidents_close(struct incidents *incidents, struct incidents_said *ret)
{
	(void)incidents;
	if (ret)
		ret->count = 0;
}

const char *incidents_last_id(const struct incidents *incidents)
{
	(void)incidents;
	return "";
}

maze_u64 incidents_lost(const struct incidents *incidents)
{
	(void)incidents;
	return 0;
}
