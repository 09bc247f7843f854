/* SPDX-License-Identifier: GPL-2.0-only */
#include "schedule.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/proc_files.h"
#include "../engine/bpf/schedule.h"

struct schedule {
	struct schedule_recorder *recorder;
	FILE *out;
	maze_u64 cpu_ns[MAZE_TRACE_CPUS_MAX]; /* the time of the last event of each CPU */
	struct schedule_totals totals;
};

static int put(struct schedule *schedule, const void *data, size_t size)
{
	if (fwrite(data, size, 1, schedule->out) == 1)
		return 0;
	return errno ? -errno : -EIO;
}

/*
 * An interrupt can record an event between the time and the place of another one. So the
 * times of a CPU can go back by some ns, which a reader of the trace refuses.
 */
static int on_event(void *arg, const struct maze_trace_event *recorded)
{
	struct maze_trace_event event = *recorded;
	struct schedule *schedule = arg;
	maze_u64 *last_ns;

	if (event.cpu >= MAZE_TRACE_CPUS_MAX)
		return -ERANGE;
	last_ns = &schedule->cpu_ns[event.cpu];
	if (event.kind != MAZE_TRACE_NAME) {
		if (event.time_ns < *last_ns)
			event.time_ns = *last_ns;
		*last_ns = event.time_ns;
	}
	schedule->totals.switches += event.kind == MAZE_TRACE_SWITCH;
	if (event.kind == MAZE_TRACE_LOST)
		schedule->totals.lost += event.number;
	return put(schedule, &event, sizeof(event));
}

static int put_header(struct schedule *schedule)
{
	struct maze_trace_header header = {
		.version = MAZE_TRACE_VERSION,
		.event_size = sizeof(struct maze_trace_event),
		.wall_ns = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME),
		.flags = schedule_sees_yields(schedule) ? MAZE_TRACE_HAS_YIELDS : 0,
	};

	memcpy(header.magic, MAZE_TRACE_MAGIC, sizeof(header.magic));
	return put(schedule, &header, sizeof(header));
}

/* Writes the names of the threads of a process. It may end meanwhile. */
static int put_names(struct schedule *schedule, int process, maze_u32 pid)
{
	struct maze_trace_event event = { .pid = pid, .kind = MAZE_TRACE_NAME };
	int fd = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (!err && tasks && (entry = readdir(tasks))) {
		event.tid = (maze_u32)strtoul(entry->d_name, NULL, 10);
		if (!event.tid || proc_is_kernel_thread(process, (pid_t)event.tid))
			continue;
		memset(event.comm, 0, sizeof(event.comm));
		proc_thread_comm(process, (pid_t)event.tid, event.comm);
		err = put(schedule, &event, sizeof(event));
	}
	if (tasks)
		closedir(tasks);
	else if (fd >= 0)
		close(fd);
	return err;
}

/* Later names are events. */
static int put_all_names(struct schedule *schedule)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int process, err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		err = put_names(schedule, process, (maze_u32)strtoul(entry->d_name, NULL, 10));
		close(process);
	}
	closedir(proc);
	return err;
}

int schedule_open(FILE *out, struct schedule **ret_schedule, struct maze_error *error)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	int err;

	if (!schedule)
		return maze_fail(error, -ENOMEM, "out of memory");
	schedule->out = out;
	err = bpf_schedule_open(on_event, schedule, &schedule->recorder, error);
	if (!err) {
		err = put_header(schedule);
		if (!err)
			err = put_all_names(schedule);
		if (err)
			maze_fail(error, err, "cannot write the trace: %s", strerror(-err));
	}
	if (err)
		schedule_close(schedule);
	else
		*ret_schedule = schedule;
	return err;
}

int schedule_write(struct schedule *schedule, struct maze_error *error)
{
	int err = bpf_schedule_read(schedule->recorder);

	return err ? maze_fail(error, err, "cannot write the trace: %s", strerror(-err)) : 0;
}

int schedule_stop(struct schedule *schedule, struct maze_error *error)
{
	bpf_schedule_stop(schedule->recorder);
	return schedule_write(schedule, error);
}

bool schedule_sees_yields(const struct schedule *schedule)
{
	return bpf_schedule_sees_yields(schedule->recorder);
}

struct schedule_totals schedule_totals(const struct schedule *schedule)
{
	return schedule->totals;
}

void schedule_close(struct schedule *schedule)
{
	if (!schedule)
		return;
	bpf_schedule_close(schedule->recorder);
	free(schedule);
}
