/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First it finds the threads that run, and then the worker samples them until the end of
 * the time. Meanwhile this process counts the system calls of the first of them, because
 * the program that counts must be detached in time.
 */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/pidfd.h"
#include "../lib/system_calls.h"
#include "episode/siblings.h"
#include "incident.h"
#include "isolation/worker.h"
#include "look_worker.h"

/* The maximum of threads whose CPU time is compared. Reading one takes some 4 us. */
#define THREADS_MAX 4096
/* The part of the time in which it searches for threads that run, and its maximum. */
#define SEARCH_PART 10
#define SEARCH_MAX_NS (200 * MAZE_NSEC_PER_MSEC)
/*
 * A thread that has used less may only have waited for a CPU, which is what threads that
 * sleep do on a busy machine too.
 */
#define RUN_MIN_NS MAZE_NSEC_PER_MSEC
/* The interval of checks of a slice. */
#define STEP_NS (10 * MAZE_NSEC_PER_MSEC)
/* A slice that the thread does not fill in this time ends. */
#define SLICE_WALL_NS (250 * MAZE_NSEC_PER_MSEC)
/* How long a thread is sampled at least, which may have begun to run at the end. */
#define SAMPLED_MIN_NS (LOOK_MIN_NS / 2)
/* The worker waits up to 5 s for names. Afterwards it is stuck. */
#define DEADLINE_NS (8 * MAZE_NSEC_PER_SEC)
#define JSON_MAX (64U << 20)

struct look_thread {
	pid_t tid;
	bool runs;
	struct thread_times from, to;
};

struct look {
	const struct look_request *request;
	struct maze_error *error;
	int pidfd, proc_fd;
	maze_u64 until_ns;  /* CLOCK_MONOTONIC */
	unsigned int stops; /* how often it was stopped */

	struct look_thread *threads; /* after the search: those that run, the busiest first */
	size_t count;
	bool unread; /* there are more threads */
	maze_u64 from_ns, from_boot_ns, search_ns;

	struct look_subject subject;
	struct thread_times times; /* of the thread at the last step */
	int times_fd;
	maze_u64 times_ns;
	bool ended; /* the thread has ended */
	struct worker worker;

	struct call_counter *counter;
	int slot; /* of the running slice; -1: none */
	unsigned int slices;
	maze_u64 slice_ns; /* when it began, or the next one begins */
	bool told;	   /* the worker has calls, or why there are none */
};

/* Returns true if the look is stopped in this time. */
static bool pause_for(struct look *look, maze_u64 ns, bool answers)
{
	struct pollfd fds[] = { { .fd = look->request->stop_fd, .events = POLLIN },
				{ .fd = answers ? look->worker.fd : -1, .events = POLLIN } };
	const struct timespec timeout = { .tv_sec = (time_t)(ns / MAZE_NSEC_PER_SEC),
					  .tv_nsec = (long)(ns % MAZE_NSEC_PER_SEC) };
	char packet[512];

	if (ppoll(fds, 2, &timeout, NULL) <= 0 || !(fds[0].revents & POLLIN))
		return false;
	look->stops += read(look->request->stop_fd, packet, sizeof(packet)) > 0;
	return true;
}

/* ---- the threads that run ---------------------------------------------------------- */

static void add_thread(pid_t tid, void *arg)
{
	struct look *look = arg;
	struct look_thread *thread = &look->threads[look->count];
	int fd = -1;

	if (look->request->tid && tid != look->request->tid)
		return;
	look->unread |= look->count == THREADS_MAX;
	if (look->count == THREADS_MAX ||
	    proc_thread_times(look->proc_fd, tid, &fd, false, &thread->from))
		return;
	thread->tid = tid;
	look->count++;
}

static maze_u64 used_ns(const struct look_thread *thread)
{
	return thread->to.runtime_ns - thread->from.runtime_ns;
}

/* Those that run first, and then by CPU time. */
static int by_cpu_time(const void *a, const void *b)
{
	const struct look_thread *one = a, *other = b;

	if (one->runs != other->runs)
		return other->runs - one->runs;
	return (used_ns(one) < used_ns(other)) - (used_ns(one) > used_ns(other));
}

