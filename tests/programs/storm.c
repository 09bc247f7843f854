/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usage: storm DIR SPINNERS INNOCENTS PER_SECOND SEED
 *
 * Starts spinners and, beside each, innocents that live for some milliseconds, under
 * parents that end at once, wait, or have parents like themselves. Half of the spinners
 * are called spin* by their program's name, half give themselves that name later; half
 * catch SIGXCPU and spin on, half do not. Ends when all have, and prints what became
 * of them, as one line of "name value" pairs.
 *
 * DIR is where the program may be linked to under the names that it needs.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SURVIVED_NS (4 * 1000000000LL)

enum kind { SPINNER, INNOCENT };

/* What each tells of itself, in memory that all of them share; it outlives a SIGKILL. */
struct life {
	enum kind kind;
	int catches;
	volatile int begun;
	volatile int signals;	   /* SIGXCPU it has had */
	volatile int done;	   /* an innocent: ended by itself */
	volatile long long cpu_ns; /* as it last looked */
	volatile pid_t pid;
};

static struct life *life;

static long long cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void caught(int signal)
{
	(void)signal;
	life->signals++;
}

static _Noreturn void spin(void)
{
	struct sigaction action = { .sa_handler = caught };

	if (life->catches)
		sigaction(SIGXCPU, &action, NULL);
	life->pid = getpid();
	life->begun = 1;
	/* Nobody lives that long where it is guarded; and nobody for ever where it is not. */
	while (life->cpu_ns < SURVIVED_NS)
		life->cpu_ns = cpu_ns();
	_exit(0);
}

static _Noreturn void be_innocent(unsigned int seed)
{
	struct sigaction action = { .sa_handler = caught };
	struct timespec nap = { 0, (long)(rand_r(&seed) % 100) * 1000000L };
	long long end;

	sigaction(SIGXCPU, &action, NULL);
	life->pid = getpid();
	life->begun = 1;
	nanosleep(&nap, NULL);
	end = cpu_ns() + rand_r(&seed) % 5 * 1000000LL;
	while (cpu_ns() < end)
		;
	life->cpu_ns = cpu_ns();
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

/* As many parents above it as the dice say, of whom some do not wait. */
static void start_under_parents(const char *dir, const char *name, size_t number, unsigned int seed)
{
	int depth = rand_r(&seed) % 3, waits;

	for (;;) {
		pid_t child;

		waits = rand_r(&seed) % 2;
		child = fork();
		if (child < 0)
			_exit(124);
		if (!child) {
			if (!depth--)
				become(dir, name, number, seed);
			continue;
		}
		/* The storm itself goes on; a parent of its making waits or ends. */
		return (void)(waits ? waitpid(child, NULL, 0) : 0), _exit(0);
	}
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

static void reap(int flags)
{
	while (waitpid(-1, NULL, flags) > 0)
		;
}

static void report(const struct life *lives, size_t count)
{
	size_t i, spinners = 0, ended = 0, caught_none = 0, twice = 0, hurt = 0, innocents = 0;
	long long longest = 0;

	for (i = 0; i < count; i++) {
		const struct life *one = &lives[i];

		if (one->kind == INNOCENT) {
			innocents++;
			hurt += !one->done || one->signals;
			continue;
		}
		spinners++;
		ended += one->begun;
		twice += one->signals > 1;
		caught_none += one->catches && !one->signals;
		if (one->cpu_ns > longest)
			longest = one->cpu_ns;
	}
	printf("spinners %zu ended %zu unsignalled %zu twice %zu longest-ms %lld "
	       "innocents %zu hurt %zu\n",
	       spinners, ended, caught_none, twice, longest / 1000000, innocents, hurt);
}

/* The memory is found again behind exec by its descriptor, which is always the same. */
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
	struct life *lives = map_lives(number + 1);

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
	struct life *lives;
	int fd;

	if (argc >= 4 && !strcmp(argv[1], "life"))
		return live(argv);
	if (argc != 6) {
		fputs("usage: storm DIR SPINNERS INNOCENTS PER_SECOND SEED\n", stderr);
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
	/* Pauses between the launches of a spinner, and of an innocent beside it. */
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
		reap(WNOHANG);
	}
	reap(0);
	unlink_as(argv[1], "spinner");
	unlink_as(argv[1], "later");
	unlink_as(argv[1], "innocent");
	report(lives, count);
	return 0;
}
