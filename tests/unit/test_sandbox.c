/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of the helper process, whatever a file makes it do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../evidence/isolation/sandbox.h"

/* The refused operations, one letter each, written to the kept descriptor. */
static void __attribute__((noreturn)) try_all(int kept, int other)
{
	int keep[] = { STDERR_FILENO, -1, kept, kept };
	pid_t parent = getppid();
	char *memory;

	if (sandbox_enter(keep, 4))
		_exit(1);
	/* As a system call: libraries may do something else. */
	if (syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) < 0 && errno == EPERM)
		(void)!write(kept, "o", 1);
	if (syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM)
		(void)!write(kept, "s", 1);
	if (syscall(SYS_kill, parent, SIGCONT) < 0 && errno == EPERM)
		(void)!write(kept, "k", 1);
	if (syscall(SYS_execve, "/bin/true", NULL, NULL) < 0 && errno == EPERM)
		(void)!write(kept, "x", 1);
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 && errno == EPERM)
		(void)!write(kept, "c", 1);
	if (syscall(SYS_fcntl, kept, F_SETOWN, parent) < 0 && errno == EPERM)
		(void)!write(kept, "f", 1);
	if (syscall(SYS_ioctl, kept, 0, 0) < 0 && errno == EPERM)
		(void)!write(kept, "i", 1);
	if (syscall(SYS_write, other, "?", 1) < 0 && errno == EBADF)
		(void)!write(kept, "d", 1);
	/* The operations that it needs work. */
	memory = malloc(8 << 20);
	if (memory && fcntl(kept, F_DUPFD_CLOEXEC, 0) >= 0) {
		memset(memory, 1, 8 << 20);
		(void)!write(kept, "!", 1);
	}
	_exit(0);
}

static void the_helper_has_few_system_calls(void **state)
{
	int kept[2], other[2], status = -1;
	char messages[32] = "";
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(kept, O_CLOEXEC), 0);
	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		try_all(kept[1], other[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(kept[1]);
	assert_true(read(kept[0], messages, sizeof(messages) - 1) > 0);
	assert_string_equal(messages, "oskxcfid!");
	close(kept[0]);
	close(other[0]);
	close(other[1]);
}

/* The engine's maps, for example. */
static void shared_memory_is_out_of_reach(void **state)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	(void)state;
	assert_true(shared != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (sandbox_enter(&(int){ -1 }, 1))
			_exit(1);
		*(volatile char *)shared = 1;
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(shared[0], 0);
	munmap(shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_helper_has_few_system_calls),
		cmocka_unit_test(shared_memory_is_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
