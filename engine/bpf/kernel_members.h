/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks the kernel for the struct members that the BPF program reads (kernel_types.h),
 * and lists the limitations of the engine on a kernel that lacks some.
 */
#ifndef MAZE_BPF_KERNEL_MEMBERS_H
#define MAZE_BPF_KERNEL_MEMBERS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../base/error.h"

/* Returns -EOPNOTSUPP if an indispensable member is missing. *error names the member. */
int kernel_members_check(const struct btf *btf, struct maze_error *error);

/* Whether the scheduler's clock can be read between two ticks. */
bool kernel_members_have_clock(const struct btf *btf);

/*
 * Writes the limitations of the engine on this kernel, one sentence a line. Omits those
 * that do not fit.
 */
void kernel_members_losses(const struct btf *btf, char *ret_text, size_t size);

struct kernel_member {
	__u32 type; /* its ID */
	__u32 bit_offset;
	__u32 bitfield_size; /* 0: no bit field */
};
/* Searches unnamed structs and unions in the type, too. */
bool kernel_find_member(const struct btf *btf, const struct btf_type *type, const char *name,
			struct kernel_member *ret_member);

/*
 * needed_types.c: writes a BTF file of those types and members of the kernel that are in
 * `ours`, the BTF of a BPF object, too.
 */
int kernel_write_needed_types(const struct btf *ours, const struct btf *kernel, int fd);

/* Returns the offset of a member in bytes; -1: no such struct or member. */
int kernel_member_offset(const struct btf *btf, const char *type_name, const char *member);

#endif
