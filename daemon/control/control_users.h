/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of the control socket for each user. They limit connections, the rate of
 * requests, watched tasks, and log messages about faults. These functions read no clock.
 * The caller passes the time in microseconds, by a clock that never goes back.
 */
#ifndef MAZE_DAEMON_CONTROL_USERS_H
#define MAZE_DAEMON_CONTROL_USERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The maximum number of users. One person can have so many UIDs that mazed needs a limit.
 */
#define CONTROL_USERS_MAX 256

/* Faults of a client. For each user, mazed logs each fault once in 10 minutes. */
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
	unsigned int entries; /* tasks watched for this user */
	uint64_t counted_usec;
	uint64_t reported_usec[CONTROL_FAULT_COUNT];
	unsigned int suppressed[CONTROL_FAULT_COUNT];
};

struct control_users {
	struct control_user *users[CONTROL_USERS_MAX];
	unsigned int count;
	unsigned int connections; /* of all users */
};

void control_users_done(struct control_users *users);

/*
 * Adds a connection of the user `uid`. `max` limits the connections of all users
 * together. NULL: the limit of this user or of all users is reached, or there is no
 * memory. Root and mazed's own user have no limit of their own.
 */
struct control_user *control_users_connect(struct control_users *users, uid_t uid, bool root,
					   unsigned int max, uint64_t now_usec);
void control_users_disconnect(struct control_users *users, struct control_user *user);

/*
 * Spends the tokens of a request and returns 0. If there are too few tokens, returns the
 * number of microseconds until there are enough.
 */
uint64_t control_user_spend(struct control_user *user, unsigned int cost, uint64_t now_usec);

/*
 * True if the fault is to be logged now. *ret_suppressed is the number of faults that
 * were not logged since the last message. Users who have no control_user share one.
 */
bool control_user_fault(struct control_user *user, enum control_fault fault, uint64_t now_usec,
			unsigned int *ret_suppressed);

#endif
