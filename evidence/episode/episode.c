/* SPDX-License-Identifier: GPL-2.0-only */
#include "episode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/record_time.h"
#include "episode_group.h"

/* An engine takes at most MAZE_STACKS_MAX stacks. There is room for 24 more. */
#define SAMPLES_MAX (MAZE_STACKS_MAX + 24)

void episode_init(struct episode *episode)
{
	memset(episode, 0, sizeof(*episode));
	episode->live.proc_fd = -1;
	episode->live.open_files = -1;
	episode->records = json_array();
}

void episode_done(struct episode *episode)
{
	size_t i;

	json_decref(episode->records);
	free(episode->rule);
	process_info_done(&episode->live);
	free(episode->recorded);
	free(episode->cgroup);
	for (i = 0; i < episode->files_count; i++)
		free(episode->files[i].path);
	for (i = 0; i < episode->frames_count; i++)
		answer_drop(episode->frames[i].answer);
	free(episode->frames);
	for (i = 0; i < episode->stacks_count; i++)
		free(episode->stacks[i].frames);
	free(episode->samples);
	snapshot_drop(episode->asked);
	free(episode->snapshot);
	free(episode->unwound.frames);
	if (episode->descriptors)
		descriptors_drop(episode->descriptors, 0);
	free(episode->descriptors);
	free(episode->runs);
	json_decref(episode->python.stacks);
	json_decref(episode->python.reads);
	for (i = 0; i < episode->siblings_count; i++)
		stack_sampler_close(episode->siblings[i].sampler);
	episode_group_done(episode);
	memset(episode, 0, sizeof(*episode));
}

void episode_set_id(struct episode *episode, unsigned int uid)
{
	char time[RFC3339_LEN], short_time[32];
	const char *at;
	size_t n = 0;

	record_time_format(episode->first_ns, time);
	for (at = time; *at && *at != '.' && n < sizeof(short_time) - 1; at++)
		if (*at != '-' && *at != ':')
			short_time[n++] = *at;
	short_time[n] = '\0';
	if (episode->group)
		snprintf(episode->id, sizeof(episode->id), "%sZ-%llu-%s-%u", short_time,
			 episode->group->subject.cgroup_id ?: episode->pid,
			 maze_policy_scope_name(episode->group->subject.scope), episode->episode);
	else
		snprintf(episode->id, sizeof(episode->id), "%sZ-%u-%u-%u", short_time, episode->pid,
			 episode->tid, episode->episode);
	n = strlen(episode->id);
	if (uid != geteuid())
		snprintf(episode->id + n, sizeof(episode->id) - n, "-u%u", uid);
}

void episode_note(struct episode *episode, const char *note)
{
	size_t i;

	for (i = 0; i < episode->notes_count; i++)
		if (!strcmp(episode->notes[i], note))
			return;
	if (episode->notes_count < EPISODE_NOTES_MAX)
		episode->notes[episode->notes_count++] = note;
}

void episode_unnote(struct episode *episode, const char *note)
{
	size_t i, kept = 0;

	for (i = 0; i < episode->notes_count; i++)
		if (episode->notes[i] != note)
			episode->notes[kept++] = episode->notes[i];
	episode->notes_count = kept;
}

void episode_add_record(struct episode *episode, const struct maze_record *record,
			const char *engine)
{
	char *text;
	json_t *object;

	if (record->event == MAZE_EVENT_SOFT)
		episode->has_soft = true;
	if (record->event == MAZE_EVENT_HARD)
		episode->has_hard = true;
	if (record->event == MAZE_EVENT_EXIT)
		episode->has_exit = true;
	snprintf(episode->origin.text[ORIGIN_ENGINE], ORIGIN_LEN, "%s", engine);
	origin_interface(engine, episode->origin.text[ORIGIN_INTERFACE]);
	if (json_array_size(episode->records) == EPISODE_RECORDS_MAX)
		return;
	text = maze_record_json(record, engine);
	object = text ? json_loads(text, 0, NULL) : NULL;
	if (object)
		json_array_append_new(episode->records, object);
	free(text);
}