/* Compares the CPU times of a short time. */
static int compare_threads(struct look *look, maze_u64 step_ns)
{
	struct look_thread *thread;
	size_t i;
	int fd = -1;

	look->count = 0;
	look->from_ns = now_ns(CLOCK_MONOTONIC);
	look->from_boot_ns = now_ns(CLOCK_BOOTTIME);
	if (!look->until_ns)
		look->until_ns = look->from_ns + look->request->for_ns;
	if (proc_each_thread(look->proc_fd, add_thread, look))
		return -ESRCH;
	if (!look->count)
		return look->request->tid ? -ESRCH : -EOPNOTSUPP;
	if (pause_for(look, step_ns, false))
		return -EINTR;
	look->search_ns = now_ns(CLOCK_MONOTONIC) - look->from_ns;
	for (i = 0; i < look->count; i++) {
		thread = &look->threads[i];
		if (proc_thread_times(look->proc_fd, thread->tid, &fd, false, &thread->to))
			thread->to = thread->from;
		thread->runs = used_ns(thread) >= RUN_MIN_NS &&
			       sibling_runs(&thread->from, &thread->to, look->search_ns);
	}
	qsort(look->threads, look->count, sizeof(*look->threads), by_cpu_time);
	return 0;
}

static int fail_idle(const struct look *look, const struct look_thread *busiest)
{
	const struct look_request *request = look->request;
	char looked[64], used[64], search[64], comm[MAZE_COMM_LEN] = "";

	maze_duration_format(request->for_ns, looked, sizeof(looked));
	if (!used_ns(busiest))
		return maze_fail(look->error, -ENODATA, "%s %d does not spin: %s has run in %s",
				 request->tid ? "thread" : "process", request->tid ?: request->pid,
				 request->tid ? "it has not" : "none of its threads", looked);
	proc_thread_comm(look->proc_fd, busiest->tid, comm);
	maze_duration_format(used_ns(busiest) / MAZE_NSEC_PER_USEC * MAZE_NSEC_PER_USEC, used,
			     sizeof(used));
	maze_duration_format(look->search_ns / MAZE_NSEC_PER_MSEC * MAZE_NSEC_PER_MSEC, search,
			     sizeof(search));
	return maze_fail(look->error, -ENODATA,
			 "%s %d does not spin: in %s, %sthread %d (%s) used at most %s of CPU "
			 "time in %s",
			 request->tid ? "thread" : "process", request->tid ?: request->pid, looked,
			 request->tid ? "" : "its busiest ", busiest->tid, comm, used, search);
}

static int find_threads(struct look *look)
{
	maze_u64 step_ns = look->request->for_ns / SEARCH_PART;
	struct look_thread busiest = { 0 };
	size_t i;
	int err;

	if (step_ns > SEARCH_MAX_NS)
		step_ns = SEARCH_MAX_NS;
	do {
		err = compare_threads(look, step_ns);
		if (err == -EINTR)
			return maze_fail(look->error, err,
					 "stopped before a thread was found "
					 "that runs");
		if (err == -EOPNOTSUPP)
			return maze_fail(look->error, err,
					 "the kernel gives no CPU times of "
					 "threads (/proc/PID/schedstat)");
		if (err)
			return maze_fail(look->error, err, "%s %d has ended",
					 look->request->tid ? "thread" : "process",
					 look->request->tid ?: look->request->pid);
		for (i = 0; i < look->count && look->threads[i].runs; i++)
			;
		if (!busiest.tid || used_ns(&look->threads[0]) > used_ns(&busiest))
			busiest = look->threads[0];
	} while (!i && now_ns(CLOCK_MONOTONIC) < look->until_ns);
	look->count = i;
	return i ? 0 : fail_idle(look, &busiest);
}

static void set_subject(struct look *look)
{
	struct look_subject *subject = &look->subject;
	maze_u64 least_ns = now_ns(CLOCK_MONOTONIC) + SAMPLED_MIN_NS;
	size_t i;

	if (look->until_ns < least_ns)
		look->until_ns = least_ns;
	*subject = (struct look_subject){
		.pid = look->request->pid,
		.tid = look->threads[0].tid,
		.boot_ns = look->from_boot_ns,
		.used_ns = used_ns(&look->threads[0]),
		.for_ns = look->request->for_ns,
		.others_run = look->count > 1 + EPISODE_SIBLINGS_MAX,
		.unread = look->unread,
	};
	for (i = 1; i < look->count && i <= EPISODE_SIBLINGS_MAX; i++)
		subject->siblings[subject->siblings_count++] = look->threads[i].tid;
	look->times = look->threads[0].to;
	look->times_ns = look->from_ns + look->search_ns;
}

/* ---- system calls ------------------------------------------------------------------ */

