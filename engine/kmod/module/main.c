// SPDX-License-Identifier: GPL-2.0-only
/*
 * maze.ko watches tasks for CPU time used without sleeping, and signals those that exceed
 * their limits. core/step.h decides when a task exceeds them. This file starts the parts
 * of the module and stops them in the opposite order.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/timekeeping.h>

#include "kmod.h"

unsigned int maze_max_entries = 65536;
module_param_named(max_entries, maze_max_entries, uint, 0644);
MODULE_PARM_DESC(max_entries, "most tasks watched at once, inherited ones included (65536)");

u64 maze_loaded_ns;

static struct proc_dir_entry *dir;

static int create_files(void)
{
	int err;

	dir = proc_mkdir("maze", NULL);
	if (!dir)
		return -ENOMEM;
	err = proc_entries_create(dir);
	if (!err)
		err = proc_list_create(dir);
	if (!err)
		err = proc_events_create(dir);
	if (!err)
		err = proc_stats_create(dir);
	if (!err)
		err = proc_streaks_create(dir);
	if (err) {
		records_hang_up();
		proc_remove(dir);
	}
	return err;
}

/* Stops new events, ends watches and frees memory. The caller has removed the files. */
static void take_down(void)
{
	records_detach_pollers();
	switch_stop();
	yields_done();
	check_timer_done();
	tasks_drop_all();
	/* This waits for RCU, and so for the interrupts that queued verdicts. */
	switch_detach();
	deliver_stop();
	allow_remove_all();
	tasks_done();
	streaks_done();
	records_done();
}

static int __init maze_init(void)
{
	int err;

	maze_loaded_ns = ktime_get_boottime_ns();
	err = records_init();
	if (err)
		return err;
	err = tasks_init(deliver_verdict);
	if (err)
		goto out_records;
	err = deliver_start();
	if (err)
		goto out_tasks;
	err = check_timer_init();
	if (err)
		goto out_deliver;
	yields_init();
	err = switch_attach();
	if (err)
		goto out_yields;
	/* If create_files() fails, watches may exist, because some files were created. */
	err = create_files();
	if (err) {
		take_down();
		return err;
	}
	pr_info("ready: see /proc/maze/entries\n");
	return 0;
out_yields:
	yields_done();
	check_timer_done();
out_deliver:
	deliver_stop();
out_tasks:
	tasks_done();
out_records:
	records_done();
	return err;
}

static void __exit maze_exit(void)
{
	records_hang_up();
	proc_remove(dir);
	take_down();
}

module_init(maze_init);
module_exit(maze_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The maze authors");
MODULE_DESCRIPTION("Monitor for runaway threads: CPU time used without sleeping");
