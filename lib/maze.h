/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libmaze: watches tasks that use CPU time without sleeping. maze(1) and docs/DESIGN.md
 * define the terms. Durations are in nanoseconds (`_ns`), signals are numbers of
 * signal(7).
 *
 * A call that can fail returns 0 (or another documented value) or -errno. On failure it
 * leaves its ret_* arguments untouched and writes one sentence into `error`, which may be
 * NULL. No call prints, exits or starts a process. A handle may be used by one thread at
 * a time.
 */
#ifndef MAZE_H
#define MAZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/policy.h"
#include "../core/process_event.h"
#include "../core/record.h"
#include "../core/stack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- text to numbers and back ------------------------------------------------- */

/*
 * Parses a duration as in systemd.time(7): "500ms", "10s", "1min 30s", "1.5h"; a bare
 * number is seconds. Exact to the nanosecond. -EINVAL: malformed; -ERANGE: too long. The
 * range of limits is checked by maze_policy_explain().
 */
int maze_duration_parse(const char *text, maze_u64 *ret_ns, struct maze_error *error);
/* Writes the shortest exact form ("1min 30s", "250ms", "1.5us", "0"); returns buf. */
const char *maze_duration_format(maze_u64 ns, char *buf, size_t size);

/* "KILL", "sigkill", "9", "RTMIN+3", "0" (none). -EINVAL: unknown signal. */
int maze_signal_parse(const char *text, int *ret_signal, struct maze_error *error);
/* "SIGKILL", "SIGRTMIN+3", "none" for 0, or the number; returns buf. */
const char *maze_signal_format(int signal, char *buf, size_t size);

/* The same for a soft signal; "warn" if maze_policy_warns(). */
const char *maze_soft_signal_format(maze_u32 flags, int soft_signal, char *buf, size_t size);

/* "inf", a ratio above 0 up to 1000 ("1", "0.25"), or one for lock waits ("lock:29"). */
int maze_recovery_parse(const char *text, maze_u32 *ret_recovery, struct maze_error *error);
const char *maze_recovery_format(maze_u32 recovery, char *buf, size_t size);

/* ---- policies ------------------------------------------------------------------- */

/*
 * The defaults: soft 10 s warn, hard 20 s SIGKILL, recovery lock:29, inherit, yields
 * reset, signals to the thread, no shadow.
 */
void maze_policy_default(struct maze_policy *ret_policy);

/* One key of a policy, as a long option and as a key of a configuration file. */
struct maze_policy_key {
	const char *name;     /* "soft-signal" */
	const char *argument; /* "SIG|warn"; NULL: none as an option, yes/no in maze.conf */
	const char *help;     /* one line */
};
/* The table, ended by a NULL name. `inherit` is not an option, only `no-inherit` is. */
const struct maze_policy_key *maze_policy_keys(void);
/*
 * Sets one key from text. A NULL `value` is "yes" for a key without argument. -ENOENT:
 * unknown key; -EINVAL, -ERANGE: invalid value. maze_policy_explain() checks
 * combinations.
 */
int maze_policy_set(struct maze_policy *policy, const char *key, const char *value,
		    struct maze_error *error);
/* 0, or -EINVAL and a message for the result of maze_policy_check(). */
int maze_policy_explain(const struct maze_policy *policy, struct maze_error *error);

/* ---- records --------------------------------------------------------------------- */

/* "soft", "hard", "exit", "watch", "unwatch", "lost"; NULL for other values. */
const char *maze_event_name(unsigned int event);
/*
 * The reason in enum maze_not_sent: "thread was exiting"; NULL for NONE and unknown
 * values.
 */
const char *maze_not_sent_name(unsigned int not_sent);

/* A line of text without newline. Returns its length, as snprintf(3) does. */
int maze_record_text(const struct maze_record *record, const char *engine, char *buf, size_t size);
/* A JSON object on one line without newline, for free(3). NULL: out of memory. */
char *maze_record_json(const struct maze_record *record, const char *engine);
char *maze_entry_json(const struct maze_entry *entry, const char *engine);
/*
 * Parses such JSON, which has no `seq` and no tags. Unknown keys are ignored. -EINVAL:
 * malformed.
 */
