/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incident files: accepted and refused files, folding of samples, and escaping of foreign
 * names for terminals and pages.
 */
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

#include "report/incident_dir.h"
#include "report/incident_file.h"
#include "report/python.h"
#include "report/report.h"
#include "base/rfc3339.h"

#define HEAD "{\"version\":1,\"id\":\"A-1\",\"records\":[{\"event\":\"soft\"}]"
#define HOSTILE "</script><img src=x>&\\u2028\\u202e\\u001b[2J\\u007f\\u009b\\n;\\\"'"

static struct incident *taken(const char *text)
{
	struct maze_error error = { "" };
	struct incident *incident = NULL;

	if (incident_parse(text, strlen(text), &incident, &error))
		fail_msg("%s", error.text);
	return incident;
}

static void refused(const char *text, int err, const char *why)
{
	struct maze_error error = { "" };
	struct incident *incident = NULL;

	assert_int_equal(incident_parse(text, strlen(text), &incident, &error), err);
	assert_null(incident);
	if (!strstr(error.text, why))
		fail_msg("the error is: %s", error.text);
}

static struct stacks *folded(const struct incident *incident)
{
	struct stacks *stacks = NULL;

	assert_int_equal(stacks_make(incident, &stacks), 0);
	return stacks;
}

static void nearly_every_key_may_be_missing(void **state)
{
	struct incident *incident = taken(HEAD "}");

	(void)state;
	assert_string_equal(incident->id, "A-1");
	assert_int_equal(incident->records_count, 1);
	assert_int_equal(incident->records[0].count_ns, INCIDENT_UNKNOWN);
	assert_int_equal(incident->records[0].time_ns, INCIDENT_UNKNOWN);
	assert_int_equal(incident->stacks_count, 0);
	assert_false(incident->policy.there);
	incident_free(incident);
	incident_free(taken(HEAD ",\"stacks\":null,\"samples\":null,\"process\":null,"
				 "\"policy\":null,\"machine\":null,\"unwound\":null,\"notes\":null,"
				 "\"rule\":null,\"samples_lost\":null}"));
}

static void unknown_keys_are_ignored(void **state)
{
	(void)state;
	incident_free(taken(HEAD ",\"new\":{\"deep\":[1,{}]},\"process\":{\"new\":7}}"));
}

static void an_invalid_incident_is_refused_with_the_key(void **state)
{
	(void)state;
	refused("", -EINVAL, "not JSON");
	refused("{", -EINVAL, "not JSON");
	refused("[]", -EINVAL, "not an object");
	refused("{}", -EINVAL, "\"version\"");
	refused("{\"version\":2}", -EPROTONOSUPPORT, "version 2");
	refused("{\"version\":1,\"records\":[{\"event\":\"soft\"}]}", -EINVAL, "\"id\"");
	refused("{\"version\":1,\"id\":\"a/b\",\"records\":[{\"event\":\"soft\"}]}", -EINVAL,
		"\"id\"");
	refused("{\"version\":1,\"id\":\"a\"}", -EINVAL, "\"records\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[]}", -EINVAL, "\"records\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[{}]}", -EINVAL, "\"event\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[5]}", -EINVAL, "\"records\"");
	refused(HEAD ",\"samples\":[{\"stack\":0}]}", -EINVAL, "\"stack\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[]}],\"samples\":[{\"stack\":1}]}", -EINVAL,
		"\"stack\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[],\"cut\":1}]}", -EINVAL, "\"cut\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[{\"offset\":\"1\"}]}]}", -EINVAL, "\"offset\"");
	refused(HEAD ",\"process\":{\"cmdline\":[7]}}", -EINVAL, "\"cmdline\"");
	refused(HEAD ",\"notes\":\"one\"}", -EINVAL, "\"notes\"");
	refused(HEAD ",\"rule\":1}", -EINVAL, "\"rule\"");
	refused(HEAD ",\"system_calls\":[{\"rows\":[{\"calls\":\"1\"}]}]}", -EINVAL, "\"calls\"");
	refused(HEAD ",\"system_calls\":[1]}", -EINVAL, "\"system_calls\"");
	refused(HEAD ",\"descriptors\":[{\"watches\":[{\"fd\":\"1\"}]}]}", -EINVAL, "\"fd\"");
	refused(HEAD ",\"descriptors\":[1]}", -EINVAL, "\"descriptors\"");
}

