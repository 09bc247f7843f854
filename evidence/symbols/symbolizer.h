/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbolizer is a sandboxed helper process (../isolation/sandbox.h). It reads
 * untrusted files (ELF, DWARF, perf maps), which may be large or malicious. It is forked
 * for one job and has only the files of this job open. It answers in JSON through a pipe
 * and exits. Its answers are not trusted.
 */
#ifndef MAZE_EVIDENCE_SYMBOLIZER_H
#define MAZE_EVIDENCE_SYMBOLIZER_H

#include "symbols.h"
#include "unwind.h"

enum symbolizer_kind {
	SYMBOLIZER_FILE,   /* `at` is an offset in the file of `module` */
	SYMBOLIZER_JIT,	   /* `at` is an address in the perf map */
	SYMBOLIZER_KERNEL, /* `at` is an address in /proc/kallsyms */
};

struct symbolizer_query {
	enum symbolizer_kind kind;
	unsigned int module;
	maze_u64 at;
};

/* The pointers must stay valid only until symbolizer_start() returns. */
struct symbolizer_job {
	const struct symbolizer_query *queries;
	size_t queries_count;
	const struct symbols_files *modules;
	size_t modules_count;
	int perf_map_fd;		 /* -1: none */
	int kallsyms_fd;		 /* -1: none */
	const struct snapshot *snapshot; /* NULL: no unwind */
	const struct unwind_module *unwind_modules;
	size_t unwind_count;
	unsigned int seconds_max; /* wall clock; 0: a minute */
};

struct symbolizer_events {
	void (*named)(void *arg, size_t query, const struct symbol *symbols, size_t count);
	void (*unwound)(void *arg, const struct unwind_frame *frames, size_t count);
	/* /proc/kallsyms has no addresses for this user. */
	void (*restricted)(void *arg);
	/* The job is done. If this event is missing, the process ended early. */
	void (*ended)(void *arg);
	/* The sandbox could not be entered, so nothing was read. */
	void (*failed)(void *arg, int err);
};

struct symbolizer;

int symbolizer_start(const struct symbolizer_job *job, struct symbolizer **ret_symbolizer);
/*
 * Calls `events` for the answers that have come. Returns 1 if more will come, 0 at the
 * end, -EPROTO for an invalid answer, or -ETIME if the job takes too long. Never waits.
 */
int symbolizer_read(struct symbolizer *symbolizer, const struct symbolizer_events *events,
		    void *arg);
/* Kills the process without waiting. The caller may then call only symbolizer_reap(). */
void symbolizer_stop(struct symbolizer *symbolizer);
/* If the process has ended, frees `symbolizer` and returns true. */
bool symbolizer_reap(struct symbolizer *symbolizer);

#endif
