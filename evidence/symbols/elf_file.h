/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the few facts that identify an ELF file. The file is untrusted, and this code
 * reads it with the privileges of the caller. So it uses bounded pread(2) calls and no
 * library. A library would map the file and trust more of its content.
 */
#ifndef MAZE_EVIDENCE_ELF_FILE_H
#define MAZE_EVIDENCE_ELF_FILE_H

#include <stddef.h>

#include "../../core/stack.h"

/*
 * Returns 0, -ENODATA if there is no build-id of up to 20 bytes, or -ENOEXEC if this is
 * no ELF file.
 */
int elf_file_build_id(int fd, maze_u8 ret_build_id[MAZE_BUILD_ID_LEN]);
/* The length without padding. Four or more zeros at the end are padding. */
size_t elf_file_build_id_length(const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/*
 * Reads the first bytes of a section and appends a NUL. Returns the number of bytes, 0 if
 * there is no such section, or -errno.
 */
int elf_file_section(int fd, const char *section, char *ret_bytes, size_t size);
#define ELF_FILE_NEEDED_MAX 128
#define ELF_FILE_NAME_MAX 256
/*
 * Reads the names of the libraries that the file needs. Returns their number or -errno.
 * `ret_names` has room for ELF_FILE_NEEDED_MAX.
 */
int elf_file_needed(int fd, char ret_names[][ELF_FILE_NAME_MAX]);
/*
 * Sets the address of the code at the file offset `offset`, minus `offset`. Returns
 * -ENODATA if there is no code at this offset.
 */
int elf_file_slide(int fd, maze_u64 offset, maze_u64 *ret_slide);

#endif
