/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tags of mazed's watches: who asked for a watch, readable by the next mazed,
 * which finds it in the kernel. A rule is named by a hash of its name, so that it is
 * the same rule before and after a reload or an upgrade.
 *
 *	bits 63..40   TAG_MARK, which no other program of maze gives
 *	bits 39..32   enum tag_kind
 *	bits 31..0    the hash, or the user's id
 */
#ifndef MAZE_DAEMON_TAG_H
#define MAZE_DAEMON_TAG_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/types.h"

#define TAG_MARK 0x4d5a44ULL /* "MZD" */
#define TAG_MARK_SHIFT 40
#define TAG_KIND_SHIFT 32

enum tag_kind {
	TAG_NONE = 0, /* not of mazed: maze run, maze watch without mazed, others */
	TAG_RULE,     /* watched because of a rule */
	TAG_USER,     /* watched because a user asked for it, by the control socket */
	/*
	 * Because root did. A rule's claim reaches kinds that differ from its own in the
	 * lowest two bits only: so not this one.
	 */
	TAG_ROOT = 4,
};
#define TAG_KIND_BITS_OF_RULES 2

maze_u64 tag_of_rule(const char *name);
maze_u64 tag_of_user(uid_t uid);
maze_u64 tag_of_root(void);
enum tag_kind tag_kind(maze_u64 tag);
/* Only of a TAG_USER. */
uid_t tag_user(maze_u64 tag);

#endif
