/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exit status is 0 if the job is done, 1 if the sandbox could not be entered, and 2
 * if memory is missing or the pipe is closed.
 */
#include "symbolizer_main.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "named_addresses.h"
#include "../isolation/sandbox.h"
#include "../../lib/utf8_json.h"

#define FAILED_SANDBOX 1
#define FAILED_ANSWER 2

/* The perf map of Node.js has some megabytes. */
#define PERF_MAP_MAX (64U << 20)

/* ---- answers ----------------------------------------------------------------------- */

static void answer(int out, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	size_t length = text ? strlen(text) : 0, at = 0;
	ssize_t written;

	json_decref(object);
	if (!text)
		_exit(FAILED_ANSWER);
	/* The newline replaces the NUL, which write(2) does not need. */
	text[length++] = '\n';
	while (at < length) {
		written = write(out, text + at, length - at);
		if (written < 0 && errno != EINTR)
			_exit(FAILED_ANSWER);
		if (written > 0)
			at += (size_t)written;
	}
	free(text);
}

static void answer_symbols(int out, size_t query, const struct symbol *symbols, size_t count)
{
	json_t *items = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(
			items,
			json_pack("[o, o, i, b]",
				  utf8_json(symbols[i].function, strlen(symbols[i].function)),
				  utf8_json(symbols[i].file, strlen(symbols[i].file)),
				  (int)symbols[i].line, (int)symbols[i].inlined));
	answer(out, json_pack("{s:I, s:o}", "query", (json_int_t)query, "symbols", items));
}

/* ---- the parts of a job ------------------------------------------------------------ */

static void name_in_file(const struct symbolizer_job *job, unsigned int module, int out)
{
	struct symbol found[SYMBOLS_INLINE_MAX];
	struct symbols *symbols = symbols_open(&job->modules[module]);
	size_t i;

	for (i = 0; symbols && i < job->queries_count; i++)
		if (job->queries[i].kind == SYMBOLIZER_FILE && job->queries[i].module == module)
			answer_symbols(out, i, found,
				       symbols_find(symbols, job->queries[i].at, found));
	symbols_close(symbols);
}

/* Collects the queries of one kind as sorted addresses. */
static size_t collect(const struct symbolizer_job *job, enum symbolizer_kind kind,
		      struct named_address **ret_addresses)
{
	struct named_address *addresses = calloc(job->queries_count + 1, sizeof(*addresses));
	size_t count = 0, i;

	if (!addresses)
		_exit(FAILED_ANSWER);
	for (i = 0; i < job->queries_count; i++)
		if (job->queries[i].kind == kind)
			addresses[count++].address = job->queries[i].at;
	named_addresses_sort(addresses, count);
	*ret_addresses = addresses;
	return count;
}

static void answer_addresses(const struct symbolizer_job *job, enum symbolizer_kind kind,
			     const struct named_address *addresses, size_t count, int out)
{
	struct symbol symbol = { .line = 0 };
	size_t i, k;

	for (i = 0; i < job->queries_count; i++) {
		if (job->queries[i].kind != kind)
			continue;
		for (k = 0; k < count; k++)
			if (addresses[k].address == job->queries[i].at)
				break;
		if (k == count || !addresses[k].name[0])
			continue;
		memcpy(symbol.function, addresses[k].name, sizeof(symbol.function));
		answer_symbols(out, i, &symbol, 1);
	}
}

/* Does not use mmap(2), because the process may still write or truncate the file. */
static char *read_whole(int fd, size_t *ret_size)
{
	struct stat status;
	char *text;
	size_t size, length = 0;
	ssize_t got;

	if (fstat(fd, &status) || status.st_size <= 0)
		return NULL;
	size = status.st_size < (off_t)PERF_MAP_MAX ? (size_t)status.st_size : PERF_MAP_MAX;
	text = malloc(size);
	while (text && length < size) {
		got = pread(fd, text + length, size - length, (off_t)length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	*ret_size = length;
	return text;
}

static void name_in_perf_map(const struct symbolizer_job *job, int out)
{
	struct named_address *addresses;
	size_t count = collect(job, SYMBOLIZER_JIT, &addresses), size = 0;
	char *text = count ? read_whole(job->perf_map_fd, &size) : NULL;

	if (text) {
		named_addresses_perf_map(text, size, addresses, count);
		answer_addresses(job, SYMBOLIZER_JIT, addresses, count, out);
	}
	free(text);
	free(addresses);
}

static void name_in_kernel(const struct symbolizer_job *job, int out)
{
	struct named_address *addresses;
	size_t count = collect(job, SYMBOLIZER_KERNEL, &addresses);

	if (count && !named_addresses_kallsyms(job->kallsyms_fd, addresses, count))
		answer(out, json_pack("{s:b}", "restricted", 1));
	else
		answer_addresses(job, SYMBOLIZER_KERNEL, addresses, count, out);
	free(addresses);
}

static void unwind(const struct symbolizer_job *job, int out)
{
	struct unwind_frame frames[UNWIND_FRAMES_MAX];
	size_t count, i;
	json_t *items = json_array();

	count = unwind_frames(job->snapshot, job->unwind_modules, job->unwind_count, frames);
	for (i = 0; i < count; i++)
		json_array_append_new(items, json_pack("[I, b]", (json_int_t)frames[i].address,
						       (int)frames[i].exact));
	answer(out, json_pack("{s:o}", "unwound", items));
}

/* ---- the process ------------------------------------------------------------------- */

static int enter_sandbox(const struct symbolizer_job *job, int out)
{
	size_t room = 4 + 3 * (job->modules_count + job->unwind_count), count = 0, i;
	int *keep = calloc(room, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	keep[count++] = out;
	keep[count++] = STDERR_FILENO; /* sanitizers write to it */
	keep[count++] = job->perf_map_fd;
	keep[count++] = job->kallsyms_fd;
	for (i = 0; i < job->modules_count; i++) {
		keep[count++] = job->modules[i].fd;
		keep[count++] = job->modules[i].debug_fd;
		keep[count++] = job->modules[i].shared_fd;
	}
	for (i = 0; i < job->unwind_count; i++) {
		keep[count++] = job->unwind_modules[i].files.fd;
		keep[count++] = job->unwind_modules[i].files.debug_fd;
		keep[count++] = job->unwind_modules[i].files.shared_fd;
	}
	return sandbox_enter(keep, count);
}

void symbolizer_main(const struct symbolizer_job *job, int out)
{
	size_t module;
	int err;

	err = enter_sandbox(job, out);
	if (err) {
		answer(out, json_pack("{s:i}", "failed", -err));
		_exit(FAILED_SANDBOX);
	}
	/* The surest answers come first, because a file may crash this process. */
	if (job->kallsyms_fd >= 0)
		name_in_kernel(job, out);
	if (job->perf_map_fd >= 0)
		name_in_perf_map(job, out);
	for (module = 0; module < job->modules_count; module++)
		name_in_file(job, module, out);
	if (job->snapshot)
		unwind(job, out);
	answer(out, json_pack("{s:b}", "ended", 1));
	_exit(0);
}
