/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs through many episodes of a short limit and checks maze against its own account: no
 * SIGURG (soft) before its CPU clock has reached the limit since the reset point of the
 * episode, one in each episode that reaches the limit, and no second one. With --hard it
 * checks the same of SIGWINCH (hard, with the same limit). Both signals are ignored by
 * default, so that an exec that takes longer than the limit ends nothing. Watch it with
 * --no-inherit.
 *
 *   --episodes N --limit-us N   number of episodes, and their limit; no more begin after
 *                               500 limits of CPU time, which late verdicts need
 *   --kind spin                 sleeps, then spins until the signal has come
 *          yield                the same, but yields before, at a random moment of the
 *                               episode; every second episode has no sleep
 *          race                 sleeps, spins for about the limit, and sleeps again
 *          exit                 a thread spins for about the limit and ends; its CPU
 *          clock
 *                               at the end is printed
 *   --spinners N                runs beside children that spin
 *   --waker-us N                runs beside a child that wakes that often on its CPU;
 *   with --cpu
 *   --migrate-us N              a child moves it to the next CPU that often
 *   --signal-us N               a signal interrupts it that often
 *
 * Ends with 1 if any episode was wrong.
 */
#include "program.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A verdict that is missing after this much more CPU time does not come. */
#define PATIENCE_NS 4000000000LL
#define CHILDREN_MAX 8

static long long limit_ns;
static bool hard, late_signals;
static volatile sig_atomic_t softs, hards;
static volatile long long first_at; /* CPU clock at the first signal of the episode */
static long early, missing, twice, wanted;
static long sleeps_then;   /* its voluntary switches when the episode began */
static cpu_set_t own_cpus; /* those that it may run on, but for --migrate-us */
static pid_t children[CHILDREN_MAX];
static int child_count;

static void on_verdict(int signal)
{
	long long now = own_cpu_ns();

	if (!softs && !hards)
		first_at = now;
	if (signal == SIGURG)
		softs++;
	else
		hards++;
}

static void do_nothing(int signal)
{
	(void)signal;
}

static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(signal, &action, NULL);
}

static void sleep_us(long us)
{
	struct timespec time = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&time, NULL);
}

/* True in the child, which ends with this process. */
static bool start_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid) {
		children[child_count++] = pid;
		return false;
	}
	bound_life();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return true;
}

static void wake_often(long us)
{
	struct sched_param low = { .sched_priority = 1 };

	prctl(PR_SET_TIMERSLACK, 1UL);
	sched_setscheduler(0, SCHED_FIFO, &low);
	for (;;)
		sleep_us(us);
}

static void migrate_often(long us)
{
	long cpu = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t parent = getppid();
	cpu_set_t set;

	for (;; cpu = (cpu + 1) % cpus) {
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		sched_setaffinity(parent, sizeof(set), &set);
		sleep_us(us);
	}
}

static void interrupt_often(long us)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec often = { { 0, us * 1000 }, { 0, us * 1000 } };
	timer_t timer;

	handle(SIGUSR1, do_nothing);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
		perror("no timer");
}

static void start_disturbances(int argc, char **argv)
{
	long spinners = number_option(argc, argv, "--spinners", 0);
	long waker_us = number_option(argc, argv, "--waker-us", 0);
	long migrate_us = number_option(argc, argv, "--migrate-us", 0);
	long signal_us = number_option(argc, argv, "--signal-us", 0);

	for (long i = 0; i < spinners && i < CHILDREN_MAX - 2; i++)
		if (start_child())
			for (;;)
				;
	if (waker_us && start_child())
		wake_often(waker_us);
	if (migrate_us && start_child())
		migrate_often(migrate_us);
	if (signal_us)
		interrupt_often(signal_us);
}

static void end_children(void)
{
	while (child_count--) {
		kill(children[child_count], SIGKILL);
		waitpid(children[child_count], NULL, 0);
	}
}

static void forget(void)
{
	softs = hards = 0;
}

/*
 * Ends an episode by a sleep, and returns the clock right before it. A pending signal
 * would end the sleep before it began, and yet count as a voluntary switch.
 */
static long long sleep_undisturbed(void)
{
	long long at;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	at = sleep_for_certain(1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return at;
}

static bool all_came(void)
{
	return softs && (!hard || hards >= softs);
}

static void spin_until(long long until_ns)
{
	while (!all_came() && own_cpu_ns() < until_ns)
		;
}

/*
 * A signal that is on its way waits for an interrupt on the CPU where the thread ran, and
 * the host may not let that CPU run for long. So this visits each CPU: it has taken its
 * interrupts when the thread runs there. Can sleep. If threads of the kernel send them
 * (late_signals), the thread spins until they have come.
 */
static void await_signals(long long until_ns)
{
	cpu_set_t one;
	int cpu;

	if (late_signals)
		spin_until(until_ns);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &own_cpus))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		while (!sched_setaffinity(0, sizeof(one), &one) && sched_getcpu() != cpu)
			;
	}
	sched_setaffinity(0, sizeof(own_cpus), &own_cpus);
	/* If the kernel was too busy for the hard signal, the engine tries again soon. */
	if (softs)
		spin_until(own_cpu_ns() + PATIENCE_NS);
}

