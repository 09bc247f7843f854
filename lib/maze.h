/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libmaze watches tasks that use CPU time without sleeping. maze(1) and docs/DESIGN.md
 * define the terms. Durations (`_ns`) are in nanoseconds. Signals are the numbers of
 * signal(7).
 *
 * A call that can fail returns 0 (or another documented value) or -errno. On failure it
 * leaves its ret_* arguments untouched and writes one sentence into `error`, which may be
 * NULL. No call prints, exits or starts a process. Only one thread at a time may use a
 * handle.
 */
#ifndef MAZE_H
#define MAZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/allowance.h"
#include "../core/policy.h"
#include "../core/process_event.h"
#include "../core/record.h"
#include "../core/stack.h"
#include "../core/streaks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- text to numbers and back ------------------------------------------------- */

/*
 * Parses a duration as in systemd.time(7), such as "500ms", "1min 30s" or "1.5h". A
 * number without a unit is in seconds. The result is exact to the nanosecond. -EINVAL:
 * malformed. -ERANGE: too long. maze_policy_explain() checks the range of limits.
 */
int maze_duration_parse(const char *text, maze_u64 *ret_ns, struct maze_error *error);
/* Writes the shortest exact form ("1min 30s", "250ms", "1.5us", "0"). Returns buf. */
const char *maze_duration_format(maze_u64 ns, char *buf, size_t size);

/* Parses "KILL", "sigkill", "9", "RTMIN+3" or "0" (none). -EINVAL: unknown signal. */
int maze_signal_parse(const char *text, int *ret_signal, struct maze_error *error);
/* Writes "SIGKILL", "SIGRTMIN+3", "none" for 0, or the number. Returns buf. */
const char *maze_signal_format(int signal, char *buf, size_t size);

/* Like maze_signal_format(), but writes "warn" if maze_policy_warns() is true. */
const char *maze_soft_signal_format(maze_u32 flags, int soft_signal, char *buf, size_t size);

/*
 * Parses "inf", a ratio such as "0.25", or a ratio for lock waits such as "lock:29". A
 * ratio is above 0 and at most 1000.
 */
int maze_recovery_parse(const char *text, maze_u32 *ret_recovery, struct maze_error *error);
const char *maze_recovery_format(maze_u32 recovery, char *buf, size_t size);

/*
 * Parses a share of CPU time such as "90%" or "150%" (of one CPU), for groups
 * (core/policy.h). It is from 1% to 819200%.
 */
int maze_share_parse(const char *text, maze_u32 *ret_share, struct maze_error *error);
/* Writes "90%". Returns buf. */
const char *maze_share_format(maze_u32 share, char *buf, size_t size);

/* ---- policies ------------------------------------------------------------------- */

/*
 * Sets the defaults: soft limit 10 s with warn, hard limit 20 s with SIGKILL, recovery
 * lock:29, inherit, yields reset the count, signals go to the thread, no shadow.
 */
void maze_policy_default(struct maze_policy *ret_policy);

/* A key of a policy, for a long option and for maze.conf(5). */
struct maze_policy_key {
	const char *name;     /* "soft-signal" */
	const char *argument; /* "SIG|warn"; NULL: none (in maze.conf, yes or no) */
	const char *help;     /* one line */
};
/* Returns the keys, ended by a NULL name. The option for `inherit` is --no-inherit. */
const struct maze_policy_key *maze_policy_keys(void);
/*
 * Sets one key from text. If the key has no argument, a NULL `value` means "yes".
 * -ENOENT: unknown key. -EINVAL, -ERANGE: invalid value. After the last key, call
 * maze_policy_complete().
 */
int maze_policy_set(struct maze_policy *policy, const char *key, const char *value,
		    struct maze_error *error);
/* Returns a bit for a key of the table; 0: unknown key. */
maze_u32 maze_policy_given(const char *key);
/*
 * Completes a policy whose keys have been set. `given` has the bits of these keys. Derives
 * a limit that is not given (core/policy.h), and the signals of a group: a tree or a
 * control group gets none without `kill`. -EINVAL: keys contradict each other, or
 * maze_policy_explain() finds a fault.
 */
