/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One episode in memory: its records, its process, its distinct stacks and its code
 * locations. Each of these has a maximum.
 */
#ifndef MAZE_EVIDENCE_EPISODE_H
#define MAZE_EVIDENCE_EPISODE_H

#include <jansson.h>

#include "../../base/proc_files.h"
#include "../../core/runs.h"
#include "../../core/system_calls.h"
#include "../../lib/stack_sampler.h"
#include "../capture/descriptors.h"
#include "../capture/machine_info.h"
#include "../capture/process_info.h"
#include "../capture/progress.h"
#include "../store/redact.h"
#include "../symbols/resolver.h"

#define EPISODE_RECORDS_MAX 16
/* A loop has few distinct stacks, so these maxima are rarely reached. */
#define EPISODE_STACKS_MAX 200
#define EPISODE_FRAMES_MAX 2048
#define EPISODE_FILES_MAX 256
#define EPISODE_NOTES_MAX 16
#define EPISODE_ACTIONS_MAX 16
#define EPISODE_SLICES_MAX 2
#define EPISODE_SIBLINGS_MAX 8
#define EPISODE_SIBLING_SAMPLES_MAX 10
#define EPISODE_ID_MAX 96
#define EPISODE_NO_FILE ~0U

/* A file that contains the code of some frames. */
struct episode_file {
	bool has_build_id;
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	const struct map *map; /* NULL: the frame has only a build-id */
	char *path;	       /* NULL: unknown */
	maze_u64 module;       /* the module's number; 0: not found */
	bool sought;
};

/* A distinct code location. */
struct episode_frame {
	enum symbolizer_kind kind;
	unsigned int file;  /* with SYMBOLIZER_FILE: index; else EPISODE_NO_FILE */
	maze_u64 at;	    /* offset in the file, or address */
	bool exact;	    /* false: a return address */
	const char *module; /* name of a mapping without a file: "[vdso]", "[anon]"; or NULL */
	bool symbolized;
	unsigned char tries;
	struct answer *answer; /* NULL: no name */
};

struct episode_stack {
	unsigned int *frames; /* indices */
	unsigned int count;
	bool cut;    /* outer frames are missing */
	bool astray; /* `cut` because the next address was not code */
};

struct episode_sample {
	maze_u64 boot_ns, count_ns;
	unsigned int cpu, stack;
};

/* The Python stacks. A read is requested next to each sample. */
struct episode_python {
	bool wanted;  /* a read is to be requested */
	bool running; /* a process reads for this episode */
	bool asked;   /* its answer is awaited */
	bool refused; /* there will be no more reads */
	maze_u64 asked_ns;
	maze_u32 version;    /* PY_VERSION_HEX; 0: unknown */
	json_t *stacks;	     /* distinct ones, as in maze-incident(5) */
	size_t bytes;	     /* their size; the process chooses its names */
	json_t *reads;	     /* NULL: none was successful */
	unsigned int failed; /* reads without a stack */
	const char *refusal; /* why the last read had no stack; a literal, or NULL */
};

struct episode_progress {
	struct progress first, last;
	maze_u64 tried_ns; /* CLOCK_BOOTTIME of the last reading, successful or not */
	bool unsaved;	   /* `last` is newer than the file */
	bool ended;	   /* episode_end_progress() was called */
};

/* Another thread of the process that ran at the same time (siblings.h). */
struct episode_sibling {
	pid_t tid;
	char comm[MAZE_COMM_LEN];
	struct stack_sampler *sampler; /* NULL: none, or it has ended */
	maze_u64 began_ns;	       /* CLOCK_MONOTONIC */
	maze_u64 pause_ns;	       /* at least, on average, between two samples */
	struct thread_times from, to;
	maze_u64 wall_ns;					    /* between `from` and `to` */
	struct episode_sample samples[EPISODE_SIBLING_SAMPLES_MAX]; /* without count_ns */
	size_t samples_count;
};

/* An action of mazed(8). Its result takes the place of the same action while pending. */
struct episode_action {
	maze_u64 boot_ns; /* of the result, or of the begin while it is pending */
	bool hard;	  /* after the hard verdict, and not the soft one */
	bool pending;	  /* the result is not known yet */
	bool tried, applied;
	char name[16];
	char text[400];
};

/* A look at a thread without a verdict (look.h), from `boot_ns` - `wall_ns` on. */
struct episode_look {
	maze_u64 boot_ns, wall_ns; /* boot_ns 0: the episode has a verdict */
	maze_u64 cpu_ns, waited_ns;
};

struct episode_group;

struct episode {
	maze_u64 serial; /* counts from 1 and is never reused */
	maze_u32 pid, tid, episode;
	maze_u64 first_ns; /* CLOCK_BOOTTIME of its first evidence */
	char id[EPISODE_ID_MAX];

	json_t *records; /* array */
	struct episode_action actions[EPISODE_ACTIONS_MAX];
	size_t actions_count;
	bool has_soft, has_hard, has_exit;
	char *rule; /* NULL: none */
	struct maze_policy policy;
	bool has_policy;

