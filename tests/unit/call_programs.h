/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that make system calls, for test_system_calls.c. Some note the time after their
 * calls in `account`.
 */
#ifndef MAZE_TEST_CALL_PROGRAMS_H
#define MAZE_TEST_CALL_PROGRAMS_H

#include "call_case.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define WRITTEN 7

static void note(void)
{
	account->times[account->count % NOTES] = now_ns(CLOCK_BOOTTIME);
	account->count++;
}

/* Reads of an empty pipe fail; writes succeed. Only the writes are noted. */
static void poll_a_pipe(void)
{
	static int pipe_fds[2], null;
	char bytes[WRITTEN];

	if (!null) {
		if (pipe2(pipe_fds, O_NONBLOCK))
			_exit(1);
		null = open("/dev/null", O_WRONLY);
		account->fd = null;
	}
	if (read(pipe_fds[0], bytes, sizeof(bytes)) >= 0 ||
	    write(null, bytes, sizeof(bytes)) != sizeof(bytes))
		_exit(1);
	note();
}

static void spin(void)
{
	asm volatile("");
}

/* Each call takes seconds, longer than a look at it has to wait for a CPU. */
static void read_for_long(void)
{
	static struct iovec parts[1024];
	static int random;
	int i;

	if (!random) {
		random = open("/dev/urandom", O_RDONLY);
		parts[0].iov_len = 2 << 20;
		parts[0].iov_base = mmap(NULL, parts[0].iov_len, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (i = 1; i < 1024; i++)
			parts[i] = parts[0];
		account->fd = random;
	}
	if (readv(random, parts, 1024) <= 0)
		_exit(1);
}

/* Notes each round only: a machine may read the clock by a call, which would be counted too. */
static void close_many_and_note(void)
{
	close_many();
	note();
}

/* seccomp(2) denies the call before the kernel's event of its entry. */
static void shut_down_denied(void)
{
	static bool denied;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shutdown, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	if (!denied && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)))
		_exit(1);
	denied = true;
	if (!shutdown(55, SHUT_RD) || errno != EPERM)
		_exit(1);
	note();
}

static void look_for_processes(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		syscall(SYS_sched_getscheduler, GONE + i);
}

#if defined(__x86_64__)
/* close(2) by the 32-bit interface, which a 64-bit program can use too. */
static void close_32(void)
{
	long result = 6;

	asm volatile("int $0x80"
		     : "+a"(result)
		     : "b"(77L)
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	if (result != -EBADF)
		_exit(1);
}
#endif

#endif
