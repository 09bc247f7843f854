/* SPDX-License-Identifier: GPL-2.0-only */
/* The table at the end has one row for each key of [daemon]. */
#include "daemon_settings.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../../evidence/store/incident_store.h"
#include "../../evidence/store/redact.h"
#include "../../lib/control.h"
#include "../../lib/paths.h"
#include "../../base/error.h"
#include "condition.h"
#include "keys.h"
#include "values.h"

/* The maximum bounds kernel memory, because each entry takes about 300 bytes. */
#define ENTRIES_PER_USER_MAX 1000000
/* The default is enough for a parallel build of a large program. */
#define ENTRIES_PER_USER_DEFAULT 1000
/* Each client takes one descriptor, and a process may usually open 1024 descriptors. */
#define CLIENTS_MAX 512
/* The default is enough for several terminals and a few programs. */
#define CLIENTS_DEFAULT 32
/* The package maze-exporter creates it. */
#define READERS_DEFAULT "maze-readers"
/* The maximum bounds the time of finding the oldest incident in the directory. */
#define INCIDENTS_KEPT_MAX 100000
/* The minimum is enough for one incident with all its samples. */
#define INCIDENTS_BYTES_MIN (1ULL << 20)
#define INCIDENTS_BYTES_MAX (1ULL << 40)

/*
 * The group of this name, if the machine has it; -1: none. Reads the file, because a name
 * service that does not answer would hold up a start of mazed.
 */
static gid_t default_readers(void)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *entry;
	gid_t gid = (gid_t)-1;

	while (file && gid == (gid_t)-1 && (entry = fgetgrent(file)))
		if (!strcmp(entry->gr_name, READERS_DEFAULT))
			gid = entry->gr_gid;
	if (file)
		fclose(file);
	return gid;
}

int daemon_settings_init(struct daemon_settings *settings)
{
	*settings = (struct daemon_settings){
		.entries_per_user = ENTRIES_PER_USER_DEFAULT,
		.clients = CLIENTS_DEFAULT,
		.unit_sections = true,
		.readers = default_readers(),
		.control_socket = strdup(MAZE_CONTROL_SOCKET),
		.incidents = {
			.dir = strdup(MAZE_INCIDENT_DIR),
			.count_max = INCIDENT_STORE_COUNT_DEFAULT,
			.bytes_max = INCIDENT_STORE_BYTES_DEFAULT,
			.age_max_ns = INCIDENT_STORE_AGE_DEFAULT_NS,
			.samples = MAZE_STACKS_DEFAULT,
			.unwind = true,
			.system_calls = true,
		},
	};
	return settings->control_socket && settings->incidents.dir ? 0 : -ENOMEM;
}

void daemon_settings_done(struct daemon_settings *settings)
{
	free(settings->log_path);
	free(settings->control_socket);
	free(settings->incidents.dir);
	string_list_done(&settings->incidents.redact_names);
}

static bool string_lists_differ(const struct string_list *a, const struct string_list *b)
{
	size_t i;

	if (a->count != b->count)
		return true;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]))
			return true;
	return false;
}

bool incidents_settings_differ(const struct incidents_settings *a,
			       const struct incidents_settings *b)
{
	if (!a->dir || !b->dir)
		return a->dir || b->dir;
	return strcmp(a->dir, b->dir) || a->count_max != b->count_max ||
	       a->bytes_max != b->bytes_max || a->age_max_ns != b->age_max_ns ||
	       a->samples != b->samples || a->unwind != b->unwind ||
	       a->system_calls != b->system_calls || a->java_perf_map != b->java_perf_map ||
	       string_lists_differ(&a->redact_names, &b->redact_names);
}

/* ---- values ------------------------------------------------------------------------ */

static int set_log(const struct key *key, struct key_target *target, const char *value,
		   struct maze_error *error)
{
	static const char *const names[DAEMON_LOG_FILE] = {
		[DAEMON_LOG_AUTO] = "auto",
		[DAEMON_LOG_JOURNAL] = "journal",
		[DAEMON_LOG_STDERR] = "stderr",
		[DAEMON_LOG_SYSLOG] = "syslog",
	};
	struct daemon_settings *daemon = target->daemon;
	unsigned int log = 0;
	int err;

	(void)key;
	if (*value == '/') {
		err = value_path(value, PATH_MAX - 1, &daemon->log_path, error);
		if (!err)
			daemon->log = DAEMON_LOG_FILE;
		return err;
	}
	while (log < DAEMON_LOG_FILE && strcmp(value, names[log]) != 0)
		log++;
	if (log == DAEMON_LOG_FILE)
		return maze_fail(error, -EINVAL, "unknown log \"%.64s\"", value);
	daemon->log = log;
	free(daemon->log_path);
	daemon->log_path = NULL;
	return 0;
}

static int set_control_socket(const struct key *key, struct key_target *target, const char *value,
			      struct maze_error *error)
{
	const struct sockaddr_un *address = NULL;

	(void)key;
	return value_path(value, sizeof(address->sun_path) - 1, &target->daemon->control_socket,
			  error);
}

static int set_number(const char *value, long min, long max, unsigned int *ret_number,
		      struct maze_error *error)
{
	long number = 0;
	int err = value_number(value, min, max, &number, error);

	if (!err)
		*ret_number = (unsigned int)number;
	return err;
}

static int set_entries_per_user(const struct key *key, struct key_target *target, const char *value,
				struct maze_error *error)
{
	(void)key;
	return set_number(value, 0, ENTRIES_PER_USER_MAX, &target->daemon->entries_per_user, error);
}

