/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --count N: so many threads that sleep, and the first beside them, until a signal.
 * Prints "ready" when all are there.
 */
#include "program.h"

#include <pthread.h>

/* The least that pthreads take; their own use is next to nothing. */
#define STACK_BYTES (32 * 1024)

static void *sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	long count = number_option(argc, argv, "--count", 100), i;
	pthread_attr_t attributes;
	pthread_t thread;

	begin(argc, argv);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (i = 0; i < count; i++) {
		if (pthread_create(&thread, &attributes, sleep_on, NULL)) {
			perror("pthread_create");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	sleep_on(NULL);
	return 0;
}
