/* SPDX-License-Identifier: GPL-2.0-only */
/* mazed rejects unknown keys, because otherwise a misspelt key would mean the default. */
#include "control_request.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

#define ID_MAX 64
/* Larger than any PID of the kernel (PID_MAX_LIMIT). */
#define PID_MAX 0x3fffffff

static const struct {
	const char *name;
	enum control_verb verb;
	bool process; /* "pid" or "cgroup" is required */
} verbs[] = {
	{ "watch", CONTROL_WATCH, true },    { "unwatch", CONTROL_UNWATCH, true },
	{ "list", CONTROL_LIST, false },     { "events", CONTROL_EVENTS, false },
	{ "status", CONTROL_STATUS, false }, { "reload", CONTROL_RELOAD, false },
	{ "thaw", CONTROL_THAW, false },     { "rules", CONTROL_RULES, false },
	{ "mode", CONTROL_MODE, false },     { "reset", CONTROL_RESET, false },
	{ "stats", CONTROL_STATS, false },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

#define OF(verb) (1U << (verb))

static int parse_pid(struct control_request *request, const char *key, const json_t *value,
		     struct maze_error *error)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;

	if (number < 1 || number > PID_MAX)
		return maze_fail(error, -EINVAL, "\"%s\" takes a number from 1 to %d", key,
				 PID_MAX);
	if (key[0] == 'p')
		request->pid = (pid_t)number;
	else
		request->tid = (pid_t)number;
	return 0;
}

static int parse_start(struct control_request *request, const char *key, const json_t *value,
		       struct maze_error *error)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;

	if (number < 1)
		return maze_fail(error, -EINVAL,
				 "\"%s\" takes the start time of the process in clock ticks", key);
	request->start = (maze_u64)number;
	return 0;
}

static int parse_flag(struct control_request *request, const char *key, const json_t *value,
		      struct maze_error *error)
{
	bool *flag = !strcmp(key, "kept")     ? &request->kept
		     : !strcmp(key, "follow") ? &request->follow
		     : !strcmp(key, "all")    ? &request->all
					      : &request->changes;

	if (!json_is_boolean(value))
		return maze_fail(error, -EINVAL, "\"%s\" takes true or false", key);
	*flag = json_is_true(value);
	return 0;
}

static int parse_cgroup(struct control_request *request, const char *key, const json_t *value,
			struct maze_error *error)
{
	const char *text = json_string_value(value);

	if (!text || text[0] != '/')
		return maze_fail(
			error, -EINVAL,
			"\"%s\" takes the path of a cgroup below the cgroup mount, such as "
			"/user.slice",
			key);
	request->cgroup = strdup(text);
	return request->cgroup ? 0 : maze_fail(error, -ENOMEM, "out of memory");
}

static int parse_rule(struct control_request *request, const char *key, const json_t *value,
		      struct maze_error *error)
{
	const char *text = json_string_value(value);

	if (!text || !*text)
		return maze_fail(error, -EINVAL, "\"%s\" takes the name of a rule", key);
	request->rule = strdup(text);
	return request->rule ? 0 : maze_fail(error, -ENOMEM, "out of memory");
}

static int parse_mode(struct control_request *request, const char *key, const json_t *value,
		      struct maze_error *error)
{
	const char *text = json_string_value(value);

	if (text && !strcmp(text, "file"))
		request->mode = RULE_MODE_FILE;
	else if (text && !strcmp(text, "shadow"))
		request->mode = RULE_MODE_SHADOW;
	else if (text && !strcmp(text, "enforce"))
		request->mode = RULE_MODE_ENFORCE;
	else
		return maze_fail(error, -EINVAL, "\"%s\" takes \"shadow\", \"enforce\" or \"file\"",
				 key);
	return 0;
}

/* A flag must be true or false, so the string "yes" is an error. */
static int parse_policy_key(struct maze_policy *policy, const char *key, const json_t *value,
			    struct maze_error *error)
{
	bool is_flag = !strcmp(key, "inherit") || !strcmp(key, "shadow") || !strcmp(key, "kill");
	struct maze_error why = { "" };
	const char *text;
	int err;

	/* The option of maze(1) has this name, but the key is "inherit". */
	if (!strcmp(key, "no-inherit"))
		return maze_fail(error, -EINVAL,
				 "unknown key \"no-inherit\"; write \"inherit\": false");
	if (is_flag && !json_is_boolean(value))
		return maze_fail(error, -EINVAL, "\"%s\" takes true or false", key);
	if (!is_flag && !json_is_string(value))
		return maze_fail(error, -EINVAL, "\"%.32s\" takes a string, such as \"10s\"", key);
	text = !is_flag ? json_string_value(value) : json_is_true(value) ? "yes" : "no";
	err = maze_policy_set(policy, key, text, &why);
	return err == -ENOENT ? maze_fail(error, -EINVAL, "%s", why.text)
	       : err	      ? maze_fail(error, -EINVAL, "\"%s\": %s", key, why.text)
			      : 0;
}

static int parse_policy(struct control_request *request, const char *key, const json_t *value,
			struct maze_error *error)
{
	const char *name;
	const json_t *each;
	maze_u32 given = 0;
	void *at;
	int err;

	if (!json_is_object(value))
		return maze_fail(error, -EINVAL, "\"%s\" takes an object", key);
	for (at = json_object_iter((json_t *)(uintptr_t)value); at;
	     at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
		name = json_object_iter_key(at);
		each = json_object_iter_value(at);
		err = parse_policy_key(&request->policy, name, each, error);
		if (err)
			return err;
		given |= maze_policy_given(name);
	}
	return maze_policy_complete(&request->policy, given, error);
}

