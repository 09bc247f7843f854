/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usage: storm DIR SPINNERS INNOCENTS PER_SECOND SEED SOFT_MS HARD_MS
 *
 * Starts spinners and, beside each, innocents that live for some milliseconds. Their
 * parents end at once, wait, or have such parents themselves. Half of the spinners have a
 * program named spin*, half take that name later; half catch SIGXCPU and spin on, half do
 * not. Ends when all have ended, and prints one line of "name value" pairs about the
 * spinners: how many ended by the signal of a limit, how many of those had used less CPU
 * than that limit (early), how many never got the SIGXCPU that they catch (unsignalled),
 * and how many got it twice without a sleep in between (twice).
 *
 * DIR holds links to the program under the names that it needs.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "program.h"

/* User and system time are each rounded to whole microseconds. */
#define ROUNDING_NS 2000

enum kind { SPINNER, INNOCENT };

/* What each process records about itself, in shared memory; it survives a SIGKILL. */
struct life {
	enum kind kind;
	int catches;
	volatile int signals; /* number of SIGXCPU */
	volatile int again;   /* SIGXCPU without a sleep since the last one */
	volatile long switches;
	volatile int done; /* an innocent that ended by itself */
	volatile pid_t pid;
	/* Its end, recorded by the parent that has waited for it. */
	volatile bool ended;
	volatile int status;
	volatile long long cpu_ns;
};

static struct life *life; /* state of this spinner or innocent */
static struct life *lives;

static void caught(int signal)
{
	long switches = voluntary_switches();

	(void)signal;
	life->again += life->signals && switches == life->switches;
	life->switches = switches;
	life->signals++;
}

static _Noreturn void spin(void)
{
	struct sigaction action = { .sa_handler = caught };

	if (life->catches)
		sigaction(SIGXCPU, &action, NULL);
	life->pid = getpid();
	bound_life();
	for (;;)
		;
}

static _Noreturn void be_innocent(unsigned int seed)
{
	struct sigaction action = { .sa_handler = caught };
	struct timespec nap = { 0, (long)(rand_r(&seed) % 100) * 1000000L };

	sigaction(SIGXCPU, &action, NULL);
	life->pid = getpid();
	nanosleep(&nap, NULL);
	burn_ms(rand_r(&seed) % 5);
	life->done = 1;
	_exit(0);
}

