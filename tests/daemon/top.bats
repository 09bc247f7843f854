#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze top with mazed: rules, verdicts, reports, users, and a mazed that restarts under it.

bats_require_minimum_version 1.5.0
load test_helper
load ../cli/screen_helper

teardown() {
	end_terminal
	clean_up
}

@test "maze top has rules and verdicts, goes on when mazed restarts, and shows reports" {
	serve <<- 'END'
		[rule loops]
		comm = spin
		soft = 200ms
		soft-signal = none
		hard = 400ms
		[rule sleepers]
		comm = sleep
		soft = 1h
	END
	start sleep 1000
	wait_until watched "$last"
	export MAZE_SOCKET=$socket PAGER="cat > '$dir/paged.tmp'; mv '$dir/paged.tmp' '$dir/paged'"
	on_screen 120 24 "$MAZE" top --incidents "$dir/incidents"
	wait_until line_has 1 'bpf  mazed '
	wait_until line_has 1 '2 rules  watched 1 + 0 groups'
	wait_until line_has 4 ' sleepers '
	keys t
	wait_until line_has 2 'was not frozen by mazed'
	keys Home
	wait_until line_has 2 'sort: limit'

	kill_mazed
	wait_until line_has 2 'trying again'
	wait_until line_has 1 'mazed does not answer'
	wait_until line_has 4 ' sleepers '
	start_mazed
	wait_until line_has 2 'sort: limit'
	wait_until line_has 1 '2 rules  watched 1'

	start "$PROGRAMS/spin"
	spinner=$last
	killed "$spinner"
	wait_for_screen "hard: spin[$spinner] thread $spinner"
	wait_for_screen "soft: spin[$spinner]"
	wait_until line_has 1 'verdicts 2  signals 1  lost 0'
	is_stored() { compgen -G "$dir/incidents/*Z-$spinner-$spinner-*.json" > /dev/null; }
	wait_until is_stored
	# The thread has ended: its report is that of the verdict.
	keys Tab r
	wait_until [ -e "$dir/paged" ]
	grep -q "spin\[$spinner\]\|spin.*$spinner" "$dir/paged"
	keys q
	wait_until left_screen
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	stop_mazed
}

@test "a user sees his own threads, in maze top as well" {
	serve <<< $'[rule sleepers]\ncomm = sleep\nsoft = 1h'
	for_everyone
	start sleep 1000
	start_as 65534 sleep 1000
	wait_until watched "$last"
	run as_user 65534 env MAZE_SOCKET="$socket" "$public/maze" top --once
	[ ${#lines[@]} -eq 3 ]
	[[ ${lines[2]} == *" $last sleep "* ]]
	run env MAZE_SOCKET="$socket" "$MAZE" top --once --json
	echo "$output" | json 'd["watched"] == 2 and d["rules"] == 1 and
		[row["rule"] for row in d["rows"]] == ["sleepers"] * 2' | grep -qx True
	rm -rf "$public"
	stop_mazed
}
