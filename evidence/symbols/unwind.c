/* SPDX-License-Identifier: GPL-2.0-only */
/* libdwfl unwinds a snapshot of registers and stack here, and no live process. */
#include "unwind.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"

/* libdwfl needs a PID and a TID. Their value has no effect here. */
#define ANY_ID 1

struct unwind {
	const struct snapshot *snapshot;
	struct unwind_frame *frames;
	size_t count;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	/* A snapshot has only one thread. *thread_arg is NULL in the first call. */
	if (*thread_arg)
		return 0;
	*thread_arg = arg;
	return ANY_ID;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret_word, void *arg)
{
	const struct snapshot *snapshot = ((struct unwind *)arg)->snapshot;
	maze_u64 within = address - snapshot->stack_at;

	(void)dwfl;
	if (address < snapshot->stack_at || snapshot->stack_size < sizeof(*ret_word) ||
	    within > snapshot->stack_size - sizeof(*ret_word))
		return false;
	memcpy(ret_word, snapshot->stack + within, sizeof(*ret_word));
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct snapshot *snapshot = ((struct unwind *)arg)->snapshot;
	unsigned int count = snapshot_registers();
	Dwarf_Word words[SNAPSHOT_REGISTERS_MAX];
	unsigned int i;

	for (i = 0; i <= count; i++)
		words[i] = snapshot->registers[i];
#if defined(__x86_64__)
	/* The DWARF registers of this machine include the instruction pointer. */
	return dwfl_thread_state_registers(thread, 0, count + 1, words);
#else
	dwfl_thread_state_register_pc(thread, words[count]);
	return dwfl_thread_state_registers(thread, 0, count, words);
#endif
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static int take_frame(Dwfl_Frame *state, void *arg)
{
	struct unwind *unwind = arg;
	Dwarf_Addr address;
	bool exact;

	if (unwind->count == UNWIND_FRAMES_MAX || !dwfl_frame_pc(state, &address, &exact) ||
	    !address)
		return DWARF_CB_ABORT;
	unwind->frames[unwind->count++] =
		(struct unwind_frame){ .address = address, .exact = exact };
	return DWARF_CB_OK;
}

/* ---- modules ----------------------------------------------------------------------- */

static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word link_crc,
			  char **ret_name)
{
	const struct unwind_module *mine = *userdata;

	(void)module, (void)name, (void)base, (void)file_name, (void)link_crc, (void)ret_name;
	if (!mine || mine->files.debug_fd < 0 ||
	    (link && mine->files.shared_name && !strcmp(link, mine->files.shared_name)))
		return -1;
	return fcntl(mine->files.debug_fd, F_DUPFD_CLOEXEC, 0);
}

static int find_no_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		       char **ret_name, Elf **ret_elf)
{
	(void)module, (void)userdata, (void)name, (void)base, (void)ret_name, (void)ret_elf;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_no_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static void report(Dwfl *dwfl, const struct unwind_module *module, size_t number)
{
	Dwfl_Module *reported;
	maze_u64 slide;
	void **userdata;
	char name[32];
	int fd;

	if (elf_file_slide(module->files.fd, module->offset, &slide))
		return;
	fd = fcntl(module->files.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "%zu", number);
	reported =
		dwfl_report_elf(dwfl, name, name, fd, module->start - module->offset - slide, true);
	if (!reported) {
		close(fd);
		return;
	}
	dwfl_module_info(reported, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = (void *)module;
}

size_t unwind_frames(const struct snapshot *snapshot, const struct unwind_module *modules,
		     size_t count, struct unwind_frame *ret_frames)
{
	struct unwind unwind = { .snapshot = snapshot, .frames = ret_frames };
	Dwfl *dwfl = snapshot_registers() ? dwfl_begin(&callbacks) : NULL;
	size_t i;

	if (!dwfl)
		return 0;
	dwfl_report_begin(dwfl);
	for (i = 0; i < count; i++)
		report(dwfl, &modules[i], i);
	dwfl_report_end(dwfl, NULL, NULL);
	/* If a frame cannot be unwound, the frames before it remain valid. */
	if (dwfl_attach_state(dwfl, NULL, ANY_ID, &thread_callbacks, &unwind))
		dwfl_getthread_frames(dwfl, ANY_ID, take_frame, &unwind);
	dwfl_end(dwfl);
	return unwind.count;
}
