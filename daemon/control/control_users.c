/* SPDX-License-Identifier: GPL-2.0-only */
/* Each user has a token bucket. It saves the unused tokens of at most two seconds. */
#include "control_users.h"

#include <stdlib.h>

/* The section LIMITS of maze-control(5) has these values. */
#define BURST 40U
#define PER_SECOND 20U
#define TOKEN 1000U /* one request, in the unit of control_user.tokens */
#define USEC_PER_TOKEN (1000000U / (PER_SECOND * TOKEN))
#define FAULT_USEC (600 * 1000000ULL)

static void refill(struct control_user *user, uint64_t now_usec)
{
	uint64_t tokens = (now_usec - user->refilled_usec) / USEC_PER_TOKEN;

	/* Keep the rest of the time, which is too short for a token, for later. */
	user->refilled_usec += tokens * USEC_PER_TOKEN;
	user->tokens += tokens;
	if (user->tokens > (uint64_t)BURST * TOKEN)
		user->tokens = (uint64_t)BURST * TOKEN;
}

static struct control_user *find(const struct control_users *users, uid_t uid)
{
	unsigned int i;

	for (i = 0; i < users->count; i++)
		if (users->users[i]->uid == uid)
			return users->users[i];
	return NULL;
}

/*
 * Frees a control_user with no connections and a full bucket. Only fault counts are lost.
 */
static void forget_one(struct control_users *users, uint64_t now_usec)
{
	struct control_user *user;
	unsigned int i;

	for (i = 0; i < users->count; i++) {
		user = users->users[i];
		refill(user, now_usec);
		if (user->connections || user->tokens < (uint64_t)BURST * TOKEN)
			continue;
		free(user);
		users->users[i] = users->users[--users->count];
		return;
	}
}

static struct control_user *find_or_add(struct control_users *users, uid_t uid, bool root,
					uint64_t now_usec)
{
	/* The last slot is reserved for root. */
	unsigned int max = CONTROL_USERS_MAX - !root;
	struct control_user *user = find(users, uid);

	if (user)
		return user;
	if (users->count >= max)
		forget_one(users, now_usec);
	if (users->count >= max)
		return NULL;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->tokens = (uint64_t)BURST * TOKEN;
	user->refilled_usec = now_usec;
	users->users[users->count++] = user;
	return user;
}

struct control_user *control_users_connect(struct control_users *users, uid_t uid, bool root,
					   unsigned int max, uint64_t now_usec)
{
	unsigned int quarter = max / 4 ? max / 4 : 1;
	struct control_user *user;

	/* A quarter of the connections is reserved for root, unless the maximum is 1. */
	if (users->connections >= (root || max < 2 ? max : max - quarter))
		return NULL;
	user = find_or_add(users, uid, root, now_usec);
	if (!user || (!root && user->connections >= quarter))
		return NULL;
	user->connections++;
	users->connections++;
	return user;
}

void control_users_disconnect(struct control_users *users, struct control_user *user)
{
	user->connections--;
	users->connections--;
}

uint64_t control_user_spend(struct control_user *user, unsigned int cost, uint64_t now_usec)
{
	uint64_t tokens = (uint64_t)cost * TOKEN;

	refill(user, now_usec);
	if (user->tokens < tokens)
		return (tokens - user->tokens) * USEC_PER_TOKEN;
	user->tokens -= tokens;
	return 0;
}

bool control_user_fault(struct control_user *user, enum control_fault fault, uint64_t now_usec,
			unsigned int *ret_suppressed)
{
	if (user->reported_usec[fault] && now_usec - user->reported_usec[fault] < FAULT_USEC) {
		user->suppressed[fault]++;
		return false;
	}
	*ret_suppressed = user->suppressed[fault];
	user->suppressed[fault] = 0;
	user->reported_usec[fault] = now_usec;
	return true;
}

void control_users_done(struct control_users *users)
{
	unsigned int i;

	for (i = 0; i < users->count; i++)
		free(users->users[i]);
	users->count = 0;
}