static void a_stack_of_too_many_frames_is_refused(void **state)
{
	char *text = malloc(3 * (INCIDENT_FRAMES_MAX + 1) + 256), *at = text;
	int i;

	(void)state;
	at += sprintf(at, HEAD ",\"stacks\":[{\"frames\":[");
	for (i = 0; i <= INCIDENT_FRAMES_MAX; i++)
		at += sprintf(at, "%s{}", i ? "," : "");
	sprintf(at, "]}]}");
	refused(text, -EINVAL, "\"frames\"");
	free(text);
}

static void a_file_that_is_too_large_or_missing_is_refused(void **state)
{
	char path[] = "/tmp/maze-test-XXXXXX";
	struct maze_error error = { "" };
	struct incident *incident = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	/* A hole: it takes no disk space, but reads as 64 MiB of NULs plus one byte. */
	assert_int_equal(ftruncate(fd, INCIDENT_FILE_MAX + 1), 0);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -EFBIG);
	assert_non_null(strstr(error.text, "larger than 64 MiB"));
	close(fd);
	unlink(path);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a regular file"));
	unlink(path);
	assert_null(incident);
}

#define F(name) "{\"function\":\"" name "\"}"
#define HOT(line) "{\"function\":\"hot\",\"file\":\"a.c\",\"line\":" line "}"
#define STACK(frames) "{\"frames\":[" frames "]}"
#define S(stack) "{\"stack\":" stack "}"

/* Four stacks: two differ only in a line, and one has no frame. */
#define OUTER F("loop") "," F("main")
#define STACKS                                                                                     \
	STACK(HOT("1") "," OUTER)                                                                  \
	"," STACK(HOT("2") "," OUTER) "," STACK(OUTER) "," STACK(F("handler")) "," STACK("")
#define SAMPLES                                                                                    \
	S("1")                                                                                     \
	"," S("0") "," S("1") "," S("0") "," S("1") "," S("1") "," S("1") "," S("2") "," S(        \
		"2") "," S("3") "," S("4")

static const char *const four = HEAD ",\"stacks\":[" STACKS "],\"samples\":[" SAMPLES "]}";

static void stacks_are_folded_by_function(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_int_equal(stacks->samples, 10);
	assert_int_equal(stacks->folds_count, 3);
	assert_int_equal(stacks->hottest->samples, 7);
	assert_int_equal(stacks->hottest->depth, 3);
	/* Shown with the most frequent line. */
	assert_int_equal(stacks->hottest->stack->frames[0].line, 2);
	stacks_free(stacks);
	incident_free(incident);
}

static void each_function_has_its_share(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);
	const struct stacks_function *hot = &stacks->functions[stacks->by_self[0]];
	const struct stacks_function *loop = &stacks->functions[stacks->by_self[1]];

	(void)state;
	assert_int_equal(stacks->by_self_count, 3);
	assert_string_equal(hot->frame->function, "hot");
	assert_int_equal(hot->self, 7);
	assert_int_equal(hot->total, 7);
	assert_string_equal(loop->frame->function, "loop");
	assert_int_equal(loop->self, 2);
	assert_int_equal(loop->total, 9);
	/* The innermost function that contains the loop: all samples but one of ten. */
	assert_non_null(stacks->common);
	assert_string_equal(stacks->functions[stacks->common->function].frame->function, "loop");
	stacks_free(stacks);
	incident_free(incident);
}

static void the_counts_of_the_tree_add_up(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);
	size_t i, self = 0, roots = 0;

	(void)state;
	assert_int_equal(stacks->nodes_count, 4);
	for (i = 0; i < stacks->nodes_count; i++) {
		self += stacks->nodes[i].self;
		roots += stacks->nodes[i].depth ? 0 : stacks->nodes[i].total;
	}
	assert_int_equal(self, 10);
	assert_int_equal(roots, 10);
	stacks_free(stacks);
	incident_free(incident);
}

