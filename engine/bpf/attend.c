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

/* Detached after this long without need, so that it is not put on and off all the time. */
#define QUIET_MS 1000
/* While attached we vouch for the probe this far ahead, and come back in good time. */
#define VOUCH_MS 2000
#define VOUCH_AGAIN_MS 500

static maze_u64 boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int attach_sys_enter(struct engine *engine)
{
	int id = kernel_tracepoint_id("syscalls", "sys_enter_sched_yield");
	struct attendance *attendance = &engine->attendance;
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
	attendance->event_fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (attendance->event_fd < 0)
		return -errno;
	attendance->link_fd = bpf_link_create(engine->fds[OBJECT_PROG_SYS_ENTER],
					      attendance->event_fd, BPF_PERF_EVENT, NULL);
	if (attendance->link_fd < 0 || ioctl(attendance->event_fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
}

static int attach(struct engine *engine)
{
	struct attendance *attendance = &engine->attendance;

	if (engine->fds[OBJECT_PROG_SCHED_EXIT] < 0)
		return attach_sys_enter(engine);
	attendance->link_fd = bpf_raw_tracepoint_open(NULL, engine->fds[OBJECT_PROG_SCHED_EXIT]);
	return attendance->link_fd < 0 ? -errno : 0;
}

static void detach(struct engine *engine)
{
	struct attendance *attendance = &engine->attendance;

	if (attendance->link_fd >= 0)
		__atomic_store_n(&engine->state->yield_probe, 0, __ATOMIC_SEQ_CST);
	close_fd(&attendance->link_fd);
	close_fd(&attendance->event_fd);
	close_fd(&attendance->turn_fd);
}

/*
 * Says that the probe is in place, by a number of its own: of what a task ran before it
 * knows that number, no yield was seen. Also when the kernel has stopped believing us.
 */
static void vouch(struct engine *engine)
{
	struct maze_state *state = engine->state;

	__atomic_store_n(&state->probe_until_ns, boot_ns() + VOUCH_MS * MAZE_NSEC_PER_MSEC,
			 __ATOMIC_SEQ_CST);
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
	engine->attendance.turn_fd = bpf_pins_take_turn();
	return engine->attendance.turn_fd >= 0;
}

int bpf_attend_fd(struct engine *engine)
{
	struct attendance *attendance = &engine->attendance;

	if (engine->config.yield_probe != MAZE_YIELD_ON_DEMAND)
		return -1;
	if (!attendance->ring) {
		if (bpf_doorbell_open(engine, &engine->state->near_bells, &attendance->doorbell,
				      &attendance->ring, NULL))
			return -1;
		/* So that a task whose watch begins now is sure of its first episode, too. */
		attendance->begins = true;
	}
	return bpf_doorbell_fd(attendance->ring);
}

int bpf_attend(struct engine *engine)
{
	struct attendance *attendance = &engine->attendance;
	bool wanted;

	if (!attendance->ring)
		return -1;
	bpf_doorbell_drain(attendance->ring);
	wanted = __atomic_load_n(&engine->state->near_count, __ATOMIC_ACQUIRE) > 0;

	if (attendance->link_fd < 0) {
		if (!wanted && !attendance->begins)
			return -1;
		attendance->begins = false;
		/* Another attends; should it be killed meanwhile, we are there to take over. */
		if (!take_turn(engine))
			return VOUCH_AGAIN_MS;
		if (attach(engine)) {
			detach(engine);
			return VOUCH_AGAIN_MS;
		}
	}
	if (wanted)
		attendance->quiet_ns = 0;
	else if (!attendance->quiet_ns)
		attendance->quiet_ns = boot_ns();
	else if (boot_ns() - attendance->quiet_ns > QUIET_MS * MAZE_NSEC_PER_MSEC) {
		attendance->quiet_ns = 0;
		detach(engine);
		return -1;
	}
	vouch(engine);
	return wanted ? VOUCH_AGAIN_MS : QUIET_MS + 1;
}

int bpf_reside(struct engine *engine)
{
	int fd;

	if (engine->scope == ENGINE_PRIVATE)
		return 0;
	fd = bpf_pins_take_residence();
	if (fd < 0)
		return fd == -EWOULDBLOCK ? -EEXIST : fd;
	engine->attendance.residence_fd = fd;
	return 0;
}

void bpf_attend_done(struct engine *engine)
{
	struct attendance *attendance = &engine->attendance;

	detach(engine);
	close_fd(&attendance->residence_fd);
	if (attendance->ring)
		bpf_doorbell_close(engine, attendance->doorbell, attendance->ring);
	attendance->ring = NULL;
}
