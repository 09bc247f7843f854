/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The yield-probe service, for kernels that refuse fentry. It attaches the probe while a
 * watched task needs the probe, and detaches it when no task does. A descriptor of this
 * process holds the probe, so the probe ends with the process.
 *
 * Without the service the limits are still enforced. But the engine misses the yield of a
 * task that is alone on its CPU, unless the timer interrupts the system call.
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

/* The probe stays attached this long after its last use, to avoid frequent changes. */
#define QUIET_MS 1000
/* The duration of a lease (see renew_lease()), and the time after which it is renewed. */
#define LEASE_MS 2000
#define LEASE_RENEW_MS 500

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
	/* A program on a tracepoint event runs for all tasks and CPUs. */
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
	close_fd(&service->probe_lock_fd);
}

/*
 * Renews the lease. Until the lease ends, the kernel side relies on the attached probe.
 * Each attachment has a new number. When the kernel side first sees a new number for a
 * task, earlier yields of the task may have been missed. When a lease runs out, the
 * kernel side sets the number to 0. So does a service that attaches the probe.
 */
static void renew_lease(struct engine *engine)
{
	struct maze_state *state = engine->state;

	__atomic_store_n(&state->probe_lease_until_ns,
			 now_ns(CLOCK_BOOTTIME) + LEASE_MS * MAZE_NSEC_PER_MSEC, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&state->yield_probe, __ATOMIC_SEQ_CST))
		return;
	if (!++state->yield_probes)
		state->yield_probes = 1;
	__atomic_store_n(&state->yield_probe, state->yield_probes, __ATOMIC_SEQ_CST);
}

static bool lock_probe(struct engine *engine)
{
	if (engine->scope == ENGINE_PRIVATE)
		return true;
	engine->service.probe_lock_fd = bpf_pins_lock_probe();
	return engine->service.probe_lock_fd >= 0;
}

int bpf_service_fd(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	if (engine->config.yield_probe != MAZE_YIELD_ON_DEMAND)
		return -1;
	if (!service->ring) {
		if (bpf_notify_open(engine, &engine->state->notify_yield_probe, &service->wakeup,
				    &service->ring, NULL))
			return -1;
		/* Then a watch that begins now misses no yield of its first episode. */
		service->begins = true;
	}
	return bpf_notify_fd(service->ring);
}

int bpf_service(struct engine *engine)
{
	struct yield_service *service = &engine->service;
	bool wanted;

	if (!service->ring)
		return -1;
	bpf_notify_drain(service->ring);
	wanted = __atomic_load_n(&engine->state->yield_probe_users, __ATOMIC_ACQUIRE) > 0;

	if (service->link_fd < 0) {
		if (!wanted && !service->begins)
			return -1;
		service->begins = false;
		/*
		 * Another process has the probe attached. That process may be killed, so
		 * try again later.
		 */
		if (!lock_probe(engine))
			return LEASE_RENEW_MS;
		if (attach(engine)) {
			detach(engine);
			return LEASE_RENEW_MS;
		}
		/*
		 * A killed service leaves its number until its lease ends, but yields
		 * since then were missed.
		 */
		__atomic_store_n(&engine->state->yield_probe, 0, __ATOMIC_SEQ_CST);
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
	renew_lease(engine);
	return wanted ? LEASE_RENEW_MS : QUIET_MS + 1;
}

int bpf_become_service(struct engine *engine)
{
	int fd;

	if (engine->scope == ENGINE_PRIVATE)
		return 0;
	fd = bpf_pins_lock_service();
	if (fd < 0)
		return fd == -EWOULDBLOCK ? -EEXIST : fd;
	engine->service.service_lock_fd = fd;
	return 0;
}

void bpf_service_done(struct engine *engine)
{
	struct yield_service *service = &engine->service;

	detach(engine);
	close_fd(&service->service_lock_fd);
	if (service->ring)
		bpf_notify_close(engine, service->wakeup, service->ring);
	service->ring = NULL;
}
