/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second thread spins while the main thread sleeps. The handler of SIGXCPU prints the
 * thread that it ran in; the program ends with 0 if that was the spinner.
 */
#include "program.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

static volatile long spinner_tid;

static void on_soft(int signal)
{
	(void)signal;
	account_caught(own_cpu_ns());
	_exit(syscall(SYS_gettid) == spinner_tid ? 0 : 1);
}

static __attribute__((noreturn)) void *spin(void *arg)
{
	(void)arg;
	account_begin();
	spinner_tid = syscall(SYS_gettid);
	for (;;)
		spin_on();
}

int main(int argc, char **argv)
{
	pthread_t thread;

	begin(argc, argv);
	signal(SIGXCPU, on_soft);
	if (pthread_create(&thread, NULL, spin, NULL))
		return 1;
	for (;;) {
		sleep_ms(10);
		account_look();
	}
}
