/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "../base/escape.h"
#include "../base/standard_streams.h"
#include "../lib/control.h"
#include "../lib/paths.h"
#include "feed.h"
#include "http.h"
#include "listen.h"
#include "metrics.h"
#include "pages.h"

#define EXIT_USAGE 2
#define HOSTS_MAX 16
#define HTML "text/html; charset=utf-8"

enum { OPTION_LISTEN = 256, OPTION_HOST, OPTION_SOCKET, OPTION_INCIDENTS };

/* Each option has one row, which getopt and --help use. */
static const struct {
	struct option option;
	const char *argument;
	const char *help;
} table[] = {
	{ { "listen", required_argument, NULL, OPTION_LISTEN },
	  "ADDRESS",
	  "IP:PORT, [IPv6]:PORT or the path of a unix socket (" LISTEN_DEFAULT ")" },
	{ { "host", required_argument, NULL, OPTION_HOST },
	  "NAME",
	  "accept requests for this name too, not only for loopback" },
	{ { "socket", required_argument, NULL, OPTION_SOCKET },
	  "PATH",
	  "the control socket of mazed (" MAZE_CONTROL_SOCKET ")" },
	{ { "incidents", required_argument, NULL, OPTION_INCIDENTS },
	  "DIR",
	  "the directory of the incidents (" MAZE_INCIDENT_DIR ")" },
	{ { "help", no_argument, NULL, 'h' }, NULL, "print this text" },
	{ { "version", no_argument, NULL, 'V' }, NULL, "print the version" },
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

struct arguments {
	const char *listen; /* NULL: not given */
	const char *hosts[HOSTS_MAX + 1];
	size_t hosts_count;
	const char *socket, *incidents;
};

struct exporter {
	sd_event *event;
	struct incident_index index;
	struct feed feed;
	struct metrics metrics[2]; /* by metrics_accept_open() */
	struct http *http;
};

/* ---- the command line ------------------------------------------------------------------ */

static void print_help(void)
{
	char left[64];
	size_t i;

	puts("usage: maze-exporter [OPTION...]\n\n"
	     "Serves the state of mazed and its incidents as web pages, read-only.\n");
	for (i = 0; i < OPTIONS; i++) {
		snprintf(left, sizeof(left), "--%s %s", table[i].option.name,
			 table[i].argument ? table[i].argument : "");
		printf("  %-18s %s\n", left, table[i].help);
	}
	puts("\nSIGTERM and SIGINT end it. See maze-exporter(8).");
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "maze-exporter: %s%s%s; see maze-exporter --help\n", what,
		value ? ": " : "", value ? value : "");
	return EXIT_USAGE;
}

/* Returns -1 to continue, or the exit status. */
static int parse_option(int option, struct arguments *arguments)
{
	switch (option) {
	case OPTION_LISTEN:
		arguments->listen = optarg;
		return -1;
	case OPTION_HOST:
		if (arguments->hosts_count == HOSTS_MAX)
			return usage_error("--host can be given 16 times", NULL);
		arguments->hosts[arguments->hosts_count++] = optarg;
		return -1;
	case OPTION_SOCKET:
		if (strlen(optarg) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return usage_error("the path of the socket is too long", optarg);
		arguments->socket = optarg;
		return -1;
	case OPTION_INCIDENTS:
		arguments->incidents = optarg;
		return -1;
	case 'h':
		print_help();
		return EXIT_SUCCESS;
	case 'V':
		puts("maze-exporter " MAZE_VERSION);
		return EXIT_SUCCESS;
	default:
		/* getopt has already printed the error. */
		fputs("See maze-exporter --help.\n", stderr);
		return EXIT_USAGE;
	}
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
	struct option options[OPTIONS + 1] = { { 0 } };
	int option, status;
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		options[i] = table[i].option;
	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		status = parse_option(option, arguments);
		if (status >= 0)
			return status;
	}
	return optind < argc ? usage_error("maze-exporter takes only options", argv[optind]) : -1;
}

/* ---- requests --------------------------------------------------------------------------- */

static void serve_live(struct exporter *exporter, struct http_request *request)
{
	size_t size = 0;
	char *text = page_live(&size);

	(void)exporter;
	http_respond(request, HTML, text, size);
}

static void serve_state(struct exporter *exporter, struct http_request *request)
{
	const char *text;

	if (!feed_want(&exporter->feed) && http_wait(request, HTTP_WAIT_STATE))
		return;
	text = feed_text(&exporter->feed);
	http_respond(request, "application/json", text ? strdup(text) : NULL,
		     text ? strlen(text) : 0);
}

static void serve_incidents(struct exporter *exporter, struct http_request *request)
{
	size_t size = 0;
	char *text;

	if (!incident_index_refresh(&exporter->index) && http_wait(request, HTTP_WAIT_INCIDENTS))
		return;
	text = page_incidents(&exporter->index, http_query(request, "q"),
			      http_query(request, "before"), &size);
	http_respond(request, HTML, text, size);
}

static void serve_incident(struct exporter *exporter, struct http_request *request, const char *id)
{
	struct maze_error error = { "" };
	size_t size = 0;
	int err = 0;
	char *text = page_incident(&exporter->index, id, &size, &err, &error);

	if (err)
		http_fail(request,
			  err == -ENOENT || err == -EINVAL || err == -ELOOP
				  ? MHD_HTTP_NOT_FOUND
				  : MHD_HTTP_INTERNAL_SERVER_ERROR,
			  error.text);
	else
		http_respond(request, HTML, text, size);
}

