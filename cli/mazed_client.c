/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client of mazed's control socket. It trusts the peer, because only root can create
 * /run/maze/control.sock.
 */
#include "mazed_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/json_get.h"
#include "base/proc_files.h"
#include "base/standard_streams.h"

void mazed_report(const struct mazed_client *client, const char *format, ...)
{
	struct maze_error own, *error = client->error ? client->error : &own;
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (!client->error)
		print_error(client->command, "%s", error->text);
}

int mazed_refuse(const struct mazed_client *client, const char *what, const json_t *part)
{
	char *text = json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY);

	mazed_report(client, "mazed at %s: invalid %s: %.200s", client->path, what,
		     text ? text : "");
	free(text);
	return -EPROTO;
}

/* Returns NULL if the command uses the engine instead of mazed. */
static const char *socket_path(const struct options *options, bool *ret_given)
{
	const char *environment = getenv("MAZE_SOCKET");

	*ret_given = true;
	if (options->direct || strcmp(options->engine, "auto") != 0)
		return NULL;
	if (options->socket)
		return options->socket;
	if (environment)
		return environment[0] ? environment : NULL;
	*ret_given = false;
	return MAZE_CONTROL_SOCKET;
}

int mazed_connect(struct mazed_client *client, const struct command *command,
		  const struct options *options)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = client->patience_s };
	struct maze_error *error = client->error;
	bool given;
	int err;

	memset(client, 0, offsetof(struct mazed_client, buf));
	client->error = error;
	client->patience_s = (unsigned int)patience.tv_sec;
	client->begin = client->end = 0;
	client->command = command;
	client->fd = -1;
	client->path = socket_path(options, &given);
	if (!client->path)
		return 0;
	if (strlen(client->path) >= sizeof(address.sun_path)) {
		mazed_report(client, "the path of the socket, %s, is longer than %zu bytes",
			     client->path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", client->path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Before connect(2), which waits while the backlog is full. */
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (client->fd >= 0 && !connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
		return 1;
	err = -errno;
	mazed_disconnect(client);
	/* mazed does not run, and the user has not given a socket. */
	if (!given && (err == -ENOENT || err == -ECONNREFUSED))
		return 0;
	if (err == -EAGAIN)
		mazed_report(client, "mazed at %s does not answer", client->path);
	else
		mazed_report(client, "cannot connect to mazed at %s: %s%s", client->path,
			     strerror(-err),
			     err == -ENOENT || err == -ECONNREFUSED
				     ? "; is mazed running? --direct uses the engine instead"
				     : "");
	return err;
}

void mazed_disconnect(struct mazed_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	free(client->engine);
	client->engine = NULL;
	free(client->config);
	client->config = NULL;
	json_decref(client->groups);
	client->groups = NULL;
}

bool mazed_is_ready(const struct mazed_client *client)
{
	struct pollfd fd = { .fd = client->fd, .events = POLLIN };

	return memchr(client->buf + client->begin, '\n', client->end - client->begin) ||
	       poll(&fd, 1, 0) > 0;
}

static int send_line(struct mazed_client *client, const char *text)
{
	size_t length = strlen(text), sent = 0;
	ssize_t done;

	while (sent < length) {
		done = send(client->fd, text + sent, length - sent, MSG_NOSIGNAL);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0)
			sent += (size_t)done;
	}
	return 0;
}

/*
 * Waits for `fd`. Returns false if the reader of standard output has exited. Without
 * this, maze would notice the exit only at its next write, which may be much later.
 */
static bool wait_for_either(int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = STDOUT_FILENO } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return !fds[1].revents;
}

/* Returns a line, valid until the next call, or NULL after an error message. */
static char *read_line(struct mazed_client *client)
{
	char *line, *newline;
	ssize_t got;

	for (;;) {
		line = client->buf + client->begin;
		newline = memchr(line, '\n', client->end - client->begin);
		if (newline) {
			*newline = '\0';
			client->begin = (size_t)(newline + 1 - client->buf);
			return line;
		}
		memmove(client->buf, line, client->end - client->begin);
		client->end -= client->begin;
		client->begin = 0;
		if (client->end == sizeof(client->buf)) {
			mazed_report(client, "mazed at %s sent a line that is too long",
				     client->path);
			return NULL;
		}
		if (client->follows && !wait_for_either(client->fd)) {
			standard_output_fail();
			return NULL;
		}
		got = read(client->fd, client->buf + client->end,
			   sizeof(client->buf) - client->end);
		if (got > 0) {
			client->end += (size_t)got;
		} else if (!got || errno != EINTR) {
			if (got < 0 && errno == EAGAIN)
				mazed_report(client, "mazed at %s does not answer", client->path);
			else
				mazed_report(client, "mazed at %s closed the connection%s%s",
					     client->path, got ? ": " : "",
					     got ? strerror(errno) : "");
			return NULL;
		}
	}
}

/* Any line of the answer to "list" can have an array of groups. */
static void keep_groups(struct mazed_client *client, const json_t *object)
{
	json_t *groups = json_object_get(object, "groups");

	if (!json_is_array(groups))
		return;
	if (client->groups)
		json_array_extend(client->groups, groups);
	else
		client->groups = json_incref(groups);
}

static json_t *read_object(struct mazed_client *client)
{
	char *line = read_line(client);
	json_t *object = line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (json_is_object(object))
		keep_groups(client, object);
	if (!line || json_is_object(object))
		return object;
	json_decref(object);
	mazed_report(client,
		     "the program at %s is not mazed: its answer \"%.60s\" is not a JSON object",
		     client->path, line);
	return NULL;
}

