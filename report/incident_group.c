/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two incidents belong to one process if the PIDs in their IDs and the start times are
 * equal. A signal counts if its time is within the episode.
 */
#include "incident_group.h"
#include "incident_file.h"
#include "shown.h"

#include <limits.h>
#include <string.h>

/* A signal that may end the whole process. SIGKILL always does. */
struct signal_sent {
	const char *id; /* ID of the incident with the signal; NULL: none found */
	long long time_ns, tid;
	bool by_kill;
	char signal[sizeof(((struct incident *)0)->ended_by_signal)];
};

struct search {
	const struct incident *incident;
	long long since_ns, until_ns;
	bool ended;   /* the thread has ended, so the last signal counts */
	bool shadows; /* signals that shadow mode has suppressed count too */
	struct signal_sent found;
};

/* Whether both IDs, TIME-PID-TID-EPISODE, have the same PID. */
static bool same_pid(const char *a, const char *b)
{
	const char *of_a = strchr(a, '-'), *of_b = strchr(b, '-'), *end;

	if (!of_a || !of_b)
		return false;
	end = strchr(of_a + 1, '-');
	return end && !strncmp(of_a, of_b, (size_t)(end - of_a) + 1);
}

static bool same_process(const struct incident *a, const struct incident *b)
{
	const char *of_a = a->process.started, *of_b = b->process.started;

	return !of_a || !of_b || !strcmp(of_a, of_b);
}

static bool is_better(const struct search *search, const struct signal_sent *sent)
{
	const struct signal_sent *found = &search->found;

	if (sent->time_ns < search->since_ns || sent->time_ns > search->until_ns)
		return false;
	if (sent->by_kill)
		return !found->by_kill || sent->time_ns < found->time_ns;
	return search->ended && !found->by_kill && sent->time_ns > found->time_ns;
}

static void consider(struct search *search, const struct incident *incident, const char *id)
{
	const struct incident_record *record;
	struct signal_sent sent;
	size_t i;

	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		if (!record->signal ||
		    (strcmp(record->event, "soft") != 0 && strcmp(record->event, "hard") != 0))
			continue;
		if (!record->sent && !(search->shadows && record->shadow))
			continue;
		if (!record->fatal && strcmp(record->signal, "SIGKILL") != 0)
			continue;
		sent = (struct signal_sent){ .id = id,
					     .time_ns = record->time_ns,
					     .tid = record->tid,
					     .by_kill = !strcmp(record->signal, "SIGKILL") };
		if (!is_better(search, &sent))
			continue;
		search->found = sent;
		snprintf(search->found.signal, sizeof(search->found.signal), "%s", record->signal);
	}
}

static void search_group(const struct incident_dir *dir, struct search *search, const char *id)
{
	const struct incident_record *exit = shown_record(search->incident, "exit");
	struct incident *other;
	size_t i;

	search->ended = exit != NULL;
	search->since_ns = shown_since(search->incident);
	search->until_ns = exit && exit->time_ns >= 0 ? exit->time_ns : LLONG_MAX;
	search->found.time_ns = INCIDENT_UNKNOWN;
	/* If the times are missing, the order is unknown, so find no signal. */
	if (search->since_ns < 0 || search->incident->group)
		return;
	consider(search, search->incident, id);
	for (i = 0; i < dir->count; i++) {
		if (!strcmp(dir->ids[i], id) || !same_pid(dir->ids[i], id))
			continue;
		if (incident_dir_load(dir, dir->ids[i], &other, NULL))
			continue;
		/* The signals of a group are not sent to a thread. */
		if (!other->group && same_process(search->incident, other))
			consider(search, other, dir->ids[i]);
		incident_free(other);
	}
}

void incident_group_leader(const struct incident_dir *dir, const struct incident *incident,
			   const char *id, const char **ret_id)
{
	struct search search = { .incident = incident, .shadows = true };

	search_group(dir, &search, id);
	*ret_id = search.found.id ? search.found.id : id;
}

void incident_group_note_end(const struct incident_dir *dir, struct incident *incident,
			     const char *id)
{
	struct search search = { .incident = incident };

	search_group(dir, &search, id);
	if (!search.ended || !search.found.id || !strcmp(search.found.id, id))
		return;
	incident->ended_by_tid = search.found.tid;
	memcpy(incident->ended_by_signal, search.found.signal, sizeof(search.found.signal));
}
