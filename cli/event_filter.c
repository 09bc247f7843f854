/* SPDX-License-Identifier: GPL-2.0-only */
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/glob.h"
#include "lib/time_spec.h"

/* "verdict" stands for both stages. */
static const struct {
	const char *name;
	unsigned int kinds;
} names[] = {
	{ "verdict", 1U << MAZE_EVENT_SOFT | 1U << MAZE_EVENT_HARD },
	{ "action", 1U << EVENT_ACTION },
};

static unsigned int kinds_of(const char *name)
{
	unsigned int i;

	for (i = 1; i < MAZE_EVENT_COUNT_; i++)
		if (!strcmp(name, maze_event_name(i)))
			return 1U << i;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i].name))
			return names[i].kinds;
	return 0;
}

static int parse_kinds(struct event_filter *filter, const struct command *command, const char *text)
{
	char *copy = strdup(text), *rest = copy, *name;
	unsigned int kinds = 0;
	int status = 0;

	while (copy && !status && (name = strsep(&rest, ","))) {
		kinds = kinds_of(name);
		filter->kinds |= kinds;
		if (!kinds)
			status = usage_error(command,
					     "unknown event \"%s\": use soft, hard, verdict, "
					     "exit, watch, unwatch, lost or action, or several "
					     "with commas",
					     name);
	}
	free(copy);
	return status;
}

static int parse_user(struct event_filter *filter, const struct command *command, const char *name)
{
	const struct passwd *user = getpwnam(name);
	unsigned long uid;
	char *end;

	errno = 0;
	uid = strtoul(name, &end, 10);
	if (!user && (errno || *end || end == name || name[0] == '-' || uid >= UINT_MAX))
		return usage_error(command, "unknown user \"%s\"", name);
	filter->by_user = true;
	filter->uid = user ? user->pw_uid : (maze_u32)uid;
	return 0;
}

static int parse_time(const struct command *command, const char *option, const char *text,
		      long long now, long long *ret_ns)
{
	struct maze_error error = { "" };

	if (text && time_spec_parse(text, now, ret_ns, &error))
		return usage_error(command, "--%s: %s", option, error.text);
	return 0;
}

static int parse_glob(const struct command *command, const char *option, const char *pattern,
		      const char **ret_glob)
{
	struct maze_error error = { "" };

	if (pattern && glob_check(pattern, &error))
		return usage_error(command, "--%s: %s", option, error.text);
	*ret_glob = pattern;
	return 0;
}

int event_filter_init(struct event_filter *filter, const struct command *command,
		      const struct options *options)
{
	long long now = (long long)now_ns(CLOCK_REALTIME);
	int status;

	*filter = (struct event_filter){ .since_ns = LLONG_MIN, .until_ns = LLONG_MAX };
	status = parse_time(command, "since", options->since, now, &filter->since_ns);
	if (!status)
		status = parse_time(command, "until", options->until, now, &filter->until_ns);
	if (!status && filter->since_ns > filter->until_ns)
		status = usage_error(command, "--since is later than --until");
	if (!status && options->pid)
		status = id_parse(command, "PID", options->pid, &filter->pid);
	if (!status && options->user)
		status = parse_user(filter, command, options->user);
	if (!status && options->event)
		status = parse_kinds(filter, command, options->event);
	if (!status)
		status = parse_glob(command, "comm", options->comm, &filter->comm);
	if (!status)
		status = parse_glob(command, "unit", options->unit, &filter->unit);
	return status ? status : parse_glob(command, "rule", options->rule, &filter->rule);
}

static bool is_of_unit(const char *glob, const char *unit)
{
	static const char service[] = ".service";
	size_t length = unit ? strlen(unit) : 0;

	if (!unit)
		return false;
	if (glob_matches(glob, unit))
		return true;
	/* "nginx" means nginx.service, as in systemctl(1). */
	return length > strlen(service) && !strcmp(unit + length - strlen(service), service) &&
	       glob_matches_bytes(glob, unit, length - strlen(service));
}

bool event_filter_passes(const struct event_filter *filter, const struct event *event)
{
	const struct maze_record *record = &event->record;

	if (event->wall_ns < filter->since_ns || event->wall_ns > filter->until_ns)
		return false;
	if (filter->kinds && !(filter->kinds >> event->kind & 1))
		return false;
	/* The lost records may have been of any process. */
	if (event->kind == MAZE_EVENT_LOST && !record->tid)
		return true;
	if (filter->pid && record->pid != (maze_u32)filter->pid)
		return false;
	if (filter->by_user && record->uid != filter->uid)
		return false;
	if (filter->comm &&
	    !glob_matches_bytes(filter->comm, record->comm, strnlen(record->comm, MAZE_COMM_LEN)))
		return false;
	if (filter->unit && !is_of_unit(filter->unit, event->unit) &&
	    !is_of_unit(filter->unit, event->user_unit))
		return false;
	return !filter->rule || (event->rule && glob_matches(filter->rule, event->rule));
}
