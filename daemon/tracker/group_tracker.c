/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A claim of a control group that is watched already reads its members, maybe thousands.
 * So a control group is claimed again at most once in CLAIM_NS, however many processes
 * begin in it or move into it.
 */
#include "group_tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/error.h"
#include "../../base/proc_files.h"
#include "../rules/decide.h"
#include "../rules/tag.h"
#include "apply_rule.h"
#include "watched_groups.h"

#define CLAIM_NS MAZE_NSEC_PER_SEC
/* A bound for loops over ancestors. Processes have far fewer in practice. */
#define ANCESTORS_MAX 256

struct group_tracker {
	struct maze *maze;
	struct log *log;
	const struct rules *rules;
	struct cgroup_fs cgroups; /* fd -1: none */
	struct watched_groups watched;
	sd_event_source *claim_later; /* on while a control group has `moved` */
	char own_cgroup[PROC_CGROUP_SIZE];
};

static int release(const struct group_tracker *tracker, enum maze_policy_scope scope, int fd,
		   struct maze_error *error)
{
	int err = maze_release_group(tracker->maze, scope, fd, tag_of_group(tag_of_rule("")),
				     RULES_MASK, error);

	return err == -ENOENT ? 0 : err;
}

static int apply_to_process(const struct group_tracker *tracker, int pidfd, const struct rule *rule,
			    struct maze_error *error)
{
	struct maze_policy policy;
	int err;

	if (!rule)
		return release(tracker, MAZE_SCOPE_PROCESS, pidfd, error);
	policy = rule_policy(rule);
	err = maze_claim(tracker->maze, pidfd, 0, &policy, rule->tag, rule_mask(rule), error);
	return err == -EEXIST ? 0 : err;
}

/* ---- trees ------------------------------------------------------------------------- */

/* Returns the parent, or 0 if there is none. */
static pid_t parent_of(pid_t pid)
{
	struct thread_status status;

	return pid > 1 && !proc_status_by_number(pid, &status) ? status.ppid : 0;
}

/* Whether an ancestor of the process is the root of a tree of this rule. */
static bool has_root_above(const struct group_tracker *tracker, pid_t pid, maze_u64 tag)
{
	const struct watched_group *root;
	int level, fd;

	for (level = 0; level < ANCESTORS_MAX && (pid = parent_of(pid)); level++) {
		root = watched_groups_find(&tracker->watched, MAZE_SCOPE_TREE, (maze_u64)pid);
		if (!root || root->tag != tag)
			continue;
		/* The root may have ended, and its PID may be reused. */
		fd = watched_tree_open(root);
		if (fd >= 0) {
			close(fd);
			return true;
		}
	}
	return false;
}

static bool is_below(pid_t pid, pid_t above)
{
	int level;

	for (level = 0; level < ANCESTORS_MAX && (pid = parent_of(pid)); level++)
		if (pid == above)
			return true;
	return false;
}

/*
 * Ends the trees of the same rule whose roots are below this new root. There are some if
 * the scan of /proc reached a child before its parent. Only a process that started later
 * can be below.
 */
static void release_trees_below(struct group_tracker *tracker, const struct watched_group *above)
{
	struct watched_groups *watched = &tracker->watched;
	const struct watched_group of_root = *above;
	struct watched_group *group;
	size_t i = watched->count;
	int fd;

	while (i-- > 0) {
		group = &watched->groups[i];
		if (group->scope != MAZE_SCOPE_TREE || group->tag != of_root.tag ||
		    group->start < of_root.start || group->id == of_root.id ||
		    !is_below((pid_t)group->id, (pid_t)of_root.id))
			continue;
		fd = watched_tree_open(group);
		if (fd >= 0) {
			release(tracker, MAZE_SCOPE_TREE, fd, NULL);
			close(fd);
		}
		watched_groups_remove(watched, group);
	}
}

