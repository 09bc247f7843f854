/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As for threads, a user's watch replaces that of a rule in shadow, but no other, and a
 * policy with an owner acts only while its group belongs to the owner.
 */
#include "control_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/error.h"
#include "../rules/tag.h"
#include "control_owner.h"

/* The process or control group of a request. */
struct group_target {
	enum maze_policy_scope scope;
	int fd;			      /* the pidfd, or the directory */
	maze_u64 id;		      /* the PID, or cgroup_id() */
	struct subject_source source; /* of a process */
};

static int open_target(struct control_client *client, const struct control_request *request,
		       struct group_target *ret_target, struct maze_error *error)
{
	struct group_target target = { .scope = MAZE_SCOPE_CGROUP };
	int err;

	if (request->cgroup) {
		target.fd = control_owner_open_cgroup(client, request, error);
		if (target.fd < 0)
			return target.fd;
		target.id = cgroup_id(target.fd);
	} else {
		err = control_owner_open(client, request, &target.source, error);
		if (err)
			return err;
		target.scope = (enum maze_policy_scope)maze_policy_scope(request->policy.flags);
		target.fd = target.source.pidfd;
		target.id = (maze_u64)request->pid;
	}
	*ret_target = target;
	return 0;
}

static void close_target(struct group_target *target)
{
	if (target->scope == MAZE_SCOPE_CGROUP)
		close(target->fd);
	else
		subject_close(&target->source);
}

static bool is_target(const struct maze_group *group, const struct group_target *target)
{
	if (maze_policy_scope(group->entry.flags) != target->scope)
		return false;
	return (target->scope == MAZE_SCOPE_CGROUP ? group->cgroup_id : group->entry.pid) ==
	       target->id;
}

/* What the list of all groups tells about a request. */
struct found {
	unsigned int own; /* groups of the user */
	bool is_own;	  /* the user watches the target already */
	bool is_others;	  /* another user watches it, or a rule that enforces */
	maze_u64 shadow;  /* the tag of the rule in shadow that watches it; 0: none */
};

static int find(const struct control_host *host, const struct group_target *target, maze_u64 own,
		struct found *ret_found, struct maze_error *error)
{
	struct maze_group *groups = NULL;
	struct found found = { 0 };
	size_t count = 0, i;
	int err = maze_list_groups(host->maze, &groups, &count, error);
	const struct maze_entry *entry;

	if (err)
		return err;
	for (i = 0; i < count; i++) {
		entry = &groups[i].entry;
		found.own += entry->tag == own;
		if (!is_target(&groups[i], target))
			continue;
		if (entry->tag == own)
			found.is_own = true;
		else if (tag_kind(entry->tag) == TAG_RULE && entry->flags & MAZE_POLICY_SHADOW)
			found.shadow = entry->tag;
		else
			found.is_others = true;
	}
	free(groups);
	*ret_found = found;
	return 0;
}

/* Checks the limit of groups, and makes room for the user's watch. */
static int make_room(const struct control_host *host, struct control_client *client,
		     const struct group_target *target, maze_u64 own, struct maze_error *error)
{
	unsigned int max = host->rules->daemon.entries_per_user;
	struct found found;
	int err = find(host, target, own, &found, error);

	if (err)
		return err;
	max = max < CONTROL_GROUPS_PER_USER ? max : CONTROL_GROUPS_PER_USER;
	if (found.own >= max && !found.is_own) {
		client->fault(client, CONTROL_FAULT_QUOTA, client->arg);
		return maze_fail(error, -EDQUOT, "you watch %u of at most %u groups", found.own,
				 max);
	}
	if (found.is_others)
		return maze_fail(error, -EEXIST,
				 "it is already watched for another user, or by a rule that "
				 "enforces");
	if (found.shadow)
		maze_release_group(host->maze, target->scope, target->fd, found.shadow, ~0ULL,
				   NULL);
	return 0;
}

static int claim(const struct control_host *host, const struct group_target *target,
		 const struct maze_policy *policy, maze_u64 tag, maze_u64 mask,
		 struct maze_error *error)
{
	return target->scope == MAZE_SCOPE_CGROUP
		       ? maze_claim_cgroup(host->maze, target->fd, policy, tag, mask, error)
		       : maze_claim(host->maze, target->fd, 0, policy, tag, mask, error);
}

/* If a rule watched the group before, begins that watch again. */
static void apply_rules(const struct control_host *host, const struct control_request *request,
			const struct group_target *target)
{
	if (target->scope == MAZE_SCOPE_CGROUP)
		tracker_track_cgroup(host->tracker, target->id);
	else
		tracker_track(host->tracker, request->pid, 0);
}

static int watch_for_user(const struct control_host *host, struct control_client *client,
			  const struct control_request *request, const struct group_target *target,
			  struct maze_error *error)
{
	maze_u64 tag = tag_of_group(tag_of_user(client->peer.uid));
	struct maze_policy policy = request->policy;
	int err;

	policy.flags |= MAZE_POLICY_OWNED;
	policy.owner = client->peer.uid;
	err = make_room(host, client, target, tag, error);
	/*
	 * Without a mask, the engine looks for processes that move into a control group. With
	 * one, it relies on the tracker, which follows only those that rules match. Nothing
	 * else sets watches between the check and this call.
	 */
	if (!err)
		err = claim(host, target, &policy, tag,
			    target->scope == MAZE_SCOPE_CGROUP ? 0 : ~0ULL, error);
	if (err)
		apply_rules(host, request, target);
	return err;
}

int control_watch_group(const struct control_host *host, struct control_client *client,
			const struct control_request *request, struct maze_error *error)
{
	struct group_target target;
	int err = open_target(client, request, &target, error);

	if (err)
		return err;
	if (client->root)
		err = claim(host, &target, &request->policy, tag_of_group(tag_of_root()), 0, error);
	else
		err = watch_for_user(host, client, request, &target, error);
	close_target(&target);
	return err;
}

int control_unwatch_cgroup(const struct control_host *host, struct control_client *client,
			   const struct control_request *request, struct maze_error *error)
{
	maze_u64 tag = tag_of_group(tag_of_user(client->peer.uid));
	struct group_target target;
	int err = open_target(client, request, &target, error);

	if (err)
		return err;
	err = maze_release_group(host->maze, MAZE_SCOPE_CGROUP, target.fd, client->root ? 0 : tag,
				 client->root ? 0 : ~0ULL, error);
	if (err == -ENOENT)
		maze_fail(error, err, "you have no watch of the control group %.200s",
			  request->cgroup);
	if (!err && !client->root)
		apply_rules(host, request, &target);
	close_target(&target);
	return err;
}

int control_unwatch_groups(const struct control_host *host, const struct control_client *client,
			   int pidfd)
{
	maze_u64 tag = tag_of_group(tag_of_user(client->peer.uid));
	int process = maze_release_group(host->maze, MAZE_SCOPE_PROCESS, pidfd, tag, ~0ULL, NULL);
	int tree = maze_release_group(host->maze, MAZE_SCOPE_TREE, pidfd, tag, ~0ULL, NULL);

	return process && tree ? -ENOENT : 0;
}
