/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads and runs the program that reads the CPU time of ended children. */
#include "children_time.h"
#include "engine_bpf.h"
#include "kernel_probe.h"

#include <bpf/libbpf.h>
#include <errno.h>

#include "children_time.skel.h"

/* The time changes for less than a microsecond, unless the CPU that changes it is paused. */
#define ATTEMPTS 3

int bpf_children_open(struct children_time_bpf **ret_object)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path());
	struct children_time_bpf *object;
	libbpf_print_fn_t print;
	struct maze_error ignored;
	int err = kernel_check_rights(&ignored);

	/* Without the rights, libbpf would read the types of the kernel before it fails. */
	if (err)
		return err;
	print = libbpf_set_print(kernel_print_if_debug);
	object = children_time_bpf__open_opts(&opts);
	if (!object)
		err = -errno;
	else
		err = children_time_bpf__load(object);
	libbpf_set_print(print);
	if (err) {
		bpf_children_close(object);
		return kernel_load_error(err);
	}
	*ret_object = object;
	return 0;
}

static int read_once(struct children_time_bpf *object, pid_t pid, struct children_time *ret_time)
{
	struct children_time *time = &object->bss->children_time;
	int fd, err;

	*time = (struct children_time){ 0 };
	err = bpf_iterate(bpf_program__fd(object->progs.children__read), -1, pid, &fd);
	if (!err)
		err = bpf_drain_iterator(fd);
	*ret_time = *(volatile struct children_time *)time;
	return err;
}

int bpf_children_read(struct children_time_bpf *object, pid_t pid, maze_u64 *ret_ns)
{
	struct children_time time;
	int err, i;

	for (i = 0; i < ATTEMPTS; i++) {
		err = read_once(object, pid, &time);
		if (err)
			return err;
		/* Before 6.1 the kernel ignores `pid` and iterates over all tasks. */
		if (time.tasks > 1)
			return -EOPNOTSUPP;
		if (!time.tasks)
			return -ESRCH;
		if (!time.torn) {
			*ret_ns = time.ns;
			return 0;
		}
	}
	return -EAGAIN;
}

void bpf_children_close(struct children_time_bpf *object)
{
	children_time_bpf__destroy(object);
}
