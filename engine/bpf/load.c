/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the BPF program into the kernel and attaches it. Unless pins.c pins the program,
 * only descriptors of this process hold it. So the kernel removes it when the process
 * ends.
 */
#include "engine_bpf.h"
#include "kernel_members.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "maze.skel.h"

/*
 * The longest time between two updates of a running task's runtime by the tick. The tick
 * comes every 10 ms at HZ=100, and may be late. On nohz_full CPUs the update comes every
 * 1 s (kernel/sched/core.c, sched_tick_remote()).
 */
#define PENDING_MAX_NS (25 * MAZE_NSEC_PER_MSEC)
#define PENDING_MAX_NOHZ_FULL_NS (1500 * MAZE_NSEC_PER_MSEC)

/*
 * From this part of its limit on, a task needs the yield probe: a 64th for the cheap
 * probe, a half for the probe that slows down all system calls. The engine does not count
 * CPU time before the probe was attached, so the first verdict is late by that time.
 */
#define PROBE_SHIFT_CHEAP 6
#define PROBE_SHIFT_COSTLY 1

/* Attempts to set up the timer of a CPU: 100 attempts take one second. */
#define TIMER_ATTEMPTS 100
#define TIMER_ATTEMPT_US 10000

/* The first warning of libbpf since the load began, for the error message. */
static char last_warning[256];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	char *newline;

	if (getenv("MAZE_DEBUG"))
		return vfprintf(stderr, format, args);
	/* Ignore "accesses field": the verifier removes such loads of READ(). */
	if (level != LIBBPF_WARN || last_warning[0] || strstr(format, "accesses field"))
		return 0;
	vsnprintf(last_warning, sizeof(last_warning), format, args);
	newline = strchr(last_warning, '\n');
	if (newline)
		*newline = '\0';
	return 0;
}

static void fill_config(struct maze_config *config, const struct kernel_offer *offer)
{
	config->steal_delta = offer->steal_delta;
	config->irq_total_delta = offer->irq_total_delta;
	config->irq_start_delta = offer->irq_start_delta;
	config->has_steal = offer->has_steal;
	config->steal_unknown = offer->steal_unknown;
	config->has_irqtime = offer->has_irqtime;
	config->cpus = offer->cpus;
	config->pending_max_ns = offer->has_nohz_full ? PENDING_MAX_NOHZ_FULL_NS : PENDING_MAX_NS;
	config->has_sched_info = offer->has_sched_info;
	config->has_irq_stack = offer->has_irq_stack;
	config->has_late_inherit = offer->has_late_inherit;
	config->task_type = offer->task_type;
	config->registers_type = offer->registers_type;
	config->irq_stack_delta = offer->irq_stack_delta;
	config->irq_inuse_delta = offer->irq_inuse_delta;
	config->probe_shift =
		offer->yield == YIELD_BY_SYS_ENTER ? PROBE_SHIFT_COSTLY : PROBE_SHIFT_CHEAP;
	if (offer->yield == YIELD_BY_FENTRY)
		config->yield_probe = MAZE_YIELD_PERMANENT;
	else if (offer->yield != YIELD_BY_NOTHING)
		config->yield_probe = MAZE_YIELD_ON_DEMAND;
}

/* Opens the clock events. Returns whether at least one CPU has one. */
static bool open_clocks(int map_fd, maze_u32 cpus)
{
	bool any = false;
	maze_u32 cpu;
	int fd;

	for (cpu = 0; cpu < cpus; cpu++) {
		fd = kernel_open_clock((int)cpu);
		if (fd < 0)
			continue; /* offline; after it comes online, its verdicts wait for ticks */
		if (!bpf_map_update_elem(map_fd, &cpu, &fd, BPF_ANY))
			any = true;
		close(fd); /* the map holds the event */
	}
	return any;
}

/* Opens the events before the load, because the program's config has a flag for them. */
static int create_clocks(struct maze_bpf *skeleton, const struct kernel_offer *offer,
			 struct maze_config *config)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_PRESERVE_ELEMS);
	int fd, err;

	fd = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "clocks", sizeof(maze_u32),
			    sizeof(maze_u32), config->cpus, &opts);
	if (fd < 0)
		return -errno;
	config->has_clock = offer->has_clock_members && open_clocks(fd, config->cpus);
	err = bpf_map__reuse_fd(skeleton->maps.clocks, fd);
	close(fd);
	return err;
}

