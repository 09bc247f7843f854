/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EVIDENCE_JAVA_ATTACH_H
#define MAZE_EVIDENCE_JAVA_ATTACH_H

#include <sys/types.h>

enum java_result {
	JAVA_SILENT, /* no result came */
	JAVA_WRITTEN,
	JAVA_OF_ROOT,
	JAVA_NO_CREDENTIALS,
	JAVA_NOT_READY, /* no HotSpot, or it does not catch SIGQUIT */
	JAVA_FOREIGN_FILE,
	JAVA_REFUSED, /* the virtual machine did not know the command */
	JAVA_RESULTS,
};

struct java_job {
	int proc_fd;	 /* /proc/PID */
	int root_fd;	 /* its root */
	pid_t inner_pid; /* the PID in its own namespace */
};

/* The function `main` for worker_start(). Sends one byte, an enum java_result. */
void java_attach_main(int fd, void *arg);

#endif
