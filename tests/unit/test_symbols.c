/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From offsets to names, in every variant of programs: with debug information, with
 * separate debug information, without any, without frame pointers, static; and from
 * addresses, in lists of addresses.
 */
#include "loop_program.h"

#include "../../evidence/symbols/named_addresses.h"
#include "../../evidence/symbols/symbols.h"

#define CC "${CC:-gcc} -O2 -g -fomit-frame-pointer -Wl,--build-id "

/* The innermost name in the middle of a function, as in the report; "" for none. */
static const char *name_at(const struct symbols_files *files, maze_u64 offset,
			   struct symbol *symbols, size_t *ret_count)
{
	struct symbols *opened = symbols_open(files);

	assert_non_null(opened);
	*ret_count = symbols_find(opened, offset, symbols);
	symbols_close(opened);
	return *ret_count ? symbols[0].function : "";
}

static void assert_inner_by_dwarf(const struct loop_place *place, const struct symbols_files *files,
				  const char *with_symbols)
{
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count;

	name_at(files, loop_offset(place, with_symbols, "inner"), symbols, &count);
	assert_int_equal(count, 2);
	assert_string_equal(symbols[0].function, "twist");
	assert_true(symbols[0].inlined);
	assert_int_equal(symbols[0].line, LOOP_TWIST_LINE);
	assert_non_null(strstr(symbols[0].file, "loop.c"));
	assert_string_equal(symbols[1].function, "inner");
	assert_false(symbols[1].inlined);
	/* The line of the inlined call. */
	assert_int_equal(symbols[1].line, 10);
}

static void functions_lines_and_inlines_are_named(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count;

	loop_shell(place, CC "loop.c -o plain");
	files.fd = loop_open(place, "plain");
	assert_inner_by_dwarf(place, &files, "plain");
	assert_string_equal(name_at(&files, loop_offset(place, "plain", "middle"), symbols, &count),
			    "middle");
	/* Nothing is there, and no name is made up. */
	assert_string_equal(name_at(&files, 1ULL << 40, symbols, &count), "");
	close(files.fd);
}

static void a_static_pie_is_named(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };

	loop_shell(place, CC "-static-pie loop.c -o static");
	files.fd = loop_open(place, "static");
	assert_inner_by_dwarf(place, &files, "static");
	close(files.fd);
}

static void a_separate_debug_file_is_used(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .shared_fd = -1 };

	loop_shell(place, CC "loop.c -o whole && objcopy --only-keep-debug whole apart.debug && "
			     "objcopy --strip-all --add-gnu-debuglink=apart.debug whole apart");
	files.fd = loop_open(place, "apart");
	files.debug_fd = loop_open(place, "apart.debug");
	assert_inner_by_dwarf(place, &files, "whole");
	close(files.fd);
	close(files.debug_fd);
}

static void a_fully_stripped_program_has_no_names(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count;

	loop_shell(place, CC "loop.c -o whole && strip -o bare whole");
	files.fd = loop_open(place, "bare");
	assert_string_equal(name_at(&files, loop_offset(place, "whole", "inner"), symbols, &count),
			    "");
	close(files.fd);
}

static void a_symbol_table_without_dwarf_is_used(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count;

	loop_shell(place, CC "loop.c -o whole && strip -g -o table whole");
	files.fd = loop_open(place, "table");
	assert_string_equal(name_at(&files, loop_offset(place, "whole", "inner"), symbols, &count),
			    "inner");
	assert_int_equal(count, 1);
	assert_int_equal(symbols[0].line, 0);
	close(files.fd);
}

/* A linker's name is shown as in the source. */
static void names_of_cplusplus_are_demangled(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count;

	loop_shell(place, CC "loop.c -o whole && strip -g --keep-symbol=inner "
			     "-o bare whole && objcopy --redefine-sym inner=_ZN5space5innerEm "
			     "bare table");
	files.fd = loop_open(place, "table");
	assert_string_equal(name_at(&files, loop_offset(place, "whole", "inner"), symbols, &count),
			    "space::inner");
	close(files.fd);
}

/* clang writes no index of addresses by default. */
static void units_without_an_index_are_found(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };

	loop_shell(place, CC "loop.c -o whole && objcopy -R .debug_aranges whole unindexed");
	files.fd = loop_open(place, "unindexed");
	assert_inner_by_dwarf(place, &files, "whole");
	close(files.fd);
}

static void an_invalid_elf_file_is_refused(void **state)
{
	const struct loop_place *place = *state;
	struct symbols_files files = { .debug_fd = -1, .shared_fd = -1 };

	files.fd = loop_open(place, "loop.c");
	assert_null(symbols_open(&files));
	close(files.fd);
}

/* ---- facts of files ------------------------------------------------------------------------ */

