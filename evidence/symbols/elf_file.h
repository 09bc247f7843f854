/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few facts that identify an ELF file. This reads an untrusted file with the
 * privileges of the caller: so by bounded pread(2), and not by a library, which would map
 * the file and trust more of it.
 */
#ifndef MAZE_EVIDENCE_ELF_FILE_H
#define MAZE_EVIDENCE_ELF_FILE_H

#include <stddef.h>

#include "../../core/stack.h"

/* -ENODATA: no build-id of up to 20 bytes, -ENOEXEC: not an ELF file, or -errno. */
int elf_file_build_id(int fd, maze_u8 ret_build_id[MAZE_BUILD_ID_LEN]);
/* The length without padding: at least four zeros at the end are padding. */
size_t elf_file_build_id_length(const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/*
 * The first bytes of a section, with a NUL. Returns their number; 0: no section; or
 * -errno.
 */
int elf_file_section(int fd, const char *section, char *ret_bytes, size_t size);
#define ELF_FILE_NEEDED_MAX 128
#define ELF_FILE_NAME_MAX 256
/*
 * The names of the libraries that it needs. Returns their number or -errno. `ret_names`
 * has room for ELF_FILE_NEEDED_MAX.
 */
int elf_file_needed(int fd, char ret_names[][ELF_FILE_NAME_MAX]);
/* Address minus file offset of the executable bytes at `offset`. -ENODATA: none there. */
int elf_file_slide(int fd, maze_u64 offset, maze_u64 *ret_slide);

#endif
