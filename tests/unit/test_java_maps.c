/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The request for a Java perf map, to a program that imitates HotSpot: it has a mapped
 * libjvm.so and a thread of that name, and opens the socket after SIGQUIT. Its variants must
 * not get that signal, or must not be believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../evidence/symbols/java_maps.h"
#include "skip.h"

#define ANY_WAIT_MS 60000
#define PLAIN_USER 65534
/* Of which at least one has a machine with enough CPU time. */
#define TRIES 5

/* What a variant lacks or does. */
enum {
	NO_LIBRARY = 1,
	OPENJ9 = 2,
	NO_THREAD = 4,
	NO_HANDLER = 8,
	IGNORES = 16,
	NO_SOCKET = 32,
	NO_ANSWER = 64,
	REFUSES = 128,
	AS_ROOT = 256,
	FOREIGN_MAP = 512,
	NEWER_NAME = 1024,
};

/* Shared with the child. */
struct account {
	volatile int quits, requests;
	volatile unsigned int peer_uid, peer_gid;
	char request[64];
	size_t request_size;
};

static struct account *account;

struct machine {
	pid_t pid;
	char dir[32];
	char map[64], socket[64], attach[64], victim[64];
	struct process_info live;
};

/* ---- the imitation ----------------------------------------------------------------- */

static void on_quit(int signal)
{
	(void)signal;
	account->quits = account->quits + 1;
}

static void map_library(const char *dir, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0755);
	if (fd < 0 || ftruncate(fd, 4096) ||
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

static void serve(const struct machine *machine, int listener, int flags)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept(listener, NULL, NULL), map;
	ssize_t got;

	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	account->peer_uid = peer.uid;
	account->peer_gid = peer.gid;
	got = recv(fd, account->request, sizeof(account->request), 0);
	account->request_size = got > 0 ? (size_t)got : 0;
	account->requests = account->requests + 1;
	if (flags & NO_ANSWER)
		for (;;)
			pause();
	map = open(machine->map, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (map >= 0)
		close(map);
	send(fd, flags & REFUSES ? "1\nUnknown\n" : "0\n", 2, 0);
	close(fd);
}

static void __attribute__((noreturn)) imitate(const struct machine *machine, int flags, int ready)
{
	const struct timespec pause = { .tv_nsec = MAZE_NSEC_PER_MSEC };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = -1;

	if (!(flags & NO_LIBRARY))
		map_library(machine->dir, "libjvm.so");
	if (flags & OPENJ9)
		map_library(machine->dir, "libj9vm29.so");
	if (!geteuid() && !(flags & AS_ROOT) &&
	    (setgroups(0, NULL) || setresgid(PLAIN_USER, PLAIN_USER, PLAIN_USER) ||
	     setresuid(PLAIN_USER, PLAIN_USER, PLAIN_USER)))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!(flags & NO_THREAD))
		prctl(PR_SET_NAME, flags & NEWER_NAME ? "Signal ..atcher" : "Signal Dispatch");
	signal(SIGQUIT, flags & NO_HANDLER ? SIG_DFL : flags & IGNORES ? SIG_IGN : on_quit);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (;;) {
		if (listener >= 0)
			serve(machine, listener, flags);
		nanosleep(&pause, NULL);
		if (!account->quits || (flags & NO_SOCKET) || access(machine->attach, F_OK))
			continue;
		listener = socket(AF_UNIX, SOCK_STREAM, 0);
		memcpy(address.sun_path, machine->socket, sizeof(machine->socket));
		if (bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
		    listen(listener, 5))
			_exit(1);
	}
}

