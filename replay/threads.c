/* SPDX-License-Identifier: GPL-2.0-only */
#include "threads.h"

#include <stdlib.h>

struct thread *threads_add(struct threads *threads, maze_u32 tid)
{
	struct thread ***page = &threads->pages[tid / THREADS_PAGE];
	struct thread *thread = threads_find(threads, tid);

	if (thread)
		return thread;
	if (!*page)
		*page = calloc(THREADS_PAGE, sizeof(struct thread *));
	thread = *page ? calloc(1, sizeof(*thread)) : NULL;
	if (!thread)
		return NULL;
	thread->tid = tid;
	(*page)[tid % THREADS_PAGE] = thread;
	return thread;
}

void threads_remove(struct threads *threads, struct thread *thread)
{
	threads->pages[thread->tid / THREADS_PAGE][thread->tid % THREADS_PAGE] = NULL;
	free(thread);
}

void threads_free(struct threads *threads)
{
	size_t i, k;

	for (i = 0; i < THREADS_PAGES; i++) {
		for (k = 0; threads->pages[i] && k < THREADS_PAGE; k++)
			free(threads->pages[i][k]);
		free(threads->pages[i]);
	}
}
