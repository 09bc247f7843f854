/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `observe` measures how long the programs of a machine run without a sleep.
 * It watches processes without limits, so it sends no signal and writes no record. Its
 * engine is private, so that it disturbs no other watch and ends with this process.
 */
#include "replace_output.h"
#include "session.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/escape.h"
#include "lib/paths.h"
#include "observe/observation.h"
#include "observe/streaks_file.h"
#include "report/shown.h"

/* How often it looks at the streaks, and for new processes with --all. */
#define TURN_NS MAZE_NSEC_PER_SEC
/* How often it writes the file of --out, so that a crash does not lose a long observation. */
#define WRITE_NS (60 * MAZE_NSEC_PER_SEC)

/* A process that could not be watched, as stat(2) has it; it may change its user. */
struct refused {
	pid_t pid;
	uid_t uid;
	ino_t inode; /* of /proc/PID: another process may get the PID */
};

struct observe {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	maze_u64 tag;
	struct maze_policy policy;
	struct observation observation;
	maze_u64 until_ns, turn_ns, write_ns; /* CLOCK_BOOTTIME; until_ns 0: no end */
	int signals;			      /* signalfd */
	struct refused *refused;	      /* at the last look, sorted by PID */
	size_t refused_count;
	size_t watched; /* threads */
};

static int open_engine(struct observe *observe)
{
	struct maze_error error = { "" };
	int err = maze_open(observe->options->engine, MAZE_PRIVATE, &observe->maze, &error);

	if (!err)
		err = new_tag(&observe->tag);
	if (err)
		print_error(observe->command, "%s", error.text[0] ? error.text : strerror(-err));
	return err;
}

static void make_policy(struct maze_policy *policy)
{
	maze_policy_default(policy);
	policy->soft_ns = policy->hard_ns = 0;
	policy->soft_signal = policy->hard_signal = 0;
	policy->flags =
		MAZE_POLICY_INHERIT | MAZE_POLICY_SHADOW | MAZE_POLICY_QUIET | MAZE_POLICY_OBSERVE;
}

static int watch_one_process(struct observe *observe, pid_t pid, struct maze_error *error)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), err;

	if (pidfd < 0)
		return maze_fail(error, -errno, "no process has the PID %d", (int)pid);
	/* A thread that is watched already keeps its count. */
	err = maze_claim(observe->maze, pidfd, 0, &observe->policy, observe->tag, ~0ULL, error);
	close(pidfd);
	return err;
}

/* Returns the number of processes that are watched now. */
static int watch_given(struct observe *observe, int argc, char **argv)
{
	struct maze_error error = { "" };
	int i, watched = 0, status;
	pid_t pid;

	for (i = 0; i < argc; i++) {
		status = id_parse(observe->command, "PID", argv[i], &pid);
		if (status)
			return -status;
		if (watch_one_process(observe, pid, &error))
			print_error(observe->command, "%s", error.text);
		else
			watched++;
	}
	return watched;
}

