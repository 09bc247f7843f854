/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process's own descriptors are, one of each kind, against what made them. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "evidence/episode/episode.h"
#include "incident_case.h"
#include "skip.h"

/* Longer than the tables of sockets and the search for other ends take on any machine. */
#define PATIENCE_NS (60 * MAZE_NSEC_PER_SEC)

static struct descriptors descriptors;
static int proc_fd = -1;

static int open_process(void **state)
{
	(void)state;
	memset(&descriptors, 0, sizeof(descriptors));
	proc_fd = open("/proc/thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc_fd < 0;
}

static int close_process(void **state)
{
	(void)state;
	descriptors_drop(&descriptors, 0);
	return close(proc_fd);
}

/* Reads one descriptor and those that it watches. */
static const struct descriptor *read_one(int fd)
{
	assert_true(fd >= 0);
	descriptors_drop(&descriptors, 0);
	descriptors_read(proc_fd, getpid(), &fd, 1, &descriptors);
	assert_true(descriptors.count >= 1);
	assert_int_equal(descriptors.descriptor[0].fd, fd);
	/* Without the deadline, which a busy machine may miss. */
	descriptors_read_sockets(proc_fd, &descriptors, 0, now_ns(CLOCK_MONOTONIC) + PATIENCE_NS);
	return &descriptors.descriptor[0];
}

/* ---- files -------------------------------------------------------------------------- */

static void files_have_paths_and_positions(void **state)
{
	char path[] = "/tmp/test-descriptors-XXXXXX";
	int fd = mkostemp(path, O_APPEND), fifo;
	const struct descriptor *descriptor;

	(void)state;
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	descriptor = read_one(fd);
	assert_int_equal(descriptor->kind, DESCRIPTOR_FILE);
	assert_string_equal(descriptor->target, path);
	assert_false(descriptor->deleted);
	assert_true(descriptor->size == 5 && descriptor->info.position == 3);
	assert_int_equal(descriptor->info.flags & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
	unlink(path);
	descriptor = read_one(fd);
	assert_true(descriptor->deleted);
	assert_string_equal(descriptor->target, path);
	close(fd);
	assert_int_equal(read_one(fd)->kind, DESCRIPTOR_CLOSED);

	assert_int_equal(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDWR);
	assert_int_equal(read_one(fifo)->kind, DESCRIPTOR_FIFO);
	unlink(path);
	close(fifo);
	fd = open("/", O_RDONLY | O_DIRECTORY);
	assert_int_equal(read_one(fd)->kind, DESCRIPTOR_DIRECTORY);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(read_one(fd)->kind, DESCRIPTOR_DEVICE);
	assert_string_equal(descriptors.descriptor[0].target, "/dev/null");
	close(fd);
}

static void files_without_a_path_have_kinds(void **state)
{
	int memfd = memfd_create("a name", 0), inotify = inotify_init();
	int pid_fd = pidfd_open(getpid(), 0);

	(void)state;
	assert_int_equal(read_one(memfd)->kind, DESCRIPTOR_MEMFD);
	assert_string_equal(descriptors.descriptor[0].target, "/memfd:a name");
	assert_false(descriptors.descriptor[0].deleted);
	assert_true(inotify_add_watch(inotify, "/", IN_CREATE) >= 0);
	assert_int_equal(read_one(inotify)->kind, DESCRIPTOR_INOTIFY);
	assert_false(descriptors.descriptor[0].has_info);
	assert_int_equal(read_one(pid_fd)->kind, DESCRIPTOR_ANON);
	assert_int_equal(descriptors.descriptor[0].info.pid, getpid());
	close(memfd);
	close(inotify);
	close(pid_fd);
}

/* ---- events ------------------------------------------------------------------------- */

static void events_that_were_not_read_are_seen(void **state)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	int event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), signals;
	struct pollfd poll_fd = { .fd = timer, .events = POLLIN };
	sigset_t mask, before;
	maze_u64 count = 255;

	(void)state;
	assert_int_equal(read_one(event)->kind, DESCRIPTOR_EVENTFD);
	assert_true(descriptors.descriptor[0].info.count == 0);
	assert_int_equal(write(event, &count, sizeof(count)), sizeof(count));
	assert_true(read_one(event)->info.count == 255);

	assert_int_equal(read_one(timer)->kind, DESCRIPTOR_TIMERFD);
	assert_true(descriptors.descriptor[0].info.ticks == 0);
	assert_int_equal(timerfd_settime(timer, 0, &soon, NULL), 0);
	assert_int_equal(poll(&poll_fd, 1, 60000), 1);
	assert_true(read_one(timer)->info.ticks == 1);
	assert_int_equal(read(timer, &count, sizeof(count)), sizeof(count));
	assert_true(read_one(timer)->info.ticks == 0);

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, &before);
	signals = signalfd(-1, &mask, SFD_NONBLOCK);
	assert_int_equal(read_one(signals)->kind, DESCRIPTOR_SIGNALFD);
	assert_true(descriptors.descriptor[0].info.signals == 1ULL << (SIGUSR2 - 1));
	assert_false(descriptors.descriptor[0].pending);
	raise(SIGUSR2);
	assert_true(read_one(signals)->pending);
	close(signals);
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(event);
	close(timer);
}

