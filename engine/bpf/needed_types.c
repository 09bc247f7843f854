/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those of the kernel's types that the BPF program reads, as BTF of their own. libbpf
 * searches for each type by name; in the BTF of the whole kernel a search takes 0.8 ms.
 */
#include "kernel_members.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MEMBERS_MAX 64

struct copy {
	const struct btf *ours;	  /* of the BPF object */
	const struct btf *kernel; /* of the whole kernel */
	struct btf *needed;
};

static int copy_type(const struct copy *copy, __u32 ours_id, __u32 kernel_id);

/* Copies the members that our type has too. Their types come first, as BTF requires. */
static int copy_members(const struct copy *copy, const struct btf_type *ours,
			const struct btf_type *theirs)
{
	const struct btf_member *members = btf_members(ours);
	struct kernel_member found[MEMBERS_MAX];
	int types[MEMBERS_MAX], i, id, err, count = btf_vlen(ours);
	const char *name;

	if (count > MEMBERS_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++) {
		name = btf__name_by_offset(copy->ours, members[i].name_off);
		types[i] = -1;
		if (!kernel_find_member(copy->kernel, theirs, name, &found[i]))
			continue;
		types[i] = copy_type(copy, members[i].type, found[i].type);
		if (types[i] < 0)
			return types[i];
	}
	name = btf__name_by_offset(copy->kernel, theirs->name_off);
	id = btf__add_struct(copy->needed, name, theirs->size);
	for (i = 0; i < count && id > 0; i++) {
		if (types[i] < 0)
			continue;
		name = btf__name_by_offset(copy->ours, members[i].name_off);
		err = btf__add_field(copy->needed, name, types[i], found[i].bit_offset,
				     found[i].bitfield_size);
		if (err)
			return err;
	}
	return id;
}

static int copy_array(const struct copy *copy, __u32 ours_id, const struct btf_type *theirs)
{
	const struct btf_type *ours = btf__type_by_id(copy->ours, ours_id);
	const struct btf_array *array = btf_array(theirs);
	int element =
		copy_type(copy, btf_is_array(ours) ? btf_array(ours)->type : ours_id, array->type);

	if (element < 0)
		return element;
	return btf__add_array(copy->needed, element, element, array->nelems);
}

/* The ID of the copy, or -errno. A pointer becomes one to void: its target is not read. */
static int copy_type(const struct copy *copy, __u32 ours_id, __u32 kernel_id)
{
	int ours_plain = btf__resolve_type(copy->ours, ours_id);
	int kernel_plain = btf__resolve_type(copy->kernel, kernel_id);
	const struct btf_type *ours, *theirs;

	if (ours_plain < 0 || kernel_plain < 0)
		return -EINVAL;
	ours = btf__type_by_id(copy->ours, (__u32)ours_plain);
	theirs = btf__type_by_id(copy->kernel, (__u32)kernel_plain);
	if (btf_is_ptr(theirs))
		return btf__add_ptr(copy->needed, 0);
	if (btf_is_array(theirs))
		return copy_array(copy, (__u32)ours_plain, theirs);
	if (!btf_is_composite(theirs))
		return btf__add_type(copy->needed, copy->kernel, theirs);
	if (btf_is_composite(ours))
		return copy_members(copy, ours, theirs);
	return btf__add_struct(copy->needed, NULL, theirs->size);
}

static int copy_all(const struct copy *copy)
{
	const struct btf_type *ours;
	const char *name;
	int id, kernel_id;

	for (id = 1; id < (int)btf__type_cnt(copy->ours); id++) {
		ours = btf__type_by_id(copy->ours, (__u32)id);
		name = btf__name_by_offset(copy->ours, ours->name_off);
		if (!btf_is_struct(ours) || !*name || !strncmp(name, "maze_", 5))
			continue;
		kernel_id = btf__find_by_name_kind(copy->kernel, name, BTF_KIND_STRUCT);
		if (kernel_id < 0)
			continue;
		kernel_id = copy_type(copy, (__u32)id, (__u32)kernel_id);
		if (kernel_id < 0)
			return kernel_id;
	}
	return 0;
}

int kernel_write_needed_types(const struct btf *ours, const struct btf *kernel, int fd)
{
	struct copy copy = { .ours = ours, .kernel = kernel, .needed = btf__new_empty() };
	const void *data;
	__u32 size;
	int err;

	if (!copy.needed)
		return -ENOMEM;
	err = copy_all(&copy);
	if (!err) {
		data = btf__raw_data(copy.needed, &size);
		if (!data)
			err = -ENOMEM;
		else if (write(fd, data, size) != (ssize_t)size)
			err = -EIO;
	}
	btf__free(copy.needed);
	return err;
}
