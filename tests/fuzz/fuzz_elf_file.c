/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as an ELF file, for the parser that mazed runs with its own privileges. Names
 * are terminated, and a failure leaves the build-id unchanged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/symbols/elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char names[ELF_FILE_NEEDED_MAX][ELF_FILE_NAME_MAX];
	maze_u8 build_id[MAZE_BUILD_ID_LEN], before[MAZE_BUILD_ID_LEN];
	char bytes[64];
	maze_u64 slide;
	int fd = memfd_create("fuzz", MFD_CLOEXEC), count, i;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	memset(build_id, 0x5a, sizeof(build_id));
	memcpy(before, build_id, sizeof(before));
	if (elf_file_build_id(fd, build_id) && memcmp(build_id, before, sizeof(before)))
		abort();
	count = elf_file_section(fd, ".gnu_debuglink", bytes, sizeof(bytes));
	if (count >= (int)sizeof(bytes) || (count >= 0 && bytes[count]))
		abort();
	count = elf_file_needed(fd, names);
	for (i = 0; i < count; i++)
		if (!names[i][0] || !memchr(names[i], '\0', sizeof(names[i])))
			abort();
	elf_file_slide(fd, 0x1000, &slide);
	close(fd);
	return 0;
}
