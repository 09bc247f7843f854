/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The confined process: reads the files of others (their ELF and DWARF, their perf maps),
 * which may have been made to harm who reads them, and which can be large. It is forked
 * for one job, has the files open that the job needs, may do next to nothing else
 * (sandbox.h), answers through a pipe, and ends. What it says is still not trusted: it is
 * JSON with texts in it that are shown to people.
 */
#ifndef MAZE_EVIDENCE_SYMBOLIZER_H
#define MAZE_EVIDENCE_SYMBOLIZER_H

#include "symbols.h"
#include "unwind.h"

enum symbolizer_kind {
	SYMBOLIZER_FILE,   /* `at` is an offset in the file of `module` */
	SYMBOLIZER_JIT,	   /* an address, in the perf map */
	SYMBOLIZER_KERNEL, /* an address, in /proc/kallsyms */
};

struct symbolizer_query {
	enum symbolizer_kind kind;
	unsigned int module;
	maze_u64 at;
};

/* One job; it is only read while symbolizer_start() runs. */
struct symbolizer_job {
	const struct symbolizer_query *queries;
	size_t queries_count;
	const struct symbols_files *modules;
	size_t modules_count;
	int perf_map_fd;		 /* -1: none */
	int kallsyms_fd;		 /* -1: none */
	const struct snapshot *snapshot; /* NULL: nothing to unwind */
	const struct unwind_module *unwind_modules;
	size_t unwind_count;
	unsigned int seconds_max; /* by the clock; 0: a minute */
};

struct symbolizer_events {
	void (*named)(void *arg, size_t query, const struct symbol *symbols, size_t count);
	void (*unwound)(void *arg, const struct unwind_frame *frames, size_t count);
	/* /proc/kallsyms has no addresses for this user. */
	void (*restricted)(void *arg);
	/* All is said that there is to say; without that, it has ended before its time. */
	void (*ended)(void *arg);
	/* It could not be shut in, by that -errno, and has read nothing. */
	void (*failed)(void *arg, int err);
};

struct symbolizer;

int symbolizer_start(const struct symbolizer_job *job, struct symbolizer **ret_symbolizer);
/*
 * Hands on what it has said so far. 1: there is more to come, 0: that was all, -EPROTO: it
 * has said what it should not, -ETIME: it has taken too long. Never waits.
 */
int symbolizer_read(struct symbolizer *symbolizer, const struct symbolizer_events *events,
		    void *arg);
/* Readable when it has said something. */
int symbolizer_fd(const struct symbolizer *symbolizer);
/* Ends it, if it has not ended, without waiting for that. Then only symbolizer_reap() is left. */
void symbolizer_stop(struct symbolizer *symbolizer);
/* True: it is gone, and `confined` is freed; false: it can take a moment. */
bool symbolizer_reap(struct symbolizer *symbolizer);

#endif
