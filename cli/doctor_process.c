/* SPDX-License-Identifier: GPL-2.0-only */
#include "doctor.h"
#include "terminal.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/escape.h"
#include "../base/proc_files.h"
#include "../evidence/process_check.h"
#include "../lib/json_get.h"
#include "../lib/watch_check.h"

/* Returns whether the caller may watch the process, as a check. NULL: there is no process. */
static json_t *check_watch(pid_t pid, const char *engine, struct maze_error *error)
{
	int err = watch_check(pid, error);
	bool own = proc_pid_is_own_program(pid), ok = !err && !own && engine;

	if (err == -ESRCH || err == -EINVAL)
		return NULL;
	if (ok)
		snprintf(error->text, sizeof(error->text),
			 "You may watch it; the best engine here is %s", engine);
	else if (!err)
		snprintf(error->text, sizeof(error->text), "%s",
			 own ? "It is maze itself" : "No engine can run here; see maze doctor");
	error->text[0] = (char)toupper((unsigned char)error->text[0]);
	return json_pack("{s:s, s:b, s:s}", "check", "watch", "ok", (int)ok, "text", error->text);
}

/* Escapes the text, because the process chooses its name, its program and their paths. */
static void print(const char *prefix, const char *text)
{
	char *escaped = NULL;
	size_t size;
	FILE *stream = open_memstream(&escaped, &size);

	if (!stream)
		return;
	escape_write(stream, text);
	fclose(stream);
	terminal_print(stdout, terminal_columns(STDOUT_FILENO), prefix, escaped);
	free(escaped);
}

static const char *text_of(json_t *object, const char *key)
{
	return json_text(object, key) ?: "";
}

static void print_result(json_t *result)
{
	const char *program = text_of(result, "program");
	json_t *check, *user = json_object_get(result, "user_id");
	char *line = NULL, prefix[32];
	size_t i;

	printf("process %d", (int)json_number(result, "pid"));
	if (user &&
	    asprintf(&line, " (%s), user id %u%s%s", text_of(result, "comm"),
		     (unsigned int)json_integer_value(user), *program ? ", " : "", program) >= 0)
		escape_write(stdout, line);
	free(line);
	putchar('\n');
	json_array_foreach(json_object_get(result, "checks"), i, check) {
		snprintf(prefix, sizeof(prefix), "  %-9s  %-3s  ", text_of(check, "check"),
			 json_is_true(json_object_get(check, "ok")) ? "yes" : "no");
		print(prefix, text_of(check, "text"));
	}
}

static bool is_ok(json_t *result, size_t check)
{
	json_t *object = json_array_get(json_object_get(result, "checks"), check);

	return json_is_true(json_object_get(object, "ok"));
}

int doctor_process(const struct command *command, const struct options *options,
		   const char *argument, const char *engine)
{
	struct maze_error error = { "" };
	json_t *result = NULL, *watch;
	int status;
	pid_t pid;

	status = id_parse(command, "PID", argument, &pid);
	if (status)
		return status;
	watch = check_watch(pid, engine, &error);
	if (!watch || process_check(pid, &result, &error)) {
		print_error(command, "%s", error.text);
		json_decref(watch);
		return EXIT_MAZE_FAILED;
	}
	json_array_insert_new(json_object_get(result, "checks"), 0, watch);
	if (options->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_result(result);
	}
	/* The first two checks are about the watch and about the permission to read. */
	status = is_ok(result, 0) && is_ok(result, 1) ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
	json_decref(result);
	return status;
}
