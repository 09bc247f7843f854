/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a profile.proto of pprof. Elements are written when they are first used, because
 * the fields of a message may have any order; only the mappings wait for their frames.
 */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../base/escape.h"
#include "interval.h"
#include "protobuf.h"

/* The numbers of the fields. */
enum { ID = 1 }; /* of each message that is referred to */
enum profile {
	SAMPLE_TYPE = 1,
	SAMPLE = 2,
	MAPPING = 3,
	LOCATION = 4,
	FUNCTION = 5,
	STRING_TABLE = 6,
	TIME_NANOS = 9,
	DURATION_NANOS = 10,
	PERIOD_TYPE = 11,
	PERIOD = 12,
	COMMENT = 13,
};
enum value_type { TYPE = 1, UNIT = 2 };
enum sample { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2 };
enum mapping_field {
	MEMORY_START = 2,
	MEMORY_LIMIT = 3,
	FILE_OFFSET = 4,
	MAPPING_FILENAME = 5,
	BUILD_ID = 6,
	HAS_FUNCTIONS = 7,
	HAS_FILENAMES = 8,
	HAS_LINE_NUMBERS = 9,
	HAS_INLINE_FRAMES = 10,
};
enum location { MAPPING_ID = 2, ADDRESS = 3, LINE = 4 };
enum line { FUNCTION_ID = 1, LINE_NUMBER = 2 };
enum function { NAME = 2, FILENAME = 4 };

/*
 * An incident has no load addresses. Each file gets a range of its own, above all addresses
 * of user space, so that an address shows its offset in the low digits. The mapping begins
 * behind the ELF header, because pprof takes a mapping from offset 0 on of a program with
 * fixed addresses for a kernel, and finds wrong names.
 */
#define FILE_SHIFT 40
#define FILE_FIRST 0x100ULL
#define FILE_HEADER 64ULL
#define USER_LIMIT (FILE_FIRST << FILE_SHIFT)
#define KERNEL_START (1ULL << 63)

struct mapping {
	const struct incident_frame *frame; /* an example of its frames */
	maze_u64 start, limit, offset;
	bool lacks_function, lacks_file, lacks_line, has_inlined; /* of at least one frame */
};

struct pprof {
	struct protobuf out;
	struct protobuf_table strings, functions, locations, mapped;
	struct mapping *mappings; /* by their number in `mapped` */
	size_t mappings_room;
	bool failed; /* out of memory */
};

/* Returns the number of the text in the table of strings. It is escaped for terminals. */
static size_t string(struct pprof *pprof, const char *text)
{
	/* Each byte becomes four characters at most. */
	size_t size = text ? strlen(text) * 4 + 1 : 1, number = 0;
	char *escaped = malloc(size);

	if (!escaped) {
		pprof->failed = true;
		return 0;
	}
	escape_copy(escaped, size, text ? text : "");
	if (protobuf_add(&pprof->strings, escaped, strlen(escaped), &number))
		protobuf_bytes(&pprof->out, STRING_TABLE, escaped, strlen(escaped));
	free(escaped);
	return number;
}

/* Appends `message` and frees its bytes. */
static void put_message(struct protobuf *out, unsigned int field, struct protobuf *message)
{
	out->failed |= message->failed;
	protobuf_bytes(out, field, message->bytes, message->size);
	free(message->bytes);
}

/* Returns the ID of the message, which is written if it is new. */
static size_t put_distinct(struct pprof *pprof, struct protobuf_table *table, unsigned int field,
			   struct protobuf *message)
{
	size_t number;

	if (protobuf_add(table, message->bytes, message->size, &number)) {
		protobuf_number(message, ID, number + 1);
		put_message(&pprof->out, field, message);
	} else {
		pprof->failed |= message->failed;
		free(message->bytes);
	}
	return number + 1;
}

static bool is_in_file(const struct incident_frame *frame)
{
	return !frame->kernel && frame->has_offset && (frame->module || frame->build_id);
}

static void init_mapping(struct mapping *mapping, const struct incident_frame *frame, size_t number)
{
	*mapping = (struct mapping){ .frame = frame, .limit = USER_LIMIT };
	if (frame->kernel) {
		mapping->start = KERNEL_START;
		mapping->limit = ~0ULL;
	} else if (is_in_file(frame)) {
		mapping->offset = FILE_HEADER;
		mapping->start = ((FILE_FIRST + number) << FILE_SHIFT) + mapping->offset;
		mapping->limit = (FILE_FIRST + number + 1) << FILE_SHIFT;
	}
}

static const char *mapping_name(const struct incident_frame *frame)
{
	return frame->kernel ? "[kernel]" : frame->module;
}

