/* SPDX-License-Identifier: GPL-2.0-only */
#include "system_calls.h"

#include <fcntl.h>
#include <stdlib.h>

#define NSEC_PER_SEC 1e9
/* A slice with less CPU time, as of a thread that ended, gives no rate. */
#define CPU_MIN_NS 1000000
/* The writer has at most 2 slices of 16 rows. */
#define SLICES_MAX 16
#define ROWS_MAX 64

/* ---- read -------------------------------------------------------------------------- */

/* A descriptor may be negative: AT_FDCWD, or the invalid one of a program. */
static void read_fd(struct json_reader *reader, const json_t *object, struct incident_call *call)
{
	json_t *fd = json_object_get(object, "fd");

	call->has_fd = json_is_integer(fd);
	call->fd = json_integer_value(fd);
	if (fd && !json_is_null(fd) && !call->has_fd)
		type_error(reader, "fd", "a whole number");
}

static void read_call(struct json_reader *reader, const json_t *object, struct incident_call *call)
{
	call->name = read_text(reader, object, "name");
	call->error = read_text(reader, object, "error");
	call->number = read_number(reader, object, "number");
	read_fd(reader, object, call);
	call->calls = read_number(reader, object, "calls");
	call->time_ns = read_number(reader, object, "time_ns");
	call->bytes = read_number(reader, object, "bytes");
	call->compat = read_flag(reader, object, "compat", false);
	call->positive = read_flag(reader, object, "positive", false);
}

static bool read_slice(struct json_reader *reader, const json_t *object,
		       struct incident_slice *slice)
{
	json_t *rows = read_array(reader, object, "rows");
	json_t *inside = read_object(reader, object, "inside");
	size_t count = json_array_size(rows), i;

	if (count > ROWS_MAX) {
		type_error(reader, "rows", "an array of at most 64");
		count = 0;
	}
	slice->time_ns = read_time(reader, object, "time");
	slice->cpu_ns = read_number(reader, object, "cpu_ns");
	slice->wall_ns = read_number(reader, object, "wall_ns");
	slice->calls = read_number(reader, object, "calls");
	slice->rest_calls = read_number(reader, object, "rest_calls");
	slice->rest_time_ns = read_number(reader, object, "rest_time_ns");
	slice->is_inside = inside;
	read_call(reader, inside, &slice->inside);
	slice->rows = calloc(ROWS_MAX, sizeof(*slice->rows));
	if (!slice->rows)
		return false;
	for (i = 0; i < count; i++)
		read_call(reader, read_element(reader, rows, i), &slice->rows[i]);
	slice->rows_count = count;
	return true;
}

bool system_calls_read(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *array = read_array(reader, root, "system_calls");
	size_t count = json_array_size(array), i;

	reader->where = "system_calls";
	if (count > SLICES_MAX) {
		type_error(reader, "", "an array of at most 16");
		return true;
	}
	incident->slices = calloc(SLICES_MAX, sizeof(*incident->slices));
	if (!incident->slices)
		return false;
	for (i = 0; i < count; i++) {
		incident->slices_count = i + 1;
		if (!read_slice(reader, read_element(reader, array, i), &incident->slices[i]))
			return false;
	}
	return true;
}

void system_calls_free(struct incident *incident)
{
	size_t i;

	for (i = 0; i < incident->slices_count; i++)
		free(incident->slices[i].rows);
	free(incident->slices);
}

/* ---- print ------------------------------------------------------------------------- */

static void put_call(struct summary *summary, const struct incident_call *call)
{
	char number[SHOWN_LEN];

	if (call->name)
		summary_name(summary, call->name);
	else
		summary_plain(summary, "system call %s", shown_number(call->number, number));
	if (call->compat)
		summary_plain(summary, " (32-bit)");
	if (call->has_fd && call->fd == AT_FDCWD)
		summary_plain(summary, ", fd AT_FDCWD");
	else if (call->has_fd)
		summary_plain(summary, ", fd %lld", call->fd);
}

void system_calls_total(struct summary *summary, const struct incident_slice *slice)
{
	char calls[SHOWN_LEN], time[SHOWN_LEN];

	summary_plain(summary, "%s in %s of CPU time",
		      slice->calls ? shown_number(slice->calls, calls) : "none",
		      slice->cpu_ns > 0 ? shown_duration(slice->cpu_ns, time)
					: "an unknown amount");
}

void system_calls_row(struct summary *summary, const struct incident_call *call)
{
	put_call(summary, call);
	summary_plain(summary, ": ");
	if (call->error)
		summary_name(summary, call->error);
	else if (call->bytes >= 0)
		summary_plain(summary, "%lld bytes in all", call->bytes);
	else
		summary_plain(summary, call->positive ? "positive" : "0");
}

void system_calls_inside(struct summary *summary, const struct incident_slice *slice)
{
	char time[SHOWN_LEN];

	summary_plain(summary, "At the end it was in ");
	put_call(summary, &slice->inside);
	summary_plain(summary, ", for %s%s", slice->calls ? "" : "at least ",
		      slice->inside.time_ns >= 0 ? shown_duration(slice->inside.time_ns, time)
						 : "an unknown time");
}

const char *system_calls_rate(const struct incident_slice *slice, long long calls,
			      char buf[SHOWN_LEN])
{
	snprintf(buf, SHOWN_LEN, "-");
	if (slice->cpu_ns >= CPU_MIN_NS && calls >= 0)
		snprintf(buf, SHOWN_LEN, "%.0f",
			 (double)calls * NSEC_PER_SEC / (double)slice->cpu_ns);
	return buf;
}

static size_t at_least_0(long long number)
{
	return number > 0 ? (size_t)number : 0;
}

const char *system_calls_share(const struct incident_slice *slice, long long time_ns,
			       char buf[SHOWN_LEN])
{
	return shown_share(at_least_0(time_ns), at_least_0(slice->wall_ns), buf);
}
