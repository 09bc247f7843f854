/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel_members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_LOSS "Verdicts wait for the next tick, up to 10 ms late."

/* Members needed together, and the loss without them; NULL: the engine cannot run. */
static const struct row {
	const char *members; /* STRUCT.MEMBER, separated by blanks */
	const char *loss;
} rows[] = {
	{ "task_struct.bpf_storage task_struct.flags task_struct.pid task_struct.tgid "
	  "task_struct.group_leader task_struct.se sched_entity.sum_exec_runtime "
	  "bpf_iter__task.meta bpf_iter__task.task bpf_iter_meta.seq bpf_iter_meta.seq_num "
#if defined(__x86_64__)
	  "pt_regs.orig_ax",
#else
	  "pt_regs.syscallno",
#endif
	  NULL },
	{ "sched_entity.cfs_rq cfs_rq.rq rq.clock rq.clock_task rq.clock_update_flags "
	  "sched_entity.exec_start",
	  CLOCK_LOSS },
	{ "task_struct.nvcsw",
	  "If the kernel does not report a switch, the sleep there does not reset the count." },
	{ "task_struct.__state", "A sleep that a pending signal prevents still ends an episode." },
	{ "task_struct.thread_info thread_info.cpu task_struct.on_cpu",
	  "The watch of a running thread begins at its next switch." },
	{ "task_struct.thread_pid pid.level pid.numbers upid.nr upid.ns pid_namespace.ns "
	  "ns_common.inum",
	  "Inside a PID namespace, records have the PIDs of the initial one." },
	{ "task_struct.real_cred cred.uid cred.suid cred.euid",
	  "Records name no user. A watch that a user requested from mazed ends without a signal "
	  "when a "
	  "limit is reached." },
	{ "task_struct.sighand sighand_struct.action k_sigaction.sa sigaction.sa_handler "
	  "task_struct.blocked task_struct.signal signal_struct.flags",
	  "No warning (soft-signal warn) is sent, and records do not say that a signal is "
	  "blocked, ignored or without effect." },
	{ "task_struct.cgroups css_set.dfl_cgrp cgroup.kn kernfs_node.id",
	  "Incidents name no control group." },
	{ "task_struct.mm mm_struct.exe_file file.f_path path.mnt path.dentry vfsmount.mnt_root "
	  "mount.mnt mount.mnt_parent mount.mnt_mountpoint dentry.d_parent dentry.d_name "
	  "qstr.len qstr.name",
	  "Incidents name no executable." },
	{ "file.f_inode inode.i_ino inode.i_sb super_block.s_dev task_struct.self_exec_id",
	  "Streaks are not kept apart by program." },
	{ "task_struct.mm mm_struct.arg_start mm_struct.arg_end",
	  "Incidents have no command line." },
	{ "task_struct.start_boottime task_struct.real_parent",
	  "Incidents name neither parent nor start time." },
	{ "task_struct.sched_info sched_info.last_arrival sched_info.run_delay task_struct.nivcsw",
	  "Incidents have no schedule." },
	{ "task_struct.comm", "Records have no thread name." },
#if defined(__x86_64__)
	{ "task_struct.thread_info thread_info.status",
	  "A sched_yield of a 32-bit program is not seen at a switch." },
#endif
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Finds a member, also in unnamed structs and unions, nested up to `depth` deep. */
static bool find_in(const struct btf *btf, const struct btf_type *type, const char *name, int depth,
		    struct kernel_member *ret_member)
{
	const struct btf_member *members = btf_members(type);
	const struct btf_type *inner;
	int i;

	for (i = 0; i < btf_vlen(type); i++) {
		if (!strcmp(btf__name_by_offset(btf, members[i].name_off), name)) {
			ret_member->type = members[i].type;
			ret_member->bit_offset = btf_member_bit_offset(type, i);
			ret_member->bitfield_size = btf_member_bitfield_size(type, i);
			return true;
		}
		inner = members[i].name_off ? NULL : btf__type_by_id(btf, members[i].type);
		if (!inner || !btf_is_composite(inner) || !depth)
			continue;
		if (find_in(btf, inner, name, depth - 1, ret_member)) {
			ret_member->bit_offset += btf_member_bit_offset(type, i);
			return true;
		}
	}
	return false;
}

bool kernel_find_member(const struct btf *btf, const struct btf_type *type, const char *name,
			struct kernel_member *ret_member)
{
	return btf_is_composite(type) && find_in(btf, type, name, 3, ret_member);
}

int kernel_member_offset(const struct btf *btf, const char *type_name, const char *member)
{
	int id = btf__find_by_name_kind(btf, type_name, BTF_KIND_STRUCT);
	struct kernel_member found;

	if (id < 0 || !kernel_find_member(btf, btf__type_by_id(btf, id), member, &found))
		return -1;
	return (int)(found.bit_offset / 8);
}

/* Finds the first member of the row that the kernel lacks; false: there is none. */
static bool find_missing(const struct btf *btf, const struct row *row, char *ret_name, size_t size)
{
	const char *at = row->members;
	char type[64], member[64];
	int used;

	while (sscanf(at, " %63[^.].%63s%n", type, member, &used) == 2) {
		at += used;
		if (kernel_member_offset(btf, type, member) >= 0)
			continue;
		snprintf(ret_name, size, "%s.%s", type, member);
		return true;
	}
	return false;
}

int kernel_members_check(const struct btf *btf, struct maze_error *error)
{
	char name[130];
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (!rows[i].loss && find_missing(btf, &rows[i], name, sizeof(name)))
			return maze_fail(error, -EOPNOTSUPP,
					 "the bpf engine needs %s, which this kernel does not "
					 "have; use --engine poll or kmod",
					 name);
	return 0;
}

bool kernel_members_have_clock(const struct btf *btf)
{
	char name[130];
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (rows[i].loss && !strcmp(rows[i].loss, CLOCK_LOSS))
			return !find_missing(btf, &rows[i], name, sizeof(name));
	return false;
}

void kernel_members_losses(const struct btf *btf, char *ret_text, size_t size)
{
	char name[130], sentence[256];
	size_t i, n = 0;

	ret_text[0] = '\0';
	for (i = 0; i < ROWS; i++) {
		if (!rows[i].loss || !find_missing(btf, &rows[i], name, sizeof(name)))
			continue;
		snprintf(sentence, sizeof(sentence), "%.*s (this kernel has no %s).\n",
			 (int)strlen(rows[i].loss) - 1, rows[i].loss, name);
		if (n + strlen(sentence) >= size)
			return;
		n += (size_t)sprintf(ret_text + n, "%s", sentence);
	}
}
