/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a report says beside the stacks: Python functions, system calls, descriptors,
 * progress, and why the thread loops.
 */
#include "report_case.h"

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
	size_t i, used = 0;

	if (!python_join(python_native(incident, stacks), stacks->python->hottest->stack, &joined))
		for (i = 0; i < joined.count; i++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
						 joined.frames[i].function);
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

/* Of four samples, `there` reach C code that Python called. */
static void assert_samples_joined(const char *there, const char *reads, const char *folded_as)
{
	struct python_joined joined = { 0 };
	struct incident *incident;
	struct stacks *stacks;
	char json[4096], *text = NULL;
	size_t size;
	FILE *stream;
	int err;

	snprintf(json, sizeof(json),
		 HEAD ",\"stacks\":[{\"frames\":[" NATIVE("sha256") "," EVAL "," NATIVE(
			 "main") "]},{\"frames\":[" EVAL
				 "," NATIVE("main") "]}],\"samples\":[%s],"
						    "\"python\":{\"stacks\":[{\"frames\":[" PYTHON(
							    "leaf", "a.py", 1,
							    false) "," MAIN "]},{\"frames\":[" MAIN
								   "]}],\"reads\":[%s]}}",
		 there, reads);
	incident = taken(json);
	stacks = folded(incident);
	err = python_join_samples(incident, stacks, &joined);
	if (folded_as) {
		assert_int_equal(err, 0);
		stream = open_memstream(&text, &size);
		assert_int_equal(report_folded(joined.stacks, stream), 0);
		fclose(stream);
		assert_string_equal(text, folded_as);
		free(text);
		python_joined_done(&joined);
	} else {
		assert_int_equal(err, -ENOENT);
	}
	stacks_free(stacks);
	incident_free(incident);
}

static void samples_are_joined_if_nearly_all_reads_have_one_stack(void **state)
{
	const char *const nine = S("0") "," S("0") "," S("0") "," S("0") "," S("0") "," S(
		"0") "," S("0") "," S("0") "," S("0");
	char reads[1024];

	(void)state;
	assert_samples_joined(
		S("0") "," S("0") "," S("1") "," S("0"), S("0"),
		"main;<module>;leaf;sha256 3\nmain;_PyEval_EvalFrameDefault.cold 1\n");
	assert_samples_joined(S("0") "," S("1") "," S("1"), S("0"), NULL);
	snprintf(reads, sizeof(reads), "%s," S("1"), nine);
	assert_samples_joined(S("0"), reads, "main;<module>;leaf;sha256 1\n");
	snprintf(reads, sizeof(reads), "%s," S("1") "," S("1"), nine);
	assert_samples_joined(S("0"), reads, NULL);
}

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

/* 2000 calls in 20 ms of CPU time are 100000 a second; times are shares of 40 ms. */
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

static void assert_progress(const char *progress, const char *sentence)
{
	char json[1024], *text;

	snprintf(json, sizeof(json), "%s,\"progress\":%s}", HEAD, progress);
	text = shown(json, 't');
	if (sentence ? !strstr(text, sentence) : strstr(text, "After the first") != NULL)
		fail_msg("not \"%s\" in: %s", sentence, text);
	free(text);
}

#define NO_CALLS "\"read_bytes\":0,\"written_bytes\":0,\"read_calls\":0,\"write_calls\":0"
#define NO_FAULTS "\"minor_faults\":0,\"major_faults\":0"
#define MEMORY(before, after) "\"resident_before_bytes\":" #before ",\"resident_bytes\":" #after
/* It has read 700 bytes by a call that is not in read_bytes. */
#define RECEIVED                                                                                   \
	"},\"system_calls\":[{\"cpu_ns\":20000000,\"calls\":1,\"rows\":[{\"name\":\"recvfrom\","   \
	"\"fd\":3,\"positive\":true,\"bytes\":700,\"calls\":1}]}],\"x\":{"

