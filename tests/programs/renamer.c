/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --count N: N threads that sleep, and the first thread, which renames them in turn as
 * fast as it can, until a signal. Each rename is one system call here and one event for a
 * reader of rename events.
 */
#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

/* The minimum of pthreads; these threads use next to nothing. */
#define STACK_BYTES (32 * 1024)

static void *sleep_on(void *arg)
{
	*(volatile pid_t *)arg = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static int open_name(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	return open(path, O_WRONLY);
}

int main(int argc, char **argv)
{
	long count = number_option(argc, argv, "--count", 100), i;
	volatile pid_t *tids = calloc((size_t)count, sizeof(*tids));
	int *names = calloc((size_t)count, sizeof(*names));
	pthread_attr_t attributes;
	pthread_t thread;

	begin(argc, argv);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (i = 0; i < count; i++) {
		if (pthread_create(&thread, &attributes, sleep_on, (void *)&tids[i])) {
			perror("pthread_create");
			return 1;
		}
		while (!tids[i])
			usleep(100);
		names[i] = open_name(tids[i]);
		if (names[i] < 0) {
			perror("/proc/self/task/TID/comm");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	for (i = 0;; i = (i + 1) % count)
		if (write(names[i], "renamed", 7) < 0)
			return 1;
}
