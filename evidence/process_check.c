/* SPDX-License-Identifier: GPL-2.0-only */
#include "process_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../lib/utf8_json.h"
#include "capture/snapshot.h"
#include "episode/python_reads.h"
#include "isolation/worker.h"
#include "symbols/named_addresses.h"
#include "symbols/perf_map.h"

#define DEADLINE_NS (5 * MAZE_NSEC_PER_SEC)
#define STEP_MS 100
/* A path has up to 4 KiB, and six times as many in JSON. */
#define ANSWER_MAX 65536

static void __attribute__((format(printf, 4, 5)))
add(json_t *result, const char *check, bool ok, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(json_object_get(result, "checks"),
			      json_pack("{s:s, s:b, s:o}", "check", check, "ok", (int)ok, "text",
					utf8_json(text, strlen(text))));
}

/* ---- the program ------------------------------------------------------------------- */

static bool has_section(int fd, const char *section)
{
	char byte[2];

	return fd >= 0 && elf_file_section(fd, section, byte, sizeof(byte)) > 0;
}

static void write_build_id(const struct module *module, char ret_text[2 * MAZE_BUILD_ID_LEN + 1])
{
	size_t length = module->has_build_id ? elf_file_build_id_length(module->build_id) : 0, i;

	ret_text[0] = '\0';
	for (i = 0; i < length; i++)
		sprintf(ret_text + 2 * i, "%02x", module->build_id[i]);
}

static void check_symbols(const struct module *module, json_t *result)
{
	const struct symbols_files *files = &module->files;
	char build_id[2 * MAZE_BUILD_ID_LEN + 1];

	write_build_id(module, build_id);
	if (files->debug_fd >= 0)
		add(result, "functions", true, "The separate debug file of the program was found");
	else if (has_section(files->fd, ".symtab") || has_section(files->fd, ".debug_info"))
		add(result, "functions", true, "The program has symbols");
	else
		add(result, "functions", false,
		    "The program has no symbol table, and no separate debug file%s%s",
		    build_id[0] ? " was found for its build-id " : ", because it has no build-id",
		    build_id);
	if (has_section(files->fd, ".debug_info") || has_section(files->debug_fd, ".debug_info"))
		add(result, "lines", true, "The program has debug information");
	else
		add(result, "lines", false, "The program has no debug information");
}

static void check_program(struct symbolize_sources *sources, const struct process_info *live,
			  json_t *result)
{
	const struct modules_scope scope = { .live = live, .exe = live->exe };
	struct module *module = NULL;
	size_t i;

	for (i = 0; live->exe && i < live->maps.count && !module; i++)
		if (map_has_file(&live->maps.map[i]) && !strcmp(live->maps.map[i].path, live->exe))
			module = modules_by_map(sources->modules, &scope, &live->maps.map[i]);
	if (!module) {
		add(result, "functions", false, "The file of the program cannot be opened");
		return;
	}
	modules_seek_debug(module, &scope);
	check_symbols(module, result);
}

/* ---- the language ------------------------------------------------------------------ */

static void check_python(struct symbolize_sources *sources, const struct process_info *live,
			 pid_t pid, json_t *result)
{
	maze_u32 version = 0;
	const char *refusal = python_reads_check(sources, live, pid, &version);

	if (refusal)
		add(result, "language", false, "%s", refusal);
	else
		add(result, "language", true,
		    "Python stacks are read from memory, of CPython %u.%u.%u", version >> 24,
		    version >> 16 & 0xff, version >> 8 & 0xff);
}

static void check_language(struct symbolize_sources *sources, const struct process_info *live,
			   pid_t pid, json_t *result)
{
	enum language language = language_of(&live->maps, live->exe);
	int fd;

	if (language == LANGUAGE_NONE)
		return;
	json_object_set_new(result, "language", json_string(language_name(language)));
	fd = perf_map_open(live, live->inner_pid, live->uid);
	if (fd >= 0) {
		close(fd);
		add(result, "language", true, "%s functions are named by /tmp/perf-%d.map",
		    language_name(language), live->inner_pid);
	} else if (language == LANGUAGE_PYTHON) {
		check_python(sources, live, pid, result);
	} else if (fd == -ENOENT) {
		add(result, "language", false, "%s", language_hint(language));
	} else {
		add(result, "language", false, "/tmp/perf-%d.map cannot be used: %s",
		    live->inner_pid,
		    fd == -EPERM    ? "it belongs neither to the user of the process nor to root"
		    : fd == -EINVAL ? "it is not a regular file"
				    : strerror(-fd));
	}
}