static void progress_is_a_sentence(void **state)
{
	(void)state;
	assert_progress(
		"{\"cpu_ns\":2000000000," NO_CALLS "," NO_FAULTS
		",\"voluntary_switches\":0," MEMORY(4096, 4096) "}",
		"\n\nAfter the first verdict, in 2s of CPU time, the thread read 0 bytes in "
		"0 calls, wrote 0 bytes in 0 calls, had 0 page faults and slept 0 times; the "
		"resident memory of the process stayed at 4096 bytes: no progress that these "
		"counters show.\n");
	assert_progress(
		"{\"read_bytes\":42123456789,\"written_bytes\":1,\"read_calls\":1,"
		"\"minor_faults\":3,\"major_faults\":1,\"voluntary_switches\":1," MEMORY(
			12345678, 2345678) "}",
		"verdict, the thread read 42.1 GB in 1 call, wrote 1 byte, had 4 page faults "
		"(1 major) and slept 1 time; the resident memory of the process shrank by "
		"10.0 MB.\n");
	assert_progress("{\"from\":\"2026-11-24T20:45:12.5Z\",\"to\":\"2026-11-24T20:45:14Z\","
			"\"read_bytes\":9999," MEMORY(1, 10001) "}",
			"After the first verdict, in 1s 500ms, the thread read 9999 bytes; the "
			"resident memory of the process grew by 10.0 kB.\n");
	assert_progress("{\"minor_faults\":9223372036854775807,\"major_faults\":1}",
			"had 9223372036854775807 page faults (1 major).\n");
	/* A missing number is not 0, and memory alone is not what the thread did. */
	assert_progress("{" NO_CALLS "," NO_FAULTS "}", "had 0 page faults.\n");
	assert_progress("{\"read_bytes\":0," NO_FAULTS "," MEMORY(1, 1) "}", "stayed at 1 byte.\n");
	assert_progress("{" MEMORY(1, 1) "}", NULL);
	assert_progress("null", NULL);
	/* The counters leave recv(2) out. */
	assert_progress("{" NO_CALLS "," NO_FAULTS "," MEMORY(1, 1) RECEIVED "}", "at 1 byte.\n");
	assert_progress("{" NO_CALLS "," NO_FAULTS "," MEMORY(1, 1) "}", "counters show.\n");
}

static void descriptors_are_a_table(void **state)
{
	static const char *const lines[] = {
		("\nDescriptors, when its system calls were counted\n"
		 "  fd 3       epoll, watches fd 4 (EPOLLIN|EPOLLHUP), fd 5 (EPOLLET, closed under "
		 "this number), watches 20 in all\n"),
		("  fd 4       unix socket, /run/x, ESTABLISHED, 7 bytes unread, the other end is "
		 "in process 12\n"),
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

#define RUN(time, wall, more)                                                                      \
	"{\"time\":\"2026-11-24T20:45:" time "Z\",\"wall_ns\":" #wall "000000,\"cpu\":3" more "}"
#define PREEMPTED(comm, tid)                                                                       \
	",\"end\":\"preempted\",\"other_comm\":\"" comm "\",\"other_tid\":" #tid

static void assert_schedule(const char *schedule, const char *sentence)
{
	char json[2048], *text;

	snprintf(json, sizeof(json), "%s,\"schedule\":%s}", HEAD, schedule);
	text = shown(json, 't');
	if (!strstr(text, sentence))
		fail_msg("not \"%s\" in: %s", sentence, text);
	free(text);
}

static void the_schedule_is_a_fact(void **state)
{
	struct maze_error error = { "" };
	struct incident *incident;
	const char *hostile = HEAD ",\"schedule\":{\"runs\":[{\"wall_ns\":9223372036854775807}]}}";

	(void)state;
	assert_schedule("null,\"maze\":{\"engine\":\"poll\"}",
			" schedule   unknown; only the bpf engine records it\n");
	assert_schedule("{\"runs\":[" RUN("10", 9800, "") "]}",
			" schedule   ran for 9s 800ms without a break, on CPU 3\n");
	assert_schedule(
		"{\"runs\":[" RUN("10", 500, PREEMPTED("cc1", 7)) "," RUN(
			"11", 1000,
			PREEMPTED(
				"as",
				8) ",\"waited_ns\":500000000") "," RUN("12.5", 10,
								       PREEMPTED(
									       "cc1",
									       7)) "," RUN("13", 20,
											   ",\"end"
											   "\":"
											   "\"lock"
											   "\"") "," RUN("14",
													 500,
													 "") "],\"runs_missed\":2}",
		" schedule   in the last 4s 500ms, ran for 2s 30ms, at most 1s without a break, on "
		"CPU "
		"3; "
		"preempted 3 times, 2 of them by cc1 (TID 7); waited for a lock 1 time; waited "
		"500ms for a CPU; 2 more runs were missed\n");
	assert_int_equal(incident_parse(hostile, strlen(hostile), &incident, &error), -EINVAL);
	assert_true(strstr(error.text, "wall_ns") != NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_headline_has_the_python_function),
		cmocka_unit_test(a_native_stack_is_joined_with_the_python_stack),
		cmocka_unit_test(samples_are_joined_if_nearly_all_reads_have_one_stack),
		cmocka_unit_test(a_short_slice_has_no_rate),
		cmocka_unit_test(system_calls_are_a_table),
		cmocka_unit_test(progress_is_a_sentence),
		cmocka_unit_test(the_schedule_is_a_fact),
		cmocka_unit_test(descriptors_are_a_table),
		cmocka_unit_test(the_headline_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
