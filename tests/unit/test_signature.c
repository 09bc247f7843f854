/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of incidents: which functions they have, that they are the same for incidents of
 * one bug, and that they can be found in the begin of a file.
 */
#include "report_case.h"

#include <jansson.h>

#include "../../lib/signature.h"
#include "../../report/incident_dir.h"

#define M(name, module) "{\"function\":\"" name "\",\"module\":\"" module "\"}"
#define U(module, offset) "{\"module\":\"" module "\",\"offset\":" offset "}"
#define D(name) M(name, "/l")
#define LIBC M("read", "/usr/lib/libc.so.6")
#define VDSO M("getpid", "[vdso]")
#define K(name) "{\"function\":\"" name "\",\"kernel\":true,\"address\":\"0x1\"}"
#define Y(name, file) "{\"function\":\"" name "\",\"file\":\"/srv/" file "\",\"line\":7}"
#define LOOP "\"process\":{\"exe\":\"/usr/bin/loop\",\"comm\":\"main\"}"
#define STACKS(process, stacks, samples)                                                           \
	"{" process ",\"stacks\":[" stacks "],\"samples\":[" samples "]"
#define REST D("outer") "," D("main") "," D("_start")

static void expect(const char *text, const char *signature)
{
	json_t *object = json_loads(text, 0, NULL);
	char buf[SIGNATURE_LEN] = "";

	if (!object)
		fail_msg("not JSON: %s", text);
	if (signature_of_incident(object, buf) != !!signature)
		fail_msg("\"%s\" for %s", buf, text);
	if (signature && strcmp(buf, signature) != 0)
		fail_msg("\"%s\", not \"%s\"", buf, signature);
	json_decref(object);
}

static void it_has_the_program_and_its_innermost_functions(void **state)
{
	(void)state;
	expect(STACKS(LOOP, STACK(D("inner") "," D("middle") "," REST), S("0")) "}",
	       "loop: inner < middle < outer");
	/* Kernel, vDSO and C library are not the program's. */
	expect(STACKS(LOOP,
		      STACK(K("read") "," VDSO "," LIBC "," D("inner") "," LIBC "," D("main")),
		      S("0")) "}",
	       "loop: inner < main");
	/* Recursion has many depths, and one signature. */
	expect(STACKS(LOOP, STACK(D("fib") "," D("fib") "," D("fib") "," D("main")), S("0")) "}",
	       "loop: fib < main");
	/* The offset of a function without a name varies from sample to sample. */
	expect(STACKS(LOOP, STACK(U("/opt/libx.so", "17") "," U("/opt/libx.so", "4711") "," REST),
		      S("0")) "}",
	       "loop: libx.so < outer < main");
	expect(STACKS(LOOP, STACK(U("/tmp/perf-4711.map", "1") "," REST), S("0")) "}",
	       "loop: [jit] < outer < main");
	/* The tier of the compiler changes while a function runs. */
	expect(STACKS(LOOP, STACK(M("JS:~spin /a.js:1:2", "/tmp/perf-1.map")), S("0")) "}",
	       "loop: spin /a.js:1:2");
	expect(STACKS(LOOP, STACK(M("JS:*spin /a.js:1:2", "/tmp/perf-2.map")), S("0")) "}",
	       "loop: spin /a.js:1:2");
	expect(STACKS("\"process\":{\"exe\":\"/usr/bin/loop (deleted)\"}", STACK(F("f")),
		      S("0")) "}",
	       "loop: f");
	expect(STACKS("\"process\":{\"exe\":null,\"comm\":\"a name\"}", STACK(F("f")), S("0")) "}",
	       "a name: f");
	expect(STACKS("\"process\":{}", STACK(F("f")), S("0")) "}", "?: f");
}

