/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The breaker (max-hard) of rules, also of units: allowances are set, trips are logged and
 * saved, and a reset begins anew. Verdicts are those of the poll engine.
 */
#include "rules_case.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bounds.h"
#include "daemon/rules/unit_file.h"
#include "daemon/rules/unit_rules.h"
#include "daemon/tracker/rule_states.h"

#define UNIT "a.service"
#define RULE UNIT_RULE_PREFIX UNIT
#define RULES "[defaults]\nmax-hard = 1/1h\nshadow = no\n[rule all]\n"
#define SECTION "[X-Maze]\nSoft=0\nHard=30ms\nHardSignal=0\n"

struct breaker {
	struct fixture fixture;
	struct unit_rules *units;
	struct unit *unit;
	struct maze *maze;
	struct maze_reader *reader;
	struct log *log;
	struct rule_states *states;
	char directory[64];
	int directory_fd;
};

static const char *path_of(const struct breaker *it, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", it->directory, name);
	return path;
}

static const char *read_text(const struct breaker *it, const char *name)
{
	static char text[4096];
	int fd = open(path_of(it, name), O_RDONLY);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void open_states(struct breaker *it)
{
	struct maze_error error = { "" };

	if (rule_states_open(it->maze, it->log, it->directory_fd, it->fixture.rules, &it->states,
			     &error))
		fail_msg("%s", error.text);
}

static int begin(void **state)
{
	struct breaker *it = calloc(1, sizeof(*it));
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE };

	strcpy(it->directory, "/tmp/maze-states-XXXXXX");
	assert_non_null(mkdtemp(it->directory));
	it->directory_fd = open(it->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	settings.log_path = (char *)path_of(it, "log");
	assert_int_equal(log_open(&settings, &it->log, NULL), 0);
	assert_int_equal(maze_open("poll", MAZE_PRIVATE, &it->maze, NULL), 0);
	assert_int_equal(maze_reader_open(it->maze, true, &it->reader, NULL), 0);
	assert_int_equal(unit_rules_new(&it->units), 0);
	it->unit = unit_rules_add(it->units, UNIT);
	problems_init(&it->fixture.problems);
	accept(&it->fixture, RULES);
	it->fixture.rules->units = it->units;
	open_states(it);
	*state = it;
	return 0;
}

static int end(void **state)
{
	struct breaker *it = *state;

	rule_states_close(it->states, true);
	maze_reader_close(it->reader);
	maze_close(it->maze);
	log_close(it->log);
	forget(&it->fixture);
	unit_rules_free(it->units);
	close(it->directory_fd);
	unlink(path_of(it, "log"));
	unlink(path_of(it, "tripped"));
	rmdir(it->directory);
	free(it);
	return 0;
}

/* Sets the section of the unit, as the tracker does. */
static void set_section(struct breaker *it, const char *text)
{
	struct problems *problems = &it->fixture.problems;
	struct conf conf;

	conf_init(&conf);
	assert_int_equal(conf_add_section(&conf, SECTION_UNIT, RULE, strlen(RULE)), 0);
	assert_int_equal(unit_file_parse(&conf, "/f", text, strlen(text), problems), 0);
	unit_rules_set(it->units, it->unit, it->fixture.rules, &conf, problems);
	assert_int_equal(problems->errors, 0);
	rule_states_use_units(it->states);
}

static const struct rule_state *state_of(const struct breaker *it, const char *name)
{
	const struct rule_state *state;
	size_t i;

	for (i = 0; (state = rule_states_at(it->states, i)); i++)
		if (!strcmp(state->name, name))
			return state;
	return NULL;
}

static pid_t start_spinning(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	bound_child();
	for (;;)
		;
}

/* A process of the unit reaches its hard limit. Returns whether that is enforced. */
static bool enforced(struct breaker *it)
{
	struct pollfd fd = { .fd = maze_reader_fd(it->reader), .events = POLLIN };
	struct maze_record record = { 0 };
	struct mazed_record read = { .entry.record = &record, .rule = it->unit->rule };
	const struct rule *rule = it->unit->rule;
	pid_t pid = start_spinning();
	int pidfd = pidfd_open(pid, 0);

	assert_int_equal(maze_claim(it->maze, pidfd, 0, &rule->settings.policy, rule->tag, 0, NULL),
			 0);
	while (record.event != MAZE_EVENT_HARD)
		if (maze_reader_next(it->reader, &record) != 1)
			assert_true(poll(&fd, 1, WAIT_SECONDS * 1000) > 0);
	rule_states_on_record(it->states, &read);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pidfd);
	return !(record.flags & MAZE_RECORD_SHADOW);
}

