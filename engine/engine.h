/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of an engine, which watches tasks on this machine (DESIGN section 4). An
 * engine applies core/step.h, and knows no terminals, rule files or options. Only lib/
 * calls it.
 *
 * Calls return 0 or -errno unless their comment says otherwise, and leave ret_* arguments
 * untouched on failure. After a failure *error names the operation, its object, the
 * reason and the remedy; `error` may be NULL. No call prints. A handle belongs to one
 * thread, but several processes may hold handles of one pinned engine.
 */
#ifndef MAZE_ENGINE_H
#define MAZE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/allowance.h"
#include "../core/policy.h"
#include "../core/process_event.h"
#include "../core/record.h"
#include "../core/runs.h"
#include "../core/stack.h"
#include "../core/streaks.h"
#include "../core/total.h"

struct engine;		/* one open handle; each engine defines its own */
struct engine_reader;	/* the position of one reader of records */
struct engine_follower; /* one reader of process events */
struct engine_evidence; /* one reader of evidence */

/* Where the engine's state is. */
enum engine_scope {
	ENGINE_PRIVATE,	 /* in this process; the engine and its watches end with the process */
	ENGINE_PINNED,	 /* in the kernel; loaded if necessary, and stays after this process */
	ENGINE_EXISTING, /* in the kernel; -ENOENT if it is not loaded yet */
};

/* The task or tasks of a call. The caller keeps pidfd open during the call. */
struct engine_target {
	int pidfd; /* of the process (its thread group leader) */
	pid_t tid; /* only this thread of the process; 0: all its threads */
};

/* The caller of a request, and the watches that it may change. */
struct engine_claim {
	maze_u64 tag; /* new watches, watches inherited from them, and records have it */
	/*
	 * 0: the claim covers all watches. Otherwise it covers only watches whose tag
	 * equals `tag` in the bits of `mask`. If such a watch already has the requested
	 * policy and tag, it keeps its count.
	 */
	maze_u64 mask;
};

/* The engine's description of itself on this machine, for `maze doctor`. */
struct engine_report {
	const char *name; /* static */
	bool usable;
	bool pinned;		/* an engine of this kind is loaded and pinned */
	char why_not[512];	/* "" if usable */
	char detail[512];	/* the clock, timer and yield probe that the engine would use */
	char blind_spots[1024]; /* limitations on this machine, one sentence a line */
};

struct engine_ops {
	const char *name;
	/*
	 * The version of what this program shares with the engine in the kernel. 0: the
	 * engine runs in this program.
	 */
	unsigned int interface;
	/*
	 * Whether the engine sees every sched_yield(2). A yield that it does not see is
	 * not a reset point. NULL: it sees every one.
	 */
	bool (*sees_yields)(const struct engine *engine);

	/* Examines the machine, changes nothing, and fills the whole report. */
	void (*probe)(struct engine_report *ret_report);

	/*
	 * Opens the engine, and loads it if the scope requires it. The caller frees the
	 * handle with close(). -EPERM: not permitted. -EOPNOTSUPP: this kernel lacks
	 * something. -EPROTO: an engine of another ABI version is pinned. -EEXIST: the
	 * pinned objects are not an engine. Only ENGINE_EXISTING has two more errors.
	 * -ENOENT: no engine is pinned. -EACCES: this process lacks the rights to find out
	 * whether one is pinned.
	 */
	int (*open)(enum engine_scope scope, struct engine **ret_engine, struct maze_error *error);
	void (*close)(struct engine *engine); /* NULL is allowed */

	/*
	 * Watches the target's tasks under the policy from now on, with count 0. Replaces
	 * their existing watches if the claim covers them. -ESRCH: the target has ended.
	 * -EPERM: it is never watched (init, a kernel thread, maze itself). -EEXIST: all
	 * its watches are outside of the claim. -ENOMEM or -ENOSPC: there is no room for
	 * the watch.
	 */
	int (*watch)(struct engine *engine, const struct engine_target *target,
		     const struct maze_policy *policy, const struct engine_claim *claim,
		     struct maze_error *error);

	/* Ends the watches of the target that the claim covers. -ENOENT: it has none. */
	int (*unwatch)(struct engine *engine, const struct engine_target *target,
		       const struct engine_claim *claim, struct maze_error *error);
	/* Ends all watches that the claim covers. Returns 0 also if there are none. */
	int (*unwatch_all)(struct engine *engine, const struct engine_claim *claim,
			   struct maze_error *error);

	/*
	 * Limits the hard verdicts of watches with this tag from now on (core/allowance.h).
	 * NULL: no limit. If the tag has an allowance that counts the same, that keeps its
	 * state, unless allowance->tripped or ->anew is set. -E2BIG: MAZE_ALLOWANCES_MAX
	 * are set.
	 */
	int (*allow)(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
		     struct maze_error *error);

	/*
	 * Calls `each` for each watched task, in no particular order. The entry is valid
	 * during the call. If `each` returns a value other than 0, list() ends and
	 * returns that value.
	 */
	int (*list)(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
		    void *arg, struct maze_error *error);
	/*
	 * Calls `each` for each tag of the tasks that list() has. -EOPNOTSUPP, before the
	 * first call: this kernel has no faster way than list(). NULL: no engine of this
	 * kind has.
	 */
	int (*totals)(struct engine *engine, int (*each)(const struct maze_total *total, void *arg),
		      void *arg);
	int (*counts)(struct engine *engine, struct maze_counts *ret_counts);

