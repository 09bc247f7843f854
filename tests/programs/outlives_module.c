/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps what /proc/maze gave it beyond the module's life: an epoll on the events, and
 * with --namespace an open list of a PID namespace that has ended and is read at once.
 * Prints "ready", and waits until the events hang up and standard input ends. Only then
 * does it close them; a kernel that still uses the module's memory crashes at that point.
 */
#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The child is alone in its namespace, shares the descriptor table, and ends. */
static int list_of_dead_namespace(void)
{
	int ends[2], fd = -1;
	pid_t pid;

	if (pipe(ends) || unshare(CLONE_NEWPID))
		return -1;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		fd = open("/proc/maze/entries", O_RDONLY);
		_exit(write(ends[1], &fd, sizeof(fd)) != sizeof(fd));
	}
	if (pid < 0 || read(ends[0], &fd, sizeof(fd)) != sizeof(fd))
		fd = -1;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int events = open("/proc/maze/events", O_RDONLY | O_NONBLOCK);
	int epoll = epoll_create1(0);
	char text[4096];
	int list;

	bound_life();
	if (events < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, events, &event)) {
		perror("outlives_module");
		return 2;
	}
	if (has_option(argc, argv, "--namespace")) {
		list = list_of_dead_namespace();
		/* Lets grace periods pass, so that unreferenced memory is freed. */
		sleep(1);
		if (list < 0 || read(list, text, sizeof(text)) <= 0) {
			fprintf(stderr, "outlives_module: no list of a namespace that has ended\n");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, text, sizeof(text)) > 0)
		;
	do
		if (epoll_wait(epoll, &event, 1, LIFE_SECONDS * 1000) != 1)
			return 1;
	while (!(event.events & (EPOLLHUP | EPOLLOUT)));
	close(epoll);
	close(events);
	return 0;
}
