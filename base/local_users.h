/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of users from /etc/passwd. Other name services are not asked, because one that
 * needs the network could hold up the event loop.
 */
#ifndef MAZE_BASE_LOCAL_USERS_H
#define MAZE_BASE_LOCAL_USERS_H

#include <sys/types.h>
#include <time.h>

#define USERS_MAX 64

struct users {
	struct {
		uid_t uid;
		char *name; /* "": there is none; NULL: not looked up yet */
	} users[USERS_MAX];
	time_t read; /* CLOCK_MONOTONIC, in s: when the names were last forgotten */
};

/* Returns NULL if the user has no name there. Valid until the next call. */
const char *users_name(struct users *users, uid_t uid);
void users_done(struct users *users);

#endif
