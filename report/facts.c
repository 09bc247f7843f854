/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The facts of an incident, each under its label, those that are known; see words.h.
 */
#include "words.h"
#include "shown.h"
#include "../base/rfc3339.h"

#include <string.h>

static void fact_times(struct words *words, const struct incident *incident)
{
	long long since = shown_since(incident), until = shown_until(incident);
	char buf[SHOWN_LEN], time[UTC_LEN];

	if (since >= 0) {
		words->label(words, "since");
		words_plain(words, "%s UTC at the latest", utc_format(since, 3, time));
	}
	if (since >= 0 && until >= since) {
		words->label(words, "until");
		words_plain(words, "%s UTC, %s later", utc_format(until, 3, time),
			    shown_duration(until - since, buf));
	}
}

static void fact_thread(struct words *words, const struct incident *incident)
{
	const struct incident_record *verdict = shown_verdict(incident);
	const char *name = shown_thread_name(incident);

	words->label(words, "thread");
	if (name) {
		words_name(words, name);
		words_plain(words, ", ");
	}
	if (verdict->tid >= 0)
		words_plain(words, "TID %lld", verdict->tid);
	else
		words_plain(words, "TID unknown");
	if (incident->process.threads_total > 1)
		words_plain(words, ", one of %lld", incident->process.threads_total);
	else if (incident->process.threads_count > 1)
		words_plain(words, ", one of %zu", incident->process.threads_count);
}

static void fact_process(struct words *words, const struct incident_process *process)
{
	size_t i;

	if (process->cmdline_count) {
		words->label(words, "command");
		for (i = 0; i < process->cmdline_count; i++) {
			words_plain(words, i ? " " : "");
			words_name(words, process->cmdline[i]);
		}
		if (process->cmdline_cut)
			words_plain(words, " (cut off here)");
	}
	if (process->exe) {
		words->label(words, "program");
		words_name(words, process->exe);
	}
	if (process->cgroup) {
		words->label(words, "cgroup");
		words_name(words, process->cgroup);
	}
	if (process->started) {
		words->label(words, "started");
		words_name(words, process->started);
	}
	if (process->ppid >= 0) {
		words->label(words, "parent");
		words_plain(words, "PID %lld", process->ppid);
	}
	if (process->open_files >= 0) {
		words->label(words, "open files");
		words_plain(words, "%lld", process->open_files);
	}
}

static void say_stage(struct words *words, const char *stage, long long limit_ns,
		      const char *signal)
{
	char buf[SHOWN_LEN];

	if (limit_ns <= 0) {
		words_plain(words, "%s %s", stage, limit_ns ? "unknown" : "off");
		return;
	}
	words_plain(words, "%s %s ", stage, shown_duration(limit_ns, buf));
	words_name(words, signal ? signal : "none");
}

static void fact_policy(struct words *words, const struct incident *incident)
{
	const struct incident_policy *policy = &incident->policy;

	if (incident->rule) {
		words->label(words, "rule");
		words_name(words, incident->rule);
	}
	if (!policy->there)
		return;
	words->label(words, "limits");
	say_stage(words, "soft", policy->soft_ns, policy->soft_signal);
	say_stage(words, ", hard", policy->hard_ns, policy->hard_signal);
	if (policy->recovery[0]) {
		words_plain(words, ", recovery ");
		words_name(words, policy->recovery);
	}
	if (policy->yield) {
		words_plain(words, ", yield ");
		words_name(words, policy->yield);
	}
	words_plain(words, "%s%s%s", policy->to_process ? ", signals to the process" : "",
		    policy->inherit ? "" : ", not inherited", policy->shadow ? ", shadow" : "");
}

static void fact_machine(struct words *words, const struct incident_machine *machine)
{
	char buf[SHOWN_LEN];
	size_t i;

	if (machine->kernel || machine->cpus >= 0) {
		words->label(words, "machine");
		if (machine->kernel) {
			words_plain(words, "Linux ");
			words_name(words, machine->kernel);
		}
		if (machine->cpus >= 0)
			words_plain(words, "%s%lld CPU%s", machine->kernel ? ", " : "",
				    machine->cpus, machine->cpus == 1 ? "" : "s");
		if (machine->uptime_s >= 0)
			words_plain(words, ", up %s",
				    shown_duration(machine->uptime_s * 1000000000LL, buf));
	}
	for (i = 0; i < 3 && machine->load[i] >= 0; i++) {
		if (!i)
			words->label(words, "load");
		words_plain(words, "%s%.2f", i ? " " : "", machine->load[i]);
	}
}

static void key_done(struct words *words, const struct incident *incident)
{
	const struct incident_record *soft = shown_record(incident, "soft");
	const struct incident_record *hard = shown_record(incident, "hard");
	const struct incident_record *last = hard ? hard : soft;

	words->label(words, "done");
	if (!last || !last->signal)
		words_plain(words, "recorded only");
	else if (last->shadow)
		words_plain(words, "nothing (shadow)");
	else if (!last->sent)
		words_plain(words, "did not deliver %.32s", last->signal);
	else if (hard && soft && soft->sent && soft->signal)
		words_plain(words, "%.32s, then %.32s", soft->signal, last->signal);
	else
		words_plain(words, "%.32s sent", last->signal);
}

void words_keys(struct words *words, const struct incident *incident)
{
	long long since = shown_since(incident), until = shown_until(incident);
	long long pid = shown_pid(incident);
	char buf[SHOWN_LEN], time[UTC_LEN];

	if (since >= 0) {
		words->label(words, "since");
		words_plain(words, "%s UTC", utc_format(since, 3, time));
	}
	if (since >= 0 && until >= since) {
		words->label(words, "for");
		words_plain(words, "%s", shown_duration(until - since, buf));
	}
	if (pid >= 0) {
		words->label(words, "process");
		words_plain(words, "PID %lld", pid);
	}
	fact_thread(words, incident);
	key_done(words, incident);
	if (incident->rule) {
		words->label(words, "rule");
		words_name(words, incident->rule);
	}
}

void words_facts(struct words *words, const struct incident *incident, const struct stacks *stacks)
{
	const struct incident_record *verdict = shown_verdict(incident);
	long long uid = incident->process.uid >= 0 ? incident->process.uid : verdict->uid;

	fact_times(words, incident);
	fact_thread(words, incident);
	fact_process(words, &incident->process);
	if (uid >= 0) {
		words->label(words, "user");
		words_plain(words, "UID %lld", uid);
	}
	fact_policy(words, incident);
	fact_machine(words, &incident->machine);
	if (verdict->engine) {
		words->label(words, "engine");
		words_name(words, verdict->engine);
	}
	if (incident->samples_count || incident->samples_lost > 0) {
		words->label(words, "samples");
		words_plain(words, "%zu", incident->samples_count);
		if (incident->samples_lost > 0)
			words_plain(words, ", and %lld more were lost", incident->samples_lost);
		if (stacks->samples < incident->samples_count)
			words_plain(words, "; %zu without a stack",
				    incident->samples_count - stacks->samples);
	}
}
