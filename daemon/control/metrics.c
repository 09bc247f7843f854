/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../base/proc_files.h"
#include "../rules/rule_settings.h"

/* ---- samples -------------------------------------------------------------------------- */

static void put_seconds(FILE *out, maze_u64 ns)
{
	fprintf(out, "%llu.%09llu\n", ns / MAZE_NSEC_PER_SEC, ns % MAZE_NSEC_PER_SEC);
}

static void put(struct metrics *metrics, maze_u64 value)
{
	fprintf(metrics->out, "%s %llu\n", metrics->metric->name, value);
}

static void put_time(struct metrics *metrics, maze_u64 ns)
{
	fprintf(metrics->out, "%s ", metrics->metric->name);
	put_seconds(metrics->out, ns);
}

/* A sample with one label. */
static void put_labelled(struct metrics *metrics, const char *label, const char *value,
			 maze_u64 number)
{
	fprintf(metrics->out, "%s{%s=\"%s\"} %llu\n", metrics->metric->name, label, value, number);
}

static void put_row(struct metrics *metrics, const struct metrics_row *row, maze_u64 value)
{
	put_labelled(metrics, "rule", row->label, value);
}

/* ---- metrics of rules ----------------------------------------------------------------- */

static void write_threads(struct metrics *metrics)
{
	const struct metrics_row *row;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		put_row(metrics, row, row->counters->threads);
}

static void write_groups(struct metrics *metrics)
{
	const struct metrics_row *row;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		put_row(metrics, row, row->counters->groups);
}

static void write_nearest(struct metrics *metrics)
{
	const struct metrics_row *row;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		fprintf(metrics->out, "%s{rule=\"%s\"} %.4f\n", metrics->metric->name, row->label,
			row->counters->nearest);
}

static void write_verdicts(struct metrics *metrics)
{
	const struct metrics_row *row;
	int i;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		for (i = 0; i < 2 * STAGE_COUNT; i++)
			fprintf(metrics->out, "%s{rule=\"%s\",stage=\"%s\",shadow=\"%s\"} %llu\n",
				metrics->metric->name, row->label, stage_name(i / 2),
				i % 2 ? "true" : "false", row->counters->verdicts[i / 2][i % 2]);
}

static void write_signals(struct metrics *metrics)
{
	static const char *const names[] = {
		[SIGNAL_SENT] = "sent",
		[SIGNAL_NO_HANDLER] = "no_handler",
		[SIGNAL_ENDED] = "ended",
		[SIGNAL_NOT_SENT] = "not_sent",
	};
	const struct metrics_row *row;
	int i, stage, result;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		for (i = 0; i < STAGE_COUNT * SIGNAL_RESULTS; i++) {
			stage = i / SIGNAL_RESULTS;
			result = i % SIGNAL_RESULTS;
			fprintf(metrics->out, "%s{rule=\"%s\",stage=\"%s\",result=\"%s\"} %llu\n",
				metrics->metric->name, row->label, stage_name(stage), names[result],
				row->counters->signals[stage][result]);
		}
}

static void write_action(struct metrics *metrics, const struct metrics_row *row, enum stage stage,
			 size_t action)
{
	static const char *const names[] = {
		[ACTION_APPLIED] = "applied",
		[ACTION_FAILED] = "failed",
		[ACTION_NOT_TRIED] = "not_tried",
	};
	int i;

	for (i = 0; i < ACTION_OUTCOMES; i++)
		fprintf(metrics->out,
			"%s{rule=\"%s\",stage=\"%s\",action=\"%s\",result=\"%s\"} %llu\n",
			metrics->metric->name, row->label, stage_name(stage), actions_name(action),
			names[i], row->counters->actions[stage][action][i]);
}

/* A rule has the actions that it performs, and the row of the units has all. */
static void write_actions(struct metrics *metrics)
{
	const struct counters *counters = metrics->host->counters;
	const struct metrics_row *row;
	enum stage stage;
	size_t i;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		for (stage = 0; stage < STAGE_COUNT; stage++)
			for (i = 0; actions_name(i); i++)
				if (row->rule
					    ? actions_wanted(i, &row->rule->settings.stages[stage])
					    : row->counters == &counters->units)
					write_action(metrics, row, stage, i);
}