static bool is_ok(struct mazed_client *client, const json_t *answer)
{
	const char *text = json_text(answer, "text");

	if (json_is_true(json_object_get(answer, "ok")))
		return true;
	mazed_report(client, "%s", text ? text : "mazed refused the request without a reason");
	return false;
}

/* Keeps a text of an answer that has it. */
static void keep_text(const json_t *answer, const char *key, char **kept)
{
	const char *text = json_text(answer, key);

	if (!text)
		return;
	free(*kept);
	*kept = strdup(text);
}

json_t *mazed_ask(struct mazed_client *client, json_t *request)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_t *answer;
	int err;

	json_decref(request);
	if (!text)
		return NULL;
	/* Read even after EPIPE, because mazed sends a reason before it disconnects. */
	err = send_line(client, text);
	if (!err)
		err = send_line(client, "\n");
	free(text);
	if (err && err != -EPIPE && err != -ECONNRESET) {
		mazed_report(client, "cannot send a request to mazed at %s: %s", client->path,
			     strerror(-err));
		return NULL;
	}
	answer = read_object(client);
	if (answer && !is_ok(client, answer)) {
		json_decref(answer);
		return NULL;
	}
	keep_text(answer, "engine", &client->engine);
	keep_text(answer, "config", &client->config);
	return answer;
}

bool mazed_call(struct mazed_client *client, json_t *request)
{
	json_t *answer = mazed_ask(client, request);

	json_decref(answer);
	return answer;
}

static int next_value(struct mazed_client *client, const char *key, json_type type,
		      json_t **ret_value)
{
	json_t *line = read_object(client), *value;
	int err = -EPROTO;

	/* A line of groups can come between those with the key. */
	while (line && json_object_size(line) == 1 && json_object_get(line, "groups")) {
		json_decref(line);
		line = read_object(client);
	}
	value = json_object_get(line, key);
	if (value && json_typeof(value) == type) {
		*ret_value = json_incref(value);
		err = 1;
	} else if (line && json_object_get(line, "done")) {
		err = 0;
	} else if (line && is_ok(client, line)) {
		mazed_report(client, "the answer of mazed at %s has no \"%s\"", client->path, key);
	}
	json_decref(line);
	return err;
}

int mazed_next(struct mazed_client *client, const char *key, json_t **ret_object)
{
	return next_value(client, key, JSON_OBJECT, ret_object);
}

int mazed_next_text(struct mazed_client *client, const char *key, json_t **ret_text)
{
	return next_value(client, key, JSON_STRING, ret_text);
}

json_t *mazed_request(const struct mazed_client *client, const char *verb, pid_t pid, pid_t tid)
{
	maze_u64 start = 0;
	json_t *request;
	char path[64];
	int fd, err = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		err = proc_start_ticks(fd, &start);
		close(fd);
	}
	if (err) {
		mazed_report(client, "no process has the PID %d", (int)pid);
		return NULL;
	}
	request =
		json_pack("{s:s,s:i,s:I}", "do", verb, "pid", (int)pid, "start", (json_int_t)start);
	if (tid)
		json_object_set_new(request, "tid", json_integer(tid));
	return request;
}

/* A tree or a control group has only `kill`. */
static void add_signals(json_t *object, const struct maze_policy *policy)
{
	/* The protocol uses "0" instead of the "none" of maze_signal_format(). */
	char soft_signal[32] = "0", hard_signal[32] = "0";

	if (maze_policy_scope(policy->flags) > MAZE_SCOPE_PROCESS) {
		json_object_set_new(object, "kill", json_boolean(policy->hard_signal));
		return;
	}
	if (policy->soft_signal)
		maze_soft_signal_format(policy->flags, policy->soft_signal, soft_signal,
					sizeof(soft_signal));
	if (policy->hard_signal)
		maze_signal_format(policy->hard_signal, hard_signal, sizeof(hard_signal));
	json_object_set_new(object, "soft-signal", json_string(soft_signal));
	json_object_set_new(object, "hard-signal", json_string(hard_signal));
}

static void add_thread_keys(json_t *object, const struct maze_policy *policy)
{
	bool to_process = policy->flags & MAZE_POLICY_TO_PROCESS;
	bool counts = policy->flags & MAZE_POLICY_YIELD_COUNTS;
	char recovery[32];

	maze_recovery_format(policy->recovery, recovery, sizeof(recovery));
	json_object_set_new(object, "recovery", json_string(recovery));
	json_object_set_new(object, "signal-to", json_string(to_process ? "process" : "thread"));
	json_object_set_new(object, "yield", json_string(counts ? "count" : "reset"));
	json_object_set_new(object, "inherit", json_boolean(policy->flags & MAZE_POLICY_INHERIT));
}

static void add_group_keys(json_t *object, const struct maze_policy *policy)
{
	maze_u32 scope = maze_policy_scope(policy->flags);
	char share[32];

	maze_share_format(policy->share, share, sizeof(share));
	json_object_set_new(object, "scope", json_string(maze_policy_scope_name(scope)));
	json_object_set_new(object, "share", json_string(share));
}

json_t *mazed_policy(const struct maze_policy *policy)
{
	char soft[64], hard[64];
	json_t *object = json_pack(
		"{s:s,s:s}", "soft", maze_duration_format(policy->soft_ns, soft, sizeof(soft)),
		"hard", maze_duration_format(policy->hard_ns, hard, sizeof(hard)));

	add_signals(object, policy);
	if (maze_policy_scope(policy->flags))
		add_group_keys(object, policy);
	else
		add_thread_keys(object, policy);
	json_object_set_new(object, "shadow", json_boolean(policy->flags & MAZE_POLICY_SHADOW));
	return object;
}
