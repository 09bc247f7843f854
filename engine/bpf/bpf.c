/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens, closes and describes the bpf engine, which implements engine.h. */
#include "engine_bpf.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maze.skel.h"

static void bpf_close(struct engine *engine)
{
	int i;

	if (!engine)
		return;
	bpf_service_done(engine);
	bpf_totals_done(engine);
	bpf_unmap_state(engine);
	if (engine->gone_fd >= 0)
		close(engine->gone_fd);
	if (engine->spare_ring >= 0)
		close(engine->spare_ring);
	if (engine->skeleton) {
		/* This closes fds[] too. */
		maze_bpf__destroy(engine->skeleton);
	} else {
		for (i = 0; i < OBJECT_COUNT; i++)
			if (engine->fds[i] >= 0)
				close(engine->fds[i]);
	}
	free(engine);
}

static int bpf_open(enum engine_scope scope, struct engine **ret_engine, struct maze_error *error)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int i, err;

	if (!engine)
		return maze_fail(error, -ENOMEM, "out of memory");
	engine->scope = scope;
	engine->gone_fd = engine->spare_ring = -1;
	for (i = 0; i < OBJECT_COUNT; i++)
		engine->fds[i] = -1;
	engine->service = (struct yield_service){ .wakeup = -1,
						  .link_fd = -1,
						  .event_fd = -1,
						  .probe_lock_fd = -1,
						  .service_lock_fd = -1 };
	if (scope == ENGINE_PRIVATE)
		err = bpf_load(engine, error);
	else
		err = bpf_pins_open(engine, scope == ENGINE_PINNED, error);
	if (!err)
		err = bpf_mark_self(engine, error);
	if (err) {
		bpf_close(engine);
		return err;
	}
	*ret_engine = engine;
	return 0;
}

static void describe(const struct kernel_offer *offer, struct engine_report *report)
{
	size_t n = 0;
	char *text = report->blind_spots;
	const size_t size = sizeof(report->blind_spots);

	snprintf(report->detail, sizeof(report->detail), "clock: %s; %s; %s; %s",
		 offer->steal_unknown || offer->clock_refused || !offer->has_clock_members
			 ? "exact at each tick"
			 : "exact",
		 "a timer per CPU, armed only while a watched task runs",
		 kernel_yield_text(offer->yield),
		 offer->has_unwinder ? "stacks of runaway threads, in user code and in the kernel"
				     : "stacks of runaway threads, in user code only");
	text[0] = '\0';
	if (offer->clock_refused)
		n += (size_t)snprintf(
			text + n, size - n,
			"The scheduler's clock cannot be read (perf_event_open: %s), so "
			"verdicts wait for the next tick: up to 10 ms late. If "
			"kernel.perf_event_paranoid is 3, loading the engine (maze load) "
			"needs CAP_SYS_ADMIN, or the setting 2.\n",
			strerror(offer->clock_refused));
	else if (offer->steal_unknown)
		n += (size_t)snprintf(text + n, size - n,
				      "This machine's steal or interrupt clock cannot be read, so "
				      "verdicts wait for the next tick: up to 10 ms late.\n");
	if (offer->yield == YIELD_BY_SCHED_EXIT || offer->yield == YIELD_BY_SYS_ENTER)
		n += (size_t)snprintf(
			text + n, size - n,
			"A sched_yield that finds nothing else to run is seen by a probe that a "
			"maze process attaches from %s of a limit on; CPU time before that is "
			"not counted. Without a maze process it is not seen, and verdicts are "
			"late by the limit or 1 s, whichever is more.\n",
			offer->yield == YIELD_BY_SCHED_EXIT ? "a 64th" : "half");
	if (offer->clock_refused && offer->yield != YIELD_BY_SCHED_EXIT &&
	    offer->yield != YIELD_BY_NOTHING)
		n += (size_t)snprintf(text + n, size - n,
				      "Without that clock, the verdict after a sched_yield that "
				      "finds nothing else to run is up to 25 ms late.\n");
	if (offer->yield == YIELD_BY_NOTHING)
		n += (size_t)snprintf(text + n, size - n,
				      "A sched_yield that finds nothing else to run is not seen, "
				      "unless the timer interrupts it.\n");
	if (offer->has_nohz_full)
		n += (size_t)snprintf(text + n, size - n,
				      "On nohz_full CPUs, verdicts of kernels before 6.7 may "
				      "wait for the next switch.\n");
	if (!offer->has_sched_info)
		n += (size_t)snprintf(text + n, size - n,
				      "This kernel does not support a finite --recovery.\n");
	n += (size_t)snprintf(text + n, size - n, "%s", offer->losses);
	snprintf(text + n, size - n, "Threads that io_uring makes for itself are not watched.\n");
}

static void bpf_probe(struct engine_report *ret_report)
{
	struct maze_error error = { "" };
	struct kernel_offer offer;

	memset(ret_report, 0, sizeof(*ret_report));
	ret_report->name = engine_bpf.name;
	ret_report->pinned = bpf_pins_present();
	if (kernel_probe(&offer, NULL, &error)) {
		snprintf(ret_report->why_not, sizeof(ret_report->why_not), "%s", error.text);
		return;
	}
	ret_report->usable = true;
	describe(&offer, ret_report);
}

/* Returns the ID of the meta map. The kernel reuses an ID only after all other IDs. */
static maze_u64 bpf_instance(struct engine *engine)
{
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(engine->fds[OBJECT_META], &info, &length))
		return 0;
	return info.id;
}

static bool bpf_sees_yields(const struct engine *engine)
{
	return engine->config.yield_probe != MAZE_YIELD_NONE;
}

/* This process runs the file, so the dentry of the file stays the same. */
static void bpf_spare_program(struct engine *engine)
{
	if (engine->scope == ENGINE_PRIVATE)
		engine->state->spared_program = engine->state->own_program;
}

const struct engine_ops engine_bpf = {
	.name = "bpf",
	.interface = MAZE_BPF_ABI,
	.sees_yields = bpf_sees_yields,
	.probe = bpf_probe,
	.open = bpf_open,
	.close = bpf_close,
	.watch = bpf_watch,
	.unwatch = bpf_unwatch,
	.unwatch_all = bpf_unwatch_all,
	.allow = bpf_allow,
	.list = bpf_list,
	.totals = bpf_totals,
	.counts = bpf_counts,
	.streaks = bpf_streaks,
	.reader_open = bpf_reader_open,
	.reader_fd = bpf_reader_fd,
	.reader_next = bpf_reader_next,
	.reader_close = bpf_reader_close,
	.instance = bpf_instance,
	.follow = bpf_follow,
	.follower_fd = bpf_follower_fd,
	.follower_next = bpf_follower_next,
	.follower_close = bpf_follower_close,
	.evidence_open = bpf_evidence_open,
	.evidence_fd = bpf_evidence_fd,
	.evidence_next_process_info = bpf_evidence_next_process_info,
	.evidence_next_stack = bpf_evidence_next_stack,
	.evidence_runs = bpf_evidence_runs,
	.evidence_lost = bpf_evidence_lost,
	.evidence_close = bpf_evidence_close,
	.service_fd = bpf_service_fd,
	.service = bpf_service,
	.become_service = bpf_become_service,
	.gone_fd = bpf_pins_gone_fd,
	.gone = bpf_pins_gone,
	.spare_program = bpf_spare_program,
	.unload = bpf_pins_unload,
};
