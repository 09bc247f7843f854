/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an engine is: the one interface behind which maze watches tasks (DESIGN
 * section 4). An engine decides nothing about meaning (core/step.h does) and
 * knows nothing of terminals, files of rules or options. Calls return 0 or
 * -errno; `ret_*` arguments are untouched on failure. Where a sentence is needed
 * the engine leaves one in struct maze_error: what failed, on what, why, and
 * what would be right. No call prints.
 *
 * Who calls what: lib/ is the only caller. An engine handle belongs to one
 * thread; several processes may hold handles of one pinned engine.
 */
#ifndef MAZE_ENGINE_H
#define MAZE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/policy.h"
#include "../core/process_event.h"
#include "../core/record.h"
#include "../core/stack.h"

struct engine;	      /* one open handle; each engine defines its own */
struct engine_reader; /* one reader's place in the records */
struct engine_follower;
struct engine_evidence;

/* Where the engine's state lives. */
enum engine_scope {
	ENGINE_PRIVATE,	 /* in this process: gone, watches and all, when it ends */
	ENGINE_PINNED,	 /* in the kernel: loaded if it is not there yet, stays after us */
	ENGINE_EXISTING, /* pinned, but only if it is there: else -ENOENT */
};

/* The task or tasks a call is about. The caller keeps pidfd open during the call. */
struct engine_target {
	int pidfd; /* of the process (its thread group leader) */
	pid_t tid; /* this one thread of it; 0: all its threads */
};

/* Who asks for something to be done, and whose watches it reaches. */
struct engine_claim {
	maze_u64 tag;
	/*
	 * 0: all. Else only watches whose tag agrees with this one in these bits; and a
	 * watch that has this very policy and tag already goes on, its count as it is.
	 */
	maze_u64 mask;
};

/* What an engine says of itself on this machine, for `maze doctor`. */
struct engine_report {
	const char *name;
	bool usable;
	bool pinned;		/* an engine of this kind is loaded and pinned now */
	char why_not[512];	/* "" when usable */
	char detail[512];	/* how it would run: clock, timer, yield probe */
	char blind_spots[1024]; /* what it cannot see here, one sentence a line */
};

struct engine_counts {
	maze_u64 watched; /* tasks watched now */
	maze_u64 verdicts;
	maze_u64 signals;	   /* signals the kernel accepted */
	maze_u64 inherit_failures; /* children that could not be watched */
	maze_u64 timer_expiries;
};

struct engine_ops {
	const char *name;
	/*
	 * Whether it is told of every sched_yield(2); NULL: it is. Else a policy under which
	 * yields reset is met without those that it is not told of.
	 */
	bool (*sees_yields)(const struct engine *engine);

	/* Looks without changing anything; always fills the report. */
	void (*probe)(struct engine_report *ret_report);

	/*
	 * Opens (and if need be loads) the engine. -EPERM: not allowed,
	 * -EOPNOTSUPP: this kernel lacks something, -EPROTO: a pinned engine of
	 * another ABI version is there, -ENOENT: ENGINE_EXISTING and none is there,
	 * -EACCES: ENGINE_EXISTING and this process may not even look.
	 */
	int (*open)(enum engine_scope scope, struct engine **ret_engine, struct maze_error *error);
	void (*close)(struct engine *engine);

	/*
	 * Watches the target's tasks under the policy from now on, count 0;
	 * replaces a policy they already have, if the claim reaches it. The tag marks
	 * the watch, its children's watches and all their records. -ESRCH: it is gone,
	 * -EPERM: refused (init, kernel thread, maze itself), -EEXIST: the claim reaches
	 * none of it, -ENOMEM, -ENOSPC.
	 */
	int (*watch)(struct engine *engine, const struct engine_target *target,
		     const struct maze_policy *policy, const struct engine_claim *claim,
		     struct maze_error *error);

	/* Ends the target's watches that the claim reaches. -ENOENT: there are none. */
	int (*unwatch)(struct engine *engine, const struct engine_target *target,
		       const struct engine_claim *claim, struct maze_error *error);
	/* Ends every watch that the claim reaches; 0 also when there is none. */
	int (*unwatch_all)(struct engine *engine, const struct engine_claim *claim,
			   struct maze_error *error);

	/*
	 * Hands every watched task to `each`, in no promised order; stops early
	 * when it returns non-zero and returns that.
	 */
	int (*list)(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
		    void *arg, struct maze_error *error);
	int (*counts)(struct engine *engine, struct engine_counts *ret_counts);

