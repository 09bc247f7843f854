/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads mazed's records from the journal. Any user may send entries with mazed's fields. So
 * the journal is searched for entries that root or this user has sent, by a field that
 * journald sets itself.
 */
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "base/standard_streams.h"
#include "lib/record_variables.h"

/* How much later than it happened mazed may have sent a record, after the journal was busy. */
#define DELAY_NS (60 * (long long)MAZE_NSEC_PER_SEC)
/* Longer values are no variables of a record. */
#define VALUE_MAX 8192

struct source {
	sd_journal *journal;
	char value[VALUE_MAX];
};

static int match(sd_journal *journal, const char *field, const char *value)
{
	char text[128];

	snprintf(text, sizeof(text), "%s=%s", field, value);
	return sd_journal_add_match(journal, text, 0);
}

static int match_number(sd_journal *journal, const char *field, unsigned int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return match(journal, field, text);
}

/* Matches of one field are alternatives, and all fields must match. */
static int add_matches(sd_journal *journal, const struct event_filter *filter)
{
	int err = match(journal, "SYSLOG_IDENTIFIER", "mazed");
	unsigned int kind;

	if (err >= 0)
		err = match_number(journal, "_UID", 0);
	if (err >= 0)
		err = match_number(journal, "_UID", geteuid());
	for (kind = 1; err >= 0 && kind <= EVENT_ACTION; kind++)
		if (!filter->kinds || filter->kinds >> kind & 1)
			err = match(journal, "MAZE_EVENT",
				    kind == EVENT_ACTION ? "action" : maze_event_name(kind));
	return err < 0 ? err : 0;
}

/* The value of a field, without the name before it. */
static const char *get(void *arg, const char *name)
{
	struct source *source = arg;
	size_t length, prefix = strlen(name) + 1;
	const void *data;

	if (sd_journal_get_data(source->journal, name, &data, &length) < 0 || length < prefix ||
	    length - prefix >= VALUE_MAX)
		return NULL;
	memcpy(source->value, (const char *)data + prefix, length - prefix);
	source->value[length - prefix] = '\0';
	return source->value;
}

static long long entry_ns(sd_journal *journal)
{
	uint64_t usec;

	return sd_journal_get_realtime_usec(journal, &usec) < 0 || usec > LLONG_MAX / 1000
		       ? 0
		       : (long long)usec * 1000;
}

static int put_entry(struct event_output *output, struct source *source)
{
	json_t *object = record_from_variables(get, source);
	char time[RFC3339_LEN];
	int err;

	if (!object)
		return -ENOMEM;
	/* Up to 0.1.0, mazed did not write the time of a record. */
	if (!json_object_get(object, "time"))
		json_object_set_new(object, "time",
				    json_string(rfc3339_format(entry_ns(source->journal), time)));
	err = event_output_put(output, object);
	json_decref(object);
	return err;
}

static int put_entries(struct event_output *output, struct source *source)
{
	long long until = output->filter.until_ns;
	int err;

	while ((err = sd_journal_next(source->journal)) > 0) {
		if (until < LLONG_MAX - DELAY_NS && entry_ns(source->journal) > until + DELAY_NS)
			return 0;
		err = put_entry(output, source);
		if (err)
			return err;
	}
	return err;
}

static int follow(struct event_output *output, struct source *source)
{
	struct pollfd fds[] = {
		{ .fd = sd_journal_get_fd(source->journal) },
		/* POLLERR: standard output is a pipe, and its reader has exited. */
		{ .fd = STDOUT_FILENO },
	};
	uint64_t until;
	int err = 0, timeout;

	while (!err) {
		fds[0].events = (short)sd_journal_get_events(source->journal);
		timeout = -1;
		/* On some file systems the journal cannot report changes, and has a time limit. */
		if (sd_journal_get_timeout(source->journal, &until) > 0 && until != UINT64_MAX)
			timeout = 1000;
		if (poll(fds, 2, timeout) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents) {
			standard_output_fail();
			return -EPIPE;
		}
		err = sd_journal_process(source->journal);
		err = err < 0 ? err : put_entries(output, source);
	}
	return err;
}

static int read_journal(struct event_output *output, struct source *source, bool follows)
{
	long long since = output->filter.since_ns;
	int err = add_matches(source->journal, &output->filter);

	/* A record is sent after it happened. */
	if (!err && since > 0)
		err = sd_journal_seek_realtime_usec(source->journal, (uint64_t)since / 1000);
	else if (!err)
		err = sd_journal_seek_head(source->journal);
	/* Before the first read, so that no entry is missed in between. */
	if (err >= 0 && follows)
		err = sd_journal_get_fd(source->journal);
	if (err >= 0)
		err = put_entries(output, source);
	return !err && follows ? follow(output, source) : err;
}

int events_from_journal(struct event_output *output, bool follows)
{
	struct source source = { 0 };
	int err = sd_journal_open(&source.journal, SD_JOURNAL_LOCAL_ONLY);

	if (!err)
		err = read_journal(output, &source, follows);
	sd_journal_close(source.journal);
	if (err < 0 && err != -EPIPE)
		print_error(output->command, "cannot read the journal: %s", strerror(-err));
	if (output->malformed)
		print_error(output->command, "%zu entries of the journal are no records",
			    output->malformed);
	if (!err && !output->taken && geteuid())
		print_error(output->command,
			    "no records of mazed in the journals that you may read; members of the "
			    "groups systemd-journal and adm may read all");
	return err ?: output->malformed ? -EBADMSG : 0;
}
