/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An allowance limits how many processes with hard verdicts of watches with one tag get
 * these enforced: at most `max` in any time of window_ns. The hard verdict of the next one
 * trips it. From then on, all verdicts of this tag are treated as in shadow, until the
 * allowance is set anew. The engine decides that at the verdict, so the limit is exact
 * also if many threads reach their limits at once, and holds while no other program runs.
 *
 * A key says what counts as one. All threads of a process have one key, so a process with
 * many runaway threads takes one entry. With by_cgroup, all processes of a control group
 * have one key. A process that started after its entry was taken takes another one: what was
 * done for the entry did not help.
 */
#ifndef MAZE_CORE_ALLOWANCE_H
#define MAZE_CORE_ALLOWANCE_H

#include "policy.h"

/* The kernel has its own. Its callers include linux/atomic.h. */
#ifdef __KERNEL__
#define maze_compare_and_swap cmpxchg64
#else
#define maze_compare_and_swap __sync_val_compare_and_swap
#endif

/* The largest `max`. A kernel looks through so many times at a verdict. */
#define MAZE_ALLOWANCE_MAX 64U
/* The largest number of allowances of an engine. maze.conf has 4096 rules, units the rest. */
#define MAZE_ALLOWANCES_MAX 8192U

/* The flags of a taken entry's time while its key is written, and of a cgroup's key. */
#define MAZE_ALLOWANCE_CLAIMED (1ULL << 63)
#define MAZE_ALLOWANCE_CGROUP (1ULL << 62)

/* A key that had hard verdicts enforced from taken_ns on. */
struct maze_allowance_entry {
	/* CLOCK_BOOTTIME; 0: never used; MAZE_ALLOWANCE_CLAIMED | the new key: being taken. */
	maze_u64 taken_ns;
	maze_u64 key; /* valid if taken_ns is a time */
};

struct maze_allowance {
	maze_u64 window_ns; /* MAZE_LIMIT_MIN_NS..MAZE_LIMIT_MAX_NS */
	maze_u32 max;	    /* 1..MAZE_ALLOWANCE_MAX */
	maze_u32 tripped;   /* 1: all verdicts are treated as in shadow */
	maze_u32 by_cgroup; /* 1: the processes of a control group count as one */
	maze_u32 anew;	    /* 1: setting it begins anew, also with the same limits */
	struct maze_allowance_entry entries[MAZE_ALLOWANCE_MAX]; /* in no order */
};
maze_static_assert(sizeof(struct maze_allowance) == 24 + 16 * MAZE_ALLOWANCE_MAX,
		   "struct maze_allowance is shared with the kernel");

/* Returns 1 if the members that a caller sets are in their ranges. */
maze_inline int maze_allowance_valid(const struct maze_allowance *allowance)
{
	return allowance->max && allowance->max <= MAZE_ALLOWANCE_MAX && allowance->tripped <= 1 &&
	       allowance->by_cgroup <= 1 && allowance->anew <= 1 && allowance->window_ns &&
	       maze_limit_in_range(allowance->window_ns);
}

/*
 * Returns 1 if `now` must keep its state when `next` is set: they count the same, and
 * `next` neither trips it nor begins anew.
 */
maze_inline int maze_allowance_stays(const struct maze_allowance *now,
				     const struct maze_allowance *next)
{
	return now->window_ns == next->window_ns && now->max == next->max &&
	       now->by_cgroup == next->by_cgroup && !next->tripped && !next->anew;
}

/*
 * Returns the key of a process. cgroup_id: of its control group; 0: unknown. 1 is the root,
 * where processes have nothing in common.
 */
maze_inline maze_u64 maze_allowance_key(const struct maze_allowance *allowance, maze_u64 pid,
					maze_u64 cgroup_id)
{
	return allowance && allowance->by_cgroup && cgroup_id > 1
		       ? (cgroup_id & (MAZE_ALLOWANCE_CGROUP - 1)) | MAZE_ALLOWANCE_CGROUP
		       : pid;
}

/* Whether the time of an entry lies in the window, or the entry is being taken. */
maze_inline int maze_allowance_in_use(const struct maze_allowance *allowance, maze_u64 taken_ns,
				      maze_u64 now_ns)
{
	return taken_ns &&
	       (taken_ns >= MAZE_ALLOWANCE_CLAIMED || taken_ns + allowance->window_ns > now_ns);
}

