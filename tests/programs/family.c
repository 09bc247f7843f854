/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree of --members short-lived processes, by --seed: each uses some ms of CPU time,
 * starts up to three others, and waits for them. With --orphans some end before their
 * children do. Each adds the CPU time that it has used to the account right before it
 * ends.
 */
#include "group.h"

#define DEPTH_MAX 4
#define CHILDREN_OF_ONE 3

static volatile long *members_left;
static bool orphans;

static void live(unsigned int seed, int depth);

static bool start_member(unsigned int seed, int depth)
{
	pid_t pid;

	if (__atomic_fetch_sub(members_left, 1, __ATOMIC_RELAXED) <= 0)
		return false;
	pid = fork();
	if (!pid) {
		bound_life();
		live(seed, depth);
		_exit(0);
	}
	return pid > 0;
}

static void live(unsigned int seed, int depth)
{
	unsigned int children = depth < DEPTH_MAX ? rand_r(&seed) % (CHILDREN_OF_ONE + 1) : 0, i;
	bool waits = !orphans || rand_r(&seed) % 3;

	burn_ns(rand_r(&seed) % 4000000);
	for (i = 0; i < children; i++) {
		start_member((unsigned int)rand_r(&seed), depth + 1);
		burn_ns(rand_r(&seed) % 1000000);
	}
	if (rand_r(&seed) % 2)
		sleep_ms(rand_r(&seed) % 4);
	while (waits && wait(NULL) > 0)
		burn_ns(rand_r(&seed) % 1000000);
	if (group_account)
		__atomic_fetch_add(&group_account->ended_ns, clock_ns(CLOCK_PROCESS_CPUTIME_ID),
				   __ATOMIC_RELAXED);
}

int main(int argc, char **argv)
{
	unsigned int seed = (unsigned int)number_option(argc, argv, "--seed", 1);

	begin(argc, argv);
	group_begin();
	orphans = has_option(argc, argv, "--orphans");
	members_left = mmap(NULL, sizeof(*members_left), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (members_left == MAP_FAILED)
		return 1;
	*members_left = number_option(argc, argv, "--members", 50);
	while (start_member((unsigned int)rand_r(&seed), 0))
		if (rand_r(&seed) % 2)
			wait(NULL);
	live(seed, DEPTH_MAX);
	return 0;
}
