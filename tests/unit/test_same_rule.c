/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One rule, three compilations: each step that user space takes (replay/, or the generator
 * of property_case.h) is taken again by the object code of the kernel module and by the bpf
 * engine's object in the kernel. Accounts and verdicts must be equal, byte for byte. The
 * steps are those of
 *   - the traces in tests/traces, recorded from the conformance scenarios;
 *   - a trace that is recorded now, of some programs and all else on this machine;
 *   - random schedules.
 *
 * usage: test_same_rule [DIRECTORY OF TRACES]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/kmod/module/step.h"
#include "lib/schedule.h"
#include "replay_case.h"
#include "same_rule.h"
#include "skip.h"

static struct maze_verdict property_step(const struct maze_policy *policy,
					 struct maze_account *account,
					 const struct maze_sample *sample);
#include "property_case.h"

#define RANDOM_STEPS 30000
#define MS MAZE_NSEC_PER_MSEC
#define LOCK(ratio) ((ratio) | MAZE_RECOVERY_LOCK)
/* Without the padding at the end. */
#define VERDICT_BYTES (offsetof(struct maze_verdict, ended) + sizeof(maze_u32))

/* The thunks that an object of Kbuild calls, see tests/vm/check-replay. */
#ifdef __x86_64__
__asm__(".pushsection .text\n"
	".globl __fentry__, __x86_return_thunk\n"
	"__fentry__:\n"
	"__x86_return_thunk: ret\n"
	".popsection\n");
#endif

/* Those of the scenarios, and more, each for all threads of each trace. */
static const struct maze_policy policies[] = {
	{ .soft_ns = 100 * MS, .hard_ns = 200 * MS, .recovery = MAZE_RECOVERY_INF },
	{ .soft_ns = 2 * MS, .hard_ns = 2 * MS, .recovery = MAZE_RECOVERY_INF },
	{ .hard_ns = 50 * MS, .recovery = MAZE_RECOVERY_INF, .flags = MAZE_POLICY_YIELD_COUNTS },
	{ .soft_ns = 20 * MS, .recovery = MAZE_RECOVERY_ONE },
	{ .soft_ns = 10 * MS, .hard_ns = 60 * MS, .recovery = LOCK(MAZE_RECOVERY_ONE / 20) },
	{ .soft_ns = 10 * MS, .hard_ns = 20 * MS, .recovery = LOCK(9 * MAZE_RECOVERY_ONE) },
	{ .recovery = MAZE_RECOVERY_INF, .flags = MAZE_POLICY_OBSERVE },
};

/* Takes the steps: writes the account after each and the verdict. */
struct taker {
	const char *name;
	void (*take)(struct rule_step *steps, size_t count);
};

static struct {
	const struct taker *taker;
	const char *source;
	struct rule_step steps[RULE_STEPS];	  /* as they are before user space takes them */
	struct maze_account accounts[RULE_STEPS]; /* after it has */
	struct maze_verdict verdicts[RULE_STEPS];
	size_t count;
	maze_u64 before; /* steps of this source that were compared before these */
	maze_u64 total, verdict_total;
} batch;

static const char *traces = "tests/traces";

/* ---- the takers ------------------------------------------------------------------------ */

static void take_in_module(struct rule_step *steps, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		step_account(&steps[i].policy, &steps[i].account, &steps[i].sample,
			     &steps[i].verdict);
}

static struct {
	struct bpf_object *object;
	int program;
	struct rule_step *steps;
	char why_not[256];
} bpf;

static void take_in_bpf(struct rule_step *steps, size_t count)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	memcpy(bpf.steps, steps, count * sizeof(*steps));
	assert_int_equal(bpf_prog_test_run_opts(bpf.program, &options), 0);
	assert_int_equal(options.retval, 0);
	memcpy(steps, bpf.steps, count * sizeof(*steps));
}

static const struct taker module = { "the module", take_in_module };
static const struct taker engine = { "the bpf engine", take_in_bpf };

