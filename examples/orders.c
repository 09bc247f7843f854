/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server with a bug, to try maze on: two entries of a hash chain point at each other, so
 * the thread that looks for an order never returns. Nothing crashes, nothing is logged.
 *
 *	cc -g -O2 -pthread orders.c -o orders
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct order {
	const char *name;
	struct order *next;
};

static struct order orders[2] = {
	{ "4711", &orders[1] }, { "4712", &orders[0] }, /* the bug: should be NULL */
};

static inline unsigned int hash_name(const char *name)
{
	unsigned int hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

static __attribute__((noinline)) struct order *find_order(struct order *chain, const char *name)
{
	struct order *order;

	for (order = chain; order; order = order->next)
		if (hash_name(order->name) == hash_name(name) && !strcmp(order->name, name))
			return order;
	return NULL;
}

static __attribute__((noinline)) void cancel_order(const char *name)
{
	if (find_order(orders, name))
		puts("canceled");
	else
		puts("no such order");
}

static void *dispatch(void *arg)
{
	prctl(PR_SET_NAME, "dispatch-2");
	sleep(1); /* time to type "maze watch" */
	cancel_order("4713");
	return arg;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, dispatch, NULL))
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
