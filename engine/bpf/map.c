/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps the engine's state and logs into this process. */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round_to_page(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *bpf_map_fd(int fd, size_t size, int protection)
{
	void *address = mmap(NULL, round_to_page(size), protection, MAP_SHARED, fd, 0);

	return address == MAP_FAILED ? NULL : address;
}

void bpf_unmap_fd(const void *address, size_t size)
{
	if (address)
		munmap((void *)address, round_to_page(size));
}

int bpf_map_state(struct engine *engine, struct maze_error *error)
{
	const size_t log_bytes = MAZE_LOG_LEN * sizeof(struct maze_record);
	maze_u32 zero = 0;
	/* The .rodata map contains only the config. */
	char config[4096] = { 0 };

	if (bpf_map_lookup_elem(engine->fds[OBJECT_CONFIG], &zero, config))
		return maze_fail(error, -errno, "cannot read the engine's configuration: %s",
				 strerror(errno));
	memcpy(&engine->config, config, sizeof(engine->config));

	engine->state = bpf_map_fd(engine->fds[OBJECT_STATE], sizeof(*engine->state),
				   PROT_READ | PROT_WRITE);
	engine->logs[MAZE_LOG_VERDICTS] =
		bpf_map_fd(engine->fds[OBJECT_VERDICT_LOG], log_bytes, PROT_READ);
	engine->logs[MAZE_LOG_LIFECYCLE] =
		bpf_map_fd(engine->fds[OBJECT_LIFECYCLE_LOG], log_bytes, PROT_READ);
	if (!engine->state || !engine->logs[MAZE_LOG_VERDICTS] || !engine->logs[MAZE_LOG_LIFECYCLE])
		return maze_fail(error, -errno, "cannot map the engine's state: %s",
				 strerror(errno));
	return 0;
}

void bpf_unmap_state(struct engine *engine)
{
	const size_t log_bytes = MAZE_LOG_LEN * sizeof(struct maze_record);
	int i;

	bpf_unmap_fd(engine->state, sizeof(*engine->state));
	engine->state = NULL;
	for (i = 0; i < MAZE_LOGS; i++) {
		bpf_unmap_fd(engine->logs[i], log_bytes);
		engine->logs[i] = NULL;
	}
}
