/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `rules` lists the rules of mazed, and changes their modes. A change for
 * good is a drop-in file of mazed's configuration, with a section [mode NAME].
 */
#include "mazed_client.h"
#include "mode_file.h"

#include <stdlib.h>
#include <string.h>

#include "../base/rfc3339.h"
#include "../lib/entry_json.h"
#include "../lib/json_get.h"

/* The name of a rule has at most 64 characters. */
#define NAME_WIDTH_MAX 64

/* Returns an array of objects, which the caller frees, or NULL after an error message. */
static json_t *get_rules(struct mazed_client *client)
{
	json_t *rules = json_array(), *rule;
	int err;

	if (!mazed_call(client, json_pack("{s:s}", "do", "rules"))) {
		json_decref(rules);
		return NULL;
	}
	while ((err = mazed_next(client, "rule", &rule)) == 1)
		json_array_append_new(rules, rule);
	if (!err)
		return rules;
	json_decref(rules);
	return NULL;
}

static const char *text_of(const json_t *rule, const char *key)
{
	const char *text = json_text(rule, key);

	return text ? text : "-";
}

/* ---- the list ------------------------------------------------------------------------ */

/* Returns the time, in buf, or "-" if it is null. */
static const char *time_of(const json_t *rule, const char *key, char buf[UTC_LEN])
{
	long long ns;

	if (!rfc3339_parse(text_of(rule, key), &ns))
		return "-";
	return utc_format(ns, 0, buf);
}

static void print_rule(const json_t *rule, int width)
{
	long long soft = json_number(rule, "shadow_soft"), hard = json_number(rule, "shadow_hard");
	bool runtime = json_is_true(json_object_get(rule, "runtime"));
	char time[UTC_LEN], mode[32], would[128] = "-";

	snprintf(mode, sizeof(mode), "%s%s", text_of(rule, "mode"), runtime ? " (runtime)" : "");
	if (soft || hard)
		snprintf(would, sizeof(would), "%lld soft, %lld hard, last %s", soft, hard,
			 time_of(rule, "last_shadow", time));
	printf("%-*s  %-19s  %7lld %7lld %7lld  %-19s  %s\n", width, text_of(rule, "rule"), mode,
	       json_number(rule, "watched"), json_number(rule, "soft"), json_number(rule, "hard"),
	       time_of(rule, "tripped", time), would);
}

static void print_rules(const json_t *rules)
{
	int width = (int)strlen("RULE"), length;
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule) {
		length = (int)strlen(text_of(rule, "rule"));
		width = length > width && length <= NAME_WIDTH_MAX ? length : width;
	}
	if (!json_array_size(rules)) {
		puts("mazed has no rules");
		return;
	}
	printf("%-*s  %-19s  %7s %7s %7s  %-19s  %s\n", width, "RULE", "MODE", "WATCHED", "SOFT",
	       "HARD", "TRIPPED (UTC)", "WOULD HAVE (UTC)");
	json_array_foreach(rules, i, rule)
		print_rule(rule, width);
}

static void print_json(const json_t *rules)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
		print_json_item(json_line(json_incref(rule)), i);
	print_json_end(json_array_size(rules));
}

static int list(struct mazed_client *client, const struct options *options)
{
	json_t *rules = get_rules(client);

	if (!rules)
		return EXIT_MAZE_FAILED;
	if (options->json)
		print_json(rules);
	else
		print_rules(rules);
	json_decref(rules);
	return EXIT_MAZE_OK;
}

/* ---- changes ------------------------------------------------------------------------- */

static json_t *mode_request(const char *name, const char *mode)
{
	return json_pack("{s:s,s:s,s:s}", "do", "mode", "rule", name, "mode", mode);
}

