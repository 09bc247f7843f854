/* SPDX-License-Identifier: GPL-2.0-only */
#include "consumers.h"
#include "runs.h"
#include "shown.h"
#include "../base/rfc3339.h"

#include <string.h>

static void fact_times(struct summary *summary, const struct incident *incident)
{
	long long since = shown_since(incident), until = shown_until(incident);
	char buf[SHOWN_LEN], time[UTC_LEN];

	if (since >= 0) {
		summary->label(summary, "since");
		summary_plain(summary, "%s UTC%s", utc_format(since, 3, time),
			      incident->is_look ? "" : " at the latest");
	}
	if (since >= 0 && until >= since) {
		summary->label(summary, "until");
		summary_plain(summary, "%s UTC, %s later", utc_format(until, 3, time),
			      shown_duration(until - since, buf));
	}
}

static void fact_thread(struct summary *summary, const struct incident *incident)
{
	const struct incident_record *verdict = shown_verdict(incident);
	const char *name = shown_thread_name(incident);

	summary->label(summary, "thread");
	if (name) {
		summary_name(summary, name);
		summary_plain(summary, ", ");
	}
	if (verdict->tid >= 0)
		summary_plain(summary, "TID %lld", verdict->tid);
	else
		summary_plain(summary, "TID unknown");
	if (incident->process.threads_total > 1)
		summary_plain(summary, ", one of %lld", incident->process.threads_total);
	else if (incident->process.threads_count > 1)
		summary_plain(summary, ", one of %zu", incident->process.threads_count);
}

static void fact_group(struct summary *summary, const struct incident *incident)
{
	const struct incident_group *group = incident->group;
	char used[SHOWN_LEN], time[SHOWN_LEN];

	summary->label(summary, "group");
	summary_plain(summary, "%s", consumers_scope(incident));
	if (group->members >= 0)
		summary_plain(summary, " of %lld process%s", group->members,
			      group->members == 1 ? "" : "es");
	if (group->cpu_ns <= 0)
		return;
	summary_plain(summary, "; its consumers are those of %s of CPU time",
		      shown_duration(group->cpu_ns, used));
	if (group->wall_ns >= 0)
		summary_plain(summary, " in %s", shown_duration(group->wall_ns, time));
}

static void fact_process(struct summary *summary, const struct incident_process *process)
{
	size_t i;

	if (process->cmdline_count) {
		summary->label(summary, "command");
		for (i = 0; i < process->cmdline_count; i++) {
			summary_plain(summary, i ? " " : "");
			summary_name(summary, process->cmdline[i]);
		}
		if (process->cmdline_cut)
			summary_plain(summary, " (cut off here)");
	}
	if (process->exe) {
		summary->label(summary, "program");
		summary_name(summary, process->exe);
	}
	if (process->cgroup) {
		summary->label(summary, "cgroup");
		summary_name(summary, process->cgroup);
	}
	if (process->started) {
		summary->label(summary, "started");
		summary_name(summary, process->started);
	}
	if (process->ppid >= 0) {
		summary->label(summary, "parent");
		summary_plain(summary, "PID %lld", process->ppid);
	}
	if (process->open_files >= 0) {
		summary->label(summary, "open files");
		summary_plain(summary, "%lld", process->open_files);
	}
}

static void put_stage(struct summary *summary, const char *stage, long long limit_ns,
		      const char *signal)
{
	char buf[SHOWN_LEN];

	if (limit_ns <= 0) {
		summary_plain(summary, "%s %s", stage, limit_ns ? "unknown" : "off");
		return;
	}
	summary_plain(summary, "%s %s ", stage, shown_duration(limit_ns, buf));
	summary_name(summary, signal ? signal : "none");
}

static void fact_policy(struct summary *summary, const struct incident *incident)
{
	const struct incident_policy *policy = &incident->policy;

	if (incident->rule) {
		summary->label(summary, "rule");
		summary_name(summary, incident->rule);
	}
	if (!policy->there)
		return;
	summary->label(summary, "limits");
	put_stage(summary, "soft", policy->soft_ns, policy->soft_signal);
	put_stage(summary, ", hard", policy->hard_ns, policy->hard_signal);
	if (policy->share) {
		summary_plain(summary, ", share ");
		summary_name(summary, policy->share);
	}
	if (policy->recovery[0]) {
		summary_plain(summary, ", recovery ");
		summary_name(summary, policy->recovery);
	}
	if (policy->yield) {
		summary_plain(summary, ", yield ");
		summary_name(summary, policy->yield);
	}
	summary_plain(summary, "%s%s%s", policy->to_process ? ", signals to the process" : "",
		      policy->inherit ? "" : ", not inherited", policy->shadow ? ", shadow" : "");
}

