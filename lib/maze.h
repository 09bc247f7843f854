/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libmaze: watch tasks for CPU burnt without sleeping, from C. The manual page
 * maze(1) and docs/DESIGN.md say what the words mean; this header says how the
 * calls behave. Durations are nanoseconds (`_ns`), signals numbers of signal(7).
 *
 * Every call that can fail returns 0 (or what it says) or -errno, leaves its
 * ret_* arguments untouched on failure, and puts one sentence into `error` (may
 * be NULL) that says what was wrong, with what, and what would be right. No call
 * prints, exits or starts a process. A handle belongs to one thread at a time.
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

/* ---- words to numbers and back ------------------------------------------------ */

/*
 * Parses a duration as in systemd.time(7): "500ms", "10s", "1min 30s", "1.5h"; a
 * bare number is seconds. Exact to the nanosecond; -EINVAL when malformed,
 * -ERANGE when it does not fit. "0" is 0; whether a value suits as a limit is
 * for maze_policy_explain() to say.
 */
int maze_duration_parse(const char *text, maze_u64 *ret_ns, struct maze_error *error);
/* Writes the shortest exact form ("1min 30s", "250ms", "1.5us", "0"); returns buf. */
const char *maze_duration_format(maze_u64 ns, char *buf, size_t size);

/* "KILL", "sigkill", "9", "RTMIN+3", "0" (none). -EINVAL when there is no such signal. */
int maze_signal_parse(const char *text, int *ret_signal, struct maze_error *error);
/* "SIGKILL", "SIGRTMIN+3", "none" for 0, the number for what has no name; returns buf. */
const char *maze_signal_format(int signal, char *buf, size_t size);

/* The same of a soft signal and its policy's flags: "warn" where the policy warns. */
const char *maze_soft_signal_format(maze_u32 flags, int soft_signal, char *buf, size_t size);

/*
 * "inf", a ratio above 0 and up to 1000 in decimal notation ("1", "0.25"), or one for waits
 * for a lock alone ("lock:29").
 */
int maze_recovery_parse(const char *text, maze_u32 *ret_recovery, struct maze_error *error);
const char *maze_recovery_format(maze_u32 recovery, char *buf, size_t size);

/* ---- policies ------------------------------------------------------------------- */

/*
 * The defaults: soft 10 s warn, hard 20 s SIGKILL, recovery lock:29, inherit, yields reset,
 * signals to the thread, no shadow.
 */
void maze_policy_default(struct maze_policy *ret_policy);

/* One key of a policy, as a long option and as a key of a configuration file. */
struct maze_policy_key {
	const char *name;     /* "soft-signal" */
	const char *argument; /* "SIG|warn"; NULL: takes none as an option, yes/no in a file */
	const char *help;     /* one line */
};
/* The table, ended by a NULL name. Option `no-inherit` is its own row. */
const struct maze_policy_key *maze_policy_keys(void);
/*
 * Sets one key from text. `value` NULL stands for "yes" where the key takes no
 * argument. -ENOENT: no such key, -EINVAL/-ERANGE: no such value. Combinations
 * are checked by maze_policy_explain().
 */
int maze_policy_set(struct maze_policy *policy, const char *key, const char *value,
		    struct maze_error *error);
/* 0, or -EINVAL with the sentence that belongs to maze_policy_check()'s fault. */
int maze_policy_explain(const struct maze_policy *policy, struct maze_error *error);

/* ---- records --------------------------------------------------------------------- */

/* "soft", "hard", "exit", "watch", "unwatch", "lost"; NULL for anything else. */
const char *maze_event_name(unsigned int event);
/* Of enum maze_not_sent, such as "thread was exiting"; NULL for NONE and unknown values. */
const char *maze_not_sent_name(unsigned int not_sent);

/*
 * One line without newline, for people. `engine` is the engine's name.
 * Returns the length it has or would have, as snprintf(3).
 */
int maze_record_text(const struct maze_record *record, const char *engine, char *buf, size_t size);
/* One JSON object on one line, without newline; free(3) it. NULL: out of memory. */
char *maze_record_json(const struct maze_record *record, const char *engine);
char *maze_entry_json(const struct maze_entry *entry, const char *engine);
/*
 * Back from those: what is in the JSON; numbers of records (`seq`) and tags are not.
 * Keys that are not known are passed over. -EINVAL: it is not one.
 */
