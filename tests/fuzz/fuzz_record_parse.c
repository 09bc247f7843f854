/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as the JSON of a record, an entry or a group: refused with an error message, or
 * accepted, and then unchanged by writing and parsing it again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const char *text)
{
	struct maze_record record = { 0 }, again = { 0 };
	struct maze_error error = { "" };
	char *json;

	if (maze_record_parse(text, &record, &error)) {
		if (!error.text[0])
			abort();
		return;
	}
	json = maze_record_json(&record, "bpf");
	if (!json || maze_record_parse(json, &again, &error))
		abort();
	/* Wall clock and boot clock may be set between the two readings. */
	again.boot_ns = record.boot_ns;
	if (memcmp(&record, &again, sizeof(record)) != 0)
		abort();
	free(json);
}

static void check_entry(const char *text)
{
	struct maze_entry entry = { 0 }, again = { 0 };
	struct maze_error error = { "" };
	char *json;

	if (maze_entry_parse(text, &entry, &error)) {
		if (!error.text[0])
			abort();
		return;
	}
	json = maze_entry_json(&entry, "bpf");
	if (!json || maze_entry_parse(json, &again, &error) ||
	    memcmp(&entry, &again, sizeof(entry)) != 0)
		abort();
	free(json);
}

static void check_group(const char *text)
{
	struct maze_group group = { 0 }, again = { 0 };
	struct maze_error error = { "" };
	char *json;

	if (maze_group_parse(text, &group, &error)) {
		if (!error.text[0])
			abort();
		return;
	}
	json = maze_group_json(&group, "bpf");
	if (!json || maze_group_parse(json, &again, &error) ||
	    memcmp(&group, &again, sizeof(group)) != 0)
		abort();
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_record(text);
	check_entry(text);
	check_group(text);
	free(text);
	return 0;
}
