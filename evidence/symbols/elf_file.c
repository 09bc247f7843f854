/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads 32-bit headers into 64-bit ones. Accepts only this machine's byte order. */
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Linkers write about 14 program headers and 45 sections. A file with more is refused. */
#define PROGRAM_HEADERS_MAX 256
#define SECTIONS_MAX 1024
/* A section of notes has some hundred bytes. Only core files have more. */
#define NOTES_MAX 65536
#define DYNAMIC_MAX 1024

struct elf_file {
	int fd;
	bool wide; /* ELFCLASS64 */
	Elf64_Ehdr header;
};

static int read_at(int fd, void *buf, size_t size, maze_u64 offset)
{
	ssize_t got;

	if (offset > (maze_u64)INT64_MAX - size)
		return -ENOEXEC;
	do
		got = pread(fd, buf, size, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -ENOEXEC;
}

static int read_header(int fd, struct elf_file *ret_file)
{
	const unsigned char order =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	struct elf_file file = { .fd = fd };
	Elf32_Ehdr narrow;
	int err = read_at(fd, file.header.e_ident, EI_NIDENT, 0);

	if (err)
		return err;
	if (memcmp(file.header.e_ident, ELFMAG, SELFMAG) || file.header.e_ident[EI_DATA] != order)
		return -ENOEXEC;
	file.wide = file.header.e_ident[EI_CLASS] == ELFCLASS64;
	if (file.wide) {
		err = read_at(fd, &file.header, sizeof(file.header), 0);
	} else {
		err = read_at(fd, &narrow, sizeof(narrow), 0);
		if (err)
			return err;
		file.header.e_type = narrow.e_type;
		file.header.e_phoff = narrow.e_phoff;
		file.header.e_phnum = narrow.e_phnum;
		file.header.e_phentsize = narrow.e_phentsize;
		file.header.e_shoff = narrow.e_shoff;
		file.header.e_shnum = narrow.e_shnum;
		file.header.e_shentsize = narrow.e_shentsize;
		file.header.e_shstrndx = narrow.e_shstrndx;
	}
	if (err)
		return err;
	if (file.header.e_phnum > PROGRAM_HEADERS_MAX || file.header.e_shnum > SECTIONS_MAX)
		return -ENOEXEC;
	*ret_file = file;
	return 0;
}

static int read_segment(const struct elf_file *file, unsigned int index, Elf64_Phdr *ret_segment)
{
	maze_u64 at = file->header.e_phoff + (maze_u64)index * file->header.e_phentsize;
	Elf32_Phdr narrow;
	int err;

	if (file->wide)
		return read_at(file->fd, ret_segment, sizeof(*ret_segment), at);
	err = read_at(file->fd, &narrow, sizeof(narrow), at);
	if (err)
		return err;
	*ret_segment = (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
	};
	return 0;
}

static int read_section(const struct elf_file *file, unsigned int index, Elf64_Shdr *ret_section)
{
	maze_u64 at = file->header.e_shoff + (maze_u64)index * file->header.e_shentsize;
	Elf32_Shdr narrow;
	int err;

	if (file->wide)
		return read_at(file->fd, ret_section, sizeof(*ret_section), at);
	err = read_at(file->fd, &narrow, sizeof(narrow), at);
	if (err)
		return err;
	*ret_section = (Elf64_Shdr){
		.sh_name = narrow.sh_name,
		.sh_type = narrow.sh_type,
		.sh_offset = narrow.sh_offset,
		.sh_size = narrow.sh_size,
	};
	return 0;
}

/* ---- the build-id ------------------------------------------------------------------ */

static size_t round_to_word(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static bool find_build_id(const char *notes, size_t size, maze_u8 *ret_build_id)
{
	/* The header of a note is the same in 32-bit and 64-bit files. */
	Elf64_Nhdr note;
	size_t at = 0, name_at, desc_at;

	while (size - at >= sizeof(note)) {
		memcpy(&note, notes + at, sizeof(note));
		name_at = at + sizeof(note);
		if (note.n_namesz > size - name_at)
			return false;
		desc_at = name_at + round_to_word(note.n_namesz);
		if (desc_at > size || note.n_descsz > size - desc_at)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
		    !memcmp(notes + name_at, "GNU", sizeof("GNU")) && note.n_descsz &&
		    note.n_descsz <= MAZE_BUILD_ID_LEN) {
			memset(ret_build_id, 0, MAZE_BUILD_ID_LEN);
			memcpy(ret_build_id, notes + desc_at, note.n_descsz);
			return true;
		}
		at = desc_at + round_to_word(note.n_descsz);
		if (at > size)
			return false;
	}
	return false;
}

static int build_id_in(int fd, maze_u64 offset, maze_u64 size, maze_u8 *ret_build_id)
{
	char *notes;
	int err;

	if (!size || size > NOTES_MAX)
		return -ENODATA;
	notes = malloc(size);
	if (!notes)
		return -ENOMEM;
	err = read_at(fd, notes, size, offset);
	if (!err && !find_build_id(notes, size, ret_build_id))
		err = -ENODATA;
	free(notes);
	return err;
}

int elf_file_build_id(int fd, maze_u8 ret_build_id[MAZE_BUILD_ID_LEN])
{
	Elf64_Shdr section;
	Elf64_Phdr segment;
	struct elf_file file;
	unsigned int i;
	int err = read_header(fd, &file);

	if (err)
		return err;
	for (i = 0; i < file.header.e_phnum; i++) {
		if (read_segment(&file, i, &segment) || segment.p_type != PT_NOTE)
			continue;
		if (!build_id_in(fd, segment.p_offset, segment.p_filesz, ret_build_id))
			return 0;
	}
	/* Read sections, because the segments of a separate debug file have no data. */
	for (i = 0; i < file.header.e_shnum; i++) {
		if (read_section(&file, i, &section) || section.sh_type != SHT_NOTE)
			continue;
		if (!build_id_in(fd, section.sh_offset, section.sh_size, ret_build_id))
			return 0;
	}
	return -ENODATA;
}

size_t elf_file_build_id_length(const maze_u8 build_id[MAZE_BUILD_ID_LEN])
{
	size_t length = MAZE_BUILD_ID_LEN;

	while (length && !build_id[length - 1])
		length--;
	return length + 4 <= MAZE_BUILD_ID_LEN ? length : MAZE_BUILD_ID_LEN;
}

/* ---- sections ---------------------------------------------------------------------- */

static bool section_is(const struct elf_file *file, const Elf64_Shdr *names,
		       const Elf64_Shdr *section, const char *name)
{
	size_t size = strlen(name) + 1;
	char found[64];

	if (size > sizeof(found) || section->sh_name > names->sh_size ||
	    size > names->sh_size - section->sh_name)
		return false;
	return !read_at(file->fd, found, size, names->sh_offset + section->sh_name) &&
	       !memcmp(found, name, size);
}

int elf_file_section(int fd, const char *section, char *ret_bytes, size_t size)
{
	struct elf_file file;
	Elf64_Shdr names, found;
	unsigned int i;
	int err = read_header(fd, &file);
	size_t length;

	if (err)
		return err;
	ret_bytes[0] = '\0';
	if (file.header.e_shstrndx >= file.header.e_shnum ||
	    read_section(&file, file.header.e_shstrndx, &names))
		return 0;
	for (i = 0; i < file.header.e_shnum; i++) {
		if (read_section(&file, i, &found) || found.sh_type == SHT_NOBITS ||
		    !section_is(&file, &names, &found, section))
			continue;
		length = found.sh_size < size - 1 ? found.sh_size : size - 1;
		err = read_at(fd, ret_bytes, length, found.sh_offset);
		ret_bytes[err ? 0 : length] = '\0';
		return err ? err : (int)length;
	}
	return 0;
}

/* ---- segments ---------------------------------------------------------------------- */

/* Finds the file offset of an address. Returns false if the file has no such address. */
static bool offset_of(const struct elf_file *file, maze_u64 address, maze_u64 *ret_offset)
{
	Elf64_Phdr segment;
	unsigned int i;

	for (i = 0; i < file->header.e_phnum; i++) {
		if (read_segment(file, i, &segment) || segment.p_type != PT_LOAD ||
		    address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*ret_offset = segment.p_offset + (address - segment.p_vaddr);
		return true;
	}
	return false;
}

int elf_file_slide(int fd, maze_u64 offset, maze_u64 *ret_slide)
{
	/* A segment may begin anywhere in the first page of its mapping. */
	maze_u64 page = (maze_u64)sysconf(_SC_PAGESIZE), begin;
	struct elf_file file;
	Elf64_Phdr segment;
	unsigned int i;
	int err = read_header(fd, &file);

	if (err)
		return err;
	for (i = 0; i < file.header.e_phnum; i++) {
		if (read_segment(&file, i, &segment) || segment.p_type != PT_LOAD ||
		    !(segment.p_flags & PF_X))
			continue;
		begin = segment.p_offset & ~(page - 1);
		if (offset < begin || offset - begin >= segment.p_filesz)
			continue;
		*ret_slide = segment.p_vaddr - segment.p_offset;
		return 0;
	}
	return -ENODATA;
}

static int read_dynamic(const struct elf_file *file, maze_u64 at, Elf64_Dyn *ret_entry)
{
	Elf32_Dyn narrow;
	int err;

	if (file->wide)
		return read_at(file->fd, ret_entry, sizeof(*ret_entry), at);
	err = read_at(file->fd, &narrow, sizeof(narrow), at);
	if (err)
		return err;
	ret_entry->d_tag = narrow.d_tag;
	ret_entry->d_un.d_val = narrow.d_un.d_val;
	return 0;
}

static bool read_name(int fd, maze_u64 at, char *ret_name)
{
	ssize_t got = at > INT64_MAX ? -1 : pread(fd, ret_name, ELF_FILE_NAME_MAX, (off_t)at);

	return got > 0 && memchr(ret_name, '\0', (size_t)got) && ret_name[0];
}

static int names_in(const struct elf_file *file, const Elf64_Phdr *dynamic,
		    char ret_names[][ELF_FILE_NAME_MAX])
{
	maze_u64 entry_size = file->wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	maze_u64 wanted[ELF_FILE_NEEDED_MAX], strings = 0, i;
	unsigned int count = 0, named = 0;
	Elf64_Dyn entry;

	for (i = 0; i < DYNAMIC_MAX && (i + 1) * entry_size <= dynamic->p_filesz; i++) {
		if (read_dynamic(file, dynamic->p_offset + i * entry_size, &entry) ||
		    entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_STRTAB && !offset_of(file, entry.d_un.d_ptr, &strings))
			return 0;
		if (entry.d_tag == DT_NEEDED && count < ELF_FILE_NEEDED_MAX)
			wanted[count++] = entry.d_un.d_val;
	}
	for (i = 0; strings && i < count; i++)
		if (read_name(file->fd, strings + wanted[i], ret_names[named]))
			named++;
	return (int)named;
}

int elf_file_needed(int fd, char ret_names[][ELF_FILE_NAME_MAX])
{
	struct elf_file file;
	Elf64_Phdr segment;
	unsigned int i;
	int err = read_header(fd, &file);

	if (err)
		return err;
	for (i = 0; i < file.header.e_phnum; i++)
		if (!read_segment(&file, i, &segment) && segment.p_type == PT_DYNAMIC)
			return names_in(&file, &segment, ret_names);
	return 0;
}