int maze_record_parse(const char *text, struct maze_record *ret_record, struct maze_error *error);
int maze_entry_parse(const char *text, struct maze_entry *ret_entry, struct maze_error *error);

/* ---- watching --------------------------------------------------------------------- */

struct maze;
struct maze_reader;

enum maze_scope {
	MAZE_PRIVATE,  /* watches end with this process */
	MAZE_PINNED,   /* watches stay in the kernel; loads the engine if need be */
	MAZE_EXISTING, /* pinned, only if it is loaded already: else -ENOENT */
};

/*
 * Opens an engine by name ("bpf", "poll"), or the best that can run ("auto" or NULL).
 * -EINVAL: no such engine; else as engine.h says. Close with maze_close(). The poll
 * engine has a thread of its own in this process, which takes no signals.
 */
int maze_open(const char *engine, enum maze_scope scope, struct maze **ret_maze,
	      struct maze_error *error);
void maze_close(struct maze *maze);
const char *maze_engine_name(const struct maze *maze);
/* Why "auto" chose no better engine, one sentence for each; "" when it chose the best. */
const char *maze_why_not_better(const struct maze *maze);
/* 0, or -EINVAL with a sentence that names the engines there are. */
int maze_engine_check(const char *name, struct maze_error *error);
/*
 * False: the engine cannot tell a sched_yield(2), so under a policy by which yields
 * reset it counts on, and a program that yields but never sleeps is caught.
 */
bool maze_sees_yields(const struct maze *maze);
/*
 * Lets orphans of watched processes, which come to this process as their reaper, be
 * watched by this policy and tag. Only for a program that starts nothing that is not
 * watched. 1: this process is a reaper now (PR_SET_CHILD_SUBREAPER, prctl(2)) and must
 * wait(2) for children it does not know; 0: the engine has no need of it; or -errno.
 */
int maze_adopt(struct maze *maze, const struct maze_policy *policy, maze_u64 tag);
/*
 * Processes that run the file of this program are never judged, also where they are watched
 * because who started them is; what they start that runs another file is. For a program
 * that may be started under itself. Of a pinned engine: nothing, it spares who opens it.
 */
void maze_spare_program(struct maze *maze);

/*
 * Watches process `pid` (all its threads and, by default, what they start), or
 * only its thread `tid` when that is not 0. The tag is the caller's; it comes
 * back in records and entries. -ESRCH, -EPERM (not yours to signal, or refused:
 * PID 1, kernel threads, maze itself), -EINVAL (not a process: a thread's id).
 */
int maze_watch(struct maze *maze, pid_t pid, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, struct maze_error *error);
/* The same for a process held by pidfd, which cannot be mistaken for another. */
int maze_watch_pidfd(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
		     maze_u64 tag, struct maze_error *error);
/*
 * The same for who watches by rules of his own beside others: a watch is replaced only
 * if its tag agrees with `tag` in the bits of `mask`, and goes on, its count as it is,
 * if it has this very policy and tag already. mask 0: as maze_watch_pidfd(). -EEXIST: all
 * of it is watched for others.
 */
int maze_claim(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, maze_u64 mask, struct maze_error *error);
/* Ends the watches of it whose tags agree in the bits of `mask`. -ENOENT: there are none. */
int maze_release(struct maze *maze, int pidfd, pid_t tid, maze_u64 tag, maze_u64 mask,
		 struct maze_error *error);
/* Ends all such watches on this machine. */
int maze_release_all(struct maze *maze, maze_u64 tag, maze_u64 mask, struct maze_error *error);
int maze_unwatch(struct maze *maze, pid_t pid, pid_t tid, struct maze_error *error);
int maze_unwatch_tag(struct maze *maze, maze_u64 tag, struct maze_error *error);
/* The process that thread `tid` belongs to. -ESRCH. */
int maze_thread_owner(pid_t tid, pid_t *ret_pid, struct maze_error *error);

