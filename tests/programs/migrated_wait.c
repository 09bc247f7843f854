/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a finite recovery: runs for --work-ms, sleeps for --sleep-ms, and then waits for a
 * CPU that a real-time thread holds. It is moved to another CPU while it waits (with
 * --stay: it is not moved). Such a wait is not a sleep. It repeats that until SIGURG has
 * come, at most CYCLES_MAX times. Ends with 0 if SIGURG came, with 1 if it did not come
 * although its own account (time run minus time slept) reached twice --limit-ms, and with
 * 77 where it gets too little CPU time, no real-time thread or no second CPU, or where signals
 * come late and its start has used the limit: the poll engine need not see the moment in
 * which that episode has ended, before the next one. Watch it with --no-inherit and
 * --recovery 1.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#define HOLD_NS 40000000LL
#define MOVE_AFTER_US 30000
#define CYCLES_MAX 300

static atomic_int held; /* the real-time thread runs, or is about to */
static volatile sig_atomic_t caught;
static bool stay;
static pid_t waiter;

static void on_soft(int signal)
{
	(void)signal;
	if (syscall(SYS_gettid) == waiter)
		caught = 1;
}

/* The whole time, also if a late SIGURG comes meanwhile. */
static void sleep_us(long us)
{
	struct timespec time = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

static void pin(pid_t tid, size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(tid, sizeof(set), &set))
		exit(EXIT_SKIP);
}

static void become_real_time(int priority)
{
	struct sched_param param = { priority };

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
		exit(EXIT_SKIP);
}

static void *hold_cpu(void *arg)
{
	long long until;

	pin(0, 0);
	become_real_time(50);
	for (;;) {
		while (!held)
			sleep_us(50);
		until = clock_ns(CLOCK_MONOTONIC) + HOLD_NS;
		while (clock_ns(CLOCK_MONOTONIC) < until)
			;
		held = 0;
	}
	return arg;
}

static void *move_waiter(void *arg)
{
	pin(0, 1);
	become_real_time(60);
	for (;;) {
		while (!held)
			sleep_us(50);
		sleep_us(MOVE_AFTER_US);
		if (!stay)
			pin(waiter, 1);
		while (held)
			sleep_us(200);
	}
	return arg;
}

/* Its time on a CPU and its time waiting for one. */
static void read_times(long long *ret_run, long long *ret_waited)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (!file || fscanf(file, "%lld %lld", ret_run, ret_waited) != 2)
		exit(EXIT_SKIP);
	fclose(file);
}

int main(int argc, char **argv)
{
	long long limit_ns = number_option(argc, argv, "--limit-ms", 60) * 1000000LL;
	long work_ms = number_option(argc, argv, "--work-ms", 10);
	long sleep_us_each = number_option(argc, argv, "--sleep-ms", 2) * 1000;
	long long account_ns = 0, started_ns, began, run, waited, run_before, waited_before, asleep;
	pthread_t threads[2];

	begin(argc, argv);
	waiter = getpid();
	stay = has_option(argc, argv, "--stay");
	signal(SIGURG, on_soft);
	pthread_create(&threads[0], NULL, hold_cpu, NULL);
	pthread_create(&threads[1], NULL, move_waiter, NULL);
	/* With recovery 1, this forgives the CPU time of the exec. */
	started_ns = own_cpu_ns();
	sleep_us(started_ns / 1000 + 20000);
	caught = 0;
	for (int i = 0; !caught && i < CYCLES_MAX; i++) {
		began = clock_ns(CLOCK_MONOTONIC);
		read_times(&run_before, &waited_before);
		pin(0, 0);
		burn_ms(work_ms);
		held = 1;
		sleep_us(sleep_us_each);
		read_times(&run, &waited);
		asleep = clock_ns(CLOCK_MONOTONIC) - began - (run - run_before) -
			 (waited - waited_before);
		account_ns += run - run_before - asleep;
		if (account_ns < 0)
			account_ns = 0;
	}
	if (!caught && getenv(ACCOUNT_LATE_SIGNALS) && started_ns >= limit_ns)
		return EXIT_SKIP;
	/* The machine left it too little CPU time. */
	if (!caught && account_ns < 2 * limit_ns)
		return EXIT_SKIP;
	printf("account %lld ns of %lld, %s\n", account_ns, limit_ns,
	       caught ? "caught" : "not caught");
	/*
	 * Time taken by interrupts and the host was neither run nor slept, so this is a
	 * lower bound.
	 */
	return !caught || own_cpu_ns() < limit_ns;
}
