/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open bpf engine, as its user-space files see it. Whether the engine was
 * loaded by this process or found pinned makes no difference past load.c and
 * pins.c: both end in the same descriptors and mappings.
 */
#ifndef MAZE_ENGINE_BPF_H
#define MAZE_ENGINE_BPF_H

#include "../engine.h"
#include "../../base/error.h"
#include "shared.h"

/* Every map and program that user space works with; the order of pins.c's table. */
enum bpf_object_id {
	OBJECT_META,
	OBJECT_TASKS,
	OBJECT_TICKETS,
	OBJECT_CPUS,
	OBJECT_TIMERS,
	OBJECT_CLOCKS,
	OBJECT_VERDICT_LOG,
	OBJECT_LIFE_LOG,
	OBJECT_STACK_LOG,
	OBJECT_PROCESS_INFO_LOG,
	OBJECT_DOORBELLS,
	OBJECT_REQUEST,
	OBJECT_STATE,
	OBJECT_CONFIG,
	OBJECT_PROG_CONTROL,
	OBJECT_PROG_LIST,
	OBJECT_PROG_SCHED_EXIT, /* these two: -1 where not loaded */
	OBJECT_PROG_SYS_ENTER,
	OBJECT_COUNT,
};

struct maze_bpf; /* the skeleton */

/* This process's part in attending to the yield probe; see attend.c. */
struct yield_service {
	int doorbell;	   /* index, -1: none */
	void *ring;	   /* struct ring_buffer of that doorbell */
	int link_fd;	   /* the attached probe, -1: none */
	int event_fd;	   /* perf event of a system-call tracepoint, -1: none */
	int turn_fd;	   /* holds the turn, -1: not ours */
	int residence_fd;  /* holds the residence, -1: not ours */
	bool begins;	   /* has not attended yet: attaches the probe although nobody needs it */
	maze_u64 quiet_ns; /* CLOCK_BOOTTIME since nobody is near a limit; 0: somebody is */
};

struct engine {
	enum engine_scope scope;
	struct maze_bpf *skeleton; /* NULL when the engine was found pinned */
	int fds[OBJECT_COUNT];
	struct maze_state *state;	     /* mapped, read-write */
	struct maze_config config;	     /* a copy: constant */
	struct maze_record *logs[MAZE_LOGS]; /* mapped, read-only */
	struct yield_service service;
	int gone_fd;		  /* inotify on the pins' parent, -1: not asked for yet */
	unsigned long meta_inode; /* of the pinned engine's version: its identity */
};

/* load.c: loads and attaches a private engine; nothing of it outlives the process. */
int bpf_load(struct engine *engine, struct maze_error *error);

/* pins.c */
int bpf_pins_open(struct engine *engine, bool load, struct maze_error *error);
int bpf_pins_unload(bool *ret_was_loaded, struct maze_error *error);
bool bpf_pins_present(void);
int bpf_pins_gone_fd(struct engine *engine);
bool bpf_pins_gone(struct engine *engine);
/* Serialises whatever changes a pinned engine; returns a descriptor to close, or -errno. */
int bpf_pins_lock(struct maze_error *error);
/*
 * Two locks that live with the pinned engine and go with their holder: the turn, of
 * the process that attends now, and the residence, of the one that stays to attend.
 * A descriptor to close, or -errno; -EWOULDBLOCK when another process has it.
 */
int bpf_pins_take_turn(void);
int bpf_pins_take_residence(void);

/* map.c: descriptors to mappings, and back. Whole pages; NULL: see errno. */
void *bpf_map_fd(int fd, size_t size, int protection);
void bpf_unmap_fd(const void *address, size_t size);
int bpf_map_state(struct engine *engine, struct maze_error *error);
void bpf_unmap_state(struct engine *engine);

/* control.c */
int bpf_watch(struct engine *engine, const struct engine_target *target,
	      const struct maze_policy *policy, const struct engine_claim *claim,
	      struct maze_error *error);
int bpf_unwatch(struct engine *engine, const struct engine_target *target,
		const struct engine_claim *claim, struct maze_error *error);
int bpf_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		    struct maze_error *error);
int bpf_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	     void *arg, struct maze_error *error);
int bpf_counts(struct engine *engine, struct engine_counts *ret_counts);
/* Marks this process as maze's own, never to be watched; undone by its exit. */
int bpf_mark_self(struct engine *engine, struct maze_error *error);
/* Runs an iterator program over tasks (tid 0: all; pidfd -1: of all processes). */
int bpf_iterate(int prog_fd, int pidfd, pid_t tid, int *ret_fd);

/* kick.c: makes each CPU in the set go through a switch; best effort. */
void bpf_kick(const maze_u64 *cpu_set, size_t words);

/* doorbell.c; mask: which of the state's *_bells it belongs to */
int bpf_doorbell_open(struct engine *engine, maze_u32 *mask, int *ret_index, void **ret_ring,
		      struct maze_error *error);
void bpf_doorbell_drain(void *ring);
int bpf_doorbell_fd(void *ring);
void bpf_doorbell_close(struct engine *engine, int index, void *ring);
/* Does a living process other than that doorbell's own have a bit in the mask? */
bool bpf_doorbell_others(struct engine *engine, maze_u32 mask, int index);

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
maze_u64 bpf_evidence_lost(const struct engine_evidence *evidence);
void bpf_evidence_close(struct engine_evidence *evidence);

/* attend.c */
int bpf_service_fd(struct engine *engine);
int bpf_service(struct engine *engine);
int bpf_become_service(struct engine *engine);
void bpf_service_done(struct engine *engine);

#endif
