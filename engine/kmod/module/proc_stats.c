// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/maze/stats has the counters since the module was loaded, one per line.
 */
#include <linux/proc_fs.h>

#include "kmod.h"

/* Version of the files and of the grammar. Each incompatible change increases it. */
#define INTERFACE 6

static int show(struct seq_file *file, void *unused)
{
	seq_printf(file, "interface: %d\n", INTERFACE);
	seq_printf(file, "loaded-ns: %llu\n", maze_loaded_ns);
	seq_printf(file, "entries: %d\n", atomic_read(&maze_watched));
	seq_printf(file, "records: %llu\n", records_count());
	seq_printf(file, "verdicts: %llu\n", records_verdicts());
	seq_printf(file, "signals: %llu\n", records_signals());
	seq_printf(file, "switches: %llu\n", switch_count());
	seq_printf(file, "timer-expiries: %llu\n", check_timer_expiries());
	seq_printf(file, "inherit-failures: %llu\n", control_inherit_failures());
	seq_printf(file, "memory-bytes: %zu\n", tasks_bytes() + records_bytes() + streaks_bytes());
	seq_printf(file, "lone-yields: %s\n", yields_are_seen() ? "seen" : "unseen");
	return 0;
}

int proc_stats_create(struct proc_dir_entry *dir)
{
	return proc_create_single("stats", 0444, dir, show) ? 0 : -ENOMEM;
}
