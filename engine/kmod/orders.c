/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts and ends watches by lines that it writes to /proc/maze/entries
 * (module/grammar.h).
 *
 * A line for one target has the PID of the target and the start time of its process. The
 * start time is read from a /proc directory that is checked against the pidfd. If the PID
 * is reused before the module reads the line, the start time does not match, so the
 * module rejects the line.
 */
#include "engine_kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/proc_files.h"
#include "../../base/pidfd.h"

/* Size of a line buffer. The longest line of format_watch() is shorter. */
#define LINE_MAX_BYTES 256

struct identity {
	pid_t pid;
	maze_u64 start_ticks;
};

static int identify(int pidfd, struct identity *ret_identity, struct maze_error *error)
{
	struct identity identity = { .pid = pidfd_pid(pidfd) };
	int dir, err;

	if (!identity.pid)
		return maze_fail(error, -ESRCH, "it has ended");
	dir = proc_open_process(identity.pid, pidfd);
	if (dir < 0)
		return maze_fail(error, dir, dir == -ESRCH ? "it has ended" : "%s", strerror(-dir));
	err = proc_start_ticks(dir, &identity.start_ticks);
	close(dir);
	if (err)
		return maze_fail(error, -ESRCH, "it has ended");
	*ret_identity = identity;
	return 0;
}

static int write_line(struct engine *engine, const char *line)
{
	ssize_t n = write(engine->entries, line, strlen(line));

	return n < 0 ? -errno : (size_t)n == strlen(line) ? 0 : -EIO;
}

/* In the grammar, a limit is a whole number of milliseconds. */
static int check_expressible(const struct maze_policy *policy, struct maze_error *error)
{
	if (policy->soft_ns % MAZE_NSEC_PER_MSEC || policy->hard_ns % MAZE_NSEC_PER_MSEC)
		return maze_fail(error, -EOPNOTSUPP,
				 "the kmod engine needs --soft and --hard in whole milliseconds");
	return 0;
}

static int explain(int err, struct maze_error *error)
{
	switch (err) {
	case -ESRCH:
		return maze_fail(error, err, "it has ended");
	case -EPERM:
		return maze_fail(error, err,
				 "it is a kernel thread or the init process, which are never "
				 "watched");
	case -ENOSPC:
		return maze_fail(error, err,
				 "the module watches the maximum number of tasks; raise "
				 "/sys/module/maze/parameters/max_entries");
	case -ENOMEM:
		return maze_fail(error, err, "the kernel is out of memory");
	case -EEXIST:
		return maze_fail(error, err, "it is already watched by another user or rule");
	case -ENOENT:
		return maze_fail(error, err, "it is not watched");
	default:
		return maze_fail(error, err, "the module rejects it: %s", strerror(-err));
	}
}

static void format_watch(char *line, const struct identity *identity, pid_t tid,
			 const struct maze_policy *policy, const struct engine_claim *claim)
{
	char recovery[32] = "", owner[32] = "";

	if (policy->recovery != MAZE_RECOVERY_INF)
		snprintf(recovery, sizeof(recovery), " recovery=%u", policy->recovery);
	if (policy->flags & MAZE_POLICY_OWNED)
		snprintf(owner, sizeof(owner), " owner=%u", policy->owner);
	snprintf(line, LINE_MAX_BYTES,
		 "%d %llu %llu %u %u start=%llu tag=%llu claim=%llu%s%s%s%s%s%s%s%s%s%s\n",
		 (int)(tid ? tid : identity->pid), policy->soft_ns / MAZE_NSEC_PER_MSEC,
		 policy->hard_ns / MAZE_NSEC_PER_MSEC, policy->soft_signal, policy->hard_signal,
		 identity->start_ticks, claim->tag, claim->mask, recovery, owner,
		 tid ? " thread" : "", policy->flags & MAZE_POLICY_INHERIT ? "" : " no-inherit",
		 policy->flags & MAZE_POLICY_YIELD_COUNTS ? " yield-counts" : "",
		 policy->flags & MAZE_POLICY_SHADOW ? " shadow" : "",
		 policy->flags & MAZE_POLICY_QUIET ? " quiet" : "",
		 policy->flags & MAZE_POLICY_WARN ? " warn" : "",
		 policy->flags & MAZE_POLICY_TO_PROCESS ? " to-process" : "",
		 policy->flags & MAZE_POLICY_OBSERVE ? " observe" : "");
}

