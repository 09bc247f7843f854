/* SPDX-License-Identifier: GPL-2.0-only */
#include "group_times.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/clock.h"
#include "../../base/proc_files.h"

/* The maximum of processes that are read: for a tree, all of the machine. */
#define PROCESSES_MAX 32768
#define THREADS_MAX 8192
/* No chain of parents is longer, unless PIDs were reused during the reading. */
#define PARENTS_MAX 256
/*
 * The worker waits for a reading, so it ends after this CPU time. On a crowded machine that
 * takes longer. The second bound is by the wall, and half of the time that a worker has.
 */
#define READ_CPU_MAX_NS (250 * MAZE_NSEC_PER_MSEC)
#define READ_MAX_NS (2500 * MAZE_NSEC_PER_MSEC)
/*
 * The CPU times of a process are sums of two numbers of clock ticks. Threads and children
 * that have ended are no consumer if they used less than this.
 */
#define ENDED_MIN_NS (20 * (long long)MAZE_NSEC_PER_MSEC)
/* /proc/PID/stat has 51 numbers of up to 20 digits, and a name. */
#define STAT_SIZE 1536

struct reading {
	const struct group_subject *subject;
	struct group_times *times;
	maze_u64 cpu_ns; /* of this thread, when the reading began */
	int proc;	 /* /proc */
	int dir;	 /* /proc/PID of the process whose threads are read */
	pid_t pid;	 /* of this process */
};

static int by_pid(const void *a, const void *b)
{
	const struct group_process *one = a, *other = b;

	return (one->pid > other->pid) - (one->pid < other->pid);
}

static int by_tid(const void *a, const void *b)
{
	const struct group_thread *one = a, *other = b;

	if (one->pid != other->pid)
		return one->pid > other->pid ? 1 : -1;
	return (one->tid > other->tid) - (one->tid < other->tid);
}

static struct group_process *find_process(const struct group_times *times, pid_t pid)
{
	const struct group_process key = { .pid = pid };

	return times->processes_count ? bsearch(&key, times->processes, times->processes_count,
						sizeof(key), by_pid)
				      : NULL;
}

/* ---- reading ----------------------------------------------------------------------- */

/* Whether there is room and time. Otherwise the reading is cut. */
static bool may_read(struct reading *reading, size_t count, size_t max)
{
	if (count == max || now_ns(CLOCK_THREAD_CPUTIME_ID) - reading->cpu_ns > READ_CPU_MAX_NS ||
	    now_ns(CLOCK_MONOTONIC) - reading->times->mono_ns > READ_MAX_NS)
		reading->times->cut = true;
	return !reading->times->cut;
}

static void add_process(struct reading *reading, pid_t pid)
{
	struct group_times *times = reading->times;
	struct group_process *process = &times->processes[times->processes_count];
	maze_u64 user, system, children_user, children_system;
	char name[32], text[STAT_SIZE], *begin, *end;

	if (!may_read(reading, times->processes_count, PROCESSES_MAX))
		return;
	snprintf(name, sizeof(name), "%d/stat", pid);
	if (read_file_at(reading->proc, name, text, sizeof(text)) <= 0)
		return;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end || end < begin ||
	    sscanf(end + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d "
		   "%*d %llu",
		   &process->ppid, &user, &system, &children_user, &children_system,
		   &process->start_ticks) != 6)
		return;
	*end = '\0';
	snprintf(process->comm, sizeof(process->comm), "%.*s", MAZE_COMM_LEN - 1, begin + 1);
	process->pid = pid;
	process->own_ns = (long long)proc_ticks_to_ns(user + system);
	process->children_ns = (long long)proc_ticks_to_ns(children_user + children_system);
	times->processes_count++;
}

static void add_thread(pid_t tid, void *arg)
{
	struct reading *reading = arg;
	struct group_times *times = reading->times;
	struct thread_times of_thread;
	int fd = -1;

	if (may_read(reading, times->threads_count, THREADS_MAX) &&
	    !proc_thread_times(reading->dir, tid, &fd, false, &of_thread))
		times->threads[times->threads_count++] =
			(struct group_thread){ reading->pid, tid, of_thread.runtime_ns };
}

