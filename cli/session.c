/* SPDX-License-Identifier: GPL-2.0-only */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * Raises the limit of open files. The poll engine opens two files for each process, and
 * two more while it reads.
 */
static void raise_limits(struct session *session)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &session->files))
		return;
	raised = session->files;
	raised.rlim_cur = raised.rlim_max;
	setrlimit(RLIMIT_NOFILE, &raised);
}

void session_restore_limits(const struct session *session)
{
	setrlimit(RLIMIT_NOFILE, &session->files);
}

static int open_events(struct session *session)
{
	if (!session->options->events)
		return 0;
	session->events = fopen(session->options->events, "ae");
	if (session->events)
		return 0;
	print_error(session->command, "cannot append to %s: %s", session->options->events,
		    strerror(errno));
	return -errno;
}

/* Prefers the pinned engine if it is loaded, so that one list shows all watches. */
static int open_engine(struct session *session)
{
	const char *engine = session->options->engine;
	struct maze_error error = { "" };
	int err;

	/* The poll engine measures groups in any case, so auto opens no other one. */
	if (is_for_group(session->options) && !strcmp(engine, "auto"))
		engine = "poll";
	err = maze_open(engine, MAZE_EXISTING, &session->maze, &error);
	session->pinned = !err;
	/*
	 * A user with the permission to load an engine can lack access to the engine that
	 * root has pinned.
	 */
	if (err == -ENOENT || err == -EACCES || err == -EPERM)
		err = maze_open(engine, MAZE_PRIVATE, &session->maze, &error);
	if (!err)
		err = maze_reader_open(session->maze, false, &session->reader, &error);
	if (!err)
		err = new_tag(&session->tag);
	/*
	 * The command may run maze too, which needs much CPU time to load an engine. So
	 * exempt maze from verdicts.
	 */
	if (!err)
		maze_spare_program(session->maze);
	if (err)
		print_error(session->command, "%s", error.text[0] ? error.text : strerror(-err));
	return err;
}

int new_tag(maze_u64 *ret_tag)
{
	if (getrandom(ret_tag, sizeof(*ret_tag), 0) != sizeof(*ret_tag))
		return -errno;
	/* Bits 63 to 56 are reserved for tags of mazed. */
	*ret_tag >>= 8;
	return 0;
}

void block_end_signals(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGINT);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGHUP);
	sigprocmask(SIG_BLOCK, ret_signals, NULL);
}

bool notes_wanted(const struct options *options)
{
	return !options->quiet && isatty(STDERR_FILENO);
}

void print_start(const struct command *command, const struct options *options,
		 const struct maze *maze)
{
	const struct maze_policy *policy = &options->policy;
	bool soft_given = options->given & maze_policy_given("soft");
	bool hard_given = options->given & maze_policy_given("hard");
	bool derived = soft_given != hard_given && policy->soft_ns && policy->hard_ns;
	bool blind = maze && !is_for_group(options) && !maze_sees_yields(maze) &&
		     !(policy->flags & MAZE_POLICY_YIELD_COUNTS);
	const char *why = maze ? strstr(maze_why_not_better(maze), ": ") : NULL;
	char soft[64], hard[64], limits[192] = "", engine[512] = "";

	if (!notes_wanted(options) || (!derived && !why && !blind))
		return;
	if (derived)
		snprintf(limits, sizeof(limits), "soft limit %s, hard limit %s",
			 maze_duration_format(policy->soft_ns, soft, sizeof(soft)),
			 maze_duration_format(policy->hard_ns, hard, sizeof(hard)));
	/* The cause of the first reason, which is "ENGINE cannot be used here: CAUSE; REMEDY". */
	if (why || blind)
		snprintf(engine, sizeof(engine), "%sengine %s%s%.*s%s", derived ? "; " : "",
			 maze_engine_name(maze), why ? ", because" : "",
			 why ? (int)strcspn(why + 1, ";") : 0, why ? why + 1 : "",
			 blind ? "; yields are not detected" : "");
	print_error(command, "%s%s", limits, engine);
}

/* Returns an error if --yield reset is given and impossible. */
static int check_yields(const struct session *session)
{
	if (!(session->options->given & maze_policy_given("yield")) ||
	    maze_sees_yields(session->maze) ||
	    (session->options->policy.flags & MAZE_POLICY_YIELD_COUNTS))
		return 0;
	print_error(session->command,
		    "--yield reset is impossible: the %s engine does not detect sched_yield; "
		    "use --yield count, or another engine (see maze doctor)",
		    maze_engine_name(session->maze));
	return -EOPNOTSUPP;
}

int session_open(struct session *session, const struct command *command,
		 const struct options *options)
{
	int err;

	*session = (struct session){ .command = command, .options = options };
	raise_limits(session);
	err = open_events(session);
	if (!err)
		err = open_engine(session);
	if (!err)
		err = check_yields(session);
	if (!err)
		print_start(command, options, session->maze);
	if (!err && options->incidents)
		err = session_incidents_open(command, options, session->maze, session->tag,
					     &session->incidents);
	return err;
}

void session_name_process(const struct session *session)
{
	/* The module has no private watches, but the watches of groups are always private. */
	if (is_for_group(session->options) ||
	    (!session->pinned && strcmp(maze_engine_name(session->maze), "kmod") != 0))
		prctl(PR_SET_NAME, PRIVATE_ENGINE_COMM);
}

void session_close(struct session *session)
{
	if (session->maze && session->pinned && !session->leaves_watches)
		maze_unwatch_tag(session->maze, session->tag, NULL);
	session_incidents_close(session->incidents);
	maze_reader_close(session->reader);
	maze_close(session->maze);
	if (session->events)
		fclose(session->events);
}

static bool is_wanted(const struct session *session, const struct maze_record *record)
{
	if (record->event == MAZE_EVENT_LOST)
		return !record->tag || record->tag == session->tag;
	if (record->tag != session->tag)
		return false;
	return session->options->all || record->event == MAZE_EVENT_SOFT ||
	       record->event == MAZE_EVENT_HARD;
}

void session_print(struct session *session)
{
	const char *engine = maze_engine_name(session->maze);
	struct maze_record record;

	while (maze_reader_next(session->reader, &record) == 1) {
		session_incidents_record(session->incidents, &record);
		if (!is_wanted(session, &record))
			continue;
		print_record(stderr, "maze: ", &record, engine, session->options->json);
		if (session->events && !print_record(session->events, "", &record, engine, true)) {
			print_error(session->command, "cannot write to %s: %s; ignoring",
				    session->options->events, strerror(errno));
			fclose(session->events);
			session->events = NULL;
		}
	}
}