static void it_begins_where_nearly_all_samples_are(void **state)
{
	/* A loop calls two functions: which of them is hotter must not matter. */
	static const char a_is_hotter[] = STACKS(
		LOOP, STACK(D("a") "," REST) "," STACK(D("b") "," REST) "," STACK(LIBC "," REST),
		S("0") "," S("0") "," S("1") "," S("2")) "}";
	static const char b_is_hotter[] = STACKS(
		LOOP, STACK(D("a") "," REST) "," STACK(D("b") "," REST) "," STACK(LIBC "," REST),
		S("0") "," S("1") "," S("1") "," S("1")) "}";

	(void)state;
	expect(a_is_hotter, "loop: outer < main");
	expect(b_is_hotter, "loop: outer < main");
	/* Nine in ten are nearly all. */
	expect(STACKS(LOOP, STACK(D("a") "," REST) "," STACK(REST),
		      S("0") "," S("0") "," S("0") "," S("0") "," S("0") "," S("0") "," S(
			      "0") "," S("0") "," S("0") "," S("1")) "}",
	       "loop: a < outer < main");
	/* Samples that have no function of the program say nothing of its loop. */
	expect(STACKS(LOOP, STACK(LIBC) "," STACK(D("a") "," REST),
		      S("0") "," S("0") "," S("1")) "}",
	       "loop: a < outer < main");
	/* Without a common function, it is the hottest one. */
	expect(STACKS(LOOP, STACK(F("a")) "," STACK(F("b")), S("0") "," S("1") "," S("1")) "}",
	       "loop: b");
}

static void callers_come_from_the_unwound_stack_if_the_samples_lack_them(void **state)
{
	static const char unwound[] = ",\"unwound\":{\"frames\":[" F("x") "," F("inner") "," F(
		"middle") "," F("outer") "]}}";
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", STACKS(LOOP, STACK(F("inner")), S("0")), unwound);
	expect(text, "loop: inner < middle < outer");
	/* The next frame is wrong, not missing. */
	snprintf(text, sizeof(text), "%s%s",
		 STACKS(LOOP, "{\"astray\":true,\"frames\":[" F("inner") "," F("y") "," F("z") "]}",
			S("0")),
		 unwound);
	expect(text, "loop: inner < middle < outer");
	/* A moment later, the thread may be in another function. */
	snprintf(text, sizeof(text), "%s%s", STACKS(LOOP, STACK(F("a") "," F("b")), S("0")),
		 unwound);
	expect(text, "loop: a < b");
	snprintf(text, sizeof(text), "%s%s", STACKS(LOOP, "", ""), unwound);
	expect(text, "loop: x < inner < middle");
}

static void python_functions_replace_those_of_the_interpreter(void **state)
{
	(void)state;
	expect(STACKS("\"process\":{\"exe\":\"/usr/bin/python3.11\"}",
		      STACK(M("_PyEval_EvalFrameDefault", "/usr/bin/python3.11")),
		      S("0")) ","
			      "\"python\":{\"version\":\"3.11.2\",\"stacks\":[" STACK(
				      Y("poll", "jobs.py") "," Y("run", "jobs.py") "," Y(
					      "<module>",
					      "main.py")) "],\"reads\":[" S("0") "," S("0") "]}}",
	       "python3.11: poll (jobs.py) < run (jobs.py) < <module> (main.py)");
	expect(STACKS("\"process\":{\"exe\":\"/usr/bin/python3.11\"}", STACK(F("eval")),
		      S("0")) ","
			      "\"python\":{\"stacks\":[],\"reads\":[]}}",
	       "python3.11: eval");
}

static void that_of_a_group_is_that_of_its_largest_consumer(void **state)
{
	(void)state;
	expect(STACKS("\"process\":{\"exe\":\"/usr/bin/make\"}",
		      STACK(F("parse")) "," STACK(F("b")),
		      "{\"stack\":0,\"consumer\":0},{\"stack\":1,\"consumer\":1},"
		      "{\"stack\":1,\"consumer\":1}") ","
						      "\"group\":{\"consumers\":[{\"process\":{"
						      "\"exe\":\"/usr/lib/cc1\"}},{}]}}",
	       "cc1: parse");
}

static void without_a_function_there_is_none(void **state)
{
	(void)state;
	expect("{}", NULL);
	expect("[]", NULL);
	expect(STACKS(LOOP, "", "") "}", NULL);
	expect(STACKS(LOOP, STACK(K("a") "," LIBC), S("0")) "}", NULL);
	expect(STACKS(LOOP, STACK(F("a")), "") "}", NULL);
	/* Wrong types and indexes are ignored here; reports refuse them. */
	expect(STACKS(LOOP, STACK(F("a")), S("1") "," S("-1") ",7") "}", NULL);
	expect("{\"stacks\":{},\"samples\":7,\"unwound\":[],\"process\":\"x\"}", NULL);
	expect(STACKS(LOOP, "7,{\"frames\":7},{\"frames\":[7,null]}",
		      S("0") "," S("1") "," S("2")) "}",
	       NULL);
}

