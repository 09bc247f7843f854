/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of kernel structs that the BPF program reads (kernel_types.h), and what is
 * lost on a kernel that does not have them.
 */
#ifndef MAZE_BPF_KERNEL_MEMBERS_H
#define MAZE_BPF_KERNEL_MEMBERS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../base/error.h"

/* 0; or -EOPNOTSUPP and which member it is that the engine cannot do without. */
int kernel_members_check(const struct btf *btf, struct maze_error *error);

/* Can the scheduler's clock be read between two ticks? */
bool kernel_members_have_clock(const struct btf *btf);

/* What is lost for want of a member, a sentence a line, as many as fit. */
void kernel_members_losses(const struct btf *btf, char *ret_text, size_t size);

/* Where a struct keeps a member, in bytes from its start; -1: it has none. */
int kernel_member_offset(const struct btf *btf, const char *type_name, const char *member);

#endif