/* Sets the number of the frame's mapping. Returns NULL if it has none, or without memory. */
static struct mapping *find_mapping(struct pprof *pprof, const struct incident_frame *frame,
				    size_t *ret_number)
{
	struct protobuf key = { 0 };
	size_t room = pprof->mappings_room * 2 + 16;
	struct mapping *grown;
	bool is_new;

	if (!mapping_name(frame) && !frame->build_id)
		return NULL;
	protobuf_number(&key, MEMORY_START, is_in_file(frame));
	protobuf_number(&key, MAPPING_FILENAME, string(pprof, mapping_name(frame)));
	protobuf_number(&key, BUILD_ID, string(pprof, frame->build_id));
	is_new = protobuf_add(&pprof->mapped, key.bytes, key.size, ret_number);
	pprof->failed |= key.failed;
	free(key.bytes);
	if (*ret_number >= pprof->mappings_room) {
		grown = reallocarray(pprof->mappings, room, sizeof(*grown));
		if (!grown) {
			pprof->failed = true;
			return NULL;
		}
		pprof->mappings = grown;
		pprof->mappings_room = room;
	}
	if (is_new)
		init_mapping(&pprof->mappings[*ret_number], frame, *ret_number);
	return &pprof->mappings[*ret_number];
}

static maze_u64 address(const struct mapping *mapping, const struct incident_frame *frame,
			bool is_return)
{
	maze_u64 at = frame->offset;

	if (!frame->has_offset)
		at = frame->address ? strtoull(frame->address, NULL, 16) : 0;
	/* A return address may belong to the next line or function. */
	if (is_return && at)
		at--;
	if (!mapping || !is_in_file(frame))
		return at;
	if (at < mapping->offset || at >> FILE_SHIFT)
		return 0;
	return mapping->start - mapping->offset + at;
}

static void put_line(struct pprof *pprof, const struct incident_frame *frame,
		     struct protobuf *location)
{
	struct protobuf function = { 0 }, line = { 0 };

	protobuf_number(&function, NAME, string(pprof, frame->function));
	protobuf_number(&function, FILENAME, string(pprof, frame->file));
	protobuf_number(&line, FUNCTION_ID,
			put_distinct(pprof, &pprof->functions, FUNCTION, &function));
	if (frame->line > 0)
		protobuf_number(&line, LINE_NUMBER, (maze_u64)frame->line);
	put_message(location, LINE, &line);
}

/*
 * Returns the ID of the location of frame *at, and moves *at behind it. The frames that are
 * inlined into another one are lines of its location. A frame without a name is no line.
 */
static size_t put_location(struct pprof *pprof, const struct stacks_fold *fold, size_t *at)
{
	const struct incident_frame *frame;
	struct protobuf location = { 0 };
	struct mapping *mapping;
	size_t first = *at, number = 0;

	while (*at + 1 < fold->depth && stacks_frame(fold, *at)->inlined)
		++*at;
	frame = stacks_frame(fold, (*at)++);
	mapping = find_mapping(pprof, frame, &number);
	if (mapping) {
		protobuf_number(&location, MAPPING_ID, number + 1);
		mapping->has_inlined |= *at - first > 1;
	}
	protobuf_number(&location, ADDRESS, address(mapping, frame, first > 0));
	for (; first < *at; first++) {
		frame = stacks_frame(fold, first);
		if (mapping) {
			mapping->lacks_function |= !frame->function;
			mapping->lacks_file |= !frame->file;
			mapping->lacks_line |= frame->line <= 0;
		}
		if (frame->function)
			put_line(pprof, frame, &location);
	}
	return put_distinct(pprof, &pprof->locations, LOCATION, &location);
}

static void put_sample(struct pprof *pprof, const struct stacks_fold *fold, maze_u64 period_ns)
{
	struct protobuf sample = { 0 };
	size_t i;

	for (i = 0; i < fold->depth;)
		protobuf_number(&sample, SAMPLE_LOCATION_ID, put_location(pprof, fold, &i));
	protobuf_number(&sample, SAMPLE_VALUE, fold->samples);
	protobuf_number(&sample, SAMPLE_VALUE, fold->samples * period_ns);
	put_message(&pprof->out, SAMPLE, &sample);
}