int maze_policy_complete(struct maze_policy *policy, maze_u32 given, struct maze_error *error);
/* Returns "thread", "process", "tree" or "cgroup". NULL: another value. */
const char *maze_policy_scope_name(unsigned int scope);
/* Returns 0, or -EINVAL and a message if maze_policy_check() finds a fault. */
int maze_policy_explain(const struct maze_policy *policy, struct maze_error *error);

/* ---- records --------------------------------------------------------------------- */

/* Returns "soft", "hard", "exit", "watch", "unwatch" or "lost". NULL: another value. */
const char *maze_event_name(unsigned int event);
/*
 * Returns a reason in enum maze_not_sent as text, such as "thread was exiting". NULL:
 * NONE or an unknown value.
 */
const char *maze_not_sent_name(unsigned int not_sent);

/* Writes a line of text without a newline. Returns its length, as snprintf(3) does. */
int maze_record_text(const struct maze_record *record, const char *engine, char *buf, size_t size);
/* Both return a JSON object on one line, which the caller frees. NULL: out of memory. */
char *maze_record_json(const struct maze_record *record, const char *engine);
char *maze_entry_json(const struct maze_entry *entry, const char *engine);
/* As maze_entry_json(), for a group. */
char *maze_group_json(const struct maze_group *group, const char *engine);
int maze_group_parse(const char *text, struct maze_group *ret_group, struct maze_error *error);
/*
 * Both parse the JSON of the two functions above, which has no `seq` and no tags. They
 * ignore unknown keys. -EINVAL: malformed.
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
 * -EINVAL: unknown engine. Other errors are as in engine.h. The caller calls
 * maze_close(). The poll engine starts a thread in this process. That thread blocks all
 * signals.
 */
int maze_open(const char *engine, enum maze_scope scope, struct maze **ret_maze,
	      struct maze_error *error);
void maze_close(struct maze *maze);
const char *maze_engine_name(const struct maze *maze);
/* Returns a sentence for each better engine that "auto" could not use. "": none. */
const char *maze_why_not_better(const struct maze *maze);
/* Returns 0, or -EINVAL and a message with the names of the engines. */
int maze_engine_check(const char *name, struct maze_error *error);
/*
 * True if the engine detects yields. If it does not, a program that yields but never
 * sleeps reaches its limits.
 */
bool maze_sees_yields(const struct maze *maze);
/*
 * Makes this process the reaper of the orphans of watched processes, and watches these
 * orphans with this policy and tag. Call it only if all children of this process are
 * watched. 1: this process is now a subreaper (PR_SET_CHILD_SUBREAPER in prctl(2)), so it
 * must wait(2) for unknown children. 0: the engine needs no subreaper. -errno: failed.
 */
int maze_adopt(struct maze *maze, const struct maze_policy *policy, maze_u64 tag);
/*
 * Exempts processes that execute the same file as this process. They get no verdicts,
 * even with an inherited watch. They and their children get verdicts if they execute
 * another file. An execve is no reset point, so the time before it counts.
 * A program calls this if it may watch another process of the same program. This has no
 * effect with a pinned engine, which never watches a process that has opened it.
 */
void maze_spare_program(struct maze *maze);

/*
 * Watches process `pid`: all its threads and, by default, all threads and processes that
 * they start. If `tid` is not 0, watches only this thread of the process. Records and
 * entries have the caller's tag. -ESRCH: no such process. -EPERM: the caller may not
 * signal the process, or it is PID 1, a kernel thread or maze itself. -EINVAL: `pid` is
 * the ID of a thread.
 */
int maze_watch(struct maze *maze, pid_t pid, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, struct maze_error *error);
/* Like maze_watch(), but a pidfd cannot refer to a later process with the same PID. */
int maze_watch_pidfd(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
		     maze_u64 tag, struct maze_error *error);
/*
 * Like maze_watch_pidfd(), for a program that shares the engine with other users. This
 * call replaces a watch only if the tag of the watch equals `tag` in the bits of `mask`.
 * A watch that already has this policy and tag keeps its count. If `mask` is 0, the call
 * does the same as maze_watch_pidfd(). -EEXIST: all threads have watches with other tags.
 */