/* Initialises all timers. The kernel does not sleep to allocate one, so this can fail. */
static int initialise_timers(struct engine *engine, struct maze_error *error)
{
	int prog_fd = bpf_program__fd(engine->skeleton->progs.handle__setup);
	struct maze_state *state = engine->state;
	int err, fd, attempts = 0;

	while (state->timers_initialised < engine->config.cpus) {
		maze_u32 before = state->timers_initialised;

		err = bpf_iterate(prog_fd, -1, 0, &fd);
		if (err)
			return maze_fail(error, err, "cannot iterate over tasks: %s",
					 strerror(-err));
		(void)bpf_drain_iterator(fd);
		if (state->timers_initialised != before) {
			attempts = 0;
			continue;
		}
		if (++attempts == TIMER_ATTEMPTS)
			return maze_fail(error, -ENOMEM, "cannot set up a BPF timer for CPU %u: %s",
					 before, strerror((int)-state->timer_error));
		usleep(TIMER_ATTEMPT_US);
	}
	return 0;
}

static void *do_nothing(void *unused)
{
	return unused;
}

/* The exit handler gives the timers their callback when a thread exits. */
static int complete_timers(struct engine *engine, struct maze_error *error)
{
	const volatile struct maze_state *state = engine->state;
	pthread_t thread;
	int attempts, err;

	for (attempts = 0; state->timers_ready < engine->config.cpus; attempts++) {
		if (attempts == TIMER_ATTEMPTS)
			return maze_fail(error, -EOPNOTSUPP,
					 "cannot set the callback of the BPF timer for CPU %u",
					 state->timers_ready);
		err = pthread_create(&thread, NULL, do_nothing, NULL);
		if (err)
			return maze_fail(error, -err, "cannot start a thread: %s", strerror(err));
		pthread_join(thread, NULL);
		/* On some kernels the join ends before the handler runs. */
		if (state->timers_ready < engine->config.cpus)
			usleep(attempts ? TIMER_ATTEMPT_US : 200);
	}
	return 0;
}

static void collect_fds(struct engine *engine, enum yield_method yield)
{
	struct maze_bpf *skeleton = engine->skeleton;
	int *fds = engine->fds;

	fds[OBJECT_META] = bpf_map__fd(skeleton->maps.meta);
	fds[OBJECT_TASKS] = bpf_map__fd(skeleton->maps.tasks);
	fds[OBJECT_TICKETS] = bpf_map__fd(skeleton->maps.tickets);
	fds[OBJECT_CPUS] = bpf_map__fd(skeleton->maps.cpus);
	fds[OBJECT_TIMERS] = bpf_map__fd(skeleton->maps.timers);
	fds[OBJECT_CLOCKS] = bpf_map__fd(skeleton->maps.clocks);
	fds[OBJECT_VERDICT_LOG] = bpf_map__fd(skeleton->maps.verdict_log);
	fds[OBJECT_LIFECYCLE_LOG] = bpf_map__fd(skeleton->maps.lifecycle_log);
	fds[OBJECT_STACK_LOG] = bpf_map__fd(skeleton->maps.stack_log);
	fds[OBJECT_PROCESS_INFO_LOG] = bpf_map__fd(skeleton->maps.process_info_log);
	fds[OBJECT_RUN_LOG] = bpf_map__fd(skeleton->maps.run_log);
	fds[OBJECT_WAKEUPS] = bpf_map__fd(skeleton->maps.wakeups);
	fds[OBJECT_REQUEST] = bpf_map__fd(skeleton->maps.request);
	fds[OBJECT_ALLOWANCES] = bpf_map__fd(skeleton->maps.allowances);
	fds[OBJECT_STREAK_CLASSES] = bpf_map__fd(skeleton->maps.streak_classes);
	fds[OBJECT_STATE] = bpf_map__fd(skeleton->maps.bss);
	fds[OBJECT_CONFIG] = bpf_map__fd(skeleton->maps.rodata);
	fds[OBJECT_PROG_CONTROL] = bpf_program__fd(skeleton->progs.handle__control);
	fds[OBJECT_PROG_LIST] = bpf_program__fd(skeleton->progs.handle__list);
	fds[OBJECT_PROG_STREAKS] = bpf_program__fd(skeleton->progs.handle__streaks);
	fds[OBJECT_PROG_SCHED_EXIT] = -1;
	fds[OBJECT_PROG_SYS_ENTER] = -1;
	if (yield == YIELD_BY_SCHED_EXIT)
		fds[OBJECT_PROG_SCHED_EXIT] = bpf_program__fd(skeleton->progs.handle__sched_exit);
	if (yield == YIELD_BY_SYS_ENTER)
		fds[OBJECT_PROG_SYS_ENTER] =
			bpf_program__fd(skeleton->progs.handle__sys_enter_sched_yield);
}

