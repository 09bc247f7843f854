/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses the control socket, and how much of it is left for each: connections,
 * requests by rate, watched tasks, and what of a user's faults was said in the log
 * already. Pure: time is given in, in microseconds of a clock that never goes back.
 */
#ifndef MAZE_DAEMON_CONTROL_USERS_H
#define MAZE_DAEMON_CONTROL_USERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A user may map many ids for himself (subuid(5)): who is beyond this many is sent away. */
#define CONTROL_USERS_MAX 256

/* What a client does wrong; of each, a user is named in the log once in a while. */
enum control_fault {
	CONTROL_FAULT_CONNECTIONS,
	CONTROL_FAULT_GARBAGE,
	CONTROL_FAULT_NOT_READING,
	CONTROL_FAULT_RATE,
	CONTROL_FAULT_QUOTA,
	CONTROL_FAULT_COUNT,
};

struct control_user {
	uid_t uid;
	unsigned int connections;
	uint64_t tokens; /* in thousandths of a request */
	uint64_t refilled_usec;
	unsigned int entries; /* watched for this user when that was counted */
	uint64_t counted_usec;
	uint64_t said_usec[CONTROL_FAULT_COUNT];
	unsigned int unsaid[CONTROL_FAULT_COUNT];
};

struct control_users {
	struct control_user *users[CONTROL_USERS_MAX];
	unsigned int count;
	unsigned int connections; /* of all together */
};

void control_users_done(struct control_users *users);

/*
 * Takes a connection for that user out of `max`. NULL: there is none left, for him or
 * for all, or no memory. Root, and who mazed itself runs as, may have any of them.
 */
struct control_user *control_users_connect(struct control_users *users, uid_t uid, bool root,
					   unsigned int max, uint64_t now_usec);
void control_users_disconnect(struct control_users *users, struct control_user *user);

/*
 * Takes what a request costs, and is 0; or the microseconds after which to ask again,
 * and nothing was taken.
 */
uint64_t control_user_spend(struct control_user *user, unsigned int cost, uint64_t now_usec);

/*
 * True: to be said now, and *ret_unsaid is how often it happened since it was said last.
 * Of users who are sent away there is no control_user; they share one.
 */
bool control_user_fault(struct control_user *user, enum control_fault fault, uint64_t now_usec,
			unsigned int *ret_unsaid);

#endif
