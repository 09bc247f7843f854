/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For each pattern a program that loops so, and the sentence in its incident; and programs
 * with the same calls that do their work, which have none. The system calls are counted as
 * the collector counts them.
 */
#include <arpa/inet.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include "incident_case.h"

#include "base/clock.h"
#include "evidence/incident.h"
#include "lib/system_calls.h"
#include "report/incident_file.h"
#include "report/why.h"

#define LIMIT_NS (20 * MAZE_NSEC_PER_MSEC)

static struct call_counter *counter;
static char why_not[300];
/* The child writes a byte when it begins to loop. */
static int started[2];

static int load_counter(void **state)
{
	struct maze_error error = { "" };

	(void)state;
	if (call_counter_open(&counter, &error))
		snprintf(why_not, sizeof(why_not), "%.250s", error.text);
	return 0;
}

static int drop_counter(void **state)
{
	(void)state;
	call_counter_close(counter);
	return 0;
}

/* ---- programs ----------------------------------------------------------------------- */

static void begin(void)
{
	(void)!write(started[1], "", 1);
	close(started[1]);
}

static int watch(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int epoll = epoll_create1(0);

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	return epoll;
}

static void spin_in_epoll(int fd)
{
	int epoll = watch(fd, EPOLLIN);
	struct epoll_event event;

	begin();
	for (;;)
		epoll_wait(epoll, &event, 1, -1);
}

static int local_listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)bind(fd, (void *)address, sizeof(*address));
	listen(fd, 8);
	getsockname(fd, (void *)address, &size);
	return fd;
}

