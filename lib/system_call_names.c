/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names come from the kernel's headers (scripts/system-call-names). Those do not say
 * what the arguments mean, so this file lists it by name; tests/unit/test_system_call_names.c
 * compares the list with the kernel's own description of its calls.
 */
#include "system_calls.h"

#include <stdio.h>
#include <string.h>

static const char *const native_names[] = {
#include "system_calls_native.inc"
};

/* Those of i386 on x86-64. Elsewhere the headers have no 32-bit calls. */
static const char *const compat_names[CALL_NUMBERS] = {
#include "system_calls_compat.inc"
};

/*
 * The first argument is a descriptor. A name also stands for its variants, such as
 * fcntl64 and recvmmsg_time64.
 */
static const char with_descriptor[] =
	"_llseek accept accept4 bind cachestat close close_range connect copy_file_range "
	"dup dup2 dup3 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait execveat faccessat "
	"faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 "
	"fchown fchownat fcntl fdatasync fgetxattr file_getattr file_setattr finit_module "
	"flistxattr flock fremovexattr fsconfig fsetxattr fsmount fspick fstat fstatat "
	"fstatfs fsync ftruncate futimesat getdents getpeername getsockname getsockopt "
	"getxattrat inotify_add_watch inotify_rm_watch io_uring_enter io_uring_register "
	"ioctl kexec_file_load landlock_add_rule landlock_restrict_self linkat listen "
	"listxattrat lseek mkdirat mknodat mount_setattr move_mount mq_getsetattr "
	"mq_notify mq_timedreceive mq_timedsend name_to_handle_at newfstatat "
	"open_by_handle_at open_tree open_tree_attr openat openat2 pidfd_getfd "
	"pidfd_send_signal pread64 preadv preadv2 process_madvise process_mrelease "
	"pwrite64 pwritev pwritev2 quotactl_fd read readahead readlinkat readv recvfrom "
	"recvmmsg recvmsg removexattrat renameat renameat2 sendfile sendmmsg sendmsg "
	"sendto setns setsockopt setxattrat shutdown signalfd signalfd4 splice statx "
	"sync_file_range sync_file_range2 syncfs tee timerfd_gettime timerfd_settime "
	"unlinkat utimensat vmsplice write writev";

static const char with_bytes[] =
	"copy_file_range getdents getrandom mq_timedreceive pread64 preadv preadv2 "
	"pwrite64 pwritev pwritev2 read readv recvfrom recvmsg sendfile sendmsg sendto "
	"splice tee vmsplice write writev process_vm_readv process_vm_writev";

static const char *const variants[] = { "", "64", "_64", "_time64", "32" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *system_call_name(maze_u32 call)
{
	maze_u32 number = call & ~CALL_COMPAT;

	if (call & CALL_COMPAT)
		return number < COUNT(compat_names) ? compat_names[number] : NULL;
	return number < COUNT(native_names) ? native_names[number] : NULL;
}

/* `list` has names with a space between two of them. */
static bool is_listed(maze_u32 call, const char *list)
{
	const char *name = system_call_name(call);
	size_t length, i;

	for (; name && *list; list += length + strspn(list + length, " ")) {
		length = strcspn(list, " ");
		for (i = 0; i < COUNT(variants); i++)
			if (!strncmp(name, list, length) && !strcmp(name + length, variants[i]))
				return true;
	}
	return false;
}

bool system_call_has_descriptor(maze_u32 call)
{
	return is_listed(call, with_descriptor);
}

bool system_call_returns_bytes(maze_u32 call)
{
	return is_listed(call, with_bytes);
}

const char *system_call_error(int error, char *buf, size_t size)
{
	/* include/linux/errno.h: the kernel replaces these on the way to user space. */
	static const char *const restarts[] = { "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND",
						NULL, "ERESTART_RESTARTBLOCK" };
	const char *name = error >= 512 && error < 512 + (int)COUNT(restarts)
				   ? restarts[error - 512]
				   : strerrorname_np(error);

	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%d", error);
	return buf;
}
