/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two environment variables are for tests.
 * MAZE_YIELD_PROBE=fentry|sched_exit|sys_enter|none overrides the choice of the yield
 * probe. MAZE_KERNEL_BTF=FILE replaces the types of the running kernel, to test a kernel
 * that lacks some members.
 */
#include "kernel_probe.h"
#include "kernel_members.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective & (1U << (capability % 32));
}

int kernel_check_rights(struct maze_error *error)
{
	const char *lacking = has_capability(CAP_SYS_ADMIN)  ? NULL
			      : !has_capability(CAP_BPF)     ? "CAP_BPF"
			      : !has_capability(CAP_PERFMON) ? "CAP_PERFMON"
							     : NULL;

	if (!lacking)
		return 0;
	return maze_fail(error, -EPERM,
			 "uid %d lacks %s; run maze as root, or with CAP_BPF and CAP_PERFMON",
			 (int)geteuid(), lacking);
}

/* A capability that holds only in a user namespace does not permit bpf(2). */
static int check_bpf_allowed(struct maze_error *error)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "maze_probe", 4, 8, 1, NULL);

	if (fd < 0)
		return maze_fail(error, -EPERM,
				 "the kernel refuses bpf(2): %s; inside a container or user "
				 "namespace, run maze on the host instead",
				 strerror(errno));
	close(fd);
	return 0;
}

static bool find_percpu_offset(const struct btf *btf, const char *name, maze_u32 *ret_offset)
{
	int sec = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC), i;
	const struct btf_type *type = sec < 0 ? NULL : btf__type_by_id(btf, sec);
	const struct btf_var_secinfo *info;

	if (!type)
		return false;
	info = btf_var_secinfos(type);
	for (i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *var = btf__type_by_id(btf, info[i].type);

		if (var && !strcmp(btf__name_by_offset(btf, var->name_off), name)) {
			*ret_offset = info[i].offset;
			return true;
		}
	}
	return false;
}

static bool has_member(const struct btf *btf, const char *type_name, const char *member)
{
	return kernel_member_offset(btf, type_name, member) >= 0;
}

/*
 * KVM's steal clock is a plain per-CPU word. Bare metal and an emulator without a steal
 * clock have no steal. The steal clock of any other hypervisor cannot be read.
 */
static bool steal_is_readable(void)
{
#if defined(__x86_64__)
	unsigned int max, sig[3], features, b, c, d;

	__cpuid(1, max, b, c, d);
	if (!(c & (1U << 31)))
		return true; /* no hypervisor */
	__cpuid(0x40000000, features, sig[0], sig[1], sig[2]);
	return !memcmp(sig, "KVMKVMKVM\0\0", 12) || !memcmp(sig, "TCGTCGTCGTCG", 12);
#else
	return false;
#endif
}

static void probe_clocks(const struct btf *btf, struct kernel_offer *offer)
{
	maze_u32 rq = 0, steal = 0, irqtime = 0;
	int total, start;
	bool subtracts = has_member(btf, "rq", "prev_steal_time_rq");

	if (!find_percpu_offset(btf, "runqueues", &rq)) {
		offer->steal_unknown = subtracts;
		return;
	}
	if (subtracts) {
		offer->has_steal = find_percpu_offset(btf, "steal_time", &steal);
		offer->steal_delta = (long long)steal - rq;
		offer->steal_unknown = !offer->has_steal || !steal_is_readable();
	}
	if (has_member(btf, "rq", "prev_irq_time")) {
		total = kernel_member_offset(btf, "irqtime", "total");
		start = kernel_member_offset(btf, "irqtime", "irq_start_time");
		offer->has_irqtime = find_percpu_offset(btf, "cpu_irqtime", &irqtime) &&
				     total >= 0 && start >= 0;
		offer->irq_total_delta = (long long)irqtime - rq + total;
		offer->irq_start_delta = (long long)irqtime - rq + start;
		/* Unknown interrupt time would be charged to the task, like steal. */
		if (!offer->has_irqtime)
			offer->steal_unknown = true;
	}
}

/*
 * Finds the per-CPU addresses of the interrupt stack and of its in-use flag. Both are
 * variables, but from 6.2 to 6.14 they are members of one struct. Only x86 has them.
 */