static void build_ids_and_links_are_read(void **state)
{
	const struct loop_place *place = *state;
	maze_u8 of_program[MAZE_BUILD_ID_LEN], of_debug[MAZE_BUILD_ID_LEN];
	char bytes[256], names[ELF_FILE_NEEDED_MAX][ELF_FILE_NAME_MAX];
	int fd, debug_fd, none_fd, text_fd;

	loop_shell(place, CC "loop.c -o whole && objcopy --only-keep-debug whole apart.debug && "
			     "objcopy --strip-all --add-gnu-debuglink=apart.debug whole apart && "
			     "${CC:-gcc} -Wl,--build-id=none loop.c -o none");
	fd = loop_open(place, "apart");
	debug_fd = loop_open(place, "apart.debug");
	none_fd = loop_open(place, "none");
	text_fd = loop_open(place, "loop.c");
	assert_int_equal(elf_file_build_id(fd, of_program), 0);
	assert_int_equal(elf_file_build_id(debug_fd, of_debug), 0);
	assert_memory_equal(of_program, of_debug, MAZE_BUILD_ID_LEN);
	assert_int_equal(elf_file_build_id(none_fd, of_debug), -ENODATA);
	assert_memory_equal(of_program, of_debug, MAZE_BUILD_ID_LEN);
	assert_int_equal(elf_file_build_id(text_fd, of_debug), -ENOEXEC);
	assert_true(elf_file_section(fd, ".gnu_debuglink", bytes, sizeof(bytes)) > 0);
	assert_string_equal(bytes, "apart.debug");
	assert_int_equal(elf_file_section(none_fd, ".gnu_debuglink", bytes, sizeof(bytes)), 0);
	assert_int_equal(elf_file_needed(fd, names), 1);
	assert_string_equal(names[0], "libc.so.6");
	close(fd);
	close(debug_fd);
	close(none_fd);
	close(text_fd);
}

/* ---- lists of addresses ------------------------------------------------------------------------ */

static void names_from_a_perf_map_are_used(void **state)
{
	static const char map[] = "7f0000001000 100 LazyCompile:~spin /x.js:1:1\n"
				  "0x7f0000002000 10 with space in it\n"
				  "7f0000001080 10 later one holds\n"
				  "nonsense\n"
				  "7f0000003000 zz bad\n"
				  "ffffffffffffffff ffffffffffffffff the end\n"
				  "7f0000004000 10 no newline";
	struct named_address addresses[] = {
		{ .address = 0x7f0000004000 }, { .address = 0x7f0000002008 },
		{ .address = 0x7f0000001000 }, { .address = 0x7f0000001085 },
		{ .address = 0x7f0000001100 }, { .address = 0x7f0000003000 },
	};

	(void)state;
	named_addresses_sort(addresses, 6);
	named_addresses_perf_map(map, strlen(map), addresses, 6);
	assert_string_equal(addresses[0].name, "LazyCompile:~spin /x.js:1:1");
	assert_string_equal(addresses[1].name, "later one holds");
	assert_string_equal(addresses[2].name, "");
	assert_string_equal(addresses[3].name, "with space in it");
	assert_string_equal(addresses[4].name, "");
	assert_string_equal(addresses[5].name, "");
}

static void kernel_names(const char *text, struct named_address *addresses, size_t count,
			 bool shown)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	assert_int_equal(named_addresses_kallsyms(ends[0], addresses, count), shown);
	close(ends[0]);
}

static void names_from_kallsyms_are_used(void **state)
{
	struct named_address addresses[] = {
		{ .address = 0xffffffff80000000 }, { .address = 0xffffffff81000010 },
		{ .address = 0xffffffff81000020 }, { .address = 0xffffffff81000104 },
		{ .address = 0xffffffffc0000008 }, { .address = 0xffffffffd0000000 },
	};

	(void)state;
	kernel_names("ffffffff81000000 T first\n"
		     "ffffffffc0000000 t of_a_module\t[some]\n"
		     "ffffffff81000100 t second\n"
		     "ffffffff81000102 d no_code\n",
		     addresses, 6, true);
	assert_string_equal(addresses[0].name, "");
	assert_string_equal(addresses[1].name, "first");
	assert_string_equal(addresses[2].name, "first");
	assert_string_equal(addresses[3].name, "second");
	assert_string_equal(addresses[4].name, "of_a_module\t[some]");
	assert_string_equal(addresses[5].name, "");
}

static void kallsyms_without_addresses_gives_no_names(void **state)
{
	struct named_address address = { .address = 0xffffffff81000010 };

	(void)state;
	kernel_names("0000000000000000 T first\n0000000000000000 t second\n", &address, 1, false);
	assert_string_equal(address.name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(functions_lines_and_inlines_are_named),
		IN_PLACE(a_static_pie_is_named),
		IN_PLACE(a_separate_debug_file_is_used),
		IN_PLACE(a_fully_stripped_program_has_no_names),
		IN_PLACE(a_symbol_table_without_dwarf_is_used),
		IN_PLACE(units_without_an_index_are_found),
		IN_PLACE(names_of_cplusplus_are_demangled),
		IN_PLACE(an_invalid_elf_file_is_refused),
		IN_PLACE(build_ids_and_links_are_read),
		cmocka_unit_test(names_from_a_perf_map_are_used),
		cmocka_unit_test(names_from_kallsyms_are_used),
		cmocka_unit_test(kallsyms_without_addresses_gives_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