static void start(struct machine *machine, int flags)
{
	int ready[2];
	char byte;

	*machine = (struct machine){ .dir = "/tmp/test-java-XXXXXX" };
	memset(account, 0, sizeof(*account));
	assert_non_null(mkdtemp(machine->dir));
	assert_int_equal(chmod(machine->dir, 0755), 0);
	assert_int_equal(pipe(ready), 0);
	machine->pid = fork();
	assert_true(machine->pid >= 0);
	snprintf(machine->map, sizeof(machine->map), "/tmp/perf-%d.map", machine->pid ?: getpid());
	snprintf(machine->socket, sizeof(machine->socket), "/tmp/.java_pid%d",
		 machine->pid ?: getpid());
	snprintf(machine->attach, sizeof(machine->attach), "/tmp/.attach_pid%d",
		 machine->pid ?: getpid());
	snprintf(machine->victim, sizeof(machine->victim), "%s/victim", machine->dir);
	if (!machine->pid)
		imitate(machine, flags, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	if (flags & FOREIGN_MAP)
		assert_int_equal(symlink(machine->victim, machine->map), 0);
	assert_int_equal(process_info_open(machine->pid, machine->pid, now_ns(CLOCK_BOOTTIME),
					   &machine->live),
			 0);
}

/* It still runs, whatever was sent to it. */
static void stop(struct machine *machine)
{
	char path[64];

	assert_int_equal(waitpid(machine->pid, NULL, WNOHANG), 0);
	assert_int_equal(access(machine->attach, F_OK), -1);
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	process_info_done(&machine->live);
	unlink(machine->map);
	unlink(machine->socket);
	snprintf(path, sizeof(path), "%s/libjvm.so", machine->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/libj9vm29.so", machine->dir);
	unlink(path);
	rmdir(machine->dir);
}

/* Returns the note; NULL: the map was written. */
static const char *request(struct java_maps *maps, maze_u64 owner, const struct machine *machine)
{
	const char *note = NULL;
	int ms;

	for (ms = 0; java_maps_step(maps, owner, &machine->live, &note); ms++) {
		assert_true(ms < ANY_WAIT_MS);
		poll(NULL, 0, 1);
	}
	return note;
}

/* Whether the machine came as far as it goes before the request was given up. */
static bool has_played_its_part(int flags, const char *note)
{
	if (flags & NO_SOCKET)
		return account->quits;
	if (flags & NO_ANSWER)
		return account->requests;
	return !note || !strstr(note, "did not answer");
}

/* The request to a new machine, or to another one if that was starved. Returns the note. */
static const char *start_and_request(int flags, struct machine *machine,
				     struct java_maps **ret_maps)
{
	const char *note;
	int tries;

	for (tries = 1;; tries++) {
		assert_int_equal(java_maps_new(ret_maps), 0);
		start(machine, flags);
		note = request(*ret_maps, 1, machine);
		if (has_played_its_part(flags, note) || tries == TRIES)
			return note;
		stop(machine);
		java_maps_free(*ret_maps);
	}
}

static const char *request_of(int flags)
{
	struct machine machine;
	struct java_maps *maps;
	const char *note = start_and_request(flags, &machine, &maps);

	assert_int_equal(access(machine.victim, F_OK), -1);
	stop(&machine);
	java_maps_free(maps);
	return note;
}

/* ---- tests ------------------------------------------------------------------------- */

static void the_map_is_written_once_as_the_user(void **state)
{
	static const char wanted[] = "1\0jcmd\0Compiler.perfmap\0\0";
	const unsigned int uid = geteuid() ?: PLAIN_USER;
	struct machine machine;
	struct java_maps *maps;

	(void)state;
	assert_null(start_and_request(0, &machine, &maps));
	assert_int_equal(access(machine.map, F_OK), 0);
	assert_int_equal(account->quits, 1);
	assert_int_equal(account->peer_uid, uid);
	assert_int_equal(account->peer_gid, geteuid() ? getegid() : PLAIN_USER);
	assert_int_equal(account->request_size, sizeof(wanted));
	assert_memory_equal(account->request, wanted, sizeof(wanted));
	/* The same episode has no note, a later one has an old map. */
	assert_null(request(maps, 1, &machine));
	assert_non_null(strstr(request(maps, 2, &machine), "earlier incident"));
	assert_int_equal(account->requests, 1);
	/* Another worker finds the socket, and sends no signal. */
	java_maps_free(maps);
	assert_int_equal(java_maps_new(&maps), 0);
	assert_null(request(maps, 1, &machine));
	assert_int_equal(account->requests, 2);
	assert_int_equal(account->quits, 1);
	stop(&machine);
	java_maps_free(maps);
}

static void the_thread_name_of_newer_versions_is_known(void **state)
{
	(void)state;
	assert_null(request_of(NEWER_NAME));
}

static void no_signal_to_another_program(void **state)
{
	const int flags[] = { NO_LIBRARY, OPENJ9, NO_THREAD, NO_HANDLER, IGNORES };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_non_null(strstr(request_of(flags[i]), "not a HotSpot"));
		assert_int_equal(account->quits, 0);
	}
}

static void a_machine_that_does_not_answer(void **state)
{
	(void)state;
	assert_non_null(strstr(request_of(NO_SOCKET), "did not answer"));
	assert_int_equal(account->quits, 1);
	assert_non_null(strstr(request_of(NO_ANSWER), "did not answer"));
	assert_int_equal(account->requests, 1);
}

static void a_machine_that_refuses(void **state)
{
	(void)state;
	assert_non_null(strstr(request_of(REFUSES), "refused"));
}

static void a_file_in_place_of_the_map_is_not_overwritten(void **state)
{
	(void)state;
	assert_non_null(strstr(request_of(FOREIGN_MAP), "another kind of file"));
	assert_int_equal(account->quits, 0);
	assert_int_equal(account->requests, 0);
}

static void a_machine_of_root_gets_no_request(void **state)
{
	(void)state;
	if (geteuid())
		skip_because("only root has a process of root");
	assert_non_null(strstr(request_of(AS_ROOT), "as root"));
	assert_int_equal(account->quits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_map_is_written_once_as_the_user),
		cmocka_unit_test(the_thread_name_of_newer_versions_is_known),
		cmocka_unit_test(no_signal_to_another_program),
		cmocka_unit_test(a_machine_that_does_not_answer),
		cmocka_unit_test(a_machine_that_refuses),
		cmocka_unit_test(a_file_in_place_of_the_map_is_not_overwritten),
		cmocka_unit_test(a_machine_of_root_gets_no_request),
	};

	account = mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