static void probe_irq_stack(const struct btf *btf, struct kernel_offer *offer)
{
	int in_hot = kernel_member_offset(btf, "pcpu_hot", "hardirq_stack_ptr");
	int use_in_hot = kernel_member_offset(btf, "pcpu_hot", "hardirq_stack_inuse");
	maze_u32 rq = 0, hot = 0, stack = 0, in_use = 0;

	if (!find_percpu_offset(btf, "runqueues", &rq))
		return;
	if (in_hot >= 0 && use_in_hot >= 0 && find_percpu_offset(btf, "pcpu_hot", &hot)) {
		stack = hot + (maze_u32)in_hot;
		in_use = hot + (maze_u32)use_in_hot;
	} else if (!find_percpu_offset(btf, "hardirq_stack_ptr", &stack) ||
		   !find_percpu_offset(btf, "hardirq_stack_inuse", &in_use)) {
		return;
	}
	offer->has_irq_stack = true;
	offer->irq_stack_delta = (long long)stack - rq;
	offer->irq_inuse_delta = (long long)in_use - rq;
}

/*
 * Whether kmalloc_nolock() allocates task storage, which late inheritance needs. Earlier
 * kernels, from 6.4 on, use BPF's own allocator, which takes no lock either. But they do
 * not preempt tracepoint handlers, so they need no late inheritance.
 */
static bool storage_takes_no_lock(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "kfree_nolock", BTF_KIND_FUNC) > 0 &&
	       !has_member(btf, "bpf_local_storage_map", "bpf_ma");
}

/* Some kernels permit the load and refuse the trampoline, so attach the program too. */
static bool fentry_permitted(const struct btf *btf, const char *function)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC), prog, link;

	if (id < 0)
		return false;
	opts.attach_btf_id = id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "maze_probe", "GPL", nothing, 2, &opts);
	if (prog < 0)
		return false;
	link = bpf_raw_tracepoint_open(NULL, prog);
	close(prog);
	if (link < 0)
		return false;
	close(link);
	return true;
}

int kernel_tracepoint_id(const char *system, const char *event)
{
	static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[256], text[32] = "";
	unsigned int i;
	FILE *file;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events/%s/%s/id", mounts[i], system, event);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(text, sizeof(text), file))
			text[0] = '\0';
		fclose(file);
		if (atoi(text) > 0)
			return atoi(text);
	}
	return -ENOENT;
}

int kernel_print_if_debug(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return getenv("MAZE_DEBUG") ? vfprintf(stderr, format, args) : 0;
}

int kernel_load_error(int err)
{
	return err == -EPERM || err == -EACCES || err == -ENOMEM ? err : -EOPNOTSUPP;
}

const char *kernel_btf_path(void)
{
	return secure_getenv("MAZE_KERNEL_BTF");
}

static struct btf *load_types(void)
{
	libbpf_print_fn_t print = libbpf_set_print(kernel_print_if_debug);
	const char *path = kernel_btf_path();
	struct btf *btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();

	libbpf_set_print(print);
	return btf;
}

/* Since 5.18 the tracepoint has a fifth BTF parameter, the state of the previous task. */
static bool switch_reports_state(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, id);

	type = type ? btf__type_by_id(btf, type->type) : NULL;
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
}

/*
 * See the programs in maze.bpf.c: one on each class that this kernel has. All are built
 * alike, so one attachment is tried; each costs the start of `maze run` some milliseconds.
 */
static bool yields_by_fentry(const struct btf *btf, struct kernel_offer *offer)
{
	offer->has_yield_scx = btf__find_by_name_kind(btf, "yield_task_scx", BTF_KIND_FUNC) > 0;
	return btf__find_by_name_kind(btf, "yield_task_rt", BTF_KIND_FUNC) > 0 &&
	       btf__find_by_name_kind(btf, "yield_task_dl", BTF_KIND_FUNC) > 0 &&
	       fentry_permitted(btf, "yield_task_fair");
}

static enum yield_method choose_yield_method(const struct btf *btf, struct kernel_offer *offer)
{
	const char *forced = getenv("MAZE_YIELD_PROBE");