int maze_claim(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, maze_u64 mask, struct maze_error *error);
/*
 * Ends the watches of the process or thread, if their tags equal `tag` in the bits of
 * `mask`. -ENOENT: there is no such watch.
 */
int maze_release(struct maze *maze, int pidfd, pid_t tid, maze_u64 tag, maze_u64 mask,
		 struct maze_error *error);
/* Ends all watches of the engine with tags that equal `tag` in the bits of `mask`. */
int maze_release_all(struct maze *maze, maze_u64 tag, maze_u64 mask, struct maze_error *error);
/*
 * Limits the hard verdicts of watches of this scope (enum maze_policy_scope) and tag from
 * now on (core/allowance.h). The caller sets all members but the entries. NULL: no limit.
 * An allowance of the tag that counts the same keeps its state, unless allowance->tripped
 * or ->anew is set. It stays until the engine ends. -EINVAL: a value exceeds its range.
 */
int maze_allow(struct maze *maze, enum maze_policy_scope scope, maze_u64 tag,
	       const struct maze_allowance *allowance, struct maze_error *error);
int maze_unwatch(struct maze *maze, pid_t pid, pid_t tid, struct maze_error *error);
int maze_unwatch_tag(struct maze *maze, maze_u64 tag, struct maze_error *error);
/* Finds the process that thread `tid` belongs to. -ESRCH: there is no such thread. */
int maze_thread_owner(pid_t tid, pid_t *ret_pid, struct maze_error *error);

/*
 * Groups. If the policy has scope process or tree, maze_watch(), maze_watch_pidfd() and
 * maze_claim() watch the process, or the tree of which it is the root, as a group
 * (core/budget.h), in addition to any watches of its threads; `tid` is 0 then. The
 * process may have one group of each scope. The members of a tree are the process, the
 * children that it has and all that members start. A thread in this process measures
 * groups, whichever engine the handle has. So their watches end with the handle, also
 * those of a pinned engine.
 *
 * maze_claim_cgroup() watches a control group of version 2 (`dir` is a descriptor of its
 * directory). A group that already has this policy and tag keeps its level, and its
 * members are read again. -EOPNOTSUPP: not a directory of the cgroup2 file system.
 * -EPERM: it is the root, or has PID 1 or maze itself in it.
 */
int maze_claim_cgroup(struct maze *maze, int dir, const struct maze_policy *policy, maze_u64 tag,
		      maze_u64 mask, struct maze_error *error);
/*
 * Ends the watches of groups of this process (`pidfd`) or control group (`pidfd` is a
 * descriptor of its directory), if their tags equal `tag` in the bits of `mask`. -ENOENT:
 * there is no such watch. maze_release() and maze_unwatch() end groups of the process too,
 * maze_release_all() and maze_unwatch_tag() those of any kind.
 */
int maze_release_group(struct maze *maze, enum maze_policy_scope scope, int fd, maze_u64 tag,
		       maze_u64 mask, struct maze_error *error);

/* Returns all groups of this handle. The caller frees *ret_groups. */
int maze_list_groups(struct maze *maze, struct maze_group **ret_groups, size_t *ret_count,
		     struct maze_error *error);

/* Returns all watched tasks, sorted by PID and TID. The caller frees *ret_entries. */
int maze_list(struct maze *maze, struct maze_entry **ret_entries, size_t *ret_count,
	      struct maze_error *error);
/*
 * Returns the streaks of all tasks that are or were watched with MAZE_POLICY_OBSERVE, by
 * tag and program (core/streaks.h), since the engine was loaded. The caller frees
 * *ret_classes, which is NULL if there are none.
 */
int maze_list_streaks(struct maze *maze, struct maze_streaks **ret_classes, size_t *ret_count,
		      struct maze_error *error);
/* Returns the counts of what the engine has done since it was loaded. */
int maze_counts(struct maze *maze, struct maze_counts *ret_counts, struct maze_error *error);

