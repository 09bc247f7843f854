/* SPDX-License-Identifier: GPL-2.0-only */
/* The open incidents. incident.c adds them, and incident_work.c writes their files. */
#ifndef MAZE_EVIDENCE_INCIDENT_TABLE_H
#define MAZE_EVIDENCE_INCIDENT_TABLE_H

#include <poll.h>

#include "../lib/stack_sampler.h"
#include "incident.h"
#include "store/incident_store.h"
#include "episode/python_reads.h"

/* The maximum of open incidents. Each takes about 30 KiB without its stacks. */
#define INCIDENTS_OPEN_MAX 256
/*
 * An incident is quiet after this time without new evidence. A thread gives a stack every
 * 20 ms of its CPU time. This takes a second if 50 threads share a CPU.
 */
#define INCIDENT_QUIET_NS (5 * MAZE_NSEC_PER_SEC)

/* The threads that are sampled at the same time. Each locks 36 KiB of memory. */
#define INCIDENT_SAMPLERS_MAX 32

/* The perf event that samples the thread of an incident (incident_samples.h). */
struct incident_samples {
	bool began;		       /* at a verdict, successfully or not */
	struct stack_sampler *sampler; /* NULL: closed */
	maze_u64 count_ns;	       /* the maze count at the verdict */
	maze_u64 began_ns;	       /* CLOCK_BOOTTIME, before the sampler was opened */
	maze_u64 sleeps, waited_ns;    /* of the thread at that time */
	maze_u64 checked_ns;	       /* CLOCK_BOOTTIME of the members below */
	maze_u64 wait_ns;	       /* for a CPU since then; read only if it slept */
	bool slept;
};

struct incident {
	struct episode_key key;
	struct episode episode;
	struct incident_samples samples;
	maze_u64 opened_ns, last_ns; /* CLOCK_BOOTTIME of the first and the last evidence */
	maze_u64 written_ns;
	maze_u64 due_ns;  /* when work on it is due again; 0: now */
	maze_u64 gone_ns; /* when its process was first found to have ended; 0: it lives */
	bool captured;	  /* /proc was read, successfully or not */
	bool changed;	  /* since it was written */
	bool written;
	bool failed; /* the last write failed; the next try comes at the end of the incident */
	bool over;   /* a later episode of the thread has begun */
	char signature[SIGNATURE_LEN]; /* that was reported */
};

/* The number of closed incidents that late evidence does not open again. */
#define INCIDENTS_CLOSED_MAX 64

struct incidents {
	struct episode_key closed[INCIDENTS_CLOSED_MAX]; /* a ring; zeros: none */
	size_t closed_next;
	struct incident *open[INCIDENTS_OPEN_MAX];
	size_t next; /* where in `open` the next call begins */
	maze_u64 serial;
	struct symbolize_sources sources;
	struct incident_store *store;
	struct redactor *redactor;
	bool unwinds;
	size_t unwinds_open;		    /* perf events that are open */
	struct maze_evidence_wants samples; /* stacks_max 0: the engine takes stacks */
	size_t samplers_open;
	maze_u64 lost;
	maze_u64 crowded; /* incidents lost because the table was full */
	bool crowd_reported;
	bool is_new;	    /* the directory was not tried yet */
	bool failing;	    /* files cannot be written, and this was reported */
	maze_u64 lost_then; /* `lost` when the problem began */
	bool prune;	    /* there may be too many files */
	maze_u64 pruned_ns;
	bool helper_reported; /* it was reported that the helper cannot start */
	size_t open_max;
	unsigned int uid; /* the user; part of the ids unless it is our own */
	pid_t reaper;	  /* gets the orphans of a watched tree as children; 0: unknown */
	bool replace;
	void (*on_written)(void *arg, const struct episode_key *written);
	void (*on_closed)(void *arg, const struct episode_key *closed);
	void *listener; /* the argument of both */
};

/*
 * Sets the functions that are called for each incident that gets its file, and for each that
 * is dropped or had no room. NULL: none.
 */
void incidents_listen(struct incidents *incidents,
		      void (*on_written)(void *arg, const struct episode_key *written),
		      void (*on_closed)(void *arg, const struct episode_key *closed), void *arg);

/* Whether it has the record of a verdict. Only then is the incident written. */
bool incident_has_record(const struct incident *incident);
/* Returns the episode, and after it those of a group's consumers; NULL: there are no more. */
struct episode *incident_part(struct incident *incident, size_t i);
void incident_drop(struct incidents *incidents, struct incident **incident);
void incidents_free(struct incidents *incidents);

#endif