static int by_pid(const void *left, const void *right)
{
	const struct refused *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int by_entry(const void *key, const void *item)
{
	const pid_t *pid = key;
	const struct maze_entry *entry = item;

	return (*pid > (pid_t)entry->pid) - (*pid < (pid_t)entry->pid);
}

static void refuse(struct refused **refused, size_t *count, const struct refused *process)
{
	struct refused *grown = reallocarray(*refused, *count + 1, sizeof(*grown));

	if (!grown)
		return;
	grown[(*count)++] = *process;
	*refused = grown;
}

static bool was_refused(const struct observe *observe, const struct refused *process)
{
	const struct refused *found = NULL;

	if (observe->refused)
		found = bsearch(process, observe->refused, observe->refused_count, sizeof(*found),
				by_pid);
	return found && found->uid == process->uid && found->inode == process->inode;
}

/*
 * Watches the processes that are not watched yet, such as those that init has started.
 * Does not try those again that could not be watched at the last look and are the same.
 */
static void watch_all(struct observe *observe, const struct maze_entry *entries, size_t count)
{
	DIR *proc = opendir("/proc");
	struct refused *refused = NULL, process;
	size_t refused_count = 0;
	struct dirent *entry;
	struct stat stat;

	while (proc && (entry = readdir(proc))) {
		process.pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (process.pid <= 1 || process.pid == getpid() ||
		    (count && bsearch(&process.pid, entries, count, sizeof(*entries), by_entry)) ||
		    fstatat(dirfd(proc), entry->d_name, &stat, 0))
			continue;
		process.uid = stat.st_uid;
		process.inode = stat.st_ino;
		if (was_refused(observe, &process) || watch_one_process(observe, process.pid, NULL))
			refuse(&refused, &refused_count, &process);
	}
	if (proc)
		closedir(proc);
	if (refused)
		qsort(refused, refused_count, sizeof(*refused), by_pid);
	free(observe->refused);
	observe->refused = refused;
	observe->refused_count = refused_count;
}

static json_t *to_json(const struct observe *observe)
{
	return observation_json(&observe->observation, maze_engine_name(observe->maze));
}

/* Returns 0 or an exit status. */
static int write_out(const struct observe *observe)
{
	json_t *json = observe->options->out ? to_json(observe) : NULL;
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	int status = EXIT_MAZE_OK;

	if (observe->options->out)
		status = text ? replace_output(observe->command, observe->options->out, text)
			      : EXIT_MAZE_FAILED;
	free(text);
	json_decref(json);
	return status;
}

static void print_progress(const struct observe *observe)
{
	const struct observed *longest = observation_longest(&observe->observation);
	maze_u64 passed_ns = observation_time_ns(&observe->observation);
	char passed[SHOWN_LEN], streak[SHOWN_LEN], name[MAZE_PROGRAM_NAME_LEN * ESCAPE_MAX];

	passed_ns -= passed_ns % MAZE_NSEC_PER_SEC;
	fprintf(stderr, "\r\033[K%s: %zu threads, %zu programs",
		shown_duration((long long)passed_ns, passed), observe->watched,
		observe->observation.count);
	if (longest)
		fprintf(stderr, ", longest streak %s (%s)",
			shown_duration((long long)observed_longest_ns(longest), streak),
			escape_copy(name, sizeof(name), longest->streaks.program));
	fflush(stderr);
}

/* Looks at the streaks, and for new processes. 0: nothing is watched any more. */
static int take_turn(struct observe *observe)
{
	struct maze_error error = { "" };
	struct maze_entry *entries = NULL;
	size_t count = 0, i;
	int err = observation_update(&observe->observation, observe->maze, &error);

	if (!err)
		err = maze_list(observe->maze, &entries, &count, &error);
	if (err) {
		print_error(observe->command, "%s", error.text[0] ? error.text : strerror(-err));
		return err;
	}
	if (observe->options->all)
		watch_all(observe, entries, count);
	/* The kmod engine also lists the watches of other programs. */
	observe->watched = 0;
	for (i = 0; i < count; i++)
		observe->watched += entries[i].tag == observe->tag;
	free(entries);
	if (notes_wanted(observe->options))
		print_progress(observe);
	return observe->options->all || observe->watched;
}

static int ms_until(maze_u64 at_ns, maze_u64 now)
{
	return at_ns <= now ? 0 : (int)((at_ns - now) / MAZE_NSEC_PER_MSEC + 1);
}

/* Returns 0 or an exit status. */
static int observe_until_end(struct observe *observe)
{
	struct pollfd fds[] = {
		{ .fd = observe->signals, .events = POLLIN },
		{ .fd = maze_service_fd(observe->maze), .events = POLLIN },
	};
	int timeout, on = 1, status = EXIT_MAZE_OK;
	maze_u64 now;

	while (on > 0 && !status) {
		timeout = maze_service(observe->maze);
		now = now_ns(CLOCK_BOOTTIME);
		timeout = sooner(timeout, ms_until(observe->turn_ns, now));
		if (observe->until_ns)
			timeout = sooner(timeout, ms_until(observe->until_ns, now));
		if (poll(fds, 2, timeout) < 0 && errno != EINTR)
			return EXIT_MAZE_FAILED;
		now = now_ns(CLOCK_BOOTTIME);
		if (fds[0].revents || (observe->until_ns && now >= observe->until_ns))
			break;
		if (now < observe->turn_ns)
			continue;
		observe->turn_ns = now + TURN_NS;
		on = take_turn(observe);
		if (now >= observe->write_ns) {
			observe->write_ns = now + WRITE_NS;
			status = write_out(observe);
		}
	}
	return on < 0 ? EXIT_MAZE_FAILED : status;
}

static int print_json(const json_t *json)
{
	if (!json || json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII))
		return EXIT_MAZE_FAILED;
	putchar('\n');
	return EXIT_MAZE_OK;
}

