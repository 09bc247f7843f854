/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs scenarios and reads the records of maze. Each started command has a process group,
 * which is killed if the command does not end in time. Scratch files are removed when the
 * suite ends.
 */
#include "conformance.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/rfc3339.h"

#define WORDS_MAX 64
/* Generous: only a program that hangs reaches it. */
#define SCENARIO_SECONDS 120

static char scratch_dir[64];

static void remove_scratch(void)
{
	static const char *const names[] = { "events", "output", "list" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch_dir, names[i]);
		unlink(path);
	}
	rmdir(scratch_dir);
}

const char *scratch_path(const char *name)
{
	static char path[128];

	if (!scratch_dir[0]) {
		strcpy(scratch_dir, "/tmp/maze-conformance-XXXXXX");
		if (!mkdtemp(scratch_dir)) {
			perror("Bail out! no temporary directory");
			exit(1);
		}
		atexit(remove_scratch);
	}
	snprintf(path, sizeof(path), "%s/%s", scratch_dir, name);
	return path;
}

/* "100xms" with slow 3 is "300ms". */
static char *apply_slow(const char *word, int slow)
{
	char *text = NULL, *end;
	long long number;
	const char *at;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (at = word; *at;) {
		if (!isdigit((unsigned char)*at)) {
			fputc(*at++, out);
			continue;
		}
		number = strtoll(at, &end, 10);
		if (*end == 'x') {
			number *= slow;
			end++;
			fprintf(out, "%lld", number);
		} else {
			fwrite(at, 1, (size_t)(end - at), out);
		}
		at = end;
	}
	fclose(out);
	return text;
}

/* The words with the programs' full paths; never freed, since exec follows. */
static char **split_words(const struct suite *suite, const char *words)
{
	static char *argv[WORDS_MAX];
	char *copy = strdup(words), *word, *save = NULL, path[512];
	int n = 0;

	for (word = strtok_r(copy, " ", &save); word && n < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save)) {
		snprintf(path, sizeof(path), "%s/%s", suite->programs, word);
		if (!access(path, X_OK))
			argv[n++] = strdup(path);
		else if (strchr(word, '/')) /* a path may contain a 5x by chance */
			argv[n++] = strdup(word);
		else
			argv[n++] = apply_slow(word, suite->slow);
	}
	argv[n] = NULL;
	return argv;
}

/* In memory: a write to a file may sleep, which would be a reset. */
static void *share_account(const char *variable, size_t size)
{
	int fd = memfd_create("account", MFD_CLOEXEC);
	char path[64];
	void *file;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		goto out_bail;
	file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		goto out_bail;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	setenv(variable, path, 1);
	return file;
out_bail:
	perror("Bail out! no memory for the account");
	exit(1);
}

const struct account_file *account(void)
{
	static struct account_file *file;

	if (file)
		return file;
	file = share_account(ACCOUNT_FILE, sizeof(*file));
	setenv(ACCOUNT_EVENTS, scratch_path("events"), 1);
	return file;
}

const struct group_account *group_account(void)
{
	static struct group_account *file;

	if (!file)
		file = share_account(GROUP_ACCOUNT_FILE, sizeof(*file));
	return file;
}

bool is_realtime_kernel(void)
{
	return !access("/sys/kernel/realtime", F_OK);
}

bool signals_come_late(const struct suite *suite)
{
	return !strcmp(suite->engine, "poll") ||
	       (!strcmp(suite->engine, "kmod") && is_realtime_kernel());
}

void account_reset(void)
{
	struct account_file *file = (struct account_file *)account();
	struct group_account *group = (struct group_account *)group_account();
	long long used = file->used < ACCOUNT_EPISODES ? file->used : ACCOUNT_EPISODES;

	memset(file->episodes, 0, (size_t)used * sizeof(file->episodes[0]));
	file->used = 0;
	group->used = group->ended_at = 0;
}