static void hang_up(void)
{
	int ends[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	close(ends[1]);
	spin_in_epoll(ends[0]);
}

static void half_closed(void)
{
	struct sockaddr_in address;
	int listener = local_listener(&address), client = socket(AF_INET, SOCK_STREAM, 0);

	(void)connect(client, (void *)&address, sizeof(address));
	shutdown(client, SHUT_WR);
	spin_in_epoll(accept(listener, NULL, NULL));
}

static void no_descriptor(void)
{
	struct rlimit limit = { 64, 64 };
	struct sockaddr_in address;
	int listener = local_listener(&address), client = socket(AF_INET, SOCK_STREAM, 0);
	int epoll = watch(listener, EPOLLIN);
	struct epoll_event event;

	setrlimit(RLIMIT_NOFILE, &limit);
	(void)connect(client, (void *)&address, sizeof(address));
	while (dup(0) >= 0)
		;
	(void)!write(started[1], "", 1);
	for (;;) {
		epoll_wait(epoll, &event, 1, -1);
		accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
}

static void unread_timer(void)
{
	const struct itimerspec often = { .it_value = { .tv_nsec = 1 },
					  .it_interval = { .tv_nsec = 1000000 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);

	timerfd_settime(timer, 0, &often, NULL);
	spin_in_epoll(timer);
}

static void unread_event(void)
{
	spin_in_epoll(eventfd(1, 0));
}

static void unread_signal(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	raise(SIGUSR1);
	spin_in_epoll(signalfd(-1, &mask, 0));
}

static void end_of_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char byte;

	lseek(fd, 0, SEEK_END);
	begin();
	for (;;)
		(void)!read(fd, &byte, 1);
}

static void read_polls(void)
{
	int ends[2];
	char byte;

	(void)!pipe2(ends, O_NONBLOCK);
	begin();
	for (;;)
		(void)!read(ends[0], &byte, 1);
}

static void full_pipe(void)
{
	int ends[2];

	(void)!pipe2(ends, O_NONBLOCK);
	while (write(ends[1], "", 1) == 1)
		;
	begin();
	for (;;)
		(void)!write(ends[1], "", 1);
}

static void closed_pipe(void)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	(void)!pipe(ends);
	close(ends[0]);
	begin();
	for (;;)
		(void)!write(ends[1], "", 1);
}

static void timeout_0(void)
{
	struct pollfd poll_fd = { .fd = started[0], .events = POLLIN };

	begin();
	for (;;)
		poll(&poll_fd, 0, 0);
}

static void no_child_ended(void)
{
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	begin();
	for (;;)
		waitpid(-1, NULL, WNOHANG);
}

static void no_child(void)
{
	begin();
	for (;;)
		waitpid(-1, NULL, WNOHANG);
}

static void futex_changed(void)
{
	unsigned int word = 1;

	begin();
	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void missing_file(void)
{
	begin();
	for (;;)
		open("/tmp/there/is/no/such/file", O_RDONLY);
}

static void refused(void)
{
	struct sockaddr_in address;
	int fd;

	close(local_listener(&address));
	begin();
	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		(void)connect(fd, (void *)&address, sizeof(address));
		close(fd);
	}
}

static void disobeyed_poll(void)
{
	struct pollfd poll_fd = { .fd = open("/dev/null", O_RDONLY), .events = POLLIN };

	begin();
	for (;;)
		poll(&poll_fd, 1, -1);
}

static void user_code(void)
{
	begin();
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void one_call(void)
{
	size_t size = 1UL << 30;
	struct iovec parts[1024];
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* Each call takes seconds, longer than a look at it has to wait for a CPU. */
	int fd = open("/dev/urandom", O_RDONLY), i;

	for (i = 0; i < 1024; i++)
		parts[i] = (struct iovec){ memory, 1 << 20 };
	begin();
	for (;;)
		(void)!readv(fd, parts, 1024);
}

/* ---- healthy programs --------------------------------------------------------------- */

static void echo(void)
{
	int ends[2], epoll;
	struct epoll_event event;
	char buf[64] = "ping";

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	epoll = watch(ends[0], EPOLLIN);
	(void)!write(ends[1], buf, 4);
	begin();
	for (;;) {
		epoll_wait(epoll, &event, 1, -1);
		(void)!read(ends[0], buf, sizeof(buf));
		(void)!write(ends[1], buf, 4);
	}
}

static void until_eagain(void)
{
	char buf[64] = "";
	int ends[2];

	(void)!pipe2(ends, O_NONBLOCK);
	begin();
	for (;;) {
		(void)!write(ends[1], buf, 1);
		while (read(ends[0], buf, sizeof(buf)) > 0)
			;
	}
}

static void copy_file(void)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open("/dev/null", O_WRONLY);
	char buf[4096];
	ssize_t got;

	begin();
	for (;;) {
		lseek(from, 0, SEEK_SET);
		while ((got = read(from, buf, sizeof(buf))) > 0)
			(void)!write(to, buf, (size_t)got);
	}
}

static void served_timer(void)
{
	const struct itimerspec often = { .it_value = { .tv_nsec = 1 },
					  .it_interval = { .tv_nsec = 20000 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, 0), epoll = watch(timer, EPOLLIN);
	struct epoll_event event;
	maze_u64 ticks;

	timerfd_settime(timer, 0, &often, NULL);
	begin();
	for (;;) {
		epoll_wait(epoll, &event, 1, -1);
		(void)!read(timer, &ticks, sizeof(ticks));
	}
}

static void search_path(void)
{
	begin();
	for (;;) {
		(void)access("/tmp/there/is/no/such/file", R_OK);
		(void)access("/", R_OK);
	}
}

static void rare_poll(void)
{
	struct pollfd poll_fd = { .fd = started[0], .events = POLLIN };
	maze_u64 until_ns;

	begin();
	for (;;) {
		/* This clock needs no system call; that of its CPU time does. */
		until_ns = now_ns(CLOCK_MONOTONIC) + 2 * MAZE_NSEC_PER_MSEC;
		while (now_ns(CLOCK_MONOTONIC) < until_ns)
			;
		poll(&poll_fd, 0, 0);
	}
}

static void read_nothing(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char byte;

	begin();
	for (;;)
		(void)!read(fd, &byte, 0);
}

static void read_empty_files(void)
{
	char byte;
	int fd;

	begin();
	for (;;) {
		fd = memfd_create("empty", 0);
		(void)!read(fd, &byte, 1);
		close(fd);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
	const char *sentence; /* a part of it; NULL: none */
} programs[] = {
	{ "hang_up", hang_up, "(a unix socket) is closed at its other end" },
	{ "half_closed", half_closed, "is closed at its other end" },
	{ "no_descriptor", no_descriptor, "accept4 failed with EMFILE" },
	{ "unread_timer", unread_timer, "(a timerfd) has expired" },
	{ "unread_event", unread_event, "(an eventfd) has a count above 0" },
	{ "unread_signal", unread_signal, "(a signalfd) has a signal" },
	{ "end_of_file", end_of_file, "read returned 0, the end of file" },
	{ "read_polls", read_polls, "read failed with EAGAIN" },
	{ "full_pipe", full_pipe, "write failed with EAGAIN" },
	{ "closed_pipe", closed_pipe, "write failed with EPIPE" },
	{ "timeout_0", timeout_0, "poll returned 0 at once" },
	{ "no_child_ended", no_child_ended, "wait4 returned 0 at once" },
	{ "no_child", no_child, "wait4 failed with ECHILD" },
	{ "futex_changed", futex_changed, "futex failed with EAGAIN" },
	{ "missing_file", missing_file, "openat failed with ENOENT" },
	{ "refused", refused, "connect failed with ECONNREFUSED" },
	{ "disobeyed_poll", disobeyed_poll, "poll returned at once" },
	{ "user_code", user_code, "The thread made no system call" },
	{ "one_call", one_call, "The thread was in readv" },
	{ "echo", echo, NULL },
	{ "until_eagain", until_eagain, NULL },
	{ "copy_file", copy_file, NULL },
	{ "served_timer", served_timer, NULL },
	{ "search_path", search_path, NULL },
	{ "rare_poll", rare_poll, NULL },
	{ "read_nothing", read_nothing, NULL },
	{ "read_empty_files", read_empty_files, NULL },
};

/* ---- the incident ------------------------------------------------------------------- */

static pid_t run(void (*program)(void))
{
	pid_t pid;
	char byte;

	assert_int_equal(pipe(started), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		bound_child();
		/* A sentence needs half a CPU, also beside spinners and other sessions. */
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
		program();
		_exit(1);
	}
	loop_running = pid;
	close(started[1]);
	assert_int_equal(read(started[0], &byte, 1), 1);
	close(started[0]);
	return pid;
}

static void count_calls(pid_t pid, struct call_slice *ret_slice)
{
	maze_u64 born_ns = now_ns(CLOCK_BOOTTIME);
	struct maze_error error = { "" };
	int slot = call_counter_begin(counter, pid, born_ns, LIMIT_NS, &error);

	if (slot < 0)
		fail_msg("%s", error.text);
	wait_until(call_counter_take(counter, slot, pid, born_ns, false, ret_slice));
}

struct collected {
	struct summary summary;
	char text[1024];
};

static void put(struct summary *summary, enum summary_kind kind, const char *text)
{
	struct collected *collected = (struct collected *)summary;
	size_t length = strlen(collected->text);

	(void)kind;
	snprintf(collected->text + length, sizeof(collected->text) - length, "%s", text);
}

static void sentence_of_last(const char *dir, char *ret_text, size_t size)
{
	struct collected collected = { .summary = { .put = put } };
	struct maze_error error = { "" };
	struct incident *incident;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.300s/%s.json", dir, last_id);
	if (incident_load(AT_FDCWD, path, &incident, &error))
		fail_msg("%s: %s", path, error.text);
	why_sentence(&collected.summary, incident);
	snprintf(ret_text, size, "%s", collected.text);
	incident_free(incident);
}

static bool has_sentence(const struct incidents_options *options, size_t index)
{
	struct call_slice slice;
	struct maze_record soft;
	struct incidents *incidents;
	char text[1024];
	bool right;
	pid_t pid = run(programs[index].run);

	count_calls(pid, &slice);
	soft = case_record(pid, MAZE_EVENT_SOFT);
	incidents = open_incidents(options);
	incidents_record(incidents, &soft, "poll", NULL, &case_policy);
	incidents_calls(incidents,
			&(struct episode_key){ .pid = (maze_u32)pid, .tid = (maze_u32)pid }, 0,
			&slice);
	loop_stop(pid);
	/* Otherwise the file waits a second for a stack. */
	soft.event = MAZE_EVENT_EXIT;
	incidents_record(incidents, &soft, "poll", NULL, &case_policy);
	assert_true(work_until(incidents, "incident 2"));
	incidents_close(incidents, NULL);
	sentence_of_last(options->dir, text, sizeof(text));
	right = programs[index].sentence ? strstr(text, programs[index].sentence) != NULL
					 : !text[0];
	print_message("# %s: %s\n", programs[index].name, text[0] ? text : "(no sentence)");
	return right;
}

static void programs_have_their_sentences(void **state)
{
	struct incidents_options options = { .dir = in_place(*state, "kept"), .no_unwind = true };
	size_t i, wrong = 0;
	maze_u64 until;
	bool right;

	if (!counter)
		skip_because("%s", why_not);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		until = now_ns(CLOCK_MONOTONIC) + PATIENCE_MS * MAZE_NSEC_PER_MSEC;
		/* On a busy machine a slice may have waited for a CPU within a call. */
		do
			right = has_sentence(&options, i);
		while (!right && programs[i].sentence && now_ns(CLOCK_MONOTONIC) < until);
		wrong += !right;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(programs_have_their_sentences),
	};

	return cmocka_run_group_tests(tests, load_counter, drop_counter);
}
