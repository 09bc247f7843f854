/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded cache of the names of code locations. One helper process (symbolizer.h) at a
 * time fills the cache. Many runaway threads at one location need only one query.
 *
 * resolver_get() searches the cache. resolver_want() adds a missing location to the next
 * job. resolver_run() starts the job.
 */
#ifndef MAZE_EVIDENCE_RESOLVER_H
#define MAZE_EVIDENCE_RESOLVER_H

#include "symbolizer.h"
#include "modules.h"

/* The maximum of modules of one unwind. */
#define RESOLVER_UNWIND_MODULES_MAX 32

struct location {
	enum symbolizer_kind kind;
	/* FILE: the module's number; JIT: the caller's number of a map; KERNEL: 0. */
	maze_u64 scope;
	maze_u64 at;
};

/* An answer counts references. resolver_get() takes one, and answer_drop() drops one. */
struct answer {
	unsigned int references;
	size_t count; /* 0: the location has no name */
	struct {
		char *function; /* "": unknown */
		char *file;	/* "": unknown */
		unsigned int line;
		bool inlined;
	} symbol[];
};
void answer_drop(struct answer *answer);

struct resolver;

int resolver_new(struct resolver **ret_resolver);
void resolver_free(struct resolver *resolver);

/* Returns NULL if the cache has no answer. *ret_asked is true if a job has the query. */
struct answer *resolver_get(struct resolver *resolver, const struct location *location,
			    bool *ret_asked);
/* Caches that this location has no name. */
void resolver_give_up(struct resolver *resolver, const struct location *location);
/*
 * Adds a location to the next job. A FILE needs `module`, which the resolver holds until
 * the job starts. A JIT needs `perf_map_fd`, which the resolver always closes. Returns
 * -EAGAIN if the job is full or one is running.
 */
int resolver_want(struct resolver *resolver, const struct location *location, struct module *module,
		  int perf_map_fd);
/* Whether resolver_want() can succeed now. */
bool resolver_is_free(const struct resolver *resolver);

/*
 * Adds an unwind to the next job. A job has at most one unwind. On success the snapshot
 * belongs to the resolver, which holds `modules` until the job starts.
 */
int resolver_want_unwind(struct resolver *resolver, maze_u64 asker, struct snapshot *snapshot,
			 struct module *const *modules, const struct map *const *maps,
			 size_t count);
/*
 * Takes the result of an unwind. Returns 1 with the frames, 0 if the unwind has not
 * ended, or -ENOENT if this asker has no unwind or its result was already taken.
 */
int resolver_take_unwound(struct resolver *resolver, maze_u64 asker,
			  struct unwind_frame *ret_frames, size_t *ret_count);
/*
 * Drops the unwind of an asker that will not take its result. A result that is never
 * taken would keep all later unwinds from starting.
 */
void resolver_drop_unwind(struct resolver *resolver, maze_u64 asker);

/* Starts the next job or reads its answers. Returns true while a job is running. */
bool resolver_run(struct resolver *resolver);
/* Whether a job found that this user may not see the kernel's symbols. */
bool resolver_kernel_is_restricted(const struct resolver *resolver);
/* The -errno of the last attempt to start a job, or 0 if that succeeded. */
int resolver_trouble(const struct resolver *resolver);

#endif
