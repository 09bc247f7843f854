/* SPDX-License-Identifier: GPL-2.0-only */
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"
#include "json_get.h"

/* Bytes of a name. The templates of C++ have names of many hundred bytes. */
#define NAME_MAX_BYTES 128
/* As in report/stacks.c: the tenth sample in ten may be outside of the loop. */
#define COMMON_TENTHS 9
/* These bound time and memory. A loop is not as far from the innermost function. */
#define DEPTH_MAX 64
/* maze writes fewer, also of three consumers. */
#define STACKS_MAX 1024

/* A function of the program itself. Strings belong to the JSON. */
struct own {
	const char *function; /* NULL: only the module is known */
	const char *place;    /* the module; of Python, the file */
};

struct own_stack {
	struct own owns[DEPTH_MAX];
	size_t count, samples;
	bool astray;
};

/* Where the stacks of the thread are. */
struct sources {
	const json_t *stacks, *samples, *unwound, *process;
	long long consumer; /* only samples with this consumer; -1: all */
	bool python;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool begins_with_any(const char *text, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(text, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

/* Code that every program has below or above its own. */
static bool is_common_code(const char *function, const char *module)
{
	static const char *const modules[] = { "[vdso]",     "[vsyscall]", "libc.so",  "libc-2.",
					       "libc.musl",  "ld-linux",   "ld-musl-", "ld-2.",
					       "libpthread", NULL };
	static const char *const starts[] = { "_start", "__libc_start", "start_thread",
					      "clone",	"__clone",	"__GI___clone",
					      NULL };

	return (module && begins_with_any(last_part(module), modules)) ||
	       (function && begins_with_any(function, starts));
}

/* V8 writes how far it has compiled a function before the name, which changes: "JS:*spin". */
static const char *skip_tier(const char *function)
{
	static const char *const kinds[] = { "JS:", "LazyCompile:", "Function:", NULL };
	const char *name;

	if (!begins_with_any(function, kinds))
		return function;
	name = strchr(function, ':') + 1;
	return *name && strchr("~*^+", *name) && name[1] ? name + 1 : name;
}

static bool same(const struct own *a, const struct own *b)
{
	if (!a->function != !b->function || !a->place != !b->place)
		return false;
	return (!a->function || !strcmp(a->function, b->function)) &&
	       (!a->place || !strcmp(a->place, b->place));
}

/* Gets the function of a frame. False: it is not of the program. */
static bool get_own(const json_t *frame, bool python, struct own *ret_own)
{
	const char *function = json_text(frame, "function");
	const char *module = json_text(frame, python ? "file" : "module");

	if (function && !function[0])
		function = NULL;
	if (json_is_true(json_object_get(frame, "kernel")) || (!function && !module))
		return false;
	if (!python && is_common_code(function, module))
		return false;
	/* The map of generated code has the PID in its name. */
	if (!python && module && strstr(module, "/perf-"))
		module = "[jit]";
	*ret_own = (struct own){ function ? skip_tier(function) : NULL,
				 module ? last_part(module) : NULL };
	return true;
}

/* Gets the program's functions, innermost first. A recursive function counts once in a row. */
static void get_stack(const json_t *stack, bool python, struct own_stack *ret_stack)
{
	const json_t *frames = json_object_get(stack, "frames");
	size_t i, n = 0;

	for (i = 0; i < json_array_size(frames) && n < DEPTH_MAX; i++)
		if (get_own(json_array_get(frames, i), python, &ret_stack->owns[n]) &&
		    (!n || !same(&ret_stack->owns[n - 1], &ret_stack->owns[n])))
			n++;
	ret_stack->count = n;
	ret_stack->astray = json_is_true(json_object_get(stack, "astray"));
}

/* Returns how many functions are from this one outwards; 0: the stack lacks it. */
static size_t find(const struct own_stack *stack, const struct own *own)
{
	size_t i;

	for (i = 0; i < stack->count && !same(&stack->owns[i], own); i++)
		;
	return stack->count - i;
}

static void count_samples(const struct sources *sources, struct own_stack *stacks, size_t count)
{
	const json_t *sample, *consumer, *index;
	json_int_t stack;
	size_t i;

	for (i = 0; i < json_array_size(sources->samples); i++) {
		sample = json_array_get(sources->samples, i);
		consumer = json_object_get(sample, "consumer");
		index = json_object_get(sample, "stack");
		stack = json_is_integer(index) ? json_integer_value(index) : -1;
		if (stack >= 0 && (size_t)stack < count &&
		    (sources->consumer < 0 || json_integer_value(consumer) == sources->consumer))
			stacks[stack].samples++;
	}
}

/* Gets the functions of the stacks, and returns the hottest that has some; NULL: none. */
static struct own_stack *get_stacks(const struct sources *sources, struct own_stack *stacks,
				    size_t count)
{
	struct own_stack *hottest = NULL;
	size_t i;

	count_samples(sources, stacks, count);
	for (i = 0; i < count; i++) {
		if (!stacks[i].samples)
			continue;
		get_stack(json_array_get(sources->stacks, i), sources->python, &stacks[i]);
		if (stacks[i].count && (!hottest || stacks[i].samples > hottest->samples))
			hottest = &stacks[i];
	}
	return hottest;
}

/*
 * Returns the index of the innermost function of the hottest stack that nearly all samples
 * have. Samples without a function of the program do not count.
 */
static size_t find_loop(const struct own_stack *stacks, size_t count,
			const struct own_stack *hottest)
{
	size_t i, j, with, all = 0;

	for (j = 0; j < count; j++)
		all += stacks[j].count ? stacks[j].samples : 0;
	for (i = 0; i < hottest->count; i++) {
		for (with = j = 0; j < count; j++)
			with += find(&stacks[j], &hottest->owns[i]) ? stacks[j].samples : 0;
		if (with * 10 >= all * COMMON_TENTHS)
			return i;
	}
	return 0;
}

/* Keeps the functions from the loop outwards. */
static void keep_from(struct own_stack *stack, size_t loop)
{
	stack->count -= loop;
	memmove(stack->owns, stack->owns + loop, stack->count * sizeof(*stack->owns));
}

/* Finds the functions from the loop outwards. False: there is none, or no memory. */
static bool find_functions(const struct sources *sources, struct own_stack *ret_stack)
{
	size_t count = json_array_size(sources->stacks);
	struct own_stack *stacks, *hottest, unwound;

	if (count > STACKS_MAX)
		count = STACKS_MAX;
	stacks = calloc(count + 1, sizeof(*stacks));
	if (!stacks)
		return false;
	hottest = get_stacks(sources, stacks, count);
	get_stack(sources->unwound, false, &unwound);
	*ret_stack = hottest ? *hottest : unwound;
	if (hottest)
		keep_from(ret_stack, find_loop(stacks, count, hottest));
	/* The kernel finds callers by frame pointers only, and can go astray. */
	if (hottest && (ret_stack->count < SIGNATURE_FUNCTIONS || hottest->astray) &&
	    find(&unwound, &ret_stack->owns[0]) > 1) {
		keep_from(&unwound, unwound.count - find(&unwound, &ret_stack->owns[0]));
		*ret_stack = unwound;
	}
	free(stacks);
	return ret_stack->count;
}

/* Appends a name, and cuts it between characters. */
static void append(char *buf, const char *before, const char *name, const char *after)
{
	size_t length = strlen(name), end = 0, size;
	unsigned int code;

	while (end < length && (size = utf8_decode(name + end, length - end, &code)) &&
	       end + size <= NAME_MAX_BYTES)
		end += size;
	length = strlen(buf);
	snprintf(buf + length, SIGNATURE_LEN - length, "%s%.*s%s", before, (int)end, name, after);
}

static void append_function(char *buf, const struct own *own, bool python, bool first)
{
	const char *before = first ? ": " : " < ";

	if (!own->function) {
		append(buf, before, own->place, "");
		return;
	}
	append(buf, before, own->function, "");
	/* Short names such as "run" are common in Python. */
	if (python && own->place)
		append(buf, " (", own->place, ")");
}

static void append_program(char *buf, const json_t *process)
{
	static const char deleted[] = " (deleted)";
	const char *exe = json_text(process, "exe"), *comm = json_text(process, "comm"), *end;
	char *name = strdup(exe ? last_part(exe) : comm ? comm : "?");

	/* The file was replaced while the program ran. */
	end = name ? strstr(name, deleted) : NULL;
	if (end && !end[strlen(deleted)])
		name[end - name] = '\0';
	append(buf, "", name ? name : "?", "");
	free(name);
}

static void find_sources(const json_t *incident, struct sources *sources)
{
	const json_t *group = json_object_get(incident, "group");
	const json_t *consumer = json_array_get(json_object_get(group, "consumers"), 0);
	const json_t *part = consumer ? consumer : incident;
	const json_t *python = json_object_get(part, "python");

	*sources = (struct sources){
		.stacks = json_object_get(incident, "stacks"),
		.samples = json_object_get(incident, "samples"),
		.unwound = json_object_get(part, "unwound"),
		.process = json_object_get(part, "process"),
		.consumer = consumer ? 0 : -1,
	};
	if (!json_array_size(json_object_get(python, "reads")))
		return;
	sources->stacks = json_object_get(python, "stacks");
	sources->samples = json_object_get(python, "reads");
	sources->unwound = NULL;
	sources->consumer = -1;
	sources->python = true;
}

bool signature_of_incident(const json_t *incident, char ret_signature[SIGNATURE_LEN])
{
	struct own_stack stack;
	struct sources sources;
	size_t i;

	find_sources(incident, &sources);
	if (!find_functions(&sources, &stack))
		return false;
	ret_signature[0] = '\0';
	append_program(ret_signature, sources.process);
	for (i = 0; i < stack.count && i < SIGNATURE_FUNCTIONS; i++)
		append_function(ret_signature, &stack.owns[i], sources.python, !i);
	return true;
}
