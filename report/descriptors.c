/* SPDX-License-Identifier: GPL-2.0-only */
#include "descriptors.h"

#include <stdlib.h>
#include <string.h>

#include "shown.h"

/* The writer has at most 16 descriptors with 16 watches each. */
#define DESCRIPTORS_MAX 64
#define WATCHES_MAX 64

/* ---- read -------------------------------------------------------------------------- */

static bool read_watches(struct json_reader *reader, const json_t *object,
			 struct incident_descriptor *descriptor)
{
	json_t *array = read_array(reader, object, "watches"), *element;
	size_t count = json_array_size(array), i;

	if (count > WATCHES_MAX) {
		type_error(reader, "watches", "an array of at most 64");
		count = 0;
	}
	descriptor->watches = calloc(count + 1, sizeof(*descriptor->watches));
	if (!descriptor->watches)
		return false;
	for (i = 0; i < count; i++) {
		element = read_element(reader, array, i);
		descriptor->watches[i].fd = read_number(reader, element, "fd");
		descriptor->watches[i].events = read_text(reader, element, "events");
		descriptor->watches[i].stale = read_flag(reader, element, "stale", false);
	}
	descriptor->watches_count = count;
	return true;
}

static bool read_descriptor(struct json_reader *reader, const json_t *object,
			    struct incident_descriptor *descriptor)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{ "kind", &descriptor->kind },	       { "target", &descriptor->target },
		{ "protocol", &descriptor->protocol }, { "local", &descriptor->local },
		{ "remote", &descriptor->remote },     { "state", &descriptor->state },
		{ "path", &descriptor->path },	       { "signals", &descriptor->signals },
	};
	const struct {
		const char *key;
		long long *to;
	} numbers[] = {
		{ "fd", &descriptor->fd },
		{ "position", &descriptor->position },
		{ "size", &descriptor->size },
		{ "unread", &descriptor->unread },
		{ "unsent", &descriptor->unsent },
		{ "other_pid", &descriptor->other_pid },
		{ "count", &descriptor->count },
		{ "ticks", &descriptor->ticks },
		{ "watches_total", &descriptor->watches_total },
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i].to = read_text(reader, object, texts[i].key);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i].to = read_number(reader, object, numbers[i].key);
	if (!descriptor->kind)
		descriptor->kind = "unknown";
	descriptor->deleted = read_flag(reader, object, "deleted", false);
	descriptor->other_gone = read_flag(reader, object, "other_gone", false);
	descriptor->pending = read_flag(reader, object, "pending", false);
	return read_watches(reader, object, descriptor);
}

bool incident_descriptors_read(struct json_reader *reader, const json_t *root,
			       struct incident *incident)
{
	json_t *array = read_array(reader, root, "descriptors");
	size_t count = json_array_size(array), i;

	reader->where = "descriptors";
	if (count > DESCRIPTORS_MAX) {
		type_error(reader, "", "an array of at most 64");
		return true;
	}
	incident->descriptors = calloc(count + 1, sizeof(*incident->descriptors));
	if (!incident->descriptors)
		return false;
	incident->descriptors_count = count;
	for (i = 0; i < count; i++)
		if (!read_descriptor(reader, read_element(reader, array, i),
				     &incident->descriptors[i]))
			return false;
	return true;
}

void incident_descriptors_free(struct incident *incident)
{
	size_t i;

	for (i = 0; incident->descriptors && i < incident->descriptors_count; i++)
		free(incident->descriptors[i].watches);
	free(incident->descriptors);
}

const struct incident_descriptor *descriptor_find(const struct incident *incident, long long fd)
{
	size_t i;

	for (i = 0; i < incident->descriptors_count; i++)
		if (incident->descriptors[i].fd == fd)
			return &incident->descriptors[i];
	return NULL;
}

/* ---- print ------------------------------------------------------------------------- */

static bool is(const struct incident_descriptor *descriptor, const char *kind)
{
	return !strcmp(descriptor->kind, kind);
}

/* Writes ", NAME" if there is a name. */
static void put_more(struct summary *summary, const char *name)
{
	if (!name || !name[0])
		return;
	summary_plain(summary, ", ");
	summary_name(summary, name);
}

static void put_socket(struct summary *summary, const struct incident_descriptor *descriptor)
{
	const char *protocol = descriptor->protocol;

	if (protocol && !strncmp(protocol, "UNIX", 4)) {
		summary_plain(summary, "unix socket");
	} else {
		if (protocol && protocol[0]) {
			summary_name(summary, protocol);
			summary_plain(summary, " ");
		}
		summary_plain(summary, "socket");
	}
	put_more(summary, descriptor->path);
	put_more(summary, descriptor->local);
	if (descriptor->remote && descriptor->state && strcmp(descriptor->state, "LISTEN")) {
		summary_plain(summary, " to ");
		summary_name(summary, descriptor->remote);
	}
}

static void put_kind(struct summary *summary, const struct incident_descriptor *descriptor)
{
	if (is(descriptor, "socket")) {
		put_socket(summary, descriptor);
	} else if (is(descriptor, "anon") && descriptor->target) {
		summary_name(summary, descriptor->target);
	} else {
		summary_name(summary, descriptor->kind);
		/* Other targets are only the kind again, and a number. */
		if (descriptor->target && descriptor->target[0] == '/')
			put_more(summary, descriptor->target);
	}
}

void descriptor_name(struct summary *summary, const struct incident_descriptor *descriptor)
{
	bool vowel = strchr("aeio", descriptor->kind[0]) && !is(descriptor, "anon");

	/* "a unix socket" and "a TCP socket" too; an eventfd, an epoll, an inotify. */
	summary_plain(summary, vowel ? "an " : "a ");
	put_kind(summary, descriptor);
}

static void put_watches(struct summary *summary, const struct incident_descriptor *descriptor)
{
	const struct incident_watch *watch;
	size_t i;

	for (i = 0; i < descriptor->watches_count; i++) {
		watch = &descriptor->watches[i];
		summary_plain(summary, "%s fd %lld (", i ? "," : ", watches", watch->fd);
		summary_name(summary, watch->events ? watch->events : "?");
		summary_plain(summary, watch->stale ? ", closed under this number)" : ")");
	}
	if (descriptor->watches_total > (long long)descriptor->watches_count)
		summary_plain(summary, ", watches %lld in all", descriptor->watches_total);
}

static void put_count(struct summary *summary, const char *format, long long count)
{
	if (count > 0)
		summary_plain(summary, format, count);
}

void descriptor_describe(struct summary *summary, const struct incident_descriptor *descriptor)
{
	bool listens = descriptor->state && !strcmp(descriptor->state, "LISTEN");

	put_kind(summary, descriptor);
	if (descriptor->deleted)
		summary_plain(summary, ", deleted");
	if (descriptor->position >= 0 && descriptor->size >= 0)
		summary_plain(summary, ", at byte %lld of %lld", descriptor->position,
			      descriptor->size);
	put_more(summary, descriptor->state);
	put_count(summary, listens ? ", %lld to accept" : ", %lld bytes unread",
		  descriptor->unread);
	put_count(summary, ", %lld bytes unsent", descriptor->unsent);
	if (descriptor->count >= 0)
		summary_plain(summary, ", count %lld", descriptor->count);
	put_count(summary, ", %lld expirations unread", descriptor->ticks);
	put_more(summary, descriptor->signals);
	if (descriptor->pending)
		summary_plain(summary, ", a signal is pending");
	put_watches(summary, descriptor);
	if (descriptor->other_gone)
		summary_plain(summary, ", the other end is closed");
	put_count(summary, ", the other end is in process %lld", descriptor->other_pid);
}