/* Of the engine's object, only what take_steps() calls is loaded. */
static int load_bpf(void **state)
{
	const char *build = getenv("BUILD");
	struct bpf_program *program = NULL;
	struct bpf_map *map = NULL;
	char path[4096];
	int err;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/unit/same_rule.bpf.o", build ? build : "build");
	bpf.object = bpf_object__open_file(path, NULL);
	assert_non_null(bpf.object);
	while ((program = bpf_object__next_program(bpf.object, program)))
		bpf_program__set_autoload(program,
					  !strcmp(bpf_program__name(program), "take_steps"));
	while ((map = bpf_object__next_map(bpf.object, map)))
		bpf_map__set_autocreate(map, bpf_map__is_internal(map) ||
						     !strcmp(bpf_map__name(map), "rule_steps"));
	err = bpf_object__load(bpf.object);
	if (err == -EPERM || err == -ENOSYS) {
		snprintf(bpf.why_not, sizeof(bpf.why_not), "cannot load BPF programs: %s",
			 strerror(-err));
		return 0;
	}
	assert_int_equal(err, 0);
	program = bpf_object__find_program_by_name(bpf.object, "take_steps");
	map = bpf_object__find_map_by_name(bpf.object, "rule_steps");
	bpf.program = bpf_program__fd(program);
	bpf.steps = mmap(NULL, RULE_STEPS * sizeof(*bpf.steps), PROT_READ | PROT_WRITE, MAP_SHARED,
			 bpf_map__fd(map), 0);
	assert_ptr_not_equal(bpf.steps, MAP_FAILED);
	return 0;
}

static int unload_bpf(void **state)
{
	(void)state;
	bpf_object__close(bpf.object);
	return 0;
}

/* ---- the comparison ---------------------------------------------------------------------- */

static size_t common_bytes(const void *a, const void *b, size_t size)
{
	const char *first = a, *second = b;
	size_t i = 0;

	while (i < size && first[i] == second[i])
		i++;
	return i;
}

static void compare_step(size_t i)
{
	const struct rule_step *step = &batch.steps[i];
	size_t account = common_bytes(&step->account, &batch.accounts[i], sizeof(step->account));
	size_t verdict = common_bytes(&step->verdict, &batch.verdicts[i], VERDICT_BYTES);

	if (account == sizeof(step->account) && verdict == VERDICT_BYTES)
		return;
	fail_msg("%s, step %llu (act %u at %llu ns): %s has another %s, from byte %zu on",
		 batch.source, batch.before + i + 1, step->sample.act, step->sample.runtime_ns,
		 batch.taker->name, account < sizeof(step->account) ? "account" : "verdict",
		 account < sizeof(step->account) ? account : verdict);
}

static void compare(void)
{
	size_t i;

	batch.taker->take(batch.steps, batch.count);
	for (i = 0; i < batch.count; i++) {
		compare_step(i);
		batch.verdict_total += batch.verdicts[i].due != 0;
	}
	batch.before += batch.count;
	batch.total += batch.count;
	batch.count = 0;
}

static void add_step(void *arg, const struct replay_step *step)
{
	(void)arg;
	memset(&batch.steps[batch.count], 0, sizeof(batch.steps[batch.count]));
	batch.steps[batch.count].policy = *step->policy;
	batch.steps[batch.count].sample = *step->sample;
	batch.steps[batch.count].account = *step->before;
	batch.accounts[batch.count] = *step->after;
	batch.verdicts[batch.count] = *step->verdict;
	if (++batch.count == RULE_STEPS)
		compare();
}

static struct maze_verdict property_step(const struct maze_policy *policy,
					 struct maze_account *account,
					 const struct maze_sample *sample)
{
	struct maze_account before = *account;
	struct maze_verdict verdict = maze_step(policy, account, sample);

	add_step(NULL, &(struct replay_step){ policy, sample, &before, account, &verdict });
	return verdict;
}

static void begin_source(const char *name)
{
	batch.source = name;
	batch.before = 0;
}

static void begin_run(const struct taker *taker)
{
	if (taker == &engine && !bpf.steps)
		skip_because("%s", bpf.why_not);
	batch.taker = taker;
	batch.count = 0;
	batch.total = batch.verdict_total = 0;
}

static void end_run(const char *what, size_t count)
{
	print_message("# %zu %s: %llu steps and %llu verdicts are the same in user space and in "
		      "%s\n",
		      count, what, batch.total, batch.verdict_total, batch.taker->name);
	assert_true(batch.verdict_total > 0);
}

/* ---- traces ------------------------------------------------------------------------------ */

static const struct replay_watch *choose(void *arg, const struct replay_subject *subject)
{
	(void)subject;
	return arg;
}

