/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident as its file describes it: one episode of a thread or of a group. Most members may be
 * missing. Strings are UTF-8 and stay valid until incident_free(). They are untrusted
 * (names of processes and functions), so each output must escape them.
 */
#ifndef MAZE_REPORT_INCIDENT_H
#define MAZE_REPORT_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/origin.h"
#include "../lib/progress.h"
#include "../lib/signature.h"

#define INCIDENT_ID_MAX 200

/* The value of a missing number. A missing string is NULL. */
#define INCIDENT_UNKNOWN (-1LL)

/* The section RECORDS of maze(1) describes the fields. */
struct incident_record {
	long long time_ns; /* since 1970 */
	const char *event; /* never NULL */
	const char *comm;
	const char *signal;
	const char *not_sent; /* why the signal was not sent */
	long long pid, tid, uid, cpu;
	long long count_ns, limit_ns;
	long long used_ns, asleep_ns, sleeps; /* only verdicts have them */
	long long elapsed_ns;		      /* only verdicts of groups have it */
	double share;			      /* of a CPU; 0: not of a group, or unknown */
	bool sent, fatal, shadow;
};

struct incident_frame {
	const char *function;
	const char *file;
	const char *module;
	const char *build_id; /* hexadecimal */
	const char *address;  /* hexadecimal, with 0x */
	long long line;
	unsigned long long offset; /* in the module's file, or the address if there is no module */
	bool has_offset;
	bool inlined, kernel;
	bool entry; /* a Python function that was called by C code */
};

struct incident_stack {
	struct incident_frame *frames; /* innermost first, kernel frames before the others */
	size_t count;
	bool cut;    /* outer frames are missing */
	bool astray; /* outer frames are missing because an address was no code */
};

struct incident_sample {
	long long time_ns; /* since 1970 */
	long long count_ns, cpu;
	size_t stack;	    /* index into `stacks` */
	long long consumer; /* index into the consumers of a group */
};

/* System calls with the same number, descriptor and result. */
struct incident_call {
	const char *name;  /* NULL: only the number is known */
	const char *error; /* such as "EAGAIN"; NULL: success */
	long long number, fd, calls, time_ns;
	long long bytes; /* INCIDENT_UNKNOWN: the result is not a number of bytes */
	bool compat, has_fd, positive;
};

/* A slice of the thread's CPU time in which its system calls were counted. */
struct incident_slice {
	long long time_ns; /* since 1970 */
	long long cpu_ns, wall_ns, calls, rest_calls, rest_time_ns;
	struct incident_call *rows; /* the most frequent first */
	size_t rows_count;
	struct incident_call inside; /* the call that it was in at the end */
	bool is_inside;
};

struct incident_watch {
	long long fd;
	const char *events; /* such as "EPOLLIN|EPOLLERR" */
	bool stale;	    /* the number belongs to another file by now, or to none */
};

/* The keys of descriptors in maze-incident(5). */
struct incident_descriptor {
	const char *kind; /* never NULL */
	const char *target, *protocol, *local, *remote, *state, *path, *signals;
	long long fd, position, size, unread, unsent, other_pid, count, ticks, watches_total;
	bool deleted, other_gone, pending;
	struct incident_watch *watches;
	size_t watches_count;
};

/* What the thread achieved after its first verdict. */
struct incident_progress {
	long long from_ns, to_ns; /* since 1970 */
	long long number[PROGRESS_NUMBERS_];
};

struct incident_thread {
	const char *comm, *state;
	long long tid, cpu_ns;
};

/* Another thread of the process that ran at the same time. */
struct incident_sibling {
	const char *comm;
	long long tid, cpu_ns, wall_ns;
	struct incident_sample *samples; /* of stacks of the incident */
	size_t samples_count;
};

/* One of the last runs of the thread on a CPU before its last verdict. */
struct incident_run {
	long long time_ns; /* since 1970 */
	long long wall_ns, cpu;
	long long runtime_ns; /* the thread's CPU time at the end */
	long long waited_ns;  /* for a CPU, since the run before */
	const char *end;      /* such as "preempted"; NULL: it goes on after the verdict */
	const char *other_comm;
	long long other_tid; /* the thread that got the CPU */
};

/* The result of an action of mazed(8). */
struct incident_action {
	const char *action, *text;
	long long time_ns;
};

struct incident_policy {
	bool there;
	long long soft_ns, hard_ns;
	const char *soft_signal, *hard_signal, *yield;
	const char *share; /* of a group, such as "90%" */
	char recovery[32]; /* such as "inf" or "0.25"; "": unknown */
	bool inherit, shadow, to_process;
};

struct incident_process {
	long long pid, ppid, uid, open_files;
	const char *comm, *exe, *cgroup, *started;
	const char **cmdline;
	size_t cmdline_count;
	bool cmdline_cut; /* the command line is longer */
	struct incident_thread *threads;
	size_t threads_count;
	long long threads_total; /* may be more than threads_count */
};

struct incident_machine {
	long long cpus, uptime_s;
	double load[3]; /* negative: unknown */
};

/* What has used the most CPU time of a group: a thread, or what has ended. */
struct incident_consumer {
	const char *kind; /* never NULL */
	const char *comm; /* of the thread */
	long long tid, cpu_ns;
	char *name; /* "cc1 4321" */
	/*
	 * Has only its process with its origin, its samples, and its unwound and Python
	 * stacks. Behind the frames of the unwound stack, `frames` has one with the name.
	 */
	struct incident *only;
};

/* The group of an incident that is not of one thread. */
struct incident_group {
	const char *scope; /* such as "tree" */
	long long members, cpu_ns, wall_ns, interval_ns;
	struct incident_consumer *consumers; /* the largest first */
	size_t consumers_count;
};

struct incident {
	const char *id;
	const char *rule;
	struct incident_policy policy;
	struct incident_process process;
	struct incident_machine machine;
	const char *origin[ORIGIN_COUNT_]; /* where it is from (lib/origin.h) */
	/* At least one. That of a look is made of its key `look`, and its event is "look". */
	struct incident_record *records;
	size_t records_count;
	struct incident_action *actions;
	size_t actions_count;
	bool is_look; /* without a verdict, by maze why */
	long long look_wall_ns, look_waited_ns;
	struct incident_stack *stacks;
	size_t stacks_count;
	struct incident_sample *samples;
	size_t samples_count;
	long long samples_lost;
	struct incident_stack unwound; /* count 0: none */
	long long unwound_took_ns;
	struct incident_slice *slices;
	size_t slices_count;
	struct incident_descriptor *descriptors;
	size_t descriptors_count;
	struct incident_sibling *siblings;
	size_t siblings_count;
	struct incident_run *runs; /* the key schedule; oldest first */
	size_t runs_count;
	long long runs_missed;
	bool schedule_unknown; /* the key is null; earlier versions had none */
	/* Has only stacks, and as samples the reads of the Python stack. NULL: none. */
	struct incident *python;
	const char *python_version;
	struct incident_group *group; /* NULL: the incident is of a thread */
	struct incident_progress progress;
	const char **notes;
	size_t notes_count;
	/* A signal to another thread that may have ended this one; "": none. */
	char ended_by_signal[32];
	long long ended_by_tid;
	char signature[SIGNATURE_LEN]; /* lib/signature.h; "": unknown */
	/* The first incident with this signature; "": this one, or it was not searched. */
	char repeats[INCIDENT_ID_MAX + 1];
	size_t repeated;		/* number of earlier incidents with this signature */
	struct incident_source *source; /* owns the strings */
};

#endif
