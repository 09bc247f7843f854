/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents: one file (maze-incident(5)) for each episode of a thread with a verdict. The
 * caller passes records, process infos and stacks in any order, and calls
 * incidents_work() from its event loop.
 *
 * No function here prints or waits. A sandboxed helper process reads the files of other
 * users and finds symbols. If files cannot be written, incidents are lost, counted, and
 * reported once. Evidence never delays or changes a verdict: no thread is stopped for it.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_H
#define MAZE_EVIDENCE_INCIDENT_H

#include "../core/stack.h"
#include "../lib/maze.h"

struct incidents;

/* In a shared directory, for each user other than the caller. */
#define INCIDENTS_OPEN_USER 64

struct incidents_options {
	const char *dir; /* created with mode 0700 if it is missing */
	/* Beyond these the oldest incidents are removed. 0: the default. */
	size_t count_max;
	maze_u64 bytes_max;
	maze_u64 age_max_ns;
	bool no_unwind; /* no DWARF unwind of the live thread */
	/* Patterns as in redact_new(): "*secret*". May be NULL. */
	const char *const *redact_names;
	size_t redact_names_count;
	/* Several users have incidents in the directory. See incident_store.h. */
	bool shared;
	/*
	 * For a collector: it ignores records and evidence with another tag (0: any), or
	 * older.
	 */
	maze_u64 tag;
	maze_u64 since_ns; /* CLOCK_BOOTTIME */
	/* Set by the collector for its workers, not by its callers. */
	unsigned int uid; /* the user; part of the id if it is not the caller */
	bool blind;	  /* no process is read, and no file of a process */
	bool replace;	  /* an incident with this id may have been written before */
};

/* The messages of one incidents_work(): sentences without a full stop. */
#define INCIDENT_MESSAGES_MAX 8
struct incident_messages {
	size_t count;
	struct {
		bool trouble; /* a warning; false: an incident was written, or a problem has ended */
		unsigned int uid; /* of the incidents */
		char text[512];
	} message[INCIDENT_MESSAGES_MAX];
};

void incident_messages_add(struct incident_messages *messages, unsigned int uid, bool trouble,
			   const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Strings are copied. -EINVAL: an invalid pattern; -ENOMEM. A directory that cannot be
 * used is not an error here: incidents_work() reports it and tries again.
 */
int incidents_open(const struct incidents_options *options, struct incidents **ret,
		   struct maze_error *error);
/*
 * Uses soft, hard, exit and lost records, and ignores others. A verdict captures its
 * process from /proc at once. `rule` and `policy` are copied; NULL: unknown.
 */
void incidents_record(struct incidents *incidents, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
void incidents_process_info(struct incidents *incidents, const struct maze_process_info *recorded);
void incidents_stack(struct incidents *incidents, const struct maze_stack *stack);
/*
 * Does the work that is due, for a few milliseconds. Returns the ms until the next call;
 * 0: at once, after other events; -1: after the next record or evidence. `ret`, which may
 * be NULL, is always set.
 */
int incidents_work(struct incidents *incidents, struct incident_messages *ret);
/* Symbolizes and writes the open incidents, for at most two seconds. NULL is allowed. */
void incidents_close(struct incidents *incidents, struct incident_messages *ret);

/* Incidents that could not be held or written since incidents_open(). */
maze_u64 incidents_lost(const struct incidents *incidents);

#endif