static int ignore_record(void *arg, const struct maze_record *record)
{
	(void)arg;
	(void)record;
	return 0;
}

static void replay_under(int fd, const struct maze_policy *policy)
{
	struct replay_watch watch = { .policy = *policy };
	struct replay_calls calls = {
		.choose = choose,
		.on_record = ignore_record,
		.on_step = add_step,
		.choose_arg = &watch,
	};

	replay_all(&calls, fd, batch.source);
	compare();
}

static void replay_trace(int fd, const char *name)
{
	size_t i;

	begin_source(name);
	for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		assert_int_equal(maze_policy_check(&policies[i]), MAZE_POLICY_OK);
		replay_under(fd, &policies[i]);
	}
}

/* Returns a file that the caller closes. */
static int unpack(const char *path)
{
	int fd = memfd_create("trace", MFD_CLOEXEC), got;
	gzFile packed = gzopen(path, "re");
	char data[16384];

	assert_true(fd >= 0);
	assert_non_null(packed);
	while ((got = gzread(packed, data, sizeof(data))) > 0)
		assert_int_equal(write(fd, data, (size_t)got), got);
	assert_int_equal(got, 0);
	gzclose(packed);
	return fd;
}

static void replay_recorded(const struct taker *taker)
{
	char pattern[4096];
	glob_t found;
	size_t i;
	int fd;

	begin_run(taker);
	snprintf(pattern, sizeof(pattern), "%s/*.trace.gz", traces);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		fd = unpack(found.gl_pathv[i]);
		replay_trace(fd, found.gl_pathv[i]);
		close(fd);
	}
	end_run("recorded traces", found.gl_pathc);
	globfree(&found);
}

static void recorded_traces_are_the_same_in_the_module(void **state)
{
	(void)state;
	replay_recorded(&module);
}

static void recorded_traces_are_the_same_in_the_bpf_engine(void **state)
{
	(void)state;
	replay_recorded(&engine);
}

/* Runs programs of the scenarios, which use a quarter of a second of CPU time. */
static void record(FILE *out)
{
	static const char commands[] =
		"cd \"${PROGRAMS:-build/tests/programs}\" && "
		"./sleep_now_and_then --work-ms 15 --sleep-ms 1 --rounds 4 && "
		"./sleep_now_and_then --lock --work-ms 15 --sleep-ms 1 --rounds 4 && "
		"./yielder --for-ms 60 --wall-ms 30000 && "
		"./forker --child-ms 30";
	struct schedule *schedule;
	struct maze_error error = { "" };
	int err = schedule_open(out, &schedule, &error);

	if (err == -EPERM || err == -EOPNOTSUPP)
		skip_because("%s", error.text);
	assert_int_equal(err, 0);
	err = system(commands); /* NOLINT(bugprone-command-processor) */
	if (schedule_stop(schedule, &error))
		fail_msg("%s", error.text);
	schedule_close(schedule);
	assert_int_equal(err, 0);
}

static void a_new_trace_is_the_same_in_all(void **state)
{
	FILE *out = tmpfile();

	(void)state;
	assert_non_null(out);
	begin_run(&engine);
	record(out);
	assert_int_equal(fflush(out), 0);
	replay_trace(fileno(out), "the new trace");
	end_run("new trace", 1);
	begin_run(&module);
	replay_trace(fileno(out), "the new trace");
	end_run("new trace", 1);
	fclose(out);
}

/* ---- random schedules --------------------------------------------------------------------- */

static void take_random(const struct taker *taker)
{
	begin_run(taker);
	begin_source("the random schedules");
	run_random_schedules(RANDOM_STEPS);
	compare();
	end_run("seed", 1);
}

static void random_schedules_are_the_same_in_the_module(void **state)
{
	(void)state;
	take_random(&module);
}

static void random_schedules_are_the_same_in_the_bpf_engine(void **state)
{
	(void)state;
	take_random(&engine);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_traces_are_the_same_in_the_module),
		cmocka_unit_test(recorded_traces_are_the_same_in_the_bpf_engine),
		cmocka_unit_test(a_new_trace_is_the_same_in_all),
		cmocka_unit_test(random_schedules_are_the_same_in_the_module),
		cmocka_unit_test(random_schedules_are_the_same_in_the_bpf_engine),
	};

	if (argc > 1)
		traces = argv[1];
	return cmocka_run_group_tests(tests, load_bpf, unload_bpf);
}