static void send_calls(struct look *look, int missing, const struct call_slice *slice)
{
	struct look_message message = { .kind = LOOK_CALLS, .missing = missing };
	struct iovec part = { &message, sizeof(message) };

	look->told = true;
	if (slice)
		message.slice = *slice;
	/* After the worker's end, its last answer is read. */
	(void)worker_send(&look->worker, &part, 1);
}

static void begin_slice(struct look *look)
{
	int slot = look->counter ? 0 : call_counter_open(&look->counter, NULL);

	if (!slot)
		slot = call_counter_begin(look->counter, look->subject.tid, look->from_boot_ns,
					  INCIDENTS_CALLS_CPU_NS, NULL);
	if (slot < 0) {
		if (!look->told)
			send_calls(look, slot, NULL);
		look->slices = EPISODE_SLICES_MAX;
		return;
	}
	look->slot = slot;
	/* Loading the programs that count can take longer than a slice. */
	look->slice_ns = now_ns(CLOCK_MONOTONIC);
}

static void take_slice(struct look *look, maze_u64 now, bool end)
{
	struct call_slice slice;

	if (!call_counter_take(look->counter, look->slot, look->subject.tid, look->from_boot_ns,
			       end || now - look->slice_ns > SLICE_WALL_NS, &slice))
		return;
	look->slot = -1;
	look->slices++;
	/* The second one comes in the middle of the rest of the time, but at once after none. */
	look->slice_ns = now;
	if (!slice.cpu_ns && !slice.calls)
		return;
	send_calls(look, 0, &slice);
	if (now < look->until_ns)
		look->slice_ns += (look->until_ns - now) / 2;
}

static void count_calls(struct look *look, bool end)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);

	if (look->slot >= 0)
		take_slice(look, now, end);
	else if (!end && look->slices < EPISODE_SLICES_MAX && now >= look->slice_ns)
		begin_slice(look);
	if (end && look->slices && !look->told)
		send_calls(look, -EAGAIN, NULL);
}

/* ---- with the worker --------------------------------------------------------------- */

static int send_end(struct look *look)
{
	const struct thread_times *from = &look->threads[0].from, *to = &look->times;
	struct look_message message = {
		.kind = LOOK_END,
		.ended = look->ended,
		.look = { .boot_ns = look->from_boot_ns + (look->times_ns - look->from_ns),
			  .wall_ns = look->times_ns - look->from_ns,
			  .cpu_ns = to->runtime_ns - from->runtime_ns,
			  .waited_ns = to->waited_ns - from->waited_ns },
	};
	struct iovec part = { &message, sizeof(message) };
	maze_u64 used_ns = message.look.cpu_ns, wall_ns = message.look.wall_ns;
	maze_u64 rest_ns = wall_ns > used_ns ? wall_ns - used_ns : 0;

	/* The kernel adds a wait at its end, and it may have begun before the look. */
	if (message.look.waited_ns > rest_ns)
		message.look.waited_ns = rest_ns;
	return worker_send(&look->worker, &part, 1);
}

static void hurry(struct look *look)
{
	struct look_message message = { .kind = LOOK_HURRY };
	struct iovec part = { &message, sizeof(message) };

	(void)worker_send(&look->worker, &part, 1);
}

static maze_u64 to_next_step(const struct look *look)
{
	maze_u64 left_ns = look->until_ns - look->times_ns;

	return left_ns < STEP_NS ? left_ns : STEP_NS;
}

/* Looks until the end of the time, the end of the thread, or a stop. */
static void watch_thread(struct look *look)
{
	struct thread_times times;
	struct pollfd fd = { .fd = look->worker.fd, .events = POLLIN };

	do {
		/* A zombie still has its CPU times. */
		if (pidfd_has_ended(look->pidfd) ||
		    proc_thread_times(look->proc_fd, look->subject.tid, &look->times_fd, true,
				      &times)) {
			look->ended = true;
			break;
		}
		look->times = times;
		look->times_ns = now_ns(CLOCK_MONOTONIC);
		count_calls(look, false);
		/* Before the end, the worker answers only if it refuses. */
	} while (look->times_ns < look->until_ns && !pause_for(look, to_next_step(look), true) &&
		 !poll(&fd, 1, 0));
	count_calls(look, true);
}

