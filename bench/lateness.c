/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lateness of verdicts. Children spin until they are signalled, each in a slot that
 * is bound to one CPU, and read their own CPU clock in the handler. Lateness is the CPU
 * time since the last sleep minus the limit, delivery of the signal included; a negative
 * value is early. Idle: one slot on each CPU. Loaded: three, so that every spinner
 * competes with two others, which are trials themselves. A slot starts its next trial
 * when one ends.
 *
 * usage: lateness [TRIALS [DETECTOR...]]  JSON, see figure.h
 *        lateness --text DETECTOR TRIALS  one line, of one spinner at a time; exit status
 *        1
 *                                         if any was early
 */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "detector.h"
#include "figure.h"

/* A detector that has not found a spinner by then does not find it. */
#define TRIAL_SECONDS_MAX 20
#define SPINNERS_LOADED 3

struct slot {
	pid_t pid;
	int go, report;
	maze_u64 from_ns; /* its CPU clock when the episode began */
};

struct run {
	const struct detector *detector;
	struct slot slots[DETECTOR_SLOTS_MAX];
	int slots_n, begun, done, missed, wanted;
	double *late_ns; /* by the spinner's own clock */
};

static int report_fd;
static clockid_t own_clock;
static volatile bool rehearsal;

static void on_signal(int signal)
{
	maze_u64 used = bench_now(own_clock);

	(void)signal;
	if (rehearsal)
		return;
	_exit(write(report_fd, &used, sizeof(used)) != sizeof(used));
}

static void spin(const struct detector *detector, int go, int report)
{
	char byte;

	report_fd = report;
	own_clock = detector->whole_process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID;
	signal(SIGXCPU, on_signal);
	/* Faults in the stack and the handler, which takes some 30 us at the first signal. */
	rehearsal = true;
	raise(SIGXCPU);
	rehearsal = false;
	alarm(TRIAL_SECONDS_MAX);
	if (detector->prepare)
		detector->prepare();
	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (;;)
		;
}

/*
 * Starts at a random moment of the cycle; otherwise every trial would begin right after a
 * check.
 */
static void wait_a_while(const struct detector *detector)
{
	if (detector->cycle_ns)
		usleep((useconds_t)((double)detector->cycle_ns / 1e3 * drand48()));
}

