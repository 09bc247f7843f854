/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenarios that an engine cannot pass, and why. */
#include "conformance.h"

#include <string.h>

#define NO_YIELDS "/proc does not show a sched_yield, so yields are not reset points"
#define NOT_ALONE "its watches end with the maze process that made them"

static const struct {
	const char *engine, *scenario, *reason;
} cannot[] = {
	{ "poll", "yields alone", NO_YIELDS },
	{ "poll", "yields among others", NO_YIELDS },
	{ "poll", "yields alone at every half of the limit", NO_YIELDS },
	{ "poll", "yields among others at every half of the limit", NO_YIELDS },
	{ "poll", "yields alone at sixty hundredths of the limit", NO_YIELDS },
	{ "poll", "yields among others at sixty hundredths of the limit", NO_YIELDS },
	{ "poll", "yields as a real-time task that preempts a yielder", NO_YIELDS },
	{ "poll", "interrupted by waits for a lock, recovery lock:9",
	  "/proc does not show a wait for a lock, so it forgives all, as any sleep" },
	{ "poll", "a thousand short-lived processes leave nothing",
	  "a process that ends before a check leaves no trace in /proc" },
	{ "poll", "yields within short episodes, and after their verdicts", NO_YIELDS },
	{ "poll", "short episodes among spinners", NO_YIELDS },
	{ "poll", "short episodes that end near their limit",
	  "it sees a limit of a few ms too late" },
	{ "poll", "threads that end near their limit have a verdict",
	  "it sees a limit of a few ms too late" },
	{ "kmod", "threads that end near their limit have a verdict",
	  "what a thread runs after its last tick is not booked when it ends" },
	{ "poll", "limits changed mid-episode", NOT_ALONE },
	{ "poll", "enforcement outlives every maze process", NOT_ALONE },
	{ "poll", "one thread of a process", NOT_ALONE },
	{ "poll", "short-lived processes leave no entry in the list", NOT_ALONE },
	{ NULL, NULL, NULL },
};

const char *cannot_reason(const char *engine, const char *scenario)
{
	size_t i;

	for (i = 0; cannot[i].engine; i++)
		if (!strcmp(cannot[i].engine, engine) && !strcmp(cannot[i].scenario, scenario))
			return cannot[i].reason;
	return NULL;
}
