# SPDX-License-Identifier: GPL-2.0-only
# Incidents of an engine that takes no stacks: perf events take them, with the same form.

bats_require_minimum_version 1.5.0
load test_helper

setup_file() {
	[ -z "$(command -v "${CC:-gcc}")" ] || (
		cd "$BATS_FILE_TMPDIR"
		echo 'volatile unsigned long sink;
		__attribute__((noinline)) static void inner(unsigned long n) { for (;;) sink += n * n; }
		int main(int argc, char **argv) { (void)argv; inner((unsigned long)argc); return 0; }' > loop.c
		"${CC:-gcc}" -O2 -g -Wl,--build-id loop.c -o loop
	)
}

setup() {
	needs_program "${CC:-gcc}"
	for_everyone
	# shellcheck disable=SC2154 # set by for_everyone
	dir=$public
	mkdir -m 777 "$dir/work"
	kept=$dir/work/kept
	cp "$BATS_FILE_TMPDIR/loop" "$dir/loop"
	# Every user can execute it.
	MAZE=$dir/maze
}

# caught CONDITION COMMAND...: by the poll engine, at 100 ms. The poll engine may be late, so
# no hard limit ends the command: there would be no time for samples.
caught() {
	run_until "$1" --engine poll --yield count --soft 100ms -- "${@:2}"
	report >&2
}

report() { COLUMNS=10000 "$MAZE" report --incidents "$kept" last; }

# needs_perf LEVEL [COMMAND...]: perf events are permitted to the command's user.
needs_perf() {
	local level
	read -r level < /proc/sys/kernel/perf_event_paranoid
	[ "$level" -le "$1" ] || skip "kernel.perf_event_paranoid is $level"
}

# samples EXPRESSION [FILE]: holds for the incident `i`, the first one.
samples() {
	python3 -c 'import json, sys
i = json.load(open(sys.argv[1]))
leaves = [i["stacks"][s["stack"]]["frames"][0] for s in i["samples"]]
print(len(leaves), "samples", i["notes"], file=sys.stderr)
sys.exit(not ('"$1"'))' "${@:2}" "$kept"/*.json
}

@test "an ordinary user: the function of a loop is named" {
	needs_perf 2
	prefix=("${plain_user[@]}")
	caught 'reported "It was in inner \(.*loop.c:2\) in [^.]* samples" && samples "len(leaves) > 5"' \
		"$dir/loop"
	samples 'all(f.get("function") == "inner" for f in leaves) and not i["samples_lost"]'
	# Each has what a sample of the bpf engine has.
	samples 'all(set(s) == {"time", "count_ns", "cpu", "stack"} and s["count_ns"] >= i["records"][0]["count_ns"]
		for s in i["samples"])'
}

@test "an ordinary user: the incident says that the kernel was not sampled" {
	needs_perf 2
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 2 ] || skip 'this user may sample the kernel'
	prefix=("${plain_user[@]}")
	# Much of its time is in the kernel, and much is in user code.
	caught 'reported "Samples were taken in user code only, .*kernel.perf_event_paranoid of at most 1" &&
		samples "len(leaves) > 5"' dd if=/dev/zero of=/dev/null bs=1
	samples 'not any(f.get("kernel") for f in leaves)'
}

@test "root: a loop in a system call has the kernel's functions, and its calls" {
	needs_root 'sample the kernel'
	caught 'reported "^  [a-z_]*read[a-z_]* +kernel$" && samples "len(leaves) > 5"' \
		dd if=/dev/zero of=/dev/null bs=64M
	samples 'sum(f.get("kernel", False) for f in leaves) > len(leaves) / 2'
	[ -z "$(bpf_refusal)" ] || return 0
	rm -rf "$kept"
	# Several of its calls end in the shortest slice in which they are counted.
	run_until 'reported "^ +[0-9]+ .* %  read, fd 0: "' --engine poll --yield count --soft 100ms \
		-- dd if=/dev/zero of=/dev/null bs=1M
}

# Whether the incident has the function. The loop sleeps now and then, which begins another
# one: where maze is late, all samples of an incident come before the first read.
names_compute() {
	found_report 2> /dev/null | tr '\n' ' ' | grep -qE "in the Python function compute \($dir/loop.py:[345]\)" &&
		samples 'len(i["python"]["reads"]) > 2 and len(leaves) > 2' "$kept/$found.json"
}

@test "the Python function of a loop is read next to the samples" {
	[ -x /usr/bin/python3 ] || skip 'no /usr/bin/python3'
	needs_perf 2
	echo 'import time
	def compute(n):
	    end = time.thread_time() + 1.5
	    while time.thread_time() < end:
	        n += 1
	while True:
	    time.sleep(0.01)
	    compute(0)' | sed 's/^\t//' > "$dir/loop.py"
	prefix=("${plain_user[@]}")
	caught 'some_incident names_compute' /usr/bin/python3 "$dir/loop.py"
}

@test "without perf events, the incident has no samples and says what they need" {
	cp "$PROGRAMS/without_perf" "$dir/without_perf"
	# shellcheck disable=SC2016 # for the shell that is run
	prefix=(sh -c 'exec "$@" 2> "$0"' "$BATS_TEST_TMPDIR/said" "${plain_user[@]}" "$dir/without_perf")
	caught 'reported "No sample was taken: a perf event of the thread is not permitted \(CAP_PERFMON, or kernel.perf_event_paranoid of at most 2 "' \
		"$dir/loop"
	samples 'not leaves and len(i["records"]) >= 2'
	grep -q ' soft: ' "$BATS_TEST_TMPDIR/said"
	run ! grep samples "$BATS_TEST_TMPDIR/said"
	on_terminal "$dir/without_perf" "$MAZE" run --engine poll --yield count --incidents "$kept" -- true
	[[ $output == 'maze run: incidents will have no samples: cannot take stacks of thread '*' by a perf event: Permission denied; this needs CAP_PERFMON, or kernel.perf_event_paranoid of at most 2 and a thread of this user' ]]
}

# perf_limit: what the doctor reports about samples of the poll engine.
perf_limit() {
	"$@" doctor --json | python3 -c 'import json, sys
print([s for e in json.load(sys.stdin) if e["engine"] == "poll" for s in e["blind_spots"] if "amples" in s])'
}

@test "the doctor reports whether the poll engine has samples" {
	cp "$PROGRAMS/without_perf" "$dir/without_perf"
	[[ $(perf_limit "$dir/without_perf" "$dir/maze") == *'Incidents have no samples: perf events are not permitted'* ]]
	needs_perf 2
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 2 ] || skip 'every user may sample the kernel'
	[[ $(perf_limit as_user_with "" "$dir/maze") == *'in user code only'* ]]
	needs_root 'sample the kernel'
	[ "$(perf_limit "$dir/maze")" = '[]' ]
}

# More than INCIDENT_SAMPLERS_MAX.
@test "a crowd has its incidents, with samples or with the reason for their lack" {
	needs_perf 2
	cp "$PROGRAMS/copies" "$dir/copies"
	run --separate-stderr as_user_with "" "$dir/maze" run --engine poll --yield count --soft 20ms \
		--hard 40ms --soft-signal 0 --incidents "$kept" -- "$dir/copies" 36 "$dir/spin"
	crowd_has_incidents
	python3 -c 'import json, sys
for name in sys.argv[1:]:
	i = json.load(open(name))
	assert i["samples"] or any("sample" in note or "ended" in note for note in i["notes"]), name' "$kept"/*.json
}