/* A copy of every watched task, sorted by pid and tid; free(3) it. */
int maze_list(struct maze *maze, struct maze_entry **ret_entries, size_t *ret_count,
	      struct maze_error *error);

/* Readers: see engine.h; the same rules, the same returns. */
int maze_reader_open(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		     struct maze_error *error);
/*
 * From where another reader was, by maze_reader_cursor(), also of a process that has ended;
 * what was overwritten since comes as a MAZE_EVENT_LOST. 1: that was another engine, so
 * it begins with the oldest record kept.
 */
int maze_reader_resume(struct maze *maze, const struct maze_cursor *cursor,
		       struct maze_reader **ret_reader, struct maze_error *error);
/* After the record that was read last. */
void maze_reader_cursor(const struct maze_reader *reader, struct maze_cursor *ret_cursor);
int maze_reader_fd(struct maze_reader *reader);
int maze_reader_next(struct maze_reader *reader, struct maze_record *ret_record);
void maze_reader_close(struct maze_reader *reader);

/* ---- what happens to processes ------------------------------------------------------- */

/*
 * Events of core/process_event.h, from now on; `wants` are MAZE_FOLLOW_*. Close before
 * the handle. -EPERM, -EOPNOTSUPP: this engine cannot tell, or not to this user.
 */
struct maze_follower;
int maze_follow(struct maze *maze, unsigned int wants, struct maze_follower **ret_follower,
		struct maze_error *error);
int maze_follower_fd(struct maze_follower *follower);
/* 1 and an event, or 0: none now. Never waits. */
int maze_follower_next(struct maze_follower *follower, struct maze_process_event *ret_event);
void maze_follower_close(struct maze_follower *follower);

/* ---- where mazed threads were ----------------------------------------------------------- */

/*
 * Process infos and stacks (core/stack.h): at the first verdict of each episode of each
 * watched task one of either, then a stack each wants->interval_ns of the task's own CPU
 * time until there are wants->stacks_max or the episode ends. Verdicts in shadow have
 * them too. `wants` NULL, or a 0 in it: what core/stack.h has as default. Of several who
 * have it open the larger number and the smaller interval hold for all. A pinned engine
 * goes on taking them when all have closed, or were killed, until it is unloaded or the
 * next one opens. A reader starts with the oldest that is kept: what is of before its own
 * time it tells by boot_ns. Close before the handle.
 * -EOPNOTSUPP: this engine takes none (bpf does); -EINVAL: beyond the limits there.
 */
struct maze_evidence;
int maze_evidence_open(struct maze *maze, const struct maze_evidence_wants *wants,
		       struct maze_evidence **ret_evidence, struct maze_error *error);
/* Polls readable when there may be something; until both of the next say 0. */
int maze_evidence_fd(struct maze_evidence *evidence);
/* 1 and one, or 0: none now. Never wait. A process_info is there before its first stack. */
int maze_evidence_next_process_info(struct maze_evidence *evidence,
				    struct maze_process_info *ret_process_info);
int maze_evidence_next_stack(struct maze_evidence *evidence, struct maze_stack *ret_stack);
/* How many stacks and process_infos were overwritten before this reader came to them. */
maze_u64 maze_evidence_lost(const struct maze_evidence *evidence);
void maze_evidence_close(struct maze_evidence *evidence);

/* See engine.h: service. A long-lived program should poll the fd and attend. */
int maze_service_fd(struct maze *maze);
int maze_service(struct maze *maze);
int maze_become_service(struct maze *maze);

/* When somebody unloads the engine: see engine.h. */
int maze_gone_fd(struct maze *maze);
bool maze_gone(struct maze *maze);

/* Drops what is pinned by this engine, or by any (NULL). */
int maze_unload(const char *engine, bool *ret_was_loaded, struct maze_error *error);

/* ---- what can run here ---------------------------------------------------------------- */

struct maze_engine_report {
	const char *name;
	bool usable;
	bool pinned;
	char why_not[512];
	char detail[512];
	char blind_spots[1024]; /* one sentence a line */
};
/* Fills up to `max` reports in order of preference; returns how many engines exist. */
size_t maze_probe(struct maze_engine_report *ret_reports, size_t max);

#ifdef __cplusplus
}
#endif

#endif
