/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of /proc (proc(5)). `dir` is a descriptor of a /proc/PID directory, which belongs
 * to one process: after the process is reaped calls fail with -ESRCH, even if its PID is
 * reused.
 */
#ifndef MAZE_BASE_PROC_FILES_H
#define MAZE_BASE_PROC_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/record.h"

/* /proc/PID/task/TID/schedstat, updated at switches and ticks, so up to a tick old. */
struct thread_times {
	maze_u64 runtime_ns;
	maze_u64 waited_ns; /* for a CPU */
	maze_u64 arrivals;  /* how often it was switched in */
};

struct thread_status {
	pid_t tgid, ppid;
	maze_u32 uid, gid;   /* real */
	maze_u32 euid, suid; /* effective, saved */
	maze_u64 sleeps;     /* voluntary context switches: not runnable then */
};

/* Reads up to size - 1 bytes of a file and adds a NUL. Returns their number or -errno. */
ssize_t read_file_at(int dir, const char *name, char *buf, size_t size);

/* status is below 2 KiB with its masks of all CPUs and nodes, but without its groups. */
#define PROC_STATUS_SIZE 8192
/* Reads status. The numbers of its Groups line are dropped if they do not fit. -errno. */
int proc_read_status(int dir, const char *path, char buf[PROC_STATUS_SIZE]);

/*
 * Opens /proc/PID of the process of `pidfd`, whose end is checked afterwards, so that a
 * reused PID is detected. Returns a descriptor or -errno.
 */
int proc_open_process(pid_t pid, int pidfd);

/* *fd is the open file, or -1. With `keep` the file stays open for the next call. */
int proc_thread_times(int dir, pid_t tid, int *fd, bool keep, struct thread_times *ret_times);
/* -EPROTO: a line of struct thread_status is missing. */
int proc_thread_status(int dir, pid_t tid, struct thread_status *ret_status);
int proc_thread_status_kept(int dir, pid_t tid, int *fd, bool keep,
			    struct thread_status *ret_status);
/* MAZE_DISPOSITION_* of core/delivery.h for a signal; 0: unknown, or signal 0. */
maze_u32 proc_thread_disposition(int dir, pid_t tid, int signal);
/* Leaves comm[] untouched on failure. */
void proc_thread_comm(int dir, pid_t tid, char comm[MAZE_COMM_LEN]);
/* The CPU it ran on last; 0 on failure. */
maze_u32 proc_thread_cpu(int dir, pid_t tid);
/* Also true for threads of io_uring and vhost in a user process: no signals reach them. */
bool proc_is_kernel_thread(int dir, pid_t tid);
/* Whether the link `exe`, relative to `dir`, refers to the executable of this process. */
bool proc_is_own_program(int dir, const char *exe);
/* The same for /proc/PID/exe. */
bool proc_pid_is_own_program(pid_t pid);
/*
 * The start time of a process, or of a thread if `dir` is its /proc/PID/task/TID: field
 * 22 of stat, in clock ticks since boot. PID and start time identify a process, because
 * no PID is reused within a tick.
 */
int proc_start_ticks(int dir, maze_u64 *ret_ticks);
/* The same in CLOCK_BOOTTIME, rounded down to a tick; 0: unknown. */
maze_u64 proc_start_ns(int dir);
maze_u64 proc_ticks_to_ns(maze_u64 ticks);
/* Twelve cgroup v1 hierarchies and a v2 path of the maximum length. */
#define PROC_CGROUP_SIZE 8192
/*
 * The path of a process, or of a thread as above, in the cgroup v2 hierarchy; "": none.
 * -ENOENT: a kernel without cgroups, or ended.
 */
int proc_cgroup(int dir, char path[PROC_CGROUP_SIZE]);
/* The link count of the directory of threads, 2 plus their number; 0: ended. */
unsigned long proc_thread_links(int dir);
/* Calls each(tid) for all threads. -ESRCH. */
int proc_each_thread(int dir, void (*each)(pid_t tid, void *arg), void *arg);
/* Whether `child` is in the list of children of the thread. */
bool proc_is_child_of(int dir, pid_t tid, pid_t child);
/* Reads by PID, which may be reused: use it only to find a process to open. -ESRCH. */
int proc_status_by_number(pid_t pid, struct thread_status *ret_status);
/*
 * The newest PID or TID of this PID namespace (/proc/loadavg); 0: unknown. *fd is opened
 * if it is -1; the caller closes it.
 */
pid_t proc_last_number(int *fd);

#endif
