/* SPDX-License-Identifier: GPL-2.0-only */
#include "named_addresses.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The maximum size of a function. An address this far above a symbol gets no name. */
#define KERNEL_FUNCTION_MAX (1ULL << 20)
#define CHUNK_SIZE 65536

static int by_address(const void *left, const void *right)
{
	const struct named_address *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

void named_addresses_sort(struct named_address *addresses, size_t count)
{
	qsort(addresses, count, sizeof(*addresses), by_address);
}

/* Returns the index of the first address that is not below `from`, or `count`. */
static size_t first_from(const struct named_address *addresses, size_t count, maze_u64 from)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (addresses[middle].address < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_name(struct named_address *address, const char *name, size_t length)
{
	if (length >= sizeof(address->name))
		length = sizeof(address->name) - 1;
	memcpy(address->name, name, length);
	address->name[length] = '\0';
}

/* Moves *at behind the hexadecimal digits. Returns false unless there are 1 to 16. */
static bool take_hex(const char **at, const char *end, maze_u64 *ret_number)
{
	const char *begin = *at;
	maze_u64 number = 0;
	int digit;

	/* Some runtimes write 0x before the digits. */
	if (end - begin > 2 && begin[0] == '0' && begin[1] == 'x')
		begin = *at += 2;
	for (; *at < end && isxdigit((unsigned char)**at); (*at)++) {
		digit = **at <= '9' ? **at - '0' : (**at | 32) - 'a' + 10;
		number = number << 4 | (maze_u64)digit;
	}
	if (*at == begin || *at - begin > 16)
		return false;
	*ret_number = number;
	return true;
}

static bool take_blank(const char **at, const char *end)
{
	const char *begin = *at;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	return *at > begin;
}

/* ---- the map for perf -------------------------------------------------------------- */

static void take_perf_line(const char *line, const char *end, struct named_address *addresses,
			   size_t count)
{
	maze_u64 start, size;
	size_t i;

	if (!take_hex(&line, end, &start) || !take_blank(&line, end) ||
	    !take_hex(&line, end, &size) || !take_blank(&line, end) || line == end)
		return;
	for (i = first_from(addresses, count, start);
	     i < count && addresses[i].address - start < size; i++) {
		addresses[i].start = start;
		set_name(&addresses[i], line, (size_t)(end - line));
	}
}

void named_addresses_perf_map(const char *text, size_t size, struct named_address *addresses,
			      size_t count)
{
	const char *end = text + size, *line_end;

	/* The last line may be incomplete. */
	for (; (line_end = memchr(text, '\n', (size_t)(end - text))); text = line_end + 1)
		take_perf_line(text, line_end, addresses, count);
}

/* ---- /proc/kallsyms ---------------------------------------------------------------- */

/*
 * Gives the symbol's name to the first address at or above the symbol, unless this
 * address has the name of a nearer symbol. share_with_neighbours() names the other
 * addresses. Returns false if the line is invalid or the symbol's address is 0.
 */
static bool take_kernel_line(const char *line, const char *end, struct named_address *addresses,
			     size_t count)
{
	maze_u64 start;
	size_t i;

	if (!take_hex(&line, end, &start) || !start || end - line < 4 || line[0] != ' ' ||
	    line[2] != ' ')
		return false;
	/* Only these letters mean code symbols: global, local or weak. */
	if (strchr("TtWw", line[1]) == NULL)
		return true;
	i = first_from(addresses, count, start);
	if (i == count || (addresses[i].name[0] && addresses[i].start >= start))
		return true;
	addresses[i].start = start;
	/* The text includes the name of a kernel module, in brackets behind a tab. */
	set_name(&addresses[i], line + 3, (size_t)(end - line - 3));
	return true;
}

static void share_with_neighbours(struct named_address *addresses, size_t count)
{
	struct named_address *below = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (addresses[i].name[0])
			below = &addresses[i];
		else if (below)
			memcpy(addresses[i].name, below->name, sizeof(below->name));
		if (below)
			addresses[i].start = below->start;
	}
	for (i = 0; i < count; i++)
		if (addresses[i].address - addresses[i].start > KERNEL_FUNCTION_MAX)
			addresses[i].name[0] = '\0';
}

bool named_addresses_kallsyms(int fd, struct named_address *addresses, size_t count)
{
	char chunk[CHUNK_SIZE], *line, *line_end;
	size_t length = 0;
	bool shown = false;
	ssize_t got;

	for (;;) {
		got = read(fd, chunk + length, sizeof(chunk) - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += (size_t)got;
		line = chunk;
		while ((line_end = memchr(line, '\n', length - (size_t)(line - chunk)))) {
			shown |= take_kernel_line(line, line_end, addresses, count);
			line = line_end + 1;
		}
		length -= (size_t)(line - chunk);
		memmove(chunk, line, length);
		if (length == sizeof(chunk))
			break;
	}
	share_with_neighbours(addresses, count);
	return shown;
}