/* Returns the mode that the rule now has, which the caller frees; NULL: there is none. */
static char *mode_of(struct mazed_client *client, const char *name, bool *ret_tripped)
{
	json_t *rules = get_rules(client);
	const json_t *rule;
	char *mode = NULL;
	size_t i;

	json_array_foreach(rules, i, rule) {
		if (strcmp(text_of(rule, "rule"), name) != 0)
			continue;
		mode = strdup(text_of(rule, "mode"));
		*ret_tripped = json_is_string(json_object_get(rule, "tripped"));
		break;
	}
	json_decref(rules);
	return mode;
}

/* Says why a rule that was changed has another mode. */
static int check_mode(struct mazed_client *client, const char *name, bool shadow, const char *path)
{
	bool tripped = false;
	char *mode = mode_of(client, name, &tripped);
	int status = mode ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;

	if (mode && tripped && !shadow) {
		print_error(client->command,
			    "rule %s has reached max-hard: it stays in shadow until maze rules "
			    "reset %s",
			    name, name);
	} else if (mode && strcmp(mode, shadow ? "shadow" : "enforcing") != 0) {
		print_error(client->command,
			    "rule %s is %s: a file that is read after %s has its mode too", name,
			    mode, path);
		status = EXIT_MAZE_FAILED;
	}
	free(mode);
	return status;
}

static int change_for_good(struct mazed_client *client, const char *name, bool shadow)
{
	bool tripped = false;
	char *mode = mode_of(client, name, &tripped);
	struct mode_file file = { 0 };
	int status = EXIT_MAZE_FAILED;

	if (!mode || !client->config || !strcmp(mode, "ignore")) {
		if (client->config)
			print_error(client->command,
				    mode ? "rule %s watches nothing (action = ignore)"
					 : "no rule has the name \"%.64s\"",
				    name);
		free(mode);
		return EXIT_MAZE_FAILED;
	}
	free(mode);
	if (mode_file_write(client->command, client->config, name, shadow, &file))
		return EXIT_MAZE_FAILED;
	/* The mode of --runtime would hide that of the file. */
	if (!mazed_call(client, json_pack("{s:s}", "do", "reload")))
		mode_file_undo(client->command, &file);
	else if (mazed_call(client, mode_request(name, "file")))
		status = check_mode(client, name, shadow, file.path);
	mode_file_done(&file);
	return status;
}

static int change(struct mazed_client *client, const struct options *options, const char *verb,
		  const char *name)
{
	bool ok;

	if (!strcmp(verb, "reset"))
		ok = mazed_call(client, json_pack("{s:s,s:s}", "do", "reset", "rule", name));
	else if (options->runtime)
		ok = mazed_call(client, mode_request(name, verb));
	else
		return change_for_good(client, name, !strcmp(verb, "shadow"));
	return ok ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
}

static int check_arguments(const struct command *command, const struct options *options, int argc,
			   char **argv)
{
	if (!argc)
		return options->runtime
			       ? usage_error(command, "--runtime is for enforce and shadow")
			       : 0;
	if (strcmp(argv[0], "enforce") != 0 && strcmp(argv[0], "shadow") != 0 &&
	    strcmp(argv[0], "reset") != 0)
		return usage_error(command, "\"%.64s\" is not enforce, shadow or reset", argv[0]);
	if (argc != 2)
		return usage_error(command, "%s takes the name of one rule", argv[0]);
	if (options->json)
		return usage_error(command, "--json is for the list");
	if (options->runtime && !strcmp(argv[0], "reset"))
		return usage_error(command, "--runtime is for enforce and shadow");
	return 0;
}

int cmd_rules(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int status = check_arguments(command, options, argc, argv), err;

	if (status)
		return status;
	err = mazed_connect(&client, command, options);
	if (err <= 0) {
		if (!err)
			print_error(command, "mazed is not running, and only it has rules");
		return EXIT_MAZE_FAILED;
	}
	status = argc ? change(&client, options, argv[0], argv[1]) : list(&client, options);
	mazed_disconnect(&client);
	return status;
}
