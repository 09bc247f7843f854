/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes incidents. An incident is a file (maze-incident(5)) about one episode of a
 * thread with a verdict. The caller passes records, process infos and stacks in any
 * order. It calls incidents_work() from its event loop.
 *
 * No function here prints or waits. A sandboxed helper process reads the files of other
 * users and finds symbols. Evidence never delays or changes a verdict, because no thread
 * is stopped to take it. If files cannot be written, the incidents are lost. They are
 * counted, and the problem is reported once.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_H
#define MAZE_EVIDENCE_INCIDENT_H

#include "../core/stack.h"
#include "../core/system_calls.h"
#include "../lib/maze.h"
#include "../lib/signature.h"
#include "episode/episode.h"
#include "episode/episode_key.h"

struct incidents;

/* The default of calls_cpu_ns. */
#define INCIDENTS_CALLS_CPU_NS (20 * MAZE_NSEC_PER_MSEC)
/* The maximum of open incidents of another user than our own in a shared directory. */
#define INCIDENTS_OPEN_USER 64

struct incidents_options {
	const char *dir; /* created with mode 0700 if it is missing */
	/* The oldest incidents beyond these limits are removed. 0: the default. */
	size_t count_max;
	maze_u64 bytes_max;
	maze_u64 age_max_ns;
	bool no_unwind;	    /* do not unwind the live thread's stack by DWARF */
	bool java_perf_map; /* request the perf map of a Java virtual machine */
	/* Patterns for redact_new(), such as "*secret*". May be NULL. */
	const char *const *redact_names;
	size_t redact_names_count;
	/* Several users have incidents in the directory (incident_store.h). */
	bool shared;
	/*
	 * A collector takes only records and evidence with this tag (0: with any tag). It
	 * ignores those that are older than `since_ns`.
	 */
	maze_u64 tag;
	maze_u64 since_ns; /* CLOCK_BOOTTIME */
	/*
	 * A collector counts the system calls of a runaway thread for this CPU time. 0: it
	 * counts none.
	 */
	maze_u64 calls_cpu_ns;
	/* The collector sets these for its workers. Its callers leave them 0. */
	unsigned int uid; /* the user; part of the ids unless it is the caller */
	bool blind;	  /* read no process and no file of a process */
	bool replace;	  /* replace an existing file with the id of an incident */
};

/* An incident that was written. All text is untrusted. */
struct incident_written {
	char id[EPISODE_ID_MAX];       /* "": none was written */
	char signature[SIGNATURE_LEN]; /* "": unknown */
	bool again; /* it was reported before, but its last write has another signature */
	struct episode_key key;
	/* Only from a collector, and not by a worker process: its newest verdict. */
	struct maze_record record;
	char rule[80]; /* "": none */
};

struct incident_message {
	bool trouble;	  /* a warning; false: a file was written, or a problem has ended */
	unsigned int uid; /* the user of the incidents */
	char text[512];	  /* a sentence without a full stop */
	struct incident_written written;
};

/* The messages of one incidents_work(). */
#define INCIDENT_MESSAGES_MAX 8
struct incident_messages {
	size_t count;
	/* Since the last call. Only the collector counts them. */
	maze_u64 written, lost; /* incidents */
	maze_u64 evidence_lost; /* process infos and stacks */
	struct incident_message message[INCIDENT_MESSAGES_MAX];
};

void incident_messages_add(struct incident_messages *messages, unsigned int uid, bool trouble,
			   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds a message of a worker process, which may have been taken over. */
void incident_messages_copy(struct incident_messages *messages, unsigned int uid,
			    const struct incident_message *message);

/*
 * Copies the strings. Returns -EINVAL for an invalid pattern, or -ENOMEM. An unusable
 * directory is no error here, because incidents_work() reports it and tries again.
 */
int incidents_open(const struct incidents_options *options, struct incidents **ret,
		   struct maze_error *error);
/*
 * Uses soft, hard, exit and lost records, and ignores others. For a verdict it reads the
 * process from /proc at once. It copies `rule` and `policy`, which are NULL if unknown.
 */
void incidents_record(struct incidents *incidents, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
void incidents_process_info(struct incidents *incidents, const struct maze_process_info *recorded);
void incidents_stack(struct incidents *incidents, const struct maze_stack *stack);
/*
 * Has perf events take the stacks of later verdicts, because their engine takes none.
 * stacks_max 0: no longer.
 */
void incidents_take_samples(struct incidents *incidents, const struct maze_evidence_wants *wants);
/*
 * Adds the system calls of a slice to an open incident, or the reason why there are none:
 * `missing` is -errno, and 0 if there is a slice.
 */
void incidents_calls(struct incidents *incidents, const struct episode_key *key, int missing,
		     const struct call_slice *slice);
/* Adds the last runs of the thread up to a verdict; count 0: they are unknown. */
void incidents_runs(struct incidents *incidents, const struct episode_key *key,
		    const struct maze_last_runs *runs);
/* Adds an action to an open incident, which then stays open while the result is pending. */
void incidents_action(struct incidents *incidents, const struct episode_key *key,
		      const struct episode_action *action);
/*
 * Does the work that is due, for at most a few milliseconds. Returns the ms until the
 * next call is due. 0 means that it is due after the caller has handled its other events.
 * -1 means that it is due after the next record or evidence. Always sets *ret, unless
 * `ret` is NULL.
 */
int incidents_work(struct incidents *incidents, struct incident_messages *ret);
/* Symbolizes and writes the open incidents, for at most two seconds. Ignores NULL. */
void incidents_close(struct incidents *incidents, struct incident_messages *ret);

/* The incidents since incidents_open() that had no room or could not be written. */
maze_u64 incidents_lost(const struct incidents *incidents);

#endif