static void epoll_has_the_descriptors_that_it_watches(void **state)
{
	int epoll = epoll_create1(0), one = eventfd(1, 0), two = eventfd(0, 0), copy = dup(two);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	const struct fdinfo *info;

	(void)state;
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, one, &event), 0);
	event.events = EPOLLOUT;
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, two, &event), 0);
	info = &read_one(epoll)->info;
	assert_int_equal(descriptors.descriptor[0].kind, DESCRIPTOR_EPOLL);
	assert_int_equal(info->watches_count, 2);
	assert_int_equal(info->watches_total, 2);
	assert_int_equal(descriptors.count, 3);
	assert_true(descriptors_find(&descriptors, one)->info.count == 1);
	assert_int_equal(descriptors_find(&descriptors, two)->kind, DESCRIPTOR_EVENTFD);
	assert_int_equal((info->watches[0].fd == one ? info->watches[0] : info->watches[1]).events &
				 (EPOLLIN | EPOLLET | EPOLLOUT),
			 EPOLLIN | EPOLLET);
	/* The copy keeps the file, and so the watch of a number that is closed. */
	close(two);
	read_one(epoll);
	assert_int_equal(descriptors_find(&descriptors, two)->kind, DESCRIPTOR_CLOSED);
	close(copy);
	close(one);
	close(epoll);
}

/* Reading them holds a mutex that its threads may wait for. */
static void many_watches_are_not_read(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ready[2], fd = 0;
	char path[48], byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(epoll_create1(0), 0);
		epoll_ctl(0, EPOLL_CTL_ADD, ready[0], &event);
		/* The kernel does not shrink a table of descriptors. */
		close(dup2(0, 400));
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(proc_fd);
	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, pid);
	proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	descriptors_read(proc_fd, pid, &fd, 1, &descriptors);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(descriptors.count, 1);
	assert_int_equal(descriptors.descriptor[0].kind, DESCRIPTOR_EPOLL);
	assert_int_equal(descriptors.descriptor[0].info.watches_total, 0);
	assert_true(descriptors.epoll_skipped);
}

static void the_list_is_bounded(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), fds[40], i;

	(void)state;
	for (i = 0; i < 40; i++) {
		fds[i] = eventfd(0, 0);
		assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event), 0);
	}
	read_one(epoll);
	assert_int_equal(descriptors.count, DESCRIPTORS_MAX);
	assert_int_equal(descriptors.descriptor[0].info.watches_count, FDINFO_WATCHES_MAX);
	assert_int_equal(descriptors.descriptor[0].info.watches_total, 40);
	descriptors_read(proc_fd, getpid(), fds, 40, &descriptors);
	assert_int_equal(descriptors.count, DESCRIPTORS_MAX);
	for (i = 0; i < 40; i++)
		close(fds[i]);
	close(epoll);
}

/* ---- pipes -------------------------------------------------------------------------- */

static const struct descriptor *search(int fd)
{
	read_one(fd);
	descriptors_find_others(proc_fd, getpid(), &descriptors, 0,
				now_ns(CLOCK_MONOTONIC) + PATIENCE_NS);
	return &descriptors.descriptor[0];
}

static void a_pipe_has_its_other_end(void **state)
{
	const struct descriptor *descriptor;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	descriptor = search(ends[0]);
	assert_int_equal(descriptor->kind, DESCRIPTOR_PIPE);
	assert_int_equal(descriptor->other, OTHER_HELD);
	assert_int_equal(descriptor->other_pid, getpid());
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		pause();
		_exit(0);
	}
	close(ends[1]);
	descriptor = search(ends[0]);
	assert_int_equal(descriptor->other, OTHER_HELD);
	assert_int_equal(descriptor->other_pid, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* Only in the first PID namespace, as root, is it known that no process has it. */
	assert_int_not_equal(search(ends[0])->other, OTHER_HELD);
	close(ends[0]);
}

