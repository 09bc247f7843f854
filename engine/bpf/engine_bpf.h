/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open bpf engine, as its user-space files see it. load.c opens a new engine and
 * pins.c a pinned one. Both fill the same descriptors and mappings, so the other files do
 * not distinguish the two. Functions return 0 or -errno unless their comment differs.
 * They write the reason of a failure to *error; `error` may be NULL.
 */
#ifndef MAZE_ENGINE_BPF_H
#define MAZE_ENGINE_BPF_H

#include "../engine.h"
#include "../../base/error.h"
#include "shared.h"

/*
 * Every map and program that user space uses. OBJECT_META is first: it has the version.
 */
enum bpf_object_id {
	OBJECT_META,
	OBJECT_TASKS,
	OBJECT_TICKETS,
	OBJECT_CPUS,
	OBJECT_TIMERS,
	OBJECT_CLOCKS,
	OBJECT_VERDICT_LOG,
	OBJECT_LIFECYCLE_LOG,
	OBJECT_STACK_LOG,
	OBJECT_PROCESS_INFO_LOG,
	OBJECT_RUN_LOG,
	OBJECT_WAKEUPS,
	OBJECT_REQUEST,
	OBJECT_ALLOWANCES,
	OBJECT_STREAK_CLASSES,
	OBJECT_STATE,
	OBJECT_CONFIG,
	OBJECT_PROG_CONTROL,
	OBJECT_PROG_LIST,
	OBJECT_PROG_STREAKS,
	OBJECT_PROG_SCHED_EXIT, /* -1 where not loaded */
	OBJECT_PROG_SYS_ENTER,	/* -1 where not loaded */
	OBJECT_COUNT,
};

struct maze_bpf;   /* the skeleton */
struct totals_bpf; /* that of totals.c */

/* The yield-probe service of this process, see yield_service.c. An unused *_fd is -1. */
struct yield_service {
	int wakeup;	     /* index of its wakeup; -1: none */
	void *ring;	     /* struct ring_buffer of the wakeup */
	int link_fd;	     /* the attached probe */
	int event_fd;	     /* perf event of the system-call tracepoint */
	int probe_lock_fd;   /* held while this process has the probe attached */
	int service_lock_fd; /* held by the process that stays to serve */
	bool begins;	     /* the next call attaches the probe unconditionally */
	maze_u64 quiet_ns;   /* CLOCK_BOOTTIME of the probe's last use; 0: it is in use */
};

struct engine {
	enum engine_scope scope;
	struct maze_bpf *skeleton; /* NULL when the engine was found pinned */
	int fds[OBJECT_COUNT];
	struct maze_state *state;	     /* mapped, read-write */
	struct maze_config config;	     /* a copy; it never changes */
	struct maze_record *logs[MAZE_LOGS]; /* mapped, read-only */
	struct yield_service service;
	struct totals_bpf *totals; /* NULL: not loaded */
	bool without_totals;	   /* this kernel cannot load it */
	int spare_ring;		   /* of a private engine, for its next reader; -1: none */
	int gone_fd;		   /* inotify on the pins' parent, -1: not created yet */
	unsigned long meta_inode;  /* that of the pinned meta map, which identifies the engine */
};

/* load.c: loads and attaches an engine that ends with this process. */
int bpf_load(struct engine *engine, struct maze_error *error);

/* pins.c: the operations open, unload, gone_fd and gone of engine.h. */
int bpf_pins_open(struct engine *engine, bool load, struct maze_error *error);
int bpf_pins_unload(bool *ret_was_loaded, struct maze_error *error);
bool bpf_pins_present(void);
int bpf_pins_gone_fd(struct engine *engine);
bool bpf_pins_gone(struct engine *engine);
/* Take and drop the lock for changes of a pinned engine. A private engine has no lock. */
int bpf_lock(struct engine *engine, int *ret_lock, struct maze_error *error);
void bpf_unlock(int lock);
/*
 * These take the locks of struct yield_service. They return a descriptor, which the
 * caller closes, or -errno. -EWOULDBLOCK: another process has the lock. The kernel drops
 * a lock when its holder ends.
 */
int bpf_pins_lock_probe(void);
int bpf_pins_lock_service(void);

