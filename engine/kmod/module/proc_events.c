// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/maze/events is a stream of struct maze_record (core/record.h), oldest first. Each
 * open file has its own cursor. lseek(fd, 0, SEEK_END) moves the cursor after the newest
 * record, and lseek(fd, 0, SEEK_SET) moves it to the oldest. The file supports poll(2).
 * The PIDs in records are those of the initial PID namespace.
 */
#include <linux/capability.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "kmod.h"

struct reader {
	struct mutex lock; /* protects the cursor if threads share the file */
	struct records_cursor cursor;
};

static int open(struct inode *inode, struct file *file)
{
	struct reader *reader;

	/*
	 * The mode of the file lets root in a container open it. But a container must not
	 * see the records of the whole machine.
	 */
	if (task_active_pid_ns(current) != &init_pid_ns && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock);
	records_cursor_init(&reader->cursor, true);
	file->private_data = reader;
	return 0;
}

static ssize_t copy_records(struct reader *reader, char __user *to, size_t count)
{
	struct maze_record record;
	size_t done = 0;

	while (done + sizeof(record) <= count && records_next(&reader->cursor, &record)) {
		if (copy_to_user(to + done, &record, sizeof(record)))
			return done ? (ssize_t)done : -EFAULT;
		done += sizeof(record);
	}
	return (ssize_t)done;
}

static ssize_t read(struct file *file, char __user *to, size_t count, loff_t *offset)
{
	struct reader *reader = file->private_data;
	ssize_t done;
	int err;

	if (count < sizeof(struct maze_record))
		return -EINVAL;
	for (;;) {
		err = mutex_lock_interruptible(&reader->lock);
		if (err)
			return err;
		done = copy_records(reader, to, count);
		mutex_unlock(&reader->lock);
		if (done || records_hung_up())
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(*records_wait(),
					       records_ready(&reader->cursor) || records_hung_up());
		if (err)
			return err;
	}
}

static __poll_t poll(struct file *file, struct poll_table_struct *table)
{
	struct reader *reader = file->private_data;

	poll_wait(file, records_wait(), table);
	if (records_hung_up())
		return EPOLLHUP | EPOLLIN;
	return records_ready(&reader->cursor) ? EPOLLIN | EPOLLRDNORM : 0;
}

static loff_t seek(struct file *file, loff_t offset, int whence)
{
	struct reader *reader = file->private_data;

	if (offset || (whence != SEEK_SET && whence != SEEK_END))
		return -EINVAL;
	mutex_lock(&reader->lock);
	records_cursor_init(&reader->cursor, whence == SEEK_SET);
	mutex_unlock(&reader->lock);
	return 0;
}

static int release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct proc_ops ops = {
	.proc_open = open,
	.proc_read = read,
	.proc_poll = poll,
	.proc_lseek = seek,
	.proc_release = release,
};

int proc_events_create(struct proc_dir_entry *dir)
{
	return proc_create("events", 0400, dir, &ops) ? 0 : -ENOMEM;
}
