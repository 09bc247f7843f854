/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads /proc/maze/stats. Skips unknown names, because a newer module may have more
 * counters.
 */
#include "engine_kmod.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int kmod_stats_read(struct kmod_stats *ret_stats)
{
	struct kmod_stats stats = { 0 };
	struct {
		const char *name;
		maze_u64 *value;
	} names[] = {
		{ "interface", &stats.interface },
		{ "loaded-ns", &stats.loaded_ns },
		{ "entries", &stats.entries },
		{ "records", &stats.records },
		{ "verdicts", &stats.verdicts },
		{ "signals", &stats.signals },
		{ "timer-expiries", &stats.timer_expiries },
		{ "inherit-failures", &stats.inherit_failures },
	};
	FILE *file = fopen(KMOD_DIR "/stats", "re");
	char name[32], value[32];
	size_t i;

	if (!file)
		return -errno;
	while (fscanf(file, "%31[^:]: %31s ", name, value) == 2) {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(names[i].name, name))
				sscanf(value, "%llu", names[i].value);
		if (!strcmp(name, "lone-yields"))
			stats.lone_yields_seen = !strcmp(value, "seen");
	}
	fclose(file);
	*ret_stats = stats;
	return 0;
}

int kmod_counts(struct engine *engine, struct maze_counts *ret_counts)
{
	struct kmod_stats stats;
	int err = kmod_stats_read(&stats);

	(void)engine;
	if (err)
		return err;
	*ret_counts = (struct maze_counts){
		.watched = stats.entries,
		.verdicts = stats.verdicts,
		.signals = stats.signals,
		.inherit_failures = stats.inherit_failures,
		.timer_expiries = stats.timer_expiries,
	};
	return 0;
}