static void a_recursive_function_counts_once_a_sample(void **state)
{
	struct incident *incident = taken(HEAD ",\"stacks\":[{\"frames\":[" F("f") "," F("f") "," F(
		"f") "]}],"
		     "\"samples\":[{\"stack\":0},{\"stack\":0}]}");
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_int_equal(stacks->functions_count, 1);
	assert_int_equal(stacks->functions[0].total, 2);
	assert_int_equal(stacks->nodes_count, 3);
	stacks_free(stacks);
	incident_free(incident);
}

static void without_samples_there_is_no_hottest_stack(void **state)
{
	struct incident *incident = taken(HEAD ",\"stacks\":[{\"frames\":[" F("f") "]}]}");
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_null(stacks->hottest);
	assert_null(stacks->common);
	assert_int_equal(stacks->nodes_count, 0);
	stacks_free(stacks);
	incident_free(incident);
}

#define HOSTILE_PROCESS "{\"comm\":\"" HOSTILE "\",\"cmdline\":[\"" HOSTILE "\"]}"

static const char *const hostile = HEAD
	",\"rule\":\"" HOSTILE "\",\"process\":" HOSTILE_PROCESS
	",\"stacks\":[" STACK(F(HOSTILE)) "],\"samples\":[" S(
		"0") "],\"notes\":[\"" HOSTILE "\"]"
		     ",\"system_calls\":[{\"rows\":[{\"name\":\"" HOSTILE "\",\"error\":\"" HOSTILE
		     "\"}],\"inside\":{\"name\":\"" HOSTILE "\"}}]"
		     ",\"descriptors\":[{\"fd\":1,\"kind\":\"" HOSTILE "\",\"target\":\"/" HOSTILE
		     "\",\"state\":\"" HOSTILE "\",\"watches\":[{\"events\":\"" HOSTILE "\"}]}]}";

static char *shown(const char *text, int form)
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

#define EVAL "{\"function\":\"_PyEval_EvalFrameDefault.cold\",\"module\":\"python3\"}"
#define NATIVE(name) "{\"function\":\"" name "\",\"module\":\"python3\"}"
#define PYTHON(name, file, line, entry)                                                            \
	"{\"function\":\"" name "\",\"file\":\"" file "\",\"line\":" #line ",\"entry\":" #entry "}"
#define HANDLER PYTHON("handle", "/srv/app.py", 7, true)
#define MAIN PYTHON("<module>", "/srv/app.py", 90, true)

/* Two calls of C code from Python; `cut` of the native stack. */
#define CALLS(cut)                                                                                 \
	HEAD ",\"stacks\":[{\"frames\":[" NATIVE("sha256") "," EVAL "," NATIVE(                    \
		"call") "," EVAL                                                                   \
			"," NATIVE(                                                                \
				"main") "],\"cut\":" #cut "}],\"samples\":[{\"stack\":0}],"        \
					"\"python\":{\"version\":\"3.11.2\",\"stacks\":["          \
					"{\"frames\":[" PYTHON(                                    \
						"leaf", "/srv/a.py", 1,                            \
						false) "," HANDLER "," MAIN "]},"                  \
						       "{\"frames\":[" PYTHON(                     \
							       "leaf", "/srv/b.py", 1,             \
							       false) "," HANDLER "," MAIN "]}],"  \
								      "\"reads\":[{\"stack\":0},{" \
								      "\"stack\":1},{\"stack\":1}" \
								      "],\"reads_failed\":2}}"

static void the_headline_has_the_python_function(void **state)
{
	struct incident *incident = taken(CALLS(false));
	struct stacks *stacks = folded(incident);
	const struct incident_frame *frame;
	size_t reads;

	(void)state;
	assert_string_equal(incident->python_version, "3.11.2");
	assert_int_equal(stacks->python->samples, 3);
	/* Two functions of one name in different files. */
	assert_int_equal(stacks->python->functions_count, 4);
	assert_true(python_place(stacks->python, &frame, &reads));
	assert_string_equal(frame->function, "handle");
	assert_int_equal(frame->line, 7);
	assert_int_equal(reads, 3);
	stacks_free(stacks);
	incident_free(incident);
}