void episode_add_action(struct episode *episode, const struct episode_action *action)
{
	struct episode_action *other;
	size_t i;

	for (i = 0; i < episode->actions_count; i++) {
		other = &episode->actions[i];
		if (!other->pending || other->hard != action->hard ||
		    strcmp(other->name, action->name) != 0)
			continue;
		/* The list is in the order of the times. */
		memmove(other, other + 1, (--episode->actions_count - i) * sizeof(*other));
		break;
	}
	if (episode->actions_count < EPISODE_ACTIONS_MAX)
		episode->actions[episode->actions_count++] = *action;
}

bool episode_awaits_action(const struct episode *episode)
{
	size_t i;

	for (i = 0; i < episode->actions_count; i++)
		if (episode->actions[i].pending)
			return true;
	return false;
}

void episode_add_process_info(struct episode *episode, const struct maze_process_info *recorded)
{
	struct maze_process_info *kept = episode->recorded ?: malloc(sizeof(*kept));

	if (!kept)
		return;
	*kept = *recorded;
	/* The strings come from the rings of the engine, so limit their lengths. */
	kept->comm[sizeof(kept->comm) - 1] = '\0';
	kept->exe[sizeof(kept->exe) - 1] = '\0';
	if (kept->args_size > sizeof(kept->args))
		kept->args_size = sizeof(kept->args);
	episode->recorded = kept;
	if (!episode->cgroup)
		episode->cgroup = machine_info_cgroup_path(kept->cgroup);
}

const char *episode_exe(const struct episode *episode)
{
	if (episode->has_live && episode->live.exe)
		return episode->live.exe;
	if (episode->recorded && episode->recorded->exe[0] &&
	    !(episode->recorded->flags & MAZE_PROCESS_INFO_EXE_CUT))
		return episode->recorded->exe;
	return NULL;
}

/* ---- frames ------------------------------------------------------------------------ */

static unsigned int file_by_build_id(struct episode *episode, const maze_u8 *build_id)
{
	struct episode_file *file;
	unsigned int i;

	for (i = 0; i < episode->files_count; i++)
		if (!episode->files[i].map && episode->files[i].has_build_id &&
		    !memcmp(episode->files[i].build_id, build_id, MAZE_BUILD_ID_LEN))
			return i;
	if (i == EPISODE_FILES_MAX)
		return EPISODE_NO_FILE;
	file = &episode->files[episode->files_count++];
	file->has_build_id = true;
	memcpy(file->build_id, build_id, MAZE_BUILD_ID_LEN);
	return i;
}

static unsigned int file_by_map(struct episode *episode, const struct map *map)
{
	struct episode_file *file;
	unsigned int i;

	for (i = 0; i < episode->files_count; i++)
		if (episode->files[i].map == map)
			return i;
	if (i == EPISODE_FILES_MAX)
		return EPISODE_NO_FILE;
	file = &episode->files[episode->files_count++];
	file->map = map;
	file->path = strdup(map->path);
	return i;
}

/* Returns a frame in a mapped file, or in code that was made at run time. */
static struct episode_frame by_address(struct episode *episode, maze_u64 address, bool exact)
{
	struct episode_frame frame = {
		.kind = SYMBOLIZER_JIT, .file = EPISODE_NO_FILE, .at = address, .exact = exact
	};
	const struct map *map;

	if (!episode->has_live)
		return frame;
	map = maps_find(&episode->live.maps, exact ? address : address - 1);
	if (!map)
		return frame;
	if (!map_has_file(map)) {
		frame.module = map->path[0] == '[' ? map->path : "[anon]";
		/* A perf map has no names for mappings such as "[vdso]". */
		frame.symbolized = map->path[0] == '[';
		return frame;
	}
	frame.file = file_by_map(episode, map);
	if (frame.file != EPISODE_NO_FILE) {
		frame.kind = SYMBOLIZER_FILE;
		frame.at = address - map->start + map->offset;
	}
	return frame;
}

