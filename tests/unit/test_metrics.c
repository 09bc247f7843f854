/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of the metrics, their text, and which series there are. */
#include "acting.h"

#include <cmocka.h>

#include "daemon/control/control_metrics.h"
#include "daemon/control/metrics.h"
#include "daemon/rules/tag.h"
#include "daemon/rules/unit_file.h"
#include "daemon/rules/unit_rules.h"

#define RULES                                                                                      \
	"[rule first]\nsoft = 1s\nhard = 2s\nsoft-renice = 5\n"                                    \
	"[rule second]\nsoft = 1s\nmax-hard = 1/1h\n"
#define SECOND "second"

struct fixture {
	struct acting *acting;
	struct control_host host;
	struct rules *rules;
	struct unit_rules *units;
	struct rule_states *states;
	struct incident_totals incidents;
	int dir;
	char *text;
	size_t size;
};

static struct rules *parse(const char *text)
{
	struct problems problems;
	struct rules *rules;

	problems_init(&problems);
	if (rules_parse("t.conf", text, strlen(text), &rules, &problems))
		fail_msg("refused: %s", text);
	problems_done(&problems);
	return rules;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct control_host *host = &fixture.host;
	struct maze_error error = { "" };

	memset(&fixture, 0, sizeof(fixture));
	if (start_acting((void **)&fixture.acting))
		return -1;
	fixture.dir = open(fixture.acting->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	host->rules = fixture.rules = parse(RULES);
	assert_int_equal(unit_rules_new(&fixture.units), 0);
	fixture.rules->units = fixture.units;
	host->actions = fixture.acting->actions;
	host->counters = counters_new(fixture.rules);
	if (maze_open("poll", MAZE_PRIVATE, &host->maze, &error) ||
	    rule_states_open(host->maze, fixture.acting->log, fixture.dir, fixture.rules,
			     &fixture.states, &error)) {
		fprintf(stderr, "# %s\n", error.text);
		return -1;
	}
	host->rule_states = fixture.states;
	host->incidents = &fixture.incidents;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->text);
	rule_states_close(fixture->states, false);
	maze_close(fixture->host.maze);
	counters_free(fixture->host.counters);
	rules_free(fixture->rules);
	unit_rules_free(fixture->units);
	unlinkat(fixture->dir, "tripped", 0);
	close(fixture->dir);
	return stop_acting((void **)&fixture->acting);
}

static const char *scrape_as(struct fixture *fixture, enum metrics_format format, bool all)
{
	struct maze_error error = { "" };

	free(fixture->text);
	fixture->text = NULL;
	if (metrics_text(&fixture->host, format, all, &fixture->text, &fixture->size, &error))
		fail_msg("%s", error.text);
	return fixture->text;
}

static const char *scrape(struct fixture *fixture)
{
	return scrape_as(fixture, METRICS_OPENMETRICS, true);
}

/* The value of a sample, which is missing if it is not in the text once. */
static double value(struct fixture *fixture, const char *series)
{
	char wanted[256];
	const char *at;

	snprintf(wanted, sizeof(wanted), "\n%s ", series);
	at = strstr(scrape(fixture), wanted);
	if (!at || strstr(at + 1, wanted)) {
		fail_msg("%s is not there once", series);
		return -1;
	}
	return strtod(at + strlen(wanted), NULL);
}

static size_t count_series(const char *text)
{
	size_t count = 0;

	for (; *text; text = strchr(text, '\n') + 1)
		count += *text != '#';
	return count;
}

static struct maze_record verdict(const char *rule, enum maze_event event, maze_u32 flags)
{
	return (struct maze_record){ .event = event,
				     .pid = 100,
				     .tid = 100,
				     .signal = SIGKILL,
				     .flags = flags,
				     .boot_ns = boot_now_ns(),
				     .limit_ns = MAZE_NSEC_PER_SEC,
				     .count_ns = MAZE_NSEC_PER_SEC + 20000,
				     .used_ns = 3 * MAZE_NSEC_PER_SEC,
				     .tag = rule ? tag_of_rule(rule) : 0 };
}

static void add(struct fixture *fixture, const struct maze_record *record)
{
	struct mazed_record it = { .entry.record = record };

	counters_on_record(fixture->host.counters, &it);
}

