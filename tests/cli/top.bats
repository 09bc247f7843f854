#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze top on a terminal, and for scripts. tests/unit/test_top.c has what it shows.

bats_require_minimum_version 1.5.0
load test_helper
load screen_helper

setup() {
	# Without mazed.
	export MAZE_SOCKET=
}

teardown() {
	end_terminal
	stop_all
	unload_engine
}

# A spinner and a sleeper, which are watched: $spinner and $sleeper.
watch_two() {
	needs_bpf
	start "$PROGRAMS/spin"
	spinner=$last
	cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/zeta"
	start "$BATS_TEST_TMPDIR/zeta" 1000
	sleeper=$last
	"$MAZE" watch --soft 1h --hard 2h "$spinner" "$sleeper"
}

show_top() { on_screen "$1" "$2" env TERM=vt100 NO_COLOR=1 "$MAZE" top "${@:3}"; }

@test "the screen at 80x24: rows, order, filter, units, pause, help and quit" {
	watch_two
	show_top 80 24
	wait_until line_has 4 " $spinner spin "
	wait_until line_has 5 " $sleeper zeta "
	# Lines are drawn from the first to the last.
	wait_until line_has 24 q:quit
	[[ $(screen_line 1) == 'bpf  no mazed  watched 2 + 0 groups  verdicts 0  signals 0  lost 0' ]]
	[ "$(screen_line 2)" = 'sort: limit  every 1s' ]
	[[ $(screen_line 3) =~ ^'LIMIT'\ +'COUNT SOFT/HARD'\ +'%CPU PID/TID NAME'\ +'USER'\ +'UNIT' ]]
	[[ $(screen_line 4) =~ ^'['[.#]+'|'[.]+']'\ +[0-9.ms]+\ '1h/2h'\ +[0-9.-]+\ +$spinner\ 'spin ' ]]
	[[ $(screen_line 5) =~ ^'['[.]+'|'[.]+']'\ +[0-9.ms]+\ '1h/2h' ]]
	[ "$(screen | grep -n '^LAST VERDICTS' | cut -d: -f1)" -eq 20 ]
	[ "$(screen_line 21)" = none ]
	[ "$(screen_line 24)" = 'h:help s:sort /:filter u:units p:pause k:signal t:thaw r:report w:why q:quit' ]

	keys S S S S S
	wait_until line_has 2 'sort: name'
	wait_until line_has 4 spin
	keys I
	wait_until line_has 4 zeta
	keys I s
	wait_until line_has 2 'sort: user'
	keys P
	wait_until line_has 2 'sort: cpu'

	keys / z e t x BSpace a
	wait_until line_has 2 'filter (Enter keeps it, Esc ends it): zeta_'
	wait_until screen_lacks "$spinner spin"
	keys Enter
	wait_until line_has 2 'filter: zeta (1 hidden)'
	wait_until line_has 4 zeta
	keys Escape
	wait_for_screen "$spinner spin"

	keys u
	wait_until line_has 2 'by unit'
	wait_until eval "[[ \$(screen_line 4) == *': 2 rows, '*' %CPU' ]]"
	keys u p
	wait_until line_has 2 PAUSED
	keys p h
	wait_for_screen 'any key: back'
	keys x
	wait_for_screen 'LAST VERDICTS'
	keys q
	wait_until left_screen
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "the terminal gets another size, down to one line" {
	watch_two
	show_top 80 24
	wait_until line_has 4 spin
	terminal resize-window -x 160 -y 40
	wait_until line_has 3 ENGINE
	wait_until line_has 40 q:quit
	wait_until line_has 4 ' bpf'
	for size in 20x6 3x3 1x1; do
		terminal resize-window -x "${size%x*}" -y "${size#*x}"
		keys Down
	done
	terminal resize-window -x 80 -y 24
	wait_until line_has 24 q:quit
	wait_until line_has 4 spin
	keys q
	wait_until left_screen
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
}

@test "k sends a signal after a confirmation with the name" {
	watch_two
	show_top 80 24
	wait_until line_has 4 "$spinner spin"
	keys k
	wait_until line_has 2 "signal for spin[$spinner] (Enter, Esc): TERM_"
	keys Enter
	wait_until line_has 2 "send SIGTERM to spin[$spinner]? y or n"
	keys n
	wait_until line_has 2 'sort: limit'
	run ! ended "$spinner"
	keys k BSpace BSpace BSpace BSpace N O P E Enter
	wait_until line_has 2 'invalid signal "NOPE"'
	run ! ended "$spinner"
	keys k BSpace BSpace BSpace BSpace K I L L Enter y
	wait_until line_has 2 "sent SIGKILL to spin[$spinner]"
	wait_until ended "$spinner"
	status=0
	wait "$spinner" || status=$?
	[ "$status" -eq 137 ]
	wait_until screen_lacks "$spinner spin"
	run ! ended "$sleeper"
	keys t
	wait_until line_has 2 'only mazed thaws'
}

@test "w shows what the thread does, in the pager" {
	watch_two
	export PAGER="cat > '$BATS_TEST_TMPDIR/paged.tmp'; mv '$BATS_TEST_TMPDIR/paged.tmp' '$BATS_TEST_TMPDIR/paged'"
	show_top 80 24 --incidents "$BATS_TEST_TMPDIR"
	wait_until line_has 4 "$spinner spin"
	keys w
	wait_until [ -e "$BATS_TEST_TMPDIR/paged" ]
	grep -q "spin" "$BATS_TEST_TMPDIR/paged"
	wait_until line_has 4 "$spinner spin"
	keys r
	wait_until line_has 2 'has no incident of it'
}

@test "a terminal that goes away ends it quietly" {
	watch_two
	# It could hang at the end: see end_terminal().
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	show_top 80 24
	wait_until line_has 4 spin
	top=$(terminal list-panes -F '#{pane_pid}')
	# The shell of the pane, and maze as its child.
	family=()
	add_family "$top"
	[ ${#family[@]} -eq 1 ]
	terminal kill-server
	wait_until ended "${family[0]}"
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "a terminal that cannot move the cursor, and none, are refused" {
	on_screen 80 24 env TERM=dumb "$MAZE" top
	wait_until left_screen
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 1 ]
	grep -q 'terminal type "dumb"' "$BATS_TEST_TMPDIR/err"
	refused 2 "$MAZE" top
	says 'not a terminal; use --once or --json'
}

@test "--once prints a table, --json a line for each refresh" {
	needs_bpf
	# A name that would clear the screen.
	start bash -c "printf '\033[2J\377' > /proc/self/comm; while :; do :; done"
	wait_until runs "$last" $'\033[2J\377'
	"$MAZE" watch --soft 1h --hard 2h "$last"
	run --separate-stderr "$MAZE" top --once
	[ "$status" -eq 0 ]
	[ ${#lines[@]} -eq 3 ]
	[[ ${lines[0]} == 'bpf  no mazed  watched 1 + 0 groups  verdicts 0  signals 0  lost 0' ]]
	[[ ${lines[2]} == *" $last "'\x1b[2J\xff '* ]]
	run --separate-stderr bash -c '"$0" top --json --interval 100ms --sort pid | head -n 2' "$MAZE"
	[ ${#lines[@]} -eq 2 ]
	echo "${lines[1]}" | json '
		d["engine"] == "bpf" and d["mazed"] is None and d["watched"] == 1 and
		d["rows"][0]["pid"] == '"$last"' and d["rows"][0]["cpu_percent"] >= 0 and
		d["rows"][0]["soft_ns"] == 3600 * 10**9 and d["rows"][0]["user"] and "cgroup" in d["rows"][0]' |
		grep -qx True
	run "$MAZE" top --once --filter 'no such name'
	[ ${#lines[@]} -eq 2 ]
}

@test "the keys of --json are those of tests/stable/top.txt" {
	needs_bpf
	start sleep 1000
	"$MAZE" watch --soft 1h "$last"
	"$MAZE" top --once --json | python3 -c '
import json, sys
snapshot = json.load(sys.stdin)
print(*snapshot, *(f"rows.{key}" for key in snapshot["rows"][0]), sep="\n")' |
		sort > "$BATS_TEST_TMPDIR/got"
	grep -v '^#' "$BATS_TEST_DIRNAME/../stable/top.txt" | sort > "$BATS_TEST_TMPDIR/listed"
	[ -z "$(comm -23 "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/got")" ]
}

@test "invalid options are refused" {
	refused 2 "$MAZE" top --once --sort colour
	says 'unknown order "colour"'
	refused 2 "$MAZE" top --once --interval 1ms
	says 'not within 100ms to 1h'
	refused 2 "$MAZE" top --once --interval never
	says '--interval: '
	refused 2 "$MAZE" top --once --filter "$(printf '%064d' 0)"
	says 'longer than 63 bytes'
	refused 1 env MAZE_SOCKET="$BATS_TEST_TMPDIR/none" "$MAZE" top --once
	says 'cannot connect to mazed'
}