static int attach_all(struct maze_bpf *skeleton, const struct kernel_offer *offer,
		      struct maze_error *error)
{
	bool fentry = offer->yield == YIELD_BY_FENTRY;
	struct {
		struct bpf_program *program;
		struct bpf_link **link;
		bool wanted;
	} table[] = {
		/* Attach exit and fork before switch, because switch relies on them. */
		{ skeleton->progs.handle__sched_process_exit,
		  &skeleton->links.handle__sched_process_exit, true },
		{ skeleton->progs.handle__sched_process_fork,
		  &skeleton->links.handle__sched_process_fork, true },
		{ skeleton->progs.handle__sched_wakeup_new,
		  &skeleton->links.handle__sched_wakeup_new, offer->has_late_inherit },
		{ skeleton->progs.handle__yield_fair, &skeleton->links.handle__yield_fair, fentry },
		{ skeleton->progs.handle__yield_rt, &skeleton->links.handle__yield_rt, fentry },
		{ skeleton->progs.handle__yield_dl, &skeleton->links.handle__yield_dl, fentry },
		{ skeleton->progs.handle__yield_scx, &skeleton->links.handle__yield_scx,
		  fentry && offer->has_yield_scx },
		{ skeleton->progs.handle__sched_switch, &skeleton->links.handle__sched_switch,
		  true },
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!table[i].wanted)
			continue;
		*table[i].link = bpf_program__attach(table[i].program);
		if (!*table[i].link)
			return maze_fail(error, -errno, "cannot attach %s: %s",
					 bpf_program__name(table[i].program), strerror(errno));
	}
	return 0;
}

/* `types`: the path of the file that libbpf reads the kernel's types from; NULL: of all. */
static int open_skeleton(struct engine *engine, const struct kernel_offer *offer, const char *types,
			 struct maze_error *error)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = types);
	struct maze_bpf *skeleton = maze_bpf__open_opts(&opts);
	bool fentry = offer->yield == YIELD_BY_FENTRY;
	struct maze_config *config;
	int err;

	if (!skeleton)
		return maze_fail(error, -errno, "cannot open the bpf engine's program: %s",
				 strerror(errno));
	engine->skeleton = skeleton;
	config = (struct maze_config *)&skeleton->rodata->config;
	fill_config(config, offer);
	bpf_map__set_max_entries(skeleton->maps.cpus, offer->cpus);
	bpf_map__set_max_entries(skeleton->maps.timers, offer->cpus);
	bpf_map__set_max_entries(skeleton->maps.clocks, offer->cpus);
	bpf_program__set_autoload(skeleton->progs.handle__sched_wakeup_new,
				  offer->has_late_inherit);
	bpf_program__set_autoload(skeleton->progs.handle__yield_fair, fentry);
	bpf_program__set_autoload(skeleton->progs.handle__yield_rt, fentry);
	bpf_program__set_autoload(skeleton->progs.handle__yield_dl, fentry);
	bpf_program__set_autoload(skeleton->progs.handle__yield_scx,
				  fentry && offer->has_yield_scx);
	bpf_program__set_autoload(skeleton->progs.handle__sched_exit,
				  offer->yield == YIELD_BY_SCHED_EXIT);
	bpf_program__set_autoload(skeleton->progs.handle__sys_enter_sched_yield,
				  offer->yield == YIELD_BY_SYS_ENTER);
	err = create_clocks(skeleton, offer, config);
	if (err)
		return maze_fail(error, err, "cannot create a map of clock events: %s",
				 strerror(-err));
	return 0;
}

static int load_skeleton(struct engine *engine, const struct kernel_offer *offer,
			 const struct btf *types, struct maze_error *error)
{
	int fd = memfd_create("maze-types", MFD_CLOEXEC), err;
	char path[64];
	bool few;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	few = fd >= 0 && !access(path, R_OK);
	err = open_skeleton(engine, offer, few ? path : kernel_btf_path(), error);
	if (err)
		goto out_close;
	if (few)
		err = kernel_write_needed_types(bpf_object__btf(engine->skeleton->obj), types, fd);
	err = err ? err : maze_bpf__load(engine->skeleton);
	if (err)
		maze_fail(error, err,
			  "cannot load the bpf engine's program: %s (%s); MAZE_DEBUG=1 shows "
			  "the kernel's log",
			  strerror(-err), last_warning);
out_close:
	if (fd >= 0)
		close(fd);
	return err;
}

int bpf_load(struct engine *engine, struct maze_error *error)
{
	struct maze_meta meta = { .magic = MAZE_BPF_MAGIC, .abi = MAZE_BPF_ABI };
	struct kernel_offer offer;
	struct btf *types;
	maze_u32 zero = 0;
	int err;

	err = kernel_probe(&offer, &types, error);
	if (err)
		return err;
	last_warning[0] = '\0';
	libbpf_set_print(keep_warning);
	err = load_skeleton(engine, &offer, types, error);
	btf__free(types);
	if (err)
		return err;
	collect_fds(engine, offer.yield);
	if (bpf_map_update_elem(engine->fds[OBJECT_META], &zero, &meta, BPF_ANY))
		return maze_fail(error, -errno, "cannot write the engine's version: %s",
				 strerror(errno));
	err = bpf_map_state(engine, error);
	if (err)
		return err;
	err = initialise_timers(engine, error);
	if (!err)
		err = attach_all(engine->skeleton, &offer, error);
	return err ? err : complete_timers(engine, error);
}
