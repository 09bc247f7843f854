/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that makes system calls, and what counts these, for test_system_calls.c and
 * test_incident_calls.c.
 */
#ifndef MAZE_TEST_CALL_CASE_H
#define MAZE_TEST_CALL_CASE_H

#include "incident_case.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../base/clock.h"
#include "../../lib/system_calls.h"

/* The calls of several seconds. The parent ends the child long before. */
#define NOTES (1U << 22)
#define MS MAZE_NSEC_PER_MSEC
#define LIMIT_NS (20 * MS)
#define WAIT_NS (60 * MAZE_NSEC_PER_SEC)

struct account {
	volatile maze_u64 count;
	volatile int fd;
	volatile bool started;
	maze_u64 times[NOTES]; /* CLOCK_BOOTTIME after each call, as a ring */
};

static struct account *account;

static pid_t run(void (*program)(void))
{
	pid_t pid;

	account->started = false;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		account->started = true;
		for (;;)
			program();
	}
	loop_running = pid;
	/* Until then it makes calls of libc. */
	wait_until(account->started);
	return pid;
}

static void close_many(void)
{
	int fd;

	for (fd = 1000; fd < 1100; fd++)
		close(fd);
}

static struct call_counter *counter;
static char why_not[512];
static bool must_run;

static int load_counter(void **state)
{
	struct maze_error error = { "" };

	(void)state;
	account = mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (account == MAP_FAILED)
		return -1;
	if (!call_counter_open(&counter, &error))
		return 0;
	snprintf(why_not, sizeof(why_not), "%.500s", error.text);
	return must_run ? -1 : 0;
}

static int drop_counter(void **state)
{
	(void)state;
	call_counter_close(counter);
	return 0;
}

static void counter_or_skip(void)
{
	if (!counter)
		skip_because("%s", why_not);
}

/* The programs that this process has attached to system calls. */
static int attached(void)
{
	DIR *directory = opendir("/proc/self/fdinfo");
	struct dirent *entry;
	char path[300], text[512];
	int count = 0;
	ssize_t n;
	int fd;

	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		count += strstr(text, "tp_name:\tsys_enter") || strstr(text, "tp_name:\tsys_exit");
		if (fd >= 0)
			close(fd);
	}
	if (directory)
		closedir(directory);
	return count;
}

#endif