	/*
	 * Calls `each` for each class of observed tasks (core/streaks.h) since the engine was
	 * loaded, also if all its tasks have ended, as list() does.
	 */
	int (*streaks)(struct engine *engine,
		       int (*each)(const struct maze_streaks *streaks, void *arg), void *arg,
		       struct maze_error *error);

	/*
	 * A reader returns new records. With from_oldest it first returns the old records
	 * that the engine still has. reader_fd belongs to the reader and polls readable
	 * when there may be a record. reader_next returns 1 and a record, or 0 if there
	 * is none now. One MAZE_EVENT_LOST reports the number of records that were
	 * overwritten before this reader read them. Readers are independent of each
	 * other.
	 */
	int (*reader_open)(struct engine *engine, bool from_oldest,
			   struct engine_reader **ret_reader, struct maze_error *error);
	int (*reader_fd)(struct engine_reader *reader);
	int (*reader_next)(struct engine_reader *reader, struct maze_record *ret_record);
	void (*reader_close)(struct engine_reader *reader);

	/*
	 * Returns a number for cursors, which no other engine of this boot has; 0:
	 * unknown. NULL: engines of this kind end with their process.
	 */
	maze_u64 (*instance)(struct engine *engine);

	/*
	 * A follower returns the process events (core/process_event.h) that occur until
	 * it is closed. `wants` is a set of MAZE_FOLLOW_*. follower_fd belongs to the
	 * follower and polls readable when there may be an event. follower_next returns 1
	 * and an event, or 0 if there is none now. -EPERM, -EOPNOTSUPP: not possible
	 * here.
	 */
	int (*follow)(struct engine *engine, unsigned int wants,
		      struct engine_follower **ret_follower, struct maze_error *error);
	int (*follower_fd)(struct engine_follower *follower);
	int (*follower_next)(struct engine_follower *follower,
			     struct maze_process_event *ret_event);
	void (*follower_close)(struct engine_follower *follower);

	/*
	 * Evidence (core/stack.h) is a process info and a stack at the first verdict of
	 * each episode, and then more stacks until the episode ends. The members of
	 * `wants` are not 0 and are within the limits of core/stack.h. If there are
	 * several readers, the largest stacks_max and the smallest interval_ns apply to
	 * all. After all readers have closed, the engine continues to take evidence until
	 * it is unloaded, and the next reader sets new values. A reader starts with the
	 * oldest evidence kept. evidence_fd belongs to the reader and polls readable when
	 * there may be evidence. evidence_next_* return 1 and one item, or 0 if there is
	 * none now. All NULL: this engine takes no evidence.
	 */
	int (*evidence_open)(struct engine *engine, const struct maze_evidence_wants *wants,
			     struct engine_evidence **ret_evidence, struct maze_error *error);
	int (*evidence_fd)(struct engine_evidence *evidence);
	int (*evidence_next_process_info)(struct engine_evidence *evidence,
					  struct maze_process_info *ret_process_info);
	int (*evidence_next_stack)(struct engine_evidence *evidence, struct maze_stack *ret_stack);
	/*
	 * Reads the runs of a thread up to the last verdict of the episode (core/runs.h).
	 * Returns 0, or -ENOENT if there are none. NULL: this engine notes no runs.
	 */
	int (*evidence_runs)(struct engine_evidence *evidence, maze_u32 pid, maze_u32 tid,
			     maze_u32 episode, struct maze_last_runs *ret_runs);
	/* Returns the number of stacks and process infos that this reader missed. */
	maze_u64 (*evidence_lost)(const struct engine_evidence *evidence);
	void (*evidence_close)(struct engine_evidence *evidence);

	/*
	 * Some engines have work to do in user space, such as the yield-probe service of
	 * the bpf engine. service_fd belongs to the engine and polls readable when
	 * service() should be called; -1: never. service() returns the ms after which to
	 * call it again; -1: call it only when service_fd is readable. Several processes
	 * may serve. A process also calls service() before it reaps a child, because the
	 * engine may need to read the state of the ended child.
	 */
	int (*service_fd)(struct engine *engine);
	int (*service)(struct engine *engine);
	/*
	 * Makes this process the one that serves permanently. -EEXIST: there is another.
	 */
	int (*become_service)(struct engine *engine);

	/*
	 * gone_fd belongs to the engine and polls readable when the engine may have been
	 * unloaded; -1: it cannot be unloaded. gone() returns whether it was unloaded.
	 */
	int (*gone_fd)(struct engine *engine);
	bool (*gone)(struct engine *engine);

	/*
	 * From now on, watches orphans that become children of this process, under this
	 * policy and tag. 1: the engine needs these children and has made this process a
	 * subreaper (prctl(2)), so the process must reap children that it does not know.
	 * 0: the engine does not need them. NULL: no engine of this kind does.
	 */
	int (*adopt)(struct engine *engine, const struct maze_policy *policy, maze_u64 tag);

	/*
	 * From now on, processes that run the executable of this process get no verdicts.
	 * Only a private engine supports that. It ends with this process, and until then
	 * this process keeps the file in use. NULL: not supported.
	 */
	void (*spare_program)(struct engine *engine);

	/* Removes the pinned engine and its watches. Returns 0 even if none is pinned. */
	int (*unload)(bool *ret_was_loaded, struct maze_error *error);
};

extern const struct engine_ops engine_bpf;
extern const struct engine_ops engine_kmod;
extern const struct engine_ops engine_poll;

#endif
