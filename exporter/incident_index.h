/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incidents of a directory, with their columns. A file is read once, and again when it
 * has changed. Reading takes one file in each turn of the event loop.
 */
#ifndef MAZE_EXPORTER_INCIDENT_INDEX_H
#define MAZE_EXPORTER_INCIDENT_INDEX_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../lib/maze.h"
#include "../report/incident_line.h"

/* The newest are indexed. mazed keeps 1000 by default. */
#define INDEXED_MAX 2000
/* A larger file is not read. Those of maze have some 100 KiB; maze report reads them. */
#define INCIDENT_SIZE_MAX (8L << 20)

struct indexed_incident {
	char *id;
	struct incident_line line;
	bool is_read; /* the columns are known; else why[] says why not */
	bool is_new;  /* not read yet */
	char why[128];
	/* Of the file that was read. */
	maze_u64 inode;
	long long changed_ns;
	long size;
};

struct incident_index {
	const char *path;		/* of the directory */
	struct indexed_incident *items; /* sorted by ID, the newest last */
	size_t count, omitted;		/* omitted: older ones beyond INDEXED_MAX */
	struct maze_error error;	/* why the directory cannot be read; "": it can */
	/* For incident_index.c. */
	sd_event_source *source;
	void (*ready)(void *arg);
	void *arg;
	long long changed_ns, listed_ns; /* of the directory: its mtime; the last list */
};

/* `path` must stay valid. ready() is called when all files have been read. */
int incident_index_init(struct incident_index *index, const char *path, sd_event *event,
			void (*ready)(void *arg), void *arg);
void incident_index_done(struct incident_index *index);

/* Lists the directory if it has changed. */
void incident_index_list(struct incident_index *index);
/* Lists, and reads what has changed. True: all is known now. Otherwise ready() follows. */
bool incident_index_refresh(struct incident_index *index);
/*
 * As incident_dir_note_repeats(), but from the columns that were read, so that a page costs
 * no reads of other files. Incidents that are not indexed are not found.
 */
void incident_index_note_repeats(const struct incident_index *index, struct incident *incident,
				 const char *id);
/* Returns the newest listed ID with this part (incident_id_part()); NULL: none. */
const char *incident_index_find(const struct incident_index *index, const char *part);

/*
 * Reads the incident of this name. Returns 0, or -errno and a message: -EINVAL for an
 * invalid ID, -ENOENT, -EFBIG.
 */
int incident_index_load(const struct incident_index *index, const char *id,
			struct incident **ret_incident, struct maze_error *error);

#endif
