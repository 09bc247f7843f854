# SPDX-License-Identifier: GPL-2.0-only
# The last seconds of a thread's schedule in its incident, and as a trace for maze replay.

bats_require_minimum_version 1.5.0
load test_helper

setup() { kept=$BATS_TEST_TMPDIR/kept; }
teardown() { stop_all; }

# caught [WRAPPER...]: the program, whose account is then in $output, under the bpf engine.
# Even its start on an emulated processor does not reach the limit.
caught() {
	run --separate-stderr "$MAZE" run --engine bpf --recovery lock:0.001 --soft 0 --hard 300ms \
		--hard-signal USR1 --incidents "$kept" \
		-- "$@" "$PROGRAMS/last_runs" --cpu "$cpu" --burn-ms 260
	[ "$status" -eq 0 ]
}

# The first CPU that this shell may use.
first_cpu() {
	cpu=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
}

# schedule EXPRESSION: holds for the schedule `s`, its runs with each end, and the account.
schedule() {
	python3 - "$kept"/*.json "$1" $account <<- 'END'
		import collections, json, sys
		s = json.load(open(sys.argv[1]))["schedule"]
		nvcsw, nivcsw, nvcsw_then, nivcsw_then = map(int, sys.argv[3:])
		ends = collections.Counter(run.get("end") for run in s["runs"])
		print({k: v for k, v in s.items() if k != "runs"}, ends, sys.argv[3:], file=sys.stderr)
		sys.exit(not eval(sys.argv[2]))
	END
}

@test "the schedule has the switches of the program's own account" {
	needs_bpf
	first_cpu
	# Real-time tasks take turns on the CPU, whatever else wants to run there.
	start chrt --rr 1 "$PROGRAMS/spin" --cpu "$cpu"
	caught chrt --rr 1
	account=$output
	schedule 's["runs_missed"] == 0 and len(s["runs"]) == sum(ends.values())'
	# Sleeps end no episode here, and the program slept only in its waits.
	schedule 's["nvcsw"] == nvcsw_then'
	schedule 's["runs_lost"] or ends["lock"] == nvcsw_then - nvcsw'
	schedule 'nivcsw <= s["nivcsw"] <= nivcsw_then'
	schedule 's["runs_lost"] or ends["preempted"] >= s["nivcsw"] - nivcsw'
	# It has the CPU at the verdict, and the spinner had it before.
	schedule 'ends[None] == 1 and "end" not in s["runs"][-1]'
	schedule 'any(r.get("other_comm") == "spin" for r in s["runs"])'
	schedule 'all(r["cpu"] == '"$cpu"' for r in s["runs"])'
	schedule 'all(a["runtime_ns"] <= b["runtime_ns"] for a, b in zip(s["runs"], s["runs"][1:]))'
}

@test "the report has the schedule, and maze replay tries other limits on it" {
	needs_bpf
	first_cpu
	start "$PROGRAMS/spin" --cpu "$cpu"
	caught
	COLUMNS=10000 run "$MAZE" report --incidents "$kept" last
	[[ $output =~ schedule\ +in\ the\ last\ .*,\ on\ CPU\ $cpu\;\ preempted.*\;\ waited\ for\ a\ lock\ .*\;\ waited\ .*\ for\ a\ CPU ]]
	"$MAZE" report --incidents "$kept" --trace last > "$BATS_TEST_TMPDIR/trace"
	# The schedule begins at half of the limit.
	run "$MAZE" replay --soft 0 --hard 50ms --recovery lock:0.001 --comm last_runs "$BATS_TEST_TMPDIR/trace"
	[ "$status" -eq 0 ]
	[[ $output == *"hard"*"last_runs"* ]]
	run "$MAZE" replay --quiet --soft 0 --hard 10s "$BATS_TEST_TMPDIR/trace"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "an engine that records no schedule: it is unknown" {
	first_cpu
	run --separate-stderr "$MAZE" run --engine poll --yield count --soft 0 --hard 100ms \
		--incidents "$kept" -- "$PROGRAMS/spin"
	[ "$status" -eq 137 ]
	COLUMNS=10000 run "$MAZE" report --incidents "$kept" last
	[[ $output == *"schedule"*"unknown; only the bpf engine records it"* ]]
	run "$MAZE" report --incidents "$kept" --trace last
	[ "$status" -eq 1 ]
	[[ $output == *"has no schedule" ]]
}
