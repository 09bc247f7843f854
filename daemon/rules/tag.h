/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tag of a watch stores which rule or user requested the watch. When mazed restarts,
 * it reads the tags from the kernel. The tag of a rule has a hash of the rule's name, so
 * that the tag stays the same across a reload or an upgrade.
 *
 *	bits 63..40   TAG_MARK, which no other program of maze uses
 *	bit  39       set if the watch is of a group
 *	bits 38..32   enum tag_kind
 *	bits 31..0    the hash, or the UID
 */
#ifndef MAZE_DAEMON_TAG_H
#define MAZE_DAEMON_TAG_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/types.h"

#define TAG_MARK 0x4d5a44ULL /* "MZD" */
#define TAG_MARK_SHIFT 40
#define TAG_KIND_SHIFT 32
/* Keeps a release of the watches of a process's threads from ending its groups. */
#define TAG_GROUP (1ULL << 39)

enum tag_kind {
	TAG_NONE = 0, /* not by mazed, for example by maze run */
	TAG_RULE,     /* by a rule */
	TAG_USER,     /* by a user, through the control socket */
	/*
	 * By root. A rule may replace only watches of a kind below 4, which is 2 to the
	 * power of TAG_KIND_BITS_OF_RULES. So no rule replaces a watch of root.
	 */
	TAG_ROOT = 4,
};
#define TAG_KIND_BITS_OF_RULES 2

maze_u64 tag_of_rule(const char *name);
/* Of the tasks that no rule watches, while mazed observes all. It is of the kind TAG_RULE. */
maze_u64 tag_of_no_rule(void);
maze_u64 tag_of_user(uid_t uid);
maze_u64 tag_of_root(void);
/* Returns the tag of a group for the same rule, user or root. */
maze_u64 tag_of_group(maze_u64 tag);
enum tag_kind tag_kind(maze_u64 tag);

#endif
