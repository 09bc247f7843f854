/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uses libdwfl offline: the module comes from a descriptor, and its separate debug file
 * comes from the callback. libdwfl itself searches no file.
 */
#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENCLOSING_MAX 8

struct symbols {
	struct symbols_files files;
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias; /* an address in libdwfl minus that in the file */
	Elf *elf;
};

static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word link_crc,
			  char **ret_name)
{
	const struct symbols *symbols = *userdata;
	int fd = symbols->files.debug_fd;

	(void)module, (void)name, (void)base, (void)file_name, (void)link_crc, (void)ret_name;
	/* libdwfl also calls this for the file that several debug files share. */
	if (link && symbols->files.shared_name && !strcmp(link, symbols->files.shared_name))
		fd = symbols->files.shared_fd;
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Finds no file. The default function of libdwfl would search for one. */
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

struct symbols *symbols_open(const struct symbols_files *files)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	void **userdata;
	int fd;

	if (!symbols)
		return NULL;
	symbols->files = *files;
	symbols->dwfl = dwfl_begin(&callbacks);
	/* libdwfl closes the descriptor, so give it a copy. */
	fd = fcntl(files->fd, F_DUPFD_CLOEXEC, 0);
	if (!symbols->dwfl || fd < 0)
		goto out_close_fd;
	symbols->module = dwfl_report_offline(symbols->dwfl, "module", "module", fd);
	if (!symbols->module)
		goto out_close_fd;
	dwfl_report_end(symbols->dwfl, NULL, NULL);
	dwfl_module_info(symbols->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = symbols;
	symbols->elf = dwfl_module_getelf(symbols->module, &symbols->bias);
	if (symbols->elf)
		return symbols;
	fd = -1;
out_close_fd:
	if (fd >= 0)
		close(fd);
	symbols_close(symbols);
	return NULL;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols);
}

/* ---- addresses --------------------------------------------------------------------- */

static bool address_of(const struct symbols *symbols, maze_u64 offset, GElf_Addr *ret_address)
{
	GElf_Phdr segment;
	size_t count, i;

	if (elf_getphdrnum(symbols->elf, &count))
		return false;
	for (i = 0; i < count; i++) {
		if (!gelf_getphdr(symbols->elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    !(segment.p_flags & PF_X) || offset < segment.p_offset ||
		    offset - segment.p_offset >= segment.p_filesz)
			continue;
		*ret_address = offset - segment.p_offset + segment.p_vaddr + symbols->bias;
		return true;
	}
	return false;
}

/* Not every compiler writes .debug_aranges, so this may have to search all units. */
static Dwarf_Die *unit_of(Dwfl_Module *module, GElf_Addr address, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, ret_bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, ret_bias)))
		if (dwarf_haspc(unit, address - *ret_bias) > 0)
			return unit;
	return NULL;
}

/* ---- names ------------------------------------------------------------------------- */

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", more);
}

/* Returns the DIE of the declaration. Only this DIE is inside the namespaces. */
static Dwarf_Die *declaration_of(Dwarf_Die *die, Dwarf_Die *mem)
{
	static const unsigned int links[] = { DW_AT_abstract_origin, DW_AT_specification };
	Dwarf_Attribute attribute;
	Dwarf_Die next;
	size_t i;

	*mem = *die;
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (dwarf_attr(mem, links[i], &attribute) && dwarf_formref_die(&attribute, &next))
			*mem = next;
	return mem;
}

static bool is_enclosing(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static bool has_namespaces(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
	case DW_LANG_Go: /* the name contains the package */
		return false;
	default:
		return true;
	}
}

/* Writes "space::class::function". Returns false if the DIE has no name. */
static bool write_name(Dwarf_Die *die, bool namespaces, char *ret_name, size_t size)
{
	const char *name = dwarf_diename(die), *outer[ENCLOSING_MAX];
	Dwarf_Die declaration, *scopes = NULL;
	int count = 0, i, found = 0;

	ret_name[0] = '\0';
	if (!name)
		return false;
	if (namespaces)
		count = dwarf_getscopes_die(declaration_of(die, &declaration), &scopes);
	for (i = 1; i < count && found < ENCLOSING_MAX; i++)
		if (is_enclosing(&scopes[i]) && dwarf_diename(&scopes[i]))
			outer[found++] = dwarf_diename(&scopes[i]);
	while (found > 0) {
		append(ret_name, size, outer[--found]);
		append(ret_name, size, "::");
	}
	append(ret_name, size, name);
	free(scopes);
	return true;
}

/* ---- functions and lines ----------------------------------------------------------- */

static void write_line(Dwarf_Die *unit, Dwarf_Addr address, struct symbol *symbol)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	if (!file)
		return;
	snprintf(symbol->file, sizeof(symbol->file), "%s", file);
	if (!dwarf_lineno(line, &number) && number > 0)
		symbol->line = (unsigned int)number;
}