static void put_mapping(struct pprof *pprof, size_t number)
{
	const struct mapping *mapping = &pprof->mappings[number];
	const struct incident_frame *frame = mapping->frame;
	struct protobuf message = { 0 };

	protobuf_number(&message, ID, number + 1);
	protobuf_number(&message, MEMORY_START, mapping->start);
	protobuf_number(&message, MEMORY_LIMIT, mapping->limit);
	protobuf_number(&message, FILE_OFFSET, mapping->offset);
	protobuf_number(&message, MAPPING_FILENAME, string(pprof, mapping_name(frame)));
	protobuf_number(&message, BUILD_ID, string(pprof, frame->build_id));
	/* With any of these, pprof does not search for names. */
	if (!mapping->lacks_function) {
		protobuf_number(&message, HAS_FUNCTIONS, 1);
		protobuf_number(&message, HAS_FILENAMES, !mapping->lacks_file);
		protobuf_number(&message, HAS_LINE_NUMBERS, !mapping->lacks_line);
		protobuf_number(&message, HAS_INLINE_FRAMES, mapping->has_inlined);
	}
	put_message(&pprof->out, MAPPING, &message);
}

/* The format wants the program first. */
static void put_mappings(struct pprof *pprof, const char *exe)
{
	const char *name;
	bool program;
	size_t i;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < pprof->mapped.count; i++) {
			name = mapping_name(pprof->mappings[i].frame);
			program = exe && name && !strcmp(name, exe);
			if (program == !pass)
				put_mapping(pprof, i);
		}
	}
}

static void put_type(struct pprof *pprof, unsigned int field, const char *type, const char *unit)
{
	struct protobuf message = { 0 };

	protobuf_number(&message, TYPE, string(pprof, type));
	protobuf_number(&message, UNIT, string(pprof, unit));
	put_message(&pprof->out, field, &message);
}

static void put_head(struct pprof *pprof, const struct incident *incident, maze_u64 period_ns)
{
	const struct incident_sample *samples = incident->samples;
	long long since = incident->samples_count ? samples[0].time_ns : INCIDENT_UNKNOWN;
	long long until = since >= 0 ? samples[incident->samples_count - 1].time_ns : since;
	char id[256]; /* more than an ID has */

	string(pprof, ""); /* the format wants it first */
	put_type(pprof, SAMPLE_TYPE, "samples", "count");
	put_type(pprof, SAMPLE_TYPE, "cpu", "nanoseconds");
	put_type(pprof, PERIOD_TYPE, "cpu", "nanoseconds");
	protobuf_number(&pprof->out, PERIOD, period_ns);
	if (since >= 0)
		protobuf_number(&pprof->out, TIME_NANOS, (maze_u64)since);
	if (until > since)
		protobuf_number(&pprof->out, DURATION_NANOS, (maze_u64)(until - since));
	snprintf(id, sizeof(id), "incident %s", incident->id);
	protobuf_number(&pprof->out, COMMENT, string(pprof, id));
	protobuf_number(&pprof->out, COMMENT, string(pprof, "maze " MAZE_VERSION));
}

static int write_gzip(const struct protobuf *message, FILE *out)
{
	/* 16 more than the largest window: with a header of gzip. */
	const int window = MAX_WBITS + 16, memory = 8;
	z_stream stream = { 0 };
	unsigned char *bytes;
	size_t room;
	int err = 0;

	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window, memory,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	room = deflateBound(&stream, message->size);
	bytes = malloc(room);
	if (bytes) {
		stream.next_in = message->bytes;
		stream.avail_in = (unsigned int)message->size;
		stream.next_out = bytes;
		stream.avail_out = (unsigned int)room;
		/* Writes all at once, because there is room for it. */
		deflate(&stream, Z_FINISH);
		if (fwrite(bytes, 1, stream.total_out, out) != stream.total_out)
			err = -EIO;
	} else {
		err = -ENOMEM;
	}
	free(bytes);
	deflateEnd(&stream);
	return err;
}

int report_pprof(const struct incident *incident, const struct stacks *stacks, FILE *out)
{
	struct pprof pprof = { 0 };
	long long period_ns;
	int err = interval_find(incident, &period_ns);
	size_t i;

	if (err)
		return err;
	put_head(&pprof, incident, (maze_u64)period_ns);
	for (i = 0; i < stacks->taken_count; i++)
		put_sample(&pprof, &stacks->taken[i], (maze_u64)period_ns);
	put_mappings(&pprof, incident->process.exe);
	if (pprof.failed || pprof.out.failed || pprof.strings.failed || pprof.functions.failed ||
	    pprof.locations.failed || pprof.mapped.failed)
		err = -ENOMEM;
	else
		err = write_gzip(&pprof.out, out);
	protobuf_table_done(&pprof.strings);
	protobuf_table_done(&pprof.functions);
	protobuf_table_done(&pprof.locations);
	protobuf_table_done(&pprof.mapped);
	free(pprof.mappings);
	free(pprof.out.bytes);
	return err;
}