static _Noreturn void become(const char *dir, const char *name, size_t number, unsigned int seed)
{
	char path[512], number_text[32], seed_text[32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(number_text, sizeof(number_text), "%zu", number);
	snprintf(seed_text, sizeof(seed_text), "%u", seed);
	execl(path, name, "life", number_text, seed_text, (char *)NULL);
	_exit(125);
}

/* The kernel's account of a process that ended, also of a killed one. */
static void note_end(struct life *one, int status, const struct rusage *usage)
{
	one->status = status;
	one->cpu_ns = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000LL +
		      (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000LL;
	one->ended = true;
}

/* A random number of parents above it, some of which do not wait. */
static void start_under_parents(const char *dir, const char *name, size_t number, unsigned int seed)
{
	int depth = rand_r(&seed) % 3, waits, status;
	struct rusage usage;
	pid_t child;

	for (;;) {
		waits = rand_r(&seed) % 2;
		child = fork();
		if (child < 0)
			_exit(124);
		if (child)
			break;
		if (!depth--)
			become(dir, name, number, seed);
	}
	/* A child without a waiting parent is reparented to the storm. */
	if (waits && wait4(child, &status, 0, &usage) == child && child == lives[number].pid)
		note_end(&lives[number], status, &usage);
	_exit(0);
}

static void launch(const char *dir, const char *name, size_t number, unsigned int seed)
{
	pid_t child = fork();

	if (child < 0) {
		perror("storm: fork");
		exit(1);
	}
	if (!child)
		start_under_parents(dir, name, number, seed);
}

static void link_as(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (symlink("/proc/self/exe", path) && errno != EEXIST) {
		perror(path);
		exit(1);
	}
}

static void unlink_as(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void reap(int flags, size_t count)
{
	struct rusage usage;
	int status;
	pid_t pid;
	size_t i;

	while ((pid = wait4(-1, &status, flags, &usage)) > 0)
		for (i = 0; i < count; i++)
			if (lives[i].pid == pid && !lives[i].ended)
				note_end(&lives[i], status, &usage);
}

/* The limit whose signal ended it; 0: it ended differently. */
static long long ending_limit_ns(const struct life *one, long soft_ms, long hard_ms)
{
	if (!one->ended || !WIFSIGNALED(one->status))
		return 0;
	if (WTERMSIG(one->status) == SIGKILL)
		return hard_ms * 1000000LL;
	return WTERMSIG(one->status) == SIGXCPU ? soft_ms * 1000000LL : 0;
}

static void report(size_t count, long soft_ms, long hard_ms)
{
	size_t i, spinners = 0, ended = 0, early = 0, unsignalled = 0, twice = 0, hurt = 0,
		  innocents = 0;

	for (i = 0; i < count; i++) {
		const struct life *one = &lives[i];
		long long limit = ending_limit_ns(one, soft_ms, hard_ms);

		if (one->kind == INNOCENT) {
			innocents++;
			hurt += !one->done || one->signals;
			continue;
		}
		spinners++;
		ended += limit != 0;
		early += limit && one->cpu_ns + ROUNDING_NS < limit;
		unsignalled += one->catches && !one->signals;
		twice += one->again > 0;
	}
	printf("spinners %zu ended %zu early %zu unsignalled %zu twice %zu innocents %zu hurt "
	       "%zu\n",
	       spinners, ended, early, unsignalled, twice, innocents, hurt);
}

/* After exec the memory is found by its descriptor, which always has this number. */
#define LIVES_FD 200

static struct life *map_lives(size_t count)
{
	return mmap(NULL, count * sizeof(struct life), PROT_READ | PROT_WRITE, MAP_SHARED, LIVES_FD,
		    0);
}

static int live(char **argv)
{
	size_t number = strtoul(argv[2], NULL, 10);
	unsigned int seed = (unsigned int)strtoul(argv[3], NULL, 10);

	lives = map_lives(number + 1);
	if (lives == MAP_FAILED)
		return 125;
	life = &lives[number];
	if (life->kind == INNOCENT)
		be_innocent(seed);
	if (!strcmp(argv[0], "later"))
		prctl(PR_SET_NAME, "spin-by-name");
	spin();
}

int main(int argc, char **argv)
{
	size_t spinners, innocents, count, i;
	unsigned int seed, rate;
	struct timespec pause;
	int fd;

	if (argc >= 4 && !strcmp(argv[1], "life"))
		return live(argv);
	if (argc != 8) {
		fputs("usage: storm DIR SPINNERS INNOCENTS PER_SECOND SEED SOFT_MS HARD_MS\n",
		      stderr);
		return 2;
	}
	spinners = strtoul(argv[2], NULL, 10);
	innocents = strtoul(argv[3], NULL, 10);
	rate = (unsigned int)strtoul(argv[4], NULL, 10);
	seed = (unsigned int)strtoul(argv[5], NULL, 10);
	count = spinners + innocents;
	if (!rate || !count)
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fd = memfd_create("lives", 0);
	if (fd < 0 || ftruncate(fd, (off_t)(count * sizeof(*lives))) || dup2(fd, LIVES_FD) < 0)
		return 1;
	lives = map_lives(count);
	if (lives == MAP_FAILED)
		return 1;
	link_as(argv[1], "spinner");
	link_as(argv[1], "later");
	link_as(argv[1], "innocent");
	/* Pauses between the starts of a spinner and of an innocent beside it. */
	pause = (struct timespec){ rate == 1, rate == 1 ? 0 : 1000000000L / rate };
	for (i = 0; i < count; i++) {
		int is_spinner = i % 2 ? i / 2 >= innocents : i / 2 < spinners;

		lives[i].kind = is_spinner ? SPINNER : INNOCENT;
		lives[i].catches = rand_r(&seed) % 2;
		launch(argv[1],
		       !is_spinner	   ? "innocent"
		       : rand_r(&seed) % 2 ? "spinner"
					   : "later",
		       i, (unsigned int)rand_r(&seed));
		if (is_spinner)
			nanosleep(&pause, NULL);
		reap(WNOHANG, count);
	}
	reap(0, count);
	unlink_as(argv[1], "spinner");
	unlink_as(argv[1], "later");
	unlink_as(argv[1], "innocent");
	report(count, strtol(argv[6], NULL, 10), strtol(argv[7], NULL, 10));
	return 0;
}
