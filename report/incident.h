/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident as it was written down: one episode of one thread, of which nearly
 * everything may be missing. All texts are UTF-8 and others' (names of processes and
 * functions): whoever shows one has to make it harmless for where it is shown. They
 * belong to the incident and live until incident_free().
 */
#ifndef MAZE_REPORT_INCIDENT_H
#define MAZE_REPORT_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>

/* Of a number: it is not there. Of a text that is not there: NULL. */
#define INCIDENT_UNKNOWN (-1LL)

/* The stages of records[], see maze(1), RECORDS. */
struct incident_record {
	long long time_ns; /* since 1970 */
	const char *event; /* never NULL */
	const char *comm;
	const char *signal;
	const char *not_sent; /* why, when it was not delivered */
	const char *engine;
	long long pid, tid, uid, cpu;
	long long count_ns, limit_ns;
	long long used_ns, asleep_ns, sleeps; /* of verdicts: what its episode came to */
	bool sent, fatal, shadow;
};

struct incident_frame {
	const char *function;
	const char *file;
	const char *module;
	const char *build_id; /* hexadecimal */
	const char *address;  /* hexadecimal, with 0x */
	long long line;
	unsigned long long offset; /* in the module's file; without a module, the address */
	bool has_offset;
	bool inlined, kernel;
};

struct incident_stack {
	struct incident_frame *frames; /* innermost first, those of the kernel before the others */
	size_t count;
	bool cut;    /* the outermost are missing */
	bool astray; /* because the walk to them did not find them */
};

struct incident_sample {
	long long time_ns; /* since 1970 */
	long long count_ns, cpu;
	size_t stack; /* below stacks_count */
};

struct incident_thread {
	const char *comm, *state;
	long long tid, cpu_ns;
};

struct incident_policy {
	bool there;
	long long soft_ns, hard_ns;
	const char *soft_signal, *hard_signal, *yield;
	char recovery[32]; /* "inf", "0.25"; "": unknown */
	bool inherit, shadow, to_process;
};

struct incident_process {
	long long pid, ppid, uid, open_files;
	const char *comm, *exe, *cgroup, *started;
	const char **cmdline;
	size_t cmdline_count;
	bool cmdline_cut; /* there was more */
	struct incident_thread *threads;
	size_t threads_count;
	long long threads_total; /* how many there were, not all of which need be here */
};

struct incident_machine {
	const char *kernel;
	long long cpus, uptime_s;
	double load[3]; /* below 0: unknown */
};

struct incident {
	const char *id;
	const char *rule;
	struct incident_policy policy;
	struct incident_process process;
	struct incident_machine machine;
	struct incident_record *records; /* at least one */
	size_t records_count;
	struct incident_stack *stacks;
	size_t stacks_count;
	struct incident_sample *samples;
	size_t samples_count;
	long long samples_lost;
	struct incident_stack unwound; /* count 0: there is none */
	long long unwound_took_ns;
	const char **notes;
	size_t notes_count;
	/* Sent to another thread before this one ended, see incident_group.h; "": none. */
	char ended_by_signal[32];
	long long ended_by_tid;
	struct incident_source *source; /* what the texts are part of */
};

#endif
