/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account that a test program keeps of its own episodes, from which the conformance
 * suite derives which verdicts are right, whatever the machine did to the program.
 *
 * Each thread compares its number of voluntary switches at account_look(): as long as
 * it does not change, the CPU clock read before it lies in the same episode. So each
 * episode has a lower bound (from its first to its last look) and an upper bound (from
 * the last look before it to the first look after it). The entries are in memory shared
 * with the suite, which outlives a SIGKILL; stores are ordered so that a kill between
 * two of them leaves bounds that hold.
 */
#ifndef MAZE_TEST_ACCOUNT_H
#define MAZE_TEST_ACCOUNT_H

/* The environment variable with the path of the file. */
#define ACCOUNT_FILE "MAZE_TEST_ACCOUNT"
/* And the one with the path of the records. */
#define ACCOUNT_EVENTS "MAZE_TEST_EVENTS"
/* The file's size bounds the number of episodes; most of it is never touched. */
#define ACCOUNT_EPISODES 65536
/* No limit is shorter, so a shorter episode gets no verdict and no entry. */
#define ACCOUNT_SHORTEST_NS 1000000LL

/* Which resets end an episode: an account is kept for each. */
enum account_view { ACCOUNT_SLEEPS, ACCOUNT_SLEEPS_AND_YIELDS, ACCOUNT_VIEWS };

/* Eight bytes each, so that a script can write them. Times are the thread's CPU clock. */
struct account_episode {
	volatile long long tid; /* 0: not yet valid */
	volatile long long view;
	volatile long long before_ns; /* the reset that began it came after this */
	volatile long long first_ns;  /* and before this, the first look */
	volatile long long last_ns;   /* the last look; no reset in between */
	volatile long long after_ns;  /* the reset that ended it came before this; 0: no end seen */
	volatile long long more;      /* further resets between last_ns and after_ns */
	volatile long long by_yield;  /* began with a yield */
	volatile long long caught;    /* soft signals handled in it */
	volatile long long caught_ns; /* the first of them */
	volatile long long mark_ns;   /* account_mark(); 0: none */
	volatile long long asleep_ns; /* not runnable between last_ns and after_ns, at least */
	volatile long long switches;  /* the thread's voluntary switches in it */
};

struct account_file {
	volatile long long used; /* may exceed ACCOUNT_EPISODES: then entries are missing */
	struct account_episode episodes[ACCOUNT_EPISODES];
};

#endif
