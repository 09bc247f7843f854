/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This is the user-space side of the kmod engine. It writes lines to /proc/maze/entries
 * (grammar in module/grammar.h) and reads the other files in /proc/maze. The kernel
 * module measures the tasks and sends the signals.
 */
#ifndef MAZE_ENGINE_KMOD_H
#define MAZE_ENGINE_KMOD_H

#include "../engine.h"
#include "../../base/error.h"

#define KMOD_DIR "/proc/maze"
/*
 * The version of the /proc/maze files that this program supports (module/proc_stats.c).
 */
#define KMOD_INTERFACE 6

struct engine {
	enum engine_scope scope;
	int entries;	    /* /proc/maze/entries, open for writing */
	int gone_fd;	    /* result of kmod_gone_fd(); -1: not open */
	int gone_events;    /* /proc/maze/events, which gone_fd polls; -1: not open */
	maze_u64 loaded_ns; /* load time of the module when the engine was opened */
	/* A private engine ends the watches with these tags when it is closed. */
	maze_u64 *tags;
	size_t tag_count;
};

/* stats.c */
struct kmod_stats {
	maze_u64 interface, loaded_ns, entries, records, verdicts, signals, timer_expiries,
		inherit_failures;
	bool lone_yields_seen;
};

/* Returns -ENOENT if the module is not loaded. */
int kmod_stats_read(struct kmod_stats *ret_stats);
int kmod_counts(struct engine *engine, struct maze_counts *ret_counts);

/* orders.c */
int kmod_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error);
int kmod_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error);
int kmod_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error);
int kmod_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	       struct maze_error *error);
int kmod_unload(bool *ret_was_loaded, struct maze_error *error);

/* list.c */
int kmod_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error);

/* streaks.c: the operation of engine.h. */
int kmod_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		 void *arg, struct maze_error *error);

/* reader.c */
int kmod_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error);
int kmod_reader_fd(struct engine_reader *reader);
int kmod_reader_next(struct engine_reader *reader, struct maze_record *ret_record);
void kmod_reader_close(struct engine_reader *reader);

#endif