static int append(struct look *look, FILE *json, size_t *size, const struct look_answer *answer)
{
	if (answer->kind == LOOK_REFUSED)
		return maze_fail(look->error, answer->err, "%.*s",
				 (int)sizeof(look->error->text) - 1, answer->text);
	if (answer->size > sizeof(answer->text) || *size + answer->size > JSON_MAX ||
	    fwrite(answer->text, 1, answer->size, json) != answer->size)
		return maze_fail(look->error, -ENOMEM, "out of memory");
	*size += answer->size;
	return 0;
}

static int read_answers(struct look *look, FILE *json)
{
	struct look_answer answer;
	size_t size = 0;
	ssize_t got;
	int err;

	worker_expect(&look->worker, 0);
	for (;;) {
		got = worker_receive(&look->worker, &answer, sizeof(answer));
		if (got == sizeof(answer) && answer.kind == LOOK_DONE)
			return 0;
		if (got == sizeof(answer)) {
			err = append(look, json, &size, &answer);
			if (err)
				return err;
			continue;
		}
		if (got != -EAGAIN)
			return maze_fail(look->error, -EIO,
					 "the process that reads process %d "
					 "has ended early",
					 look->subject.pid);
		if (worker_is_late(&look->worker, DEADLINE_NS, MAZE_NSEC_PER_SEC))
			return maze_fail(look->error, -ETIMEDOUT,
					 "process %d could not be read in time: a read of its "
					 "memory or of one of its files does not return",
					 look->subject.pid);
		if (!pause_for(look, 100 * MAZE_NSEC_PER_MSEC, true))
			continue;
		/* The third stop does not wait, as for a worker that is stuck. */
		if (look->stops > 2)
			return maze_fail(look->error, -EINTR, "stopped");
		hurry(look);
	}
}

static int look_with_worker(struct look *look, char **ret_json)
{
	struct workers_left left = { 0 };
	char *text = NULL;
	size_t size;
	FILE *json;
	int err;

	set_subject(look);
	err = worker_start(look_worker, &look->subject, NULL, 0, &look->worker);
	if (err)
		return maze_fail(look->error, err, "cannot start a worker process: %s",
				 strerror(-err));
	look->slice_ns = look->from_ns;
	watch_thread(look);
	(void)send_end(look);
	json = open_memstream(&text, &size);
	err = json ? read_answers(look, json) : maze_fail(look->error, -ENOMEM, "out of memory");
	if (json && fclose(json) && !err)
		err = maze_fail(look->error, -ENOMEM, "out of memory");
	worker_leave(&look->worker, true, geteuid(), &left);
	if (left.count)
		close(left.worker[0].pidfd);
	if (err)
		free(text);
	else
		*ret_json = text;
	return err;
}

/* ---- the process ------------------------------------------------------------------- */

static int open_process(struct look *look)
{
	pid_t pid = look->request->pid, tid = look->request->tid ?: pid;
	char comm[MAZE_COMM_LEN] = "";

	look->pidfd = pidfd_open(pid, 0);
	look->proc_fd = look->pidfd < 0 ? -errno : proc_open_process(pid, look->pidfd);
	if (look->proc_fd == -ESRCH)
		return maze_fail(look->error, look->proc_fd, "process %d has ended", pid);
	if (look->proc_fd < 0)
		return maze_fail(look->error, look->proc_fd, "cannot open process %d: %s", pid,
				 strerror(-look->proc_fd));
	if (!proc_is_kernel_thread(look->proc_fd, tid))
		return 0;
	proc_thread_comm(look->proc_fd, tid, comm);
	return maze_fail(look->error, -EINVAL,
			 "%d (%s) is a kernel thread and has no code of a program; as root, perf "
			 "record -g -t %d and /proc/%d/stack show what it does",
			 tid, comm, tid, tid);
}

int look_take(const struct look_request *request, char **ret_json, struct maze_error *error)
{
	struct look look = {
		.request = request,
		.error = error,
		.pidfd = -1,
		.proc_fd = -1,
		.times_fd = -1,
		.slot = -1,
	};
	int err;

	look.threads = calloc(THREADS_MAX, sizeof(*look.threads));
	err = look.threads ? open_process(&look) : maze_fail(error, -ENOMEM, "out of memory");
	if (!err)
		err = find_threads(&look);
	if (!err)
		err = look_with_worker(&look, ret_json);
	call_counter_close(look.counter);
	if (look.times_fd >= 0)
		close(look.times_fd);
	if (look.proc_fd >= 0)
		close(look.proc_fd);
	if (look.pidfd >= 0)
		close(look.pidfd);
	free(look.threads);
	return err;
}
