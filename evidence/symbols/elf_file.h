/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few facts of an ELF file that decide which file it is. They are read with the
 * rights of who opened it, and the file may be anybody's: so by hand, by pread(2) with
 * bounds, and not by a library that maps and trusts more than is needed here.
 */
#ifndef MAZE_EVIDENCE_ELF_FILE_H
#define MAZE_EVIDENCE_ELF_FILE_H

#include <stddef.h>

#include "../../core/stack.h"

/* 0, or -ENODATA: it has no build-id of up to 20 bytes, -ENOEXEC: no ELF file; or -errno. */
int elf_file_build_id(int fd, maze_u8 ret_build_id[MAZE_BUILD_ID_LEN]);
/* How long it is without the padding; an id that ends in four zeros is padded. */
size_t elf_file_build_id_length(const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/* The first bytes of a section, "" and 0 where there is none; NUL-terminated. Or -errno. */
int elf_file_section(int fd, const char *section, char *ret_bytes, size_t size);
#define ELF_FILE_NEEDED_MAX 128
#define ELF_FILE_NAME_MAX 256
/*
 * The libraries it names as needed: how many there are names of, or -errno. `ret_names`
 * has room for ELF_FILE_NEEDED_MAX.
 */
int elf_file_needed(int fd, char ret_names[][ELF_FILE_NAME_MAX]);
/* What to add to an offset of executable bytes for their address. -ENODATA: there are none. */
int elf_file_slide(int fd, maze_u64 offset, maze_u64 *ret_slide);

#endif