/* A unit gets a section, as the tracker sets it, and a verdict trips its breaker. */
static void trip_unit(struct fixture *fixture, const char *name)
{
	static const char section[] = "[X-Maze]\nHard=1s\nMaxHard=1/1h\n";
	struct unit *unit = unit_rules_add(fixture->units, name);
	struct problems problems;
	struct maze_record hard;
	struct mazed_record it = { .entry.record = &hard };
	struct conf conf;
	char rule[64];

	snprintf(rule, sizeof(rule), UNIT_RULE_PREFIX "%s", name);
	problems_init(&problems);
	conf_init(&conf);
	assert_int_equal(conf_add_section(&conf, SECTION_UNIT, rule, strlen(rule)), 0);
	assert_int_equal(unit_file_parse(&conf, "/f", section, strlen(section), &problems), 0);
	unit_rules_set(fixture->units, unit, fixture->rules, &conf, &problems);
	assert_int_equal(problems.errors, 0);
	problems_done(&problems);
	rule_states_use_units(fixture->states);
	hard = verdict(rule, MAZE_EVENT_HARD, MAZE_RECORD_SHADOW | MAZE_RECORD_TRIPPED);
	it.rule = unit->rule;
	rule_states_on_record(fixture->states, &it);
	counters_on_record(fixture->host.counters, &it);
}

/* ---- the table ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) > strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

static void each_row_keeps_the_conventions(void **state)
{
	static const char *const labels[] = { "version", "engine", "rule",  "stage", "shadow",
					      "result",	 "action", "scope", "kind" };
	const struct metric *metric;
	char copy[64], *label, *next, unit[32];
	size_t i, j;

	(void)state;
	for (i = 0; (metric = metric_at(i)); i++) {
		assert_true(!strncmp(metric->name, "maze_", 5) ||
			    !strncmp(metric->name, "process_", 8));
		assert_int_equal(ends_with(metric->name, "_total"),
				 !strcmp(metric->type, "counter"));
		assert_int_equal(ends_with(metric->name, "_info"), !strcmp(metric->type, "info"));
		assert_true(metric->help[0] && !ends_with(metric->help, "."));
		assert_null(strpbrk(metric->help, "\\\"\n"));
		snprintf(unit, sizeof(unit), "_%s%s", metric->unit,
			 strcmp(metric->type, "counter") ? "" : "_total");
		assert_true(!metric->unit[0] || ends_with(metric->name, unit));
		assert_true(metric->unit[0] || !strstr(metric->name, "seconds"));
		for (j = 0; j < i; j++)
			assert_string_not_equal(metric->name, metric_at(j)->name);
		/* A user can make up no value of these. */
		snprintf(copy, sizeof(copy), "%s", metric->labels);
		for (label = strtok_r(copy, ",", &next); label;
		     label = strtok_r(NULL, ",", &next)) {
			for (j = 0; j < sizeof(labels) / sizeof(labels[0]); j++)
				if (!strcmp(label, labels[j]))
					break;
			assert_true(j < sizeof(labels) / sizeof(labels[0]));
		}
	}
}

/* The labels of a sample are those of the row, in their order. */
static void check_sample(const struct metric *metric, const char *line)
{
	char found[128] = "", name[32];
	const char *at = line + strcspn(line, "{ ");
	size_t length;

	assert_int_equal(strncmp(line, metric->name, strlen(metric->name)), 0);
	while (*at == '{' || *at == ',') {
		assert_int_equal(sscanf(at + 1, "%31[a-z]=\"", name), 1);
		if (strcmp(name, "le") != 0) {
			length = strlen(found);
			snprintf(found + length, sizeof(found) - length, "%s%s", length ? "," : "",
				 name);
		}
		for (at += 1 + strlen(name) + 2; *at != '"'; at++)
			at += *at == '\\';
		at++;
	}
	at += *at == '}';
	assert_int_equal(*at, ' ');
	assert_string_equal(found, metric->labels);
	at += 1 + strspn(at + 1, "0123456789.");
	assert_int_equal(*at, '\n');
}

