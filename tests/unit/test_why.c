/* SPDX-License-Identifier: GPL-2.0-only */
/* For each pattern an incident that has its sentence, and a similar one that has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/incident_file.h"
#include "report/why.h"

/* Of 20 ms of CPU time: 2000 calls are 100,000 a second, and take 1 us each. */
#define ROW(name, fd, result, calls)                                                               \
	"{\"name\":\"" name "\",\"fd\":" fd "," result ",\"calls\":" calls ",\"time_ns\":" calls   \
	"000}"
#define SLOW(name, fd, result, calls)                                                              \
	"{\"name\":\"" name "\",\"fd\":" fd "," result ",\"calls\":" calls ",\"time_ns\":" calls   \
	"000000}"
#define POSITIVE "\"positive\":true"
#define ZERO "\"positive\":false"
#define ERROR(name) "\"error\":\"" name "\""
#define NO_FD "null"
#define REST(rows, calls, rest)                                                                    \
	"{\"cpu_ns\":20000000,\"wall_ns\":40000000,\"calls\":" calls ",\"rows\":[" rows            \
	"],\"rest_calls\":" rest ",\"rest_time_ns\":0,\"inside\":null}"
#define SLICE(rows, calls) REST(rows, calls, "0")
#define INSIDE(inside)                                                                             \
	"{\"cpu_ns\":20000000,\"wall_ns\":40000000,\"calls\":0,\"rows\":[],\"rest_calls\":0,"      \
	"\"inside\":" inside "}"

#define EPOLL(fd, events)                                                                          \
	"{\"fd\":3,\"kind\":\"epoll\",\"watches\":[{\"fd\":" fd ",\"events\":\"" events "\"}],"    \
	"\"watches_total\":1}"
#define UNIX_GONE                                                                                  \
	"{\"fd\":4,\"kind\":\"socket\",\"protocol\":\"UNIX-STREAM\",\"path\":\"/run/x\","          \
	"\"state\":\"ESTABLISHED\",\"other_gone\":true}"
#define UNIX_HELD                                                                                  \
	"{\"fd\":4,\"kind\":\"socket\",\"protocol\":\"UNIX-STREAM\",\"path\":\"/run/x\","          \
	"\"state\":\"ESTABLISHED\",\"unread\":0,\"other_pid\":7}"
#define TCP(state, unread)                                                                         \
	"{\"fd\":4,\"kind\":\"socket\",\"protocol\":\"TCP\",\"local\":\"10.0.0.1:80\","            \
	"\"remote\":\"10.0.0.2:5\",\"state\":\"" state "\",\"unread\":" unread "}"
#define KIND(kind, more) "{\"fd\":4,\"kind\":\"" kind "\"," more "}"
#define LEVEL "EPOLLIN|EPOLLERR|EPOLLHUP"

#define EPOLL_ROW ROW("epoll_wait", "3", POSITIVE, "2000")
#define AT_ONCE "epoll_wait returned at once 100,000 times a second: "

