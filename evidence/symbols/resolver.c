/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache has one slot for each hash. A new location replaces the old one of its slot.
 * An answer that is still in use stays, because its users hold references.
 *
 * A malicious file may crash the helper process. The file's module then gets no names,
 * and the next job repeats the queries that came after this module. So each such module
 * delays the names of other modules by at most one job.
 */
#include "resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of slots is a power of two. A slot takes about 100 bytes. */
#define SLOTS (1U << 13)
#define QUERIES_MAX 512
/* Each module takes three descriptors, and memory for debug information in the helper. */
#define MODULES_MAX 16

/*
 * A killed helper may not end, because reading a mapped file may block forever. While
 * this many of them have not ended, no helper starts.
 */
#define LEFT_MAX 4

struct slot {
	bool used, asked;
	struct location location;
	struct answer *answer;
};

struct job {
	struct location locations[QUERIES_MAX];
	struct symbolizer_query queries[QUERIES_MAX];
	bool answered[QUERIES_MAX];
	size_t count;
	struct module *modules[MODULES_MAX];
	size_t modules_count;
	int perf_map_fd;
	maze_u64 jit_scope;
	bool has_kernel;
	/* The episode that asked for the unwind (0: no unwind), and its snapshot. */
	maze_u64 asker;
	struct snapshot *snapshot;
	struct module *unwind_modules[RESOLVER_UNWIND_MODULES_MAX];
	struct unwind_module unwind[RESOLVER_UNWIND_MODULES_MAX];
	size_t unwind_count;
};

struct resolver {
	struct slot slots[SLOTS];
	struct job job;
	struct symbolizer *helper;	   /* NULL: no job runs */
	struct symbolizer *left[LEFT_MAX]; /* killed, but not reaped */
	size_t left_count;
	bool restricted;
	bool ended_well; /* as the helper reported */
	int trouble;
	maze_u64 unwound_for; /* the asker; 0: no result */
	struct unwind_frame unwound[UNWIND_FRAMES_MAX];
	size_t unwound_count;
};

/* ---- answers ----------------------------------------------------------------------- */

void answer_drop(struct answer *answer)
{
	size_t i;

	if (!answer || --answer->references)
		return;
	for (i = 0; i < answer->count; i++) {
		free(answer->symbol[i].function);
		free(answer->symbol[i].file);
	}
	free(answer);
}

static struct answer *make_answer(const struct symbol *symbols, size_t count)
{
	struct answer *answer = calloc(1, sizeof(*answer) + count * sizeof(answer->symbol[0]));
	size_t i;

	if (!answer)
		return NULL;
	answer->references = 1;
	answer->count = count;
	for (i = 0; i < count; i++) {
		answer->symbol[i].function = strdup(symbols[i].function);
		answer->symbol[i].file = strdup(symbols[i].file);
		answer->symbol[i].line = symbols[i].line;
		answer->symbol[i].inlined = symbols[i].inlined;
		if (!answer->symbol[i].function || !answer->symbol[i].file) {
			answer_drop(answer);
			return NULL;
		}
	}
	return answer;
}

/* ---- the cache --------------------------------------------------------------------- */

static bool same_location(const struct location *a, const struct location *b)
{
	return a->kind == b->kind && a->scope == b->scope && a->at == b->at;
}

static struct slot *slot_of(struct resolver *resolver, const struct location *location)
{
	/* Fibonacci hashing takes the upper bits of a product by 2^64 / golden ratio. */
	maze_u64 hash = (location->at ^ location->scope << 40 ^ (maze_u64)location->kind << 62) *
			0x9e3779b97f4a7c15ULL;

	return &resolver->slots[hash >> 51];
}
_Static_assert(SLOTS == 1U << (64 - 51), "the hash has as many bits as there are slots");

static void fill(struct resolver *resolver, const struct location *location, struct answer *answer)
{
	struct slot *slot = slot_of(resolver, location);

	answer_drop(slot->answer);
	*slot = (struct slot){
		.used = true, .asked = !answer, .location = *location, .answer = answer
	};
}

struct answer *resolver_get(struct resolver *resolver, const struct location *location,
			    bool *ret_asked)
{
	struct slot *slot = slot_of(resolver, location);

	*ret_asked = false;
	if (!slot->used || !same_location(&slot->location, location))
		return NULL;
	*ret_asked = slot->asked;
	if (slot->answer)
		slot->answer->references++;
	return slot->answer;
}

void resolver_give_up(struct resolver *resolver, const struct location *location)
{
	struct answer *none = make_answer(NULL, 0);

	if (none)
		fill(resolver, location, none);
}

/* ---- the next job ------------------------------------------------------------------ */

bool resolver_is_free(const struct resolver *resolver)
{
	return !resolver->helper && resolver->job.count < QUERIES_MAX;
}

static int hold_module(struct job *job, struct module *module, unsigned int *ret_index)
{
	unsigned int i;

	for (i = 0; i < job->modules_count; i++)
		if (job->modules[i] == module)
			break;
	if (i == MODULES_MAX)
		return -EAGAIN;
	if (i == job->modules_count) {
		module->held++;
		job->modules[job->modules_count++] = module;
	}
	*ret_index = i;
	return 0;
}