static void serve_metrics(struct exporter *exporter, struct http_request *request)
{
	static const char *const types[] = {
		"text/plain; version=0.0.4; charset=utf-8",
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
	};
	static const enum http_wait waits[] = { HTTP_WAIT_PROMETHEUS, HTTP_WAIT_OPENMETRICS };
	bool open = metrics_accept_open(http_header(request, MHD_HTTP_HEADER_ACCEPT));
	struct metrics *metrics = &exporter->metrics[open];

	if (!metrics_want(metrics) && http_wait(request, waits[open]))
		return;
	if (metrics->text)
		http_respond(request, types[open], strndup(metrics->text, metrics->size),
			     metrics->size);
	else
		http_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, metrics->why);
}

/* Browsers ask for it by themselves. */
static void serve_icon(struct exporter *exporter, struct http_request *request)
{
	(void)exporter;
	http_respond_empty(request);
}

static const struct {
	const char *path;
	void (*serve)(struct exporter *exporter, struct http_request *request);
} routes[] = {
	{ "/", serve_live },
	{ "/state", serve_state },
	{ "/incidents", serve_incidents },
	{ "/metrics", serve_metrics },
	{ "/favicon.ico", serve_icon },
};

static void handle(struct http_request *request, const char *path, void *arg)
{
	static const char incident[] = "/incidents/";
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (!strcmp(path, routes[i].path))
			return routes[i].serve(arg, request);
	if (!strncmp(path, incident, sizeof(incident) - 1))
		return serve_incident(arg, request, path + sizeof(incident) - 1);
	http_fail(request, MHD_HTTP_NOT_FOUND,
		  "there is no such page; / has the live state, /incidents the incidents");
}

static void on_state(void *arg)
{
	struct exporter *exporter = arg;

	http_wake(exporter->http, HTTP_WAIT_STATE);
}

static void on_metrics(struct metrics *metrics, void *arg)
{
	struct exporter *exporter = arg;

	http_wake(exporter->http,
		  metrics == &exporter->metrics[0] ? HTTP_WAIT_PROMETHEUS : HTTP_WAIT_OPENMETRICS);
}

static void on_incidents(void *arg)
{
	struct exporter *exporter = arg;

	http_wake(exporter->http, HTTP_WAIT_INCIDENTS);
}

/* ---- start and end ---------------------------------------------------------------------- */

static int set_up(struct exporter *exporter, const struct arguments *arguments,
		  struct maze_error *error)
{
	struct http_options options = { .hosts = arguments->hosts,
					.handle = handle,
					.arg = exporter };
	struct feed *feed = &exporter->feed;
	int err, i;

	feed->state = state_new(&exporter->index);
	feed->index = &exporter->index;
	feed->ready = on_state;
	feed->arg = exporter;
	err = feed->state ? incident_index_init(&exporter->index, arguments->incidents,
						exporter->event, on_incidents, exporter)
			  : -ENOMEM;
	if (!err)
		err = feed_init(feed, exporter->event, arguments->socket);
	for (i = 0; i < 2; i++) {
		exporter->metrics[i].format = i ? "openmetrics" : "prometheus";
		exporter->metrics[i].ready = on_metrics;
		exporter->metrics[i].arg = exporter;
		if (!err)
			err = metrics_init(&exporter->metrics[i], exporter->event,
					   arguments->socket);
	}
	if (err) {
		snprintf(error->text, sizeof(error->text), "cannot start: %s", strerror(-err));
		return err;
	}
	options.fd = listen_open(arguments->listen, error);
	if (options.fd < 0)
		return options.fd;
	return http_new(exporter->event, &options, &exporter->http, error);
}

static int run_loop(const struct arguments *arguments, struct maze_error *error)
{
	struct exporter exporter = { .event = NULL };
	int err = sd_event_default(&exporter.event);
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (err >= 0)
		err = sd_event_add_signal(exporter.event, NULL, SIGTERM, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(exporter.event, NULL, SIGINT, NULL, NULL);
	if (err >= 0)
		err = set_up(&exporter, arguments, error);
	if (err >= 0) {
		sd_notify(false, "READY=1");
		err = sd_event_loop(exporter.event);
	}
	if (err < 0 && !error->text[0])
		snprintf(error->text, sizeof(error->text), "the event loop failed: %s",
			 strerror(-err));
	http_free(exporter.http);
	feed_done(&exporter.feed);
	metrics_done(&exporter.metrics[0]);
	metrics_done(&exporter.metrics[1]);
	state_free(exporter.feed.state);
	incident_index_done(&exporter.index);
	sd_event_unref(exporter.event);
	return err;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .socket = MAZE_CONTROL_SOCKET,
				       .incidents = MAZE_INCIDENT_DIR };
	struct maze_error error = { "" };
	int status = parse(argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (run_loop(&arguments, &error) >= 0)
		return EXIT_SUCCESS;
	fputs("maze-exporter: ", stderr);
	escape_write(stderr, error.text);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	standard_streams_reserve();
	return standard_output_close("maze-exporter", run(argc, argv));
}
