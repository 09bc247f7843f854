/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file has the table of the keys of conditions (condition.h). It converts user and
 * group names to numbers when the configuration is read, so that matching needs no name
 * service.
 */
#include "condition.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"
#include "../../base/glob.h"
#include "values.h"

/* getgrnam_r(3) needs a large buffer, because a group can have thousands of members. */
#define NAME_BUFFER_SIZE (256 * 1024)

void condition_done(struct condition *condition)
{
	string_list_done(&condition->words);
	free(condition->ids);
	*condition = (struct condition){ 0 };
}

static int parse_words(const char *value, struct condition *ret_condition, struct maze_error *error)
{
	int err = string_list_split(value, &ret_condition->words, error);

	if (err)
		return err;
	if (!ret_condition->words.count)
		return maze_fail(error, -EINVAL, "the value is empty");
	ret_condition->given = true;
	return 0;
}

/* ---- globs: comm, parent, thread, exe, cgroup -------------------------------------- */

static int parse_globs(const char *value, struct condition *ret_condition, struct maze_error *error)
{
	int err = parse_words(value, ret_condition, error);
	size_t i;

	for (i = 0; !err && i < ret_condition->words.count; i++) {
		/* Users often write a shell-style comment after a value. */
		if (ret_condition->words.items[i][0] == '#')
			err = maze_fail(
				error, -EINVAL,
				"# does not begin a comment after a value; move the comment "
				"to its own line, or write [#] for the character");
		else
			err = glob_check(ret_condition->words.items[i], error);
	}
	return err;
}

typedef bool (*glob_test)(const char *pattern, const char *text);

static bool any_glob(const struct condition *condition, glob_test test, const char *text,
		     size_t *ret_which)
{
	size_t i;

	for (i = 0; i < condition->words.count; i++) {
		if (test(condition->words.items[i], text)) {
			*ret_which = i;
			return true;
		}
	}
	return false;
}

/* A glob without '/' is compared only with the last component of the path. */
static bool exe_glob_matches(const char *pattern, const char *exe)
{
	const char *base = strrchr(exe, '/');

	return glob_matches(pattern, base && !strchr(pattern, '/') ? base + 1 : exe);
}

static bool is_only_stars(const char *pattern)
{
	return *pattern && pattern[strspn(pattern, "*")] == '\0';
}

/* A glob without '/' is compared with each component, such as the name of a slice. */
static bool cgroup_glob_matches(const char *pattern, const char *cgroup)
{
	size_t length;

	/* The paths "/" and "" have no components, but the glob * has to match them. */
	if (strchr(pattern, '/') || is_only_stars(pattern))
		return glob_matches(pattern, cgroup);
	while (*cgroup) {
		length = strcspn(cgroup, "/");
		if (length && glob_matches_bytes(pattern, cgroup, length))
			return true;
		cgroup += length;
		if (*cgroup)
			cgroup++;
	}
	return false;
}

static bool comm_holds(const struct condition *condition, const struct subject *subject,
		       size_t *ret_which)
{
	return any_glob(condition, glob_matches, subject->comm, ret_which);
}

static bool parent_holds(const struct condition *condition, const struct subject *subject,
			 size_t *ret_which)
{
	return any_glob(condition, glob_matches, subject->parent_comm, ret_which);
}

static bool exe_holds(const struct condition *condition, const struct subject *subject,
		      size_t *ret_which)
{
	return any_glob(condition, exe_glob_matches, subject->exe, ret_which);
}

static bool cgroup_holds(const struct condition *condition, const struct subject *subject,
			 size_t *ret_which)
{
	return any_glob(condition, cgroup_glob_matches, subject->cgroup, ret_which);
}

static bool thread_holds(const struct condition *condition, const struct subject *subject,
			 size_t *ret_which)
{
	const char *word;
	bool holds;
	size_t i;

	for (i = 0; i < condition->words.count; i++) {
		word = condition->words.items[i];
		if (!strcmp(word, "all"))
			holds = true;
		else if (!strcmp(word, "main"))
			holds = subject->is_main;
		else
			holds = glob_matches(word, subject->thread_comm);
		if (holds) {
			*ret_which = i;
			return true;
		}
	}
	return false;
}

/*
 * Returns true only if `a` matches every text that `b` matches. If only `a` has a '/',
 * the two globs are compared with different texts, so the result is false.
 */
static bool glob_covers(const char *a, const char *b, glob_test test)
{
	if (!strcmp(a, b))
		return true;
	if (!glob_is_literal(b) || (strchr(a, '/') && !strchr(b, '/')))
		return false;
	return test(a, b);
}

