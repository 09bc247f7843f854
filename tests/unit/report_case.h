/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of reports: incidents as text, and their reports. */
#ifndef MAZE_TEST_REPORT_CASE_H
#define MAZE_TEST_REPORT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../report/incident_file.h"
#include "../../report/python.h"
#include "../../report/report.h"

#define HEAD "{\"version\":1,\"id\":\"A-1\",\"records\":[{\"event\":\"soft\"}]"
#define HOSTILE "</script><img src=x>&\\u2028\\u202e\\u001b[2J\\u007f\\u009b\\n;\\\"'"

#define F(name) "{\"function\":\"" name "\"}"
#define STACK(frames) "{\"frames\":[" frames "]}"
#define S(stack) "{\"stack\":" stack "}"

static inline struct incident *taken(const char *text)
{
	struct maze_error error = { "" };
	struct incident *incident = NULL;

	if (incident_parse(text, strlen(text), &incident, &error))
		fail_msg("%s", error.text);
	return incident;
}

static inline struct stacks *folded(const struct incident *incident)
{
	struct stacks *stacks = NULL;

	assert_int_equal(stacks_make(incident, &stacks), 0);
	return stacks;
}

static inline char *shown(const char *text, int form)
{
	static const struct shown_terminal plain = { .columns = 0 };
	struct incident *incident = taken(text);
	struct stacks *stacks = folded(incident);
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	assert_int_equal(form == 't'   ? report_text(incident, stacks, &plain, false, stream)
			 : form == 'f' ? report_folded(stacks, stream)
				       : report_html(incident, stacks, stream),
			 0);
	fclose(stream);
	stacks_free(stacks);
	incident_free(incident);
	return out;
}

#endif