/* Takes over the descriptor. A job can have the perf map of only one process. */
static int hold_perf_map(struct job *job, maze_u64 scope, int fd)
{
	if (job->perf_map_fd >= 0 && job->jit_scope != scope) {
		close(fd);
		return -EAGAIN;
	}
	if (job->perf_map_fd >= 0)
		close(fd);
	else
		job->perf_map_fd = fd;
	job->jit_scope = scope;
	return 0;
}

int resolver_want(struct resolver *resolver, const struct location *location, struct module *module,
		  int perf_map_fd)
{
	struct job *job = &resolver->job;
	unsigned int index = 0;
	int err = 0;

	if (!resolver_is_free(resolver)) {
		if (perf_map_fd >= 0)
			close(perf_map_fd);
		return -EAGAIN;
	}
	if (location->kind == SYMBOLIZER_FILE)
		err = hold_module(job, module, &index);
	else if (location->kind == SYMBOLIZER_JIT)
		err = hold_perf_map(job, location->scope, perf_map_fd);
	else
		job->has_kernel = true;
	if (err)
		return err;
	job->locations[job->count] = *location;
	job->answered[job->count] = false;
	job->queries[job->count++] = (struct symbolizer_query){ .kind = location->kind,
								.module = index,
								.at = location->at };
	fill(resolver, location, NULL);
	return 0;
}

int resolver_want_unwind(struct resolver *resolver, maze_u64 asker, struct snapshot *snapshot,
			 struct module *const *modules, const struct map *const *maps, size_t count)
{
	struct job *job = &resolver->job;
	size_t i;

	/* A second unwind would overwrite a result that was not taken yet. */
	if (!resolver_is_free(resolver) || job->asker || resolver->unwound_for)
		return -EAGAIN;
	for (i = 0; i < count && i < RESOLVER_UNWIND_MODULES_MAX; i++) {
		modules[i]->held++;
		job->unwind_modules[i] = modules[i];
		job->unwind[i] = (struct unwind_module){ .files = modules[i]->files,
							 .start = maps[i]->start,
							 .offset = maps[i]->offset };
	}
	job->unwind_count = i;
	job->asker = asker;
	job->snapshot = snapshot;
	return 0;
}

int resolver_take_unwound(struct resolver *resolver, maze_u64 asker,
			  struct unwind_frame *ret_frames, size_t *ret_count)
{
	if (resolver->unwound_for == asker) {
		memcpy(ret_frames, resolver->unwound, sizeof(resolver->unwound));
		*ret_count = resolver->unwound_count;
		resolver->unwound_for = 0;
		return 1;
	}
	return resolver->job.asker == asker ? 0 : -ENOENT;
}

void resolver_drop_unwind(struct resolver *resolver, maze_u64 asker)
{
	struct job *job = &resolver->job;
	size_t i;

	if (resolver->unwound_for == asker)
		resolver->unwound_for = 0;
	if (job->asker != asker)
		return;
	/* The result of a running job then has no asker and is dropped. */
	job->asker = 0;
	if (resolver->helper)
		return;
	for (i = 0; i < job->unwind_count; i++)
		job->unwind_modules[i]->held--;
	job->unwind_count = 0;
	free(job->snapshot);
	job->snapshot = NULL;
}

/* ---- the running job --------------------------------------------------------------- */

static void release_modules(struct job *job)
{
	size_t i;

	for (i = 0; i < job->modules_count; i++)
		job->modules[i]->held--;
	for (i = 0; i < job->unwind_count; i++)
		job->unwind_modules[i]->held--;
	if (job->perf_map_fd >= 0)
		close(job->perf_map_fd);
	job->perf_map_fd = -1;
}

static void start(struct resolver *resolver)
{
	struct job *job = &resolver->job;
	struct symbols_files files[MODULES_MAX];
	struct symbolizer_job symbolizer_job = {
		.queries = job->queries,
		.queries_count = job->count,
		.modules = files,
		.modules_count = job->modules_count,
		.perf_map_fd = job->perf_map_fd,
		.kallsyms_fd = -1,
		.snapshot = job->snapshot,
		.unwind_modules = job->unwind,
		.unwind_count = job->unwind_count,
	};
	size_t i;

	for (i = 0; i < job->modules_count; i++)
		files[i] = job->modules[i]->files;
	/* Open /proc/kallsyms here, because the helper would see no addresses in it. */
	if (job->has_kernel)
		symbolizer_job.kallsyms_fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	resolver->ended_well = false;
	resolver->trouble = resolver->left_count < LEFT_MAX
				    ? symbolizer_start(&symbolizer_job, &resolver->helper)
				    : -EAGAIN;
	if (symbolizer_job.kallsyms_fd >= 0)
		close(symbolizer_job.kallsyms_fd);
	release_modules(job);
}

