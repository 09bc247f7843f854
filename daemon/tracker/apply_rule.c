/* SPDX-License-Identifier: GPL-2.0-only */
/* apply_rule() makes about ten system calls, and ten more if it changes a watch. */
#include "apply_rule.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../rules/decide.h"
#include "../rules/match.h"
#include "../rules/tag.h"

_Static_assert((TAG_RULE | TAG_USER) >> TAG_KIND_BITS_OF_RULES == 0 &&
		       TAG_ROOT >> TAG_KIND_BITS_OF_RULES != 0,
	       "which watches a rule may replace");

bool rules_tell_threads_apart(const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (rule_selects_threads(&rules->rules[i]))
			return true;
	return false;
}

static const struct rule *watching(const struct rule *rule)
{
	return rule && !rule->ignore ? rule : NULL;
}

/*
 * Sets QUIET, because records about the begin and end of all watches would fill the log.
 */
struct maze_policy rule_policy(const struct rule *rule)
{
	struct maze_policy policy = rule->settings.policy;

	policy.flags |= MAZE_POLICY_QUIET;
	return policy;
}

maze_u64 rule_mask(const struct rule *rule)
{
	return rule->settings.policy.flags & MAZE_POLICY_SHADOW ? RULES_MASK : RULES_AND_USERS_MASK;
}

/* Without a limit and in shadow, as `maze observe` does. */
static struct maze_policy observing_policy(void)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = policy.hard_ns = 0;
	policy.soft_signal = policy.hard_signal = 0;
	policy.flags = MAZE_POLICY_INHERIT | MAZE_POLICY_SHADOW | MAZE_POLICY_QUIET;
	return policy;
}

static int set_watch(const struct rule_applier *applier, int pidfd, pid_t tid,
		     const struct rule *rule, const struct known_watch *known,
		     struct maze_error *error)
{
	bool observes = applier->rules->daemon.observe;
	struct maze_policy policy;
	maze_u64 tag;
	int err;

	rule = watching(rule);
	tag = rule ? rule->tag : tag_of_no_rule();
	/* If no rule watches the task, change its watch only if a rule has set it. */
	if (!rule && known->known && known->watched && tag_kind(known->tag) != TAG_RULE)
		return 0;
	if (!rule && !observes) {
		if (known->known && !known->watched)
			return 0;
		err = maze_release(applier->maze, pidfd, tid, tag, RULES_MASK, error);
		return err == -ENOENT ? 0 : err;
	}
	if (known->known && known->watched && known->tag == tag)
		return 0;
	policy = rule ? rule_policy(rule) : observing_policy();
	if (observes)
		policy.flags |= MAZE_POLICY_OBSERVE;
	err = maze_claim(applier->maze, pidfd, tid, &policy, tag,
			 rule ? rule_mask(rule) : RULES_MASK, error);
	return err == -EEXIST ? 0 : err;
}

/* Makes source and subject refer to thread `tid`. The caller closes source->task_fd. */
static int open_thread(struct subject_source *source, struct subject *subject, pid_t tid)
{
	char name[32];

	snprintf(name, sizeof(name), "task/%d", (int)tid);
	source->task_fd = openat(source->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source->task_fd < 0)
		return -ESRCH;
	subject->tid = tid;
	subject->is_main = tid == subject->pid;
	subject->known &= ~FACT_THREAD;
	return 0;
}

static int decide_thread(const struct rule_applier *applier,
			 const struct subject_source *of_process, struct subject *subject,
			 pid_t tid, const struct rule **ret_rule, struct maze_error *error)
{
	struct subject_source source = *of_process;
	int err = open_thread(&source, subject, tid);

	if (err)
		return err;
	err = decide(applier->rules, MAZE_SCOPE_THREAD, &source, subject, ret_rule, error);
	close(source.task_fd);
	return err;
}

struct decided {
	pid_t tid;
	const struct rule *rule;
};

struct decisions {
	struct decided *threads;
	size_t count, room;
	bool differ;
};

