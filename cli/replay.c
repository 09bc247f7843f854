/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `replay` prints the verdicts that would have come for a recorded schedule. */
#include "command.h"
#include "replay_policies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/glob.h"
#include "../lib/entry_json.h"
#include "../lib/record_text.h"
#include "../lib/record_time.h"

#define ENGINE "replay"
/* --against: the verdicts differ. */
#define EXIT_DIFFERENT 3

/* One replay of the trace, and its verdicts. */
struct side {
	struct replay_policies *policies;
	struct replay *replay;
	struct maze_record *records;
	size_t count, room;
};

/* With --against, sides[0] has the old rules. */
struct job {
	const struct command *command;
	const struct options *options;
	struct side sides[2];
	struct trace trace;
	size_t count; /* of sides */
};

/* ---- verdicts -------------------------------------------------------------------------- */

static int keep_record(void *arg, const struct maze_record *record)
{
	struct side *side = arg;
	struct maze_record *grown;
	size_t room = side->room;

	if (side->count == room) {
		room = room ? room * 2 : 64;
		grown = reallocarray(side->records, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		side->records = grown;
		side->room = room;
	}
	side->records[side->count] = *record;
	/* Until they are sorted: the order of verdicts of the same time. */
	side->records[side->count].seq = side->count;
	side->count++;
	return 0;
}

static int compare(maze_u64 a, maze_u64 b)
{
	return a < b ? -1 : a > b;
}

static int by_time(const void *left, const void *right)
{
	const struct maze_record *a = left, *b = right;

	return a->boot_ns != b->boot_ns ? compare(a->boot_ns, b->boot_ns) : compare(a->seq, b->seq);
}

/* Verdicts of one thread at one time are its soft and its hard one. */
static int by_verdict(const struct maze_record *a, const struct maze_record *b)
{
	if (a->boot_ns != b->boot_ns)
		return compare(a->boot_ns, b->boot_ns);
	return a->tid != b->tid ? compare(a->tid, b->tid) : compare(a->event, b->event);
}

static int by_time_and_thread(const void *left, const void *right)
{
	return by_verdict(left, right);
}

static void sort(struct side *side, int (*order)(const void *left, const void *right))
{
	if (side->count)
		qsort(side->records, side->count, sizeof(*side->records), order);
}

static bool print_json_verdict(const struct maze_record *record, const char *rule, const char *mode,
			       const char *sign)
{
	char *text = maze_record_json(record, ENGINE);
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	bool printed;

	free(text);
	if (object && rule) {
		json_object_set_new(object, "rule", json_string(rule));
		json_object_set_new(object, "mode", json_string(mode));
	}
	if (object && sign[0])
		json_object_set_new(object, "diff", json_stringn(sign, 1));
	text = object ? json_line(object) : NULL;
	printed = text && puts(text) >= 0;
	free(text);
	return printed;
}

static bool print_verdict(const struct job *job, const struct side *side,
			  const struct maze_record *verdict, const char *sign)
{
	char text[RECORD_TEXT_LEN * 2], time[RFC3339_LEN], named[128];
	struct maze_record record = *verdict;
	const char *mode = "", *rule = replay_policies_rule(side->policies, record.tag, &mode);

	record.seq = 0;
	record.boot_ns = record_time_of_wall((long long)(job->trace.wall_ns + verdict->boot_ns));
	if (job->options->json)
		return print_json_verdict(&record, rule, mode, sign);
	snprintf(named, sizeof(named), "%s, %s", rule ? rule : "", mode);
	record_text_named(&record, ENGINE, NULL, rule ? named : NULL, text, sizeof(text));
	return printf("%s%s %s\n", sign, record_time_format(record.boot_ns, time), text) >= 0;
}

static int print_all(const struct job *job, struct side *side)
{
	size_t i;

	sort(side, by_time);
	for (i = 0; i < side->count; i++)
		if (!print_verdict(job, side, &side->records[i], ""))
			break;
	return i == side->count ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
}

/* ---- the difference ----------------------------------------------------------------------- */

/* Whether two verdicts at the same time of the same thread are the same in all that is printed. */
static bool are_equal(const struct job *job, const struct maze_record *old,
		      const struct maze_record *new)
{
	const char *old_mode = "", *new_mode = "";
	const char *old_rule = replay_policies_rule(job->sides[0].policies, old->tag, &old_mode);
	const char *new_rule = replay_policies_rule(job->sides[1].policies, new->tag, &new_mode);

	return old->limit_ns == new->limit_ns && old->count_ns == new->count_ns &&
	       old->used_ns == new->used_ns && old->asleep_ns == new->asleep_ns &&
	       old->sleeps == new->sleeps && old->episode == new->episode &&
	       old->signal == new->signal &&old_rule &&new_rule && !strcmp(old_rule, new_rule) &&
	       !strcmp(old_mode, new_mode);
}

static int print_difference(struct job *job)
{
	struct side *old = &job->sides[0], *new = &job->sides[1];
	size_t i = 0, k = 0, different = 0;
	bool printed = true;
	int order;

	sort(old, by_time_and_thread);
	sort(new, by_time_and_thread);
	while (printed && (i < old->count || k < new->count)) {
		order = i == old->count	  ? 1
			: k == new->count ? -1
					  : by_verdict(&old->records[i], &new->records[k]);
		if (!order && are_equal(job, &old->records[i], &new->records[k])) {
			i++;
			k++;
			continue;
		}
		different++;
		if (order <= 0)
			printed = print_verdict(job, old, &old->records[i++], "- ");
		if (printed && order >= 0)
			printed = print_verdict(job, new, &new->records[k++], "+ ");
	}
	if (!printed)
		return EXIT_MAZE_FAILED;
	return different ? EXIT_DIFFERENT : EXIT_MAZE_OK;
}

/* ---- the trace ------------------------------------------------------------------------------ */

static void print_notes(const struct job *job)
{
	struct replay_totals totals = replay_totals(job->sides[0].replay);

	if (totals.lost)
		print_error(job->command,
			    "the trace has lost %llu event%s: counts begin at 0 after each loss",
			    totals.lost, totals.lost == 1 ? "" : "s");
	if (totals.missed)
		print_error(job->command,
			    "%llu switch%s missing in the trace: the counts of their threads begin "
			    "at 0 after them",
			    totals.missed, totals.missed == 1 ? " is" : "es are");
	if (job->options->quiet)
		return;
	if (!job->trace.calls)
		print_error(job->command, "%s",
			    job->trace.compact
				    ? "the trace has no yields"
				    : "the trace has no system calls: a wait for a lock counts as "
				      "any other sleep, and yields are not seen");
	print_error(job->command, "%llu switches of %llu threads", totals.switches, totals.threads);
}

/* Returns 0 or a negative errno with a message. */
static int replay_trace(struct job *job, struct maze_error *error)
{
	struct trace_event event;
	int got, err = 0;
	size_t i;

	while ((got = trace_next(&job->trace, &event, error)) > 0)
		for (i = 0; !err && i < job->count; i++)
			err = replay_event(job->sides[i].replay, &event);
	/* What came before an invalid line is true. */
	for (i = 0; !err && i < job->count; i++)
		err = replay_end(job->sides[i].replay);
	if (err)
		snprintf(error->text, sizeof(error->text), "out of memory");
	return err ? err : got;
}

static int run(struct job *job, const char *path)
{
	struct maze_error error = { "" };
	int err = replay_trace(job, &error);
	int status = job->count == 2 ? print_difference(job) : print_all(job, &job->sides[0]);

	print_notes(job);
	if (!err)
		return status;
	print_error(job->command, "%s: %s", path, error.text);
	return EXIT_MAZE_FAILED;
}

/* ---- the command ------------------------------------------------------------------------------ */

static int check_options(const struct command *command, const struct options *options, int argc)
{
	struct maze_error error = { "" };

	if (argc != 1)
		return usage_error(command, "give one trace; - is standard input");
	if (options->rules && (options->given || options->comm))
		return usage_error(command, "--rules has policies of its own: give it without "
					    "--comm and the options of a policy");
	if (options->against && !options->rules)
		return usage_error(command, "--against compares with --rules");
	if (options->assume && !options->rules)
		return usage_error(command, "--assume is for --rules");
	if (options->assume && strcmp(options->assume, "yes") != 0 &&
	    strcmp(options->assume, "no") != 0)
		return usage_error(command, "--assume: \"%.64s\" is not yes or no",
				   options->assume);
	if (is_for_group(options))
		return usage_error(command, "--scope: only threads are replayed");
	if (options->comm && glob_check(options->comm, &error))
		return usage_error(command, "--comm: %s", error.text);
	return 0;
}

static int make_side(struct job *job, const char *rules)
{
	struct side *side = &job->sides[job->count++];
	int status = replay_policies_make(job->command, job->options, rules, &side->policies);
	struct replay_calls calls = {
		.choose = replay_policies_choose,
		.on_record = keep_record,
		.record_arg = side,
	};

	if (status)
		return status;
	calls.choose_arg = side->policies;
	side->replay = replay_new(&calls);
	if (side->replay)
		return 0;
	print_error(job->command, "out of memory");
	return EXIT_MAZE_FAILED;
}

static int open_trace(struct job *job, const char *path, int *ret_fd)
{
	struct maze_error error = { "" };

	*ret_fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (*ret_fd < 0)
		print_error(job->command, "cannot open %s: %s", path, strerror(errno));
	else if (!trace_open(*ret_fd, &job->trace, &error))
		return 0;
	else
		print_error(job->command, "%s: %s", path, error.text);
	return EXIT_MAZE_FAILED;
}

int cmd_replay(const struct command *command, struct options *options, int argc, char **argv)
{
	struct job job = { .command = command, .options = options };
	int status = check_options(command, options, argc), fd = -1;
	size_t i;

	if (status)
		return status;
	if (options->against)
		status = make_side(&job, options->against);
	if (!status)
		status = make_side(&job, options->rules);
	if (!status)
		status = open_trace(&job, argv[0], &fd);
	if (!status)
		status = run(&job, argv[0]);
	for (i = 0; i < job.count; i++) {
		replay_free(job.sides[i].replay);
		replay_policies_free(job.sides[i].policies);
		free(job.sides[i].records);
	}
	trace_close(&job.trace);
	if (fd >= 0)
		close(fd);
	return status;
}