static bool globs_cover(const struct condition *a, const struct condition *b, glob_test test)
{
	size_t i, k;

	for (k = 0; k < a->words.count; k++)
		if (is_only_stars(a->words.items[k]))
			return true;
	for (i = 0; b && i < b->words.count; i++) {
		for (k = 0; k < a->words.count; k++)
			if (glob_covers(a->words.items[k], b->words.items[i], test))
				break;
		if (k == a->words.count)
			return false;
	}
	return b != NULL;
}

static bool comm_covers(const struct condition *a, const struct condition *b)
{
	return globs_cover(a, b, glob_matches);
}

static bool exe_covers(const struct condition *a, const struct condition *b)
{
	return globs_cover(a, b, exe_glob_matches);
}

static bool cgroup_covers(const struct condition *a, const struct condition *b)
{
	return globs_cover(a, b, cgroup_glob_matches);
}

static bool same_word(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static bool thread_covers(const struct condition *a, const struct condition *b)
{
	size_t i;

	for (i = 0; i < a->words.count; i++)
		if (!strcmp(a->words.items[i], "all"))
			return true;
	/* `main` is not a name that a glob can match, so only an equal word covers it. */
	return globs_cover(a, b, same_word);
}

static void show_comm(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->comm);
}

static void show_parent(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->parent_comm);
}

static void show_exe(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->exe);
}

static void show_cgroup(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->cgroup);
}

static void show_thread(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", subject->thread_comm, subject->is_main ? " (main)" : "");
}

/* ---- cmdline ----------------------------------------------------------------------- */

static int parse_cmdline(const char *value, struct condition *ret_condition,
			 struct maze_error *error)
{
	int err = parse_globs(value, ret_condition, error);
	size_t i;

	/*
	 * Version 0.1.0 took regular expressions, which never begin with *. So a value of
	 * that version is an error.
	 */
	for (i = 0; !err && i < ret_condition->words.count; i++)
		if (ret_condition->words.items[i][0] != '*')
			err = maze_fail(error, -EINVAL,
					"\"%.64s\" does not begin with *; regular expressions "
					"are not accepted",
					ret_condition->words.items[i]);
	return err;
}

static bool cmdline_holds(const struct condition *condition, const struct subject *subject,
			  size_t *ret_which)
{
	return any_glob(condition, glob_matches, subject->cmdline, ret_which);
}

static void show_cmdline(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->cmdline);
}

/* ---- user, group ------------------------------------------------------------------- */

/* Returns -ENOENT if the name does not exist. Other errors are from the name service. */
typedef int (*id_lookup)(const char *name, char *buf, size_t size, id_t *ret_id);

static int look_up_user(const char *name, char *buf, size_t size, id_t *ret_id)
{
	struct passwd entry, *found = NULL;
	int err = getpwnam_r(name, &entry, buf, size, &found);

	if (!found)
		return err ? -err : -ENOENT;
	*ret_id = entry.pw_uid;
	return 0;
}

static int look_up_group(const char *name, char *buf, size_t size, id_t *ret_id)
{
	struct group entry, *found = NULL;
	int err = getgrnam_r(name, &entry, buf, size, &found);

	if (!found)
		return err ? -err : -ENOENT;
	*ret_id = entry.gr_gid;
	return 0;
}

/*
 * Returns true if the word has only digits. Then *ret_id is the number, or -1 if the
 * number is too large.
 */
static bool is_number(const char *word, id_t *ret_id)
{
	unsigned long long number;

	if (!*word || word[strspn(word, "0123456789")])
		return false;
	errno = 0;
	number = strtoull(word, NULL, 10);
	*ret_id = errno || number >= (id_t)-1 ? (id_t)-1 : (id_t)number;
	return true;
}

static int parse_id(const char *word, const char *kind, id_lookup lookup, id_t *ret_id,
		    struct maze_error *error)
{
	char *buf;
	int err;

	if (is_number(word, ret_id)) {
		if (*ret_id != (id_t)-1)
			return 0;
		return maze_fail(error, -EINVAL,
				 "%.64s is not a valid %s ID; the maximum is "
				 "4294967294",
				 word, kind);
	}
	buf = malloc(NAME_BUFFER_SIZE);
	if (!buf)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = lookup(word, buf, NAME_BUFFER_SIZE, ret_id);
	free(buf);
	if (err == -ENOENT || err == -ESRCH || err == -EBADF || err == -EPERM)
		return maze_fail(error, -EINVAL, "there is no %s \"%.64s\" on this machine", kind,
				 word);
	if (err)
		return maze_fail(error, -EINVAL,
				 "cannot look up the %s \"%.64s\" (%s); a number needs no "
				 "lookup",
				 kind, word, strerror(-err));
	return 0;
}