pid_t start_words(const struct suite *suite, const char *words, const char *output)
{
	char **argv;
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	setpgid(0, 0);
	fd = open(output ? output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	argv = split_words(suite, words);
	if (argv[0])
		execvp(argv[0], argv);
	_exit(127);
}

int wait_bounded(const struct suite *suite, pid_t pid, int seconds)
{
	struct pollfd poll_pidfd = { .events = POLLIN };
	siginfo_t ended;
	int status = 0, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool hung;

	poll_pidfd.fd = pidfd;
	hung = pidfd >= 0 && poll(&poll_pidfd, 1, seconds * 1000 * suite->slow) == 0;
	if (hung)
		kill(-pid, SIGKILL);
	if (pidfd >= 0)
		close(pidfd);
	/*
	 * Kills what the command left running in its group. It does so before the command
	 * is reaped: afterwards the group's number can be reused.
	 */
	waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (hung)
		return 124;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int run_words(const struct suite *suite, const char *words, const char *output)
{
	pid_t pid = start_words(suite, words, output);

	return pid < 0 ? 127 : wait_bounded(suite, pid, SCENARIO_SECONDS);
}

static void copy_text(char *to, size_t size, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, size, "%s", text ? text : "");
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void fill_record(struct record *record, const json_t *object)
{
	char time[RFC3339_LEN];

	copy_text(record->event, sizeof(record->event), object, "event");
	copy_text(record->comm, sizeof(record->comm), object, "comm");
	copy_text(record->signal, sizeof(record->signal), object, "signal");
	copy_text(record->not_sent, sizeof(record->not_sent), object, "not_sent");
	copy_text(record->engine, sizeof(record->engine), object, "engine");
	copy_text(record->scope, sizeof(record->scope), object, "scope");
	copy_text(time, sizeof(time), object, "time");
	if (!rfc3339_parse(time, &record->time))
		record->time = 0;
	record->pid = number_of(object, "pid");
	record->tid = number_of(object, "tid");
	record->count_ns = number_of(object, "count_ns");
	record->used_ns = number_of(object, "used_ns");
	record->asleep_ns = number_of(object, "asleep_ns");
	record->sleeps = number_of(object, "sleeps");
	record->elapsed_ns = number_of(object, "elapsed_ns");
	record->limit_ns = number_of(object, "limit_ns");
	record->episode = number_of(object, "episode");
	record->sent = json_is_true(json_object_get(object, "sent"));
	record->fatal = json_is_true(json_object_get(object, "fatal"));
	record->shadow = json_is_true(json_object_get(object, "shadow"));
	record->inherited = json_is_true(json_object_get(object, "inherited"));
}

int read_records(const char *path, struct outcome *ret_outcome)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	json_t *object;
	struct record *grown;

	ret_outcome->records = NULL;
	ret_outcome->count = 0;
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), file)) {
		object = json_loads(line, 0, NULL);
		grown = object ? realloc(ret_outcome->records,
					 (ret_outcome->count + 1) * sizeof(*grown))
			       : NULL;
		if (!grown) {
			json_decref(object);
			fclose(file);
			return -EBADMSG;
		}
		ret_outcome->records = grown;
		memset(&grown[ret_outcome->count], 0, sizeof(*grown));
		fill_record(&grown[ret_outcome->count++], object);
		json_decref(object);
	}
	fclose(file);
	return 0;
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->records);
	outcome->records = NULL;
}

int run_scenario(const struct suite *suite, const struct scenario *scenario,
		 struct outcome *ret_outcome)
{
	char words[1024], events[128];
	pid_t beside = -1;

	account_reset();
	if (signals_come_late(suite))
		setenv(ACCOUNT_LATE_SIGNALS, "", 1);
	snprintf(events, sizeof(events), "%s", scratch_path("events"));
	unlink(events);
	snprintf(words, sizeof(words), "%s run --engine %s --all --json --events %s %s -- %s",
		 suite->maze, suite->engine, events, scenario->policy, scenario->program);
	if (scenario->beside)
		beside = start_words(suite, scenario->beside, NULL);
	ret_outcome->status = run_words(suite, words, scratch_path("output"));
	if (beside > 0) {
		kill(-beside, SIGKILL);
		waitpid(beside, NULL, 0);
	}
	return read_records(events, ret_outcome);
}
