/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --count N: N threads that sleep beside the first one, until a signal; --spin K: K more
 * threads spin. Prints "ready" when all have started.
 */
#include "program.h"

#include <pthread.h>

/* The minimum of pthreads; these threads use next to nothing. */
#define STACK_BYTES (32 * 1024)

static void *sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static __attribute__((noreturn)) void *spin(void *arg)
{
	(void)arg;
	for (;;)
		spin_on();
}

int main(int argc, char **argv)
{
	long count = number_option(argc, argv, "--count", 100), i;
	long spinners = number_option(argc, argv, "--spin", 0);
	pthread_attr_t attributes;
	pthread_t thread;

	begin(argc, argv);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (i = 0; i < count + spinners; i++) {
		if (pthread_create(&thread, &attributes, i < count ? sleep_on : spin, NULL)) {
			perror("pthread_create");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	sleep_on(NULL);
	return 0;
}
