/* SPDX-License-Identifier: GPL-2.0-only */
/* Names all frames of one file before the next, because finding a file takes longest. */
#include "symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../symbols/perf_map.h"

/* The maximum of queries of a frame, because the cache may drop an unread answer. */
#define TRIES_MAX 3
/* The longest wait for a snapshot. A thread without CPU time gives none. */
#define SNAPSHOT_WAIT_NS (500 * MAZE_NSEC_PER_MSEC)

static const char note_no_file[] =
	"A file was not found by its build-id; its functions are shown by build-id and offset";
static const char note_jit[] = "Some code was made at run time, and no /tmp/perf-PID.map names it";
const char symbolize_note_kernel[] =
	"Kernel functions have no names, because this user may not see them "
	"(kernel.kptr_restrict; CAP_SYSLOG)";
static const char note_cut_off[] = "There were too many stacks; the rest is counted as lost";

static struct modules_scope scope_of(const struct episode *episode)
{
	bool live = episode->has_live && process_info_is_live(&episode->live);

	return (struct modules_scope){
		.live = live ? &episode->live : NULL,
		.exe = episode_exe(episode),
		.opened = episode->exe_module,
	};
}

/* Python has notes of its own (python_reads.c). */
static enum language language(const struct episode *episode)
{
	enum language found = language_of(&episode->live.maps, episode_exe(episode));

	return found == LANGUAGE_PYTHON ? LANGUAGE_NONE : found;
}

static void finish_frame(struct episode *episode, struct episode_frame *frame,
			 struct answer *answer)
{
	frame->answer = answer;
	frame->symbolized = true;
	episode->frames_open--;
}

/* ---- locations in files ------------------------------------------------------------ */

static struct module *find_module(struct symbolize_sources *sources,
				  const struct modules_scope *scope, struct episode_file *file)
{
	struct module *module = NULL;

	file->sought = true;
	if (sources->blind)
		return NULL;
	if (file->map)
		module = modules_by_map(sources->modules, scope, file->map);
	else
		module = modules_by_build_id(sources->modules, scope, file->build_id);
	if (!module)
		return NULL;
	modules_seek_debug(module, scope);
	file->module = module->number;
	if (!file->path && module->path)
		file->path = strdup(module->path);
	file->has_build_id = module->has_build_id;
	memcpy(file->build_id, module->build_id, MAZE_BUILD_ID_LEN);
	return module;
}

static struct location location_in(const struct episode_file *file,
				   const struct episode_frame *frame)
{
	/*
	 * A return address may belong to the next line or function, so search for the
	 * call instruction before it.
	 */
	return (struct location){ .kind = SYMBOLIZER_FILE,
				  .scope = file->module,
				  .at = frame->exact ? frame->at : frame->at - 1 };
}

/* Returns true if the name is known or a job contains the query. */
static bool take_known(struct symbolize_sources *sources, struct episode *episode,
		       struct episode_frame *frame, const struct location *location)
{
	struct answer *answer;
	bool asked;

	answer = resolver_get(sources->resolver, location, &asked);
	if (answer)
		finish_frame(episode, frame, answer);
	return answer || asked;
}

static void symbolize_in_file(struct symbolize_sources *sources, struct episode *episode,
			      const struct modules_scope *scope, unsigned int number)
{
	struct episode_file *file = &episode->files[number];
	struct module *module = NULL;
	struct episode_frame *frame;
	struct location location;
	size_t i;

	for (i = 0; i < episode->frames_count; i++) {
		frame = &episode->frames[i];
		if (frame->symbolized || frame->kind != SYMBOLIZER_FILE || frame->file != number)
			continue;
		if (file->module) {
			location = location_in(file, frame);
			if (take_known(sources, episode, frame, &location))
				continue;
		}
		if (file->sought && !file->module) {
			finish_frame(episode, frame, NULL);
			continue;
		}
		if (!resolver_is_free(sources->resolver) && file->module)
			continue;
		if (!module)
			module = find_module(sources, scope, file);
		if (!module) {
			if (!sources->blind)
				episode_note(episode, note_no_file);
			finish_frame(episode, frame, NULL);
			continue;
		}
		location = location_in(file, frame);
		if (take_known(sources, episode, frame, &location))
			continue;
		if (++frame->tries > TRIES_MAX)
			finish_frame(episode, frame, NULL);
		else if (resolver_want(sources->resolver, &location, module, -1))
			frame->tries--;
	}
}

