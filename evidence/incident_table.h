/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of open incidents: incident.c fills it, incident_work.c writes it. */
#ifndef MAZE_EVIDENCE_INCIDENT_TABLE_H
#define MAZE_EVIDENCE_INCIDENT_TABLE_H

#include "incident.h"
#include "store/incident_store.h"
#include "episode/symbolize.h"

/* About 30 KiB each before stacks. More runaway threads at a time are not expected. */
#define INCIDENTS_OPEN_MAX 256
/*
 * Without new evidence for so long, an incident is quiet. Stacks come 20 ms of CPU time
 * apart, which is a second on a CPU that 50 threads share.
 */
#define INCIDENT_QUIET_NS (5 * MAZE_NSEC_PER_SEC)

struct incident {
	struct episode episode;
	maze_u64 opened_ns, last_ns; /* CLOCK_BOOTTIME of the first and the last evidence */
	maze_u64 written_ns;
	maze_u64 due_ns;  /* of its next turn; 0: now */
	maze_u64 gone_ns; /* when its process was first found ended; 0: live */
	bool captured;	  /* /proc was read, successfully or not */
	bool changed;	  /* since it was written */
	bool written;
	bool failed; /* could not be written; tried once more at its end */
	bool over;   /* the thread has another episode */
};

/* The incidents closed last: late stacks and process infos open no new ones. */
#define INCIDENTS_CLOSED_MAX 64
struct incident_closed {
	bool used;
	maze_u32 pid, tid, episode;
};

struct incidents {
	struct incident_closed closed[INCIDENTS_CLOSED_MAX];
	size_t closed_next;
	struct incident *open[INCIDENTS_OPEN_MAX];
	size_t next; /* the first turn of the next call */
	maze_u64 serial;
	struct symbolize_sources sources;
	struct incident_store *store;
	struct redactor *redactor;
	bool unwinds;
	size_t unwinds_open; /* perf events that are open */
	maze_u64 lost;
	maze_u64 crowded; /* lost because the table was full */
	bool crowd_reported;
	bool is_new;	    /* the directory has not been tried */
	bool failing;	    /* files cannot be written; reported */
	maze_u64 lost_then; /* `lost` when the problem began */
	bool prune;	    /* there may be too many files */
	maze_u64 pruned_ns;
	bool helper_reported; /* it cannot start */
	size_t open_max;
	unsigned int uid; /* part of ids if it is not ours */
	bool replace;
	void (*on_closed)(void *arg, const struct incident_closed *closed);
	void *on_closed_arg;
};

/* Called for each incident that is dropped or had no room. */
void incidents_on_closed(struct incidents *incidents,
			 void (*on_closed)(void *arg, const struct incident_closed *closed),
			 void *arg);

/* Whether it has the record of a verdict. Without one it is never written. */
bool incident_has_record(const struct incident *incident);
void incident_drop(struct incidents *incidents, struct incident **incident);
void incidents_free(struct incidents *incidents);

#endif
