/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process runs meanwhile, so any object may be freed and its memory reused. Types,
 * sizes and states are checked, and the code object is compared after the strings that it
 * owns were read. As long as it exists they do not change.
 */
#include "python_code.h"

#include <string.h>

/* The maximum of characters of a name, and of bytes of code and of a table of lines. */
#define TEXT_MAX 65536
#define BYTES_MAX (16U << 20)
/* CPython has lines as int. */
#define LINE_LAST 0x7fffffff
/* A code unit of CPython. */
#define UNIT 2
/* The state of a string, from its lowest bit: interned: 2, kind: 3, compact: 1, ascii: 1. */
#define STATE_KIND(state) ((state) >> 2 & 7)
#define STATE_IS_COMPACT(state) ((state) >> 5 & 1)
#define STATE_IS_ASCII(state) ((state) >> 6 & 1)

static maze_u64 word_at(const unsigned char *object, maze_u32 offset)
{
	maze_u64 word;

	memcpy(&word, object + offset, sizeof(word));
	return word;
}

static maze_u32 half_at(const unsigned char *object, maze_u32 offset)
{
	maze_u32 half;

	memcpy(&half, object + offset, sizeof(half));
	return half;
}

/* Reads the first bytes of an object, up to the member that is the last in memory. */
static int read_object(struct python_memory *memory, maze_u64 at, maze_u32 last,
		       unsigned char *ret_object)
{
	if (last > PYTHON_OBJECT_MAX - sizeof(maze_u64))
		return -EAGAIN;
	return python_memory_read(memory, at, ret_object, last + sizeof(maze_u64));
}

static int check_type(struct python_memory *memory, const struct python_layout *layout,
		      const unsigned char *object, const char *name, maze_u64 *known)
{
	maze_u64 type = word_at(object, layout->object_type), at;
	char found[8];
	int err;

	if (*known)
		return type == *known ? 0 : -EAGAIN;
	err = python_memory_read(memory, type + layout->type_name, &at, sizeof(at));
	if (!err)
		err = python_memory_read(memory, at, found, strlen(name) + 1);
	if (err)
		return err;
	if (memcmp(found, name, strlen(name) + 1) != 0)
		return -EAGAIN;
	*known = type;
	return 0;
}

static maze_u32 later(maze_u32 a, maze_u32 b)
{
	return a > b ? a : b;
}

/* ---- strings ----------------------------------------------------------------------- */

/* Appends a character. Returns false if there is no room. */
static bool put_character(char *text, size_t *length, maze_u32 character)
{
	/* A NUL would end the text, and half a surrogate pair is not a character. */
	maze_u32 c =
		!character || character > 0x10ffff || (character >= 0xd800 && character < 0xe000)
			? 0xfffd
			: character;
	size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3, i;

	if (*length + more + 1 >= PYTHON_NAME_MAX)
		return false;
	/* The first byte has as many high bits as the character has bytes. */
	text[(*length)++] = (char)(more ? (0xf0 << (3 - more) & 0xff) | c >> 6 * more : c);
	for (i = more; i-- > 0;)
		text[(*length)++] = (char)(0x80 | (c >> 6 * i & 0x3f));
	return true;
}

static int read_text(struct python_memory *memory, const struct python_layout *layout,
		     struct python_types *types, maze_u64 at, char *ret_text)
{
	unsigned char object[PYTHON_OBJECT_MAX], data[PYTHON_NAME_MAX * 4];
	maze_u32 state, kind, character;
	maze_u64 count;
	size_t i, length = 0;
	int err;

	err = read_object(
		memory, at,
		later(later(layout->text_state, layout->text_length), layout->object_type), object);
	if (!err)
		err = check_type(memory, layout, object, "str", &types->text);
	if (err)
		return err;
	state = half_at(object, layout->text_state);
	count = word_at(object, layout->text_length);
	kind = STATE_KIND(state);
	if (!STATE_IS_COMPACT(state) || (kind != 1 && kind != 2 && kind != 4) || !count ||
	    count > TEXT_MAX || (STATE_IS_ASCII(state) && kind != 1))
		return -EAGAIN;
	if (count > PYTHON_NAME_MAX)
		count = PYTHON_NAME_MAX;
	err = python_memory_read(
		memory, at + (STATE_IS_ASCII(state) ? layout->text_ascii : layout->text_other),
		data, count * kind);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		character = 0;
		memcpy(&character, data + i * kind, kind);
		if (!put_character(ret_text, &length, character))
			break;
	}
	ret_text[length] = '\0';
	return 0;
}

/* ---- lines ------------------------------------------------------------------------- */

/*
 * The table of lines (co_linetable, from 3.11 on) has an entry for each run of code units:
 * a byte with the high bit, a code of four bits and the number of units minus one, and then
 * the bytes of the location, none of which has the high bit.
 */
struct table {
	struct python_memory *memory;
	maze_u64 at, left;
	unsigned char buf[256];
	size_t next, filled;
};

static int next_byte(struct table *table, unsigned int *ret_byte)
{
	int err;

	if (table->next == table->filled) {
		table->next = 0;
		table->filled = table->left < sizeof(table->buf) ? table->left : sizeof(table->buf);
		if (!table->filled)
			return -ENODATA;
		err = python_memory_read(table->memory, table->at, table->buf, table->filled);
		if (err)
			return err;
		table->at += table->filled;
		table->left -= table->filled;
	}
	*ret_byte = table->buf[table->next++];
	return 0;
}

