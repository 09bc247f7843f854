/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads and runs the program that adds up the watches by tag. */
#include "totals.h"
#include "engine_bpf.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "totals.skel.h"

void bpf_totals_done(struct engine *engine)
{
	totals_bpf__destroy(engine->totals);
	engine->totals = NULL;
}

static int load(struct engine *engine)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path());
	libbpf_print_fn_t print = libbpf_set_print(kernel_print_if_debug);
	int err = -EOPNOTSUPP;

	engine->totals = totals_bpf__open_opts(&opts);
	if (engine->totals)
		err = bpf_map__reuse_fd(engine->totals->maps.tasks, engine->fds[OBJECT_TASKS]);
	if (!err)
		err = totals_bpf__load(engine->totals);
	libbpf_set_print(print);
	if (err)
		bpf_totals_done(engine);
	return err;
}

/* Returns the number of totals, or -errno. */
static int add_up(struct totals_bpf *object, maze_u64 *tags, struct maze_total *values)
{
	int map = bpf_map__fd(object->maps.totals), err;
	LIBBPF_OPTS(bpf_test_run_opts, run);
	maze_u32 next, count = TOTALS_MAX;

	object->bss->totals_state.missed = 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(object->progs.totals__add_up), &run);
	/* -ENOENT: that was the rest of the map. */
	if (!err)
		err = bpf_map_lookup_and_delete_batch(map, NULL, &next, tags, values, &count, NULL);
	if (err && err != -ENOENT)
		return err;
	return *(volatile maze_u64 *)&object->bss->totals_state.missed ? -E2BIG : (int)count;
}

int bpf_totals(struct engine *engine, int (*each)(const struct maze_total *total, void *arg),
	       void *arg)
{
	maze_u64 *tags;
	struct maze_total *values;
	int count, i, err = 0;

	if (!engine->totals && !engine->without_totals)
		engine->without_totals = load(engine) != 0;
	if (engine->without_totals)
		return -EOPNOTSUPP;
	tags = calloc(TOTALS_MAX, sizeof(*tags));
	values = calloc(TOTALS_MAX, sizeof(*values));
	count = tags && values ? add_up(engine->totals, tags, values) : -ENOMEM;
	/* Also what the map still has. */
	if (count < 0)
		bpf_totals_done(engine);
	for (i = 0; i < count && !err; i++)
		err = each(&values[i], arg);
	free(tags);
	free(values);
	return count < 0 ? -EOPNOTSUPP : err;
}