static void assert_joined(const char *text, const char *expected)
{
	struct incident *incident = taken(text);
	struct stacks *stacks = folded(incident);
	struct incident_stack joined = { 0 };
	char names[256] = "";
	size_t i;

	if (!python_join(python_native(incident, stacks), stacks->python->hottest->stack, &joined))
		for (i = 0; i < joined.count; i++)
			strncat(strcat(names, " "), joined.frames[i].function, 40);
	assert_string_equal(names, expected);
	free(joined.frames);
	stacks_free(stacks);
	incident_free(incident);
}

static void a_native_stack_is_joined_with_the_python_stack(void **state)
{
	static const char one_call[] =
		HEAD ",\"stacks\":[{\"frames\":[" NATIVE("sha256") "," EVAL "," NATIVE(
			"main") "],\"cut\":false}],\"samples\":[{\"stack\":0}],\"python\":{"
				"\"stacks\":["
				"{\"frames\":[" HANDLER "," MAIN "]}],\"reads\":[{\"stack\":0}]}}";

	(void)state;
	assert_joined(CALLS(false), " sha256 leaf handle call <module> main");
	assert_joined(CALLS(true), " sha256 leaf handle call <module> main");
	/* A whole native stack with fewer calls is of another moment. */
	assert_joined(one_call, "");
}

static void names_are_escaped_for_terminals(void **state)
{
	char *text = shown(hostile, 't'), *at;

	(void)state;
	for (at = text; *at; at++)
		assert_true((*at >= ' ' && *at < 127) || *at == '\n');
	assert_non_null(strstr(text, "\\x1b[2J\\x7f\\u{009b}\\x0a;"));
	free(text);
}

/* 2000 calls in 20 ms of CPU time are 100000 a second; times are shares of 40 ms. */
static void a_short_slice_has_no_rate(void **state)
{
	char *text = shown(HEAD ",\"system_calls\":[{\"cpu_ns\":2000,\"wall_ns\":4000,\"calls\":3,"
				"\"rows\":[{\"name\":\"read\",\"fd\":4,\"positive\":false,"
				"\"calls\":3,\"time_ns\":1000}]}]}",
			   't');

	(void)state;
	assert_non_null(strstr(text, "\n            -        25 %  read, fd 4: 0\n"));
	free(text);
}

static void system_calls_are_a_table(void **state)
{
	static const char *const lines[] = {
		"\nSystem calls: 3003 in 20ms of CPU time\n"
		"  calls per s        time  call and result\n",
		"       100000        50 %  epoll_wait, fd 4: positive\n",
		"        50000        25 %  openat, fd AT_FDCWD: ENOENT\n",
		"           50         0 %  system call 999 (32-bit): 0\n",
		"           50   below 1 %  read, fd -1: 700 bytes in all\n",
		"           50         0 %  others\n"
		"  At the end it was in futex, for 1ms\n",
		"\nSystem calls, later: none in 20ms of CPU time\n"
		"  At the end it was in readv, fd 5, for at least 40ms\n",
	};
	char *text = shown(
		HEAD ",\"system_calls\":[{\"cpu_ns\":20000000,\"wall_ns\":40000000,\"calls\":3003,"
		     "\"rows\":[{\"name\":\"epoll_wait\",\"number\":232,\"fd\":4,\"positive\":true,"
		     "\"calls\":2000,\"time_ns\":20000000},{\"name\":\"openat\",\"fd\":-100,"
		     "\"error\":\"ENOENT\",\"calls\":1000,\"time_ns\":10000000},{\"number\":999,"
		     "\"compat\":true,\"positive\":false,\"calls\":1,\"time_ns\":0},"
		     "{\"name\":\"read\",\"fd\":-1,\"positive\":true,\"bytes\":700,\"calls\":1,"
		     "\"time_ns\":900}],\"rest_calls\":1,\"rest_time_ns\":0,"
		     "\"inside\":{\"name\":\"futex\",\"time_ns\":1000000}},"
		     "{\"cpu_ns\":20000000,\"wall_ns\":40000000,\"calls\":0,\"rows\":[],"
		     "\"inside\":{\"name\":\"readv\",\"fd\":5,\"time_ns\":40000000}}]}",
		't');
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not \"%s\" in: %s", lines[i], text);
	free(text);
}