static void take_named(void *arg, size_t query, const struct symbol *symbols, size_t count)
{
	struct resolver *resolver = arg;
	struct answer *answer;

	if (query >= resolver->job.count || resolver->job.answered[query])
		return;
	answer = make_answer(symbols, count);
	if (!answer)
		return;
	resolver->job.answered[query] = true;
	fill(resolver, &resolver->job.locations[query], answer);
}

static void take_unwound(void *arg, const struct unwind_frame *frames, size_t count)
{
	struct resolver *resolver = arg;

	if (!resolver->job.asker || resolver->unwound_for)
		return;
	memcpy(resolver->unwound, frames, count * sizeof(*frames));
	resolver->unwound_count = count;
	resolver->unwound_for = resolver->job.asker;
	/* The asker may take it before the job ends. end_job() then adds no second result. */
	resolver->job.asker = 0;
}

static void take_restricted(void *arg)
{
	((struct resolver *)arg)->restricted = true;
}

static void take_end(void *arg)
{
	((struct resolver *)arg)->ended_well = true;
}

static void take_failure(void *arg, int err)
{
	struct resolver *resolver = arg;

	resolver->trouble = err;
	/* The job is done, because another try would fail in the same way. */
	resolver->ended_well = true;
}

/* Whether both queries have the same kind and module. */
static bool was_at(const struct job *job, size_t first, size_t query)
{
	return job->queries[query].kind == job->queries[first].kind &&
	       job->queries[query].module == job->queries[first].module;
}

/* Searches in the helper's order: kernel, JIT, then the files by module. */
static size_t first_unanswered(const struct job *job)
{
	static const enum symbolizer_kind order[] = { SYMBOLIZER_KERNEL, SYMBOLIZER_JIT,
						      SYMBOLIZER_FILE };
	size_t i, kind, module;

	for (kind = 0; kind < 2; kind++)
		for (i = 0; i < job->count; i++)
			if (!job->answered[i] && job->queries[i].kind == order[kind])
				return i;
	for (module = 0; module < job->modules_count; module++)
		for (i = 0; i < job->count; i++)
			if (!job->answered[i] && job->queries[i].module == module)
				return i;
	return job->count;
}

static void end_job(struct resolver *resolver)
{
	struct job *job = &resolver->job;
	size_t first = first_unanswered(job), i;
	struct slot *slot;

	for (i = 0; i < job->count; i++) {
		if (job->answered[i])
			continue;
		slot = slot_of(resolver, &job->locations[i]);
		if (resolver->ended_well || was_at(job, first, i))
			resolver_give_up(resolver, &job->locations[i]);
		else if (slot->used && same_location(&slot->location, &job->locations[i]))
			slot->used = slot->asked = false;
	}
	/* If the unwind crashed the helper, the asker gets a result without frames. */
	if (job->asker && !resolver->unwound_for) {
		resolver->unwound_for = job->asker;
		resolver->unwound_count = 0;
	}
	free(job->snapshot);
	*job = (struct job){ .perf_map_fd = -1 };
}

static void reap(struct resolver *resolver)
{
	size_t i = 0;

	while (i < resolver->left_count) {
		if (symbolizer_reap(resolver->left[i]))
			resolver->left[i] = resolver->left[--resolver->left_count];
		else
			i++;
	}
}

/* `left` has room, because start() has checked it and one helper runs at a time. */
static void stop(struct resolver *resolver)
{
	symbolizer_stop(resolver->helper);
	resolver->left[resolver->left_count++] = resolver->helper;
	resolver->helper = NULL;
}

bool resolver_run(struct resolver *resolver)
{
	static const struct symbolizer_events events = {
		.named = take_named,
		.unwound = take_unwound,
		.restricted = take_restricted,
		.ended = take_end,
		.failed = take_failure,
	};

	reap(resolver);
	if (!resolver->helper && (resolver->job.count || resolver->job.asker)) {
		start(resolver);
		/* No helper could start, so the locations of this job get no names. */
		if (resolver->trouble) {
			resolver->helper = NULL;
			resolver->ended_well = true;
			end_job(resolver);
		}
	}
	if (!resolver->helper)
		return false;
	if (symbolizer_read(resolver->helper, &events, resolver) > 0)
		return true;
	stop(resolver);
	end_job(resolver);
	return true;
}

bool resolver_kernel_is_restricted(const struct resolver *resolver)
{
	return resolver->restricted;
}

int resolver_trouble(const struct resolver *resolver)
{
	return resolver->trouble;
}

int resolver_new(struct resolver **ret_resolver)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return -ENOMEM;
	resolver->job.perf_map_fd = -1;
	*ret_resolver = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	size_t i;

	if (!resolver)
		return;
	if (resolver->helper)
		stop(resolver);
	else
		release_modules(&resolver->job);
	/* A killed helper ends at once, unless it reads a file that blocks. */
	for (i = 0; resolver->left_count && i < 100; i++) {
		reap(resolver);
		usleep(1000);
	}
	free(resolver->job.snapshot);
	for (i = 0; i < SLOTS; i++)
		answer_drop(resolver->slots[i].answer);
	free(resolver);
}
