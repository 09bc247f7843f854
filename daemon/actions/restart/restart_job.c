/* SPDX-License-Identifier: GPL-2.0-only */
#include "restart_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../base/error.h"

struct restart_job {
	restart_on_event on_event;
	void *arg;
	struct bus_call *call; /* NULL: answered */
	struct bus_subscription removed;
	char *path; /* of the manager's job; NULL: not accepted yet */
};

static void on_removed(void *arg, sd_bus_message *message)
{
	const char *path = NULL, *unit, *result = NULL;
	struct restart_job *job = arg;
	char text[128];
	uint32_t id;

	if (!job->path)
		return;
	if (!message) {
		job->on_event(job->arg, RESTART_FAILED,
			      "the connection to systemd was lost during the restart, so its "
			      "result is unknown");
		return;
	}
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) <= 0 ||
	    strcmp(path, job->path) != 0)
		return;
	bus_unsubscribe(&job->removed);
	if (!strcmp(result, "done")) {
		job->on_event(job->arg, RESTART_DONE, "");
		return;
	}
	snprintf(text, sizeof(text), "its job ended with the result \"%.64s\"", result);
	job->on_event(job->arg, RESTART_FAILED, text);
}

static void on_answer(void *arg, const struct bus_answer *answer)
{
	struct restart_job *job = arg;
	const char *path = NULL;

	job->call = NULL;
	if (!answer->err && sd_bus_message_read(answer->message, "o", &path) > 0)
		job->path = strdup(path);
	if (answer->err)
		job->on_event(job->arg, RESTART_FAILED, answer->text);
	else if (!path)
		job->on_event(job->arg, RESTART_FAILED, "the answer of systemd is malformed");
	else if (!job->path)
		job->on_event(job->arg, RESTART_FAILED, "out of memory");
	else
		job->on_event(job->arg, RESTART_ACCEPTED, "");
}

int restart_job_start(struct bus *bus, const char *unit, restart_on_event on_event, void *arg,
		      struct restart_job **ret_job, struct maze_error *error)
{
	const struct bus_method restart = { .path = BUS_MANAGER_PATH,
					    .interface = BUS_MANAGER,
					    .member = "RestartUnit" };
	struct restart_job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return maze_fail(error, -ENOMEM, "out of memory");
	*job = (struct restart_job){
		.on_event = on_event,
		.arg = arg,
		.removed = { .path = BUS_MANAGER_PATH,
			     .interface = BUS_MANAGER,
			     .member = "JobRemoved",
			     .on_signal = on_removed,
			     .arg = job },
	};
	/* First the subscription, because a job can end as soon as it is accepted. */
	err = bus_subscribe(bus, &job->removed);
	if (err)
		maze_fail(error, err, "cannot subscribe to the jobs of systemd: %s",
			  strerror(-err));
	else
		err = bus_call_method(bus, &restart, on_answer, job, &job->call, error, "ss", unit,
				      "fail");
	if (err) {
		restart_job_free(job);
		return err;
	}
	*ret_job = job;
	return 0;
}

void restart_job_free(struct restart_job *job)
{
	if (!job)
		return;
	bus_unsubscribe(&job->removed);
	bus_call_cancel(job->call);
	free(job->path);
	free(job);
}
