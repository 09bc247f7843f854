/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of /proc (proc(5)). `dir` is a descriptor of a /proc/PID directory: it stays with
 * that process, so that calls fail with -ESRCH once the process has been reaped, also when
 * its PID is in use again.
 */
#ifndef MAZE_BASE_PROC_FILES_H
#define MAZE_BASE_PROC_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/record.h"

/* /proc/PID/task/TID/schedstat; booked at switches and ticks, so up to a tick old. */
struct thread_times {
	maze_u64 runtime_ns;
	maze_u64 waited_ns; /* for a CPU */
	maze_u64 arrivals;  /* how often it came to a CPU */
};

struct thread_status {
	pid_t tgid, ppid;
	maze_u32 uid, gid;   /* real */
	maze_u32 euid, suid; /* effective, saved */
	maze_u64 sleeps;     /* voluntary context switches: it left the CPU not runnable */
};

/*
 * Reads up to size - 1 bytes of a small file and ends them with NUL; returns how many, or
 * -errno.
 */
ssize_t read_file_at(int dir, const char *name, char *buf, size_t size);

/*
 * Opens /proc/PID of the pidfd's process. The pidfd is checked afterwards, so that the PID
 * cannot have been reused. A descriptor, or -ESRCH, -EMFILE, ….
 */
int proc_open_process(pid_t pid, int pidfd);

/* *fd: kept open from call to call when not -1; set when `keep`. */
int proc_thread_times(int dir, pid_t tid, int *fd, bool keep, struct thread_times *ret_times);
int proc_thread_status(int dir, pid_t tid, struct thread_status *ret_status);
int proc_thread_status_kept(int dir, pid_t tid, int *fd, bool keep,
			    struct thread_status *ret_status);
/* What it does with a signal: MAZE_DISPOSITION_* of core/delivery.h; 0: unknown, or no signal. */
maze_u32 proc_thread_disposition(int dir, pid_t tid, int signal);
/* comm[] is left as it was on failure. */
void proc_thread_comm(int dir, pid_t tid, char comm[MAZE_COMM_LEN]);
/* The CPU it was last on; 0 if that cannot be told. */
maze_u32 proc_thread_cpu(int dir, pid_t tid);
/* Also one that the kernel has made of a process, for io_uring or vhost: it takes no signals. */
bool proc_is_kernel_thread(int dir, pid_t tid);
/* Whether that link to a program, from the directory, leads to the file of this one. */
bool proc_is_own_program(int dir, const char *exe);
/* The same for /proc/PID/exe. */
bool proc_pid_is_own_program(pid_t pid);
/*
 * The start time of a process, or of a thread where `dir` is its /proc/PID/task/TID: field 22
 * of stat, in clock ticks since boot. PID and start time identify a process, since no PID is
 * reused within a tick. -ESRCH, -errno.
 */
int proc_start_ticks(int dir, maze_u64 *ret_ticks);
/* The same by CLOCK_BOOTTIME, rounded down to a tick; 0: unknown. */
maze_u64 proc_start_ns(int dir);
maze_u64 proc_ticks_to_ns(maze_u64 ticks);
/* Number of links of the directory of threads: 2 and one for each; 0: gone. */
unsigned long proc_thread_links(int dir);
/* Calls each(tid) for the threads there are. -ESRCH. */
int proc_each_thread(int dir, void (*each)(pid_t tid, void *arg), void *arg);
/* Whether `child` stands in the list of children of that thread. */
bool proc_is_child_of(int dir, pid_t tid, pid_t child);
/* The process or thread of that number, by number: only to find whom to open. -ESRCH. */
int proc_status_by_number(pid_t pid, struct thread_status *ret_status);
/*
 * The number given last in this pid namespace (/proc/loadavg); 0: cannot be told. *fd is
 * opened when -1, and the caller's to close.
 */
pid_t proc_last_number(int *fd);

#endif
