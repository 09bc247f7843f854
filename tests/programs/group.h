/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the test programs that are groups: they keep the account of group_account.h.
 *
 * The clock of another thread of this process is exact, also while the thread runs. That
 * of another process lags by up to a tick for each CPU. Ended children that this process
 * has waited for are in RUSAGE_CHILDREN, which is rounded.
 */
#ifndef MAZE_TEST_GROUP_H
#define MAZE_TEST_GROUP_H

#include "program.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "group_account.h"

#define GROUP_THREADS_MAX 64
#define GROUP_CHILDREN_MAX 16 /* that run at the same time */
#define GROUP_LOOK_NS 1000000LL
#define GROUP_ROUNDING_NS 2000LL /* user and system time, each in whole microseconds */

/* The part of the kernel's clock IDs that clock_getcpuclockid(3) does not have. */
static inline clockid_t group_clock(pid_t id, bool thread)
{
	return (clockid_t)(~(unsigned int)id << 3 | 2U | (thread ? 4U : 0U));
}

static struct group_account *group_account;
static pthread_mutex_t group_lock = PTHREAD_MUTEX_INITIALIZER;
/* The lock protects these. */
static pid_t group_threads[GROUP_THREADS_MAX], group_children[GROUP_CHILDREN_MAX];
static int group_thread_count, group_child_count;
static volatile long long group_next_look_ns;

static inline long long group_tick_ns(void)
{
	static long long tick_ns;
	struct timespec tick;

	if (!tick_ns && !clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		tick_ns = tick.tv_sec * 1000000000LL + tick.tv_nsec;
	return tick_ns;
}

static inline long long group_reaped_ns(void)
{
	struct rusage use;

	getrusage(RUSAGE_CHILDREN, &use);
	return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000LL +
	       (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000LL;
}

/* Returns the usage. After threads have ended, the clock of the process has their time. */
static inline long long group_process_ns(long long *ret_lag_ns)
{
	long long sum_ns = 0, process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct timespec used;
	int i;

	*ret_lag_ns = 0;
	for (i = 0; i < group_thread_count; i++) {
		if (!clock_gettime(group_clock(group_threads[i], true), &used))
			sum_ns += used.tv_sec * 1000000000LL + used.tv_nsec;
		else
			*ret_lag_ns = sysconf(_SC_NPROCESSORS_ONLN) * group_tick_ns();
	}
	return sum_ns > process_ns ? sum_ns : process_ns;
}

/* Adds a point. The caller holds the lock. */
static inline void group_look_locked(void)
{
	struct group_point *point;
	long long reaped_ns, lag_ns, children_ns = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int i;

	if (!group_account || group_account->used == GROUP_POINTS)
		return;
	point = &group_account->points[group_account->used];
	point->begin_ns = clock_ns(CLOCK_MONOTONIC);
	point->usage_ns[GROUP_PROCESS] = group_process_ns(&lag_ns);
	point->lag_ns[GROUP_PROCESS] = lag_ns;
	for (i = 0; i < group_child_count; i++)
		children_ns += clock_ns(group_clock(group_children[i], false));
	reaped_ns = group_reaped_ns();
	point->usage_ns[GROUP_TREE] = point->usage_ns[GROUP_PROCESS] + children_ns + reaped_ns;
	point->lag_ns[GROUP_TREE] =
		lag_ns + (group_child_count < cpus ? group_child_count : cpus) * group_tick_ns() +
		(reaped_ns ? GROUP_ROUNDING_NS : 0);
	point->end_ns = clock_ns(CLOCK_MONOTONIC);
	group_next_look_ns = point->end_ns + GROUP_LOOK_NS;
	__atomic_store_n(&group_account->used, group_account->used + 1, __ATOMIC_RELEASE);
}

static inline void group_look_now(void)
{
	pthread_mutex_lock(&group_lock);
	group_look_locked();
	pthread_mutex_unlock(&group_lock);
}

/* Each thread of this process calls it often. */
static inline void group_look(void)
{
	if (clock_ns(CLOCK_MONOTONIC) < group_next_look_ns || pthread_mutex_trylock(&group_lock))
		return;
	group_look_locked();
	pthread_mutex_unlock(&group_lock);
}

/* The first call of a thread. Its time before is in the clock of the process. */
static inline void group_add_thread(void)
{
	pthread_mutex_lock(&group_lock);
	group_threads[group_thread_count++] = (pid_t)syscall(SYS_gettid);
	pthread_mutex_unlock(&group_lock);
}

/* Waits for a thread, and forgets all but the first one: call it for all of them. */
static inline void group_join(pthread_t thread)
{
	pthread_join(thread, NULL);
	pthread_mutex_lock(&group_lock);
	group_thread_count = 1;
	pthread_mutex_unlock(&group_lock);
}

static inline void group_end(void)
{
	if (group_account)
		group_account->ended_at = clock_ns(CLOCK_REALTIME);
	group_look_now();
}

/* The first call of the program, after begin(). */
static inline void group_begin(void)
{
	const char *path = getenv(GROUP_ACCOUNT_FILE);
	int fd;

	group_add_thread();
	if (!path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	group_account =
		mmap(NULL, sizeof(*group_account), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (group_account == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	group_look_now();
	atexit(group_end);
}

/* As fork(2); the child ends with this process. */
static inline pid_t group_fork(void)
{
	pid_t pid, parent = getpid();

	pthread_mutex_lock(&group_lock);
	pid = fork();
	if (pid > 0)
		group_children[group_child_count++] = pid;
	if (pid)
		pthread_mutex_unlock(&group_lock);
	if (pid)
		return pid;
	group_account = NULL;
	bound_life();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/* Waits for a child of group_fork(), or for any that has ended. 0: none. */
static inline pid_t group_wait(pid_t pid)
{
	siginfo_t ended = { .si_pid = 0 };
	int i;

	/* Without the lock: WNOWAIT leaves the child with its clock. */
	if (waitid(pid ? P_PID : P_ALL, (id_t)pid, &ended,
		   WEXITED | WNOWAIT | (pid ? 0 : WNOHANG)) ||
	    !ended.si_pid)
		return 0;
	pthread_mutex_lock(&group_lock);
	waitpid(ended.si_pid, NULL, 0);
	for (i = 0; i < group_child_count && group_children[i] != ended.si_pid; i++)
		;
	if (i < group_child_count)
		group_children[i] = group_children[--group_child_count];
	group_look_locked();
	pthread_mutex_unlock(&group_lock);
	return ended.si_pid;
}

#endif
