/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What places are called, as far as it was asked for: a bounded cache, and one helper
 * process at a time that fills it. Many threads that are mazed in the same place ask once.
 *
 * A place is looked for with resolver_get(); what is missing is put into the next job by
 * resolver_want(), until resolver_run() starts it.
 */
#ifndef MAZE_EVIDENCE_RESOLVER_H
#define MAZE_EVIDENCE_RESOLVER_H

#include "symbolizer.h"
#include "modules.h"

struct place {
	enum symbolizer_kind kind;
	maze_u64 scope; /* FILE: the module's number; JIT: the asker's; KERNEL: 0 */
	maze_u64 at;
};

/* Counted references: resolver_get() gives one, answer_drop() gives it back. */
struct answer {
	unsigned int references;
	size_t count; /* 0: it has no name */
	struct {
		char *function; /* "": not known */
		char *file;	/* "": not known */
		unsigned int line;
		bool inlined;
	} symbol[];
};
void answer_drop(struct answer *answer);

struct resolver;

int resolver_new(struct resolver **ret_resolver);
void resolver_free(struct resolver *resolver);

/* NULL: not known; `*ret_asked`: but asked for. */
struct answer *resolver_get(struct resolver *resolver, const struct place *place, bool *ret_asked);
/* Says itself that there is no name for it. */
void resolver_give_up(struct resolver *resolver, const struct place *place);
/*
 * Into the next job. `module` with a FILE, which stays open until the job has begun;
 * `perf_map_fd` with a JIT, which becomes the resolver's in any case. -EAGAIN: the job is
 * full, or one is being done.
 */
int resolver_want(struct resolver *resolver, const struct place *place, struct module *module,
		  int perf_map_fd);
/* Can anything be wanted now? */
bool resolver_is_free(const struct resolver *resolver);

/*
 * An unwind into the next job, for an asker; at most one in each. The snapshot becomes the
 * resolver's when 0 is returned. `modules` are held as above.
 */
int resolver_want_unwind(struct resolver *resolver, maze_u64 asker, struct snapshot *snapshot,
			 struct module *const *modules, const struct map *const *maps,
			 size_t count);
/* 1 and the frames, 0: not yet, -ENOENT: there is none of that asker. Given once. */
int resolver_take_unwound(struct resolver *resolver, maze_u64 asker,
			  struct unwind_frame *ret_frames, size_t *ret_count);

/* Starts the job if there is one, and takes in what is answered. True: one is being done. */
bool resolver_run(struct resolver *resolver);
/* The kernel's symbols are not for this user to see, as far as is known. */
bool resolver_kernel_is_restricted(const struct resolver *resolver);
/* Why the last job could not be begun; 0: it could. */
int resolver_trouble(const struct resolver *resolver);

#endif