/* map.c: maps whole pages of a descriptor. NULL: failed, and errno is set. */
void *bpf_map_fd(int fd, size_t size, int protection);
void bpf_unmap_fd(const void *address, size_t size);
int bpf_map_state(struct engine *engine, struct maze_error *error);
void bpf_unmap_state(struct engine *engine);

/*
 * iterate.c: opens an iterator over one task (tid), over one process (pidfd, tid 0), or
 * over all tasks (pidfd -1, tid 0).
 */
int bpf_iterate(int prog_fd, int pidfd, pid_t tid, int *ret_fd);
/*
 * Runs the program over all tasks. Calls `each` for each item of `size` bytes that it
 * writes, up to 128. If `each` returns a value other than 0, this ends and returns it.
 */
int bpf_iterate_items(int prog_fd, size_t size, int (*each)(const void *item, void *arg), void *arg,
		      struct maze_error *error);
/* Runs the iterator to its end, discards the output, and closes the descriptor. */
int bpf_drain_iterator(int fd);

/* control.c: the operations of the same names in engine.h. */
int bpf_watch(struct engine *engine, const struct engine_target *target,
	      const struct maze_policy *policy, const struct engine_claim *claim,
	      struct maze_error *error);
int bpf_unwatch(struct engine *engine, const struct engine_target *target,
		const struct engine_claim *claim, struct maze_error *error);
int bpf_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		    struct maze_error *error);
int bpf_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	     void *arg, struct maze_error *error);
int bpf_counts(struct engine *engine, struct maze_counts *ret_counts);
int bpf_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	      struct maze_error *error);
/* streaks.c: the operation of engine.h. */
int bpf_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		void *arg, struct maze_error *error);
/* Exempts this process from being watched, until it exits. */
int bpf_mark_self(struct engine *engine, struct maze_error *error);

/* totals.c: the operation of engine.h */
int bpf_totals(struct engine *engine, int (*each)(const struct maze_total *total, void *arg),
	       void *arg);
void bpf_totals_done(struct engine *engine);

/* force_switch.c: tries to make each CPU in the set switch to another task. */
void bpf_force_switch(const maze_u64 *cpu_set, size_t words);

/*
 * notify.c: wakeups of readers. `mask` is the notify_* word of struct maze_state for this
 * kind of wakeup. -ENOSPC: MAZE_READERS_MAX readers exist.
 */
int bpf_notify_open(struct engine *engine, maze_u32 *mask, int *ret_index, void **ret_ring,
		    struct maze_error *error);
/* Makes the descriptor unreadable until the next wakeup. */
void bpf_notify_drain(void *ring);
int bpf_notify_fd(void *ring);
void bpf_notify_close(struct engine *engine, int index, void *ring);
/* Whether the mask has a bit whose process still exists, apart from bit `index`. */
bool bpf_notify_others(struct engine *engine, maze_u32 mask, int index);

/* reader.c */
int bpf_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		    struct maze_error *error);
int bpf_reader_fd(struct engine_reader *reader);
int bpf_reader_next(struct engine_reader *reader, struct maze_record *ret_record);
void bpf_reader_close(struct engine_reader *reader);

/* follow.c */
int bpf_follow(struct engine *engine, unsigned int wants, struct engine_follower **ret_follower,
	       struct maze_error *error);
int bpf_follower_fd(struct engine_follower *follower);
int bpf_follower_next(struct engine_follower *follower, struct maze_process_event *ret_event);
void bpf_follower_close(struct engine_follower *follower);

/* evidence.c */
int bpf_evidence_open(struct engine *engine, const struct maze_evidence_wants *wants,
		      struct engine_evidence **ret_evidence, struct maze_error *error);
int bpf_evidence_fd(struct engine_evidence *evidence);
int bpf_evidence_next_process_info(struct engine_evidence *evidence, struct maze_process_info *ret);
int bpf_evidence_next_stack(struct engine_evidence *evidence, struct maze_stack *ret);
int bpf_evidence_runs(struct engine_evidence *evidence, maze_u32 pid, maze_u32 tid,
		      maze_u32 episode, struct maze_last_runs *ret);
maze_u64 bpf_evidence_lost(const struct engine_evidence *evidence);
void bpf_evidence_close(struct engine_evidence *evidence);

/* yield_service.c */
int bpf_service_fd(struct engine *engine);
int bpf_service(struct engine *engine);
int bpf_become_service(struct engine *engine);
void bpf_service_done(struct engine *engine);

#endif
