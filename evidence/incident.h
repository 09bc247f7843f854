/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents: what is known of one episode of one thread, from its soft verdict on, in a
 * file of its own (maze-incident(5)). Who reads records, process infos and stacks of an
 * engine hands them over here, in any order, and calls incidents_work() from its loop.
 *
 * Nothing here prints, and nothing waits: files of other users are read by a helper
 * process without privileges, symbols are looked up there, and a directory that does not
 * take a file loses the incident, which is counted and said once. Evidence never holds
 * up or changes a verdict: no thread is stopped for it.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_H
#define MAZE_EVIDENCE_INCIDENT_H

#include "../core/stack.h"
#include "../lib/maze.h"

struct incidents;

/* Of a user other than the caller, where the directory is shared. */
#define INCIDENTS_OPEN_USER 64

struct incidents_options {
	const char *dir; /* made, for its owner only, where it is missing */
	/* What the directory keeps: older incidents are removed first. 0: the default. */
	size_t count_max;
	maze_u64 bytes_max;
	maze_u64 age_max_ns;
	bool no_unwind; /* no DWARF unwind of the live thread */
	/*
	 * Names of options and variables whose values are not written, case not minded:
	 * "*secret*". On top of those that redact.h always has. May be NULL.
	 */
	const char *const *redact_names;
	size_t redact_names_count;
	/*
	 * The directory has the incidents of several users: then incident_store.h gives each a share, and
	 * at most INCIDENTS_OPEN_USER of a user other than the caller are open at once.
	 */
	bool shared;
	/* For a collector: it ignores records and evidence with another tag (0: any), or older. */
	maze_u64 tag;
	maze_u64 since_ns; /* CLOCK_BOOTTIME */
	/* Set by the collector for its workers, not by its callers. */
	unsigned int uid; /* whose incidents; named in the id if it is not the caller's */
	bool blind;	  /* read no process and no file of one */
	bool replace;	  /* an incident of that id may have been written before */
};

/* What there is to say after a call of incidents_work(): sentences without full stop. */
#define INCIDENT_MESSAGES_MAX 8
struct incident_messages {
	size_t count;
	struct {
		bool trouble; /* a warning; false: an incident was written, or all is well again */
		unsigned int uid; /* of collector_work(): whose worker */
		char text[512];
	} message[INCIDENT_MESSAGES_MAX];
};

/*
 * Texts and masks are copied. -EINVAL: a mask is none; -ENOMEM. A directory that cannot be
 * used is no failure: incidents_work() says so, and goes on trying.
 */
int incidents_open(const struct incidents_options *options, struct incidents **ret,
		   struct maze_error *error);
/*
 * Soft and hard verdicts, exits and losses; others are passed over. A verdict makes its
 * process be looked at in /proc, there and then. `rule` (may be NULL) and `policy` (may be
 * NULL: not known) are copied.
 */
void incidents_record(struct incidents *incidents, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
void incidents_process_info(struct incidents *incidents, const struct maze_process_info *recorded);
void incidents_stack(struct incidents *incidents, const struct maze_stack *stack);
/*
 * Does what is due, in slices of a few milliseconds. Returns the milliseconds until it
 * wants to be called again, 0: at once, after other events; -1: not before something new
 * was handed over. `ret` (may be NULL: nobody listens) is always set.
 */
int incidents_work(struct incidents *incidents, struct incident_messages *ret);
/* Resolves and writes what is open, for at most two seconds. NULL is fine. */
void incidents_close(struct incidents *incidents, struct incident_messages *ret);

/* The incident that was written last, "" when none was; until the next call. */
const char *incidents_last_id(const struct incidents *incidents);
/* Incidents that could not be kept or written since incidents_open(). */
maze_u64 incidents_lost(const struct incidents *incidents);

#endif