/* ---- other locations --------------------------------------------------------------- */

static int open_perf_map(const struct episode *episode, const struct modules_scope *scope)
{
	unsigned int uid = episode->has_live   ? episode->live.uid
			   : episode->recorded ? episode->recorded->uid
					       : 0;
	pid_t pid = episode->has_live ? episode->live.inner_pid : (pid_t)episode->pid;

	/* The file's name has the inner PID, so search only in the process's root. */
	if (!scope->live && pid != (pid_t)episode->pid)
		return -ESRCH;
	return perf_map_open(scope->live, pid, uid);
}

/* Whether a perf map is requested and not yet written. */
static bool awaits_java_map(struct symbolize_sources *sources, struct episode *episode,
			    const struct modules_scope *scope)
{
	const char *note = NULL;

	if (!sources->java || !scope->live || language(episode) != LANGUAGE_JAVA)
		return false;
	if (java_maps_step(sources->java, episode->serial, scope->live, &note))
		return true;
	if (note)
		episode_note(episode, note);
	return false;
}

static void want_jit(struct symbolize_sources *sources, struct episode *episode,
		     const struct modules_scope *scope, struct episode_frame *frame,
		     const struct location *location)
{
	int fd;

	if (awaits_java_map(sources, episode, scope) || !resolver_is_free(sources->resolver))
		return;
	fd = sources->blind ? -1 : open_perf_map(episode, scope);
	if (fd < 0) {
		/* The mapping is known only if the process was read. */
		if (frame->module && language(episode) == LANGUAGE_NONE)
			episode_note(episode, note_jit);
		resolver_give_up(sources->resolver, location);
		finish_frame(episode, frame, NULL);
		return;
	}
	if (++frame->tries > TRIES_MAX) {
		close(fd);
		finish_frame(episode, frame, NULL);
	} else if (resolver_want(sources->resolver, location, NULL, fd)) {
		frame->tries--;
	}
}

/* symbolize_again() changes the scope, so that missing names are queried again. */
static maze_u64 jit_scope(const struct episode *episode)
{
	return 2 * episode->serial + episode->symbolized_again;
}

static void symbolize_address(struct symbolize_sources *sources, struct episode *episode,
			      const struct modules_scope *scope, struct episode_frame *frame)
{
	struct location location = { .kind = frame->kind,
				     .scope =
					     frame->kind == SYMBOLIZER_JIT ? jit_scope(episode) : 0,
				     .at = frame->exact ? frame->at : frame->at - 1 };

	if (take_known(sources, episode, frame, &location))
		return;
	if (frame->kind == SYMBOLIZER_JIT) {
		want_jit(sources, episode, scope, frame, &location);
		return;
	}
	if (resolver_kernel_is_restricted(sources->resolver) || ++frame->tries > TRIES_MAX)
		finish_frame(episode, frame, NULL);
	else if (resolver_want(sources->resolver, &location, NULL, -1))
		frame->tries--;
}

/* ---- the unwind -------------------------------------------------------------------- */

const char *symbolize_unwind_refusal(int err)
{
	if (err == -EACCES || err == -EPERM)
		return "The stack was not unwound by DWARF: a perf event of the thread is not "
		       "permitted (CAP_PERFMON; kernel.perf_event_paranoid)";
	if (err == -ESRCH)
		return "The stack was not unwound by DWARF: the thread had ended";
	return "The stack was not unwound by DWARF: the kernel gives no perf event with registers "
	       "and stack";
}