static void begin(struct run *run, int index)
{
	struct slot *slot = &run->slots[index];
	int go[2], report[2];

	if (pipe(go) || pipe(report))
		bench_die("pipe");
	slot->pid = bench_fork();
	if (!slot->pid) {
		bench_pin(index % bench_cpus());
		spin(run->detector, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	slot->go = go[1];
	slot->report = report[0];
	bench_wait_until_blocked(slot->pid);
	/*
	 * CPU time as booked by the scheduler; the spinner itself would read it a little
	 * earlier.
	 */
	slot->from_ns = run->detector->whole_process ? 0 : bench_runtime_of(slot->pid);
	wait_a_while(run->detector);
	if (run->detector->begin)
		run->detector->begin(index, slot->pid);
	if (write(slot->go, "", 1) != 1)
		bench_die("a spinner has ended");
	run->begun++;
}

static void finish(struct run *run, int index)
{
	struct slot *slot = &run->slots[index];
	maze_u64 used;

	if (read(slot->report, &used, sizeof(used)) != sizeof(used))
		run->missed++;
	else
		run->late_ns[run->done++] =
			(double)(used - slot->from_ns) - (double)run->detector->limit_ns;
	if (run->detector->end)
		run->detector->end(index);
	waitpid(slot->pid, NULL, 0);
	close(slot->go);
	close(slot->report);
	slot->pid = 0;
}

/* The slot of the spinner that was signalled. */
static void wait_for_one(struct run *run)
{
	struct pollfd fds[DETECTOR_SLOTS_MAX];
	int i;

	for (i = 0; i < run->slots_n; i++)
		fds[i] = (struct pollfd){ .fd = run->slots[i].pid ? run->slots[i].report : -1,
					  .events = POLLIN };
	if (poll(fds, (nfds_t)run->slots_n, -1) < 0)
		bench_die("poll");
	for (i = 0; i < run->slots_n; i++)
		if (fds[i].revents)
			finish(run, i);
}

static void run_trials(struct run *run, const struct detector *detector, int per_cpu, int trials)
{
	int i;

	memset(run, 0, sizeof(*run));
	run->detector = detector;
	/*
	 * 0: one slot in total; one real processor serves busy emulated processors in
	 * turn.
	 */
	run->slots_n = per_cpu ? per_cpu * bench_cpus() : 1;
	if (run->slots_n > DETECTOR_SLOTS_MAX)
		run->slots_n = DETECTOR_SLOTS_MAX;
	run->wanted = trials;
	/* Trials that are running when enough are done also count. */
	run->late_ns = bench_values((size_t)trials + (size_t)run->slots_n);
	while (run->done + run->missed < run->wanted) {
		for (i = 0; i < run->slots_n; i++)
			if (!run->slots[i].pid)
				begin(run, i);
		wait_for_one(run);
	}
	while (run->done + run->missed < run->begun)
		wait_for_one(run);
}

struct lateness {
	double p50, p99, max; /* ms */
	int early, missed, trials;
};

static struct lateness summary(double *late_ns, int n)
{
	struct lateness lateness = { .trials = n };
	int i;

	for (i = 0; i < n; i++)
		lateness.early += late_ns[i] < 0;
	lateness.p50 = bench_quantile(late_ns, (size_t)n, 0.5) / 1e6;
	lateness.p99 = bench_quantile(late_ns, (size_t)n, 0.99) / 1e6;
	lateness.max = bench_quantile(late_ns, (size_t)n, 1) / 1e6;
	return lateness;
}

static struct lateness measure(const struct detector *detector, int per_cpu, int trials,
			       struct figure *figure)
{
	struct lateness lateness;
	char name[96];
	double *ms;
	struct run run;
	int i;

	run_trials(&run, detector, per_cpu, trials);
	lateness = summary(run.late_ns, run.done);
	lateness.missed = run.missed;
	if (run.missed && detector->ours)
		bench_fail("%s: a spinner was not found in %d s", detector->name,
			   TRIAL_SECONDS_MAX);
	snprintf(name, sizeof(name), "%s%s", detector->name,
		 per_cpu > 1 ? ", beside 2 spinners" : "");
	figure_row(figure, name,
		   (double[]){ (double)detector->limit_ns / 1e6, lateness.p50, lateness.p99,
			       lateness.max, lateness.early, lateness.missed, lateness.trials },
		   detector->note);
	ms = bench_values((size_t)run.done);
	for (i = 0; i < run.done; i++)
		ms[i] = run.late_ns[i] / 1e6;
	figure_samples(figure, name, ms, (size_t)run.done);
	free(ms);
	free(run.late_ns);
	return lateness;
}

static int fewer(int a, int b)
{
	return a < b ? a : b;
}

static void compare(struct figure *figure, const struct lateness *ours,
		    const struct lateness *rttime, const char *state)
{
	char what[96];

	if (!ours->trials || !rttime->trials)
		return;
	snprintf(what, sizeof(what), "%s, p50 of maze bpf to RLIMIT_RTTIME's", state);
	figure_target(figure, what, ours->p50 / rttime->p50, NAN, NAN, 1.0 / 50);
	snprintf(what, sizeof(what), "%s, p99 of maze bpf to RLIMIT_RTTIME's", state);
	figure_target(figure, what, ours->p99 / rttime->p99, NAN, NAN, 1.0 / 10);
}

/* True if the detector is named on the command line, or if none is. */
static bool is_wanted(const struct detector *detector, char **keys)
{
	if (!*keys)
		return true;
	for (; *keys; keys++)
		if (!strcmp(detector->key, *keys))
			return true;
	return false;
}

static int report_all(int trials, char **keys)
{
	struct figure *figure = figure_new("lateness", "Lateness of a limit of 100 ms, in ms");
	struct lateness bpf[2] = { 0 }, rttime[2] = { 0 }, one;
	const struct detector *detector;
	int i, loaded, early = 0;

	figure_column(figure, "limit", 0);
	figure_column(figure, "p50", 3);
	figure_column(figure, "p99", 3);
	figure_column(figure, "max", 3);
	figure_column(figure, "early", 0);
	figure_column(figure, "missed", 0);
	figure_column(figure, "trials", 0);
	for (i = 0; i < detectors_n; i++) {
		detector = &detectors[i];
		if (!is_wanted(detector, keys))
			continue;
		if (!detector->start()) {
			figure_note(figure, "%s: not here", detector->name);
			continue;
		}
		for (loaded = 0; loaded < 2; loaded++) {
			one = measure(detector, loaded ? SPINNERS_LOADED : 1,
				      fewer(trials, loaded ? detector->trials_loaded
							   : detector->trials_idle),
				      figure);
			if (detector->ours)
				early += one.early;
			if (!strcmp(detector->key, "bpf"))
				bpf[loaded] = one;
			if (!strcmp(detector->key, "rttime"))
				rttime[loaded] = one;
		}
		detector->stop();
	}
	compare(figure, &bpf[0], &rttime[0], "idle");
	compare(figure, &bpf[1], &rttime[1], "loaded");
	figure_target(figure, "early verdicts of maze", early, NAN, NAN, 0);
	figure_note(figure,
		    "by the spinner's CPU clock in its handler; missed: not found in %d s; "
		    "detectors that take a second or more have fewer trials",
		    TRIAL_SECONDS_MAX);
	figure_print(figure);
	return early != 0;
}

static int report_text(const char *key, int trials)
{
	double *by_record = bench_values((size_t)trials + DETECTOR_SLOTS_MAX);
	const struct detector *detector = detectors;
	struct lateness record, clock;
	int n = 0;
	struct run run;

	while (detector < detectors + detectors_n && strcmp(detector->key, key))
		detector++;
	if (detector == detectors + detectors_n || !detector->ours)
		bench_fail("\"%s\" is not an engine of maze", key);
	if (!detector->start())
		bench_fail("%s cannot run here", detector->name);
	run_trials(&run, detector, 0, trials);
	while (n < run.done && detector_next_by_record(&by_record[n]))
		n++;
	detector->stop();
	if (n != run.done || run.missed)
		bench_fail("%d verdicts of %d trials", n, run.done + run.missed);
	record = summary(by_record, n);
	clock = summary(run.late_ns, n);
	printf("%d trials: by record p50 %.1f p99 %.1f max %.1f us; by its CPU clock p50 %.1f p99 "
	       "%.1f max %.1f us; early %d\n",
	       n, record.p50 * 1e3, record.p99 * 1e3, record.max * 1e3, clock.p50 * 1e3,
	       clock.p99 * 1e3, clock.max * 1e3, record.early + clock.early);
	free(run.late_ns);
	free(by_record);
	return record.early + clock.early != 0;
}

int main(int argc, char **argv)
{
	bool text = argc == 4 && !strcmp(argv[1], "--text");
	int trials = text ? atoi(argv[3]) : argc > 1 ? atoi(argv[1]) : 200;

	if (trials < 1)
		bench_fail("usage: lateness [TRIALS [DETECTOR...]] | lateness --text DETECTOR "
			   "TRIALS");
	return text ? report_text(argv[2], trials) : report_all(trials, argv + (argc > 1 ? 2 : 1));
}
