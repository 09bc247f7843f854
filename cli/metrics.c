/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `metrics` prints the metrics of mazed, or writes them into a file. */
#include "mazed_client.h"

#include <stdlib.h>

#include "replace_output.h"

/* mazed answers within milliseconds. A timer must not wait for a mazed that is stopped. */
#define ANSWER_S 30

/* Returns the whole text, which the caller frees, or NULL after an error message. */
static char *get_text(struct mazed_client *client, const char *format)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	json_t *part;
	int err;

	if (!mazed_call(client, json_pack("{s:s,s:s}", "do", "metrics", "format", format)))
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while ((err = mazed_next_text(client, "metrics", &part)) == 1) {
		fputs(json_string_value(part), out);
		json_decref(part);
	}
	if (!fclose(out) && !err)
		return text;
	free(text);
	return NULL;
}

int cmd_metrics(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client = { .patience_s = ANSWER_S };
	int err = mazed_connect(&client, command, options), status = EXIT_MAZE_FAILED;
	char *text;

	(void)argc;
	(void)argv;
	if (!err)
		print_error(command, "mazed is not running, and only mazed counts metrics");
	if (err <= 0)
		return EXIT_MAZE_FAILED;
	text = get_text(&client, options->textfile ? "textfile" : "openmetrics");
	if (text && options->textfile)
		status = replace_output(command, options->textfile, text);
	else if (text && fputs(text, stdout) >= 0)
		status = EXIT_MAZE_OK;
	free(text);
	mazed_disconnect(&client);
	return status;
}
