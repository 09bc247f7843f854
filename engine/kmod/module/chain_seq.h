/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This seq_file lists the hash of watched tasks. Position 0 is for a header, and position
 * N is chain N - 1 of the hash. A task never moves to another chain. So a reader with any
 * buffer size gets each task that stays watched exactly once.
 */
#ifndef MAZE_KMOD_CHAIN_SEQ_H
#define MAZE_KMOD_CHAIN_SEQ_H

#include <linux/pid_namespace.h>
#include <linux/seq_file.h>

#include "kmod.h"

struct chain_seq {
	struct pid_namespace *namespace; /* of the opener, which may exit; this holds a reference */
};

static inline void *chain_seq_start(struct seq_file *file, loff_t *position)
{
	if (!*position)
		return SEQ_START_TOKEN;
	return *position <= MAZE_CHAINS ? (void *)(unsigned long)(*position + 1) : NULL;
}

static inline void *chain_seq_next(struct seq_file *file, void *at, loff_t *position)
{
	++*position;
	return chain_seq_start(file, position);
}

static inline void chain_seq_stop(struct seq_file *file, void *at)
{
}

/* `at` is the position plus 1, because SEQ_START_TOKEN is 1. Position 1 is chain 0. */
static inline unsigned int chain_seq_chain(const void *at)
{
	return (unsigned int)(unsigned long)at - 2;
}

static inline int chain_seq_open(struct file *file, const struct seq_operations *operations)
{
	struct chain_seq *seq = __seq_open_private(file, operations, sizeof(*seq));

	if (!seq)
		return -ENOMEM;
	seq->namespace = get_pid_ns(task_active_pid_ns(current));
	return 0;
}

static inline int chain_seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;

	put_pid_ns(((struct chain_seq *)seq->private)->namespace);
	return seq_release_private(inode, file);
}

static inline struct pid_namespace *chain_seq_namespace(struct seq_file *file)
{
	return ((struct chain_seq *)file->private)->namespace;
}

#endif