static void give_unwind_up(struct episode *episode, const char *note)
{
	if (note)
		episode_note(episode, note);
	snapshot_drop(episode->asked);
	episode->asked = NULL;
	free(episode->snapshot);
	episode->snapshot = NULL;
	episode->unwind_wanted = episode->unwind_running = false;
	episode->unwind_done = true;
}

/* Finds the modules of all addresses on the stack, because the unwind may need each. */
static size_t find_unwind_modules(struct symbolize_sources *sources, struct episode *episode,
				  const struct modules_scope *scope, struct module **ret_modules,
				  const struct map **ret_maps)
{
	const struct snapshot *snapshot = episode->snapshot;
	const struct maps *maps = &episode->live.maps;
	bool seen[MAPS_MAX] = { false };
	const struct map *map;
	maze_u64 word;
	size_t at, count = 0, i;

	map = maps_find(maps, snapshot->registers[snapshot_registers()]);
	for (at = 0; count < RESOLVER_UNWIND_MODULES_MAX; at += sizeof(word)) {
		if (map && map_has_file(map) && !seen[map - maps->map]) {
			seen[map - maps->map] = true;
			ret_modules[count] = modules_by_map(sources->modules, scope, map);
			if (ret_modules[count]) {
				/* Hold the module, or the next call may close it. */
				ret_modules[count]->held++;
				modules_seek_debug(ret_modules[count], scope);
				ret_maps[count++] = map;
			}
		}
		if (at + sizeof(word) > snapshot->stack_size)
			break;
		memcpy(&word, snapshot->stack + at, sizeof(word));
		map = maps_find(maps, word);
	}
	for (i = 0; i < count; i++)
		ret_modules[i]->held--;
	return count;
}

static void start_unwind(struct symbolize_sources *sources, struct episode *episode,
			 const struct modules_scope *scope)
{
	const struct map *maps[RESOLVER_UNWIND_MODULES_MAX];
	struct module *modules[RESOLVER_UNWIND_MODULES_MAX];
	size_t count;

	if (!scope->live) {
		give_unwind_up(episode, symbolize_unwind_refusal(-ESRCH));
		return;
	}
	if (!resolver_is_free(sources->resolver))
		return;
	count = find_unwind_modules(sources, episode, scope, modules, maps);
	if (!count) {
		give_unwind_up(episode, "The stack was not unwound by DWARF: the thread was not in "
					"a file");
		return;
	}
	if (resolver_want_unwind(sources->resolver, episode->serial, episode->snapshot, modules,
				 maps, count))
		return;
	episode->unwind_ns = episode->snapshot->took_ns;
	episode->snapshot = NULL;
	episode->unwind_running = true;
}

static void take_unwound(struct symbolize_sources *sources, struct episode *episode)
{
	struct unwind_frame frames[UNWIND_FRAMES_MAX];
	size_t count = 0;

	if (!resolver_take_unwound(sources->resolver, episode->serial, frames, &count))
		return;
	if (count)
		episode_add_unwound(episode, frames, count);
	give_unwind_up(episode,
		       count ? NULL : "The stack was not unwound by DWARF: no unwind table fits");
}

static void step_unwind(struct symbolize_sources *sources, struct episode *episode,
			const struct modules_scope *scope)
{
	int got;

	if (episode->unwind_running) {
		take_unwound(sources, episode);
		return;
	}
	if (episode->snapshot) {
		start_unwind(sources, episode, scope);
		return;
	}
	if (!episode->asked) {
		got = snapshot_ask((pid_t)episode->tid, &episode->asked);
		if (got)
			give_unwind_up(episode, symbolize_unwind_refusal(got));
		return;
	}
	got = snapshot_get(episode->asked, &episode->snapshot);
	if (got > 0) {
		snapshot_drop(episode->asked);
		episode->asked = NULL;
		start_unwind(sources, episode, scope);
	} else if (got < 0) {
		give_unwind_up(episode, symbolize_unwind_refusal(got));
	} else if (now_ns(CLOCK_MONOTONIC) - snapshot_asked_ns(episode->asked) > SNAPSHOT_WAIT_NS) {
		give_unwind_up(episode, scope->live ? "The stack was not unwound by DWARF: the "
						      "thread did not run"
						    : symbolize_unwind_refusal(-ESRCH));
	}
}

