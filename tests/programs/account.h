/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account that a test program keeps of its own episodes. The conformance suite
 * derives the allowed verdicts from it, whatever the machine did to the program.
 *
 * Each thread reads its number of voluntary switches at account_look(). While that number
 * does not change, the CPU clock that was read before it lies in the same episode. So
 * each episode has a lower bound (from its first to its last look) and an upper bound
 * (from the last look before it to the first look after it). The entries are in memory
 * shared with the suite, which survives a SIGKILL. Stores are ordered so that the bounds
 * hold if a kill comes between two of them.
 */
#ifndef MAZE_TEST_ACCOUNT_H
#define MAZE_TEST_ACCOUNT_H

/* The environment variable with the path of the account. */
#define ACCOUNT_FILE "MAZE_TEST_ACCOUNT"
/* The environment variable with the path of the records. */
#define ACCOUNT_EVENTS "MAZE_TEST_EVENTS"
/*
 * Set if a signal can come after the episode of its verdict has ended. Then a
 * program cannot tell which signal is early; the suite can, by the counts of the records.
 */
#define ACCOUNT_LATE_SIGNALS "MAZE_TEST_LATE_SIGNALS"
/* Bounds the number of episodes; most of the file is never touched. */
#define ACCOUNT_EPISODES 65536
/* No limit is shorter, so a shorter episode has no verdict and no entry. */
#define ACCOUNT_SHORTEST_NS 1000000LL

/* The resets that end an episode; an account is kept for each view. */
enum account_view { ACCOUNT_SLEEPS, ACCOUNT_SLEEPS_AND_YIELDS, ACCOUNT_VIEWS };

/* Eight bytes a field, so that a script can write it. Times: CPU clock of the thread. */
struct account_episode {
	volatile long long tid; /* 0: not yet valid */
	volatile long long view;
	volatile long long before_ns; /* the reset before the episode came after this */
	volatile long long first_ns;  /* and before this, the first look */
	volatile long long last_ns;   /* the last look; no reset in between */
	volatile long long after_ns;  /* the reset after it came before this; 0: none seen */
	volatile long long more;      /* further resets between last_ns and after_ns */
	volatile long long by_yield;  /* began with a yield */
	volatile long long caught;    /* soft signals handled in it */
	volatile long long caught_ns; /* the first of them */
	volatile long long mark_ns;   /* account_mark(); 0: none */
	volatile long long asleep_ns; /* not runnable between last_ns and after_ns, at least */
	volatile long long switches;  /* the thread's voluntary switches in it */
	/*
	 * CLOCK_REALTIME right before the last look of account_end(). The thread runs on
	 * after that look, so a verdict that is recorded later may be right too. 0: not
	 * ended.
	 */
	volatile long long ended_at;
};

struct account_file {
	volatile long long used; /* a value above ACCOUNT_EPISODES means that entries are missing */
	struct account_episode episodes[ACCOUNT_EPISODES];
};

#endif
