/* SPDX-License-Identifier: GPL-2.0-only */
#include "local_users.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* A name that changes is shown a minute later at most. */
#define FORGET_S 60

static char *look_up(uid_t uid)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	char *name = NULL;

	while (file && !name && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid)
			name = strdup(entry->pw_name);
	if (file)
		fclose(file);
	return name ? name : strdup("");
}

void users_done(struct users *users)
{
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		free(users->users[i].name);
	*users = (struct users){ .read = 0 };
}

const char *users_name(struct users *users, uid_t uid)
{
	time_t now = (time_t)(now_ns(CLOCK_MONOTONIC) / 1000000000);
	char **name = &users->users[uid % USERS_MAX].name;

	if (now - users->read > FORGET_S) {
		users_done(users);
		users->read = now;
	}
	if (!*name || users->users[uid % USERS_MAX].uid != uid) {
		free(*name);
		*name = look_up(uid);
		users->users[uid % USERS_MAX].uid = uid;
	}
	return *name && **name ? *name : NULL;
}