static int add_decision(struct decisions *all, pid_t tid, const struct rule *rule)
{
	struct decided *grown;
	size_t room;

	if (all->count == all->room) {
		room = all->room ? all->room * 2 : 32;
		grown = reallocarray(all->threads, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		all->threads = grown;
		all->room = room;
	}
	all->differ |= all->count && watching(rule) != watching(all->threads[0].rule);
	all->threads[all->count++] = (struct decided){ tid, rule };
	return 0;
}

/* Opens the list of threads. Returns NULL if the process has ended. */
static DIR *open_threads(const struct subject_source *source)
{
	int fd = openat(source->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Returns the next TID, or 0 after the last one. */
static pid_t next_thread(DIR *dir)
{
	struct dirent *entry;
	pid_t tid = 0;

	while (tid <= 0 && (entry = readdir(dir)))
		tid = (pid_t)strtol(entry->d_name, NULL, 10);
	return tid;
}

static int decide_all(const struct rule_applier *applier, const struct subject_source *source,
		      struct subject *subject, struct decisions *all, struct maze_error *error)
{
	DIR *dir = open_threads(source);
	const struct rule *rule = NULL;
	int err = 0;
	pid_t tid;

	if (!dir)
		return -ESRCH;
	while (!err && (tid = next_thread(dir))) {
		err = decide_thread(applier, source, subject, tid, &rule, error);
		if (!err)
			err = add_decision(all, tid, rule);
		else if (err == -ESRCH)
			err = 0; /* only this thread has ended */
	}
	closedir(dir);
	if (err == -ENOMEM)
		maze_fail(error, err, "out of memory");
	return err;
}

/*
 * If one rule matches all threads, as in nearly all processes, one call sets all watches.
 */
static int apply_to_threads(const struct rule_applier *applier, const struct subject_source *source,
			    struct subject *subject, const struct known_watch *known,
			    struct maze_error *error)
{
	static const struct known_watch unknown = { .known = false };
	struct decisions all = { 0 };
	const struct rule *rule;
	size_t i;
	int err = decide_all(applier, source, subject, &all, error), one;

	if (!err && all.count && !all.differ) {
		rule = watching(all.threads[0].rule);
		err = set_watch(applier, source->pidfd, 0, all.threads[0].rule,
				all.count == 1 ? known : &unknown, error);
		/*
		 * A thread that began after the list was made has this watch too. But its
		 * event says that it has none, so only a second list finds it.
		 */
		free(all.threads);
		all = (struct decisions){ 0 };
		if (!err && (rule || applier->rules->daemon.observe))
			err = decide_all(applier, source, subject, &all, error);
		if (!all.differ)
			all.count = 0;
	}
	for (i = 0; !err && i < all.count; i++) {
		one = set_watch(applier, source->pidfd, all.threads[i].tid, all.threads[i].rule,
				&unknown, error);
		if (one != -ESRCH)
			err = one;
	}
	free(all.threads);
	return err;
}

static int apply_to_thread(const struct rule_applier *applier, const struct subject_source *source,
			   struct subject *subject, pid_t tid, const struct known_watch *known,
			   struct maze_error *error)
{
	const struct rule *rule = NULL;
	int err = decide_thread(applier, source, subject, tid, &rule, error);

	return err ? err : set_watch(applier, source->pidfd, tid, rule, known, error);
}

static int apply_to_process(const struct rule_applier *applier, const struct subject_source *source,
			    struct subject *subject, const struct known_watch *known,
			    struct maze_error *error)
{
	const struct rule *rule = NULL;
	int err = decide(applier->rules, MAZE_SCOPE_THREAD, source, subject, &rule, error);

	return err ? err : set_watch(applier, source->pidfd, 0, rule, known, error);
}

/* Rules in shadow: those of maze.conf by index, and one of a unit or NULL. */
struct shadows {
	bool *marked;
	const struct rule *of_unit;
};

static bool is_shadow(const struct rule *rule)
{
	return watching(rule) && rule->settings.policy.flags & MAZE_POLICY_SHADOW;
}

/*
 * Marks each rule in shadow that can have set the watch of the thread. This function must
 * not wait, so it does not read the command line. A rule that depends on the command line
 * counts as a possible match, and the later rules are checked too.
 */
static int find_shadows(const struct rule_applier *applier, const struct subject_source *of_process,
			struct subject *subject, pid_t tid, struct shadows *shadows,
			struct maze_error *error)
{
	unsigned int facts = rules_facts_needed(applier->rules) & ~FACT_CMDLINE, missing;
	struct subject_source source = *of_process;
	enum match match = MATCH_NO;
	int err = open_thread(&source, subject, tid);
	const struct rule *rule;
	size_t i;

	if (err)
		return err;
	err = subject_read(&source, facts, subject, error);
	if (!err && match_unit(applier->rules, subject, &rule, &missing) == MATCH_YES &&
	    rule->scopes >> MAZE_SCOPE_THREAD & 1) {
		match = MATCH_YES;
		if (is_shadow(rule))
			shadows->of_unit = rule;
	}
	for (i = 0; !err && match != MATCH_YES && i < applier->rules->count; i++) {
		rule = &applier->rules->rules[i];
		if (!(rule->scopes >> MAZE_SCOPE_THREAD & 1))
			continue;
		match = match_rule(rule, subject, &missing);
		if (match != MATCH_NO && is_shadow(rule))
			shadows->marked[i] = true;
	}
	close(source.task_fd);
	return err;
}

static int find_all_shadows(const struct rule_applier *applier, const struct subject_source *source,
			    struct subject *subject, struct shadows *shadows,
			    struct maze_error *error)
{
	DIR *dir = open_threads(source);
	int err = 0;
	pid_t tid;

	if (!dir)
		return -ESRCH;
	while (!err && (tid = next_thread(dir))) {
		err = find_shadows(applier, source, subject, tid, shadows, error);
		/* Only this thread has ended. */
		if (err == -ESRCH)
			err = 0;
	}
	closedir(dir);
	return err;
}

/* Ends only watches with the tags of the marked rules, so watches of other rules stay. */
static int release_shadows(const struct rule_applier *applier, int pidfd, pid_t tid,
			   const struct shadows *shadows, struct maze_error *error)
{
	const struct rule *rule;
	size_t i;
	int err = maze_release(applier->maze, pidfd, tid, tag_of_no_rule(), ~0ULL, error);

	if (err && err != -ENOENT)
		return err;
	for (i = 0; i <= applier->rules->count; i++) {
		if (i == applier->rules->count)
			rule = shadows->of_unit;
		else
			rule = shadows->marked[i] ? &applier->rules->rules[i] : NULL;
		if (!rule)
			continue;
		err = maze_release(applier->maze, pidfd, tid, rule->tag, ~0ULL, error);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

int release_shadow_rules(const struct rule_applier *applier, pid_t pid, pid_t tid,
			 struct maze_error *error)
{
	struct shadows shadows = { .marked = calloc(applier->rules->count + 1, sizeof(bool)) };
	struct subject_source source;
	struct subject subject;
	int err;

	if (!shadows.marked)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = subject_open(pid, 0, &source, &subject, error);
	if (err) {
		free(shadows.marked);
		return err;
	}
	/* List the threads, maybe thousands, only if rules tell them apart. */
	if (tid || !applier->by_thread)
		err = find_shadows(applier, &source, &subject, tid ?: pid, &shadows, error);
	else
		err = find_all_shadows(applier, &source, &subject, &shadows, error);
	if (!err)
		err = release_shadows(applier, source.pidfd, tid, &shadows, error);
	free(shadows.marked);
	subject_close(&source);
	return err;
}

static int want_unit(const struct rule_applier *applier, const struct subject_source *source,
		     struct subject *subject, struct maze_error *error)
{
	int err = subject_read(source, FACT_CGROUP, subject, error);

	return err ?: unit_sections_want(applier->units, subject->cgroup);
}

/* A process that is watched already had its unit kept then, or moved, which is an event. */
static void note_unit(const struct rule_applier *applier, const struct subject_source *source,
		      struct subject *subject, const struct known_watch *known)
{
	if (known->known && known->watched)
		return;
	if (!subject_read(source, FACT_CGROUP, subject, NULL))
		units_note(applier->unit_names, subject->cgroup);
}

int apply_rule(const struct rule_applier *applier, pid_t pid, pid_t tid,
	       const struct known_watch *known, struct maze_error *error)
{
	struct subject_source source;
	struct subject subject;
	int err, groups = 0;

	if (pid == 1)
		return -EPERM;
	err = subject_open(pid, 0, &source, &subject, error);
	if (err)
		return err;
	if (applier->cmdlines) {
		source.get_cmdline = cmdlines_get;
		source.get_cmdline_arg = applier->cmdlines;
	}
	source.cgroups = group_tracker_cgroups(applier->groups);
	if (applier->rules->units)
		err = want_unit(applier, &source, &subject, error);
	if (err)
		;
	else if (!applier->by_thread)
		err = apply_to_process(applier, &source, &subject, known, error);
	else if (tid)
		err = apply_to_thread(applier, &source, &subject, tid, known, error);
	else
		err = apply_to_threads(applier, &source, &subject, known, error);
	if (!err)
		note_unit(applier, &source, &subject, known);
	/* The process has ended, is never watched, or is tried again. */
	if (!tid && err != -ESRCH && err != -EPERM && err != -EINPROGRESS)
		groups =
			group_tracker_apply(applier->groups, &source, &subject, err ? NULL : error);
	subject_close(&source);
	return err ?: groups;
}