/*
 * Ends the episode before and waits for its signals. Then a second sleep begins an episode
 * whose signals are unambiguous: the time between the two sleeps is too short for a
 * signal. (Interrupts and the host can take as long as a short limit.)
 */
static long long begin_episode(void)
{
	long long last, ended, at = sleep_undisturbed();

	do {
		last = at;
		await_signals(softs ? own_cpu_ns() + PATIENCE_NS : 0);
		forget();
		at = sleep_undisturbed();
		/*
		 * Not `at`: the thread may have been delayed between that reading and the
		 * sleep.
		 */
		ended = own_cpu_ns();
	} while (ended - last >= limit_ns);
	sleeps_then = voluntary_switches();
	return at;
}

/*
 * `since`: CPU clock right before the reset point. `reached`: the limit was reached for
 * certain. `other_from`: CPU clock from which another episode can have reached it. The
 * signals are read before that clock, since a delay can come right after.
 */
static void judge(long long since, bool reached, long long other_from)
{
	int got_softs = softs, got_hards = hards;
	bool all = all_came(), one = own_cpu_ns() < other_from;
	bool is_early = (got_softs || got_hards) && first_at - since < limit_ns && !late_signals;
	bool is_missing = !is_early && reached && !(one ? all : got_softs);
	bool is_twice = one && (got_softs > 1 || got_hards > 1) && !late_signals;

	wanted += reached;
	early += is_early;
	missing += is_missing;
	twice += is_twice;
	if (is_early || is_missing || is_twice)
		printf("wrong: since %lld ns, first signal %lld ns, now %lld ns, %d softs, %d "
		       "hards\n",
		       since, first_at, own_cpu_ns(), got_softs, got_hards);
}

/* Returns whether the episode goes on. */
static bool spin_episode(long long since)
{
	bool is_one;

	spin_until(own_cpu_ns() + limit_ns + PATIENCE_NS);
	burn_ns(limit_ns / 4);
	/* It may have slept for a lock of the kernel, such as in a page fault. */
	is_one = voluntary_switches() == sleeps_then;
	judge(since, is_one, is_one ? LLONG_MAX : 0);
	return is_one;
}

static void yield_episode(long index, unsigned int *seed)
{
	static bool judged; /* the signals of the episode before have come, and it goes on */
	bool fresh = index % 2 == 0 || !judged, whole;
	long long slept = fresh ? begin_episode() : 0, since;

	burn_ns(rand_r(seed) % (limit_ns * 9 / 10));
	forget();
	whole = fresh || voluntary_switches() == sleeps_then;
	sleeps_then = voluntary_switches();
	since = own_cpu_ns();
	yield(1);
	/*
	 * After long interrupts it may have reached its limit before the yield, or between
	 * the two resets of one yield (yield()).
	 */
	judged = whole && own_cpu_ns() - (fresh ? slept : since) < limit_ns && spin_episode(since);
}

static void race_episode(unsigned int *seed)
{
	long long since = begin_episode(), begun, ended;
	bool reached;

	begun = own_cpu_ns();
	burn_ns(limit_ns * 9 / 10 + rand_r(seed) % (limit_ns * 3 / 20));
	ended = own_cpu_ns();
	sleep_undisturbed();
	reached = ended - begun >= limit_ns;
	await_signals(reached || softs || hards ? ended + limit_ns : 0);
	judge(since, reached || softs || hards, ended + limit_ns);
}

static void *short_life(void *arg)
{
	long long until = (long long)(size_t)arg, now;

	do
		now = own_cpu_ns();
	while (now < until);
	/* A thread that has slept, for a lock of the memory map, is in another episode. */
	if (voluntary_switches())
		now = 0;
	printf("ended tid %ld cpu_ns %lld\n", syscall(SYS_gettid), now);
	return NULL;
}

static void exit_episode(unsigned int *seed)
{
	long long life = limit_ns * 17 / 20 + rand_r(seed) % (limit_ns / 5);
	pthread_t thread;

	if (!pthread_create(&thread, NULL, short_life, (void *)(size_t)life))
		pthread_join(thread, NULL);
}

static void live(const char *kind, long index, unsigned int *seed)
{
	if (!strcmp(kind, "yield"))
		return yield_episode(index, seed);
	if (!strcmp(kind, "race"))
		return race_episode(seed);
	if (!strcmp(kind, "exit"))
		return exit_episode(seed);
	spin_episode(begin_episode());
}

int main(int argc, char **argv)
{
	long episodes = number_option(argc, argv, "--episodes", 200);
	const char *kind = text_option(argc, argv, "--kind");
	unsigned int seed = 1;

	begin(argc, argv);
	if (!kind)
		kind = "spin";
	limit_ns = number_option(argc, argv, "--limit-us", 1000) * 1000LL;
	hard = has_option(argc, argv, "--hard");
	late_signals = getenv(ACCOUNT_LATE_SIGNALS);
	handle(SIGURG, on_verdict);
	handle(SIGWINCH, on_verdict);
	sched_getaffinity(0, sizeof(own_cpus), &own_cpus);
	start_disturbances(argc, argv);
	for (long i = 0; i < episodes && own_cpu_ns() < 500 * limit_ns; i++)
		live(kind, i, &seed);
	end_children();
	printf("%s: %ld episodes at their limit, %ld early, %ld missing, %ld twice\n", kind, wanted,
	       early, missing, twice);
	return early || missing || twice;
}
