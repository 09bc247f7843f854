/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the journal that are about no record: each kind has its MESSAGE_ID, and an
 * incident its signature and functions. Names in them are untrusted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <syslog.h>

#include "../../daemon/log/log.h"
#include "../../daemon/log/log_sink.h"
#include "../../lib/signature.h"
#include "log_case.h"
#include "log_receiver.h"
#include "skip.h"

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		count++;
	return count;
}

/* Logs the incident, and returns its entry in the journal. */
static const char *incident_in_journal(const struct log_incident *incident)
{
	int journal;
	struct log *log = open_journal(&journal);
	const char *text;

	log_incident(log, LOG_INFO, incident);
	text = receive(journal);
	log_close(log);
	close(journal);
	return text;
}

static void an_incident_has_its_signature_and_functions(void **state)
{
	static const struct log_unit unit = { .unit = "a.service" };
	struct log_incident incident = { .entry = an_entry,
					 .id = "2026-spin-7",
					 .signature = "spin: f<int> < run < main",
					 .text = "incident 2026-spin-7: maze report 2026-spin-7" };
	const char *text;

	(void)state;
	incident.entry.unit = &unit;
	text = incident_in_journal(&incident);
	assert_line(text, "MESSAGE=incident 2026-spin-7: maze report 2026-spin-7");
	assert_line(text, "MESSAGE_ID=28658f1337de40578f16b48d85354b43");
	assert_line(text, "PRIORITY=6");
	assert_line(text, "MAZE_INCIDENT=2026-spin-7");
	assert_line(text, "MAZE_SIGNATURE=spin: f<int> < run < main");
	assert_line(text, "MAZE_FUNCTION=f<int>");
	assert_line(text, "MAZE_FUNCTION=run");
	assert_line(text, "MAZE_FUNCTION=main");
	assert_line(text, "MAZE_RULE=spinners");
	assert_line(text, "MAZE_UNIT=a.service");
	assert_line(text, "OBJECT_SYSTEMD_UNIT=a.service");
	/* It is no verdict, which `maze events --journal` finds by MAZE_EVENT. */
	assert_line(text, "MAZE_STAGE=hard");
	assert_null(strstr(text, "MAZE_EVENT"));
	incident.signature = "";
	text = incident_in_journal(&incident);
	assert_line(text, "MAZE_INCIDENT=2026-spin-7");
	assert_null(strstr(text, "MAZE_SIGNATURE"));
	assert_null(strstr(text, "MAZE_FUNCTION"));
}

/* A user chooses the names, and the process that reads them may have been taken over. */
static void an_incident_adds_no_fields_of_a_user(void **state)
{
	char signature[4 * LOG_TEXT_SIZE] = "a\n_UID=0\x1b: ", line[64];
	struct log_incident incident = {
		.entry = an_entry, .id = "1\n_UID=0", .signature = signature, .text = "x\n_UID=0"
	};
	const char *text;
	size_t i;

	(void)state;
	for (i = strlen(signature); i + 4 < sizeof(signature); i += 4)
		memcpy(signature + i, "\n < ", 5);
	text = incident_in_journal(&incident);
	assert_line(text, "MAZE_INCIDENT=1\\x0a_UID=0");
	assert_has(text, "MAZE_SIGNATURE=a\\x0a_UID=0\\x1b: \\x0a < ");
	assert_int_equal(count_of(text, "\nMAZE_SIGNATURE="), 1);
	assert_int_equal(count_of(text, "\nMAZE_FUNCTION="), 3);
	assert_true(strlen(text) < LOG_TEXT_SIZE);
	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		snprintf(line, sizeof(line), "%s", text);
		assert_int_equal(strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strcspn(line, "="));
		assert_true(line[0] != '_');
	}
	/* All names as long as they can be. */
	memset(signature + strlen("a\n_UID=0\x1b: "), 'f', SIGNATURE_LEN);
	text = incident_in_journal(&incident);
	assert_has(text, "\nMAZE_FUNCTION=fff");
	assert_true(strlen(text) < 2 * LOG_TEXT_SIZE);
}

static void kinds_of_messages_differ(void **state)
{
	struct log *log;
	const char *text;
	int journal;

	(void)state;
	log = open_journal(&journal);
	log_note(log, LOG_ERR, LOG_KIND_TRIPPED, "spin\nners", "it has tripped");
	text = receive(journal);
	assert_line(text, "MESSAGE=it has tripped");
	assert_line(text, "MESSAGE_ID=1b46c654a5db474ca588a546f8fd9613");
	assert_line(text, "MAZE_RULE=spin\\x0aners");
	log_note(log, LOG_ERR, LOG_KIND_REFUSED, NULL, "refused");
	text = receive(journal);
	assert_line(text, "MESSAGE_ID=a2f73baa93ac4652a8d24779fac2001d");
	assert_null(strstr(text, "MAZE_RULE"));
	log_close(log);
	close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_incident_has_its_signature_and_functions),
		cmocka_unit_test(an_incident_adds_no_fields_of_a_user),
		cmocka_unit_test(kinds_of_messages_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