/* ---- sockets ------------------------------------------------------------------------ */

static void a_unix_socket_has_its_peer(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	const struct descriptor *descriptor;
	int server;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/test-descriptors-%d", getpid());
	unlink(address.sun_path);
	assert_int_equal(bind(listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(connect(client, (void *)&address, sizeof(address)), 0);
	descriptor = read_one(listener);
	assert_int_equal(descriptor->kind, DESCRIPTOR_SOCKET);
	if (!descriptor->has_net)
		skip_because("this kernel has no unix_diag");
	assert_string_equal(descriptor->protocol, "UNIX-STREAM");
	assert_string_equal(descriptor->path, address.sun_path);
	assert_int_equal(descriptor->net.state, 10);
	assert_int_equal(descriptor->net.unread, 1);
	/* The peer is not accepted yet, which is not gone. */
	assert_int_not_equal(read_one(client)->other, OTHER_GONE);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(write(server, "abc", 3), 3);
	descriptor = search(client);
	assert_int_equal(descriptor->net.unread, 3);
	assert_string_equal(descriptor->path, address.sun_path);
	assert_int_equal(descriptor->other, OTHER_HELD);
	assert_int_equal(descriptor->other_pid, getpid());
	close(server);
	assert_int_equal(read_one(client)->other, OTHER_GONE);
	close(client);
	close(listener);
	unlink(address.sun_path);
}

static void a_tcp_socket_has_addresses_and_a_state(int family, void *address, socklen_t size,
						   const char *host)
{
	int listener = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
	const struct linger reset = { .l_onoff = 1 };
	const struct descriptor *descriptor;
	maze_u64 until;
	int server;

	if (listener < 0 || bind(listener, address, size))
		skip_because("no address %s", host);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, address, &size), 0);
	assert_int_equal(read_one(client)->net.state, 7);
	assert_int_equal(connect(client, address, size), 0);
	descriptor = read_one(listener);
	assert_true(descriptor->has_net && descriptor->is_listed);
	assert_int_equal(descriptor->net.state, 10);
	assert_int_equal(descriptor->net.unread, 1);
	assert_memory_equal(descriptor->net.local, host, strlen(host));
	server = accept(listener, NULL, NULL);
	descriptor = read_one(server);
	assert_int_equal(descriptor->net.state, 1);
	assert_memory_equal(descriptor->net.remote, host, strlen(host));
	assert_int_equal(write(client, "abcd", 4), 4);
	shutdown(client, SHUT_WR);
	until = now_ns(CLOCK_MONOTONIC) + PATIENCE_NS;
	while (read_one(server)->net.state != 8)
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
	/* The end of the stream counts as a byte. */
	assert_in_range(descriptors.descriptor[0].net.unread, 4, 5);
	/* After a reset it is in no table. */
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	until = now_ns(CLOCK_MONOTONIC) + PATIENCE_NS;
	while (read_one(server)->net.state != 7)
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
	assert_false(descriptors.descriptor[0].is_listed);
	close(server);
	close(listener);
}

static void a_tcp_socket_is_in_the_table(void **state)
{
	struct sockaddr_in four = { .sin_family = AF_INET };

	(void)state;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a_tcp_socket_has_addresses_and_a_state(AF_INET, &four, sizeof(four), "127.0.0.1:");
}

static void a_tcp_socket_of_ipv6_is_in_the_table(void **state)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	(void)state;
	a_tcp_socket_has_addresses_and_a_state(AF_INET6, &six, sizeof(six), "[::1]:");
}

static void a_udp_socket_is_in_the_table(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct descriptor *descriptor;

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
	descriptor = read_one(fd);
	assert_string_equal(descriptor->protocol, "UDP");
	assert_memory_equal(descriptor->net.local, "127.0.0.1:", 10);
	close(fd);
}

