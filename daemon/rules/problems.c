/* SPDX-License-Identifier: GPL-2.0-only */
/* problems_add() never fails. If memory is short, it only counts the problem. */
#include "problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/escape.h"

/* The array begins with room for this many problems, because most files have few. */
#define CAPACITY_FIRST 16

void problems_init(struct problems *problems)
{
	*problems = (struct problems){ 0 };
}

static void problem_done(struct problem *problem)
{
	free(problem->file);
	free(problem->key);
	free(problem->text);
}

void problems_done(struct problems *problems)
{
	size_t i;

	for (i = 0; i < problems->count; i++)
		problem_done(&problems->items[i]);
	free(problems->items);
	problems_init(problems);
}

/* The capacity is CAPACITY_FIRST times a power of two, so it follows from `count`. */
static struct problem *next_free(struct problems *problems)
{
	size_t count = problems->count, capacity = count ? count * 2 : CAPACITY_FIRST;
	struct problem *grown;

	if (count >= PROBLEMS_KEPT_MAX)
		return NULL;
	if (count && (count < CAPACITY_FIRST || (count & (count - 1))))
		return &problems->items[count];
	grown = realloc(problems->items, capacity * sizeof(*grown));
	if (!grown)
		return NULL;
	problems->items = grown;
	return &grown[count];
}

void problems_add(struct problems *problems, enum problem_kind kind, const char *file,
		  unsigned int line, const char *key, const char *format, ...)
{
	struct problem item = { .kind = kind, .line = line }, *slot;
	va_list args;
	int written;

	if (kind == PROBLEM_ERROR)
		problems->errors++;
	else
		problems->notes++;
	slot = next_free(problems);
	if (!slot)
		return;
	va_start(args, format);
	written = vasprintf(&item.text, format, args);
	va_end(args);
	if (written < 0)
		item.text = NULL;
	item.file = strdup(file);
	item.key = key ? strdup(key) : NULL;
	if (!item.text || !item.file || (key && !item.key)) {
		problem_done(&item);
		return;
	}
	item.order = problems->count;
	*slot = item;
	problems->count++;
}

static int by_position(const void *left, const void *right)
{
	const struct problem *a = left, *b = right;
	int order = strcmp(a->file, b->file);

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void problems_sort(struct problems *problems)
{
	if (problems->count)
		qsort(problems->items, problems->count, sizeof(*problems->items), by_position);
}

void problems_print(const struct problems *problems, FILE *out)
{
	const struct problem *item;
	size_t i, lost = problems->errors + problems->notes - problems->count;

	for (i = 0; i < problems->count; i++) {
		item = &problems->items[i];
		escape_write(out, item->file);
		if (item->line)
			fprintf(out, ":%u", item->line);
		fputs(item->kind == PROBLEM_NOTE ? ": note: " : ": ", out);
		if (item->key) {
			escape_write(out, item->key);
			fputs(": ", out);
		}
		escape_write(out, item->text);
		fputc('\n', out);
	}
	if (lost)
		fprintf(out, "and %zu more\n", lost);
}
