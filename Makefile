# SPDX-License-Identifier: GPL-2.0-only
# The front door. `make help` lists what there is; docs/development.md says more.

BUILD ?= build
PREFIX ?= /usr/local
# Where systemd looks; packages say /usr/lib/systemd/system.
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION := 0.1.0
FUZZ_SECONDS ?= 20

# The first of these commands that there is, or the last, which scripts/deps installs.
first_of = $(or $(firstword $(foreach each,$(1),$(if $(shell command -v $(each)),$(each)))),$(lastword $(1)))
ifeq ($(origin CC),default)
CC := $(call first_of,gcc gcc-12)
endif
CLANG ?= $(call first_of,clang clang-14)
export BUILD CC CLANG
BPFTOOL ?= /usr/sbin/bpftool
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))

# Targets that install what is missing do so before make looks at anything else.
MAKEFLAGS += --no-print-directory

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIC
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMAZE_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/engine/bpf \
	-isystem $(BUILD)/report \
	$(WARNINGS) $(HARDENING) $(CFLAGS)
LDLIBS_MAZE := -lbpf -lelf -lz -ljansson -pthread
LDFLAGS_MAZE := -Wl,-z,relro,-z,now

BPF_SKELETON := $(BUILD)/engine/bpf/maze.skel.h $(BUILD)/engine/bpf/follow.skel.h
LIB_SRC := $(wildcard base/*.c) $(filter-out %.bpf.c,$(wildcard engine/*.c engine/bpf/*.c engine/kmod/*.c engine/poll/*.c)) $(wildcard lib/*.c)
CLI_SRC := $(wildcard cli/*.c)
# Incidents as they are read and shown; an archive, likewise.
REPORT_SRC := $(wildcard report/*.c)
REPORT_OBJ := $(REPORT_SRC:%.c=$(BUILD)/%.o)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# All of mazed but its main, as an archive, so that unit tests take what they need.
DAEMON_SRC := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c daemon/*/*/*.c))
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/%.o)
LDLIBS_DAEMON := -linih -lsystemd
# What becomes of a verdict's stacks: apart from libmaze, which does not need libdw.
EVIDENCE_SRC := $(wildcard evidence/*.c evidence/*/*.c)
EVIDENCE_OBJ := $(EVIDENCE_SRC:%.c=$(BUILD)/%.o)
LDLIBS_EVIDENCE := -ldw -liberty
# What turns maze.conf into rules, and nothing that needs a kernel: for the fuzzer.
RULES_SRC := $(filter-out %/decide.c,$(wildcard daemon/rules/*.c))
# What turns words into numbers and back: no kernel, so what tests and fuzzers take.
TEXT_SRC := $(filter-out lib/evidence.c lib/handle.c lib/watch.c,$(wildcard base/*.c lib/*.c))

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/*.c))
CONFORMANCE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/conformance/*.c))
# What benchmarks share, and the programs: one each figure, and two about figures.
BENCH_SHARED := $(patsubst %,$(BUILD)/bench/%.o,attach bench detectors estimate figure pair)
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(filter-out \
	$(BENCH_SHARED:$(BUILD)/%.o=%.c),$(wildcard bench/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
MANS := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))

.PHONY: all help deps build tests-build suites-build beyond-build sanitize sanitize-parts check check-beyond \
	check-all check-fresh unit-check cli-check daemon-check page-check conformance vm-check vm-evidence vm-stress \
	vm-systemd vm-debug demo bench bench-build bench-quick bench-quote instructions instructions-check fuzz lint \
	install install-dkms real-check clean
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: build

help:
	@sed -n 's/^## //p' Makefile
	@echo; echo "Single suites, with their times on two quiet processors:"
	@tests/suite --list | awk '{ name = "make suite-" $$1; time = $$3 " s"; \
		$$1 = $$2 = $$3 = ""; printf "%-37s %5s %s\n", name, time, $$0 }'

## make              build maze, mazed, libmaze and the manual pages into build/
build: $(BUILD)/maze $(BUILD)/mazed $(BUILD)/libmaze.so $(MANS)

## make deps         install the Debian packages that make check needs (root)
deps:
	@scripts/deps build check

# ---- the BPF program --------------------------------------------------------------

$(BUILD)/engine/bpf/%.bpf.o: engine/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
		-Wno-unused-parameter -idirafter /usr/include/$(MULTIARCH) -I. -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.tmp
# Linked alone: DWARF goes, BTF stays.
	$(BPFTOOL) gen object $@ $@.tmp
	rm $@.tmp

$(BUILD)/engine/bpf/%.skel.h: $(BUILD)/engine/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	mv $@.tmp $@

# ---- library and command ----------------------------------------------------------

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/engine/bpf/load.o $(BUILD)/engine/bpf/bpf.o $(BUILD)/engine/bpf/pins.o \
	$(BUILD)/engine/bpf/follow.o: $(BPF_SKELETON)

$(BUILD)/libmaze.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

# The page of maze report --html, as a C array.
$(BUILD)/report/page.inc: report/page.html report/page.css report/page.js scripts/page-array
	@mkdir -p $(@D)
	scripts/page-array $(filter report/%,$^) > $@.tmp
	mv $@.tmp $@

$(BUILD)/report/html.o: $(BUILD)/report/page.inc

$(BUILD)/report.a: $(REPORT_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/mazed.a: $(DAEMON_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/evidence.a: $(EVIDENCE_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libmaze.so.0: $(LIB_OBJ) lib/libmaze.map
	$(CC) -shared -Wl,-soname,libmaze.so.0 -Wl,--version-script=lib/libmaze.map \
		$(LDFLAGS_MAZE) $(CFLAGS) $(LIB_OBJ) -o $@ $(LDLIBS_MAZE)

$(BUILD)/libmaze.so: $(BUILD)/libmaze.so.0
	ln -sf libmaze.so.0 $@

$(BUILD)/maze: $(CLI_OBJ) $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/libmaze.a
	$(CC) -pie $(LDFLAGS_MAZE) $(CFLAGS) $^ -o $@ $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE)

$(BUILD)/mazed: $(BUILD)/daemon/main.o $(BUILD)/mazed.a $(BUILD)/evidence.a $(BUILD)/libmaze.a
	$(CC) -pie $(LDFLAGS_MAZE) $(CFLAGS) $^ -o $@ $(LDLIBS_DAEMON) $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE)

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

# ---- tests ------------------------------------------------------------------------

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/mazed.a $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/libmaze.a
	$(CC) $(CFLAGS) $^ -o $@ -lcmocka $(LDLIBS_DAEMON) $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE)

# Static, so that they run in a machine that has nothing else.
$(BUILD)/tests/programs/%: tests/programs/%.c tests/programs/program.h tests/programs/account.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O2 -g -static -pthread $< -o $@

$(BUILD)/tests/conformance/conformance: $(CONFORMANCE_OBJ)
	$(CC) $(CFLAGS) $^ -o $@ -ljansson

$(BUILD)/bench/attach.o $(BUILD)/bench/instructions.o $(BUILD)/tests/unit/test_missed_switch.o \
	$(BUILD)/tests/unit/test_kernel_members.o: $(BPF_SKELETON)

$(BUILD)/bench/shared.a: $(BENCH_SHARED)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/bench/shared.a $(BUILD)/libmaze.a
	$(CC) $(CFLAGS) $^ -o $@ $(LDLIBS_MAZE) -lm

$(BUILD)/tests/fuzz/fuzz_rules: $(RULES_SRC) evidence/store/redact.c \
	$(wildcard evidence/isolation/*.c)
$(BUILD)/tests/fuzz/fuzz_control: daemon/control/control_request.c
$(BUILD)/tests/fuzz/fuzz_incident: $(REPORT_SRC) | $(BUILD)/report/page.inc
$(BUILD)/tests/fuzz/fuzz_perf_map: evidence/symbols/named_addresses.c
$(BUILD)/tests/fuzz/fuzz_elf_file: evidence/symbols/elf_file.c
$(BUILD)/tests/fuzz/fuzz_redact: evidence/store/redact.c
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(TEXT_SRC)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -DMAZE_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/report \
		-O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $^ -o $@ -ljansson $(LDLIBS_DAEMON)

# The grammar of /proc/maze/entries is part of the module, and pure.
$(BUILD)/tests/unit/test_grammar: $(BUILD)/engine/kmod/module/grammar.o
$(BUILD)/tests/fuzz/fuzz_grammar: engine/kmod/module/grammar.c

# Only where objects are: unpacked packages below $(BUILD) have files of that name too.
OBJECT_DIRS := $(wildcard $(patsubst %,$(BUILD)/%,base bench cli core daemon engine evidence lib report tests))
-include $(if $(OBJECT_DIRS),$(shell find $(OBJECT_DIRS) -type f -name '*.d' 2>/dev/null))

tests-build: build $(UNIT) $(PROGRAMS) $(BUILD)/tests/conformance/conformance

# The same sources under ASan and UBSan; the BPF object is the same file.
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize: $(BPF_SKELETON)
	@mkdir -p $(BUILD)/sanitize/engine/bpf
	@cp -u $(BPF_SKELETON:.skel.h=.bpf.o) $(BPF_SKELETON) $(BUILD)/sanitize/engine/bpf/
	@touch $(BUILD)/sanitize/engine/bpf/*.bpf.o
	@touch $(BUILD)/sanitize/engine/bpf/*.skel.h
	@$(MAKE) BUILD=$(BUILD)/sanitize CFLAGS="$(SANITIZE)" sanitize-parts

sanitize-parts: $(BUILD)/maze $(BUILD)/mazed $(UNIT)

# Everything that the suites of make check run; then what check-beyond has besides.
suites-build: tests-build sanitize $(BUILD)/bench/instructions
beyond-build: tests-build $(BENCHES)

## make check        install what is missing, build, all tests that this kernel can run
check:
	@scripts/deps build check
	@$(MAKE) -j$$(nproc) suites-build
	@tests/suite $$(tests/suite --names check)
	@echo "== all tests passed"

# An emulated machine fills a processor: these suites run one after the other, and vm runs
# its machines side by side.
## make check-beyond the tests that make check leaves out: the page in Chromium, other
##                   kernels in virtual machines, a minimal Debian 12
check-beyond:
	@scripts/deps build check check-all
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/suite --jobs 1 $$(tests/suite --names beyond)
	@echo "== all tests beyond make check passed"

## make check-all    make check, then make check-beyond
check-all:
	@$(MAKE) check
	@$(MAKE) check-beyond

# One suite: suite-NAME. The names and commands are in tests/suites.
suite-%:
	@scripts/deps build check $(if $(filter $*,$(shell tests/suite --names beyond)),check-all)
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
	@scripts/deps build check check-all
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/suite --jobs 1 $(filter vm%,$(shell tests/suite --names beyond))

vm-evidence vm-stress vm-systemd: %: suite-%

## make vm-debug     the module on a kernel with lockdep, KASAN and more (long, not in check-all)
vm-debug:
	@scripts/deps build check check-all debug
	@$(MAKE) -j$$(nproc) beyond-build
	@tests/vm/check-debug

## make demo         install what compiling needs, build, show a runaway process being caught
demo:
	@scripts/deps build
	@$(MAKE) -s -j$$(nproc) build $(PROGRAMS)
	@scripts/demo $(BUILD)

# Into build/bench-results: JSON, table.txt, plots. FIGURES="lateness scale": only those.
## make real-check   real programs under the shipped configuration, in shadow
real-check:
	@scripts/deps build
	@$(MAKE) -j$$(nproc) build $(PROGRAMS)
	@scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc \
		--propagation unchanged tests/real/run
	@scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc \
		--propagation unchanged tests/real/runtimes
	@scripts/in-private-bpffs tests/real/crowd

bench-build:
	@scripts/deps build measure
	@$(MAKE) -j$$(nproc) build $(BENCHES)

## make bench        what it costs and how late it is, beside what else there is (10 minutes)
bench: bench-build
	@scripts/in-private-bpffs bench/run $(FIGURES)

## make bench-quote  put the last run into docs/benchmarks.md: its table and plots
bench-quote:
	@bench/quote $(BUILD)/bench-results

## make bench-quick  the same in 90 seconds: that it works, not what it costs
bench-quick: bench-build
	@scripts/in-private-bpffs bench/run --quick $(FIGURES)

## make instructions write down how large each BPF program is now
instructions: $(BUILD)/bench/instructions
	@$< "$$($(CLANG) -dumpversion)" > $(BUILD)/instructions.txt
	@cp $(BUILD)/instructions.txt bench/instructions.txt

instructions-check: $(BUILD)/bench/instructions $(BUILD)/maze
	@prove bench/test-instructions

## make fuzz         fuzz the parsers, FUZZ_SECONDS each
fuzz:
	@scripts/deps build fuzz
	@$(MAKE) -j$$(nproc) $(FUZZERS)
	@for fuzzer in $(FUZZERS); do \
		echo "== $$(basename $$fuzzer)"; \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 || exit 1; \
	done

## make lint         format, static analysis, spelling of the project's rules
lint:
	@scripts/deps build lint
	@$(MAKE) -j$$(nproc) $(BPF_SKELETON) $(BUILD)/report/page.inc $(BUILD)/maze $(BUILD)/mazed
	@VERSION=$(VERSION) scripts/lint

## make install      DESTDIR and PREFIX as usual
install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/maze/lib $(DESTDIR)$(PREFIX)/include/maze/core \
		$(DESTDIR)$(PREFIX)/include/maze/base \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man3 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/sbin $(DESTDIR)/etc/maze/maze.conf.d
	install -m 755 $(BUILD)/maze $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(BUILD)/mazed $(DESTDIR)$(PREFIX)/sbin/
	# What somebody has made of it is not overwritten.
	[ -e $(DESTDIR)/etc/maze/maze.conf ] || \
		install -m 644 packaging/maze.conf $(DESTDIR)/etc/maze/
	install -m 644 $(BUILD)/libmaze.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libmaze.so.0 $(DESTDIR)$(PREFIX)/lib/
	ln -sf libmaze.so.0 $(DESTDIR)$(PREFIX)/lib/libmaze.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' packaging/libmaze.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/libmaze.pc
	install -m 644 lib/maze.h $(DESTDIR)$(PREFIX)/include/maze/lib/
	install -m 644 base/maze_error.h $(DESTDIR)$(PREFIX)/include/maze/base/
	install -m 644 core/types.h core/policy.h core/record.h core/process_event.h core/stack.h \
		$(DESTDIR)$(PREFIX)/include/maze/core/
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@PREFIX@|$(PREFIX)|' packaging/systemd/mazed.service.in > $(DESTDIR)$(UNITDIR)/mazed.service
	install -m 644 $(BUILD)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(BUILD)/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3/
	install -m 644 $(BUILD)/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 $(BUILD)/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/

## make install-dkms the module's sources for dkms, which builds them for each kernel
DKMS_SRC = $(DESTDIR)/usr/src/maze-$(VERSION)
install-dkms:
	install -d $(DKMS_SRC)/core $(DKMS_SRC)/engine/kmod/module
	install -m 644 core/*.h $(DKMS_SRC)/core/
	install -m 644 engine/kmod/module/* $(DKMS_SRC)/engine/kmod/module/
	sed 's|@VERSION@|$(VERSION)|' packaging/dkms/dkms.conf.in > $(DKMS_SRC)/dkms.conf

## make clean        remove build/
clean:
	rm -rf $(BUILD)
