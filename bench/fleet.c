/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fleet: many processes under many rules of mazed, with many verdicts, and metrics that
 * are scraped meanwhile. Measures the time of a scrape, the number of series, and the
 * memory of mazed and of maze-exporter.
 *
 * Each process spins until its verdicts have come, a soft and a hard one at the same limit,
 * whose signals do nothing, and sleeps. A token lets one process spin on each CPU at a
 * time. mazed has the priority of its unit file. The rules have no max-hard, which would
 * trip after three verdicts; nothing else differs from the defaults.
 *
 * usage: fleet PROCESSES RULES VERDICTS SCRAPES MAZE MAZED EXPORTER
 *        JSON, see figure.h; run it under in-private-bpffs
 */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"

#define LIMIT_MS 1
/* mazed.service has it. */
#define UNIT_NICE (-10)
/* A verdict that is missing after this much CPU time does not come. */
#define PATIENCE_NS (2 * MAZE_NSEC_PER_SEC)
#define WAIT_SECONDS 60
/* maze-exporter requests the metrics at most once a second. */
#define FRESH_US (1100 * 1000)
/* As maze-exporter accepts. */
#define TEXT_MAX ((size_t)16 << 20)
#define COLUMNS 8

static char place[96];
static int processes, rules;
static int *ended; /* episodes of all processes */
static char *text; /* of the last scrape */
static pid_t mazed, exporter;
static FILE *control;

/* ---- the fleet ------------------------------------------------------------------------ */

static volatile sig_atomic_t softs, hards;

static void on_soft(int signal)
{
	(void)signal;
	softs = 1;
}

static void on_hard(int signal)
{
	(void)signal;
	hards = 1;
}

