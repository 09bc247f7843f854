/* SPDX-License-Identifier: GPL-2.0-only */
/* The engine lists a child from its first instruction on, so a list misses no child. */
#include "survivors.h"
#include "groups.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/pidfd.h"

/* A message names at most 8 processes, because a fork bomb leaves thousands. */
#define NAMED_MAX 8

/* Moves one entry of each process of the session to the front. Returns their number. */
static size_t keep_processes(const struct session *session, struct maze_entry *entries,
			     size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if (entries[i].tag != session->tag)
			continue;
		/* The list is sorted by PID, so compare only with the last process. */
		if (!kept || entries[kept - 1].pid != entries[i].pid)
			entries[kept++] = entries[i];
	}
	return kept;
}

static size_t list_processes(const struct session *session, struct maze_entry **ret_entries)
{
	struct maze_error error = { "" };
	size_t count;

	if (maze_list(session->maze, ret_entries, &count, &error)) {
		print_error(session->command, "cannot list the processes that still run: %s",
			    error.text);
		*ret_entries = NULL;
		return 0;
	}
	return keep_processes(session, *ret_entries, count);
}

static void name_processes(FILE *stream, const struct maze_entry *entries, size_t count)
{
	size_t i;

	for (i = 0; i < count && i < NAMED_MAX; i++)
		fprintf(stream, "%s%.*s (PID %u)", i ? ", " : "", (int)sizeof(entries[i].comm),
			entries[i].comm, entries[i].pid);
	if (count > NAMED_MAX)
		fprintf(stream, " and %zu more", count - NAMED_MAX);
}

static bool is_tree(const struct session *session)
{
	return maze_policy_scope(session->options->policy.flags) == MAZE_SCOPE_TREE;
}

/* The list of groups has the number of the members of a tree, but not their names. */
static size_t report_tree(const struct session *session, enum survivors_state state)
{
	size_t members;

	groups_of_session(session, &members);
	if (members && !session->options->quiet)
		print_error(session->command,
			    "the command has ended; %zu process%s of its tree still run%s, %s",
			    members, members == 1 ? "" : "es", members == 1 ? "s" : "",
			    state == SURVIVORS_AWAITED ? "watched; waiting for the last one"
						       : "no longer watched");
	return members;
}

size_t survivors_report(const struct session *session, enum survivors_state state)
{
	static const char *const states[] = {
		[SURVIVORS_AWAITED] = "watched; --stay waits for",
		[SURVIVORS_WATCHED] = "watched by the pinned engine until maze unwatch",
		[SURVIVORS_UNWATCHED] = "no longer watched",
	};
	struct maze_entry *entries;
	size_t count, size;
	char *names = NULL;
	FILE *stream;

	if (is_tree(session))
		return report_tree(session, state);
	count = list_processes(session, &entries);
	stream = count && !session->options->quiet ? open_memstream(&names, &size) : NULL;
	if (stream) {
		name_processes(stream, entries, count);
		fclose(stream);
		print_error(session->command,
			    "the command has ended; %zu process%s still run%s, %s: %s", count,
			    count == 1 ? "" : "es", count == 1 ? "s" : "", states[state], names);
	}
	free(names);
	free(entries);
	return count;
}

bool survivors_remain(const struct session *session, int *pidfd)
{
	struct maze_entry *entries;
	size_t count, i;

	if (is_tree(session)) {
		if (*pidfd >= 0)
			close(*pidfd);
		*pidfd = -1;
		return groups_of_session(session, NULL);
	}
	if (*pidfd >= 0 && !pidfd_has_ended(*pidfd))
		return true;
	if (*pidfd >= 0)
		close(*pidfd);
	*pidfd = -1;
	count = list_processes(session, &entries);
	for (i = 0; i < count && *pidfd < 0; i++)
		*pidfd = (int)syscall(SYS_pidfd_open, (pid_t)entries[i].pid, 0);
	free(entries);
	return count != 0;
}