/*
 * Whether the address of a frame is surely no code. Without frame pointers the kernel
 * mistakes other values on the stack for return addresses. The innermost frame is always
 * right, so callers do not check it.
 */
static bool is_astray(const struct episode *episode, const struct maze_frame *frame)
{
	size_t i;

	/*
	 * For an address below all mappings, some kernels report a negative offset in the
	 * lowest mapping.
	 */
	if (frame->kind == MAZE_FRAME_FILE)
		return frame->at >= 1ULL << 63;
	if (frame->kind != MAZE_FRAME_ADDRESS)
		return false;
	/* These addresses are below vm.mmap_min_addr or above user space. */
	if (frame->at < 0x10000 || frame->at >= 1ULL << 56)
		return true;
	if (!episode->has_live || maps_find(&episode->live.maps, frame->at))
		return false;
	/* A JIT compiler may have made more code after /proc/PID/maps was read. */
	for (i = 0; i < episode->live.maps.count; i++)
		if (!episode->live.maps.map[i].inode && episode->live.maps.map[i].path[0] != '[')
			return false;
	return !episode->live.maps.cut;
}

static struct episode_frame by_kernel_frame(struct episode *episode, const struct maze_frame *from,
					    bool exact)
{
	struct episode_frame frame = { .kind = SYMBOLIZER_FILE, .at = from->at, .exact = exact };

	if (from->kind == MAZE_FRAME_ADDRESS)
		return by_address(episode, from->at, exact);
	frame.file = file_by_build_id(episode, from->build_id);
	/* If there are too many files, this frame gets no name. */
	frame.symbolized = frame.file == EPISODE_NO_FILE;
	return frame;
}

static bool same_frame(const struct episode_frame *a, const struct episode_frame *b)
{
	return a->kind == b->kind && a->file == b->file && a->at == b->at && a->exact == b->exact;
}

/* Returns the index, or EPISODE_FRAMES_MAX if there is no room. */
static unsigned int add_frame(struct episode *episode, const struct episode_frame *frame)
{
	struct episode_frame *grown;
	size_t i, room;

	for (i = 0; i < episode->frames_count; i++)
		if (same_frame(&episode->frames[i], frame))
			return (unsigned int)i;
	if (i == EPISODE_FRAMES_MAX)
		return EPISODE_FRAMES_MAX;
	if (i == episode->frames_room) {
		room = i ? i * 2 : 32;
		grown = realloc(episode->frames, room * sizeof(*grown));
		if (!grown)
			return EPISODE_FRAMES_MAX;
		episode->frames = grown;
		episode->frames_room = room;
	}
	episode->frames[episode->frames_count++] = *frame;
	episode->frames_open += !frame->symbolized;
	return (unsigned int)i;
}

/* ---- stacks ------------------------------------------------------------------------ */

/* Finds or adds the stack. Sets its index. Takes over its frames. False: no room. */
static bool add_distinct(struct episode *episode, struct episode_stack *stack,
			 unsigned int *ret_index)
{
	struct episode_stack *known;
	unsigned int i;

	for (i = 0; i < episode->stacks_count; i++) {
		known = &episode->stacks[i];
		if (known->count == stack->count && known->cut == stack->cut &&
		    known->astray == stack->astray &&
		    !memcmp(known->frames, stack->frames, stack->count * sizeof(*stack->frames))) {
			free(stack->frames);
			*ret_index = i;
			return true;
		}
	}
	if (i == EPISODE_STACKS_MAX) {
		free(stack->frames);
		return false;
	}
	episode->stacks[episode->stacks_count++] = *stack;
	*ret_index = i;
	return true;
}