static const struct {
	const char *name, *slices, *descriptors, *sentence;
} cases[] = {
	{ "accept without a free descriptor",
	  SLICE(EPOLL_ROW "," ROW("accept4", "4", ERROR("EMFILE"), "2000"), "4000"),
	  EPOLL("4", LEVEL) "," TCP("LISTEN", "3"),
	  "accept4 failed with EMFILE 100,000 times a second: the process has no free "
	  "descriptor for the connection that waits at fd 4 (a TCP socket, 10.0.0.1:80)." },
	{ "accept that fails now and then",
	  SLICE(SLOW("epoll_wait", "3", POSITIVE, "20") "," ROW("accept4", "4", ERROR("EMFILE"),
								"20"),
		"40"),
	  EPOLL("4", LEVEL) "," TCP("LISTEN", "3"), NULL },
	{ "accept without a free file", SLICE(ROW("accept", "4", ERROR("ENFILE"), "2000"), "2000"),
	  "",
	  "accept failed with ENFILE 100,000 times a second: the machine has no free file for "
	  "the connection that waits at fd 4." },
	{ "a unix socket that hung up", SLICE(EPOLL_ROW, "2000"), EPOLL("4", LEVEL) "," UNIX_GONE,
	  AT_ONCE "fd 4 (a unix socket, /run/x) is closed at its other end, and the thread does "
		  "not close it." },
	{ "a unix socket that is closed",
	  SLICE(EPOLL_ROW
		"," ROW("close", "4", ZERO, "1") "," ROW("getppid", NO_FD, POSITIVE, "2000"),
		"4001"),
	  EPOLL("4", LEVEL) "," UNIX_GONE, NULL },
	{ "a healthy server, at any moment",
	  SLICE(EPOLL_ROW
		"," ROW("read", "4", POSITIVE, "1990") "," ROW("write", "4", POSITIVE, "1990"),
		"5980"),
	  EPOLL("4", LEVEL) "," KIND("eventfd", "\"count\":1"), NULL },
	{ "a healthy server of many descriptors",
	  SLICE(EPOLL_ROW "," ROW("read", "9", POSITIVE, "1990"), "3990"),
	  EPOLL("4", LEVEL) "," KIND("eventfd", "\"count\":1"), NULL },
	{ "calls that have no row",
	  REST(EPOLL_ROW "," ROW("read", "9", POSITIVE, "100"), "4100", "2000"),
	  EPOLL("4", LEVEL) "," UNIX_GONE, NULL },
	{ "an edge-triggered watch",
	  SLICE(EPOLL_ROW "," ROW("getppid", NO_FD, POSITIVE, "2000"), "4000"),
	  EPOLL("4", "EPOLLIN|EPOLLET") "," UNIX_GONE, NULL },
	{ "epoll that waits", SLICE(SLOW("epoll_wait", "3", POSITIVE, "200"), "200"),
	  EPOLL("4", LEVEL) "," UNIX_GONE, NULL },
	{ "a pipe without a writer", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", "EPOLLERR|EPOLLHUP") "," KIND("pipe", "\"other_gone\":true"),
	  AT_ONCE "fd 4 (a pipe) is closed at its other end, and the thread does not close it." },
	{ "a half-closed connection", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," TCP("CLOSE_WAIT", "0"),
	  AT_ONCE "fd 4 (a TCP socket, 10.0.0.1:80 to 10.0.0.2:5) is closed at its other end, and "
		  "the thread does not close it." },
	{ "a half-closed connection that is written",
	  SLICE(EPOLL_ROW "," ROW("write", "4", POSITIVE, "2000"), "4000"),
	  EPOLL("4", "EPOLLOUT") "," TCP("CLOSE_WAIT", "0"), NULL },
	{ "a connection that was reset", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", "EPOLLOUT|EPOLLERR|EPOLLHUP") "," KIND(
		  "socket", "\"protocol\":\"TCP\",\"state\":\"CLOSE\""),
	  AT_ONCE "fd 4 (a TCP socket) is not connected, and the thread does not close it." },
	{ "a datagram socket, which has no connection",
	  SLICE(EPOLL_ROW "," ROW("getppid", NO_FD, POSITIVE, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," KIND("socket", "\"protocol\":\"UDP\",\"state\":\"CLOSE\""), NULL },
	{ "a connection that waits", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," TCP("LISTEN", "3"),
	  AT_ONCE "fd 4 (a TCP socket, 10.0.0.1:80) has a connection, and the thread does not "
		  "accept it." },
	{ "connections that are accepted",
	  SLICE(EPOLL_ROW "," ROW("accept4", "4", POSITIVE, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," TCP("LISTEN", "3"), NULL },
	{ "data that is left", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," TCP("ESTABLISHED", "5"),
	  AT_ONCE "fd 4 (a TCP socket, 10.0.0.1:80 to 10.0.0.2:5) has data, and the thread does "
		  "not read it." },
	{ "a timer that is left", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," KIND("timerfd", "\"ticks\":9"),
	  AT_ONCE "fd 4 (a timerfd) has expired, and the thread does not read it." },
	{ "a timer that did not expire",
	  SLICE(EPOLL_ROW "," ROW("getppid", NO_FD, POSITIVE, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," KIND("timerfd", "\"ticks\":0"), NULL },
	{ "an eventfd that is left", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," KIND("eventfd", "\"count\":1"),
	  AT_ONCE "fd 4 (an eventfd) has a count above 0, and the thread does not read it." },
	{ "a signalfd that is left", SLICE(EPOLL_ROW, "2000"),
	  EPOLL("4", LEVEL) "," KIND("signalfd", "\"signals\":\"SIGUSR1\",\"pending\":true"),
	  AT_ONCE "fd 4 (a signalfd) has a signal, and the thread does not read it." },
	{ "a signalfd without a signal",
	  SLICE(EPOLL_ROW "," ROW("getppid", NO_FD, POSITIVE, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," KIND("signalfd", "\"signals\":\"SIGUSR1\",\"pending\":false"),
	  NULL },
	{ "the end of a file", SLICE(ROW("read", "4", ZERO, "1900"), "2000"),
	  KIND("file", "\"target\":\"/a/b\",\"size\":9,\"position\":9"),
	  "read returned 0, the end of file, 95,000 times a second on fd 4 (a file, /a/b), and "
	  "the thread goes on reading." },
	{ "a file that grows",
	  SLICE(ROW("read", "4", ZERO, "1000") "," ROW("read", "4", POSITIVE, "1000"), "2000"),
	  KIND("file", "\"target\":\"/a/b\",\"size\":9,\"position\":9"), NULL },
	{ "empty datagrams", SLICE(ROW("recvfrom", "4", ZERO, "2000"), "2000"),
	  KIND("socket", "\"protocol\":\"UDP\""), NULL },
	{ "a read that polls", SLICE(ROW("recvfrom", "4", ERROR("EAGAIN"), "2000"), "2000"),
	  UNIX_HELD,
	  "recvfrom failed with EAGAIN 100,000 times a second on fd 4 (a unix socket, /run/x): "
	  "nothing was there to read, and the thread does not wait for it." },
	{ "a read until EAGAIN",
	  SLICE(EPOLL_ROW "," ROW("read", "4", ERROR("EAGAIN"), "2000") "," ROW("read", "4",
										POSITIVE, "2000"),
		"6000"),
	  UNIX_HELD, NULL },
	{ "a full pipe", SLICE(ROW("write", "4", ERROR("EAGAIN"), "2000"), "2000"),
	  KIND("pipe", "\"other_pid\":7"),
	  "write failed with EAGAIN 100,000 times a second on fd 4 (a pipe): it is full, and the "
	  "thread does not wait for room." },
	{ "a pipe that is written until EAGAIN",
	  SLICE(ROW("write", "4", ERROR("EAGAIN"), "1000") "," ROW("write", "4", POSITIVE, "1000"),
		"2000"),
	  KIND("pipe", "\"other_pid\":7"), NULL },
	{ "a closed pipe", SLICE(ROW("write", "4", ERROR("EPIPE"), "2000"), "2000"),
	  KIND("pipe", "\"other_gone\":true"),
	  "write failed with EPIPE 100,000 times a second on fd 4 (a pipe): the other end is "
	  "closed, and the thread goes on writing." },
	{ "one failed write", SLICE(ROW("write", "4", ERROR("EPIPE"), "1"), "1"),
	  KIND("pipe", "\"other_gone\":true"), NULL },
	{ "timeout 0", SLICE(ROW("poll", NO_FD, ZERO, "2000"), "2000"), "",
	  "poll returned 0 at once 100,000 times a second: its timeout is 0 or very short, and "
	  "nothing was ready." },
	{ "a short timeout", SLICE(SLOW("poll", NO_FD, ZERO, "200"), "200"), "", NULL },
	{ "timeout 0 of a busy server",
	  SLICE(ROW("epoll_wait", "3", ZERO, "2000") "," ROW("read", "4", POSITIVE, "1000"),
		"3000"),
	  "", NULL },
	{ "timeout 0 at times", SLICE(ROW("poll", NO_FD, ZERO, "20"), "20"), "", NULL },
	{ "WNOHANG", SLICE(ROW("wait4", NO_FD, ZERO, "2000"), "2000"), "",
	  "wait4 returned 0 at once 100,000 times a second: no child had ended, and the thread "
	  "does not wait for one." },
	{ "children that end",
	  SLICE(ROW("waitid", NO_FD, ZERO, "200") "," ROW("clone", NO_FD, POSITIVE, "200"), "400"),
	  "", NULL },
	{ "no child", SLICE(ROW("wait4", NO_FD, ERROR("ECHILD"), "2000"), "2000"), "",
	  "wait4 failed with ECHILD 100,000 times a second: the process has no such child." },
	{ "no child, once", SLICE(ROW("wait4", NO_FD, ERROR("ECHILD"), "1"), "2000"), "", NULL },
	{ "futex without a wait", SLICE(ROW("futex", NO_FD, ERROR("EAGAIN"), "2000"), "2000"), "",
	  "futex failed with EAGAIN 100,000 times a second: each time the value had changed "
	  "before the thread could wait." },
	{ "a contended lock",
	  SLICE(ROW("futex", NO_FD, ERROR("EAGAIN"), "1200") "," ROW("futex", NO_FD, ZERO, "800"),
		"2000"),
	  "", NULL },
	{ "a missing file",
	  SLICE(ROW("openat", "0", ERROR("ENOENT"), "2000") "," ROW("getppid", NO_FD, POSITIVE,
								    "2000"),
		"4000"),
	  "",
	  "openat failed with ENOENT 100,000 times a second: the thread looks for files that do "
	  "not exist." },
	{ "a search path",
	  SLICE(ROW("openat", "0", ERROR("ENOENT"), "2000") "," ROW("openat", "0", POSITIVE, "500"),
		"2500"),
	  "", NULL },
	{ "a refused connection",
	  SLICE(ROW("socket", NO_FD, POSITIVE,
		    "2000") "," ROW("connect", "4", ERROR("ECONNREFUSED"),
				    "2000") "," ROW("close", "4", ZERO, "2000"),
		"6000"),
	  "",
	  "connect failed with ECONNREFUSED 100,000 times a second: nothing listens there, and "
	  "the thread does not pause between its tries." },
	{ "a pause between tries", SLICE(ROW("connect", "4", ERROR("ECONNREFUSED"), "1"), "2"), "",
	  NULL },
	{ "poll that is not obeyed", SLICE(ROW("poll", NO_FD, POSITIVE, "2000"), "2100"), "",
	  "poll returned at once 100,000 times a second, and the thread made hardly any other "
	  "call." },
	{ "poll that is obeyed",
	  SLICE(ROW("poll", NO_FD, POSITIVE, "2000") "," ROW("read", "4", POSITIVE, "2000"),
		"4000"),
	  "", NULL },
	{ "no system call", INSIDE("null"), "",
	  "The thread made no system call in 20ms of CPU time: it loops in user code." },
	{ "a thread that did not run", "{\"cpu_ns\":0,\"wall_ns\":40000000,\"calls\":0}", "",
	  NULL },
	{ "one long call", INSIDE("{\"name\":\"readv\",\"fd\":5,\"time_ns\":40000000}"), "",
	  "The thread was in readv for nearly all of 20ms of CPU time: the loop is in the "
	  "kernel." },
	{ "a call that has begun", INSIDE("{\"name\":\"readv\",\"fd\":5,\"time_ns\":4000000}"), "",
	  NULL },
	{ "a few long calls",
	  "{\"cpu_ns\":20000000,\"wall_ns\":20000000,\"calls\":1,\"rows\":[{\"name\":\"readv\","
	  "\"fd\":5,\"calls\":1,\"positive\":true,\"time_ns\":10000000}],\"inside\":"
	  "{\"name\":\"readv\",\"fd\":5,\"time_ns\":9500000}}",
	  "",
	  "The thread was in readv for nearly all of 20ms of CPU time: the loop is in the "
	  "kernel." },
	{ "a long sleep",
	  "{\"cpu_ns\":5000000,\"wall_ns\":500000000,\"calls\":0,\"rows\":[],\"inside\":"
	  "{\"name\":\"readv\",\"fd\":5,\"time_ns\":499000000}}",
	  "", NULL },
	{ "two slices that agree",
	  SLICE(ROW("poll", NO_FD, ZERO, "2000"),
		"2000") "," SLICE(ROW("poll", NO_FD, ZERO, "1000"), "1000"),
	  "",
	  "poll returned 0 at once 100,000 times a second: its timeout is 0 or very short, and "
	  "nothing was ready." },
	{ "two slices that do not agree",
	  SLICE(ROW("poll", NO_FD, ZERO, "2000"), "2000") "," INSIDE("null"), "", NULL },
	/* Programs that a sentence would wrong. */
	{ "accept at the limit, without a connection",
	  SLICE(ROW("accept4", "4", ERROR("EMFILE"), "2000"), "2000"), TCP("LISTEN", "0"), NULL },
	{ "another thread accepts",
	  SLICE(EPOLL_ROW "," ROW("accept4", "4", ERROR("EAGAIN"), "2000"), "4000"),
	  EPOLL("4", LEVEL) "," TCP("LISTEN", "3"), NULL },
	{ "a timer that is set again",
	  SLICE(EPOLL_ROW "," ROW("timerfd_settime", "4", ZERO, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," KIND("timerfd", "\"ticks\":1"), NULL },
	{ "a ring that moves the data",
	  SLICE(EPOLL_ROW "," ROW("io_uring_enter", "5", POSITIVE, "2000"), "4000"),
	  EPOLL("4", LEVEL) "," TCP("ESTABLISHED", "5"), NULL },
	{ "a read of 0 bytes of a file", SLICE(ROW("read", "4", ZERO, "2000"), "2000"),
	  KIND("file", "\"target\":\"/a/b\",\"size\":9,\"position\":3"), NULL },
	{ "a read of 0 bytes of a pipe", SLICE(ROW("read", "4", ZERO, "2000"), "2000"),
	  KIND("pipe", "\"other_pid\":7"), NULL },
	{ "a read of 0 bytes of a connection", SLICE(ROW("recvfrom", "4", ZERO, "2000"), "2000"),
	  TCP("ESTABLISHED", "0"), NULL },
	{ "the end of a connection", SLICE(ROW("recvfrom", "4", ZERO, "2000"), "2000"),
	  TCP("CLOSE_WAIT", "1"),
	  "recvfrom returned 0, the end of file, 100,000 times a second on fd 4 (a TCP socket, "
	  "10.0.0.1:80 to 10.0.0.2:5), and the thread goes on reading." },
	{ "a read of an unknown descriptor", SLICE(ROW("read", "4", ZERO, "2000"), "2000"), "",
	  NULL },
	{ "many empty files",
	  SLICE(ROW("openat", "-100", POSITIVE,
		    "2000") "," ROW("read", "4", ZERO, "2000") "," ROW("close", "4", ZERO, "2000"),
		"6000"),
	  KIND("file", "\"target\":\"/a/b\",\"size\":0,\"position\":0"), NULL },
	{ "a terminal", SLICE(ROW("read", "4", ZERO, "2000"), "2000"),
	  KIND("device", "\"target\":\"/dev/pts/1\""),
	  "read returned 0 100,000 times a second on fd 4 (a device, /dev/pts/1): the terminal "
	  "has hung up, or has nothing to read, and the thread goes on reading." },
	{ "a pump that looks at its control socket",
	  SLICE(ROW("recvfrom", "4", ERROR("EAGAIN"), "2000") "," ROW("read", "5", POSITIVE,
								      "2000"),
		"4000"),
	  UNIX_HELD, NULL },
	{ "threads that are all woken",
	  SLICE(EPOLL_ROW "," ROW("recvfrom", "4", ERROR("EAGAIN"), "2000"), "4000"), UNIX_HELD,
	  NULL },
	{ "a read with RWF_NOWAIT", SLICE(ROW("preadv2", "4", ERROR("EAGAIN"), "2000"), "2000"),
	  KIND("file", "\"target\":\"/a/b\",\"size\":9,\"position\":0"), NULL },
	{ "a socket that is closed for writing",
	  SLICE(ROW("sendto", "4", ERROR("EPIPE"), "2000"), "2000"), UNIX_HELD,
	  "sendto failed with EPIPE 100,000 times a second on fd 4 (a unix socket, /run/x): it is "
	  "closed for writing, and the thread goes on writing." },
	{ "clients that have hung up",
	  SLICE(ROW("accept4", "3", POSITIVE, "2000") "," ROW(
			"sendto", "4", ERROR("EPIPE"), "2000") "," ROW("close", "4", ZERO, "2000"),
		"6000"),
	  UNIX_GONE, NULL },
	{ "a shell that waits for each child",
	  SLICE(ROW("clone3", NO_FD, POSITIVE, "700") "," ROW("wait4", NO_FD, ERROR("ECHILD"),
							      "700"),
		"2100"),
	  "", NULL },
	{ "a search that finds something at times",
	  SLICE(ROW("openat", "-100", ERROR("ENOENT"), "2000") "," ROW("openat", "-100", POSITIVE,
								       "100"),
		"2100"),
	  "", NULL },
	{ "a loop that sleeps",
	  SLICE(ROW("recvfrom", "4", ERROR("EAGAIN"), "2000") "," SLOW("clock_nanosleep", NO_FD,
								       ZERO, "40"),
		"2040"),
	  UNIX_HELD, NULL },
	{ "a virtual machine", INSIDE("{\"name\":\"ioctl\",\"fd\":4,\"time_ns\":40000000}"),
	  KIND("anon", "\"target\":\"anon_inode:kvm-vcpu:0\""),
	  "The thread was in ioctl on fd 4 (a anon_inode:kvm-vcpu:0) for nearly all of 20ms of CPU "
	  "time: it runs a virtual machine, and the loop is in there." },
	{ "an ioctl of an unknown descriptor",
	  INSIDE("{\"name\":\"ioctl\",\"fd\":4,\"time_ns\":40000000}"), "", NULL },
	{ "no slice", "", "", NULL },
};

/* ---- the sentence ------------------------------------------------------------------- */

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

static bool sentence_of(const char *slices, const char *descriptors, struct collected *ret)
{
	struct maze_error error = { "" };
	struct incident *incident;
	char text[8192];
	bool found;

	snprintf(text, sizeof(text),
		 "{\"version\":1,\"id\":\"1\",\"records\":[{\"event\":\"soft\"}],"
		 "\"system_calls\":[%s],\"descriptors\":[%s]}",
		 slices, descriptors);
	if (incident_parse(text, strlen(text), &incident, &error))
		fail_msg("%s: %s", error.text, text);
	*ret = (struct collected){ .summary = { .put = put } };
	found = why_sentence(&ret->summary, incident);
	incident_free(incident);
	return found;
}

static void each_pattern_has_its_sentence(void **state)
{
	struct collected collected;
	size_t i, length, wrong = 0;
	bool found, right;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = sentence_of(cases[i].slices, cases[i].descriptors, &collected);
		length = strlen(collected.text);
		/* It ends in a blank, for the next sentence. */
		if (found && length)
			collected.text[length - 1] = '\0';
		right = found == (cases[i].sentence != NULL) &&
			!strcmp(collected.text, cases[i].sentence ?: "");
		if (!right)
			print_error("%s: \"%s\"\n", cases[i].name, collected.text);
		wrong += !right;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_pattern_has_its_sentence) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