static void read_threads(struct reading *reading)
{
	char name[32];
	size_t i;

	for (i = 0; i < reading->times->processes_count; i++) {
		reading->pid = reading->times->processes[i].pid;
		snprintf(name, sizeof(name), "%d", reading->pid);
		reading->dir = openat(reading->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (reading->dir < 0)
			continue;
		(void)proc_each_thread(reading->dir, add_thread, reading);
		close(reading->dir);
	}
}

static int read_all(struct reading *reading)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(reading, atoi(entry->d_name));
	closedir(proc);
	return 0;
}

/* ---- members ----------------------------------------------------------------------- */

/* Whether the process is that of the verdict. A later one reuses its PID. */
static bool is_root(const struct reading *reading, const struct group_process *process)
{
	return process->pid == reading->subject->pid &&
	       proc_ticks_to_ns(process->start_ticks) <= reading->subject->verdict_ns;
}

/* The parents are found among all processes, which are in `all`. */
static bool is_in_tree(const struct reading *reading, const struct group_times *all,
		       const struct group_process *process)
{
	pid_t reaper = reading->subject->reaper, self = getpid();
	int i;

	for (i = 0; process && i < PARENTS_MAX && process->pid != self; i++) {
		/* All other children of the reaper are of the tree. */
		if (is_root(reading, process) || (reaper && process->ppid == reaper))
			return true;
		process = find_process(all, process->ppid);
	}
	return false;
}

static int keep_tree(struct reading *reading)
{
	struct group_times *times = reading->times;
	bool *kept = calloc(times->processes_count + 1, sizeof(*kept));
	size_t i, count = 0;

	if (!kept)
		return -ENOMEM;
	for (i = 0; i < times->processes_count; i++)
		kept[i] = is_in_tree(reading, times, &times->processes[i]);
	for (i = 0; i < times->processes_count; i++)
		if (kept[i])
			times->processes[count++] = times->processes[i];
	times->processes_count = count;
	free(kept);
	return 0;
}

static bool add_member(pid_t pid, void *arg)
{
	struct reading *reading = arg;

	add_process(reading, pid);
	return !reading->times->cut;
}

static int read_members(struct reading *reading)
{
	const struct group_subject *subject = reading->subject;
	struct group_times *times = reading->times;
	struct cgroup_fs fs;
	int dir, err = 0;

	switch (subject->scope) {
	case MAZE_SCOPE_CGROUP:
		err = cgroup_fs_open(&fs, NULL);
		if (err)
			return err;
		dir = cgroup_open(&fs, subject->cgroup ? subject->cgroup : "");
		cgroup_fs_close(&fs);
		if (dir < 0)
			return -ENOENT;
		times->cut |= !cgroup_each_process(dir, add_member, reading);
		close(dir);
		break;
	case MAZE_SCOPE_TREE:
		err = read_all(reading);
		break;
	default:
		add_process(reading, subject->pid);
		if (times->processes_count && !is_root(reading, times->processes))
			times->processes_count = 0;
	}
	qsort(times->processes, times->processes_count, sizeof(*times->processes), by_pid);
	return err ?: subject->scope == MAZE_SCOPE_TREE ? keep_tree(reading) : 0;
}

int group_times_read(const struct group_subject *subject, struct group_times *ret_times)
{
	struct group_times times = {
		.boot_ns = now_ns(CLOCK_BOOTTIME),
		.mono_ns = now_ns(CLOCK_MONOTONIC),
		/* The kernel gives only the pages that are used. */
		.processes = calloc(PROCESSES_MAX + 1, sizeof(*times.processes)),
		.threads = calloc(THREADS_MAX, sizeof(*times.threads)),
	};
	struct reading reading = { .subject = subject,
				   .times = &times,
				   .cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) };
	int err = times.processes && times.threads ? 0 : -ENOMEM;

	reading.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err)
		err = reading.proc < 0 ? -errno : read_members(&reading);
	if (!err) {
		read_threads(&reading);
		qsort(times.threads, times.threads_count, sizeof(*times.threads), by_tid);
	}
	if (reading.proc >= 0)
		close(reading.proc);
	if (err)
		group_times_done(&times);
	*ret_times = times;
	return err;
}

void group_times_done(struct group_times *times)
{
	free(times->processes);
	free(times->threads);
	*times = (struct group_times){ 0 };
}

/* ---- comparing --------------------------------------------------------------------- */

static struct group_process *find_same(const struct group_times *times,
				       const struct group_process *process)
{
	struct group_process *found = find_process(times, process->pid);

	return found && found->start_ticks == process->start_ticks ? found : NULL;
}