int maze_record_parse(const char *text, struct maze_record *ret_record, struct maze_error *error);
int maze_entry_parse(const char *text, struct maze_entry *ret_entry, struct maze_error *error);

/* ---- watching --------------------------------------------------------------------- */

struct maze;
struct maze_reader;

enum maze_scope {
	MAZE_PRIVATE,  /* watches end with this process */
	MAZE_PINNED,   /* watches stay in the kernel; loads the engine if it is not loaded */
	MAZE_EXISTING, /* the pinned engine; -ENOENT: not loaded */
};

/*
 * Opens an engine by name ("bpf", "poll"), or the best that can run ("auto" or NULL).
 * -EINVAL: unknown engine; other errors as in engine.h. Close with maze_close(). The poll
 * engine starts a thread in this process, which blocks all signals.
 */
int maze_open(const char *engine, enum maze_scope scope, struct maze **ret_maze,
	      struct maze_error *error);
void maze_close(struct maze *maze);
const char *maze_engine_name(const struct maze *maze);
/* Why "auto" used no better engine, one sentence for each; "": it used the best. */
const char *maze_why_not_better(const struct maze *maze);
/* 0, or -EINVAL and a message with the names of the engines. */
int maze_engine_check(const char *name, struct maze_error *error);
/*
 * Whether the engine detects yields. If not, a program that yields but never sleeps
 * reaches its limits.
 */
bool maze_sees_yields(const struct maze *maze);
/*
 * Makes this process the reaper of the orphans of watched processes, and watches these
 * orphans by this policy and tag. Call it only if all children of this process are
 * watched. 1: this process is a subreaper now (PR_SET_CHILD_SUBREAPER, prctl(2)) and must
 * wait(2) for unknown children; 0: the engine does not need it; or -errno.
 */
int maze_adopt(struct maze *maze, const struct maze_policy *policy, maze_u64 tag);
/*
 * Processes that execute the same file as this process get no verdicts, even with an
 * inherited watch. Their children get verdicts if they execute another file. For a
 * program that may run under itself. No effect with a pinned engine, which never watches
 * a process that has opened the engine.
 */
void maze_spare_program(struct maze *maze);

/*
 * Watches process `pid` (all its threads and, by default, all that they start), or only
 * its thread `tid` if that is not 0. Records and entries have the caller's tag. -ESRCH,
 * -EPERM (the caller may not signal it, or refused: PID 1, kernel threads, maze itself),
 * -EINVAL (not a process: a thread's id).
 */
int maze_watch(struct maze *maze, pid_t pid, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, struct maze_error *error);
/* The same by pidfd, which cannot refer to another process after PID reuse. */
int maze_watch_pidfd(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
		     maze_u64 tag, struct maze_error *error);
/*
 * The same for a program that watches by rules, beside other users of the engine:
 * replaces a watch only if its tag equals `tag` in the bits of `mask`. A watch that has
 * this policy and tag already keeps its count. mask 0: as maze_watch_pidfd(). -EEXIST:
 * all threads have watches with other tags.
 */
int maze_claim(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, maze_u64 mask, struct maze_error *error);
/*
 * Ends the watches of the process or thread whose tags equal `tag` in the bits of `mask`.
 * -ENOENT: none.
 */
int maze_release(struct maze *maze, int pidfd, pid_t tid, maze_u64 tag, maze_u64 mask,
		 struct maze_error *error);
/* Ends all watches of the engine whose tags equal `tag` in the bits of `mask`. */
int maze_release_all(struct maze *maze, maze_u64 tag, maze_u64 mask, struct maze_error *error);
int maze_unwatch(struct maze *maze, pid_t pid, pid_t tid, struct maze_error *error);
int maze_unwatch_tag(struct maze *maze, maze_u64 tag, struct maze_error *error);
/* The process that thread `tid` belongs to. -ESRCH. */
int maze_thread_owner(pid_t tid, pid_t *ret_pid, struct maze_error *error);

/* All watched tasks, sorted by pid and tid, for free(3). */
int maze_list(struct maze *maze, struct maze_entry **ret_entries, size_t *ret_count,
	      struct maze_error *error);