static void the_text_has_each_row_once(void **state)
{
	struct fixture *fixture = *state;
	const struct metric *metric;
	const char *at = scrape(fixture);
	size_t i, family;
	char head[600];

	for (i = 0; (metric = metric_at(i)); i++) {
		family = strlen(metric->name) - (!strcmp(metric->type, "counter") ? 6
						 : !strcmp(metric->type, "info")  ? 5
										  : 0);
		snprintf(head, sizeof(head), "# HELP %.*s %s.\n# TYPE %.*s %s\n", (int)family,
			 metric->name, metric->help, (int)family, metric->name, metric->type);
		if (metric->unit[0])
			snprintf(head + strlen(head), 200, "# UNIT %.*s %s\n", (int)family,
				 metric->name, metric->unit);
		assert_int_equal(strncmp(at, head, strlen(head)), 0);
		for (at += strlen(head); *at != '#'; at = strchr(at, '\n') + 1)
			check_sample(metric, at);
	}
	assert_string_equal(at, "# EOF\n");
	assert_null(strstr(scrape_as(fixture, METRICS_PROMETHEUS, true), "# EOF"));
	assert_non_null(strstr(fixture->text, "\n# TYPE maze_engine_info gauge\n"));
	assert_non_null(strstr(fixture->text, "\n# TYPE maze_verdicts_total counter\n"));
	assert_non_null(strstr(fixture->text, "\nprocess_"));
	assert_null(strstr(scrape_as(fixture, METRICS_TEXTFILE, true), "process_"));
}

static void values_of_labels_are_escaped(void **state)
{
	char buf[32], small[6];

	(void)state;
	assert_string_equal(metrics_escape(buf, sizeof(buf), "a\\b\"c\nd}{=,"),
			    "a\\\\b\\\"c\\nd}{=,");
	/* No half of an escape. */
	assert_string_equal(metrics_escape(small, sizeof(small), "abc\"\"\""), "abc\\\"");
	assert_string_equal(metrics_escape(small, sizeof(small), "abcd\"\"\""), "abcd");
}

/* ---- series --------------------------------------------------------------------------- */

static void each_series_begins_at_zero(void **state)
{
	static const char *const rules[] = { "first", SECOND, "(units)", "(requests)" };
	static const char *const stages[] = { "soft", "hard" };
	static const char *const results[] = { "sent", "no_handler", "ended", "not_sent" };
	struct fixture *fixture = *state;
	char series[256];
	size_t i;

	for (i = 0; i < 4 * 2 * 2; i++) {
		snprintf(series, sizeof(series),
			 "maze_verdicts_total{rule=\"%s\",stage=\"%s\",shadow=\"%s\"}",
			 rules[i / 4], stages[i / 2 % 2], i % 2 ? "true" : "false");
		assert_true(value(fixture, series) == 0);
	}
	for (i = 0; i < 4 * 2 * 4; i++) {
		snprintf(series, sizeof(series),
			 "maze_signals_total{rule=\"%s\",stage=\"%s\",result=\"%s\"}", rules[i / 8],
			 stages[i / 4 % 2], results[i % 4]);
		assert_true(value(fixture, series) == 0);
	}
	/* Those that the rule performs. */
	assert_true(value(fixture, "maze_actions_total{rule=\"first\",stage=\"soft\","
				   "action=\"renice\",result=\"failed\"}") == 0);
	assert_null(strstr(fixture->text, "rule=\"first\",stage=\"hard\",action"));
	assert_non_null(strstr(
		fixture->text,
		"{rule=\"(units)\",stage=\"hard\",action=\"restart\",result=\"applied\"} 0"));
	assert_true(value(fixture, "maze_records_lost_total{kind=\"record\"}") == 0);
	assert_true(value(fixture, "maze_incidents_written_total") == 0);
	assert_true(value(fixture, "maze_config_last_reload_successful") == 1);
	assert_true(value(fixture, "maze_rule_tripped{rule=\"second\"}") == 0);
	assert_true(value(fixture, "maze_rule_tripped{rule=\"(units)\"}") == 0);
}

/* New processes, users, cgroups and units make no new series. */
static void the_series_depend_on_the_rules_alone(void **state)
{
	struct fixture *fixture = *state;
	size_t series = count_series(scrape(fixture)), i;
	struct maze_record record;
	char unit[32];

	for (i = 0; i < 10000; i++) {
		snprintf(unit, sizeof(unit), "run-%zu.service", i);
		record = verdict(i % 2 ? unit : "first",
				 i % 4 < 2 ? MAZE_EVENT_SOFT : MAZE_EVENT_HARD,
				 i % 3 ? MAZE_RECORD_SENT : MAZE_RECORD_SHADOW);
		record.pid = record.tid = (maze_u32)i + 2;
		record.uid = (maze_u32)i;
		record.cgroup_id = i;
		record.not_sent = i % MAZE_NOT_SENT_COUNT_;
		if (i % 5 == 0)
			record.tag = tag_of_user((uid_t)i);
		snprintf(record.comm, sizeof(record.comm), "\"%zu\n", i);
		add(fixture, &record);
	}
	/* Units with a section, which also trip, and reloads. */
	for (i = 0; i < 100; i++) {
		snprintf(unit, sizeof(unit), "run-%zu.service", i);
		trip_unit(fixture, unit);
		counters_use(fixture->host.counters, fixture->rules);
		assert_int_equal(count_series(scrape(fixture)), series);
	}
	assert_null(strstr(fixture->text, "run-"));
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"first\",stage=\"soft\",shadow=\"false\"}") >
		    1000);
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"(units)\",stage=\"soft\",shadow=\"false\"}") >
		    1000);
	assert_true(
		value(fixture,
		      "maze_verdicts_total{rule=\"(requests)\",stage=\"soft\",shadow=\"false\"}") >
		100);
}