/* engine.h describes readers. */
int maze_reader_open(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		     struct maze_error *error);
/*
 * Continues from the cursor of another reader, whose process may have ended. If records
 * behind the cursor were overwritten, one MAZE_EVENT_LOST has their number. Returns 1 if
 * the cursor belongs to another engine. The reader then begins with the oldest record.
 */
int maze_reader_resume(struct maze *maze, const struct maze_cursor *cursor,
		       struct maze_reader **ret_reader, struct maze_error *error);
/* Returns the cursor behind the last record that was read. */
void maze_reader_cursor(const struct maze_reader *reader, struct maze_cursor *ret_cursor);
int maze_reader_fd(struct maze_reader *reader);
int maze_reader_next(struct maze_reader *reader, struct maze_record *ret_record);
void maze_reader_close(struct maze_reader *reader);

/* ---- process events ---------------------------------------------------------------- */

/*
 * Opens a follower of the events of core/process_event.h from now on. `wants` has
 * MAZE_FOLLOW_* flags. Close the follower before the handle. -EPERM: this user may not
 * follow events. -EOPNOTSUPP: this engine has no such events.
 */
struct maze_follower;
int maze_follow(struct maze *maze, unsigned int wants, struct maze_follower **ret_follower,
		struct maze_error *error);
int maze_follower_fd(struct maze_follower *follower);
/* Returns 1 and an event, or 0 if there is none now. Does not wait. */
int maze_follower_next(struct maze_follower *follower, struct maze_process_event *ret_event);
void maze_follower_close(struct maze_follower *follower);

/* ---- evidence: stacks and process infos --------------------------------------------- */

/*
 * Opens a reader of process infos and stacks (core/stack.h). At the first verdict of an
 * episode, even in shadow mode, the engine takes one process info and one stack. It takes
 * another stack after each wants->interval_ns of the task's CPU time. It stops when it
 * has wants->stacks_max stacks or the episode ends. If `wants` is NULL or a member is 0,
 * the defaults of core/stack.h apply. Among several readers, the largest number and the
 * smallest interval apply to all. A pinned engine continues without readers until it is
 * unloaded, and the next reader sets new values. A new reader begins with the oldest kept
 * stack, which may be older than this call, so compare boot_ns. Close the reader before
 * the handle. -EOPNOTSUPP: this engine takes no stacks. -EINVAL: a value exceeds the
 * limits.
 */
struct maze_evidence;
int maze_evidence_open(struct maze *maze, const struct maze_evidence_wants *wants,
		       struct maze_evidence **ret_evidence, struct maze_error *error);
/* Readable when there may be new evidence. Then read until both functions return 0. */
int maze_evidence_fd(struct maze_evidence *evidence);
/*
 * Both return 1 and the evidence, or 0 if there is none now. The process info comes
 * before the first stack.
 */
int maze_evidence_next_process_info(struct maze_evidence *evidence,
				    struct maze_process_info *ret_process_info);
int maze_evidence_next_stack(struct maze_evidence *evidence, struct maze_stack *ret_stack);
/* Counts stacks and process infos that were overwritten before this reader read them. */
maze_u64 maze_evidence_lost(const struct maze_evidence *evidence);
void maze_evidence_close(struct maze_evidence *evidence);

/* The yield-probe service (engine.h), for programs that keep a handle open. */
int maze_service_fd(struct maze *maze);
int maze_service(struct maze *maze);
int maze_become_service(struct maze *maze);

/* Both report that the engine was unloaded (engine.h). */
int maze_gone_fd(struct maze *maze);
bool maze_gone(struct maze *maze);

/* Removes the pinned engine with this name. NULL: removes all pinned engines. */
int maze_unload(const char *engine, bool *ret_was_loaded, struct maze_error *error);

/* ---- engines ----------------------------------------------------------------------- */

struct maze_engine_report {
	const char *name;
	bool usable;
	bool pinned;
	char why_not[512];
	char detail[512];
	char blind_spots[1024]; /* limitations here, one sentence a line */
};
/* Fills at most `max` reports, in order of preference. Returns the number of engines. */
size_t maze_probe(struct maze_engine_report *ret_reports, size_t max);

#ifdef __cplusplus
}
#endif

#endif