static void long_names_are_cut_between_characters(void **state)
{
	char buf[SIGNATURE_LEN], name[600] = "", text[4096];
	json_t *object;
	size_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		memcpy(name + 2 * i, "\xc3\xa9", 3);
	snprintf(text, sizeof(text),
		 "{\"process\":{\"exe\":\"/"
		 "%s\"},\"samples\":[{\"stack\":0}],\"stacks\":[{\"frames\":["
		 "{\"function\":\"%s\"},{\"function\":\"%s2\",\"module\":\"/%s\"},{\"module\":\"/"
		 "x\"}]}]}",
		 name, name, name, name);
	object = json_loads(text, 0, NULL);
	assert_true(signature_of_incident(object, buf));
	assert_true(strlen(buf) < SIGNATURE_LEN - 1);
	json_decref(object);
	object = json_string(buf);
	assert_non_null(object);
	json_decref(object);
}

/* ---- in a directory ------------------------------------------------------------------- */

static void put_file(const char *dir, const char *id, const char *format, ...)
{
	char path[256], text[4096];
	va_list args;
	FILE *file;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s.json", dir, id);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define BEGIN "{\"version\":1,\"id\":\"%s\",\"signature\":%s,\"records\":[{\"event\":\"soft\"}]}"
#define OLD                                                                                        \
	"{\"version\":1,\"id\":\"%s\",\"records\":[{\"event\":\"soft\"}],\"process\":{\"comm\":"   \
	"\"a\"},"                                                                                  \
	"\"stacks\":[{\"frames\":[{\"function\":\"f\"}]}],\"samples\":[{\"stack\":0}]}"

static void an_incident_names_the_first_with_its_signature(void **state)
{
	static const char *const ids[] = { "20260101T000000Z-1", "20260102T000000Z-1",
					   "20260103T000000Z-1", "20260104T000000Z-1",
					   "20260105T000000Z-1", "20260106T000000Z-1" };
	char path[] = "/tmp/maze-signature-XXXXXX", signature[SIGNATURE_LEN], file[256];
	struct maze_error error = { "" };
	struct incident *incident;
	struct incident_dir dir;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(path));
	put_file(path, ids[0], BEGIN, ids[0], "null");
	put_file(path, ids[1], OLD, ids[1]);
	put_file(path, ids[2], BEGIN, ids[2], "\"b: \\\"g\\\\ \\u00e9\"");
	put_file(path, ids[3], BEGIN, ids[3], "\"a: f\"");
	put_file(path, ids[4], "garbage");
	put_file(path, ids[5], OLD, ids[5]);
	assert_int_equal(incident_dir_open(path, &dir, &error), 0);
	assert_int_equal(incident_dir_signature(&dir, ids[0], signature, &error), 0);
	assert_string_equal(signature, "");
	assert_int_equal(incident_dir_signature(&dir, ids[1], signature, &error), 0);
	assert_string_equal(signature, "a: f");
	assert_int_equal(incident_dir_signature(&dir, ids[2], signature, &error), 0);
	assert_string_equal(signature, "b: \"g\\ \xc3\xa9");
	assert_int_equal(incident_dir_signature(&dir, ids[4], signature, &error), -EINVAL);
	for (i = 0; i < 6; i++) {
		if (i == 4)
			continue;
		assert_int_equal(incident_dir_load(&dir, ids[i], &incident, &error), 0);
		incident_dir_note_repeats(&dir, incident, ids[i]);
		assert_int_equal(incident->repeated, i == 3 ? 1 : i == 5 ? 2 : 0);
		assert_string_equal(incident->repeats, i == 3 || i == 5 ? ids[1] : "");
		incident_free(incident);
	}
	incident_dir_close(&dir);
	for (i = 0; i < 6; i++) {
		snprintf(file, sizeof(file), "%s/%s.json", path, ids[i]);
		unlink(file);
	}
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_program_and_its_innermost_functions),
		cmocka_unit_test(it_begins_where_nearly_all_samples_are),
		cmocka_unit_test(callers_come_from_the_unwound_stack_if_the_samples_lack_them),
		cmocka_unit_test(python_functions_replace_those_of_the_interpreter),
		cmocka_unit_test(that_of_a_group_is_that_of_its_largest_consumer),
		cmocka_unit_test(without_a_function_there_is_none),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(an_incident_names_the_first_with_its_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