/* A tag is stored before it is used, so that kmod_close() ends every private watch. */
static int remember_tag(struct engine *engine, maze_u64 tag)
{
	maze_u64 *grown;
	size_t i;

	for (i = 0; i < engine->tag_count; i++)
		if (engine->tags[i] == tag)
			return 0;
	grown = reallocarray(engine->tags, engine->tag_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[engine->tag_count++] = tag;
	engine->tags = grown;
	return 0;
}

int kmod_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error)
{
	struct identity identity;
	char line[LINE_MAX_BYTES];
	int err;

	err = check_expressible(policy, error);
	if (!err)
		err = identify(target->pidfd, &identity, error);
	if (err)
		return err;
	if (identity.pid == getpid())
		return maze_fail(error, -EPERM, "it is maze itself, which is never watched");
	if (engine->scope == ENGINE_PRIVATE && remember_tag(engine, claim->tag))
		return maze_fail(error, -ENOMEM, "out of memory");
	format_watch(line, &identity, target->tid, policy, claim);
	err = write_line(engine, line);
	return err ? explain(err, error) : 0;
}

int kmod_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error)
{
	struct identity identity;
	char line[LINE_MAX_BYTES];
	int err;

	err = identify(target->pidfd, &identity, error);
	if (err)
		return err;
	snprintf(line, sizeof(line), "-%d start=%llu tag=%llu claim=%llu%s\n",
		 (int)(target->tid ? target->tid : identity.pid), identity.start_ticks, claim->tag,
		 claim->mask, target->tid ? " thread" : "");
	err = write_line(engine, line);
	return err ? explain(err, error) : 0;
}

int kmod_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error)
{
	char line[LINE_MAX_BYTES];
	int err;

	snprintf(line, sizeof(line), "-tag=%llu claim=%llu\n", claim->tag, claim->mask);
	err = write_line(engine, line);
	return err ? maze_fail(error, err, "cannot end watches: %s", strerror(-err)) : 0;
}

int kmod_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	       struct maze_error *error)
{
	char line[LINE_MAX_BYTES];
	int err;

	if (allowance)
		snprintf(line, sizeof(line), "allow tag=%llu max=%u window=%llu%s%s%s\n", tag,
			 allowance->max, allowance->window_ns / MAZE_NSEC_PER_MSEC,
			 allowance->tripped ? " tripped" : "",
			 allowance->by_cgroup ? " by-cgroup" : "", allowance->anew ? " anew" : "");
	else
		snprintf(line, sizeof(line), "-allow tag=%llu\n", tag);
	err = write_line(engine, line);
	return err ? maze_fail(error, err, "cannot set the allowance: %s", strerror(-err)) : 0;
}

/*
 * Ends every watch. The module stays loaded, because only the administrator unloads it.
 */
int kmod_unload(bool *ret_was_loaded, struct maze_error *error)
{
	struct kmod_stats stats;
	int fd, err;

	err = kmod_stats_read(&stats);
	*ret_was_loaded = !err && stats.entries;
	if (!*ret_was_loaded)
		return 0;
	fd = open(KMOD_DIR "/entries", O_WRONLY | O_CLOEXEC);
	err = fd < 0 || write(fd, "-all\n", 5) != 5 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err ? maze_fail(error, err,
			       "cannot write " KMOD_DIR "/entries: %s; run maze as root",
			       strerror(-err))
		   : 0;
}