static void write_runaway(struct metrics *metrics)
{
	const struct metrics_row *row;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++) {
		fprintf(metrics->out, "%s{rule=\"%s\"} ", metrics->metric->name, row->label);
		put_seconds(metrics->out, row->counters->runaway_ns);
	}
}

static void write_last(struct metrics *metrics)
{
	const struct metrics_row *row;
	enum stage stage;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		for (stage = 0; stage < STAGE_COUNT; stage++) {
			fprintf(metrics->out, "%s{rule=\"%s\",stage=\"%s\"} ",
				metrics->metric->name, row->label, stage_name(stage));
			put_seconds(metrics->out, row->counters->last_ns[stage]);
		}
}

static void write_tripped(struct metrics *metrics)
{
	const struct metrics_row *row;

	for (row = metrics->rows; row < metrics->rows + metrics->count; row++)
		if (row->counters != &metrics->host->counters->requests)
			put_row(metrics, row, row->tripped);
}

/* ---- metrics of mazed ----------------------------------------------------------------- */

static void write_build(struct metrics *metrics)
{
	put_labelled(metrics, "version", MAZE_VERSION, 1);
}

static void write_engine(struct metrics *metrics)
{
	put_labelled(metrics, "engine", maze_engine_name(metrics->host->maze), 1);
}

static void put_lateness(struct metrics *metrics, const char *scope,
			 const struct lateness *lateness)
{
	const char *name = metrics->metric->name;
	maze_u64 count = 0;
	char bound[32];
	size_t i;

	for (i = 0; i < RECORD_STATS_BUCKETS; i++) {
		count += lateness->counts[i];
		if (i == RECORD_STATS_BUCKETS - 1)
			snprintf(bound, sizeof(bound), "+Inf");
		else if (record_stats_bounds_ns[i] % MAZE_NSEC_PER_SEC)
			snprintf(bound, sizeof(bound), "%g",
				 (double)record_stats_bounds_ns[i] / 1e9);
		else
			snprintf(bound, sizeof(bound), "%llu.0",
				 record_stats_bounds_ns[i] / MAZE_NSEC_PER_SEC);
		fprintf(metrics->out, "%s_bucket{scope=\"%s\",le=\"%s\"} %llu\n", name, scope,
			bound, count);
	}
	fprintf(metrics->out, "%s_count{scope=\"%s\"} %llu\n", name, scope, count);
	fprintf(metrics->out, "%s_sum{scope=\"%s\"} ", name, scope);
	put_seconds(metrics->out, lateness->sum_ns);
}

static void write_lateness(struct metrics *metrics)
{
	put_lateness(metrics, "thread", &metrics->host->counters->records.threads);
	put_lateness(metrics, "group", &metrics->host->counters->records.groups);
}

static void write_records_lost(struct metrics *metrics)
{
	put_labelled(metrics, "kind", "record", metrics->host->counters->records.lost);
	put_labelled(metrics, "kind", "evidence", metrics->host->incidents->evidence_lost);
}

static void write_watch_failures(struct metrics *metrics)
{
	put(metrics, metrics->host->counters->watch_failures);
}

static void write_incidents(struct metrics *metrics)
{
	put(metrics, metrics->host->incidents->written);
}

static void write_incidents_lost(struct metrics *metrics)
{
	put(metrics, metrics->host->incidents->lost);
}

static void write_frozen(struct metrics *metrics)
{
	put(metrics, actions_frozen(metrics->host->actions));
}

static void write_reload(struct metrics *metrics)
{
	put(metrics, !metrics->host->counters->refused);
}

static void write_loaded(struct metrics *metrics)
{
	put_time(metrics, metrics->host->counters->loaded_ns);
}

/* ---- metrics of the process ----------------------------------------------------------- */

static void write_cpu(struct metrics *metrics)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	put_time(metrics,
		 (maze_u64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * MAZE_NSEC_PER_SEC +
			 (maze_u64)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) *
				 MAZE_NSEC_PER_USEC);
}

/* The size, or the resident size, in bytes. */
static maze_u64 memory(bool resident)
{
	unsigned long long size = 0, in_memory = 0;
	char text[128];

	if (read_file_at(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) > 0)
		sscanf(text, "%llu %llu", &size, &in_memory);
	return (resident ? in_memory : size) * (maze_u64)sysconf(_SC_PAGESIZE);
}

static void write_resident(struct metrics *metrics)
{
	put(metrics, memory(true));
}

