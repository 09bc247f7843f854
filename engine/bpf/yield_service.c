/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attending to the yield probe, where the kernel refuses fentry: attached while
 * some watched task nears a limit, detached when none does, held by a descriptor
 * of this process so that it goes when we go.
 *
 * Without an attendant enforcement goes on; what is then not seen is a yield of a
 * task that is alone on its CPU, unless the timer runs into it.
 */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel_probe.h"
#include "../../base/clock.h"

/* Detached after this long without need, so that it is not put on and off all the time. */
#define QUIET_MS 1000
/* While attached we vouch for the probe this far ahead, and come back in good time. */
#define VOUCH_MS 2000
#define VOUCH_AGAIN_MS 500

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int attach_sys_enter(struct engine *engine)
{
	int id = kernel_tracepoint_id("syscalls", "sys_enter_sched_yield");
	struct yield_service *service = &engine->service;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};

	if (id < 0)
		return id;
	attr.config = (__u64)id;
	/* BPF on a tracepoint event runs for all tasks and CPUs, whatever the event's own. */
	service->event_fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (service->event_fd < 0)
		return -errno;
	service->link_fd = bpf_link_create(engine->fds[OBJECT_PROG_SYS_ENTER], service->event_fd,
					   BPF_PERF_EVENT, NULL);
	if (service->link_fd < 0 || ioctl(service->event_fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
}

static int attach(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	if (engine->fds[OBJECT_PROG_SCHED_EXIT] < 0)
		return attach_sys_enter(engine);
	service->link_fd = bpf_raw_tracepoint_open(NULL, engine->fds[OBJECT_PROG_SCHED_EXIT]);
	return service->link_fd < 0 ? -errno : 0;
}

static void detach(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	if (service->link_fd >= 0)
		__atomic_store_n(&engine->state->yield_probe, 0, __ATOMIC_SEQ_CST);
	close_fd(&service->link_fd);
	close_fd(&service->event_fd);
	close_fd(&service->turn_fd);
}

/*
 * Says that the probe is in place, by a number of its own: of what a task ran before it
 * knows that number, no yield was seen. Also when the kernel has stopped believing us.
 */
static void vouch(struct engine *engine)
{
	struct maze_state *state = engine->state;

	__atomic_store_n(&state->probe_until_ns,
			 now_ns(CLOCK_BOOTTIME) + VOUCH_MS * MAZE_NSEC_PER_MSEC, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&state->yield_probe, __ATOMIC_SEQ_CST))
		return;
	if (!++state->yield_probes)
		state->yield_probes = 1;
	__atomic_store_n(&state->yield_probe, state->yield_probes, __ATOMIC_SEQ_CST);
}

static bool take_turn(struct engine *engine)
{
	if (engine->scope == ENGINE_PRIVATE)
		return true;
	engine->service.turn_fd = bpf_pins_take_turn();
	return engine->service.turn_fd >= 0;
}

int bpf_service_fd(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	if (engine->config.yield_probe != MAZE_YIELD_ON_DEMAND)
		return -1;
	if (!service->ring) {
		if (bpf_doorbell_open(engine, &engine->state->near_bells, &service->doorbell,
				      &service->ring, NULL))
			return -1;
		/* So that a task whose watch begins now is sure of its first episode, too. */
		service->begins = true;
	}
	return bpf_doorbell_fd(service->ring);
}

int bpf_service(struct engine *engine)
{
	struct yield_service *service = &engine->service;
	bool wanted;

	if (!service->ring)
		return -1;
	bpf_doorbell_drain(service->ring);
	wanted = __atomic_load_n(&engine->state->near_count, __ATOMIC_ACQUIRE) > 0;

	if (service->link_fd < 0) {
		if (!wanted && !service->begins)
			return -1;
		service->begins = false;
		/* Another attends; should it be killed meanwhile, we are there to take over. */
		if (!take_turn(engine))
			return VOUCH_AGAIN_MS;
		if (attach(engine)) {
			detach(engine);
			return VOUCH_AGAIN_MS;
		}
	}
	if (wanted)
		service->quiet_ns = 0;
	else if (!service->quiet_ns)
		service->quiet_ns = now_ns(CLOCK_BOOTTIME);
	else if (now_ns(CLOCK_BOOTTIME) - service->quiet_ns > QUIET_MS * MAZE_NSEC_PER_MSEC) {
		service->quiet_ns = 0;
		detach(engine);
		return -1;
	}
	vouch(engine);
	return wanted ? VOUCH_AGAIN_MS : QUIET_MS + 1;
}

int bpf_become_service(struct engine *engine)
{
	int fd;

	if (engine->scope == ENGINE_PRIVATE)
		return 0;
	fd = bpf_pins_take_residence();
	if (fd < 0)
		return fd == -EWOULDBLOCK ? -EEXIST : fd;
	engine->service.residence_fd = fd;
	return 0;
}

void bpf_service_done(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	detach(engine);
	close_fd(&service->residence_fd);
	if (service->ring)
		bpf_doorbell_close(engine, service->doorbell, service->ring);
	service->ring = NULL;
}
