/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded cache of the names of code locations, filled by one symbolizer process at a
 * time. Many runaway threads at one location need one query.
 *
 * resolver_get() searches the cache, resolver_want() adds a missing location to the next
 * job, and resolver_run() starts the job.
 */
#ifndef MAZE_EVIDENCE_RESOLVER_H
#define MAZE_EVIDENCE_RESOLVER_H

#include "symbolizer.h"
#include "modules.h"

/* The modules of one unwind. */
#define RESOLVER_UNWIND_MODULES_MAX 32

struct location {
	enum symbolizer_kind kind;
	maze_u64 scope; /* FILE: the module's number; JIT: the caller's choice; KERNEL: 0 */
	maze_u64 at;
};

/* Reference-counted: resolver_get() takes a reference, answer_drop() drops it. */
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

/* NULL: not in the cache; *ret_asked: a job contains it. */
struct answer *resolver_get(struct resolver *resolver, const struct location *location,
			    bool *ret_asked);
/* Caches that this location has no name. */
void resolver_give_up(struct resolver *resolver, const struct location *location);
/*
 * Adds a location to the next job. `module` is for a FILE and stays open until the job
 * starts. `perf_map_fd` is for a JIT and belongs to the resolver in any case. -EAGAIN:
 * the job is full, or one is running.
 */
int resolver_want(struct resolver *resolver, const struct location *location, struct module *module,
		  int perf_map_fd);
/* Whether resolver_want() can succeed now. */
bool resolver_is_free(const struct resolver *resolver);

/*
 * Adds an unwind to the next job, at most one to each. On success the snapshot belongs to
 * the resolver. `modules` are held as above.
 */
int resolver_want_unwind(struct resolver *resolver, maze_u64 asker, struct snapshot *snapshot,
			 struct module *const *modules, const struct map *const *maps,
			 size_t count);
/* 1 and the frames, once; 0: not yet; -ENOENT: no unwind of this asker. */
int resolver_take_unwound(struct resolver *resolver, maze_u64 asker,
			  struct unwind_frame *ret_frames, size_t *ret_count);

/* Starts the next job, or reads answers. True: a job is running. */
bool resolver_run(struct resolver *resolver);
/* This user may not see the kernel's symbols, as far as is known. */
bool resolver_kernel_is_restricted(const struct resolver *resolver);
/* The -errno of the last attempt to start a job; 0: it started. */
int resolver_trouble(const struct resolver *resolver);

#endif