/* Whether the entry has this key in the window, and serves a process that started then. */
maze_inline int maze_allowance_has(struct maze_allowance *allowance,
				   struct maze_allowance_entry *entry, maze_u64 key,
				   maze_u64 started_ns, maze_u64 now_ns)
{
	maze_u64 taken_ns = *(volatile maze_u64 *)&entry->taken_ns;

	if (taken_ns >= MAZE_ALLOWANCE_CLAIMED)
		return taken_ns == (key | MAZE_ALLOWANCE_CLAIMED);
	/* The swap changes nothing. It is a barrier: the key is read after the time. */
	return maze_allowance_in_use(allowance, taken_ns, now_ns) &&
	       maze_compare_and_swap(&entry->taken_ns, taken_ns, taken_ns) == taken_ns &&
	       *(volatile maze_u64 *)&entry->key == key &&
	       (!(key & MAZE_ALLOWANCE_CGROUP) || started_ns <= taken_ns);
}

/* A verdict looks for the entry that serves it. */
struct maze_allowance_search {
	struct maze_allowance *allowance;
	maze_u64 key, started_ns, now_ns;
	maze_u32 max;
	maze_u32 found; /* 1: an entry serves it */
};

/*
 * Looks at one entry, and returns 1 to end the search. From index `max` on, it looks at
 * the same entries again, and takes one that is not in use.
 */
static __attribute__((unused)) long maze_allowance_look(maze_u32 index, void *arg)
{
	struct maze_allowance_search *search = (struct maze_allowance_search *)arg;
	struct maze_allowance *allowance = search->allowance;
	maze_u64 claimed = search->key | MAZE_ALLOWANCE_CLAIMED, taken_ns;
	struct maze_allowance_entry *entry;
	int take = index >= search->max;

	if (take)
		index -= search->max;
	if (index >= MAZE_ALLOWANCE_MAX)
		return 1;
	entry = &allowance->entries[index];
	taken_ns = *(volatile maze_u64 *)&entry->taken_ns;
	if (take && !maze_allowance_in_use(allowance, taken_ns, search->now_ns) &&
	    maze_compare_and_swap(&entry->taken_ns, taken_ns, claimed) == taken_ns) {
		*(volatile maze_u64 *)&entry->key = search->key;
		maze_compare_and_swap(&entry->taken_ns, claimed, search->now_ns);
		search->found = 1;
		return 1;
	}
	/* Also after a swap that failed: another thread of the process may have taken it. */
	search->found = (maze_u32)maze_allowance_has(allowance, entry, search->key,
						     search->started_ns, search->now_ns);
	return search->found;
}

/* The verifier of BPF looks at the body of bpf_loop() once, and at each round of another. */
#ifdef __bpf__
#define maze_allowance_each(count, search) bpf_loop(count, maze_allowance_look, search, 0)
#else
maze_inline void maze_allowance_each(maze_u32 count, struct maze_allowance_search *search)
{
	maze_u32 i;

	for (i = 0; i < count; i++)
		if (maze_allowance_look(i, search))
			return;
}
#endif

/*
 * Permits an enforced hard verdict of this key (below MAZE_ALLOWANCE_CLAIMED) at now_ns
 * (CLOCK_BOOTTIME), and returns 1. Returns 0 if `max` other keys have the window's entries,
 * and trips. Other CPUs may call it at the same time: each swap gives an entry to one key,
 * so no more than `max` keys get one. Verdicts of one key may take two entries.
 */
maze_inline int maze_allowance_take(struct maze_allowance *allowance, maze_u64 key,
				    maze_u64 started_ns, maze_u64 now_ns)
{
	maze_u32 max = allowance->max;
	struct maze_allowance_search search = { allowance, key, started_ns, now_ns, max, 0 };

	maze_allowance_each(2 * max, &search);
	if (search.found)
		return 1;
	allowance->tripped = 1;
	return 0;
}

/*
 * Returns 1 if a verdict under this policy is enforced, and 0 if it is treated as in
 * shadow. allowance NULL: the tag has none. key: see maze_allowance_key(). started_ns: when
 * the process started, in CLOCK_BOOTTIME; 0: unknown.
 */
maze_inline int maze_allowance_permits(struct maze_allowance *allowance,
				       const struct maze_policy *policy, int hard, maze_u64 key,
				       maze_u64 started_ns, maze_u64 now_ns)
{
	if (!allowance || (policy->flags & MAZE_POLICY_SHADOW))
		return 1;
	if (allowance->tripped)
		return 0;
	return hard ? maze_allowance_take(allowance, key, started_ns, now_ns) : 1;
}

#endif