static void write_virtual(struct metrics *metrics)
{
	put(metrics, memory(false));
}

static void write_start(struct metrics *metrics)
{
	put_time(metrics, metrics->host->counters->began_wall_ns);
}

static void write_open_fds(struct metrics *metrics)
{
	DIR *dir = opendir("/proc/self/fd");
	maze_u64 count = 0;

	while (dir && readdir(dir))
		count++;
	/* Without "." and "..", and the descriptor of the directory. */
	put(metrics, count > 3 ? count - 3 : 0);
	if (dir)
		closedir(dir);
}

static void write_max_fds(struct metrics *metrics)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	put(metrics, limit.rlim_cur);
}

/* ---- the table ------------------------------------------------------------------------ */

/* maze-metrics(5) has the names, types and labels (scripts/check-manual). */
static const struct metric table[] = {
	{ "maze_build_info", "info", "", "version", "Version of mazed", false, write_build },
	{ "maze_engine_info", "info", "", "engine", "Engine that counts the CPU time", false,
	  write_engine },
	{ "maze_watched_threads", "gauge", "", "rule", "Threads that are watched now", false,
	  write_threads },
	{ "maze_watched_groups", "gauge", "", "rule",
	  "Processes, trees and control groups that are watched now", false, write_groups },
	{ "maze_longest_episode_ratio", "gauge", "ratio", "rule",
	  "Largest count of the watches now, divided by their first limit", true, write_nearest },
	{ "maze_verdicts_total", "counter", "", "rule,stage,shadow",
	  "Limits that threads and groups have reached", false, write_verdicts },
	{ "maze_signals_total", "counter", "", "rule,stage,result",
	  "Signals of verdicts that were not in shadow", true, write_signals },
	{ "maze_actions_total", "counter", "", "rule,stage,action,result", "Actions of verdicts",
	  true, write_actions },
	{ "maze_runaway_cpu_seconds_total", "counter", "seconds", "rule",
	  "CPU time of episodes up to their last verdict", true, write_runaway },
	{ "maze_last_verdict_timestamp_seconds", "gauge", "seconds", "rule,stage",
	  "Time of the last verdict, or 0", true, write_last },
	{ "maze_rule_tripped", "gauge", "", "rule",
	  "1 while the rule is in shadow because it reached max-hard", false, write_tripped },
	{ "maze_verdict_lateness_seconds", "histogram", "seconds", "scope",
	  "CPU time above the limit at the verdict", false, write_lateness },
	{ "maze_records_lost_total", "counter", "", "kind",
	  "Records, and samples of incidents, that were overwritten before mazed read them", true,
	  write_records_lost },
	{ "maze_watch_failures_total", "counter", "", "",
	  "Children of watched processes that could not be watched", false, write_watch_failures },
	{ "maze_incidents_written_total", "counter", "", "", "Incidents that were written", true,
	  write_incidents },
	{ "maze_incidents_lost_total", "counter", "", "", "Incidents that could not be written",
	  true, write_incidents_lost },
	{ "maze_frozen_cgroups", "gauge", "", "", "Control groups that mazed has frozen", true,
	  write_frozen },
	{ "maze_config_last_reload_successful", "gauge", "", "",
	  "0 while a refused reload has left the old rules in force", true, write_reload },
	{ "maze_config_last_reload_success_timestamp_seconds", "gauge", "seconds", "",
	  "Time at which the rules in force were loaded", true, write_loaded },
	{ "process_cpu_seconds_total", "counter", "seconds", "", "CPU time of mazed", true,
	  write_cpu },
	{ "process_resident_memory_bytes", "gauge", "bytes", "", "Resident memory of mazed", true,
	  write_resident },
	{ "process_virtual_memory_bytes", "gauge", "bytes", "", "Virtual memory of mazed", true,
	  write_virtual },
	{ "process_start_time_seconds", "gauge", "seconds", "", "Time at which mazed began", true,
	  write_start },
	{ "process_open_fds", "gauge", "", "", "Open file descriptors of mazed", true,
	  write_open_fds },
	{ "process_max_fds", "gauge", "", "", "Limit of open file descriptors of mazed", true,
	  write_max_fds },
};

const struct metric *metric_at(size_t index)
{
	return index < sizeof(table) / sizeof(table[0]) ? &table[index] : NULL;
}