int condition_group(const char *word, gid_t *ret_gid, struct maze_error *error)
{
	return parse_id(word, "group", look_up_group, ret_gid, error);
}

static int parse_ids(const char *value, const char *kind, id_lookup lookup,
		     struct condition *ret_condition, struct maze_error *error)
{
	int err = parse_words(value, ret_condition, error);
	size_t i;

	if (err)
		return err;
	ret_condition->ids = calloc(ret_condition->words.count, sizeof(*ret_condition->ids));
	if (!ret_condition->ids)
		return maze_fail(error, -ENOMEM, "out of memory");
	for (i = 0; !err && i < ret_condition->words.count; i++)
		err = parse_id(ret_condition->words.items[i], kind, lookup, &ret_condition->ids[i],
			       error);
	return err;
}

static int parse_user(const char *value, struct condition *ret_condition, struct maze_error *error)
{
	return parse_ids(value, "user", look_up_user, ret_condition, error);
}

static int parse_group(const char *value, struct condition *ret_condition, struct maze_error *error)
{
	return parse_ids(value, "group", look_up_group, ret_condition, error);
}

static bool any_id(const struct condition *condition, id_t id, size_t *ret_which)
{
	size_t i;

	for (i = 0; i < condition->words.count; i++) {
		if (condition->ids[i] == id) {
			*ret_which = i;
			return true;
		}
	}
	return false;
}

static bool user_holds(const struct condition *condition, const struct subject *subject,
		       size_t *ret_which)
{
	return any_id(condition, subject->uid, ret_which);
}

static bool group_holds(const struct condition *condition, const struct subject *subject,
			size_t *ret_which)
{
	return any_id(condition, subject->gid, ret_which);
}

static bool ids_cover(const struct condition *a, const struct condition *b)
{
	size_t i, which;

	for (i = 0; b && i < b->words.count; i++)
		if (!any_id(a, b->ids[i], &which))
			return false;
	return b != NULL;
}

static void show_uid(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%u", subject->uid);
}

static void show_gid(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%u", subject->gid);
}

/* ---- cpu-quota --------------------------------------------------------------------- */

static int parse_quota(const char *value, struct condition *ret_condition, struct maze_error *error)
{
	int err = value_yes_no(value, &ret_condition->yes, error);

	return err ? err : parse_words(value, ret_condition, error);
}

static bool quota_holds(const struct condition *condition, const struct subject *subject,
			size_t *ret_which)
{
	*ret_which = 0;
	return condition->yes == subject->cpu_quota;
}

static bool quota_covers(const struct condition *a, const struct condition *b)
{
	return b && a->yes == b->yes;
}

static void show_quota(const struct subject *subject, char *buf, size_t size)
{
	snprintf(buf, size, "%s", subject->cpu_quota ? "yes" : "no");
}

/* ---- the table --------------------------------------------------------------------- */

const struct condition_key condition_keys[CONDITION_COUNT] = {
	[CONDITION_THREAD] = { "thread", "main, all, or globs on the thread's name", FACT_THREAD,
			       parse_globs, thread_holds, thread_covers, show_thread },
	[CONDITION_COMM] = { "comm", "globs on the process's name", FACT_COMM, parse_globs,
			     comm_holds, comm_covers, show_comm },
	[CONDITION_USER] = { "user", "names or numbers of users", FACT_IDS, parse_user, user_holds,
			     ids_cover, show_uid },
	[CONDITION_GROUP] = { "group", "names or numbers of groups", FACT_IDS, parse_group,
			      group_holds, ids_cover, show_gid },
	[CONDITION_CGROUP] = { "cgroup", "globs on the path, or on one part of it", FACT_CGROUP,
			       parse_globs, cgroup_holds, cgroup_covers, show_cgroup },
	[CONDITION_EXE] = { "exe", "globs on the program's path, or on its last part", FACT_EXE,
			    parse_globs, exe_holds, exe_covers, show_exe },
	[CONDITION_CPU_QUOTA] = { "cpu-quota", "yes, or no", FACT_QUOTA, parse_quota, quota_holds,
				  quota_covers, show_quota },
	[CONDITION_PARENT] = { "parent", "globs on the parent process's name", FACT_PARENT,
			       parse_globs, parent_holds, comm_covers, show_parent },
	[CONDITION_CMDLINE] = { "cmdline", "globs on the whole command line, each beginning with *",
				FACT_CMDLINE, parse_cmdline, cmdline_holds, comm_covers,
				show_cmdline },
};