static void trip(struct breaker *it)
{
	assert_true(enforced(it));
	assert_false(enforced(it));
}

static void a_rule_of_a_unit_has_a_breaker(void **state)
{
	struct breaker *it = *state;

	assert_null(state_of(it, RULE));
	set_section(it, SECTION);
	assert_non_null(state_of(it, "all"));
	assert_non_null(state_of(it, RULE));
	trip(it);
	assert_true(state_of(it, RULE)->tripped_ns);
	assert_int_equal(state_of(it, RULE)->hard, 1);
	assert_int_equal(state_of(it, RULE)->shadow_hard, 1);
	assert_non_null(strstr(read_text(it, "tripped"), " " RULE "\n"));
	assert_non_null(strstr(read_text(it, "log"),
			       "rule " RULE " has reached max-hard, 1 in 1h (1 process of 1 user): "
			       "it is in shadow until `maze rules reset " RULE "`"));
	assert_int_equal(rule_states_reset(it->states, RULE, NULL), 0);
	assert_int_equal(state_of(it, RULE)->tripped_ns, 0);
	trip(it);
}

static void a_section_has_a_max_hard_of_its_own(void **state)
{
	struct breaker *it = *state;

	set_section(it, SECTION "MaxHard=2/1h\n");
	assert_true(enforced(it));
	trip(it);
	set_section(it, SECTION "MaxHard=off\n");
	assert_true(enforced(it));
	assert_int_equal(state_of(it, RULE)->tripped_ns, 0);
	set_section(it, SECTION);
	trip(it);
	/* Without a section there is no row. */
	set_section(it, "");
	assert_null(state_of(it, RULE));
}

/* The section is read some time after mazed has begun. */
static void a_unit_stays_tripped_over_a_restart(void **state)
{
	struct breaker *it = *state;

	set_section(it, SECTION);
	trip(it);
	rule_states_close(it->states, true);
	unit_rules_free(it->units);
	assert_int_equal(unit_rules_new(&it->units), 0);
	it->fixture.rules->units = it->units;
	it->unit = unit_rules_add(it->units, UNIT);
	open_states(it);
	assert_null(state_of(it, RULE));
	assert_int_equal(rule_states_reset(it->states, RULE, &(struct maze_error){ "" }), -ENOENT);
	/* The list is written before the section is read. */
	assert_int_equal(rule_states_reset(it->states, "all", NULL), 0);
	assert_non_null(strstr(read_text(it, "tripped"), " " RULE "\n"));
	set_section(it, SECTION);
	assert_true(state_of(it, RULE)->tripped_ns);
	assert_false(enforced(it));
}

/* On failure, it stays tripped. */
static void a_reset_that_fails_changes_nothing(void **state)
{
	struct breaker *it = *state;
	struct maze_error error = { "" };

	set_section(it, SECTION);
	trip(it);
	/* An invalid allowance is refused. */
	it->unit->rule->settings.max_hard_ns = 0;
	assert_true(rule_states_reset(it->states, RULE, &error) < 0);
	it->unit->rule->settings.max_hard_ns = 3600 * MAZE_NSEC_PER_SEC;
	assert_true(state_of(it, RULE)->tripped_ns);
	assert_non_null(strstr(read_text(it, "tripped"), RULE));
	assert_false(enforced(it));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_of_a_unit_has_a_breaker, begin, end),
		cmocka_unit_test_setup_teardown(a_section_has_a_max_hard_of_its_own, begin, end),
		cmocka_unit_test_setup_teardown(a_unit_stays_tripped_over_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(a_reset_that_fails_changes_nothing, begin, end),
	};

	return cmocka_run_group_tests_name("rule states", tests, NULL, NULL);
}