static void run_episode(void)
{
	maze_u64 until = bench_now(CLOCK_PROCESS_CPUTIME_ID) + PATIENCE_NS;

	softs = hards = 0;
	while (!(softs && hards) && bench_now(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
	__atomic_add_fetch(ended, 1, __ATOMIC_RELAXED);
}

static void live(int number, const int *tokens, int episodes)
{
	char name[32], token;

	snprintf(name, sizeof(name), "fleet-%d", number % rules);
	prctl(PR_SET_NAME, name);
	signal(SIGURG, on_soft);
	signal(SIGWINCH, on_hard);
	for (; episodes && read(tokens[0], &token, 1) == 1; episodes--) {
		run_episode();
		if (write(tokens[1], &token, 1) != 1)
			_exit(1);
		/* A token that is there already would not be waited for. */
		usleep(1000);
	}
	for (;;)
		pause();
}

static pid_t *start_fleet(int *ret_tokens, int episodes)
{
	pid_t *pids = calloc((size_t)processes, sizeof(*pids));
	int i;

	ended = mmap(NULL, sizeof(*ended), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (!pids || ended == MAP_FAILED || pipe(ret_tokens))
		bench_die("cannot start the processes");
	for (i = 0; i < processes; i++) {
		pids[i] = bench_fork();
		if (!pids[i])
			live(i, ret_tokens, episodes);
	}
	return pids;
}

/* ---- mazed and maze-exporter ------------------------------------------------------------ */

static void write_rules(const char *path)
{
	FILE *file = fopen(path, "we");
	int i;

	if (!file)
		bench_die(path);
	fprintf(file,
		"[daemon]\nlog = %s/log\ncontrol-socket = %s/socket\nincidents = %s/incidents\n",
		place, place, place);
	for (i = 0; i < rules; i++)
		fprintf(file,
			"[rule fleet-%d]\ncomm = fleet-%d\nsoft = %dms\nhard = %dms\n"
			"soft-signal = URG\nhard-signal = WINCH\nmax-hard = off\n",
			i, i, LIMIT_MS, LIMIT_MS);
	fclose(file);
}

/* NULL: nothing listens there yet. */
static FILE *try_connect(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", place, name);
	if (fd < 0)
		bench_die("socket");
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fdopen(fd, "re");
	close(fd);
	return NULL;
}

static FILE *connect_to(const char *name)
{
	FILE *stream = NULL;
	int i;

	for (i = 0; i < WAIT_SECONDS * 100 && !stream; i++) {
		stream = try_connect(name);
		if (!stream)
			usleep(10 * 1000);
	}
	if (!stream)
		bench_fail("nothing listens at %s/%s", place, name);
	return stream;
}

static void start_daemons(char *mazed_path, char *exporter_path)
{
	char conf[128], listen[128], socket_path[128], incidents[128];

	snprintf(conf, sizeof(conf), "%s/maze.conf", place);
	snprintf(listen, sizeof(listen), "%s/http", place);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", place);
	snprintf(incidents, sizeof(incidents), "%s/incidents", place);
	setenv("RUNTIME_DIRECTORY", place, 1);
	write_rules(conf);
	/* This process too, so that the times are not those for which it waits for a CPU. */
	setpriority(PRIO_PROCESS, 0, UNIT_NICE);
	mazed = bench_spawn_quietly((char *[]){ mazed_path, "--config", conf, NULL });
	control = connect_to("socket");
	exporter = bench_spawn_quietly((char *[]){ exporter_path, "--listen", listen, "--socket",
						   socket_path, "--incidents", incidents, NULL });
	setpriority(PRIO_PROCESS, (id_t)exporter, 0);
	fclose(connect_to("http"));
}

static double resident_mib(pid_t pid)
{
	long size, resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
		bench_die(path);
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* ---- scrapes -------------------------------------------------------------------------- */

/* Both return the time in ms. */
static double scrape_mazed(void)
{
	maze_u64 start = bench_now(CLOCK_MONOTONIC);
	json_t *object = NULL, *part;
	size_t size = 0;
	double ms;

	dprintf(fileno(control), "{\"do\":\"metrics\",\"format\":\"openmetrics\"}\n");
	do {
		json_decref(object);
		object = json_loadf(control, JSON_DISABLE_EOF_CHECK, NULL);
		part = json_object_get(object, "metrics");
		if (!json_is_true(json_object_get(object, "ok")) && !part)
			bench_fail("mazed does not answer with metrics");
		if (part)
			size += (size_t)snprintf(text + size, TEXT_MAX - size, "%s",
						 json_string_value(part));
	} while (!json_object_get(object, "done"));
	ms = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e6;
	json_decref(object);
	return ms;
}

static double scrape_exporter(void)
{
	maze_u64 start = bench_now(CLOCK_MONOTONIC);
	FILE *http = connect_to("http");
	size_t size;

	dprintf(fileno(http), "GET /metrics HTTP/1.0\r\n\r\n");
	size = fread(text, 1, TEXT_MAX - 1, http);
	text[size] = '\0';
	fclose(http);
	if (!strstr(text, " 200 ") || !strstr(text, "maze_verdicts_total{"))
		bench_fail("maze-exporter does not answer with metrics");
	return (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e6;
}

/* The sum of the samples that begin so; their number is the other one. */
static double sum_of(const char *prefix, int *ret_count)
{
	const char *line = text, *end;
	double sum = 0;
	int count = 0;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		if (line[0] == '#' || strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		while (end[-1] != ' ')
			end--;
		sum += atof(end);
		count++;
		end = strchr(end, '\n');
	}
	if (ret_count)
		*ret_count = count;
	return sum;
}

static double cpu_ms(pid_t pid)
{
	char path[64];
	double ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lf", &ns) != 1)
		bench_die(path);
	fclose(file);
	return ns / 1e6;
}

/* ---- measurements --------------------------------------------------------------------- */

struct state {
	double verdicts, lost, late_ns, late_count;
	int series;
};

/* Scrapes mazed, and adds a row. */
static struct state note_state(struct figure *figure, const char *name)
{
	struct state state;

	scrape_mazed();
	sum_of("", &state.series);
	state.verdicts = sum_of("maze_verdicts_total{", NULL);
	state.lost = sum_of("maze_records_lost_total{kind=\"record\"}", NULL);
	state.late_ns = sum_of("maze_verdict_lateness_seconds_sum{scope=\"thread\"}", NULL) * 1e9;
	state.late_count = sum_of("maze_verdict_lateness_seconds_count{scope=\"thread\"}", NULL);
	figure_row(figure, name,
		   (double[COLUMNS]){ state.verdicts, state.lost, state.series, resident_mib(mazed),
				      resident_mib(exporter), NAN, NAN, NAN },
		   NULL);
	return state;
}

static double late_us(const struct state *from, const struct state *to)
{
	return (to->late_ns - from->late_ns) / (to->late_count - from->late_count) / 1e3;
}

static void note_scrapes(struct figure *figure, const char *name, double *ms, size_t count,
			 double cpu)
{
	double p50 = count ? bench_quantile(ms, count, 0.5) : NAN;

	figure_row(figure, name,
		   (double[COLUMNS]){ NAN, NAN, NAN, NAN, NAN, p50,
				      count ? bench_quantile(ms, count, 1) : NAN, cpu },
		   NULL);
}

static void wait_for_episodes(int wanted)
{
	int before = -1, i;

	for (i = 0; i < WAIT_SECONDS * 100; i++) {
		if (__atomic_load_n(ended, __ATOMIC_RELAXED) >= wanted)
			return;
		/* The time is bounded while none ends. */
		if (__atomic_load_n(ended, __ATOMIC_RELAXED) != before)
			i = 0;
		before = __atomic_load_n(ended, __ATOMIC_RELAXED);
		usleep(10 * 1000);
	}
	bench_fail("only %d of %d episodes ended", before, wanted);
}

/* The metrics have them; those that were lost are not among them. */
static void wait_for_metrics(const char *prefix, double wanted)
{
	int i;

	for (i = 0; i < WAIT_SECONDS * 20; i++) {
		scrape_mazed();
		if (sum_of(prefix, NULL) +
			    sum_of("maze_records_lost_total{kind=\"record\"}", NULL) >=
		    wanted)
			return;
		usleep(50 * 1000);
	}
	bench_fail("%s has %.0f of %.0f", prefix, sum_of(prefix, NULL), wanted);
}

/* Until all episodes have ended. */
static void scrape_meanwhile(struct figure *figure, int wanted, size_t scrapes)
{
	double *direct = bench_values(scrapes), *http = bench_values(scrapes);
	size_t directs = 0, https = 0;
	maze_u64 next_http = 0;

	while (__atomic_load_n(ended, __ATOMIC_RELAXED) < wanted && directs < scrapes) {
		direct[directs++] = scrape_mazed();
		if (bench_now(CLOCK_MONOTONIC) >= next_http) {
			next_http = bench_now(CLOCK_MONOTONIC) + FRESH_US * 1000ULL;
			http[https++] = scrape_exporter();
		}
		usleep(100 * 1000);
	}
	wait_for_episodes(wanted);
	note_scrapes(figure, "scrape of mazed, while verdicts come", direct, directs, NAN);
	note_scrapes(figure, "scrape of maze-exporter, while verdicts come", http, https, NAN);
	free(direct);
	free(http);
}

/* Returns the median of the CPU time of mazed for a scrape; it has other work too. */
static double scrape_at_rest(struct figure *figure, int scrapes)
{
	double *ms = bench_values((size_t)scrapes), *cpus = bench_values((size_t)scrapes), cpu;
	int i;

	for (i = 0; i < scrapes; i++) {
		cpu = cpu_ms(mazed);
		ms[i] = scrape_mazed();
		cpus[i] = cpu_ms(mazed) - cpu;
		usleep(100 * 1000);
	}
	cpu = bench_quantile(cpus, (size_t)scrapes, 0.5);
	note_scrapes(figure, "scrape of mazed, at rest", ms, (size_t)scrapes, cpu);
	for (i = 0; i < scrapes; i++) {
		usleep(FRESH_US);
		ms[i] = scrape_exporter();
	}
	note_scrapes(figure, "scrape of maze-exporter, at rest", ms, (size_t)scrapes, NAN);
	free(ms);
	free(cpus);
	return cpu;
}

static void measure(struct figure *figure, const int *tokens, int episodes, int total, int scrapes)
{
	struct state before, middle, after;
	double cpu, quiet_us;
	int i;

	wait_for_metrics("maze_watched_threads{", processes);
	scrape_exporter();
	before = note_state(figure, "before");
	for (i = 0; i < bench_cpus(); i++)
		if (write(tokens[1], "", 1) != 1)
			bench_die("write");
	wait_for_episodes(episodes / 2);
	middle = note_state(figure, "in the middle");
	quiet_us = late_us(&before, &middle);
	/* Ten a second, for at most ten minutes. */
	scrape_meanwhile(figure, episodes, 6000);
	wait_for_metrics("maze_verdicts_total{", total);
	after = note_state(figure, "after");
	cpu = scrape_at_rest(figure, scrapes);
	note_state(figure, "after the last scrapes");
	figure_note(figure, "%.0f incidents were written, %.0f lost",
		    sum_of("maze_incidents_written_total ", NULL),
		    sum_of("maze_incidents_lost_total ", NULL));
	figure_note(
		figure,
		"%d processes, %d rules; limits of %d ms; CPU time above the limit at a verdict: "
		"%.0f us on average without scrapes, %.0f us with ten a second",
		processes, rules, LIMIT_MS, quiet_us, late_us(&middle, &after));
	figure_target(figure, "CPU ms of mazed for a scrape, p50", cpu, NAN, NAN, 5);
	figure_target(figure, "series that verdicts began",
		      abs(middle.series - before.series) + abs(after.series - before.series), NAN,
		      NAN, 0);
	figure_target(figure, "records lost", after.lost, NAN, NAN, 0);
}

static void open_figure(struct figure *figure)
{
	static const struct {
		const char *head;
		int digits;
	} columns[COLUMNS] = { { "verdicts", 0 },  { "lost", 0 },	  { "series", 0 },
			       { "mazed MiB", 1 }, { "exporter MiB", 1 }, { "p50 ms", 2 },
			       { "max ms", 2 },	   { "CPU ms", 2 } };
	int i;

	for (i = 0; i < COLUMNS; i++)
		figure_column(figure, columns[i].head, columns[i].digits);
}

static void stop(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct figure *figure = figure_new("fleet", "A fleet with verdicts: metrics and memory");
	int tokens[2], episodes, status;
	pid_t *pids;

	if (argc != 8 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1 || atoi(argv[3]) < 1 ||
	    atoi(argv[4]) < 1)
		bench_fail("usage: fleet PROCESSES RULES VERDICTS SCRAPES MAZE MAZED EXPORTER");
	processes = atoi(argv[1]);
	rules = atoi(argv[2]);
	/* One more than needed: a verdict that is late by PATIENCE_NS does not come. */
	episodes = atoi(argv[3]) / (2 * processes) + 1;
	snprintf(place, sizeof(place), "%.60s/maze-fleet-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	text = malloc(TEXT_MAX);
	if (!text || !mkdtemp(place))
		bench_die(place);
	open_figure(figure);
	pids = start_fleet(tokens, episodes);
	start_daemons(argv[6], argv[7]);
	measure(figure, tokens, processes * episodes, atoi(argv[3]), atoi(argv[4]));
	stop(exporter);
	stop(mazed);
	bench_reap(pids, processes);
	free(pids);
	waitpid(bench_spawn_quietly((char *[]){ argv[5], "unload", NULL }), &status, 0);
	waitpid(bench_spawn_quietly((char *[]){ "rm", "-rf", "--", place, NULL }), &status, 0);
	figure_print(figure);
	return 0;
}
