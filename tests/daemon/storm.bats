#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed(8) while many processes begin and end at once.

bats_require_minimum_version 1.5.0
load test_helper

# A short test that has every kind of process. For a long one: MAZE_STORM=500
# MAZE_STORM_KILLS=20 on a machine without other load.
storm=${MAZE_STORM:-12}
kills=${MAZE_STORM_KILLS:-3}
soft_ms=20
hard_ms=40
storm_rule() {
	configure <<- END
		[rule spinners]
		comm = spin*
		soft = ${soft_ms}ms
		hard = ${hard_ms}ms
		repeat = 0
		max-hard = off
	END
}

run_storm() { "$PROGRAMS/storm" "$dir" "$storm" "$storm" "$1" "$2" "$soft_ms" "$hard_ms" > "$dir/storm"; }

weathered() {
	sed 's/^/# /' "$dir/storm" >&3
	grep -qx "spinners $storm ended $storm early 0 unsignalled 0 twice 0 innocents $storm hurt 0" "$dir/storm"
}

@test "in a storm, every spinner is caught once, and no innocent" {
	storm_rule
	start_mazed
	run_storm 50 1
	weathered
	softs_of_all() {
		[ "$(grep -F '"event":"soft"' "$log" | sed -n 's/.*"pid":\([0-9]*\),.*"rule":"spinners".*/\1/p' | sort -u | wc -l)" -eq "$storm" ]
	}
	wait_until softs_of_all
	stop_mazed
}

@test "in a storm with repeated kills of mazed, every spinner is caught once" {
	storm_rule
	run_storm 20 2 3>&- &
	running=$!
	started+=("$running")
	for ((i = 0; i < kills; i++)); do
		start_mazed
		pass_seconds "0.$((RANDOM % 5))"
		kill_mazed
	done
	start_mazed
	wait "$running"
	weathered
	grep -F 'while no mazed ran' "$log" | sed 's/.*"message":/# /' | tail -n 3 >&3
	stop_mazed
	nothing_pinned
}
