/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one episode, in memory: records, the process, and its stacks, each
 * distinct stack and each distinct place once. Bounded, whatever comes in.
 */
#ifndef MAZE_EVIDENCE_EPISODE_H
#define MAZE_EVIDENCE_EPISODE_H

#include <jansson.h>

#include "../capture/machine_info.h"
#include "../capture/process_info.h"
#include "../store/redact.h"
#include "../symbols/resolver.h"

#define EPISODE_RECORDS_MAX 16
/* A loop goes round in few places; more stacks than that add nothing for a person. */
#define EPISODE_STACKS_MAX 200
#define EPISODE_FRAMES_MAX 2048
#define EPISODE_FILES_MAX 256
#define EPISODE_NOTES_MAX 16
#define EPISODE_ID_MAX 96
#define EPISODE_NO_FILE ~0U

/* A file that frames lie in. */
struct episode_file {
	bool has_build_id;
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	const struct map *map; /* of an address; NULL: known by build-id only */
	char *path;	       /* NULL: not known */
	maze_u64 module;       /* its number; 0: not found */
	bool sought;
};

/* A distinct place. */
struct episode_frame {
	enum symbolizer_kind kind;
	unsigned int file;  /* with SYMBOLIZER_FILE: index; else EPISODE_NO_FILE */
	maze_u64 at;	    /* offset in the file, or address */
	bool exact;	    /* else a return address: the call is before it */
	const char *module; /* what an address without a file lies in: "[vdso]", "[anon]"; NULL */
	bool symbolized;
	unsigned char tries;
	struct answer *answer; /* NULL: no name */
};

struct episode_stack {
	unsigned int *frames; /* indices */
	unsigned int count;
	bool cut;    /* there were more */
	bool astray; /* the walk to the others led where no code is */
};

struct episode_sample {
	maze_u64 boot_ns, count_ns;
	unsigned int cpu, stack;
};

struct episode {
	maze_u64 serial; /* 1, 2, …: names the episode here */
	/* Whose it is. */
	maze_u32 pid, tid, episode;
	maze_u64 first_ns; /* CLOCK_BOOTTIME of its first piece */
	char id[EPISODE_ID_MAX];

	json_t *records; /* array */
	bool has_soft, has_hard, has_exit;
	char *rule; /* NULL: none */
	struct maze_policy policy;
	bool has_policy;

	struct process_info live;
	bool has_live;
	struct maze_process_info *recorded; /* NULL: none came */
	struct machine_info machine;
	char *cgroup; /* NULL: not known */

	struct episode_file files[EPISODE_FILES_MAX];
	size_t files_count;
	struct episode_frame *frames;
	size_t frames_count, frames_room, frames_open; /* the last: not settled */
	bool asks_again; /* at its end: for names of code that was made at run time */
	struct episode_stack stacks[EPISODE_STACKS_MAX];
	size_t stacks_count;
	struct episode_sample *samples;
	size_t samples_count, samples_room;
	maze_u32 samples_dropped; /* that did not fit */
	maze_u32 numbers;	  /* the highest number of a sample, and one */

	struct snapshot_event *asked; /* for the unwind; NULL: none is awaited */
	struct snapshot *snapshot;    /* to be unwound */
	maze_u64 unwind_ns;
	bool unwind_wanted, unwind_running, unwind_done;
	struct episode_stack unwound;

	const char *notes[EPISODE_NOTES_MAX]; /* literals, each once */
	size_t notes_count;
};

void episode_init(struct episode *episode);
void episode_done(struct episode *episode);

/* A sentence for people; said once. */
void episode_note(struct episode *episode, const char *note);
/* It does not hold any more. */
void episode_unnote(struct episode *episode, const char *note);
void episode_add_record(struct episode *episode, const struct maze_record *record,
			const char *engine);
void episode_add_process_info(struct episode *episode, const struct maze_process_info *recorded);
/* -ENOSPC: it was counted and dropped. */
int episode_add_stack(struct episode *episode, const struct maze_stack *stack);
void episode_add_unwound(struct episode *episode, const struct unwind_frame *frames, size_t count);
/* Its process, looked at now, or what the process_info says. */
const char *episode_exe(const struct episode *episode);

/* The whole of it, as maze-incident(5) has it; NULL: out of memory. free(3) it. */
char *episode_json(const struct episode *episode, const struct redactor *redactor);

#endif