/* What the engine has done since it was loaded. */
int maze_counts(struct maze *maze, struct maze_counts *ret_counts, struct maze_error *error);

/* Readers: see engine.h. */
int maze_reader_open(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		     struct maze_error *error);
/*
 * Continues from the cursor of another reader; its process may have ended. One
 * MAZE_EVENT_LOST reports the number of records overwritten since then. 1: the cursor
 * belongs to another engine, and the reader begins with the oldest record.
 */
int maze_reader_resume(struct maze *maze, const struct maze_cursor *cursor,
		       struct maze_reader **ret_reader, struct maze_error *error);
/* The cursor behind the last record that was read. */
void maze_reader_cursor(const struct maze_reader *reader, struct maze_cursor *ret_cursor);
int maze_reader_fd(struct maze_reader *reader);
int maze_reader_next(struct maze_reader *reader, struct maze_record *ret_record);
void maze_reader_close(struct maze_reader *reader);

/* ---- process events ---------------------------------------------------------------- */

/*
 * Events of core/process_event.h from now on; `wants` are MAZE_FOLLOW_*. Close it before
 * the handle. -EPERM: not for this user; -EOPNOTSUPP: not with this engine.
 */
struct maze_follower;
int maze_follow(struct maze *maze, unsigned int wants, struct maze_follower **ret_follower,
		struct maze_error *error);
int maze_follower_fd(struct maze_follower *follower);
/* 1 and an event, or 0: none now. Does not wait. */
int maze_follower_next(struct maze_follower *follower, struct maze_process_event *ret_event);
void maze_follower_close(struct maze_follower *follower);

/* ---- evidence: stacks and process infos --------------------------------------------- */

/*
 * Process infos and stacks (core/stack.h). At the first verdict of an episode the engine
 * takes one process info and one stack, and then a stack after each wants->interval_ns of
 * the task's CPU time, until there are wants->stacks_max or the episode ends; in shadow
 * too. If `wants` is NULL or a member is 0, the defaults of core/stack.h apply. With
 * several openers, all get the largest number and the smallest interval. A pinned engine
 * continues after all openers have closed or were killed, until it is unloaded or
 * reopened. A new reader begins with the oldest kept stack, which may be from before the
 * call; compare boot_ns. Close it before the handle. -EOPNOTSUPP: not with this engine;
 * -EINVAL: beyond the limits.
 */
struct maze_evidence;
int maze_evidence_open(struct maze *maze, const struct maze_evidence_wants *wants,
		       struct maze_evidence **ret_evidence, struct maze_error *error);
/* Readable when there may be new evidence, until both functions below return 0. */
int maze_evidence_fd(struct maze_evidence *evidence);
/* 1, or 0: none now. Do not wait. The process info comes before the first stack. */
int maze_evidence_next_process_info(struct maze_evidence *evidence,
				    struct maze_process_info *ret_process_info);
int maze_evidence_next_stack(struct maze_evidence *evidence, struct maze_stack *ret_stack);
/* How many stacks and process infos were overwritten before this reader read them. */
maze_u64 maze_evidence_lost(const struct maze_evidence *evidence);
void maze_evidence_close(struct maze_evidence *evidence);

/* The yield-probe service, see engine.h. For programs that keep a handle open. */
int maze_service_fd(struct maze *maze);
int maze_service(struct maze *maze);
int maze_become_service(struct maze *maze);

/* Whether the engine was unloaded: see engine.h. */
int maze_gone_fd(struct maze *maze);
bool maze_gone(struct maze *maze);

/* Removes the pinned engine of this name, or all (NULL). */
int maze_unload(const char *engine, bool *ret_was_loaded, struct maze_error *error);

/* ---- engines ----------------------------------------------------------------------- */

struct maze_engine_report {
	const char *name;
	bool usable;
	bool pinned;
	char why_not[512];
	char detail[512];
	char blind_spots[1024]; /* one sentence a line */
};
/* Fills up to `max` reports in order of preference. Returns the number of engines. */
size_t maze_probe(struct maze_engine_report *ret_reports, size_t max);

#ifdef __cplusplus
}
#endif

#endif
