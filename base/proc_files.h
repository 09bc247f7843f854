/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads files of /proc (proc(5)). `dir` is a descriptor of a /proc/PID directory and
 * belongs to one process. After that process is reaped, calls with `dir` fail with
 * -ESRCH, even if the PID is reused.
 */
#ifndef MAZE_BASE_PROC_FILES_H
#define MAZE_BASE_PROC_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/record.h"

/*
 * The values of /proc/PID/task/TID/schedstat. They may be a tick old, because only
 * switches and ticks update them.
 */
struct thread_times {
	maze_u64 runtime_ns;
	maze_u64 waited_ns; /* for a CPU */
	maze_u64 arrivals;  /* how often it was switched in */
};

struct thread_status {
	pid_t tgid, ppid;
	maze_u32 uid, gid;   /* real */
	maze_u32 euid, suid; /* effective, saved */
	maze_u64 sleeps;     /* voluntary context switches: it slept after each */
};

/* Reads up to size - 1 bytes and adds a NUL. Returns the number of bytes or -errno. */
ssize_t read_file_at(int dir, const char *name, char *buf, size_t size);

/* Room for a status file, which is below 2 KiB without its groups, on any machine. */
#define PROC_STATUS_SIZE 8192
/* Reads a status file, and drops groups that do not fit. Returns 0 or -errno. */
int proc_read_status(int dir, const char *path, char buf[PROC_STATUS_SIZE]);

/*
 * Opens /proc/PID of the process that `pidfd` refers to. Then checks that this process
 * still runs, because a reused PID would open another process. Returns a descriptor or
 * -errno.
 */
int proc_open_process(pid_t pid, int pidfd);

/* Does that also for a zombie. -ESRCH: it has been reaped. */
int proc_open_unreaped(pid_t pid, int pidfd);

/*
 * *fd is the file that an earlier call kept open, or -1. If `keep` is set, this call
 * keeps the file open.
 */
int proc_thread_times(int dir, pid_t tid, int *fd, bool keep, struct thread_times *ret_times);
/* -EPROTO: the file lacks a line for a member of struct thread_status. */
int proc_thread_status(int dir, pid_t tid, struct thread_status *ret_status);
int proc_thread_status_kept(int dir, pid_t tid, int *fd, bool keep,
			    struct thread_status *ret_status);
/* Returns MAZE_DISPOSITION_* (core/delivery.h) for a signal; 0: unknown, or signal 0. */
maze_u32 proc_thread_disposition(int dir, pid_t tid, int signal);
/* Leaves comm[] untouched on failure. */
void proc_thread_comm(int dir, pid_t tid, char comm[MAZE_COMM_LEN]);
/* Returns the CPU on which the thread ran last; 0 on failure. */
maze_u32 proc_thread_cpu(int dir, pid_t tid);
/* Also true for a process's io_uring and vhost threads: no signals reach them. */
bool proc_is_kernel_thread(int dir, pid_t tid);
/* Whether the link `exe`, relative to `dir`, refers to the executable of this process. */
bool proc_is_own_program(int dir, const char *exe);
/* Whether process `pid` runs the executable of this process. */
bool proc_pid_is_own_program(pid_t pid);
/*
 * Reads the start time of a process in clock ticks since boot (field 22 of stat). If
 * `dir` is /proc/PID/task/TID, reads that of the thread. PID and start time identify a
 * process, because no PID is reused within a tick.
 */
int proc_start_ticks(int dir, maze_u64 *ret_ticks);
/* Returns the start time in ns of CLOCK_BOOTTIME, rounded down to a tick; 0: unknown. */
maze_u64 proc_start_ns(int dir);
maze_u64 proc_ticks_to_ns(maze_u64 ticks);
/*
 * Reads the parent of a process, and the CPU time of the children that it has waited for,
 * with that of theirs. The time is rounded down, by less than two clock ticks.
 */
int proc_ended_children(int dir, pid_t *ret_ppid, maze_u64 *ret_ns);
/* Whether the process has one thread, and this thread is not on a CPU and waits for none. */
bool proc_is_asleep(int dir);
/* Room for twelve cgroup v1 hierarchies and a v2 path of the maximum length. */
#define PROC_CGROUP_SIZE 8192
/*
 * Reads the path of a process in the cgroup v2 hierarchy, as base/cgroup.h takes it; "":
 * none. If `dir` is /proc/PID/task/TID, reads that of the thread. -ENOENT: the kernel has
 * no cgroups, or the process has ended.
 */
int proc_cgroup(int dir, char path[PROC_CGROUP_SIZE]);
/* The same by "self" or a PID, which may be reused. */
int proc_cgroup_of(const char *process, char path[PROC_CGROUP_SIZE]);
/* Reads a file of this form; the path is relative to the reader's cgroup namespace. */
int proc_cgroup_in_namespace(int dir, const char *file, char path[PROC_CGROUP_SIZE]);
/* Removes the " (deleted)" that the kernel adds to the path of a removed or replaced file. */
void proc_strip_deleted(char *path);
/* Returns the links of task/, 2 plus the number of threads; 0: the process has ended. */
unsigned long proc_thread_links(int dir);
/* Calls each(tid) for each thread. -ESRCH: the process has ended. */
int proc_each_thread(int dir, void (*each)(pid_t tid, void *arg), void *arg);
/* Whether `child` is in the list of children of the thread. */
bool proc_is_child_of(int dir, pid_t tid, pid_t child);
/* Reads by PID. The PID may be reused, so use this only to find a process to open. */
int proc_status_by_number(pid_t pid, struct thread_status *ret_status);
/*
 * Returns the newest PID or TID of this PID namespace (/proc/loadavg); 0: unknown. Opens
 * the file if *fd is -1. The caller closes *fd.
 */
pid_t proc_last_number(int *fd);

#endif
