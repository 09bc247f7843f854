/* SPDX-License-Identifier: GPL-2.0-only */
#include "rule_file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"
#include "../base/rfc3339.h"
#include "../lib/maze.h"

#define COLUMNS 90
/* A rule file has room for 4096 rules, also those of the operator. */
#define RULES_MAX 1000
/* The longest line of a rule file, as in maze.conf(5). */
#define LINE_MAX_BYTES 197
#define NAME_SHOWN 200
#define DURATION_LEN 96
/* A limit above this many times the longest streak is far above all that was seen. */
#define FAR_ABOVE 20

struct writing {
	FILE *out;
	json_t *names;	     /* of the rules so far */
	const char *prefix;  /* of the lines of a rule: "" or "# " */
	double expected_max; /* the sum of the limits in force */
	int err;	     /* 0 or -ENOMEM */
};

/* Writes a comment, broken between words. The text has no newline. */
static void comment(struct writing *writing, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void comment(struct writing *writing, const char *format, ...)
{
	size_t column = 0, length;
	const char *at;
	char *text;
	va_list ap;
	int err;

	va_start(ap, format);
	err = vasprintf(&text, format, ap);
	va_end(ap);
	if (err < 0) {
		writing->err = -ENOMEM;
		return;
	}
	for (at = text; *at; at += length) {
		at += strspn(at, " ");
		length = strcspn(at, " ");
		if (column && column + 1 + length > COLUMNS) {
			fputc('\n', writing->out);
			column = 0;
		}
		fprintf(writing->out, "%s%.*s", column ? " " : "# ", (int)length, at);
		column += length + (column ? 1 : 2);
	}
	fputc('\n', writing->out);
	free(text);
}

static const char *duration(double ns, char buf[DURATION_LEN])
{
	maze_u64 whole = (maze_u64)ns, unit = 1;

	/* Three digits are enough. */
	while (whole / unit >= 1000 && unit < MAZE_NSEC_PER_SEC)
		unit *= 10;
	return maze_duration_format(whole / unit * unit, buf, DURATION_LEN);
}

static const char *limit_text(double seconds, char buf[DURATION_LEN])
{
	return maze_duration_format((maze_u64)seconds * MAZE_NSEC_PER_SEC, buf, DURATION_LEN);
}

/* "0.0098", "below 0.0001", "13149". */
static const char *number(double value, char buf[DURATION_LEN])
{
	const char *format = value >= 100 ? "%.0f" : value < 0.0001 ? "below 0.0001" : "%.2g";

	snprintf(buf, DURATION_LEN, format, value);
	return buf;
}

/* "a, b and 3 more" of strings. */
static const char *names(const json_t *array, char *buf, size_t size)
{
	size_t length = 0, i;
	json_t *text;

	buf[0] = '\0';
	json_array_foreach(array, i, text) {
		length += (size_t)snprintf(buf + length, size - length, "%s", i ? ", " : "");
		escape_copy(buf + length, size - length, json_string_value(text));
		length += strlen(buf + length);
		if (size - length < 16)
			break;
	}
	return buf;
}

/* ---- values ------------------------------------------------------------------------ */

/*
 * Writes a glob that matches only `text`, as a word of a list. Returns false if no line of a
 * rule file can have it: it has characters that are not printable, or is empty or too long.
 */
static bool exact_glob(const char *text, char *buf, size_t size)
{
	const char *quote = strpbrk(text, " \"'") ? "\"" : "", *at = text;
	char character[ESCAPE_MAX];
	size_t length;

	length = (size_t)snprintf(buf, size, "%s", quote);
	while (*at) {
		/* U+FFFD was a byte that is no text. */
		if (!escape_next(&at, character) || !strcmp(character, "\xef\xbf\xbd") ||
		    length + 2 * ESCAPE_MAX > size)
			return false;
		/* A double quote ends the word in quotes, and is in the other kind then. */
		if (character[0] == '"')
			length += (size_t)snprintf(buf + length, size - length, "\"'\"'\"");
		else
			length += (size_t)snprintf(buf + length, size - length, "%s%s",
						   strchr("*?[]\\;#", character[0]) ? "\\" : "",
						   character);
	}
	snprintf(buf + length, size - length, "%s", quote);
	return text[0] != '\0';
}

/* Prints the key that matches the program. */
static bool match_key(const struct streak_class *class, char *buf, size_t size)
{
	int length = snprintf(buf, size, "exe = ");

	return (class->exe || strlen(class->program) < MAZE_PROGRAM_NAME_LEN - 1) &&
	       exact_glob(class->exe ? class->exe : class->program, buf + length,
			  size - (size_t)length);
}

/* Begins a rule with a name that no other rule has. Its characters are those of maze.conf(5). */
static void begin_rule(struct writing *writing, const struct streak_class *class)
{
	char name[64];
	size_t i, length;
	int n;

	length = (size_t)snprintf(name, sizeof(name), "seen-%.40s", class->program);
	for (i = 0; i < length; i++)
		if (!isascii(name[i]) ||
		    (!isalnum((unsigned char)name[i]) && !strchr("._-+", name[i])))
			name[i] = '-';
	for (n = 2; json_object_get(writing->names, name); n++)
		snprintf(name + length, sizeof(name) - length, "-%d", n);
	if (json_object_set_new(writing->names, name, json_true()))
		writing->err = -ENOMEM;
	fprintf(writing->out, "%s[rule %s]\n", writing->prefix, name);
}

static void write_limits(struct writing *writing, const struct advice *advice, const char *match)
{
	char soft[DURATION_LEN], hard[DURATION_LEN];

	begin_rule(writing, advice->class);
	fprintf(writing->out, "%s%s\n%ssoft = %s\n%shard = %s\n%sshadow = yes\n", writing->prefix,
		match, writing->prefix, limit_text(advice->soft, soft), writing->prefix,
		limit_text(advice->hard, hard), writing->prefix);
}

/* ---- comments ---------------------------------------------------------------------- */

static void write_data(struct writing *writing, const struct advice *advice)
{
	const struct streak_class *class = advice->class;
	char text[DURATION_LEN], more[DURATION_LEN], list[1024];
	char name[NAME_SHOWN];

	comment(writing, "%s: streaks: %.0f, processes: %.0f, CPU time: %s.",
		escape_copy(name, sizeof(name),
			    class->program[0] ? class->program : "(unknown program)"),
		class->streaks, class->processes, duration(class->cpu_ns, text));
	if (class->streaks > 0)
		comment(writing, "Half of the streaks are below %s, 99%% below %s.",
			duration(advice->at_half, text), duration(advice->at_99_percent, more));
	if (json_array_size(class->units))
		comment(writing, "Units: %s.", names(class->units, list, sizeof(list)));
	if (json_array_size(class->rules))
		comment(writing, "Now under: %s.", names(class->rules, list, sizeof(list)));
}

static void write_streak(struct writing *writing, const struct streak *streak, const char *before)
{
	char text[DURATION_LEN], time[UTC_LEN], name[NAME_SHOWN];
	char pid[32] = "", at[UTC_LEN + 8] = "";

	if (streak->pid >= 0)
		snprintf(pid, sizeof(pid), ", PID %lld", streak->pid);
	if (streak->time_ns >= 0)
		snprintf(at, sizeof(at), ", at %s UTC", utc_format(streak->time_ns, 0, time));
	comment(writing, "%s %s: %s%s%s.", before, duration((double)streak->ns, text),
		escape_copy(name, sizeof(name), streak->comm ? streak->comm : "a thread"), pid, at);
}

static void write_suspicious(struct writing *writing, const struct advice *advice)
{
	const struct streak_class *class = advice->class;
	char text[DURATION_LEN];

	if (advice->longest_is_suspicious)
		write_streak(writing, &class->longest, "SUSPICIOUS, the longest streak had");
	else if (class->longest.ns)
		write_streak(writing, &class->longest, "The longest streak had");
	if (advice->running_is_suspicious)
		write_streak(writing, &class->running,
			     "SUSPICIOUS, a streak that has not ended had");
	if (advice->longest_is_suspicious || advice->running_is_suspicious)
		comment(writing,
			"This may be an endless loop, so it is not learnt as normal: what is below "
			"is without it, from %.0f streaks of up to %s. If it is normal, such as a "
			"thread that polls, write a rule of your own.",
			advice->streaks, duration(advice->longest_ns, text));
	if (!advice->has_awake_thread)
		return;
	write_streak(writing, &class->awake, "SUSPICIOUS, hardly ever asleep for");
	comment(writing,
		"This may be an endless loop that sleeps at times, such as for a garbage "
		"collector. Its streaks are learnt, so if it is one, observe again without it. "
		"Each sleep begins a new count, unless a rule has a finite \"recovery\".");
}

/* Writes the --risk that accepts the limits of the rule of three, unless none does. */
static void accept_risk(struct writing *writing, double expected_max, const char *limits)
{
	double accepted = ceil(expected_max * 10) / 10;

	if (accepted <= ADVICE_RISK_MAX)
		comment(writing, "--risk %.1f accepts %s.", accepted, limits);
}

static void write_model(struct writing *writing, const struct advice *advice, double seconds)
{
	char text[DURATION_LEN], more[DURATION_LEN], limit[DURATION_LEN];
	const struct tail *tail = &advice->tail;

	/* A limit of 1 s is the shortest one, whatever the margin is. */
	if (advice->margin > ADVICE_MARGIN && advice->margin * advice->longest_ns > 1e9)
		comment(writing,
			"So few processes (%.0f) say little about the next one: the limits are at "
			"least %.2g times the longest streak.",
			fmax(advice->class->processes, 1), advice->margin);
	if (advice->model == ADVICE_RULE_OF_THREE) {
		comment(writing,
			"Model: rule of three, %.2g times the longest streak. Expected false "
			"verdicts in a month: at most %s (95%%).",
			advice->margin, number(advice->expected_max, text));
		return;
	}
	comment(writing, "Model: tail fit, %.0f streaks above %s, %s, shape %.2f, scale %s.",
		tail->exceedances, duration(tail->threshold, text),
		tail->shape < 0.005 ? "exponential" : "generalized Pareto", tail->shape,
		duration(tail->scale, more));
	comment(writing,
		"Expected false verdicts in a month: at most %s (95%%), %s by the best fit.",
		number(advice->expected_max, text), number(advice->expected, more));
	if (advice->soft * 1e9 <= FAR_ABOVE * advice->longest_ns ||
	    advice->soft <= advice->soft_of_three)
		return;
	comment(writing,
		"The limit is %.0f times the longest streak, because little was observed for so "
		"small a risk. It may be nearer after a longer time.",
		advice->soft * 1e9 / advice->longest_ns);
	snprintf(limit, sizeof(limit), "soft = %.64s", limit_text(advice->soft_of_three, text));
	accept_risk(writing, rule_of_three(seconds), limit);
}

static void write_rare(struct writing *writing, const struct advice *advice, double seconds,
		       double risk)
{
	static const char *const reasons[] = {
		[TAIL_TOO_FEW] = "too few streaks for a tail fit",
		[TAIL_TOO_NARROW] = "the streaks are in too few buckets for a tail fit",
		[TAIL_FITS_NOT] = "no tail fits them",
		[TAIL_TOO_HEAVY] =
			"their tail is so heavy that the limit would be above half a day",
	};
	char text[DURATION_LEN], more[DURATION_LEN];
	double wanted = 2 * TAIL_EXCEEDANCES_MIN, months;

	if (advice->streaks < 1) {
		comment(writing, "Too rare to say: no streak has ended.");
		return;
	}
	comment(writing, "Too rare to say for a risk of %s: %s.", number(risk, text),
		reasons[advice->result]);
	if (advice->result == TAIL_TOO_FEW)
		comment(writing, "Observe for %.0f more days, for %.0f streaks.",
			ceil((wanted / advice->streaks - 1) * seconds / 86400), wanted);
	if (!advice->hard)
		return;
	months = ceil(rule_of_three(MONTH_SECONDS) / risk);
	comment(writing,
		"By the rule of three, the limits below have at most %s false verdicts in a month "
		"(95%%), and keep the risk after %.0f month%s without a longer streak.",
		number(advice->expected_max, more), months, months == 1 ? "" : "s");
	accept_risk(writing, advice->expected_max, "them");
}

static void write_program(struct writing *writing, const struct advice *advice, double seconds,
			  const struct advice_settings *settings)
{
	char match[LINE_MAX_BYTES + 1];
	bool can_match = match_key(advice->class, match, sizeof(match));

	fputc('\n', writing->out);
	write_data(writing, advice);
	write_suspicious(writing, advice);
	writing->prefix = advice->kind == ADVICE_RARE ? "# " : "";
	if (advice->kind == ADVICE_IGNORE)
		comment(writing,
			"It is never asleep, by design: half of its CPU time or more was in "
			"streaks of 10s and more, of several processes. With this rule an endless "
			"loop of it is not found. If its threads sleep only in locks, \"recovery = "
			"inf\" in place of \"action = ignore\" counts each such sleep.");
	else if (advice->kind == ADVICE_LIMITS)
		write_model(writing, advice, seconds);
	else
		write_rare(writing, advice, seconds, settings->risk);
	if (!can_match) {
		comment(writing, "No rule: its path cannot be written in a rule file, or is not "
				 "known. Match it by user or cgroup.");
	} else if (advice->kind == ADVICE_IGNORE) {
		begin_rule(writing, advice->class);
		fprintf(writing->out, "%s\naction = ignore\nscope = thread\n", match);
	} else if (advice->hard > 0) {
		write_limits(writing, advice, match);
		if (advice->kind == ADVICE_LIMITS)
			writing->expected_max += advice->expected_max;
	}
}

static void write_head(struct writing *writing, const struct streaks_file *file,
		       const struct advice_settings *settings)
{
	char text[DURATION_LEN], from[UTC_LEN], to[UTC_LEN], name[NAME_SHOWN];

	comment(writing,
		"Limits that maze suggest has computed from the streaks of %s, %s to %s UTC: "
		"%.1f days, %.0f processes.",
		escape_copy(name, sizeof(name), file->host ? file->host : "?"),
		utc_format(file->from_ns, 0, from), utc_format(file->to_ns, 0, to),
		file->seconds / 86400, file->processes);
	comment(writing, "A streak is the CPU time of a thread from one sleep to the next.");
	comment(writing,
		"A rule has at most %s false verdicts in a month on a machine like this one, with "
		"95%% confidence, and the limits are at least twice the longest streak that was "
		"learnt. Both hold for days like those that were seen%s.",
		number(settings->risk, text),
		settings->min_days < 7 ? ", which may not have all days of a week" : "");
	comment(writing,
		"Check it, and copy it to /etc/maze/maze.conf.d. All limits are in shadow: "
		"nothing is sent before you set \"shadow = no\".");
}

int rule_file_write(const struct streaks_file *file, const struct advice_settings *settings,
		    FILE *out)
{
	struct writing writing = { .out = out, .names = json_object(), .prefix = "" };
	char text[DURATION_LEN];
	struct advice advice;
	size_t i, written = 0;

	if (!writing.names)
		return -ENOMEM;
	write_head(&writing, file, settings);
	for (i = 0; i < file->count && written < RULES_MAX; i++) {
		if (!strcmp(file->classes[i].program, MAZE_STREAK_OTHERS_NAME))
			continue;
		advice_make(&file->classes[i], file->seconds, settings, &advice);
		write_program(&writing, &advice, file->seconds, settings);
		written++;
	}
	if (i < file->count)
		comment(&writing, "%zu programs with less CPU time are left out.", file->count - i);
	fputc('\n', out);
	comment(&writing, "All limits together: at most %s false verdicts in a month.",
		number(writing.expected_max, text));
	json_decref(writing.names);
	return writing.err;
}