static void descriptors_are_a_table(void **state)
{
	static const char *const lines[] = {
		"\nDescriptors, when its system calls were counted\n"
		"  fd 3       epoll, watches fd 4 (EPOLLIN|EPOLLHUP), fd 5 (EPOLLET, closed under "
		"this number), watches 20 in all\n",
		"  fd 4       unix socket, /run/x, ESTABLISHED, 7 bytes unread, the other end is "
		"in "
		"process 12\n",
		"  fd 5       TCP socket, 10.0.0.1:80, LISTEN, 2 to accept\n",
		"  fd 6       file, /a/b\\x1b, deleted, at byte 3 of 9\n",
		"  fd 7       pipe, the other end is closed\n",
		"  fd 8       eventfd, count 0\n",
		"  fd 9       timerfd, 2 expirations unread\n",
		"  fd 10      signalfd, SIGUSR1, a signal is pending\n",
		"  fd 11      anon_inode:[pidfd]\n",
		"  fd 12      closed\n",
	};
	char *text = shown(
		HEAD
		",\"descriptors\":[{\"fd\":3,\"kind\":\"epoll\",\"target\":\"anon_inode:x\","
		"\"watches\":[{\"fd\":4,\"events\":\"EPOLLIN|EPOLLHUP\"},{\"fd\":5,"
		"\"events\":\"EPOLLET\",\"stale\":true}],\"watches_total\":20},"
		"{\"fd\":4,\"kind\":\"socket\",\"protocol\":\"UNIX-STREAM\",\"path\":\"/run/x\","
		"\"state\":\"ESTABLISHED\",\"unread\":7,\"other_pid\":12},"
		"{\"fd\":5,\"kind\":\"socket\",\"protocol\":\"TCP\",\"local\":\"10.0.0.1:80\","
		"\"remote\":\"0.0.0.0:0\",\"state\":\"LISTEN\",\"unread\":2},"
		"{\"fd\":6,\"kind\":\"file\",\"target\":\"/a/b\\u001b\",\"deleted\":true,"
		"\"size\":9,\"position\":3},"
		"{\"fd\":7,\"kind\":\"pipe\",\"target\":\"pipe:[1]\",\"other_gone\":true},"
		"{\"fd\":8,\"kind\":\"eventfd\",\"count\":0},"
		"{\"fd\":9,\"kind\":\"timerfd\",\"ticks\":2},"
		"{\"fd\":10,\"kind\":\"signalfd\",\"signals\":\"SIGUSR1\",\"pending\":true},"
		"{\"fd\":11,\"kind\":\"anon\",\"target\":\"anon_inode:[pidfd]\"},"
		"{\"fd\":12,\"kind\":\"closed\"}]}",
		't');
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not \"%s\" in: %s", lines[i], text);
	free(text);
}

/* The headline has it between the location and the reaction. */
static void the_headline_says_why(void **state)
{
	char *text = shown(HEAD ",\"system_calls\":[{\"cpu_ns\":20000000,\"wall_ns\":20000000,"
				"\"calls\":0,\"rows\":[],\"inside\":null}]}",
			   't');

	(void)state;
	if (!strstr(text, "location is unknown. The thread made no system call in 20ms of CPU "
			  "time: it loops in user code. maze "))
		fail_msg("%s", text);
	free(text);
}

