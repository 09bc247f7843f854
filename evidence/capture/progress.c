/* SPDX-License-Identifier: GPL-2.0-only */
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/proc_files.h"

/* /proc/PID/task/TID/stat has 51 numbers of up to 20 digits, and a name. */
#define STAT_SIZE 1536
/* The io file has seven lines, and statm has seven numbers. */
#define SMALL_SIZE 512

/* `text` begins with a newline, as `label` does. */
static long long number_after(const char *text, const char *label)
{
	const char *at = strstr(text, label);

	return at ? strtoll(at + strlen(label), NULL, 10) : -1;
}

static int read_stat(int proc_fd, pid_t tid, struct progress *progress)
{
	char name[64], text[STAT_SIZE], state;
	const char *end;

	snprintf(name, sizeof(name), "task/%d/stat", (int)tid);
	if (read_file_at(proc_fd, name, text, sizeof(text)) <= 0)
		return -ESRCH;
	/* The name of the thread may have blanks and brackets. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1,
			   " %c %*d %*d %*d %*d %*d %*u %lld %*u %lld %*u %*u %*u %*d %*d %*d %*d "
			   "%*d %*d %llu",
			   &state, &progress->number[PROGRESS_MINOR_FAULTS],
			   &progress->number[PROGRESS_MAJOR_FAULTS], &progress->start_ticks) != 4)
		return -ESRCH;
	return state == 'Z' || state == 'X' ? -ESRCH : 0;
}

/* Needs the right to trace the process, as reading its memory does. */
static int read_io(int proc_fd, pid_t tid, struct progress *progress)
{
	char name[64], text[SMALL_SIZE] = "\n";
	ssize_t length;

	snprintf(name, sizeof(name), "task/%d/io", (int)tid);
	length = read_file_at(proc_fd, name, text + 1, sizeof(text) - 1);
	if (length < 0)
		return (int)length;
	progress->number[PROGRESS_READ_BYTES] = number_after(text, "\nrchar:");
	progress->number[PROGRESS_WRITTEN_BYTES] = number_after(text, "\nwchar:");
	progress->number[PROGRESS_READ_CALLS] = number_after(text, "\nsyscr:");
	progress->number[PROGRESS_WRITE_CALLS] = number_after(text, "\nsyscw:");
	return 0;
}

static void read_switches(int proc_fd, pid_t tid, struct progress *progress)
{
	char name[64], text[PROC_STATUS_SIZE];

	snprintf(name, sizeof(name), "task/%d/status", (int)tid);
	if (proc_read_status(proc_fd, name, text))
		return;
	progress->number[PROGRESS_VOLUNTARY_SWITCHES] =
		number_after(text, "\nvoluntary_ctxt_switches:");
	progress->number[PROGRESS_INVOLUNTARY_SWITCHES] =
		number_after(text, "\nnonvoluntary_ctxt_switches:");
}

/* An ending thread has 0 pages, because it has lost its memory. */
static int read_memory(int proc_fd, pid_t tid, struct progress *progress)
{
	char name[64], text[SMALL_SIZE];
	long long pages = 0;

	snprintf(name, sizeof(name), "task/%d/statm", (int)tid);
	if (read_file_at(proc_fd, name, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*d %lld", &pages) != 1 || pages <= 0)
		return -ESRCH;
	progress->resident_bytes = pages * sysconf(_SC_PAGESIZE);
	return 0;
}

int progress_read(int proc_fd, pid_t tid, struct progress *ret_progress)
{
	struct progress progress = { .boot_ns = now_ns(CLOCK_BOOTTIME) };
	struct thread_times times;
	int err, fd = -1;
	size_t i;

	for (i = 0; i < PROGRESS_COUNTERS_; i++)
		progress.number[i] = -1;
	if (!proc_thread_times(proc_fd, tid, &fd, false, &times))
		progress.number[PROGRESS_CPU_NS] = (long long)times.runtime_ns;
	progress.io_error = read_io(proc_fd, tid, &progress);
	read_switches(proc_fd, tid, &progress);
	/* Last, because the end of a thread is a voluntary switch. */
	err = read_memory(proc_fd, tid, &progress);
	if (!err)
		err = read_stat(proc_fd, tid, &progress);
	if (!err)
		*ret_progress = progress;
	return err;
}