static int set_clients(const struct key *key, struct key_target *target, const char *value,
		       struct maze_error *error)
{
	(void)key;
	return set_number(value, 1, CLIENTS_MAX, &target->daemon->clients, error);
}

static int set_readers(const struct key *key, struct key_target *target, const char *value,
		       struct maze_error *error)
{
	(void)key;
	if (!strcmp(value, "no")) {
		target->daemon->readers = (gid_t)-1;
		return 0;
	}
	return condition_group(value, &target->daemon->readers, error);
}

static int set_incidents(const struct key *key, struct key_target *target, const char *value,
			 struct maze_error *error)
{
	struct incidents_settings *incidents = &target->daemon->incidents;

	(void)key;
	if (*value == '/')
		return value_path(value, PATH_MAX - 1, &incidents->dir, error);
	if (strcmp(value, "no") != 0)
		return maze_fail(error, -EINVAL, "\"%.128s\" is not an absolute path", value);
	free(incidents->dir);
	incidents->dir = NULL;
	return 0;
}

static int set_incidents_kept(const struct key *key, struct key_target *target, const char *value,
			      struct maze_error *error)
{
	unsigned int number = 0;
	int err = set_number(value, 1, INCIDENTS_KEPT_MAX, &number, error);

	(void)key;
	if (!err)
		target->daemon->incidents.count_max = number;
	return err;
}

static int set_incidents_size(const struct key *key, struct key_target *target, const char *value,
			      struct maze_error *error)
{
	(void)key;
	return value_bytes(value, INCIDENTS_BYTES_MIN, INCIDENTS_BYTES_MAX,
			   &target->daemon->incidents.bytes_max, error);
}

static int set_incidents_age(const struct key *key, struct key_target *target, const char *value,
			     struct maze_error *error)
{
	(void)key;
	return value_duration(value, &target->daemon->incidents.age_max_ns, error);
}

static int set_samples(const struct key *key, struct key_target *target, const char *value,
		       struct maze_error *error)
{
	(void)key;
	return set_number(value, 0, MAZE_STACKS_MAX, &target->daemon->incidents.samples, error);
}

static int set_unit_sections(const struct key *key, struct key_target *target, const char *value,
			     struct maze_error *error)
{
	(void)key;
	return value_yes_no(value, &target->daemon->unit_sections, error);
}

static int set_observe(const struct key *key, struct key_target *target, const char *value,
		       struct maze_error *error)
{
	(void)key;
	return value_yes_no(value, &target->daemon->observe, error);
}

static int set_unwind(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	(void)key;
	return value_yes_no(value, &target->daemon->incidents.unwind, error);
}

static int set_system_calls(const struct key *key, struct key_target *target, const char *value,
			    struct maze_error *error)
{
	(void)key;
	return value_yes_no(value, &target->daemon->incidents.system_calls, error);
}

static int set_java_perf_map(const struct key *key, struct key_target *target, const char *value,
			     struct maze_error *error)
{
	(void)key;
	return value_yes_no(value, &target->daemon->incidents.java_perf_map, error);
}

/* Compiles the masks only to report an invalid mask at its line. */
static int set_mask(const struct key *key, struct key_target *target, const char *value,
		    struct maze_error *error)
{
	struct string_list list = { 0 };
	struct redactor *redactor = NULL;
	int err = string_list_split(value, &list, error);

	(void)key;
	if (!err)
		err = redact_new((const char *const *)list.items, list.count, &redactor, error);
	redact_free(redactor);
	if (err) {
		string_list_done(&list);
		return err;
	}
	string_list_done(&target->daemon->incidents.redact_names);
	target->daemon->incidents.redact_names = list;
	return 0;
}

/* ---- the table --------------------------------------------------------------------- */

const struct key daemon_keys[] = {
	{ "log", SECTION_DAEMON, "auto, journal, stderr, syslog, or an absolute path", set_log, 0 },
	{ "control-socket", SECTION_DAEMON, "an absolute path", set_control_socket, 0 },
	{ "entries-per-user", SECTION_DAEMON, "a number; 0: users may watch nothing",
	  set_entries_per_user, 0 },
	{ "clients", SECTION_DAEMON, "a number", set_clients, 0 },
	{ "unit-sections", SECTION_DAEMON, "yes, or no", set_unit_sections, 0 },
	{ "observe", SECTION_DAEMON, "yes, or no", set_observe, 0 },
	{ "readers", SECTION_DAEMON, "a group, by name or number, or no", set_readers, 0 },
	{ "incidents", SECTION_DAEMON, "an absolute path, or no", set_incidents, 0 },
	{ "incidents-kept", SECTION_DAEMON, "a number", set_incidents_kept, 0 },
	{ "incidents-size", SECTION_DAEMON, "a size such as 64M or 1G", set_incidents_size, 0 },
	{ "incidents-age", SECTION_DAEMON, "a duration such as 30d", set_incidents_age, 0 },
	{ "samples", SECTION_DAEMON, "a number; 0: no stacks are taken", set_samples, 0 },
	{ "unwind", SECTION_DAEMON, "yes, or no", set_unwind, 0 },
	{ "system-calls", SECTION_DAEMON, "yes, or no", set_system_calls, 0 },
	{ "java-perf-map", SECTION_DAEMON, "yes, or no", set_java_perf_map, 0 },
	{ "mask", SECTION_DAEMON, "names of options or variables, * for any bytes", set_mask, 0 },
	{ NULL, 0, NULL, NULL, 0 },
};