/* ---- counts --------------------------------------------------------------------------- */

static void a_verdict_counts_once(void **state)
{
	struct fixture *fixture = *state;
	struct maze_record soft = verdict("first", MAZE_EVENT_SOFT, 0);
	struct maze_record hard = verdict("first", MAZE_EVENT_HARD, MAZE_RECORD_SENT);
	struct maze_record shadow = verdict("first", MAZE_EVENT_HARD, MAZE_RECORD_SHADOW);
	struct maze_record end = verdict("first", MAZE_EVENT_EXIT, 0);
	double now = (double)time(NULL);

	soft.not_sent = MAZE_NOT_SENT_NO_HANDLER;
	soft.used_ns = 1500 * MAZE_NSEC_PER_MSEC;
	add(fixture, &soft);
	add(fixture, &hard);
	add(fixture, &end);
	/* The hard verdict has the time of the soft one in it. */
	assert_true(value(fixture, "maze_runaway_cpu_seconds_total{rule=\"first\"}") == 3);
	/* Another episode, without a soft limit. */
	shadow.episode = 1;
	add(fixture, &shadow);
	assert_true(value(fixture, "maze_runaway_cpu_seconds_total{rule=\"first\"}") == 6);
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"first\",stage=\"hard\",shadow=\"false\"}") ==
		    1);
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"first\",stage=\"hard\",shadow=\"true\"}") ==
		    1);
	assert_true(value(fixture,
			  "maze_signals_total{rule=\"first\",stage=\"hard\",result=\"sent\"}") ==
		    1);
	assert_true(
		value(fixture,
		      "maze_signals_total{rule=\"first\",stage=\"soft\",result=\"no_handler\"}") ==
		1);
	assert_true(value(fixture,
			  "maze_verdict_lateness_seconds_bucket{scope=\"thread\",le=\"1e-05\"}") ==
		    0);
	assert_true(
		value(fixture,
		      "maze_verdict_lateness_seconds_bucket{scope=\"thread\",le=\"2.5e-05\"}") ==
		3);
	assert_true(value(fixture,
			  "maze_verdict_lateness_seconds_bucket{scope=\"thread\",le=\"+Inf\"}") ==
		    3);
	assert_true(value(fixture, "maze_verdict_lateness_seconds_sum{scope=\"thread\"}") ==
		    0.00006);
	assert_true(value(fixture,
			  "maze_last_verdict_timestamp_seconds{rule=\"first\",stage=\"soft\"}") >=
		    now - 2);
	assert_true(value(fixture,
			  "maze_last_verdict_timestamp_seconds{rule=\"second\",stage=\"soft\"}") ==
		    0);
}

static void a_unit_that_has_tripped_counts_as_one_of_the_units(void **state)
{
	static const char tripped[] = "maze_rule_tripped{rule=\"(units)\"}";
	struct fixture *fixture = *state;

	trip_unit(fixture, "a.service");
	assert_true(value(fixture, tripped) == 1);
	assert_true(value(fixture, "maze_rule_tripped{rule=\"second\"}") == 0);
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"(units)\",stage=\"hard\",shadow=\"true\"}") ==
		    1);
	trip_unit(fixture, "b.service");
	assert_int_equal(rule_states_reset(fixture->states, "unit:a.service", NULL), 0);
	assert_true(value(fixture, tripped) == 1);
	assert_int_equal(rule_states_reset(fixture->states, "unit:b.service", NULL), 0);
	assert_true(value(fixture, tripped) == 0);
}

