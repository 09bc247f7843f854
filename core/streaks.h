/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A streak is the highest count of an episode (core/step.h), so a limit has a verdict in
 * the episode exactly if the streak reaches it. With infinite recovery it is the CPU time
 * from reset to reset. With MAZE_POLICY_OBSERVE, an engine keeps the streaks of each class
 * of watched tasks. A class has one tag and one program.
 */
#ifndef MAZE_CORE_STREAKS_H
#define MAZE_CORE_STREAKS_H

#include "record.h"

/*
 * Each octave (from one power of two to the next) has 8 buckets of equal width, so the
 * width of a bucket is at most 1/8 of its lower bound. The octaves begin at 2^10 ns, about
 * 1 us, and end at 2^42 ns, 73 minutes. The first bucket also has all shorter streaks, the
 * last one all longer ones.
 */
#define MAZE_STREAK_STEPS 8U
#define MAZE_STREAK_FIRST_OCTAVE 10U
#define MAZE_STREAK_END_OCTAVE 42U
#define MAZE_STREAK_BUCKETS                                                                        \
	(MAZE_STREAK_STEPS * (MAZE_STREAK_END_OCTAVE - MAZE_STREAK_FIRST_OCTAVE))
maze_static_assert(MAZE_STREAK_BUCKETS == 256, "a bucket number has 8 bits");

/* The last class has the streaks of all classes that found no room. */
#define MAZE_STREAK_CLASSES 512U
#define MAZE_STREAK_OTHERS (MAZE_STREAK_CLASSES - 1)

#define MAZE_STREAK_OTHERS_NAME "(other programs)"

#define MAZE_PROGRAM_NAME_LEN 32

/* The number of the highest bit that is set; `value` is not 0. BPF has no such instruction. */
maze_inline maze_u32 maze_highest_bit(maze_u64 value)
{
	value |= value >> 1;
	value |= value >> 2;
	value |= value >> 4;
	value |= value >> 8;
	value |= value >> 16;
	value |= value >> 32;
	/* Count the ones. */
	value -= (value >> 1) & 0x5555555555555555ULL;
	value = (value & 0x3333333333333333ULL) + ((value >> 2) & 0x3333333333333333ULL);
	value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (maze_u32)((value * 0x0101010101010101ULL) >> 56) - 1;
}

maze_inline maze_u32 maze_streak_bucket(maze_u64 streak_ns)
{
	maze_u32 octave;

	if (streak_ns < 1ULL << MAZE_STREAK_FIRST_OCTAVE)
		return 0;
	if (streak_ns >= 1ULL << MAZE_STREAK_END_OCTAVE)
		return MAZE_STREAK_BUCKETS - 1;
	octave = maze_highest_bit(streak_ns);
	return (octave - MAZE_STREAK_FIRST_OCTAVE) * MAZE_STREAK_STEPS +
	       (maze_u32)(streak_ns >> (octave - 3)) % MAZE_STREAK_STEPS;
}
maze_static_assert(MAZE_STREAK_STEPS == 1 << 3, "the bucket is given by the 3 bits that follow");

/* Returns the shortest streak of a bucket. For MAZE_STREAK_BUCKETS: the end of the last one. */
maze_inline maze_u64 maze_streak_bucket_ns(maze_u32 bucket)
{
	maze_u32 octave = MAZE_STREAK_FIRST_OCTAVE + bucket / MAZE_STREAK_STEPS;

	if (!bucket)
		return 0;
	return (maze_u64)(MAZE_STREAK_STEPS + bucket % MAZE_STREAK_STEPS) << (octave - 3);
}

/*
 * The streaks of one class. The engine's kernel side adds to it without a lock. So a
 * reader sees sums of slightly different times, and `longest_*` belong to longest_ns only
 * if longest_seen_ns equals it.
 */
struct maze_streaks {
	maze_u64 tag;
	/* The file of the program as the kernel has it; 0: unknown. */
	maze_u64 inode;
	maze_u32 device; /* as dev_t of the kernel: major number << 20 | minor number */
	maze_u32 pid;	 /* the latest process of the class that had a streak */
	char program[MAZE_PROGRAM_NAME_LEN]; /* name of the file, perhaps cut; "": unknown */
	maze_u64 processes;		     /* those whose main thread had a streak */
	maze_u64 streaks;		     /* the sum of the buckets; set for readers only */
	maze_u64 cpu_ns;		     /* CPU time of the episodes that have ended */
	maze_u64 longest_ns;
	maze_u64 longest_seen_ns;
	maze_u64 longest_at_ns; /* CLOCK_BOOTTIME */
	/* The longest streak that has not ended yet; set for readers only. */
	maze_u64 running_ns;
	maze_u32 running_pid;
	maze_u32 running_tid;
	maze_u32 longest_pid;
	maze_u32 longest_tid;
	char longest_comm[MAZE_COMM_LEN];
	char running_comm[MAZE_COMM_LEN];
	maze_u64 buckets[MAZE_STREAK_BUCKETS];
};
maze_static_assert(sizeof(struct maze_streaks) == 160 + 8 * MAZE_STREAK_BUCKETS,
		   "struct maze_streaks is shared with the kernel");

#endif