/* Leaves in `to` what each process has used since `from`. */
static void subtract_processes(const struct group_times *from, struct group_times *to)
{
	const struct group_process *before;
	struct group_process *process;

	for (process = to->processes; process < to->processes + to->processes_count; process++) {
		before = find_same(from, process);
		if (before) {
			process->own_ns -= before->own_ns;
			process->children_ns -= before->children_ns;
		} else if (proc_ticks_to_ns(process->start_ticks) < from->boot_ns) {
			/* It came into the group later, so what it has used before is unknown. */
			process->own_ns = process->children_ns = LLONG_MIN / 2;
		}
	}
}

/*
 * A process that has ended adds the CPU time of its whole life to its parent. Subtracts
 * what it had used before `from`.
 */
static void subtract_ended(const struct group_times *from, struct group_times *to)
{
	const struct group_process *ended, *parent;
	struct group_process *heir;
	int i;

	for (ended = from->processes; ended < from->processes + from->processes_count; ended++) {
		if (find_same(to, ended))
			continue;
		parent = ended;
		for (i = 0, heir = NULL; parent && !heir && i < PARENTS_MAX; i++) {
			parent = find_process(from, parent->ppid);
			heir = parent ? find_same(to, parent) : NULL;
		}
		if (heir)
			heir->children_ns -= ended->own_ns + ended->children_ns;
	}
}

struct ranking {
	struct group_consumer *consumers;
	size_t count;
	maze_u64 cpu_ns;
};

static void rank(struct ranking *ranking, enum group_consumer_kind kind,
		 const struct group_process *process, pid_t tid, long long cpu_ns)
{
	struct group_consumer *consumers = ranking->consumers, consumer = {
		.kind = kind,
		.pid = process->pid,
		.tid = tid,
		.start_ticks = process->start_ticks,
		.cpu_ns = (maze_u64)cpu_ns,
	};
	size_t at = ranking->count;

	if (cpu_ns <= 0 || (kind != GROUP_THREAD && cpu_ns < ENDED_MIN_NS))
		return;
	ranking->cpu_ns += (maze_u64)cpu_ns;
	memcpy(consumer.comm, process->comm, sizeof(consumer.comm));
	if (at == GROUP_CONSUMERS_MAX && consumers[--at].cpu_ns >= consumer.cpu_ns)
		return;
	for (; at && consumers[at - 1].cpu_ns < consumer.cpu_ns; at--)
		consumers[at] = consumers[at - 1];
	consumers[at] = consumer;
	ranking->count += ranking->count < GROUP_CONSUMERS_MAX;
}

/* Ranks the threads, and leaves in own_ns of the processes what others have used. */
static void rank_threads(const struct group_times *from, struct group_times *to,
			 struct ranking *ranking)
{
	const struct group_thread *thread, *before;
	struct group_process *process;
	maze_u64 used_ns;

	for (thread = to->threads; thread < to->threads + to->threads_count; thread++) {
		process = find_process(to, thread->pid);
		before = from->threads_count ? bsearch(thread, from->threads, from->threads_count,
						       sizeof(*thread), by_tid)
					     : NULL;
		/* Without all earlier threads, what a new one has used since is unknown. */
		if (!process || process->own_ns < LLONG_MIN / 4 || (!before && from->cut))
			continue;
		used_ns = thread->runtime_ns;
		if (before && before->runtime_ns <= used_ns)
			used_ns -= before->runtime_ns;
		process->own_ns -= (long long)used_ns;
		rank(ranking, GROUP_THREAD, process, thread->tid, (long long)used_ns);
	}
}

size_t group_times_compare(const struct group_times *from, struct group_times *to,
			   struct group_consumer ret_consumers[GROUP_CONSUMERS_MAX],
			   maze_u64 *ret_cpu_ns)
{
	struct ranking ranking = { .consumers = ret_consumers };
	const struct group_process *process;

	subtract_processes(from, to);
	subtract_ended(from, to);
	rank_threads(from, to, &ranking);
	for (process = to->processes; process < to->processes + to->processes_count; process++) {
		/* Those that were not read would be taken for threads that have ended. */
		if (!from->cut && !to->cut)
			rank(&ranking, GROUP_ENDED_THREADS, process, 0, process->own_ns);
		rank(&ranking, GROUP_ENDED_CHILDREN, process, 0, process->children_ns);
	}
	*ret_cpu_ns = ranking.cpu_ns;
	return ranking.count;
}
