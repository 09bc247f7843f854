/* SPDX-License-Identifier: GPL-2.0-only */
#include "progress.h"

#include <limits.h>

#include "shown.h"

void incident_progress_read(struct json_reader *reader, const json_t *root,
			    struct incident *incident)
{
	const json_t *object = read_object(reader, root, "progress");
	struct incident_progress *progress = &incident->progress;
	size_t i;

	reader->where = "progress";
	progress->from_ns = read_time(reader, object, "from");
	progress->to_ns = read_time(reader, object, "to");
	for (i = 0; i < PROGRESS_NUMBERS_; i++)
		progress->number[i] = read_number(reader, object, progress_keys[i]);
}

/* ---- print ------------------------------------------------------------------------- */

/* Rounded down, as durations are. */
static const char *bytes_text(long long bytes, char buf[SHOWN_LEN])
{
	const char *unit = "kMGTPE";

	if (bytes < 10000) {
		snprintf(buf, SHOWN_LEN, "%lld byte%s", bytes, bytes == 1 ? "" : "s");
		return buf;
	}
	for (; bytes >= 1000000; bytes /= 1000)
		unit++;
	snprintf(buf, SHOWN_LEN, "%lld.%lld %cB", bytes / 1000, bytes / 100 % 10, *unit);
	return buf;
}

static const char *times(long long count, const char *what, char buf[SHOWN_LEN])
{
	snprintf(buf, SHOWN_LEN, "%lld %s%s", count, what, count == 1 ? "" : "s");
	return buf;
}

/* Writes ", " between two of the things that the thread did, and " and " before the last. */
static void put_deeds(struct summary *summary, const long long *number)
{
	const struct {
		enum progress_number number, more;
		const char *verb, *what; /* NULL: bytes, in calls */
	} deeds[] = {
		{ PROGRESS_READ_BYTES, PROGRESS_READ_CALLS, "read", NULL },
		{ PROGRESS_WRITTEN_BYTES, PROGRESS_WRITE_CALLS, "wrote", NULL },
		{ PROGRESS_MINOR_FAULTS, PROGRESS_MAJOR_FAULTS, "had", "page fault" },
		{ PROGRESS_VOLUNTARY_SWITCHES, 0, "slept", "time" },
	};
	size_t i, left = 0, written = 0;
	char buf[SHOWN_LEN];
	long long value, major;

	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		left += number[deeds[i].number] >= 0;
	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		value = number[deeds[i].number];
		if (value < 0)
			continue;
		major = deeds[i].more == PROGRESS_MAJOR_FAULTS ? number[deeds[i].more] : 0;
		if (major > 0 && __builtin_add_overflow(value, major, &value))
			value = LLONG_MAX;
		summary_plain(summary, "%s%s ",
			      !written++  ? " "
			      : left == 1 ? " and "
					  : ", ",
			      deeds[i].verb);
		left--;
		summary_plain(summary, "%s",
			      deeds[i].what ? times(value, deeds[i].what, buf)
					    : bytes_text(value, buf));
		if (!deeds[i].what && number[deeds[i].more] >= 0)
			summary_plain(summary, " in %s", times(number[deeds[i].more], "call", buf));
		if (major > 0)
			summary_plain(summary, " (%lld major)", major);
	}
}

static void put_memory(struct summary *summary, const long long *number)
{
	long long before = number[PROGRESS_RESIDENT_BEFORE_BYTES];
	long long after = number[PROGRESS_RESIDENT_BYTES];
	char buf[SHOWN_LEN];

	if (before < 0 || after < 0)
		return;
	summary_plain(summary, "; the resident memory of the process ");
	if (before == after)
		summary_plain(summary, "stayed at %s", bytes_text(after, buf));
	else if (before < after)
		summary_plain(summary, "grew by %s", bytes_text(after - before, buf));
	else
		summary_plain(summary, "shrank by %s", bytes_text(before - after, buf));
}

/* Whether calls of a slice moved bytes, such as those of recv(2), which is not in `read`. */
static bool has_transfer(const struct incident *incident)
{
	size_t i, j;

	for (i = 0; i < incident->slices_count; i++)
		for (j = 0; j < incident->slices[i].rows_count; j++)
			if (incident->slices[i].rows[j].bytes > 0)
				return true;
	return false;
}

static bool is_none(const struct incident *incident)
{
	const long long *number = incident->progress.number;

	return !number[PROGRESS_READ_BYTES] && !number[PROGRESS_WRITTEN_BYTES] &&
	       !number[PROGRESS_MINOR_FAULTS] && !number[PROGRESS_MAJOR_FAULTS] &&
	       number[PROGRESS_RESIDENT_BYTES] >= 0 &&
	       number[PROGRESS_RESIDENT_BYTES] <= number[PROGRESS_RESIDENT_BEFORE_BYTES] &&
	       !has_transfer(incident);
}

bool progress_is_known(const struct incident *incident)
{
	const long long *number = incident->progress.number;

	return number[PROGRESS_READ_BYTES] >= 0 || number[PROGRESS_WRITTEN_BYTES] >= 0 ||
	       number[PROGRESS_MINOR_FAULTS] >= 0 || number[PROGRESS_VOLUNTARY_SWITCHES] >= 0;
}

void progress_sentence(struct summary *summary, const struct incident *incident)
{
	const struct incident_progress *progress = &incident->progress;
	const long long *number = progress->number;
	char buf[SHOWN_LEN];

	summary_plain(summary, "After the first verdict, ");
	if (number[PROGRESS_CPU_NS] >= 0)
		summary_plain(summary, "in %s of CPU time, ",
			      shown_duration(number[PROGRESS_CPU_NS], buf));
	else if (progress->from_ns >= 0 && progress->to_ns >= progress->from_ns)
		summary_plain(summary, "in %s, ",
			      shown_duration(progress->to_ns - progress->from_ns, buf));
	summary_plain(summary, "the thread");
	put_deeds(summary, number);
	put_memory(summary, number);
	summary_plain(summary, is_none(incident) ? ": no progress that these counters show." : ".");
}
