// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/maze/streaks is an array of struct maze_streaks (core/streaks.h), as of the time
 * at which the file was opened. The PIDs are those of the initial PID namespace.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

#include "kmod.h"

struct copy {
	size_t size;
	struct maze_streaks classes[MAZE_STREAK_CLASSES];
};

static int open(struct inode *inode, struct file *file)
{
	struct copy *copy;

	/* As for the events: a container must not see the whole machine. */
	if (task_active_pid_ns(current) != &init_pid_ns && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	file->private_data = NULL;
	if (!streaks_bytes())
		return 0;
	copy = kvzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	copy->size = streaks_copy(copy->classes) * sizeof(copy->classes[0]);
	file->private_data = copy;
	return 0;
}

static ssize_t read(struct file *file, char __user *to, size_t count, loff_t *offset)
{
	const struct copy *copy = file->private_data;

	return copy ? simple_read_from_buffer(to, count, offset, copy->classes, copy->size) : 0;
}

static int release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

static const struct proc_ops ops = {
	.proc_open = open,
	.proc_read = read,
	.proc_lseek = default_llseek,
	.proc_release = release,
};

int proc_streaks_create(struct proc_dir_entry *dir)
{
	return proc_create("streaks", 0400, dir, &ops) ? 0 : -ENOMEM;
}
