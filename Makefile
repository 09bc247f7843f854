# SPDX-License-Identifier: GPL-2.0-only
# Builds and installs. mk/tests.mk has the tests, mk/bench.mk the benchmarks. `make help`
# lists the targets; docs/development.md describes them.

BUILD ?= build
# The same files by the same names: dependencies are noted for the name of an object.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
# The directories of make install. mazed is compiled with SYSCONFDIR and RULESDIR.
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/maze
SYSCONFDIR ?= /etc
# Rules of packages, which mazed reads before those in $(SYSCONFDIR)/maze.
RULESDIR ?= $(PREFIX)/lib/maze/maze.conf.d
BASHCOMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh reads /usr/share/zsh/vendor-completions instead.
ZSHCOMPLETIONDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPLETIONDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# systemd reads the unit here; packages set /usr/lib/systemd/system.
UNITDIR ?= $(PREFIX)/lib/systemd/system
# journalctl --update-catalog reads it below /usr and below /usr/local.
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
VERSION := 0.1.0
FUZZ_SECONDS ?= 20

# The first of these commands that exists; otherwise the last, which scripts/deps installs.
first_of = $(or $(firstword $(foreach each,$(1),$(if $(shell command -v $(each)),$(each)))),$(lastword $(1)))
ifeq ($(origin CC),default)
CC := $(call first_of,gcc gcc-12)
endif
CLANG ?= $(call first_of,clang clang-14)
export BUILD CC CLANG
BPFTOOL ?= /usr/sbin/bpftool
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))

MAKEFLAGS += --no-print-directory

WARNINGS := -Wall -Wextra -Wmissing-prototypes
# -Werror in .ci/run.
WERROR ?=
CFLAGS ?= -O2 -g -fstack-protector-strong
LDFLAGS ?= -Wl,-z,relro,-z,now
# Another level among the flags replaces this one: gcc warns of two.
FORTIFY := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMAZE_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/engine/bpf \
	-isystem $(BUILD)/lib -isystem $(BUILD)/report -isystem $(BUILD)/exporter $(FORTIFY) $(CPPFLAGS) $(WARNINGS) $(WERROR) $(CFLAGS) -fPIC
LDLIBS_MAZE := -lbpf -lelf -lz -ljansson -pthread