static const struct {
	const char *key;
	unsigned int verbs;
	int (*parse)(struct control_request *request, const char *key, const json_t *value,
		     struct maze_error *error);
} keys[] = {
	{ "pid", OF(CONTROL_WATCH) | OF(CONTROL_UNWATCH) | OF(CONTROL_THAW), parse_pid },
	{ "start", OF(CONTROL_WATCH) | OF(CONTROL_UNWATCH) | OF(CONTROL_THAW), parse_start },
	{ "tid", OF(CONTROL_WATCH) | OF(CONTROL_UNWATCH), parse_pid },
	{ "policy", OF(CONTROL_WATCH), parse_policy },
	{ "kept", OF(CONTROL_EVENTS), parse_flag },
	{ "follow", OF(CONTROL_EVENTS), parse_flag },
	{ "cgroup", OF(CONTROL_WATCH) | OF(CONTROL_UNWATCH) | OF(CONTROL_THAW), parse_cgroup },
	{ "all", OF(CONTROL_THAW), parse_flag },
	{ "changes", OF(CONTROL_LIST), parse_flag },
	{ "rule", OF(CONTROL_MODE) | OF(CONTROL_RESET), parse_rule },
	{ "mode", OF(CONTROL_MODE), parse_mode },
};

static int parse_key(struct control_request *request, const char *verb, const char *key,
		     const json_t *value, struct maze_error *error)
{
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].key, key) && keys[i].verbs & OF(request->verb))
			return keys[i].parse(request, key, value, error);
	return maze_fail(error, -EINVAL, "%s takes no \"%.64s\"", verb, key);
}

static int parse_verb(struct control_request *request, const char *verb, bool *ret_process,
		      struct maze_error *error)
{
	size_t i;

	for (i = 0; verb && i < VERBS; i++) {
		if (strcmp(verbs[i].name, verb))
			continue;
		request->verb = verbs[i].verb;
		*ret_process = verbs[i].process;
		return 0;
	}
	return maze_fail(error, -EINVAL,
			 "\"do\" takes watch, unwatch, list, events, status, stats, reload, thaw, "
			 "rules, mode or reset");
}

static int parse_id(struct control_request *request, json_t *id, struct maze_error *error)
{
	if (!id)
		return 0;
	if (!json_is_integer(id) && !(json_is_string(id) && json_string_length(id) <= ID_MAX))
		return maze_fail(error, -EINVAL,
				 "\"id\" takes an integer, or a string of up to %d bytes", ID_MAX);
	request->id = json_incref(id);
	return 0;
}

static int check_complete(const struct control_request *request, bool process,
			  struct maze_error *error)
{
	maze_u32 scope = maze_policy_scope(request->policy.flags);
	int ways;

	if (process && !request->pid && !request->cgroup)
		return maze_fail(error, -EINVAL, "missing \"pid\"");
	if (process && request->pid && request->cgroup)
		return maze_fail(error, -EINVAL, "\"pid\" and \"cgroup\" exclude each other");
	if (request->verb == CONTROL_WATCH && (scope == MAZE_SCOPE_CGROUP) != !!request->cgroup)
		return maze_fail(error, -EINVAL,
				 "\"cgroup\" and a policy with \"scope\": \"cgroup\" require each "
				 "other");
	if (request->tid && (scope || request->cgroup))
		return maze_fail(error, -EINVAL, "\"tid\" is for scope thread");
	if (request->start && !request->pid)
		return maze_fail(error, -EINVAL, "\"start\" requires \"pid\"");
	if ((request->verb == CONTROL_MODE || request->verb == CONTROL_RESET) && !request->rule)
		return maze_fail(error, -EINVAL, "missing \"rule\"");
	ways = !!request->pid + !!request->cgroup + request->all;
	if (request->verb == CONTROL_THAW && ways != 1)
		return maze_fail(error, -EINVAL,
				 "thaw takes one of \"pid\", \"cgroup\" and \"all\"");
	return 0;
}

static int parse_object(struct control_request *request, json_t *object, struct maze_error *error)
{
	const char *verb = json_string_value(json_object_get(object, "do")), *key;
	int err = parse_id(request, json_object_get(object, "id"), error);
	bool process = false;
	void *at;

	if (!err)
		err = parse_verb(request, verb, &process, error);
	for (at = json_object_iter(object); !err && at; at = json_object_iter_next(object, at)) {
		key = json_object_iter_key(at);
		if (strcmp(key, "do") != 0 && strcmp(key, "id") != 0)
			err = parse_key(request, verb, key, json_object_iter_value(at), error);
	}
	return err ? err : check_complete(request, process, error);
}

int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  struct maze_error *error)
{
	json_error_t where;
	json_t *object;
	int err;

	memset(ret_request, 0, sizeof(*ret_request));
	maze_policy_default(&ret_request->policy);
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return maze_fail(error, -EBADMSG, "a request is one JSON object on one line");
	}
	err = parse_object(ret_request, object, error);
	json_decref(object);
	return err;
}

void control_request_done(struct control_request *request)
{
	json_decref(request->id);
	free(request->cgroup);
	free(request->rule);
	request->rule = NULL;
	request->id = NULL;
	request->cgroup = NULL;
}
