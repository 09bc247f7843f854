/* SPDX-License-Identifier: GPL-2.0-only */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/proc_files.h"

/* The maximum of text that is read. A line has about 70 bytes and the path. */
#define TEXT_MAX (1U << 20)

/* Returns 1 for an executable mapping, 0 for any other, or -errno. */
static int parse_line(const char *line, struct map *ret_map)
{
	struct map map = { 0 };
	char rights[5] = "";
	int path_at = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu%n", &map.start, &map.end, rights,
		   &map.offset, &map.major, &map.minor, &map.inode, &path_at) != 7 ||
	    rights[2] != 'x')
		return 0;
	map.path = strdup(line + path_at + strspn(line + path_at, " "));
	if (!map.path)
		return -ENOMEM;
	proc_strip_deleted(map.path);
	*ret_map = map;
	return 1;
}

/* Parses `text`, and overwrites its newlines. */
static int parse(char *text, struct maps *ret_maps)
{
	struct maps maps = { .map = calloc(MAPS_MAX, sizeof(*maps.map)) };
	char *line, *next;
	void *shrunk;
	int took;

	if (!maps.map)
		return -ENOMEM;
	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		/* The last line may be incomplete. */
		if (!next)
			break;
		*next++ = '\0';
		if (maps.count == MAPS_MAX) {
			maps.cut = true;
			break;
		}
		took = parse_line(line, &maps.map[maps.count]);
		if (took < 0) {
			maps_done(&maps);
			return took;
		}
		maps.count += (size_t)took;
	}
	shrunk = realloc(maps.map, (maps.count + 1) * sizeof(*maps.map));
	if (shrunk)
		maps.map = shrunk;
	*ret_maps = maps;
	return 0;
}

int maps_read(int proc_fd, struct maps *ret_maps)
{
	char *text = malloc(TEXT_MAX);
	ssize_t length;
	int err;

	if (!text)
		return -ENOMEM;
	length = read_file_at(proc_fd, "maps", text, TEXT_MAX);
	err = length < 0 ? (int)length : parse(text, ret_maps);
	if (!err && length == TEXT_MAX - 1)
		ret_maps->cut = true;
	free(text);
	return err;
}

const struct map *maps_find(const struct maps *maps, maze_u64 address)
{
	size_t low = 0, high = maps->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (address < maps->map[middle].start)
			high = middle;
		else if (address >= maps->map[middle].end)
			low = middle + 1;
		else
			return &maps->map[middle];
	}
	return NULL;
}

bool map_has_file(const struct map *map)
{
	return map->inode && map->path[0] == '/';
}

void maps_done(struct maps *maps)
{
	size_t i;

	for (i = 0; i < maps->count; i++)
		free(maps->map[i].path);
	free(maps->map);
	*maps = (struct maps){ 0 };
}