	struct process_info live;
	bool has_live;
	struct maze_process_info *recorded; /* NULL: none came */
	struct machine_info machine;
	struct origin origin; /* without the texts that follow from the cgroup */
	char *cgroup;	      /* NULL: unknown */

	struct episode_file files[EPISODE_FILES_MAX];
	size_t files_count;
	struct episode_frame *frames;
	size_t frames_count, frames_room, frames_open; /* the last: frames to be symbolized */
	bool exe_sought;			       /* symbolize_open_exe() was called */
	maze_u64 exe_module;			       /* the number of its module; 0: not opened */
	bool symbolized_again;			       /* symbolize_again() was called */
	struct episode_stack stacks[EPISODE_STACKS_MAX];
	size_t stacks_count;
	struct episode_sample *samples;
	size_t samples_count, samples_room;
	maze_u32 samples_dropped; /* samples for which there was no room */
	maze_u32 numbers;	  /* the highest sample number plus one */

	struct snapshot_event *asked; /* NULL: no snapshot is awaited */
	struct snapshot *snapshot;    /* to be unwound */
	maze_u64 unwind_ns;
	bool unwind_wanted, unwind_running, unwind_done;
	struct episode_stack unwound;

	struct call_slice slices[EPISODE_SLICES_MAX];
	size_t slices_count;
	struct maze_last_runs *runs;	 /* NULL: unknown; only the part in use is valid */
	struct descriptors *descriptors; /* NULL: not read */
	struct episode_python python;
	struct episode_progress progress;
	struct episode_sibling siblings[EPISODE_SIBLINGS_MAX];
	size_t siblings_count;
	bool siblings_open; /* they are being sampled */
	struct episode_look look;
	struct episode_group *group; /* NULL: the episode of a thread */

	const char *notes[EPISODE_NOTES_MAX]; /* literals */
	size_t notes_count;
};

void episode_init(struct episode *episode);
void episode_done(struct episode *episode);
/*
 * The ID is "20261124T204512Z-4711-4713-0", that of a group "20261124T204512Z-4711-tree-0".
 * Another user's ID ends in "-u1000".
 */
void episode_set_id(struct episode *episode, unsigned int uid);

/* Adds a sentence to `notes`, unless it is already there. */
void episode_note(struct episode *episode, const char *note);
void episode_unnote(struct episode *episode, const char *note);
void episode_add_record(struct episode *episode, const struct maze_record *record,
			const char *engine);
/* Adds the result, unless there is no room. */
void episode_add_action(struct episode *episode, const struct episode_action *action);
/* Whether the result of an action is pending. */
bool episode_awaits_action(const struct episode *episode);
void episode_add_process_info(struct episode *episode, const struct maze_process_info *recorded);
/* Returns -ENOSPC if there is no room. The stack is then counted and dropped. */
int episode_add_stack(struct episode *episode, const struct maze_stack *stack);
/* Returns the index of the stack, which is added if it is new, or -ENOSPC. */
int episode_stack_index(struct episode *episode, const struct maze_stack *stack);
void episode_add_unwound(struct episode *episode, const struct unwind_frame *frames, size_t count);
/* Adds a slice, or a note if `missing` is -errno. */
void episode_add_calls(struct episode *episode, int missing, const struct call_slice *slice);
/* Replaces the runs by those up to a later verdict. count 0: they are unknown. */
void episode_add_runs(struct episode *episode, const struct maze_last_runs *runs);
/* Returns the path of the program, or NULL if it is unknown. */
const char *episode_exe(const struct episode *episode);

/* Reads the descriptors of the slice, while the process lives. */
void episode_read_descriptors(struct episode *episode, const struct call_slice *slice);
/*
 * Reads what the thread has achieved since the first call. `evidence_ns` is the
 * CLOCK_BOOTTIME of new evidence of the episode; 0: there is none.
 */
void episode_read_progress(struct episode *episode, maze_u64 evidence_ns);
/* Call it at the end of the incident. Returns true if the file lacks something. */
bool episode_end_progress(struct episode *episode);

/* The key descriptors of maze-incident(5). */
json_t *episode_descriptors_json(const struct episode *episode, const struct redactor *redactor);
/* The key siblings of maze-incident(5). */
json_t *episode_siblings_json(const struct episode *episode);
/* The key system_calls of maze-incident(5). */
json_t *episode_calls_json(const struct episode *episode);
/* The key schedule of maze-incident(5). */
json_t *episode_runs_json(const struct episode *episode);
/* The key progress of maze-incident(5). */
json_t *episode_progress_json(const struct episode *episode);
/*
 * Writes the format of maze-incident(5). NULL: out of memory. The caller frees it.
 * ret_signature (SIGNATURE_LEN) gets the signature, "" if it is unknown; it may be NULL.
 */
char *episode_json(const struct episode *episode, const struct redactor *redactor,
		   char *ret_signature);

#endif