static bool add_sample(struct episode *episode, const struct maze_stack *stack, unsigned int index)
{
	struct episode_sample *grown;
	size_t room;

	if (episode->samples_count == episode->samples_room) {
		room = episode->samples_room ? episode->samples_room * 2 : 64;
		if (episode->samples_count >= SAMPLES_MAX)
			return false;
		grown = realloc(episode->samples, room * sizeof(*grown));
		if (!grown)
			return false;
		episode->samples = grown;
		episode->samples_room = room;
	}
	episode->samples[episode->samples_count++] = (struct episode_sample){
		.boot_ns = stack->boot_ns,
		.count_ns = stack->count_ns,
		.cpu = stack->cpu,
		.stack = index,
	};
	return true;
}

/* Sets the frames of a stack as indices. Returns false if there is no room. */
static bool take_frames(struct episode *episode, const struct maze_stack *stack,
			struct episode_stack *ret_stack)
{
	unsigned int kernel = stack->kernel_frames, user = stack->user_frames, i, index;
	struct episode_frame frame;
	bool fits = true;

	if (kernel > MAZE_STACK_KERNEL_MAX)
		kernel = MAZE_STACK_KERNEL_MAX;
	if (user > MAZE_STACK_USER_MAX)
		user = MAZE_STACK_USER_MAX;
	*ret_stack = (struct episode_stack){
		.frames = calloc(kernel + user + 1, sizeof(*ret_stack->frames)),
		.cut = stack->flags & (MAZE_STACK_USER_CUT | MAZE_STACK_KERNEL_CUT),
	};
	if (!ret_stack->frames)
		return false;
	for (i = 0; fits && i < kernel + user; i++) {
		if (i < kernel)
			frame = (struct episode_frame){ .kind = SYMBOLIZER_KERNEL,
							.file = EPISODE_NO_FILE,
							.at = stack->kernel[i],
							.exact = i == 0 };
		else if (stack->user[i - kernel].kind == MAZE_FRAME_NONE)
			continue;
		else if (i > kernel && is_astray(episode, &stack->user[i - kernel]))
			break;
		else
			/* Only a stack's innermost frame is no return address. */
			frame = by_kernel_frame(episode, &stack->user[i - kernel],
						i == kernel && !kernel);
		index = add_frame(episode, &frame);
		fits = index < EPISODE_FRAMES_MAX;
		ret_stack->frames[ret_stack->count++] = index;
	}
	/* Older readers know only `cut`, so set both. */
	if (fits && i < kernel + user)
		ret_stack->cut = ret_stack->astray = true;
	if (!fits)
		free(ret_stack->frames);
	return fits;
}

int episode_stack_index(struct episode *episode, const struct maze_stack *stack)
{
	struct episode_stack taken;
	unsigned int index;

	if (!take_frames(episode, stack, &taken) || !add_distinct(episode, &taken, &index))
		return -ENOSPC;
	return (int)index;
}

int episode_add_stack(struct episode *episode, const struct maze_stack *stack)
{
	int index = episode_stack_index(episode, stack);

	if (stack->number >= episode->numbers)
		episode->numbers = stack->number + 1U;
	if (index < 0 || !add_sample(episode, stack, (unsigned int)index)) {
		episode->samples_dropped++;
		return -ENOSPC;
	}
	return 0;
}

void episode_add_unwound(struct episode *episode, const struct unwind_frame *frames, size_t count)
{
	struct episode_frame frame;
	unsigned int index;
	size_t i;

	episode->unwound.frames = calloc(count + 1, sizeof(*episode->unwound.frames));
	for (i = 0; episode->unwound.frames && i < count; i++) {
		frame = by_address(episode, frames[i].address, frames[i].exact);
		index = add_frame(episode, &frame);
		if (index == EPISODE_FRAMES_MAX)
			break;
		episode->unwound.frames[episode->unwound.count++] = index;
	}
	episode->unwound.cut = count == UNWIND_FRAMES_MAX;
}