static void folded_names_have_no_separator(void **state)
{
	char *text = shown(hostile, 'f');

	(void)state;
	assert_null(strchr(text, ';'));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, "\\x0a\\x3b"));
	/* U+009B is a terminal's CSI, U+202E reverses what follows. */
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "\\u{009b}"));
	free(text);
}

static void names_are_escaped_in_pages(void **state)
{
	char *text = shown(hostile, 'h');

	(void)state;
	assert_null(strstr(text, "<img"));
	assert_null(strstr(text, "\xe2\x80\xa8"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_null(strchr(text, '\033'));
	/* As text, and as data of the script. */
	assert_non_null(strstr(text, "&lt;/script&gt;&lt;img src=x&gt;&amp;"));
	assert_non_null(strstr(text, "\\u003c/script\\u003e\\u003cimg src=x\\u003e\\u0026"));
	free(text);
}

static void letters_of_all_languages_reach_the_page(void **state)
{
	char *text = shown(HEAD ",\"rule\":\"r\xc3\xa8gle \xe6\xbc\xa2 \xf0\x9f\x90\x8c\"}", 'h');

	(void)state;
	assert_non_null(strstr(text, "r\xc3\xa8gle \xe6\xbc\xa2 \xf0\x9f\x90\x8c"));
	free(text);
}

/* hot() is called by middle() by loop() by main(); the samples lack some of these. */
/* clang-format off */
static const char *const unwound_once = HEAD
	",\"unwound\":{\"frames\":["
	HOT("1") "," F("middle") "," F("loop") "," F("main") "," F("_start") "]},\"stacks\":["
	STACK(HOT("1")) ","
	STACK(HOT("1") "," F("loop")) ","
	STACK("{\"function\":\"irq\",\"kernel\":true}," HOT("2")) ","
	STACK("{\"function\":\"twist\",\"inlined\":true}," HOT("1")) ","
	STACK(F("loop")) ","
	STACK(F("other")) ","
	STACK(HOT("1") "," F("wrong")) ","
	STACK(HOT("1") "," F("main") "," F("_start")) ","
	STACK(F("aside") "," F("loop")) "],\"samples\":["
	S("0") "," S("0") "," S("1") "," S("2") "," S("3") "," S("4") "," S("5") "," S("6") "," S("7")
	"," S("8") "]}";
/* clang-format on */

static void callers_that_samples_lack_come_from_the_unwound_stack(void **state)
{
	static const char *const lines[] = {
		"_start;main;loop;middle;hot 3\n",
		"_start;main;loop;middle;hot;irq_[k] 1\n",
		"_start;main;loop;middle;hot;twist 1\n",
		"_start;main;loop 1\n",
		"_start;main;loop;aside 1\n",
		/* The unwound stack does not have or not confirm these. */
		"\nother 1\n",
		"wrong;hot 1\n",
		/* This one has its outermost caller. */
		"_start;main;hot 1\n",
	};
	char *text = shown(unwound_once, 'f');
	struct incident *incident = taken(unwound_once);
	struct stacks *stacks = folded(incident);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s in %s", lines[i], text);
	free(text);
	assert_int_equal(stacks->joined, 7);
	/* The stack that is shown is still the sampled one. */
	assert_int_equal(stacks->hottest->stack->count, 1);
	assert_int_equal(stacks->hottest->depth, 5);
	stacks_free(stacks);
	incident_free(incident);
	text = shown(unwound_once, 'h');
	assert_non_null(strstr(text, "\"name\":\"middle\""));
	free(text);
}

static void a_frame_without_a_name_is_shown_by_its_offset(void **state)
{
	static const struct {
		struct incident_frame frame;
		const char *shown;
	} cases[] = {
		{ { .module = "/usr/bin/x", .offset = 0x1130, .has_offset = true }, "x+0x1130" },
		{ { .build_id = "ab", .offset = 0x10, .has_offset = true }, "+0x10" },
		/* An address of the vsyscall page. */
		{ { .offset = 0xffffffffff600000, .has_offset = true }, "0xffffffffff600000" },
		{ { .module = "[anon]", .address = "0x7f01" }, "0x7f01" },
		{ { .module = "[heap]" }, "[heap]" },
		{ { .line = 0 }, "(unknown)" },
	};
	size_t i;
	char *name;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name = shown_frame(&cases[i].frame);
		assert_string_equal(name, cases[i].shown);
		free(name);
	}
}

static void times_are_parsed_and_printed(void **state)
{
	char buf[UTC_LEN];
	long long ns, other;

	(void)state;
	assert_true(rfc3339_parse("2026-11-24T20:45:12.300Z", &ns));
	assert_string_equal(utc_format(ns, 3, buf), "2026-11-24 20:45:12.300");
	assert_string_equal(utc_format(ns, 0, buf), "2026-11-24 20:45:12");
	assert_true(rfc3339_parse("2026-11-24T21:45:12.3+01:00", &other));
	assert_true(ns == other);
	assert_false(rfc3339_parse("2026-11-24T20:45:12", &ns));
	assert_false(rfc3339_parse("2026-11-24T20:45:12.Z", &ns));
	assert_false(rfc3339_parse("1969-12-31T23:59:59Z", &ns));
	assert_false(rfc3339_parse("9999-12-31T23:59:59Z", &ns));
	assert_false(rfc3339_parse("yesterday", &ns));
}

static void a_path_is_not_an_id(void **state)
{
	char *ids[] = { (char *)"20261124T204512Z-4711-4713-0", (char *)"20261124T204703Z-22-22-0",
			(char *)"20261124T204703Z-22-22-10" };
	struct incident_dir dir = { .path = "d", .fd = -1, .ids = ids, .count = 3 };
	struct maze_error error;
	const char *id = NULL;

	(void)state;
	assert_int_equal(incident_dir_find(&dir, "../x", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, "", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, ".", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, "20261124", &id, &error), -ENOTUNIQ);
	assert_int_equal(incident_dir_find(&dir, "nothing", &id, &error), -ENOENT);
	assert_null(id);
	assert_int_equal(incident_dir_find(&dir, "20261124T2045", &id, &error), 0);
	assert_ptr_equal(id, ids[0]);
	/* An ID that is a prefix of another one still matches in full. */
	assert_int_equal(incident_dir_find(&dir, "20261124T204703Z-22-22-0", &id, &error), 0);
	assert_ptr_equal(id, ids[1]);
	assert_int_equal(incident_dir_find(&dir, "22-10", &id, &error), 0);
	assert_ptr_equal(id, ids[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearly_every_key_may_be_missing),
		cmocka_unit_test(unknown_keys_are_ignored),
		cmocka_unit_test(an_invalid_incident_is_refused_with_the_key),
		cmocka_unit_test(a_stack_of_too_many_frames_is_refused),
		cmocka_unit_test(a_file_that_is_too_large_or_missing_is_refused),
		cmocka_unit_test(stacks_are_folded_by_function),
		cmocka_unit_test(each_function_has_its_share),
		cmocka_unit_test(the_counts_of_the_tree_add_up),
		cmocka_unit_test(a_recursive_function_counts_once_a_sample),
		cmocka_unit_test(without_samples_there_is_no_hottest_stack),
		cmocka_unit_test(the_headline_has_the_python_function),
		cmocka_unit_test(a_native_stack_is_joined_with_the_python_stack),
		cmocka_unit_test(names_are_escaped_for_terminals),
		cmocka_unit_test(a_short_slice_has_no_rate),
		cmocka_unit_test(system_calls_are_a_table),
		cmocka_unit_test(descriptors_are_a_table),
		cmocka_unit_test(the_headline_says_why),
		cmocka_unit_test(folded_names_have_no_separator),
		cmocka_unit_test(names_are_escaped_in_pages),
		cmocka_unit_test(letters_of_all_languages_reach_the_page),
		cmocka_unit_test(callers_that_samples_lack_come_from_the_unwound_stack),
		cmocka_unit_test(a_frame_without_a_name_is_shown_by_its_offset),
		cmocka_unit_test(times_are_parsed_and_printed),
		cmocka_unit_test(a_path_is_not_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