/* The state of descriptor 0 in a process that has moved to another network namespace. */
static unsigned int state_in_another_namespace(int inherited)
{
	int ready[2], fd = 0;
	char path[48], ok;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ok = !unshare(CLONE_NEWNET) ? 'y' : 'n';
		dup2(inherited >= 0 ? inherited : socket(AF_INET, SOCK_STREAM, 0), 0);
		listen(0, 1);
		(void)!write(ready[1], &ok, 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &ok, 1), 1);
	close(proc_fd);
	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, pid);
	proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	descriptors_read(proc_fd, pid, &fd, 1, &descriptors);
	descriptors.descriptor[0].has_net = false;
	descriptors_read_sockets(proc_fd, &descriptors, 0, now_ns(CLOCK_MONOTONIC) + PATIENCE_NS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	if (ok != 'y')
		skip_because("no network namespace");
	return descriptors.descriptor[0].net.state;
}

static void sockets_of_another_network_namespace_are_read(void **state)
{
	(void)state;
	assert_int_equal(state_in_another_namespace(-1), 10);
}

static void sockets_that_are_not_of_its_own_namespace_are_read(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(state_in_another_namespace(listener), 10);
	close(listener);
}

/* ---- in an incident ----------------------------------------------------------------- */

/*
 * The incident of a child that inherits `fd`, with a slice that names it. If `ended`, the
 * child ends before the slice comes.
 */
static json_t *incident_of_child(const char *dir, int fd, bool ended)
{
	struct incidents_options options = { .dir = dir };
	struct call_slice slice = { .cpu_ns = 1000000, .inside = CALL_NONE, .rows_count = 1 };
	struct incidents *incidents;
	struct maze_record soft;
	json_t *incident;
	siginfo_t info;
	pid_t pid;

	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	soft = case_record(pid, MAZE_EVENT_SOFT);
	slice.rows[0] = (struct call_row){ .call = 0, .descriptor = fd, .count = 1 };
#if !defined(__x86_64__)
	slice.rows[0].call = 63; /* read */
#endif
	incidents = open_incidents(&options);
	incidents_record(incidents, &soft, "poll", NULL, &case_policy);
	if (ended) {
		kill(pid, SIGKILL);
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	}
	incidents_calls(incidents,
			&(struct episode_key){ .pid = (maze_u32)pid, .tid = (maze_u32)pid }, 0,
			&slice);
	assert_true(work_until(incidents, "incident "));
	incident = load_last(dir);
	incidents_close(incidents, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return incident;
}

static void an_incident_has_them_and_no_secrets(void **state)
{
	char path[] = "/tmp/token=hush-descriptors-XXXXXX";
	int fd = mkstemp(path);
	json_t *incident;

	unlink(path);
	incident = incident_of_child(in_place(*state, "kept"), fd, false);
	close(fd);
	assert_int_equal(json_array_size(get(incident, "descriptors")), 1);
	assert_int_equal(json_integer_value(get(incident, "descriptors.0.fd")), fd);
	assert_string_equal(text(incident, "descriptors.0.kind"), "file");
	assert_string_equal(text(incident, "descriptors.0.flags"), "O_RDWR");
	assert_true(json_is_true(get(incident, "descriptors.0.deleted")));
	assert_null(strstr(text(incident, "descriptors.0.target"), "hush"));
	json_decref(incident);
}

/* It has closed them, but it had them when the calls were counted. */
static void an_ended_process_has_no_closed_descriptors(void **state)
{
	json_t *incident = incident_of_child(in_place(*state, "kept"), STDERR_FILENO, true);

	assert_int_equal(json_array_size(get(incident, "descriptors")), 0);
	assert_true(has_note(incident, "Descriptors were not read: the thread had ended"));
	json_decref(incident);
}

int main(void)
{
#define OPEN(test) cmocka_unit_test_setup_teardown(test, open_process, close_process)
	const struct CMUnitTest tests[] = {
		OPEN(files_have_paths_and_positions),
		OPEN(files_without_a_path_have_kinds),
		OPEN(events_that_were_not_read_are_seen),
		OPEN(epoll_has_the_descriptors_that_it_watches),
		OPEN(many_watches_are_not_read),
		OPEN(the_list_is_bounded),
		OPEN(a_pipe_has_its_other_end),
		OPEN(a_unix_socket_has_its_peer),
		OPEN(a_tcp_socket_is_in_the_table),
		OPEN(a_tcp_socket_of_ipv6_is_in_the_table),
		OPEN(a_udp_socket_is_in_the_table),
		OPEN(sockets_of_another_network_namespace_are_read),
		OPEN(sockets_that_are_not_of_its_own_namespace_are_read),
		IN_PLACE(an_incident_has_them_and_no_secrets),
		IN_PLACE(an_ended_process_has_no_closed_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
