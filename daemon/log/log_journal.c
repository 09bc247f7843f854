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
#include "log_socket.h"
#include "record_fields.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/*
 * Each kind of message has a fixed MESSAGE_ID, a random number. maze.conf(5) lists them.
 */
static const char *const event_ids[MAZE_EVENT_COUNT_] = {
	[MAZE_EVENT_SOFT] = "377bb8b911e94b0b82e3224c7c9e2b12",
	[MAZE_EVENT_HARD] = "d089427f431c4c3b935657523c96860d",
	[MAZE_EVENT_EXIT] = "f8d3c0280fae47fdbf1e97c8012e80a7",
	[MAZE_EVENT_WATCH] = "47ce8deb267949539f2dbf2b566f336f",
	[MAZE_EVENT_UNWATCH] = "09b146f3f09f4e8489478355b81117cf",
	[MAZE_EVENT_LOST] = "d9ac86d633b8434985a70fd94da342d3",
};
#define ACTION_ID "8b0bccbd8c334d0cb0fc9caf7fb75953"

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
	if (message->action)
		return ACTION_ID;
	if (message->entry && message->entry->record->event < MAZE_EVENT_COUNT_)
		return event_ids[message->entry->record->event];
	return NULL;
}

/* No value has a newline, so each field takes one line. */
static void write_record(FILE *out, const struct log_message *message)
{
	const struct log_unit *unit = message->entry->unit;
	struct record_fields fields;
	size_t i;

	record_fields_format(message->entry, &fields);
	for (i = 0; i < fields.count; i++) {
		/* For an action, the record's event becomes MAZE_STAGE. */
		if (message->action && !strncmp(fields.fields[i], "MAZE_EVENT=", 11))
			fprintf(out, "MAZE_EVENT=action\nMAZE_STAGE=%s\n", fields.fields[i] + 11);
		else
			fprintf(out, "%s\n", fields.fields[i]);
	}
	if (message->entry->record->pid)
		fprintf(out, "OBJECT_PID=%u\n", message->entry->record->pid);
	if (unit)
		fprintf(out, "OBJECT_SYSTEMD_UNIT=%s\n", unit->unit);
	if (unit && unit->user_unit[0])
		fprintf(out, "OBJECT_SYSTEMD_USER_UNIT=%s\n", unit->user_unit);
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
		write_record(out, message);
	if (message->action)
		fprintf(out, "MAZE_ACTION=%s\nMAZE_TRIED=%s\nMAZE_APPLIED=%s\n",
			message->action->action, message->action->tried ? "yes" : "no",
			message->action->applied ? "yes" : "no");
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