static void losses_count_by_their_kind(void **state)
{
	struct maze_record lost = { .event = MAZE_EVENT_LOST, .lost = 1, .tid = 7 };
	struct fixture *fixture = *state;

	add(fixture, &lost);
	lost.tid = 0;
	lost.lost = 5;
	add(fixture, &lost);
	assert_true(value(fixture, "maze_watch_failures_total") == 1);
	assert_true(value(fixture, "maze_records_lost_total{kind=\"record\"}") == 5);
	fixture->incidents =
		(struct incident_totals){ .written = 3, .lost = 2, .evidence_lost = 1 };
	assert_true(value(fixture, "maze_incidents_written_total") == 3);
	assert_true(value(fixture, "maze_incidents_lost_total") == 2);
	assert_true(value(fixture, "maze_records_lost_total{kind=\"evidence\"}") == 1);
}

static void results_of_actions_count_also_if_they_are_not_logged(void **state)
{
	struct fixture *fixture = *state;
	const struct maze_record soft = verdict("first", MAZE_EVENT_SOFT, 0);
	struct log_action action = { .entry = { .record = &soft, .engine = "poll" },
				     .action = "renice",
				     .text = "hushed",
				     .quiet = true,
				     .tried = true };

	log_on_act(fixture->acting->log, counters_on_action, fixture->host.counters);
	/* One that has only begun has no result. */
	action.pending = true;
	log_act(fixture->acting->log, &action);
	action.pending = false;
	log_act(fixture->acting->log, &action);
	action.applied = true;
	log_act(fixture->acting->log, &action);
	action.applied = action.tried = false;
	log_act(fixture->acting->log, &action);
	assert_true(value(fixture, "maze_actions_total{rule=\"first\",stage=\"soft\","
				   "action=\"renice\",result=\"failed\"}") == 1);
	assert_true(value(fixture, "maze_actions_total{rule=\"first\",stage=\"soft\","
				   "action=\"renice\",result=\"applied\"}") == 1);
	assert_true(value(fixture, "maze_actions_total{rule=\"first\",stage=\"soft\","
				   "action=\"renice\",result=\"not_tried\"}") == 1);
	assert_int_equal(count_logged(fixture->acting, "hushed"), 0);
	action.quiet = false;
	log_act(fixture->acting->log, &action);
	assert_int_equal(count_logged(fixture->acting, "hushed"), 1);
}

static void a_reload_keeps_the_counts_of_rules_that_stay(void **state)
{
	struct fixture *fixture = *state;
	struct maze_record soft = verdict(SECOND, MAZE_EVENT_SOFT, MAZE_RECORD_SENT);
	struct rules *rules = parse("[rule new]\nsoft = 1s\n[rule second]\nsoft = 9s\n");
	struct rules *before = fixture->rules;

	add(fixture, &soft);
	fixture->host.rules = fixture->rules = rules;
	assert_int_equal(rule_states_use(fixture->states, rules, NULL), 0);
	counters_use(fixture->host.counters, rules);
	rules_free(before);
	rules->units = fixture->units;
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"second\",stage=\"soft\",shadow=\"false\"}") ==
		    1);
	assert_true(value(fixture,
			  "maze_verdicts_total{rule=\"new\",stage=\"soft\",shadow=\"false\"}") ==
		    0);
	assert_null(strstr(fixture->text, "\"first\""));
}

/* What {"do":"rules"} and {"do":"stats"} show to each user. */
static void other_users_get_less(void **state)
{
	static const char *const hidden[] = { "(units)",   "(requests)", "nearest",  "longest",
					      "signals",   "actions",	 "runaway",  "last_",
					      "incidents", "frozen",	 "process_", "evidence" };
	const char *text = scrape_as(*state, METRICS_OPENMETRICS, false);
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_null(strstr(text, hidden[i]));
	assert_non_null(strstr(text, "maze_verdicts_total{rule=\"second\""));
	assert_non_null(strstr(text, "maze_rule_tripped{rule=\"second\"} 0\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_keeps_the_conventions),
		cmocka_unit_test(values_of_labels_are_escaped),
		cmocka_unit_test_setup_teardown(the_text_has_each_row_once, setup, teardown),
		cmocka_unit_test_setup_teardown(each_series_begins_at_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(the_series_depend_on_the_rules_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_verdict_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_unit_that_has_tripped_counts_as_one_of_the_units,
						setup, teardown),
		cmocka_unit_test_setup_teardown(losses_count_by_their_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(
			results_of_actions_count_also_if_they_are_not_logged, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reload_keeps_the_counts_of_rules_that_stay, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_users_get_less, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