BPF_SKELETON := $(patsubst %,$(BUILD)/engine/bpf/%.skel.h,maze follow system_calls children_time schedule totals)
LIB_SRC := $(wildcard base/*.c) $(filter-out %.bpf.c,$(wildcard engine/*.c engine/bpf/*.c engine/kmod/*.c engine/poll/*.c)) $(wildcard lib/*.c)
CLI_SRC := $(wildcard cli/*.c)
REPORT_SRC := $(wildcard report/*.c observe/*.c suggest/*.c)
REPLAY_SRC := $(wildcard replay/*.c)
REPLAY_OBJ := $(REPLAY_SRC:%.c=$(BUILD)/%.o)
REPORT_OBJ := $(REPORT_SRC:%.c=$(BUILD)/%.o)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# All of mazed but its main, as an archive, so that unit tests link only what they use.
DAEMON_SRC := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c daemon/*/*/*.c))
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/%.o)
LDLIBS_DAEMON := -linih -lsystemd
# Separate from libmaze, which does not need libdw.
EVIDENCE_SRC := $(wildcard evidence/*.c evidence/*/*.c)
EVIDENCE_OBJ := $(EVIDENCE_SRC:%.c=$(BUILD)/%.o)
# The screen of maze top.
LDLIBS_SCREEN := -lncursesw -ltinfo
LDLIBS_EVIDENCE := -ldw -liberty -lsystemd
EXPORTER_SRC := $(wildcard exporter/*.c)
EXPORTER_OBJ := $(EXPORTER_SRC:%.c=$(BUILD)/%.o)
LDLIBS_EXPORTER := -lmicrohttpd -lsystemd
MANS := $(patsubst man/%.scd,$(BUILD)/man/%,$(wildcard man/*.scd))

.PHONY: all help deps build demo lint compile_commands.json install \
	install-strip install-dkms uninstall dist deb rpm clean
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: build

help:
	@sed -n 's/^## //p' $(filter-out %.d,$(MAKEFILE_LIST))
	@echo; echo "Single suites, with their times on two quiet processors:"
	@tests/suite --list | awk '{ name = "make suite-" $$1; time = $$3 " s"; \
		$$1 = $$2 = $$3 = ""; printf "%-37s %5s %s\n", name, time, $$0 }'

## make              build maze, mazed, maze-exporter, libmaze and the manual pages into build/
build: $(BUILD)/maze $(BUILD)/mazed $(BUILD)/maze-exporter $(BUILD)/libmaze.so $(MANS)

## make deps         install the Debian packages that make check needs (root)
deps:
	@scripts/deps build check

# ---- the BPF program --------------------------------------------------------------

# Linked with the objects that it depends on.
$(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -ffile-prefix-map=$(CURDIR)=. -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) \
		-Wall -Wextra $(WERROR) -Wno-unused-parameter -idirafter /usr/include/$(MULTIARCH) -I. -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.tmp
# Removes DWARF and keeps BTF.
	$(BPFTOOL) gen object $@ $@.tmp $(filter %.bpf.o,$^)
	rm $@.tmp

$(BUILD)/engine/bpf/%.skel.h: $(BUILD)/engine/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	mv $@.tmp $@

# ---- library and commands ---------------------------------------------------------

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/daemon/main.o: ALL_CFLAGS += -DMAZE_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DMAZE_RULESDIR='"$(RULESDIR)"'

# .incbin is not in the dependencies that the compiler writes.
$(BUILD)/daemon/rules/conf_files.o: packaging/maze.conf

$(BUILD)/engine/bpf/load.o $(BUILD)/engine/bpf/bpf.o $(BUILD)/engine/bpf/pins.o \
	$(BUILD)/engine/bpf/follow.o $(BUILD)/engine/bpf/system_calls.o \
	$(BUILD)/engine/bpf/children_time.o $(BUILD)/engine/bpf/schedule.o \
	$(BUILD)/engine/bpf/totals.o: $(BPF_SKELETON)

# The names of system calls by number, of the compiler's target.
$(BUILD)/lib/system_calls_native.inc: HEADER := asm/unistd.h
$(BUILD)/lib/system_calls_compat.inc: HEADER := asm/unistd_32.h
$(BUILD)/lib/%.inc: scripts/system-call-names
	@mkdir -p $(@D)
	scripts/system-call-names $(HEADER) > $@.tmp
	mv $@.tmp $@

$(BUILD)/lib/system_call_names.o: $(BUILD)/lib/system_calls_native.inc \
	$(BUILD)/lib/system_calls_compat.inc

$(BUILD)/libmaze.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

# Pages as C arrays: that of maze report --html, and those of maze-exporter.
$(BUILD)/report/page.inc: report/page.html report/page.js report/page.css
$(BUILD)/exporter/live.inc: exporter/live.html exporter/live.js report/page.css exporter/exporter.css
$(BUILD)/exporter/incidents.inc: exporter/incidents.html report/page.css exporter/exporter.css
$(BUILD)/%.inc: scripts/page-array
	@mkdir -p $(@D)
	scripts/page-array $(filter-out scripts/%,$^) > $@.tmp
	mv $@.tmp $@

$(BUILD)/report/html.o: $(BUILD)/report/page.inc
$(BUILD)/exporter/pages.o: $(BUILD)/exporter/live.inc $(BUILD)/exporter/incidents.inc

$(BUILD)/report.a: $(REPORT_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/replay.a: $(REPLAY_OBJ)
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
		$(CFLAGS) $(LDFLAGS) $(LIB_OBJ) -o $@ $(LDLIBS_MAZE)

$(BUILD)/libmaze.so: $(BUILD)/libmaze.so.0
	ln -sf libmaze.so.0 $@

# Of mazed.a, only the rules.
$(BUILD)/maze: $(CLI_OBJ) $(BUILD)/replay.a $(BUILD)/mazed.a $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/libmaze.a
	$(CC) -fPIE -pie $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS_SCREEN) $(LDLIBS_DAEMON) $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE) -lm

$(BUILD)/mazed: $(BUILD)/daemon/main.o $(BUILD)/mazed.a $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/libmaze.a
	$(CC) -fPIE -pie $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS_DAEMON) $(LDLIBS_EVIDENCE) $(LDLIBS_MAZE)

$(BUILD)/maze-exporter: $(EXPORTER_OBJ) $(BUILD)/evidence.a $(BUILD)/report.a $(BUILD)/libmaze.a
	$(CC) -fPIE -pie $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS_EXPORTER) $(LDLIBS_MAZE)

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	sed 's|@RULESDIR@|$(RULESDIR)|' $< | scdoc > $@

## make demo         install the build packages, build, show maze catch a runaway process
demo:
	@scripts/deps build
	@$(MAKE) -s -j$$(nproc) build $(PROGRAMS)
	@scripts/demo $(BUILD)

## make lint         format, static analysis, spelling of the project's rules
lint:
	@scripts/deps build lint
	@$(MAKE) -j$$(nproc) WERROR=-Werror $(BPF_SKELETON) $(BUILD)/report/page.inc $(BUILD)/maze $(BUILD)/mazed $(BUILD)/maze-exporter
	@VERSION=$(VERSION) scripts/lint

## make compile_commands.json  the compile commands, for clangd and other tools
compile_commands.json:
	@$(MAKE) -nB build tests-build bench-programs | scripts/compile-commands > $@.tmp
	@mv $@.tmp $@

## make install      install below PREFIX; DESTDIR, LIBDIR, SYSCONFDIR, ... as usual
install: build
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(SBINDIR) $(LIBDIR) $(PKGCONFIGDIR) \
		$(INCLUDEDIR)/maze $(DOC_DIRS:%=$(DOCDIR)/%) $(SYSCONFDIR)/maze/maze.conf.d $(RULESDIR) $(UNITDIR) $(CATALOGDIR) \
		$(MAN_SECTIONS:%=$(MANDIR)/man%) $(BASHCOMPLETIONDIR) $(ZSHCOMPLETIONDIR) $(FISHCOMPLETIONDIR))
	$(INSTALL_PROGRAM) $(BUILD)/maze $(DESTDIR)$(BINDIR)/
	$(INSTALL_PROGRAM) $(BUILD)/mazed $(DESTDIR)$(SBINDIR)/
	$(INSTALL_PROGRAM) $(BUILD)/maze-exporter $(DESTDIR)$(SBINDIR)/
	$(INSTALL_PROGRAM) $(BUILD)/libmaze.so.0 $(DESTDIR)$(LIBDIR)/
	ln -sf libmaze.so.0 $(DESTDIR)$(LIBDIR)/libmaze.so
	$(INSTALL_DATA) $(BUILD)/libmaze.a $(DESTDIR)$(LIBDIR)/
	$(call substitute,packaging/libmaze.pc.in,$(PKGCONFIGDIR)/libmaze.pc)
	# Installed, all headers are in one directory.
	sed 's|^#include "\.\./[a-z]*/|#include "|' lib/maze.h | \
		$(INSTALL_DATA) /dev/stdin $(DESTDIR)$(INCLUDEDIR)/maze/maze.h
	$(INSTALL_DATA) $(PUBLIC_HEADERS) $(DESTDIR)$(INCLUDEDIR)/maze/
	$(INSTALL_DATA) packaging/maze.conf $(DESTDIR)$(RULESDIR)/90-maze.conf
	$(call substitute,packaging/systemd/mazed.service.in,$(UNITDIR)/mazed.service)
	$(call substitute,packaging/systemd/maze-exporter.service.in,$(UNITDIR)/maze-exporter.service)
	$(INSTALL_DATA) packaging/systemd/maze-exporter.socket $(DESTDIR)$(UNITDIR)/
	$(call substitute,packaging/systemd/maze-metrics.service.in,$(UNITDIR)/maze-metrics.service)
	$(INSTALL_DATA) packaging/systemd/maze-metrics.timer $(DESTDIR)$(UNITDIR)/
	$(INSTALL_DATA) packaging/maze.catalog $(DESTDIR)$(CATALOGDIR)/
	$(INSTALL_DATA) packaging/completions/maze.bash $(DESTDIR)$(BASHCOMPLETIONDIR)/maze
	$(INSTALL_DATA) packaging/completions/_maze $(DESTDIR)$(ZSHCOMPLETIONDIR)/
	$(INSTALL_DATA) packaging/completions/maze.fish $(DESTDIR)$(FISHCOMPLETIONDIR)/
	$(foreach n,$(MAN_SECTIONS),$(INSTALL_DATA) $(BUILD)/man/*.$(n) $(DESTDIR)$(MANDIR)/man$(n)/$(newline))
	$(INSTALL_DATA) LICENSE README.md CHANGELOG.md $(DESTDIR)$(DOCDIR)/
	$(foreach d,$(DOC_DIRS),$(INSTALL_DATA) $(d)/*.* $(DESTDIR)$(DOCDIR)/$(d)/$(newline))

INSTALL_PROGRAM ?= install -m 755
INSTALL_DATA ?= install -m 644
MAN_SECTIONS := 1 3 5 8
DOC_DIRS := docs docs/benchmarks docs/fleet docs/images
PUBLIC_HEADERS := base/maze_error.h $(patsubst %,core/%.h,types allowance policy record process_event stack streaks)
define newline


endef
# $(call substitute,TEMPLATE,FILE): installs it with the paths and the version.
substitute = sed $(foreach v,BINDIR SBINDIR LIBDIR INCLUDEDIR VERSION,-e 's|@$(v)@|$($(v))|') $1 | \
	$(INSTALL_DATA) /dev/stdin $(DESTDIR)$2

## make install-strip the same without debug symbols
install-strip:
	@$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

# What make install would install now: the two cannot differ.
## make uninstall    remove what make install has installed; keeps configuration
uninstall:
	@tree=$$(mktemp -d) && $(MAKE) -s DESTDIR=$$tree install && cd $$tree && \
		find . ! -type d | sed 's|^\.|$(DESTDIR)|' | xargs -d '\n' rm -f && \
		find . -depth -type d -path '*/maze*' | sed 's|^\.|$(DESTDIR)|' | \
			xargs -d '\n' rmdir --ignore-fail-on-non-empty; \
		status=$$?; rm -rf $$tree; exit $$status

## make install-dkms the module's sources for dkms, which builds them for each kernel
DKMS_SRC = $(DESTDIR)/usr/src/maze-$(VERSION)
install-dkms:
	install -d $(DKMS_SRC)/core $(DKMS_SRC)/engine/kmod/module
	install -m 644 core/*.h $(DKMS_SRC)/core/
	install -m 644 engine/kmod/module/* $(DKMS_SRC)/engine/kmod/module/
	sed 's|#MODULE_VERSION#|$(VERSION)|' packaging/dkms/dkms.conf.in > $(DKMS_SRC)/dkms.conf
	install -D -m 755 packaging/dkms/kernel-hook $(DESTDIR)/etc/kernel/postinst.d/maze-dkms
	install -D -m 755 packaging/dkms/kernel-hook $(DESTDIR)/etc/kernel/header_postinst.d/maze-dkms

# The tracked files, with the time of SOURCE_DATE_EPOCH, or of the last commit: the same
# files give the same archive.
EPOCH = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}
## make dist         the sources as build/maze-VERSION.tar.gz
dist:
	@mkdir -p $(BUILD)
	git ls-files | LC_ALL=C sort | tar --no-recursion -T - --transform 'flags=r;s|^|maze-$(VERSION)/|' \
		--mtime @$(EPOCH) --mode u+rw,go=rX \
		--owner root:0 --group root:0 --format=ustar -c | gzip -9n > $(BUILD)/maze-$(VERSION).tar.gz

# From the archive, so that only tracked files count.
## make deb          the Debian packages, in build/deb; install the packages it needs
deb: dist
	@scripts/deps build package
	rm -rf $(BUILD)/deb
	mkdir $(BUILD)/deb
	tar -C $(BUILD)/deb -xf $(BUILD)/maze-$(VERSION).tar.gz
	cd $(BUILD)/deb/maze-$(VERSION) && env -u BUILD -u CC -u CLANG -u MAKEFLAGS dpkg-buildpackage -us -uc -b \
		> ../build.log 2>&1 || { tail -n 30 ../build.log; exit 1; }
	blhc --all $(BUILD)/deb/build.log
	lintian --allow-root --pedantic --fail-on error,warning,pedantic $(BUILD)/deb/*.changes

## make rpm          RPM packages, in build/rpm; install the packages it needs
rpm: dist
	@scripts/deps build package-as-rpm
	rm -rf $(BUILD)/rpm
	mkdir $(BUILD)/rpm
	sed 's|@VERSION@|$(VERSION)|' packaging/maze.spec.in > $(BUILD)/rpm/maze.spec
	cp $(BUILD)/maze-$(VERSION).tar.gz $(BUILD)/rpm/
	cd $(BUILD)/rpm && epoch=$(EPOCH) && env -u BUILD -u CC -u CLANG -u MAKEFLAGS SOURCE_DATE_EPOCH=$$epoch \
		rpmbuild -bb --nodeps --define "_topdir $$PWD" --define "_sourcedir $$PWD" --define "_rpmdir $$PWD" \
		--define '_buildhost localhost' --define 'use_source_date_epoch_as_buildtime 1' \
		--define 'clamp_mtime_to_source_date_epoch 1' maze.spec > build.log 2>&1 || { tail -n 30 build.log; exit 1; }
	mv $(BUILD)/rpm/*/*.rpm $(BUILD)/rpm/

## make clean        remove build/
clean:
	rm -rf $(BUILD) compile_commands.json

include mk/tests.mk mk/bench.mk

# Only in directories of objects: unpacked packages below $(BUILD) have *.d files too.
OBJECT_DIRS := $(wildcard $(patsubst %,$(BUILD)/%,base bench cli core daemon engine evidence exporter lib observe replay report suggest tests))
-include $(if $(OBJECT_DIRS),$(shell find $(OBJECT_DIRS) -type f -name '*.d' 2>/dev/null))