static int show(struct observe *observe)
{
	struct maze_error error = { "" };
	json_t *json;
	int status;

	if (notes_wanted(observe->options))
		fputs("\r\033[K", stderr);
	if (observation_update(&observe->observation, observe->maze, &error)) {
		print_error(observe->command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	status = write_out(observe);
	if (!observe->options->json) {
		observation_print(&observe->observation);
		return status;
	}
	json = to_json(observe);
	status = print_json(json) ?: status;
	json_decref(json);
	return status;
}

/* Prints the file that mazed keeps, or that --out has written. */
static int show_file(const struct command *command, const struct options *options)
{
	const char *path = options->from ? options->from : MAZE_STATE_DIR "/" MAZE_STREAKS_NAME;
	struct observation observation = { 0 };
	struct maze_error error = { "" };
	struct streaks_file *file;
	int err = streaks_file_load(path, &file, &error), status = EXIT_MAZE_OK;

	if (err) {
		print_error(command, "%s: %s%s", path, error.text,
			    err == -ENOENT && !options->from
				    ? "; mazed writes it with observe = yes in maze.conf"
			    : err == -EACCES ? "; root may read it"
					     : "");
		return EXIT_MAZE_FAILED;
	}
	/* That is for mazed. */
	json_object_del(file->root, "earlier");
	if (options->json)
		status = print_json(file->root);
	else if (observation_from_json(file->root, &observation))
		status = EXIT_MAZE_FAILED;
	else
		observation_print(&observation);
	observation_free(&observation);
	streaks_file_free(file);
	return status;
}

/* Returns 0, or the exit status after a usage error. */
static int parse(struct observe *observe, int argc)
{
	struct maze_error error = { "" };
	maze_u64 for_ns;

	if (observe->options->show &&
	    (argc || observe->options->all || observe->options->out || observe->options->duration))
		return usage_error(observe->command,
				   "--show observes nothing; give it only --from and --json");
	if (observe->options->show)
		return 0;
	if (observe->options->from)
		return usage_error(observe->command, "--from requires --show");
	if (!argc == !observe->options->all)
		return usage_error(observe->command, "give PIDs, or --all for all processes");
	if (!observe->options->duration)
		return 0;
	if (maze_duration_parse(observe->options->duration, &for_ns, &error))
		return usage_error(observe->command, "--for: %s", error.text);
	if (!for_ns)
		return usage_error(observe->command, "--for: the duration is 0");
	observe->until_ns = now_ns(CLOCK_BOOTTIME) + for_ns;
	return 0;
}

int cmd_observe(const struct command *command, struct options *options, int argc, char **argv)
{
	struct observe observe = { .command = command, .options = options, .signals = -1 };
	int status = parse(&observe, argc);
	sigset_t signals;

	if (status)
		return status;
	if (options->show)
		return show_file(command, options);
	status = EXIT_MAZE_FAILED;
	if (open_engine(&observe))
		goto out_close;
	make_policy(&observe.policy);
	block_end_signals(&signals);
	observe.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	observation_start(&observe.observation);
	/* This attaches the yield probe, before the streaks that need it. */
	if (maze_service_fd(observe.maze) >= 0)
		maze_service(observe.maze);
	if (options->all)
		watch_all(&observe, NULL, 0);
	else
		status = watch_given(&observe, argc, argv);
	if (!options->all && status <= 0) {
		status = status ? -status : EXIT_MAZE_FAILED;
		goto out_close;
	}
	prctl(PR_SET_NAME, PRIVATE_ENGINE_COMM);
	status = observe_until_end(&observe);
	if (!status)
		status = show(&observe);
out_close:
	if (observe.signals >= 0)
		close(observe.signals);
	observation_free(&observe.observation);
	free(observe.refused);
	maze_close(observe.maze);
	return status;
}
