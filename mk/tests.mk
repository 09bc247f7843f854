# SPDX-License-Identifier: GPL-2.0-only
# Tests: their programs, and the targets that run the suites of tests/suites.

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/*.c))
CONFORMANCE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/conformance/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# Sources without a kernel: maze.conf to rules, and texts to values. Fuzzers link these.
RULES_SRC := $(filter-out %/decide.c,$(wildcard daemon/rules/*.c))
TEXT_SRC := $(filter-out lib/evidence.c lib/groups.c lib/handle.c lib/reader.c lib/schedule.c lib/system_call%.c lib/watch.c,$(wildcard base/*.c lib/*.c))

.PHONY: tests-build suites-build beyond-build sanitize sanitize-parts check check-beyond check-all \
	check-fresh unit-check cli-check daemon-check page-check conformance vm-check vm-evidence \
	vm-stress vm-systemd vm-debug real-check real-suggest fuzz \
	traces

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/mazed.a $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/replay.a $(BUILD)/libmaze.a
	$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -o $@ -lcmocka $(LDLIBS_DAEMON) $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE) -lm

# Not optimized, and without _FORTIFY_SOURCE, which needs that: half of the time that their
# build takes. What they test is built as ever.
$(BUILD)/tests/unit/%.o: ALL_CFLAGS += -O0 -U_FORTIFY_SOURCE

# Static, so that they run in a virtual machine without libraries.
$(BUILD)/tests/programs/%: tests/programs/%.c $(wildcard tests/programs/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(WERROR) -O2 -g -static -pthread $< -o $@

$(BUILD)/tests/conformance/conformance: $(CONFORMANCE_OBJ) $(BUILD)/base/rfc3339.o
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ -ljansson

$(BUILD)/tests/unit/test_missed_switch.o $(BUILD)/tests/unit/test_kernel_members.o: $(BPF_SKELETON)

$(BUILD)/tests/fuzz/fuzz_rules $(BUILD)/tests/fuzz/fuzz_unit_file $(BUILD)/tests/fuzz/fuzz_streaks: $(RULES_SRC) evidence/store/redact.c \
	$(wildcard evidence/isolation/*.c)
$(BUILD)/tests/fuzz/fuzz_control: daemon/control/control_request.c
$(BUILD)/tests/fuzz/fuzz_incident: $(REPORT_SRC) | $(BUILD)/report/page.inc
$(BUILD)/tests/fuzz/fuzz_streaks: observe/streaks_file.c $(wildcard suggest/*.c) report/json_reader.c report/file_text.c
$(BUILD)/tests/fuzz/fuzz_perf_map: evidence/symbols/named_addresses.c
$(BUILD)/tests/fuzz/fuzz_elf_file: evidence/symbols/elf_file.c
$(BUILD)/tests/fuzz/fuzz_fdinfo: evidence/capture/fdinfo.c
$(BUILD)/tests/fuzz/fuzz_redact: evidence/store/redact.c
$(BUILD)/tests/fuzz/fuzz_trace: $(REPLAY_SRC)
$(BUILD)/tests/fuzz/fuzz_python: $(addprefix evidence/python/,python_code.c python_layout.c python_stack.c)
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(TEXT_SRC)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -DMAZE_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/report \
		-O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $^ -o $@ -ljansson -lz -lm $(LDLIBS_DAEMON)

# maze has no archive of its own.
$(BUILD)/tests/unit/test_top: $(patsubst %,$(BUILD)/cli/%.o,top_rows top_text top_view)

# The grammar of /proc/maze/entries is part of the module, but needs no kernel headers.
$(BUILD)/tests/unit/test_grammar: $(BUILD)/engine/kmod/module/grammar.o
$(BUILD)/tests/fuzz/fuzz_grammar: engine/kmod/module/grammar.c

# The module's rule for test_same_rule, compiled without kernel headers: with the flags of
# Kbuild that change what the code computes with, and without mitigations and tracing.
# tests/vm/check-replay links the test with the objects of Kbuild instead.
KERNEL_CFLAGS := -std=gnu11 -O2 -ffreestanding -fno-pic -fno-pie -fno-strict-aliasing -fno-common \
	-fno-strict-overflow -fno-delete-null-pointer-checks -fno-asynchronous-unwind-tables
ifeq ($(BPF_ARCH),x86)
KERNEL_CFLAGS += -mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -mno-sse2 -mno-avx -mno-80387
else ifeq ($(BPF_ARCH),arm64)
KERNEL_CFLAGS += -mgeneral-regs-only
endif
$(BUILD)/engine/kmod/module/step.o: ALL_CFLAGS = $(WARNINGS) $(WERROR) $(KERNEL_CFLAGS)
$(BUILD)/tests/unit/test_same_rule: $(BUILD)/engine/kmod/module/step.o
# Code of the kernel is not position-independent.
$(BUILD)/tests/unit/test_same_rule: private LDFLAGS += -no-pie

# The rule of the bpf engine is in its object.
$(BUILD)/tests/unit/same_rule.bpf.o: $(BUILD)/engine/bpf/maze.bpf.o

# The drop-in of maze protect needs no systemd.
$(BUILD)/tests/unit/test_drop_in: $(BUILD)/cli/drop_in.o $(BUILD)/base/error.o

tests-build: build $(UNIT) $(BUILD)/tests/unit/same_rule.bpf.o $(PROGRAMS) $(BUILD)/tests/conformance/conformance

# The same sources under ASan and UBSan; the BPF object is the same file. Undefined behaviour
# ends a program by SIGILL: the library that would print the reason makes each start of a
# program take 13 ms instead of 7. UBSAN=-fno-sanitize-recover=all has the reason printed.
UBSAN ?= -fsanitize-undefined-trap-on-error
SANITIZE := -O1 -g1 -fsanitize=address,undefined $(UBSAN)
sanitize: $(BPF_SKELETON)
# Objects of other flags do not link with these.
	@echo '$(SANITIZE)' | cmp -s - $(BUILD)/sanitize/flags || rm -rf $(BUILD)/sanitize
	@mkdir -p $(BUILD)/sanitize/engine/bpf
	@echo '$(SANITIZE)' > $(BUILD)/sanitize/flags
	@cp -u $(BPF_SKELETON:.skel.h=.bpf.o) $(BPF_SKELETON) $(BUILD)/sanitize/engine/bpf/
	@touch $(BUILD)/sanitize/engine/bpf/*.bpf.o
	@touch $(BUILD)/sanitize/engine/bpf/*.skel.h
	@$(MAKE) BUILD=$(BUILD)/sanitize CFLAGS="$(SANITIZE)" sanitize-parts

sanitize-parts: $(BUILD)/maze $(BUILD)/mazed $(BUILD)/maze-exporter $(UNIT)

# Everything that the suites of make check need, and those of make check-beyond.
suites-build: tests-build sanitize $(BUILD)/bench/instructions
BEYOND_DEPS := build check check-all package package-as-rpm
beyond-build: tests-build bench-programs deb rpm

## make check        install missing packages, build, run all tests that this kernel can run
check:
	@scripts/deps build check
	@$(MAKE) -j$$(nproc) suites-build
	@tests/suite $$(tests/suite --names check)
	@echo "== all tests passed"

# Two suites run side by side. The order of tests/suites keeps the large ones apart.
## make check-beyond the slow tests: the page in Chromium, other kernels in virtual
##                   machines, a minimal Debian 12
check-beyond:
	@scripts/deps $(BEYOND_DEPS)
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/suite $$(tests/suite --names beyond)
	@echo "== all tests beyond make check passed"

## make check-all    make check, then make check-beyond
check-all:
	@$(MAKE) check
	@$(MAKE) check-beyond

# One suite: suite-NAME. The names and commands are in tests/suites.
suite-%:
	@scripts/deps $(if $(filter $*,$(shell tests/suite --names beyond)),$(BEYOND_DEPS),build check)
	@$(MAKE) -j$$(nproc) $(if $(filter $*,$(shell tests/suite --names beyond)),beyond-build,\
		tests-build $(BUILD)/bench/instructions $(if $(filter %-asan,$*),sanitize))
	@tests/suite $*

## make unit-check   unit tests, plain, as a plain user and under ASan and UBSan
unit-check cli-check daemon-check conformance:
	@scripts/deps build check
	@$(MAKE) -j$$(nproc) suites-build
	@tests/suite $(filter $(SUITES_$@),$(shell tests/suite --names check))

SUITES_unit-check := unit unit-user unit-asan scripts
## make cli-check    the command line, plain and under ASan and UBSan
SUITES_cli-check := cli cli-asan
## make daemon-check mazed, plain and under ASan and UBSan
SUITES_daemon-check := daemon daemon-asan
## make conformance  the conformance suite on this kernel, each engine
SUITES_conformance := conformance-%

## make page-check   the page of maze report --html in Chromium
page-check: suite-page

## make check-fresh  make demo and the unit tests on a minimal Debian 12
check-fresh: suite-fresh

## make vm-check     all tests in virtual machines
vm-check:
	@scripts/deps $(BEYOND_DEPS)
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/suite --jobs 1 $(filter vm%,$(shell tests/suite --names beyond))

vm-evidence vm-stress vm-systemd: %: suite-%

## make vm-debug     the module on a kernel with lockdep, KASAN and more (slow, not in check-all)
vm-debug:
	@scripts/deps $(BEYOND_DEPS) debug
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/vm/check-debug

## make real-check   real programs under the shipped configuration, in shadow
real-check:
	@scripts/deps build
	@$(MAKE) -j$$(nproc) build $(PROGRAMS)
	@scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc \
		--propagation unchanged tests/real/run
	@scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc \
		--propagation unchanged tests/real/runtimes
	@scripts/in-private-bpffs tests/real/crowd

## make traces       record the conformance scenarios again into tests/traces (root)
traces:
	@scripts/deps build check
	@$(MAKE) -j$$(nproc) tests-build
	@unshare --mount sh -c 'mount -t tracefs tracefs /sys/kernel/tracing && exec tests/traces/record'

## make real-suggest limits of maze suggest for eight real programs (MAZE_REAL_S seconds each, 600)
real-suggest:
	@scripts/deps build
	@$(MAKE) -j$$(nproc) build
	@scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc \
		--propagation unchanged tests/real/suggest

## make fuzz         fuzz the parsers, FUZZ_SECONDS each
fuzz:
	@scripts/deps build fuzz
	@$(MAKE) -j$$(nproc) $(FUZZERS)
	@for fuzzer in $(FUZZERS); do \
		echo "== $$(basename $$fuzzer)"; \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 || exit 1; \
	done
