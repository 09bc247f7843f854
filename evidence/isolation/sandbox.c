/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter permits only the system calls that malloc(3), libelf and write(2) use on
 * open files. All others fail with EPERM. libelf then acts as if a file were missing.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define THIS_ARCH AUDIT_ARCH_RISCV64
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif

/* Reading the debug information of a large program takes a second or two. */
#define CPU_SECONDS 10
/* The maximum of private memory. A browser's debug information needs that much. */
#define MEMORY_MAX (4ULL << 30)

/* ---- descriptors and memory -------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_others(int *keep, size_t count)
{
	unsigned int next = 0;
	size_t i;

	qsort(keep, count, sizeof(*keep), by_number);
	for (i = 0; i < count; i++) {
		if (keep[i] < 0 || (unsigned int)keep[i] < next)
			continue;
		if ((unsigned int)keep[i] > next && close_range(next, (unsigned int)keep[i] - 1, 0))
			return -errno;
		next = (unsigned int)keep[i] + 1;
	}
	return close_range(next, ~0U, 0) ? -errno : 0;
}

/*
 * Memory that is shared with the parent or the kernel (maps of the engine, event rings)
 * must not be writable here. unmap_shared() reads all addresses before it unmaps any,
 * because unmapping changes the list.
 */
#define SHARED_MAX 256
static int unmap_shared(void)
{
	unsigned long start[SHARED_MAX], end[SHARED_MAX];
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t count = 0, i;
	char line[512], rights[5];

	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start[count], &end[count], rights) != 3 ||
		    rights[3] != 's')
			continue;
		if (++count == SHARED_MAX)
			break;
	}
	fclose(maps);
	if (count == SHARED_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++)
		munmap((void *)start[i], end[i] - start[i]);
	return 0;
}

static void set_limit(int what, rlim_t most)
{
	struct rlimit limit = { .rlim_cur = most, .rlim_max = most };

	setrlimit((__rlimit_resource_t)what, &limit);
}

/* Gives up the priority and the OOM protection that mazed has. */
static void take_no_precedence(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
	if (getpriority(PRIO_PROCESS, 0) < 0)
		setpriority(PRIO_PROCESS, 0, 0);
	set_limit(RLIMIT_CORE, 0);
}

static void take_limits(maze_u64 memory_max)
{
	set_limit(RLIMIT_CPU, CPU_SECONDS);
	set_limit(RLIMIT_FSIZE, 0);
#ifndef SHADOW_MEMORY
	set_limit(RLIMIT_DATA, memory_max);
#else
	(void)memory_max;
#endif
}

/*
 * Ignores errors, because a sandbox of systemd may refuse the calls. The filter alone is
 * enough, because no permitted system call needs a capability.
 */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)syscall(SYS_capset, &header, none);
}

void sandbox_limit(maze_u64 memory_max)
{
	take_limits(memory_max);
	drop_capabilities();
}

/* ---- system calls ------------------------------------------------------------------ */

#ifdef THIS_ARCH

#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static int filter_system_calls(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		ALLOW(read),
		ALLOW(pread64),
		ALLOW(write),
		ALLOW(close),
		ALLOW(lseek),
		ALLOW(fstat),
#ifdef SYS_newfstatat
		ALLOW(newfstatat), /* newer C libraries use it for fstat(3) */
#endif
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(futex),
		ALLOW(getrandom),
		ALLOW(clock_gettime),
		ALLOW(gettimeofday),
		ALLOW(getpid),
		ALLOW(sigaltstack), /* AddressSanitizer calls it in noreturn functions */
		ALLOW(exit),
		ALLOW(exit_group),
		/*
		 * Permit only F_DUPFD_CLOEXEC of fcntl(2), because F_SETOWN could send
		 * signals.
		 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

#else

static int filter_system_calls(void)
{
	return -EOPNOTSUPP;
}

#endif

int sandbox_separate(const char *name, int *keep, size_t count)
{
	sigset_t all;
	int err;

	/* Block all signals, because their handlers belong to the parent. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, name);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	take_no_precedence();
	err = unmap_shared();
	return err ? err : close_others(keep, count);
}

int sandbox_enter(int *keep, size_t count)
{
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	take_limits(MEMORY_MAX);
	err = sandbox_separate("maze-evidence", keep, count);
	if (err)
		return err;
	drop_capabilities();
	return filter_system_calls();
}
