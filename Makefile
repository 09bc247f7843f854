# SPDX-License-Identifier: GPL-2.0-only
# The front door. `make help` lists what there is; docs/development.md says more.

BUILD ?= build
PREFIX ?= /usr/local
# Where systemd looks; packages say /usr/lib/systemd/system.
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION := 0.1.0
FUZZ_SECONDS ?= 20

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
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
LIB_SRC := $(filter-out %.bpf.c,$(wildcard engine/*.c engine/bpf/*.c engine/kmod/*.c engine/poll/*.c)) $(wildcard lib/*.c)
CLI_SRC := $(wildcard cli/*.c)
# Incidents as they are read and shown; an archive, likewise.
REPORT_SRC := $(wildcard report/*.c)
REPORT_OBJ := $(REPORT_SRC:%.c=$(BUILD)/%.o)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# All of mazed but its main, as an archive, so that unit tests take what they need.
DAEMON_SRC := $(filter-out daemon/main.c,$(wildcard daemon/*.c))
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/%.o)
LDLIBS_DAEMON := -linih -lsystemd
# What becomes of a verdict's stacks: apart from libmaze, which does not need libdw.
EVIDENCE_SRC := $(wildcard evidence/*.c)
EVIDENCE_OBJ := $(EVIDENCE_SRC:%.c=$(BUILD)/%.o)
LDLIBS_EVIDENCE := -ldw -liberty
# What turns maze.conf into rules, and nothing that needs a kernel: for the fuzzer.
RULES_SRC := $(patsubst %,daemon/%.c,condition conf conf_files explain glob keys match pattern \
	pattern_search pattern_set printable problems rules settings subject tag treatment unused values words)
# What turns words into numbers and back: no kernel, so what tests and fuzzers take.
TEXT_SRC := $(filter-out lib/evidence.c lib/handle.c lib/watch.c,$(wildcard lib/*.c))

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/*.c))
CONFORMANCE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/conformance/*.c))
# What benchmarks share, and the programs: one each figure, and two about figures.
BENCH_SHARED := $(patsubst %,$(BUILD)/bench/%.o,attach bench detectors estimate figure pair)
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(filter-out \
	$(BENCH_SHARED:$(BUILD)/%.o=%.c),$(wildcard bench/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
MANS := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))

.PHONY: all help deps build sanitize check check-quick unit-check cli-check daemon-check page-check conformance vm-check \
	demo bench bench-build bench-quick bench-quote instructions instructions-check fuzz lint install install-dkms real-check \
	vm-evidence vm-stress vm-debug vm-systemd clean
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: build

help:
	@sed -n 's/^## //p' Makefile

## make              build maze, mazed, libmaze and the manual pages into build/
build: $(BUILD)/maze $(BUILD)/mazed $(BUILD)/libmaze.so $(MANS)

## make deps         install the Debian packages that are missing (root)
deps:
	@scripts/deps

# ---- the BPF program --------------------------------------------------------------

$(BUILD)/engine/bpf/%.bpf.o: engine/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
		-Wno-unused-parameter -idirafter /usr/include/$(MULTIARCH) -I. -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.tmp
	llvm-strip -g $@.tmp
	mv $@.tmp $@

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
$(BUILD)/tests/programs/%: tests/programs/%.c tests/programs/program.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O2 -g -static -pthread $< -o $@

$(BUILD)/tests/conformance/conformance: $(CONFORMANCE_OBJ)
	$(CC) $(CFLAGS) $^ -o $@ -ljansson

$(BUILD)/bench/attach.o $(BUILD)/bench/instructions.o $(BUILD)/tests/unit/test_unseen.o: $(BPF_SKELETON)

$(BUILD)/bench/shared.a: $(BENCH_SHARED)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/bench/shared.a $(BUILD)/libmaze.a
	$(CC) $(CFLAGS) $^ -o $@ $(LDLIBS_MAZE) -lm

$(BUILD)/tests/fuzz/fuzz_rules: $(RULES_SRC) evidence/mask.c
$(BUILD)/tests/fuzz/fuzz_control: daemon/control_request.c
$(BUILD)/tests/fuzz/fuzz_incident: $(REPORT_SRC) | $(BUILD)/report/page.inc
$(BUILD)/tests/fuzz/fuzz_perf_map: evidence/named_addresses.c
$(BUILD)/tests/fuzz/fuzz_elf_file: evidence/elf_file.c
$(BUILD)/tests/fuzz/fuzz_mask: evidence/mask.c evidence/utf8.c
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(TEXT_SRC)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -DMAZE_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/report \
		-O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all $^ -o $@ -ljansson $(LDLIBS_DAEMON)

# The grammar of /proc/maze/entries is part of the module, and pure.
$(BUILD)/tests/unit/test_grammar: $(BUILD)/engine/kmod/module/grammar.o
$(BUILD)/tests/fuzz/fuzz_grammar: engine/kmod/module/grammar.c

-include $(shell find $(BUILD) -path $(BUILD)/peers -prune -o -type f -name '*.d' -print 2>/dev/null)

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

unit-check: tests-build sanitize
	@echo "== unit and property tests"
	@CMOCKA_MESSAGE_OUTPUT=TAP prove $(UNIT)
	@echo "== the poll engine as a user without privileges"
	@CMOCKA_MESSAGE_OUTPUT=TAP prove -e scripts/as-plain-user $(BUILD)/tests/unit/test_poll
	@echo "== unit and property tests under ASan and UBSan"
	@CMOCKA_MESSAGE_OUTPUT=TAP prove $(patsubst $(BUILD)/%,$(BUILD)/sanitize/%,$(UNIT))
	@echo "== scripts, and a conformance suite that is lied to"
	@BUILD=$(BUILD) prove scripts/test-check-layers tests/vm/test-scan-log tests/vm/test-tap-table \
		tests/conformance/test-liars

cli-check: tests-build sanitize
	@echo "== command line"
	@MAZE=$(abspath $(BUILD))/maze PROGRAMS=$(abspath $(BUILD))/tests/programs \
		scripts/in-private-bpffs bats --tap tests/cli/*.bats > $(BUILD)/cli.tap || { cat $(BUILD)/cli.tap; exit 1; }
	@prove -e cat $(BUILD)/cli.tap
	@echo "== command line under ASan and UBSan"
	@MAZE=$(abspath $(BUILD))/sanitize/maze PROGRAMS=$(abspath $(BUILD))/tests/programs \
		scripts/in-private-bpffs bats --tap tests/cli/*.bats > $(BUILD)/cli-sanitize.tap || { cat $(BUILD)/cli-sanitize.tap; exit 1; }
	@prove -e cat $(BUILD)/cli-sanitize.tap

daemon-check: tests-build sanitize
	@echo "== mazed"
	@MAZE=$(abspath $(BUILD))/maze MAZED=$(abspath $(BUILD))/mazed \
		PROGRAMS=$(abspath $(BUILD))/tests/programs scripts/in-private-bpffs \
		unshare --pid --fork --kill-child --mount-proc bats --tap tests/daemon/*.bats \
		> $(BUILD)/daemon.tap || { cat $(BUILD)/daemon.tap; exit 1; }
	@prove -e cat $(BUILD)/daemon.tap
	@echo "== mazed under ASan and UBSan"
	@MAZE=$(abspath $(BUILD))/maze MAZED=$(abspath $(BUILD))/sanitize/mazed \
		PROGRAMS=$(abspath $(BUILD))/tests/programs scripts/in-private-bpffs \
		unshare --pid --fork --kill-child --mount-proc bats --tap tests/daemon/*.bats \
		> $(BUILD)/daemon-sanitize.tap || { cat $(BUILD)/daemon-sanitize.tap; exit 1; }
	@prove -e cat $(BUILD)/daemon-sanitize.tap

page-check: build
	@echo "== the page of maze report --html in Chromium"
	@MAZE=$(abspath $(BUILD))/maze tests/page/check > $(BUILD)/page.tap || { cat $(BUILD)/page.tap; exit 1; }
	@prove -e cat $(BUILD)/page.tap

conformance: tests-build
	@echo "== conformance on this kernel, $$(uname -r)"
	@scripts/in-private-bpffs scripts/conformance-here $(BUILD)

## make check-quick  all tests but those in virtual machines
check-quick: deps
	@$(MAKE) -j$$(nproc) tests-build sanitize
	@scripts/check-layers
	@scripts/check-symbols
	@$(MAKE) unit-check
	@$(MAKE) instructions-check
	@$(MAKE) cli-check
	@$(MAKE) daemon-check
	@$(MAKE) page-check
	@$(MAKE) conformance

## make check        install what is missing, build, run all tests
check: check-quick
	@$(MAKE) vm-check
	@echo "== all tests passed"

## make vm-check     conformance, and what the module must bear, in virtual machines
vm-check: deps
	@$(MAKE) -j$$(nproc) tests-build
	@echo "== conformance on other kernels"
	@BUILD=$(BUILD) tests/vm/check
	@$(MAKE) vm-evidence
	@$(MAKE) vm-stress
	@$(MAKE) vm-systemd

## make vm-evidence  stacks and portraits, on other kernels
vm-evidence: deps
	@$(MAKE) -j$$(nproc) tests-build
	@echo "== evidence on other kernels"
	@BUILD=$(BUILD) tests/vm/check-evidence

## make vm-stress    what the kernel module must bear, on other kernels
vm-stress: deps
	@$(MAKE) -j$$(nproc) tests-build $(BENCHES)
	@echo "== what the kernel module must bear"
	@BUILD=$(BUILD) tests/vm/check-kmod

## make vm-systemd   mazed as a service, in a machine that systemd has booted
vm-systemd: deps
	@$(MAKE) -j$$(nproc) tests-build
	@echo "== mazed as a service of systemd"
	@BUILD=$(BUILD) tests/vm/check-systemd

## make vm-debug     the module on a kernel with lockdep, KASAN and more (long, not in check)
vm-debug: deps
	@$(MAKE) -j$$(nproc) tests-build $(BENCHES)
	@BUILD=$(BUILD) tests/vm/check-debug

## make demo         install what is missing, build, show a mazed process being caught
demo: deps
	@$(MAKE) -s -j$$(nproc) build $(PROGRAMS)
	@scripts/demo $(BUILD)

# Into build/bench-results: JSON, table.txt, plots. FIGURES="lateness scale": only those.
## make real-check   real programs under the shipped configuration, in shadow
real-check: deps
	@$(MAKE) -j$$(nproc) build $(PROGRAMS)
	@BUILD=$(BUILD) scripts/in-private-bpffs unshare --pid --fork --kill-child --mount-proc tests/real/run
	@BUILD=$(BUILD) scripts/in-private-bpffs tests/real/crowd

bench-build:
	@scripts/deps --also 'To measure'
	@$(MAKE) -j$$(nproc) build $(BENCHES)

## make bench        what it costs and how late it is, beside what else there is (10 minutes)
bench: bench-build
	@BUILD=$(BUILD) scripts/in-private-bpffs bench/run $(FIGURES)

## make bench-quote  put the last run into docs/benchmarks.md: its table and plots
bench-quote:
	@bench/quote $(BUILD)/bench-results

## make bench-quick  the same in 90 seconds: that it works, not what it costs
bench-quick: bench-build
	@BUILD=$(BUILD) scripts/in-private-bpffs bench/run --quick $(FIGURES)

## make instructions write down how large each BPF program is now
instructions: $(BUILD)/bench/instructions
	@$< $$($(CLANG) -dumpversion) > $(BUILD)/instructions.txt
	@cp $(BUILD)/instructions.txt bench/instructions.txt

instructions-check: $(BUILD)/bench/instructions
	@echo "== size of the BPF programs"
	@BUILD=$(BUILD) CLANG=$(CLANG) prove bench/test-instructions

## make fuzz         fuzz the parsers, FUZZ_SECONDS each
fuzz: deps
	@$(MAKE) -j$$(nproc) $(FUZZERS)
	@for fuzzer in $(FUZZERS); do \
		echo "== $$(basename $$fuzzer)"; \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 || exit 1; \
	done

## make lint         format, static analysis, spelling of the project's rules
lint: deps
	@$(MAKE) -j$$(nproc) $(BPF_SKELETON) $(BUILD)/report/page.inc
	@BUILD=$(BUILD) VERSION=$(VERSION) scripts/lint

## make install      DESTDIR and PREFIX as usual
install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/maze/lib $(DESTDIR)$(PREFIX)/include/maze/core \
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
