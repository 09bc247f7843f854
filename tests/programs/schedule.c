/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uses CPU time between sleeps, yields, waits for a lock, in a child and in two threads: a
 * schedule whose verdicts maze run and maze replay compare. No stage is near the end of an
 * episode: for limits of 100 ms and 200 ms, an episode has 50 ms more or less.
 */
#include "program.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Most of the time each waits for the other one. */
static void *take_turns(void *arg)
{
	int i;

	for (i = 0; i < 8; i++) {
		pthread_mutex_lock(&lock);
		burn_ms(30);
		pthread_mutex_unlock(&lock);
		burn_ms(5);
	}
	return arg;
}

int main(void)
{
	pthread_t threads[2];
	pid_t child;
	int i;

	bound_life();
	for (i = 0; i < 3; i++) {
		burn_ms(50 + 100 * i);
		sleep_ms(50);
	}
	child = fork();
	burn_ms(300);
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	for (i = 0; i < 3; i++) {
		burn_ms(50 + 100 * i);
		sched_yield();
	}
	sleep_ms(1);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_turns, NULL);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
