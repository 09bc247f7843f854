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
	struct bus_call *kill_mode, *main_pid, *enqueue; /* NULL: answered */
	struct bus_subscription removed;
	char *path; /* of the manager's job; NULL: not accepted yet */
	struct restart_news news;
};

/* The callback can free the job. */
static void report(struct restart_job *job, enum restart_event event, const char *text)
{
	struct restart_news news = job->news;

	news.event = event;
	snprintf(news.text, sizeof(news.text), "%s", text);
	job->on_event(job->arg, &news);
}

static void on_removed(void *arg, sd_bus_message *message)
{
	const char *path = NULL, *unit, *result = NULL;
	struct restart_job *job = arg;
	char text[128];
	uint32_t id;

	if (!job->path)
		return;
	if (!message) {
		report(job, RESTART_FAILED,
		       "the connection to systemd was lost during the restart, so its result is "
		       "unknown");
		return;
	}
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) <= 0 ||
	    strcmp(path, job->path) != 0)
		return;
	bus_unsubscribe(&job->removed);
	if (!strcmp(result, "done")) {
		report(job, RESTART_DONE, "");
		return;
	}
	snprintf(text, sizeof(text), "its job ended with the result \"%.64s\"", result);
	report(job, RESTART_FAILED, text);
}

static void on_kill_mode(void *arg, const struct bus_answer *answer)
{
	struct restart_job *job = arg;
	const char *mode;

	job->kill_mode = NULL;
	if (!answer->err && sd_bus_message_read(answer->message, "v", "s", &mode) > 0)
		snprintf(job->news.kill_mode, sizeof(job->news.kill_mode), "%s", mode);
}

static void on_main_pid(void *arg, const struct bus_answer *answer)
{
	struct restart_job *job = arg;

	job->main_pid = NULL;
	if (!answer->err &&
	    sd_bus_message_read(answer->message, "v", "u", &job->news.main_pid) <= 0)
		job->news.main_pid = 0;
}

static void on_enqueued(void *arg, const struct bus_answer *answer)
{
	const char *path, *unit, *unit_path, *type = NULL;
	struct restart_job *job = arg;
	uint32_t id;

	job->enqueue = NULL;
	if (answer->err)
		report(job, RESTART_FAILED, answer->text);
	else if (sd_bus_message_read(answer->message, "uosos", &id, &path, &unit, &unit_path,
				     &type) <= 0)
		report(job, RESTART_FAILED, "the answer of systemd is malformed");
	/* Such a job does nothing, and its result is "done". */
	else if (!strcmp(type, "nop"))
		report(job, RESTART_FAILED, "it was not running");
	else if (!(job->path = strdup(path)))
		report(job, RESTART_FAILED, "out of memory");
	else
		report(job, RESTART_ACCEPTED, "");
}

/* The manager answers in order, so the properties are those from before the restart. */
static int send_calls(struct bus *bus, const char *unit, struct restart_job *job,
		      struct maze_error *error)
{
	const struct bus_method enqueue = { .path = BUS_MANAGER_PATH,
					    .interface = BUS_MANAGER,
					    .member = "EnqueueUnitJob" };
	struct bus_method get = { .interface = BUS_PROPERTIES, .member = "Get" };
	char *path = NULL;
	int err = sd_bus_path_encode(BUS_UNITS_PATH, unit, &path);

	if (err < 0)
		return maze_fail(error, err, "%s: %s", unit, strerror(-err));
	get.path = path;
	err = bus_call_method(bus, &get, on_kill_mode, job, &job->kill_mode, error, "ss",
			      BUS_SERVICE, "KillMode");
	if (!err)
		err = bus_call_method(bus, &get, on_main_pid, job, &job->main_pid, error, "ss",
				      BUS_SERVICE, "MainPID");
	if (!err)
		err = bus_call_method(bus, &enqueue, on_enqueued, job, &job->enqueue, error, "sss",
				      unit, "try-restart", "fail");
	free(path);
	return err;
}

int restart_job_start(struct bus *bus, const char *unit, restart_on_event on_event, void *arg,
		      struct restart_job **ret_job, struct maze_error *error)
{
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
		err = send_calls(bus, unit, job, error);
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
	bus_call_cancel(job->kill_mode);
	bus_call_cancel(job->main_pid);
	bus_call_cancel(job->enqueue);
	free(job->path);
	free(job);
}
