/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group that works and rests: --threads N work beside the first one, and --children N
 * short-lived children are started, a few at a time. --for-ms: how long it lives. The
 * children that are left at the end of that time are not started.
 *
 *   --seed N        the lengths of the phases, and how many threads work in each
 *   --percent N     instead of phases: the process uses that share of one CPU, as a
 *                   healthy program does; it does not make up for time that it did not get
 *   --all           in each phase of work all threads work
 *   --work-ms N     no phase of work is longer (200)
 *   --rest-ms N     no phase of rest is longer (200); 0: it never rests
 */
#include "group.h"

#include <signal.h>

/* A thread looks this often whether it may go on. */
#define SLICE_NS 200000LL
/* The window within which --percent holds. */
#define WINDOW_NS 100000000LL

static long threads, children, percent, work_ms, rest_ms;
static bool all;
static unsigned int seed;
/* Shared with the children: how many threads may work now; -1: it is over. */
static volatile int *active;

static void *work(void *arg)
{
	long self = (long)(size_t)arg;

	account_begin();
	group_add_thread();
	while (*active >= 0) {
		if (self < *active)
			burn_ns(SLICE_NS);
		else
			sleep_ms(1);
		account_look();
		group_look();
	}
	account_end();
	return NULL;
}

static _Noreturn void live_as_child(unsigned int own_seed)
{
	long long left_ns = rand_r(&own_seed) % 20 * 1000000LL;

	for (; left_ns > 0 && *active >= 0; left_ns -= SLICE_NS)
		if (*active)
			burn_ns(SLICE_NS);
		else
			sleep_ms(1);
	_exit(0);
}

static void start_children(void)
{
	long most = 1 + rand_r(&seed) % (GROUP_CHILDREN_MAX - 1);
	unsigned int child_seed;

	for (; *active > 0 && children > 0 && group_child_count < most; children--) {
		child_seed = (unsigned int)rand_r(&seed);
		if (!group_fork())
			live_as_child(child_seed);
	}
}

static void set_active(int count)
{
	*active = count;
	if (group_account)
		group_account->phase++;
	group_look_now();
}

static void live_in_phases(long long until_ns)
{
	long long phase_ends_ns = 0, now_ns;
	bool rests = true;

	while ((now_ns = clock_ns(CLOCK_MONOTONIC)) < until_ns) {
		if (now_ns >= phase_ends_ns) {
			rests = rest_ms && !rests;
			set_active(rests ? 0
				   : all ? (int)threads
					 : 1 + (int)(rand_r(&seed) % threads));
			phase_ends_ns =
				clock_ns(CLOCK_MONOTONIC) +
				(1 + rand_r(&seed) % (rests ? rest_ms : work_ms)) * 1000000LL;
		}
		start_children();
		while (group_wait(0))
			;
		sleep_ms(1);
		account_look();
		group_look();
	}
}

static void live_at_percent(long long until_ns)
{
	long long begin_ns = 0, used_ns = 0, now_ns;

	while ((now_ns = clock_ns(CLOCK_MONOTONIC)) < until_ns) {
		if (now_ns - begin_ns >= WINDOW_NS) {
			begin_ns = now_ns;
			used_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		}
		if ((clock_ns(CLOCK_PROCESS_CPUTIME_ID) - used_ns) * 100 <
		    (now_ns - begin_ns) * percent)
			burn_ns(SLICE_NS);
		else
			sleep_ms(1);
		account_look();
		group_look();
	}
}

int main(int argc, char **argv)
{
	long long until_ns;
	pthread_t thread[GROUP_THREADS_MAX];
	long i;

	begin(argc, argv);
	threads = number_option(argc, argv, "--threads", 1);
	children = number_option(argc, argv, "--children", 0);
	percent = number_option(argc, argv, "--percent", 0);
	work_ms = number_option(argc, argv, "--work-ms", 200);
	rest_ms = number_option(argc, argv, "--rest-ms", 200);
	seed = (unsigned int)number_option(argc, argv, "--seed", 1);
	all = has_option(argc, argv, "--all");
	if (threads < 1 || threads > 50 || work_ms < 1 || rest_ms < 0)
		return 2;
	active = mmap(NULL, sizeof(*active), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (active == MAP_FAILED)
		return 1;
	group_begin();
	until_ns =
		clock_ns(CLOCK_MONOTONIC) + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	if (percent) {
		live_at_percent(until_ns);
		return 0;
	}
	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)(size_t)i))
			return 1;
	live_in_phases(until_ns);
	set_active(-1);
	for (i = 0; i < threads; i++)
		group_join(thread[i]);
	while (group_child_count)
		group_wait(group_children[0]);
	return 0;
}
