/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaches and detaches the switch handler; see attach.h. It uses the engine below
 * libmaze, which has no such call.
 */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "bench.h"
#include "engine/bpf/engine_bpf.h"

#include "maze.skel.h"

static void turn(struct bpf_program *program, struct bpf_link **link, bool on)
{
	if (!on) {
		bpf_link__destroy(*link);
		*link = NULL;
		return;
	}
	*link = bpf_program__attach(program);
	if (!*link)
		bench_die(bpf_program__name(program));
}

void attach_switch(struct engine *engine, bool on)
{
	struct maze_bpf *skeleton = engine->skeleton;

	turn(skeleton->progs.handle__sched_switch, &skeleton->links.handle__sched_switch, on);
}

void attach_lives(struct engine *engine, bool on)
{
	struct maze_bpf *skeleton = engine->skeleton;

	turn(skeleton->progs.handle__sched_process_exit,
	     &skeleton->links.handle__sched_process_exit, on);
	turn(skeleton->progs.handle__sched_process_fork,
	     &skeleton->links.handle__sched_process_fork, on);
}

const char *attach_yield_probe(struct engine *engine, bool on)
{
	struct maze_bpf *skeleton = engine->skeleton;
	struct bpf_program *program = NULL;
	struct bpf_link **link;

	if (engine->fds[OBJECT_PROG_SCHED_EXIT] >= 0) {
		program = skeleton->progs.handle__sched_exit;
		link = &skeleton->links.handle__sched_exit;
	} else if (engine->fds[OBJECT_PROG_SYS_ENTER] >= 0) {
		program = skeleton->progs.handle__sys_enter_sched_yield;
		link = &skeleton->links.handle__sys_enter_sched_yield;
	}
	if (!program)
		return NULL;
	turn(program, link, on);
	return bpf_program__name(program);
}

struct engine *attach_open(void)
{
	struct maze_error error = { "" };
	struct engine *engine;

	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error))
		bench_fail("%s", error.text);
	attach_switch(engine, false);
	return engine;
}

void attach_close(struct engine *engine)
{
	engine_bpf.close(engine);
}

static bool watch_under(struct engine *engine, pid_t pid, const struct maze_policy *policy)
{
	struct engine_target target = { .pidfd = pidfd_open(pid, 0) };
	struct engine_claim claim = { 0, 0 };
	struct maze_error error = { "" };
	int err = -ESRCH;

	if (target.pidfd >= 0) {
		err = engine_bpf.watch(engine, &target, policy, &claim, &error);
		close(target.pidfd);
	}
	if (err && err != -ESRCH)
		bench_fail("%s", error.text);
	return !err;
}

bool attach_try_watch(struct engine *engine, pid_t pid)
{
	struct maze_policy policy = bench_far_policy();

	return watch_under(engine, pid, &policy);
}

void attach_watch(struct engine *engine, pid_t pid)
{
	struct maze_policy policy = bench_far_policy();

	attach_watch_with(engine, pid, &policy);
}

void attach_watch_with(struct engine *engine, pid_t pid, const struct maze_policy *policy)
{
	if (!watch_under(engine, pid, policy))
		bench_fail("the process to watch has ended");
}

void attach_unwatch(struct engine *engine, pid_t pid)
{
	struct engine_target target = { .pidfd = pidfd_open(pid, 0) };
	struct engine_claim claim = { 0, 0 };
	struct maze_error error = { "" };
	int err;

	if (target.pidfd < 0)
		return;
	err = engine_bpf.unwatch(engine, &target, &claim, &error);
	close(target.pidfd);
	if (err && err != -ESRCH && err != -ENOENT)
		bench_fail("%s", error.text);
}

int attach_program_fd(struct engine *engine)
{
	return bpf_program__fd(engine->skeleton->progs.handle__sched_switch);
}

int attach_empty(int *ret_program_fd)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	struct btf *btf = btf__load_vmlinux_btf();
	int prog, link;

	if (!btf)
		bench_die("no BTF");
	opts.attach_btf_id =
		(__u32)btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &opts);
	link = prog < 0 ? -1 : bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		bench_die("cannot attach the empty program");
	btf__free(btf);
	if (ret_program_fd)
		*ret_program_fd = prog;
	else
		close(prog);
	return link;
}

static bool is_on_sched_switch(__u32 id)
{
	struct bpf_link_info info = { 0 };
	__u32 length = sizeof(info);
	char name[32] = "";
	int fd = bpf_link_get_fd_by_id(id);

	if (fd < 0)
		return false;
	info.raw_tracepoint.tp_name = (__u64)(unsigned long)name;
	info.raw_tracepoint.tp_name_len = sizeof(name);
	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.type != BPF_LINK_TYPE_RAW_TRACEPOINT)
		name[0] = '\0';
	close(fd);
	return !strcmp(name, "sched_switch");
}

int attach_count(void)
{
	__u32 id = 0;
	int count = 0;

	while (!bpf_link_get_next_id(id, &id))
		count += is_on_sched_switch(id);
	return count;
}
