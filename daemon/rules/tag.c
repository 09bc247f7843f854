/* SPDX-License-Identifier: GPL-2.0-only */
#include "tag.h"

/* The hash is FNV-1a. 32 bits suffice, because rules with the same hash are refused. */
static maze_u32 hash(const char *text)
{
	maze_u32 sum = 2166136261U;

	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 16777619U;
	return sum;
}

static maze_u64 compose(enum tag_kind kind, maze_u32 value)
{
	return TAG_MARK << TAG_MARK_SHIFT | (maze_u64)kind << TAG_KIND_SHIFT | value;
}

maze_u64 tag_of_rule(const char *name)
{
	return compose(TAG_RULE, hash(name));
}

/* No rule has this name. */
maze_u64 tag_of_no_rule(void)
{
	return tag_of_rule("");
}

maze_u64 tag_of_user(uid_t uid)
{
	return compose(TAG_USER, uid);
}

maze_u64 tag_of_root(void)
{
	return compose(TAG_ROOT, 0);
}

maze_u64 tag_of_group(maze_u64 tag)
{
	return tag | TAG_GROUP;
}

enum tag_kind tag_kind(maze_u64 tag)
{
	if (tag >> TAG_MARK_SHIFT != TAG_MARK)
		return TAG_NONE;
	return (enum tag_kind)(tag >> TAG_KIND_SHIFT & 0x7f);
}