/* The line of an inlined function's call is the current line of the outer function. */
static void write_call(Dwarf_Die *unit, Dwarf_Die *inlined, struct symbol *outer)
{
	Dwarf_Word number = 0, line = 0;
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	const char *file;

	if (!dwarf_attr(inlined, DW_AT_call_file, &attribute) ||
	    dwarf_formudata(&attribute, &number) || dwarf_getsrcfiles(unit, &files, NULL))
		return;
	file = dwarf_filesrc(files, number, NULL, NULL);
	if (!file)
		return;
	snprintf(outer->file, sizeof(outer->file), "%s", file);
	if (dwarf_attr(inlined, DW_AT_call_line, &attribute) && !dwarf_formudata(&attribute, &line))
		outer->line = (unsigned int)line;
}

/* Goes from the innermost scope out to the first function that is not inlined. */
static size_t walk_scopes(Dwarf_Die *unit, Dwarf_Die *scopes, int count, struct symbol *ret)
{
	bool namespaces = has_namespaces(unit), ended = false;
	size_t found = 0;
	int i, tag;

	for (i = 0; i < count && found < SYMBOLS_INLINE_MAX && !ended; i++) {
		tag = dwarf_tag(&scopes[i]);
		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram &&
		    tag != DW_TAG_entry_point)
			continue;
		write_name(&scopes[i], namespaces, ret[found].function,
			   sizeof(ret[found].function));
		ended = tag != DW_TAG_inlined_subroutine;
		ret[found].inlined = !ended;
		found++;
		if (!ended && found < SYMBOLS_INLINE_MAX)
			write_call(unit, &scopes[i], &ret[found]);
	}
	/* The outermost function is not inlined, even if the file marks it as inlined. */
	if (found)
		ret[found - 1].inlined = false;
	return found;
}

static size_t find_in_dwarf(struct symbols *symbols, GElf_Addr address, struct symbol *ret)
{
	Dwarf_Die *scopes = NULL, *chain = NULL, *unit;
	Dwarf_Addr bias = 0;
	size_t found = 0;
	int count;

	unit = unit_of(symbols->module, address, &bias);
	if (!unit)
		return 0;
	write_line(unit, address - bias, &ret[0]);
	/*
	 * dwarf_getscopes() gives the innermost scope and the scopes of its declaration.
	 * dwarf_getscopes_die() gives the scopes that contain its code.
	 */
	if (dwarf_getscopes(unit, address - bias, &scopes) > 0) {
		count = dwarf_getscopes_die(&scopes[0], &chain);
		found = walk_scopes(unit, chain, count, ret);
	}
	free(chain);
	free(scopes);
	return found ? found : ret[0].file[0] != '\0';
}

/* Demangles a name without argument types, so that it looks like a name in DWARF. */
static void write_linker_name(const char *name, char *ret_name, size_t size)
{
	char *demangled = cplus_demangle(name, DMGL_AUTO);

	snprintf(ret_name, size, "%s", demangled ?: name);
	free(demangled);
}

size_t symbols_find(struct symbols *symbols, maze_u64 offset, struct symbol *ret)
{
	GElf_Addr address;
	GElf_Off within;
	GElf_Sym symbol;
	const char *name;
	size_t found;

	memset(ret, 0, SYMBOLS_INLINE_MAX * sizeof(*ret));
	if (!address_of(symbols, offset, &address))
		return 0;
	found = find_in_dwarf(symbols, address, ret);
	if (found && ret[found - 1].function[0])
		return found;
	name = dwfl_module_addrinfo(symbols->module, address, &within, &symbol, NULL, NULL, NULL);
	if (!name || !name[0])
		return found;
	if (!found)
		found = 1;
	write_linker_name(name, ret[found - 1].function, sizeof(ret[found - 1].function));
	return found;
}

static bool find_section(const struct symbols *symbols, const char *name, maze_u64 *ret_address)
{
	Elf_Scn *section = NULL;
	const char *found;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(symbols->elf, &names))
		return false;
	while ((section = elf_nextscn(symbols->elf, section))) {
		if (!gelf_getshdr(section, &header))
			return false;
		found = elf_strptr(symbols->elf, names, header.sh_name);
		if (found && !strcmp(found, name)) {
			*ret_address = header.sh_addr;
			return true;
		}
	}
	return false;
}

bool symbols_find_data(struct symbols *symbols, const char *variable, const char *section,
		       maze_u64 *ret_address)
{
	int count = dwfl_module_getsymtab(symbols->module), i;
	const char *found;
	GElf_Addr address;
	GElf_Sym symbol;

	for (i = 0; i < count; i++) {
		found = dwfl_module_getsym_info(symbols->module, i, &symbol, &address, NULL, NULL,
						NULL);
		if (!found || symbol.st_shndx == SHN_UNDEF || strcmp(found, variable) != 0)
			continue;
		*ret_address = address - symbols->bias;
		return true;
	}
	return section && find_section(symbols, section, ret_address);
}
