#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# `observe = yes`: mazed keeps the streaks of all programs in a file.

bats_require_minimum_version 1.5.0
load test_helper

# Writes the configuration, with `observe = $1`, and a rule for the program whose streaks
# are known.
observes() {
	streaks=$STATE_DIRECTORY/streaks.json
	account=$dir/account
	[ -e "$account" ] || truncate -s $((8 + 65536 * 14 * 8)) "$account"
	configure <<- EOF
		observe = $1
		[rule worker]
		comm = sleep_now_and_t
		soft = 10s
	EOF
}

# Runs the program once.
work_unseen() { "$PROGRAMS/sleep_now_and_then" --work-ms 7 --rounds "${1-40}" 3>&-; }
# The same, from when the rule applies to it. The streaks of all such runs are in $account.
work() {
	[ -p "$dir/go" ] || mkfifo "$dir/go"
	MAZE_TEST_ACCOUNT=$account start "$PROGRAMS/sleep_now_and_then" --work-ms 7 \
		--rounds "${1-40}" --after "$dir/go"
	wait_until watched "$last"
	: > "$dir/go"
	wait "$last"
}

# The file has the streaks of the account, each once. The first streak of a run can be cut
# where the watch of the rule takes the place of that of the parent, and some kernels hide a
# switch now and then.
compare() {
	"$BATS_TEST_DIRNAME/../cli/compare-streaks" "$streaks" sleep_now_and_then "$account" 0 0 \
		"$1" || { show_log; return 1; }
}

# A value of the program, in its class with the most streaks: mazed may find a process after
# its first streak.
class_has() {
	python3 -c '
import json, sys
all = [c for c in json.load(open(sys.argv[1]))["classes"] if c["program"] == sys.argv[2]]
print(max(all, key=lambda c: c["streaks"])[sys.argv[3]])' "$streaks" "$1" "$2"
}

# Each of so many processes of the program is counted, once in a class. In its first streaks
# it may be in the class without a rule, as long as mazed has not found it.
has_counted() {
	python3 -c '
import json, sys
all = [c for c in json.load(open(sys.argv[1]))["classes"] if c["program"] == sys.argv[2]]
counts = [c["processes"] for c in all]
print(counts, [c["rule"] for c in all])
assert sum(counts) >= int(sys.argv[3]) >= max(counts)' "$streaks" "$@"
}

@test "the file has each streak once, over a reload, a kill, a handover and two stops" {
	observes yes
	start_mazed
	work
	reload_mazed
	kill_mazed
	start_mazed
	work
	hand_over
	start_mazed
	work
	stop_mazed
	compare 9
	has_counted sleep_now_and_then 3
	start_mazed
	work
	stop_mazed
	start_mazed
	stop_mazed
	compare 12
	has_counted sleep_now_and_then 4
	[ "$(class_has sleep_now_and_then rule)" = worker ]
	[ "$(stat -c %a "$streaks")" = 640 ]
}

lists_nothing() { "$MAZE" list --json | python3 -c 'import sys; assert "pid" not in sys.stdin.read()'; }

@test "programs without a rule are observed, and are in no list of watches" {
	configure <<- EOF
		observe = yes
		[rule none]
		comm = nosuchprogram
		hard = 10s
	EOF
	streaks=$STATE_DIRECTORY/streaks.json
	start_mazed
	"$PROGRAMS/sleep_now_and_then" --work-ms 3 --rounds 10
	start "$PROGRAMS/spin"
	spins "$last"
	unwatched "$last"
	lists_nothing
	MAZE_SOCKET=$socket lists_nothing
	logged ', 0 processes watched by them'
	stop_mazed
	[ "$(class_has sleep_now_and_then rule)" = None ]
	[ "$(class_has sleep_now_and_then streaks)" -ge 8 ]
}

@test "a user may watch what mazed only observes" {
	serve <<- 'EOF'
		observe = yes
	EOF
	start_as 65534 "$PROGRAMS/spin"
	as_user 65534 "$MAZE" watch --socket "$socket" --soft 0 --hard 10s "$last"
	watched "$last"
}

@test "a reload switches it off and on" {
	observes no
	start_mazed
	work_unseen
	[ ! -e "$streaks" ]
	observes yes
	reload_mazed
	work
	observes no
	reload_mazed
	work_unseen
	observes yes
	reload_mazed
	work
	stop_mazed
	compare 7
}

@test "a file that mazed does not understand is kept under another name" {
	local text

	for text in '{' '{"version":2}' '{"version":1,"from":"2026-11-10T00:00:00Z","to":"2026-11-10T00:00:00Z","days":[],"classes":[{"program":7}]}'; do
		observes yes
		mkdir -p "$STATE_DIRECTORY"
		rm -f "$streaks"*
		printf %s "$text" > "$streaks"
		start_mazed
		wait_until logged "cannot read the streaks in $streaks ("
		[ "$(cat "$streaks".2*)" = "$text" ]
		work
		stop_mazed
		[ "$(class_has sleep_now_and_then processes)" -ge 1 ]
		rm "$log"
	done
}

@test "without a place for the file, the log has an error, and mazed watches" {
	export STATE_DIRECTORY=$dir/none/state
	observes yes
	start_mazed
	work_unseen
	stop_mazed
	logged "cannot write the streaks to $streaks: No such file or directory"
	: > "$dir/file"
	export STATE_DIRECTORY=$dir/file
	start_mazed
	logged "nothing is observed"
	stop_mazed
}

@test "maze observe --show prints the table, and maze suggest reads the file" {
	observes yes
	start_mazed
	# More than a second.
	work 150
	stop_mazed
	run -0 "$MAZE" observe --show --from "$streaks"
	[[ ${lines[0]} == PROGRAM*RULE*LONGEST* ]]
	[[ $output == *'sleep_now_and_then  worker '* ]]
	"$MAZE" observe --show --from "$streaks" --json > "$dir/shown"
	python3 - "$dir/shown" "$streaks" <<- 'EOF'
		import json, sys
		shown, kept = (json.load(open(path)) for path in sys.argv[1:])
		del kept["earlier"]
		assert shown == kept
	EOF
	"$MAZE" suggest --min-days 0 --min-processes 0 --from "$streaks" > "$dir/suggested"
	grep -q sleep_now_and_then "$dir/suggested"

	run ! as_user 65534 "$MAZE" observe --show --from "$streaks"
	[[ $output == *"$streaks: "*'root may read it'* ]]
	run -1 "$MAZE" observe --show --from "$dir/none"
	[[ $output == *"$dir/none: "* ]]
	run -2 "$MAZE" observe --show --all
	run -2 "$MAZE" observe --from "$streaks" $$
}