/* ---- one step ---------------------------------------------------------------------- */

bool symbolize_has_jit_name(const struct episode *episode)
{
	size_t i;

	for (i = 0; i < episode->frames_count; i++)
		if (episode->frames[i].kind == SYMBOLIZER_JIT && episode->frames[i].answer &&
		    episode->frames[i].answer->count)
			return true;
	return false;
}

static void note_language(struct episode *episode)
{
	enum language found = language(episode);

	if (found != LANGUAGE_NONE && episode->frames_count && !episode->frames_open &&
	    !symbolize_has_jit_name(episode))
		episode_note(episode, language_hint(found));
}

static void note_missing_names(struct symbolize_sources *sources, struct episode *episode)
{
	bool has_kernel = false;
	size_t i;

	for (i = 0; i < episode->frames_count; i++)
		has_kernel |= episode->frames[i].kind == SYMBOLIZER_KERNEL;
	if (has_kernel && resolver_kernel_is_restricted(sources->resolver))
		episode_note(episode, symbolize_note_kernel);
	if (episode->samples_dropped)
		episode_note(episode, note_cut_off);
	note_language(episode);
}

void symbolize_open_exe(struct symbolize_sources *sources, struct episode *episode)
{
	if (!episode->has_live || episode->exe_sought || sources->blind)
		return;
	episode->exe_sought = true;
	episode->exe_module = modules_open_exe(sources->modules, &episode->live);
}

bool symbolize_step(struct symbolize_sources *sources, struct episode *episode)
{
	struct modules_scope scope;
	size_t i;

	symbolize_open_exe(sources, episode);
	if (!episode->frames_open && !episode->unwind_wanted)
		return true;
	scope = scope_of(episode);
	for (i = 0; i < episode->files_count && episode->frames_open; i++)
		symbolize_in_file(sources, episode, &scope, (unsigned int)i);
	for (i = 0; i < episode->frames_count && episode->frames_open; i++)
		if (!episode->frames[i].symbolized && episode->frames[i].kind != SYMBOLIZER_FILE)
			symbolize_address(sources, episode, &scope, &episode->frames[i]);
	if (episode->unwind_wanted)
		step_unwind(sources, episode, &scope);
	note_missing_names(sources, episode);
	return !episode->frames_open && !episode->unwind_wanted;
}

bool symbolize_again(struct episode *episode)
{
	struct episode_frame *frame;
	size_t i;
	bool any = false;

	if (episode->symbolized_again)
		return false;
	episode->symbolized_again = true;
	for (i = 0; i < episode->frames_count; i++) {
		frame = &episode->frames[i];
		/* A perf map has no names for "[vdso]" and the like. */
		if (frame->kind != SYMBOLIZER_JIT || !frame->symbolized ||
		    (frame->answer && frame->answer->count) ||
		    (frame->module && strcmp(frame->module, "[anon]") != 0))
			continue;
		answer_drop(frame->answer);
		frame->answer = NULL;
		frame->tries = 0;
		frame->symbolized = false;
		episode->frames_open++;
		any = true;
	}
	if (any) {
		episode_unnote(episode, note_jit);
		episode_unnote(episode, language_hint(language(episode)));
	}
	return any;
}

bool symbolize_has_stack(const struct episode *episode, size_t stack)
{
	unsigned int i;

	if (stack >= episode->stacks_count)
		return false;
	for (i = 0; i < episode->stacks[stack].count; i++)
		if (!episode->frames[episode->stacks[stack].frames[i]].symbolized)
			return false;
	return true;
}
