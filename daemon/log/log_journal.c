/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This sink sends to the journal by its native protocol, which is documented as stable. A
 * datagram has lines FIELD=VALUE. sd_journal_sendv(3) is not used, because it blocks
 * while the journal is busy and reports success if no journal runs.
 *
 * The field OBJECT_PID makes the journal add fields about the process, such as
 * OBJECT_COMM. So `journalctl OBJECT_PID=N` finds the records of process N. By then the
 * process may be gone, so OBJECT_SYSTEMD_UNIT and OBJECT_SYSTEMD_USER_UNIT name its unit
 * (units.h). `journalctl -u UNIT` finds such entries of programs that run as root.
 */
#include "log_sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "../../base/error.h"
#include "../../base/escape.h"
#include "../../lib/signature.h"
#include "log_socket.h"
#include "record_fields.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/*
 * Each kind of message has a fixed MESSAGE_ID, a random number. maze.conf(5) lists them, and
 * packaging/maze.catalog explains them; scripts/check-manual compares the three.
 */
static const char *const event_ids[MAZE_EVENT_COUNT_] = {
	[MAZE_EVENT_SOFT] = "377bb8b911e94b0b82e3224c7c9e2b12",
	[MAZE_EVENT_HARD] = "d089427f431c4c3b935657523c96860d",
	[MAZE_EVENT_EXIT] = "f8d3c0280fae47fdbf1e97c8012e80a7",
	[MAZE_EVENT_WATCH] = "47ce8deb267949539f2dbf2b566f336f",
	[MAZE_EVENT_UNWATCH] = "09b146f3f09f4e8489478355b81117cf",
	[MAZE_EVENT_LOST] = "d9ac86d633b8434985a70fd94da342d3",
};
static const char *const kind_ids[LOG_KIND_COUNT_] = {
	[LOG_KIND_ACTION] = "8b0bccbd8c334d0cb0fc9caf7fb75953",
	[LOG_KIND_INCIDENT] = "28658f1337de40578f16b48d85354b43",
	[LOG_KIND_TRIPPED] = "1b46c654a5db474ca588a546f8fd9613",
	[LOG_KIND_RESET] = "5722e8a8b8e14101a4c9733f0ce468c0",
	[LOG_KIND_REFUSED] = "a2f73baa93ac4652a8d24779fac2001d",
	[LOG_KIND_UNLOADED] = "7ea94f81834e4e3b99a8e515afe58fca",
	[LOG_KIND_DROPPED] = "b719e0890eba45e0861471e6d273c7e8",
};

static int open_journal(const struct daemon_settings *settings, struct log_target *ret_target,
			struct maze_error *error)
{
	int fd = log_socket_open(JOURNAL_SOCKET);

	(void)settings;
	if (fd < 0)
		return maze_fail(
			error, fd,
			"cannot connect to the journal at %s: %s; without a journal, "
			"[daemon] needs \"log = auto\", \"log = syslog\" or \"log = PATH\"",
			JOURNAL_SOCKET, strerror(-fd));
	*ret_target = (struct log_target){ .fd = fd };
	return 0;
}

static const char *message_id(const struct log_message *message)
{
	maze_u32 event;

	if (!message->entry || message->kind)
		return kind_ids[message->kind];
	event = message->entry->record->event;
	return event < MAZE_EVENT_COUNT_ ? event_ids[event] : NULL;
}

/* The event of an entry that is about a verdict, but is no record, becomes MAZE_STAGE. */
static void write_field(FILE *out, const char *field, bool is_record)
{
	static const char event[] = "MAZE_EVENT=";
	size_t length = sizeof(event) - 1;

	if (!is_record && !strncmp(field, event, length))
		fprintf(out, "MAZE_STAGE=%s\n", field + length);
	else
		fprintf(out, "%s\n", field);
}

/* No value has a newline, so each field takes one line. */
static void write_entry(FILE *out, const struct log_entry *entry, bool is_record)
{
	struct record_fields fields;
	size_t i;

	record_fields_format(entry, &fields);
	for (i = 0; i < fields.count; i++)
		write_field(out, fields.fields[i], is_record);
	if (entry->record->pid)
		fprintf(out, "OBJECT_PID=%u\n", entry->record->pid);
	if (entry->unit && entry->unit->unit[0])
		fprintf(out, "OBJECT_SYSTEMD_UNIT=%s\n", entry->unit->unit);
	if (entry->unit && entry->unit->user_unit[0])
		fprintf(out, "OBJECT_SYSTEMD_USER_UNIT=%s\n", entry->unit->user_unit);
}

static void write_escaped(FILE *out, const char *field, const char *value)
{
	fprintf(out, "%s=", field);
	escape_write(out, value);
	fputc('\n', out);
}

static void write_action(FILE *out, const struct log_action *action)
{
	fprintf(out, "MAZE_EVENT=action\nMAZE_ACTION=%s\nMAZE_TRIED=%s\nMAZE_APPLIED=%s\n",
		action->action, action->tried ? "yes" : "no", action->applied ? "yes" : "no");
}

/* A field MAZE_FUNCTION for each function of "program: inner < middle < outer". */
static void write_functions(FILE *out, const char *signature)
{
	const char *function = strstr(signature, ": "), *end;
	unsigned int count;

	/* The names may have " < " too, and their number is bounded in any case. */
	for (count = 0; function && count < SIGNATURE_FUNCTIONS; count++, function = end) {
		function += function[0] == ':' ? 2 : 3;
		end = strstr(function, " < ");
		fprintf(out, "MAZE_FUNCTION=%.*s\n",
			end ? (int)(end - function) : (int)strlen(function), function);
	}
}

static void write_incident(FILE *out, const struct log_incident *incident)
{
	char signature[SIGNATURE_LEN]; /* escaped, it may be cut */

	write_escaped(out, "MAZE_INCIDENT", incident->id);
	if (!incident->signature[0])
		return;
	escape_copy(signature, sizeof(signature), incident->signature);
	fprintf(out, "MAZE_SIGNATURE=%s\n", signature);
	write_functions(out, signature);
}

static int render(const struct log_message *message, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");
	const char *id = message_id(message);
	long length;

	if (!out)
		return -ENOMEM;
	fprintf(out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=mazed\nSYSLOG_FACILITY=%d\n",
		message->text, message->priority, LOG_FAC(LOG_DAEMON));
	if (id)
		fprintf(out, "MESSAGE_ID=%s\n", id);
	if (message->entry)
		write_entry(out, message->entry, !message->kind);
	if (message->action)
		write_action(out, message->action);
	if (message->incident)
		write_incident(out, message->incident);
	if (message->rule)
		write_escaped(out, "MAZE_RULE", message->rule);
	length = fflush(out) ? -1 : ftell(out);
	fclose(out);
	if (length < 0 || (size_t)length >= size)
		return -ENOBUFS;
	return (int)length;
}

static int send_journal(struct log_target *target, const char *bytes, size_t length)
{
	return log_socket_send(target->fd, JOURNAL_SOCKET, bytes, length);
}

const struct log_sink log_journal = {
	.name = "the journal",
	.open = open_journal,
	.render = render,
	.send = send_journal,
};