	/*
	 * Records. A reader starts with the oldest record kept, or with the next
	 * one to come. reader_fd polls readable when there may be something to
	 * read. reader_next returns 1 and a record, or 0 when there is none now;
	 * records that were overwritten before they were read arrive as one
	 * MAZE_EVENT_LOST with their number. Readers do not disturb each other.
	 */
	int (*reader_open)(struct engine *engine, bool from_oldest,
			   struct engine_reader **ret_reader, struct maze_error *error);
	int (*reader_fd)(struct engine_reader *reader);
	int (*reader_next)(struct engine_reader *reader, struct maze_record *ret_record);
	void (*reader_close)(struct engine_reader *reader);

	/* Not 0, and never again that of another engine of this boot. NULL: ends with us. */
	maze_u64 (*instance)(struct engine *engine);

	/*
	 * What happens to processes (core/process_event.h), from now on until the
	 * follower is closed; `wants` are MAZE_FOLLOW_*. follower_fd polls readable when
	 * there may be something; follower_next returns 1 and an event, or 0: none now.
	 * -EPERM, -EOPNOTSUPP: not here.
	 */
	int (*follow)(struct engine *engine, unsigned int wants,
		      struct engine_follower **ret_follower, struct maze_error *error);
	int (*follower_fd)(struct engine_follower *follower);
	int (*follower_next)(struct engine_follower *follower,
			     struct maze_process_event *ret_event);
	void (*follower_close)(struct engine_follower *follower);

	/*
	 * Evidence (core/stack.h): at the first verdict of each episode a process_info and a
	 * stack, then stacks as it is wanted, until the episode ends. Of several who want
	 * it at once the larger number and the smaller interval hold, for all. It is taken
	 * from then on, also when nobody is left to read it, until the engine is unloaded
	 * or somebody opens it anew when nobody else has it open. `wants` has no zeros and
	 * is within the limits of core/stack.h. Starts with the oldest that is kept.
	 * evidence_next_* return 1 and one, or 0: none now; evidence_fd polls readable when
	 * there may be one. All NULL: this engine takes none.
	 */
	int (*evidence_open)(struct engine *engine, const struct maze_evidence_wants *wants,
			     struct engine_evidence **ret_evidence, struct maze_error *error);
	int (*evidence_fd)(struct engine_evidence *evidence);
	int (*evidence_next_process_info)(struct engine_evidence *evidence,
					  struct maze_process_info *ret_process_info);
	int (*evidence_next_stack)(struct engine_evidence *evidence, struct maze_stack *ret_stack);
	/* Stacks and process_infos that were overwritten before they were read. */
	maze_u64 (*evidence_lost)(const struct engine_evidence *evidence);
	void (*evidence_close)(struct engine_evidence *evidence);

	/*
	 * Attendance: what the engine wants done in user space while it runs, if
	 * anything (the bpf engine: to attach the yield probe while it is needed).
	 * attend_fd polls readable when attend() should be called, and is -1 when
	 * nothing is ever wanted. attend() returns the ms after which it wants to be
	 * called again, -1: not before the fd says so. Several processes may attend.
	 * Called by who is about to reap a child of its own, it lets the engine take
	 * note of what only a process that has ended but was not reaped can tell.
	 */
	int (*service_fd)(struct engine *engine);
	int (*service)(struct engine *engine);
	/* Become the one process that stays to attend a pinned engine; -EEXIST: there is one. */
	int (*become_service)(struct engine *engine);

	/*
	 * For those who stay: gone_fd polls readable when the engine may have been
	 * unloaded by someone (-1: it cannot be), gone() then says whether it was.
	 */
	int (*gone_fd)(struct engine *engine);
	bool (*gone)(struct engine *engine);

	/*
	 * Children of this process that it did not start itself, but is handed as a
	 * reaper, are orphans of what it watches: to be watched by this policy and tag.
	 * 1: the engine needs that and has made this process a subreaper (prctl(2)), so
	 * it must reap children that it does not know; 0: no need. NULL: never any.
	 */
	int (*adopt)(struct engine *engine, const struct maze_policy *policy, maze_u64 tag);

	/*
	 * Who runs the file of this process's program is not judged from now on. Only a
	 * private engine does that: it ends with the process that holds the file in use.
	 * NULL: none does.
	 */
	void (*spare_program)(struct engine *engine);

	/* Drops everything pinned; 0 also when nothing was there. */
	int (*unload)(bool *ret_was_loaded, struct maze_error *error);
};

extern const struct engine_ops engine_bpf;
extern const struct engine_ops engine_kmod;
extern const struct engine_ops engine_poll;

#endif
