/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two threads hand the work to each other through a futex: one works for --slice-us and
 * wakes the other, then waits for it. Together they use one CPU, and neither thread is
 * over a limit, because each sleeps for half of the time. --for-ms: how long they work.
 * The first thread only waits for both.
 */
#include "group.h"

#include <linux/futex.h>

static unsigned int turn;
static long long slice_ns, until_ns;

static void wait_for_turn(unsigned int self)
{
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != self)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !self, NULL, NULL, 0);
}

static void give_turn(unsigned int self)
{
	__atomic_store_n(&turn, !self, __ATOMIC_RELEASE);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *work(void *arg)
{
	unsigned int self = arg != NULL;

	account_begin();
	group_add_thread();
	while (clock_ns(CLOCK_MONOTONIC) < until_ns) {
		wait_for_turn(self);
		burn_ns(slice_ns);
		group_look();
		give_turn(self);
	}
	/* The other thread may have begun to wait right before the end. */
	give_turn(self);
	account_end();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	begin(argc, argv);
	group_begin();
	slice_ns = number_option(argc, argv, "--slice-us", 300) * 1000LL;
	until_ns =
		clock_ns(CLOCK_MONOTONIC) + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	if (pthread_create(&threads[0], NULL, work, NULL) ||
	    pthread_create(&threads[1], NULL, work, &turn))
		return 1;
	group_join(threads[0]);
	group_join(threads[1]);
	return 0;
}