/* ---- permissions ------------------------------------------------------------------- */

static void check_callers(pid_t pid, json_t *result)
{
	struct snapshot_event *event;
	int err = snapshot_ask(pid, &event);

	if (err) {
		add(result, "callers", false, "%s", symbolize_unwind_refusal(err));
		return;
	}
	snapshot_drop(event);
	add(result, "callers", true, "A perf event can take its stack for the unwind by DWARF");
}

static void check_kernel(json_t *result)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && named_addresses_kallsyms(fd, NULL, 0))
		add(result, "kernel", true, "Kernel functions have names");
	else
		add(result, "kernel", false, "%s", symbolize_note_kernel);
	if (fd >= 0)
		close(fd);
}

/* Says why a process cannot be read. */
static void add_unreadable(pid_t pid, int err, json_t *result)
{
	char link[64], path[8];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	if (err != -ESRCH)
		add(result, "process", false, "/proc/%d cannot be read: %s", pid, strerror(-err));
	else if (readlink(link, path, sizeof(path)) < 0 && (errno == EACCES || errno == EPERM))
		add(result, "process", false,
		    "This user may not read its program and memory map (CAP_SYS_PTRACE)");
	else
		add(result, "process", false,
		    "It has no program: it has ended, or it is a kernel "
		    "thread");
}

/* ---- the worker -------------------------------------------------------------------- */

static int open_sources(struct symbolize_sources *ret_sources)
{
	int err = modules_new(&ret_sources->modules);

	return err ? err : python_readers_new(&ret_sources->python);
}

/* The worker exits afterwards, so it frees nothing. */
static json_t *look(pid_t pid)
{
	json_t *result = json_pack("{s:i, s:[]}", "pid", pid, "checks");
	struct symbolize_sources sources = { 0 };
	struct process_info live;
	int err = open_sources(&sources);

	if (!err)
		err = process_info_open(pid, pid, now_ns(CLOCK_BOOTTIME), &live);
	if (err) {
		add_unreadable(pid, err, result);
		return result;
	}
	json_object_set_new(result, "comm", utf8_json(live.comm, strlen(live.comm)));
	json_object_set_new(result, "user_id", json_integer(live.uid));
	if (live.exe)
		json_object_set_new(result, "program", utf8_json(live.exe, strlen(live.exe)));
	add(result, "process", true, "Its program and memory map can be read");
	check_program(&sources, &live, result);
	check_language(&sources, &live, pid, result);
	check_callers(pid, result);
	check_kernel(result);
	return result;
}

static void worker(int fd, void *arg)
{
	char *text = json_dumps(look(*(const pid_t *)arg), JSON_COMPACT);

	if (!text || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(1);
}

int process_check(pid_t pid, json_t **ret_result, struct maze_error *error)
{
	struct workers_left left = { 0 };
	struct worker child;
	char *text = malloc(ANSWER_MAX);
	struct pollfd readable;
	ssize_t got = -ENOMEM;
	int err = text ? worker_start(worker, &pid, NULL, 0, &child) : -ENOMEM;

	if (err)
		goto out_free;
	readable = (struct pollfd){ .fd = child.fd, .events = POLLIN };
	worker_expect(&child, 0);
	do {
		poll(&readable, 1, STEP_MS);
		got = worker_receive(&child, text, ANSWER_MAX);
	} while (got == -EAGAIN &&
		 !worker_is_late(&child, DEADLINE_NS, 2 * STEP_MS * MAZE_NSEC_PER_MSEC));
	/* One that cannot be killed ends when the read returns that it waits for. */
	worker_leave(&child, true, geteuid(), &left);
	*ret_result = got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
	err = got == -EAGAIN ? -ETIME : *ret_result ? 0 : -EPROTO;
out_free:
	free(text);
	return err ? maze_fail(error, err, "process %d cannot be read: %s", (int)pid,
			       err == -ETIME ? "a read of it did not return in time"
					     : strerror(-err))
		   : 0;
}