/* Six bits in each byte, the lowest first. Bit 6: another byte follows. */
static int next_number(struct table *table, maze_u64 *ret_number)
{
	maze_u64 number = 0;
	unsigned int shift, byte;
	int err;

	/* A line number has 32 bits. */
	for (shift = 0; shift <= 36; shift += 6) {
		err = next_byte(table, &byte);
		if (err)
			return err;
		if (byte & 0x80)
			return -EAGAIN;
		number |= (maze_u64)(byte & 0x3f) << shift;
		if (!(byte & 0x40)) {
			*ret_number = number;
			return 0;
		}
	}
	return -EAGAIN;
}

/* Moves `line` by the location of an entry. Returns 1 if the entry has no line. */
static int next_line(struct table *table, unsigned int code, long long *line)
{
	/* The numbers of bytes, and of numbers, after the line. */
	static const unsigned char bytes[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2 };
	static const unsigned char numbers[16] = { [14] = 3 };
	unsigned int i, byte;
	maze_u64 number;
	int err;

	if (code == 15)
		return 1;
	if (code >= 10 && code <= 12)
		*line += code - 10;
	if (code >= 13) {
		err = next_number(table, &number);
		if (err)
			return err;
		/* The lowest bit is the sign. */
		*line += number & 1 ? -(long long)(number >> 1) : (long long)(number >> 1);
	}
	for (i = 0; i < bytes[code]; i++) {
		err = next_byte(table, &byte);
		if (err)
			return err;
	}
	for (i = 0; i < numbers[code]; i++) {
		err = next_number(table, &number);
		if (err)
			return err;
	}
	return 0;
}

/* Sets the line of a code unit; 0: it has none. */
static int line_of(struct table *table, maze_u32 first_line, maze_u64 unit, unsigned int *ret_line)
{
	long long line = first_line;
	maze_u64 end = 0;
	unsigned int byte;
	int found;

	do {
		found = next_byte(table, &byte);
		if (found)
			return found == -ENODATA ? -EAGAIN : found;
		if (!(byte & 0x80))
			return -EAGAIN;
		found = next_line(table, byte >> 3 & 15, &line);
		if (found < 0)
			return found == -ENODATA ? -EAGAIN : found;
		end += (byte & 7) + 1;
	} while (end <= unit);
	if (!found && (line <= 0 || line > LINE_LAST))
		return -EAGAIN;
	*ret_line = found ? 0 : (unsigned int)line;
	return 0;
}

static int read_line(struct python_memory *memory, const struct python_layout *layout,
		     struct python_types *types, maze_u64 at, maze_u32 first_line, maze_u64 unit,
		     unsigned int *ret_line)
{
	struct table table = { .memory = memory };
	unsigned char object[PYTHON_OBJECT_MAX];
	int err = read_object(memory, at, later(layout->var_size, layout->object_type), object);

	if (!err)
		err = check_type(memory, layout, object, "bytes", &types->bytes);
	if (err)
		return err;
	table.at = at + layout->bytes_data;
	table.left = word_at(object, layout->var_size);
	if (table.left > BYTES_MAX)
		return -EAGAIN;
	return line_of(&table, first_line, unit, ret_line);
}

/* ---- code objects ------------------------------------------------------------------ */

struct code {
	maze_u64 type, units, file, function, lines, first_line;
};

static int read_code(struct python_memory *memory, const struct python_layout *layout,
		     struct python_types *types, maze_u64 at, struct code *ret_code)
{
	unsigned char object[PYTHON_OBJECT_MAX];
	maze_u32 last = later(later(layout->code_file, layout->code_function), layout->code_lines);
	int err;

	last = later(later(last, layout->code_first_line),
		     later(layout->object_type, layout->var_size));
	err = read_object(memory, at, last, object);
	if (!err)
		err = check_type(memory, layout, object, "code", &types->code);
	if (err)
		return err;
	ret_code->type = word_at(object, layout->object_type);
	ret_code->units = word_at(object, layout->var_size);
	ret_code->file = word_at(object, layout->code_file);
	ret_code->function = word_at(object, layout->code_function);
	ret_code->lines = word_at(object, layout->code_lines);
	ret_code->first_line = half_at(object, layout->code_first_line);
	if (!ret_code->units || ret_code->units > BYTES_MAX || ret_code->first_line > LINE_LAST)
		return -EAGAIN;
	return 0;
}

int python_code_frame(struct python_memory *memory, const struct python_layout *layout,
		      struct python_types *types, maze_u64 at, maze_u64 instruction,
		      struct python_frame *ret_frame)
{
	maze_u64 first = at + layout->code_bytes;
	struct code code, again;
	int err;

	memset(ret_frame, 0, sizeof(*ret_frame));
	err = read_code(memory, layout, types, at, &code);
	if (err)
		return err;
	/* A new frame points before the first instruction in 3.11 and 3.12. */
	if (instruction + UNIT == first)
		ret_frame->line = (unsigned int)code.first_line;
	else if (instruction < first || (instruction - first) % UNIT ||
		 (instruction - first) / UNIT >= code.units)
		return -EAGAIN;
	else
		err = read_line(memory, layout, types, code.lines, (maze_u32)code.first_line,
				(instruction - first) / UNIT, &ret_frame->line);
	if (!err)
		err = read_text(memory, layout, types, code.function, ret_frame->function);
	/* CPython makes frames between a class and its __init__, which have no file. */
	if (!err && (code.file != code.function || ret_frame->line))
		err = read_text(memory, layout, types, code.file, ret_frame->file);
	if (!err)
		err = read_code(memory, layout, types, at, &again);
	if (!err && memcmp(&code, &again, sizeof(code)) != 0)
		err = -EAGAIN;
	return err;
}