static int apply_to_tree(struct group_tracker *tracker, const struct subject_source *source,
			 pid_t pid, const struct rule *rule, struct maze_error *error)
{
	struct watched_group *known =
		watched_groups_find(&tracker->watched, MAZE_SCOPE_TREE, (maze_u64)pid);
	struct watched_group group = { .scope = MAZE_SCOPE_TREE, .id = (maze_u64)pid };
	struct maze_policy policy;
	int err;

	if (!rule || has_root_above(tracker, pid, rule->tag)) {
		if (known)
			watched_groups_remove(&tracker->watched, known);
		return release(tracker, MAZE_SCOPE_TREE, source->pidfd, error);
	}
	if (proc_start_ticks(source->proc_fd, &group.start))
		return maze_fail(error, -ESRCH, "process %d has ended", (int)pid);
	policy = rule_policy(rule);
	err = maze_claim(tracker->maze, source->pidfd, 0, &policy, rule->tag, rule_mask(rule),
			 error);
	if (err)
		return err == -EEXIST ? 0 : err;
	if (known && known->tag == rule->tag && known->start == group.start)
		return 0;
	if (known)
		watched_groups_remove(&tracker->watched, known);
	group.tag = rule->tag;
	known = watched_groups_add(&tracker->watched, &group, &tracker->cgroups);
	if (!known)
		return maze_fail(error, -ENOMEM, "out of memory");
	release_trees_below(tracker, known);
	return 0;
}

/* ---- control groups ---------------------------------------------------------------- */

/* The root, an init.scope and what has mazed in it contain other services. */
static bool may_be_watched(const struct group_tracker *tracker, const char *cgroup)
{
	const char *name = strrchr(cgroup, '/');

	return name && strcmp(cgroup, "/") != 0 && strcmp(name, "/init.scope") != 0 &&
	       !strstr(cgroup, "/..") && !cgroup_contains(cgroup, tracker->own_cgroup);
}

static int claim_cgroup(struct group_tracker *tracker, int dir, const struct rule *rule,
			struct maze_error *error)
{
	struct maze_policy policy = rule_policy(rule);
	int err = maze_claim_cgroup(tracker->maze, dir, &policy, rule->tag, rule_mask(rule), error);

	return err == -EEXIST ? 0 : err;
}