	if (forced && !strcmp(forced, "none"))
		return YIELD_BY_NOTHING;
	if ((!forced || !strcmp(forced, "fentry")) && yields_by_fentry(btf, offer))
		return YIELD_BY_FENTRY;
	if ((!forced || !strcmp(forced, "sched_exit")) &&
	    btf__find_by_name_kind(btf, "btf_trace_sched_exit_tp", BTF_KIND_TYPEDEF) > 0)
		return YIELD_BY_SCHED_EXIT;
	if ((!forced || !strcmp(forced, "sys_enter")) &&
	    kernel_tracepoint_id("syscalls", "sys_enter_sched_yield") > 0)
		return YIELD_BY_SYS_ENTER;
	return YIELD_BY_NOTHING;
}

static bool file_has_text(const char *path)
{
	FILE *file = fopen(path, "re");
	int c;

	if (!file)
		return false;
	c = fgetc(file);
	fclose(file);
	return c != EOF && c != '\n' && c != '(';
}

int kernel_open_clock(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Opens a clock event on the current CPU, because that CPU is online. */
static int try_clock(void)
{
	int cpu = sched_getcpu(), fd = kernel_open_clock(cpu < 0 ? 0 : cpu);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

int kernel_probe(struct kernel_offer *ret_offer, struct btf **ret_types, struct maze_error *error)
{
	struct kernel_offer offer = { 0 };
	struct btf *btf;
	int err, cpus;

	err = kernel_check_rights(error);
	if (err)
		return err;
	btf = load_types();
	if (!btf)
		return maze_fail(error, -EOPNOTSUPP,
				 "the bpf engine cannot read the kernel's type information at "
				 "/sys/kernel/btf/vmlinux (%s); boot a kernel built with "
				 "CONFIG_DEBUG_INFO_BTF, as Debian's are",
				 strerror(errno));
	err = check_bpf_allowed(error);
	if (err)
		goto out_btf;
	if (!switch_reports_state(btf) || !has_member(btf, "task_struct", "bpf_storage")) {
		err = maze_fail(
			error, -EOPNOTSUPP,
			"the bpf engine needs BPF tracing of sched_switch and task storage, "
			"which this kernel lacks; it runs on Linux 6.1 and later with "
			"CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS");
		goto out_btf;
	}
	err = kernel_members_check(btf, error);
	if (err)
		goto out_btf;
	kernel_members_losses(btf, offer.losses, sizeof(offer.losses));
	offer.has_clock_members = kernel_members_have_clock(btf);
	cpus = libbpf_num_possible_cpus();
	offer.cpus = cpus > 0 ? cpus : 1;
	offer.yield = choose_yield_method(btf, &offer);
	offer.has_late_inherit =
		storage_takes_no_lock(btf) &&
		btf__find_by_name_kind(btf, "btf_trace_sched_wakeup_new", BTF_KIND_TYPEDEF) > 0;
	offer.has_sched_info = has_member(btf, "task_struct", "sched_info") &&
			       has_member(btf, "sched_info", "last_queued") &&
			       has_member(btf, "sched_info", "run_delay");
	offer.has_nohz_full = file_has_text("/sys/devices/system/cpu/nohz_full");
	offer.has_unwinder = btf__find_by_name_kind(btf, "stack_trace_save_tsk", BTF_KIND_FUNC) > 0;
	probe_clocks(btf, &offer);
	offer.clock_refused = try_clock();
	probe_irq_stack(btf, &offer);
	offer.task_type = (maze_u32)btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	offer.registers_type = (maze_u32)btf__find_by_name_kind(btf, "pt_regs", BTF_KIND_STRUCT);
	*ret_offer = offer;
	if (ret_types) {
		*ret_types = btf;
		return 0;
	}
out_btf:
	btf__free(btf);
	return err;
}

const char *kernel_yield_text(enum yield_method method)
{
	switch (method) {
	case YIELD_BY_FENTRY:
		return "yields by fentry on yield_task_*, at no cost to other system calls";
	case YIELD_BY_SCHED_EXIT:
		return "yields at switches, and by tracepoint sched_exit_tp while a watched task "
		       "nears its limit (this kernel refuses fentry)";
	case YIELD_BY_SYS_ENTER:
		return "yields at switches, and by tracepoint sys_enter_sched_yield while a "
		       "watched task nears its limit (this kernel refuses fentry)";
	default:
		return "yields only at switches and when the timer interrupts one";
	}
}
