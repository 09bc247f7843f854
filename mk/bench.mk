# SPDX-License-Identifier: GPL-2.0-only
# Benchmarks: their programs, and the targets that run them.

# The modules that the benchmarks share; every other file is a program.
BENCH_SHARED := $(patsubst %,$(BUILD)/bench/%.o,attach bench detectors estimate figure pair)
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(filter-out \
	$(BENCH_SHARED:$(BUILD)/%.o=%.c),$(wildcard bench/*.c)))

.PHONY: bench bench-build bench-programs bench-quick bench-quote instructions instructions-check

$(BUILD)/bench/attach.o $(BUILD)/bench/instructions.o: $(BPF_SKELETON)

$(BUILD)/bench/shared.a: $(BENCH_SHARED)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/bench/shared.a $(BUILD)/replay.a $(BUILD)/libmaze.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS_MAZE) -lm

bench-programs: $(BENCHES)

bench-build:
	@scripts/deps build measure
	@$(MAKE) -j$$(nproc) build $(BENCHES) $(BUILD)/tests/programs/group_load

# The results are in build/bench-results: JSON, table.txt, plots. FIGURES="lateness scale"
# limits the run to these.
## make bench        measure overhead and lateness, of other tools too (12 minutes)
bench: bench-build
	@scripts/in-private-bpffs bench/run $(FIGURES)

## make bench-quote  copy the last run into docs/benchmarks.md: its table and plots
bench-quote:
	@bench/quote $(BUILD)/bench-results

## make bench-quick  the same in 90 seconds, as a test of the benchmarks
bench-quick: bench-build
	@scripts/in-private-bpffs bench/run --quick $(FIGURES)

## make instructions record the size of each BPF program
instructions: $(BUILD)/bench/instructions
	@$< "$$($(CLANG) -dumpversion)" > $(BUILD)/instructions.txt
	@cp $(BUILD)/instructions.txt bench/instructions.txt

instructions-check: $(BUILD)/bench/instructions $(BUILD)/maze
	@prove bench/test-instructions
