/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of open incidents: what incident.c, which fills it, and incident_work.c, which
 * writes it out, share.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_TABLE_H
#define MAZE_EVIDENCE_INCIDENT_TABLE_H

#include "incident.h"
#include "store/incident_store.h"
#include "episode/symbolize.h"

/* Some 30 KiB each before stacks; a machine with more mazed at once has other worries. */
#define INCIDENTS_OPEN_MAX 256
/*
 * After the last piece. Stacks come 20 ms of CPU time apart, which is a second on a
 * processor that 50 threads share.
 */
#define INCIDENT_QUIET_NS (5 * MAZE_NSEC_PER_SEC)

struct incident {
	struct episode episode;
	maze_u64 opened_ns, last_ns; /* CLOCK_BOOTTIME: the first and the last piece */
	maze_u64 written_ns;
	maze_u64 due_ns;  /* when it wants a turn; 0: as soon as can be */
	maze_u64 gone_ns; /* when its process was first seen to have ended; 0: it was not */
	bool looked;
	bool changed; /* since it was written */
	bool written;
	bool failed; /* it could not be written; it is tried once more, at its end */
	bool over;   /* nothing more comes: the thread has another episode */
};

/*
 * Those that were closed last: what still comes of them opens no new incident, but for a
 * record.
 */
#define INCIDENTS_CLOSED_MAX 64
struct incident_closed {
	bool used;
	maze_u32 pid, tid, episode;
};

struct incidents {
	struct incident_closed closed[INCIDENTS_CLOSED_MAX];
	size_t closed_next;
	struct incident *open[INCIDENTS_OPEN_MAX];
	size_t next; /* where the next call goes on */
	maze_u64 serial;
	struct symbolize_sources sources;
	struct incident_store *store;
	struct redactor *redactor;
	bool unwinds;
	size_t unwinds_open; /* perf events that are open */
	char last_id[EPISODE_ID_MAX];
	maze_u64 lost;
	maze_u64 crowded; /* of these, for want of room, and not said yet */
	bool crowd_reported;
	bool is_new;	    /* the directory has not been tried */
	bool failing;	    /* the directory takes no files, which was said */
	maze_u64 lost_then; /* `lost` when that began */
	bool prune;	    /* there may be too many files */
	maze_u64 pruned_ns;
	bool helper_reported; /* that there is none */
	size_t open_max;
	unsigned int uid; /* named in ids, if it is not ours */
	bool replace;
	void (*on_closed)(void *arg, const struct incident_closed *closed);
	void *on_closed_arg;
};

/* Called for each incident that is dropped, or had no room. */
void incidents_on_closed(struct incidents *incidents,
			 void (*on_closed)(void *arg, const struct incident_closed *closed),
			 void *arg);

/* Whether it has a verdict's record, without which no reader takes it. */
bool incident_has_record(const struct incident *incident);
void incident_drop(struct incidents *incidents, struct incident **incident);
void incidents_free(struct incidents *incidents);

#endif
