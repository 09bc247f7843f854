/* SPDX-License-Identifier: GPL-2.0-only */
#include "incident_index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../report/incident_dir.h"
#include "../report/incident_file.h"

#define SUFFIX ".json"
/* The mtime of a directory has the accuracy of a tick, so a list may miss a later change. */
#define TICK_NS 100000000LL

static int on_turn(sd_event_source *source, void *arg);

int incident_index_init(struct incident_index *index, const char *path, sd_event *event,
			void (*ready)(void *arg), void *arg)
{
	int err;

	*index = (struct incident_index){ .path = path, .ready = ready, .arg = arg };
	err = sd_event_add_defer(event, &index->source, on_turn, index);
	if (err >= 0)
		err = sd_event_source_set_priority(index->source, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_source_set_enabled(index->source, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

static void forget(struct indexed_incident *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		incident_line_done(&items[i].line);
		free(items[i].id);
	}
	free(items);
}

void incident_index_done(struct incident_index *index)
{
	sd_event_source_disable_unref(index->source);
	forget(index->items, index->count);
	*index = (struct incident_index){ .path = NULL };
}

/* ---- files -------------------------------------------------------------------------- */

int incident_index_load(const struct incident_index *index, const char *id,
			struct incident **ret_incident, struct maze_error *error)
{
	char name[NAME_MAX + 1];
	int dir, err;

	if (!incident_id_valid(id, strlen(id)))
		return maze_fail(error, -EINVAL, "an ID has only letters, digits and \"-\"");
	dir = open(index->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return maze_fail(error, -errno, "cannot open %s: %s", index->path, strerror(errno));
	snprintf(name, sizeof(name), "%.200s" SUFFIX, id);
	err = incident_load_within(dir, name, O_NOFOLLOW, INCIDENT_SIZE_MAX, ret_incident, error);
	close(dir);
	return err;
}

static void read_columns(struct incident_index *index, struct indexed_incident *item)
{
	struct maze_error error = { "out of memory" };
	struct incident *incident;

	item->is_new = false;
	if (!incident_index_load(index, item->id, &incident, &error)) {
		item->line.id = item->id;
		item->is_read = incident_line_fill(incident, &item->line);
		incident_free(incident);
	}
	if (!item->is_read)
		snprintf(item->why, sizeof(item->why), "%.127s", error.text);
}

static struct indexed_incident *find_new(const struct incident_index *index)
{
	size_t i;

	for (i = index->count; i > 0; i--)
		if (index->items[i - 1].is_new)
			return &index->items[i - 1];
	return NULL;
}

static int on_turn(sd_event_source *source, void *arg)
{
	struct incident_index *index = arg;
	struct indexed_incident *item = find_new(index);

	if (item) {
		read_columns(index, item);
		return 0;
	}
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	index->ready(index->arg);
	return 0;
}

/* ---- the directory ------------------------------------------------------------------- */

static struct indexed_incident *known(const struct incident_index *index, const char *id)
{
	size_t low = 0, high = index->count, middle;
	int order;

	while (low < high) {
		middle = (low + high) / 2;
		order = strcmp(index->items[middle].id, id);
		if (!order)
			return &index->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Moves what is known of the file, if it has not changed. */
static void set_item(struct incident_index *index, struct indexed_incident *item, char *id,
		     const struct stat *stat)
{
	struct indexed_incident *old = known(index, id);

	*item = (struct indexed_incident){
		.id = id,
		.is_new = true,
		.inode = stat->st_ino,
		.changed_ns =
			stat->st_mtim.tv_sec * (long long)MAZE_NSEC_PER_SEC + stat->st_mtim.tv_nsec,
		.size = (long)stat->st_size,
	};
	if (!old || old->is_new || old->inode != item->inode ||
	    old->changed_ns != item->changed_ns || old->size != item->size)
		return;
	item->line = old->line;
	item->line.id = id;
	item->is_read = old->is_read;
	item->is_new = false;
	memcpy(item->why, old->why, sizeof(item->why));
	old->line = (struct incident_line){ .id = NULL };
}

/* Takes the newest IDs over from `dir`. */
static int replace(struct incident_index *index, struct incident_dir *dir)
{
	size_t omitted = dir->count > INDEXED_MAX ? dir->count - INDEXED_MAX : 0, count = 0, i;
	struct indexed_incident *items = calloc(dir->count - omitted + 1, sizeof(*items));
	char name[NAME_MAX + 1];
	struct stat stat;

	if (!items)
		return maze_fail(&index->error, -ENOMEM, "out of memory");
	for (i = omitted; i < dir->count; i++) {
		snprintf(name, sizeof(name), "%.200s" SUFFIX, dir->ids[i]);
		if (fstatat(dir->fd, name, &stat, AT_SYMLINK_NOFOLLOW))
			continue;
		set_item(index, &items[count++], dir->ids[i], &stat);
		dir->ids[i] = NULL;
	}
	forget(index->items, index->count);
	index->items = items;
	index->count = count;
	index->omitted = omitted;
	index->error.text[0] = '\0';
	return 0;
}

void incident_index_list(struct incident_index *index)
{
	long long now = (long long)now_ns(CLOCK_REALTIME), changed;
	struct incident_dir dir;
	struct stat status;

	if (stat(index->path, &status))
		status.st_mtim = (struct timespec){ 0 };
	changed = status.st_mtim.tv_sec * (long long)MAZE_NSEC_PER_SEC + status.st_mtim.tv_nsec;
	if (changed && changed == index->changed_ns && index->listed_ns - changed > TICK_NS)
		return;
	index->changed_ns = changed;
	index->listed_ns = now;
	if (incident_dir_open(index->path, &dir, &index->error)) {
		forget(index->items, index->count);
		index->items = NULL;
		index->count = index->omitted = 0;
		return;
	}
	replace(index, &dir);
	incident_dir_close(&dir);
}

bool incident_index_refresh(struct incident_index *index)
{
	incident_index_list(index);
	if (!find_new(index))
		return true;
	sd_event_source_set_enabled(index->source, SD_EVENT_ON);
	return false;
}

void incident_index_note_repeats(const struct incident_index *index, struct incident *incident,
				 const char *id)
{
	const struct indexed_incident *item;
	size_t i;

	for (i = 0; incident->signature[0] && i < index->count; i++) {
		item = &index->items[i];
		if (strcmp(item->id, id) >= 0)
			return;
		if (!item->is_read || !item->line.signature ||
		    strcmp(item->line.signature, incident->signature) != 0)
			continue;
		if (!incident->repeated++)
			snprintf(incident->repeats, sizeof(incident->repeats), "%s", item->id);
	}
}

const char *incident_index_find(const struct incident_index *index, const char *part)
{
	size_t i;

	for (i = index->count; i > 0; i--)
		if (strstr(index->items[i - 1].id, part))
			return index->items[i - 1].id;
	return NULL;
}