static void claim_later(struct group_tracker *tracker, struct watched_group *group)
{
	int waits = SD_EVENT_OFF;

	group->moved = true;
	sd_event_source_get_enabled(tracker->claim_later, &waits);
	if (waits != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(tracker->claim_later, CLAIM_NS / MAZE_NSEC_PER_USEC);
	sd_event_source_set_enabled(tracker->claim_later, SD_EVENT_ONESHOT);
}

/* Claims a control group of the table again, with the policy of its rule. */
static void claim_again(struct group_tracker *tracker, struct watched_group *group)
{
	const struct rule *rule = rules_by_tag(tracker->rules, group->tag);
	struct maze_error error = { "" };
	int dir = rule ? watched_group_open(group, &tracker->cgroups) : -ENOENT, err;

	group->moved = false;
	if (dir < 0)
		return;
	err = claim_cgroup(tracker, dir, rule, &error);
	if (err)
		log_printf(tracker->log, LOG_WARNING, "control group %s is not watched: %s",
			   group->cgroup, error.text);
	group->claimed_ns = now_ns(CLOCK_MONOTONIC);
	close(dir);
}

static int on_claim_later(sd_event_source *source, uint64_t usec, void *arg)
{
	struct group_tracker *tracker = arg;
	size_t i;

	(void)source;
	(void)usec;
	for (i = 0; i < tracker->watched.count; i++)
		if (tracker->watched.groups[i].moved)
			claim_again(tracker, &tracker->watched.groups[i]);
	return 0;
}

/* Returns the entry of the table for the control group `dir`, or NULL and a message. */
static struct watched_group *add_cgroup(struct group_tracker *tracker, const char *cgroup, int dir,
					struct maze_error *error)
{
	struct watched_group group = { .scope = MAZE_SCOPE_CGROUP,
				       .id = cgroup_id(dir),
				       .cgroup = (char *)cgroup },
			     *added;
	struct stat status;

	if (fstat(dir, &status)) {
		maze_fail(error, -errno, "cannot read its control group: %s", strerror(errno));
		return NULL;
	}
	group.owner = status.st_uid;
	if (status.st_uid && status.st_uid != geteuid() &&
	    watched_groups_owned(&tracker->watched, status.st_uid) >= RULE_CGROUPS_PER_USER) {
		watched_groups_prune(&tracker->watched, &tracker->cgroups);
		if (watched_groups_owned(&tracker->watched, status.st_uid) >=
		    RULE_CGROUPS_PER_USER) {
			maze_fail(error, -EDQUOT,
				  "rules watch %d control groups of user id %u, the maximum",
				  RULE_CGROUPS_PER_USER, status.st_uid);
			return NULL;
		}
	}
	added = watched_groups_add(&tracker->watched, &group, &tracker->cgroups);
	if (!added)
		maze_fail(error, -ENOMEM, "out of memory");
	return added;
}

/* Rules of maze.conf are in order, and behind those of units. */
static bool comes_before(const struct rule *a, const struct rule *b)
{
	if (!a || b->section)
		return false;
	return a->section || a < b;
}

static int apply_to_directory(struct group_tracker *tracker, const char *cgroup, int dir,
			      const struct rule *rule, struct maze_error *error)
{
	struct watched_group *known =
		watched_groups_find(&tracker->watched, MAZE_SCOPE_CGROUP, cgroup_id(dir));
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	int err;

	/* Another process of the control group matches an earlier rule. */
	if (known && known->current && comes_before(rules_by_tag(tracker->rules, known->tag), rule))
		rule = rules_by_tag(tracker->rules, known->tag);
	if (known && known->current && known->tag == rule->tag &&
	    now - known->claimed_ns < CLAIM_NS) {
		claim_later(tracker, known);
		return 0;
	}
	if (!known)
		known = add_cgroup(tracker, cgroup, dir, error);
	if (!known)
		return -EDQUOT;
	known->tag = rule->tag;
	known->claimed_ns = now;
	known->current = true;
	known->moved = false;
	err = claim_cgroup(tracker, dir, rule, error);
	if (err)
		watched_groups_remove(&tracker->watched, known);
	return err;
}

static int apply_to_cgroup(struct group_tracker *tracker, const struct subject_source *source,
			   struct subject *subject, const struct rule *rule,
			   struct maze_error *error)
{
	int err, dir;

	/* Another process of the control group may match. */
	if (!rule || tracker->cgroups.fd < 0)
		return 0;
	err = subject_read(source, FACT_CGROUP, subject, error);
	if (err || !may_be_watched(tracker, subject->cgroup))
		return err;
	dir = cgroup_open(&tracker->cgroups, subject->cgroup);
	/* It was removed, so the process has moved or ended, which is an event. */
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return maze_fail(error, dir, "cannot open its control group: %s", strerror(-dir));
	err = apply_to_directory(tracker, subject->cgroup, dir, rule, error);
	close(dir);
	return err;
}

void group_tracker_restore(struct group_tracker *tracker, maze_u64 cgroup_id)
{
	struct watched_group *group =
		watched_groups_find(&tracker->watched, MAZE_SCOPE_CGROUP, cgroup_id);

	if (group)
		claim_again(tracker, group);
}

/* ---- all scopes -------------------------------------------------------------------- */

int group_tracker_apply(struct group_tracker *tracker, const struct subject_source *source,
			struct subject *subject, struct maze_error *error)
{
	const struct rule *rule;
	unsigned int scope;
	int err = 0;

	for (scope = MAZE_SCOPE_PROCESS; !err && scope < MAZE_SCOPE_COUNT_; scope++) {
		if (!(rules_scopes(tracker->rules) >> scope & 1))
			continue;
		rule = NULL;
		err = decide(tracker->rules, scope, source, subject, &rule, error);
		if (err)
			return err;
		rule = rule && rule->ignore ? NULL : rule;
		if (scope == MAZE_SCOPE_PROCESS)
			err = apply_to_process(tracker, source->pidfd, rule, error);
		else if (scope == MAZE_SCOPE_TREE)
			err = apply_to_tree(tracker, source, subject->pid, rule, error);
		else
			err = apply_to_cgroup(tracker, source, subject, rule, error);
	}
	return err;
}

/* Whether `rules` has a rule that watches with this tag and scope. */
static bool has_rule(const struct rules *rules, const struct rule *wanted)
{
	const struct rule *rule = rules_by_tag(rules, wanted->tag);

	return rule && !rule->ignore && !rule->never && rule->scopes == wanted->scopes;
}

void group_tracker_use(struct group_tracker *tracker, const struct rules *rules)
{
	const struct rules *before = tracker->rules;
	size_t i;

	for (i = 0; before && i < before->count; i++)
		if (before->rules[i].tag & TAG_GROUP && !has_rule(rules, &before->rules[i]))
			maze_release_all(tracker->maze, before->rules[i].tag, ~0ULL, NULL);
	tracker->rules = rules;
	for (i = tracker->watched.count; i-- > 0;) {
		tracker->watched.groups[i].current = false;
		if (!rules_by_tag(rules, tracker->watched.groups[i].tag))
			watched_groups_remove(&tracker->watched, &tracker->watched.groups[i]);
	}
	if (proc_cgroup_of("self", tracker->own_cgroup))
		tracker->own_cgroup[0] = '\0';
	if (rules_scopes(rules) >> MAZE_SCOPE_CGROUP & 1 && tracker->cgroups.fd < 0)
		log_printf(tracker->log, LOG_WARNING,
			   "rules with scope = cgroup have no effect: control groups of version 2 "
			   "are not mounted, or not visible here");
}

void group_tracker_forget(struct group_tracker *tracker, maze_u64 tag)
{
	size_t i;

	maze_release_all(tracker->maze, tag, ~0ULL, NULL);
	for (i = tracker->watched.count; i-- > 0;)
		if (tracker->watched.groups[i].tag == tag)
			watched_groups_remove(&tracker->watched, &tracker->watched.groups[i]);
}

void group_tracker_sweep(struct group_tracker *tracker)
{
	struct watched_group *group;
	size_t i = tracker->watched.count;
	int dir;

	while (i-- > 0) {
		group = &tracker->watched.groups[i];
		if (group->scope != MAZE_SCOPE_CGROUP || group->current)
			continue;
		dir = watched_group_open(group, &tracker->cgroups);
		if (dir >= 0) {
			release(tracker, MAZE_SCOPE_CGROUP, dir, NULL);
			close(dir);
		}
		watched_groups_remove(&tracker->watched, group);
	}
}

const struct cgroup_fs *group_tracker_cgroups(const struct group_tracker *tracker)
{
	return &tracker->cgroups;
}

int group_tracker_open(sd_event *event, struct maze *maze, struct log *log,
		       struct group_tracker **ret_tracker)
{
	struct group_tracker *tracker = calloc(1, sizeof(*tracker));
	int err;

	if (!tracker)
		return -ENOMEM;
	tracker->maze = maze;
	tracker->log = log;
	if (cgroup_fs_open(&tracker->cgroups, NULL))
		tracker->cgroups.fd = -1;
	err = sd_event_add_time(event, &tracker->claim_later, CLOCK_MONOTONIC, 0, 0, on_claim_later,
				tracker);
	if (err >= 0)
		err = sd_event_source_set_enabled(tracker->claim_later, SD_EVENT_OFF);
	if (err < 0) {
		group_tracker_close(tracker);
		return err;
	}
	sd_event_source_set_priority(tracker->claim_later, SD_EVENT_PRIORITY_IDLE);
	*ret_tracker = tracker;
	return 0;
}

void group_tracker_close(struct group_tracker *tracker)
{
	if (!tracker)
		return;
	sd_event_source_disable_unref(tracker->claim_later);
	watched_groups_done(&tracker->watched);
	cgroup_fs_close(&tracker->cgroups);
	free(tracker);
}