static void fact_signature(struct summary *summary, const struct incident *incident)
{
	if (!incident->signature[0])
		return;
	summary->label(summary, "signature");
	summary_name(summary, incident->signature);
	if (!incident->repeated)
		return;
	summary->label(summary, "repeats");
	summary_plain(summary, "%s", incident->repeats);
	if (incident->repeated > 1)
		summary_plain(summary, ", the first of %zu earlier ones", incident->repeated);
}

static void fact_origin(struct summary *summary, const struct incident *incident)
{
	const char *label = "", *before;
	size_t i;

	for (i = 0; i < ORIGIN_COUNT_; i++) {
		if (!incident->origin[i])
			continue;
		before = origin_table[i].before;
		if (strcmp(label, origin_table[i].label) != 0) {
			label = origin_table[i].label;
			summary->label(summary, label);
			/* The text before it is unknown. */
			before += strspn(before, ", ");
		}
		summary_plain(summary, "%s", before);
		summary_name(summary, incident->origin[i]);
	}
}

static void fact_machine(struct summary *summary, const struct incident_machine *machine)
{
	char buf[SHOWN_LEN];
	size_t i;

	if (machine->cpus >= 0) {
		summary->label(summary, "CPUs");
		summary_plain(summary, "%lld", machine->cpus);
	}
	if (machine->uptime_s >= 0) {
		summary->label(summary, "uptime");
		summary_plain(summary, "%s", shown_duration(machine->uptime_s * 1000000000LL, buf));
	}
	for (i = 0; i < 3 && machine->load[i] >= 0; i++) {
		if (!i)
			summary->label(summary, "load");
		summary_plain(summary, "%s%.2f", i ? " " : "", machine->load[i]);
	}
}

static void key_done(struct summary *summary, const struct incident *incident)
{
	const struct incident_record *soft = shown_record(incident, "soft");
	const struct incident_record *hard = shown_record(incident, "hard");
	const struct incident_record *last = hard ? hard : soft;

	if (incident->is_look)
		return;
	summary->label(summary, "done");
	if (!last || !last->signal)
		summary_plain(summary, "recorded only");
	else if (last->shadow)
		summary_plain(summary, "nothing (shadow)");
	else if (!last->sent)
		summary_plain(summary, "did not deliver %.32s", last->signal);
	else if (hard && soft && soft->sent && soft->signal)
		summary_plain(summary, "%.32s, then %.32s", soft->signal, last->signal);
	else
		summary_plain(summary, "%.32s sent", last->signal);
}

void summary_keys(struct summary *summary, const struct incident *incident)
{
	long long since = shown_since(incident), until = shown_until(incident);
	long long pid = shown_pid(incident);
	char buf[SHOWN_LEN], time[UTC_LEN];

	if (since >= 0) {
		summary->label(summary, "since");
		summary_plain(summary, "%s UTC", utc_format(since, 3, time));
	}
	if (since >= 0 && until >= since) {
		summary->label(summary, "for");
		summary_plain(summary, "%s", shown_duration(until - since, buf));
	}
	if (pid >= 0) {
		summary->label(summary, "process");
		summary_plain(summary, "PID %lld", pid);
	}
	if (incident->group)
		fact_group(summary, incident);
	else
		fact_thread(summary, incident);
	key_done(summary, incident);
	if (incident->rule) {
		summary->label(summary, "rule");
		summary_name(summary, incident->rule);
	}
}

void summary_process(struct summary *summary, const struct incident *incident)
{
	fact_process(summary, &incident->process);
	fact_origin(summary, incident);
}

void summary_facts(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks)
{
	const struct incident_record *verdict = shown_verdict(incident);
	long long uid = incident->process.uid >= 0 ? incident->process.uid : verdict->uid;

	fact_times(summary, incident);
	fact_signature(summary, incident);
	if (incident->group)
		fact_group(summary, incident);
	else
		fact_thread(summary, incident);
	runs_fact(summary, incident);
	fact_process(summary, &incident->process);
	if (uid >= 0) {
		summary->label(summary, "user");
		summary_plain(summary, "UID %lld", uid);
	}
	fact_policy(summary, incident);
	fact_origin(summary, incident);
	fact_machine(summary, &incident->machine);
	if (incident->samples_count || incident->samples_lost > 0) {
		summary->label(summary, "samples");
		summary_plain(summary, "%zu", incident->samples_count);
		if (incident->samples_lost > 0)
			summary_plain(summary, ", and %lld more were lost", incident->samples_lost);
		if (stacks->samples < incident->samples_count)
			summary_plain(summary, "; %zu without a stack",
				      incident->samples_count - stacks->samples);
		if (stacks->joined)
			summary_plain(summary, "; %zu with the callers of the unwound stack",
				      stacks->joined);
	}
}
