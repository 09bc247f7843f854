#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze doctor PID: what an incident of a process would have. maze doctor alone is tested in
# poll.bats and watch.bats.

bats_require_minimum_version 1.5.0
load test_helper

setup() {
	dir=$BATS_TEST_TMPDIR
	map=
}

teardown() {
	stop_all
	[ -z "$map" ] || rm -f "$map"
	[ -z "$public" ] || rm -rf "$public"
}

# A process of a program with that name, stopped, into $last, and the name of its perf map.
# shellcheck disable=SC2154 # set by start
start_as() {
	cp "$PROGRAMS/spin" "$dir/$1"
	start "$dir/$1"
	kill -STOP "$last"
	map=/tmp/perf-$last.map
}

# check NAME OK [TEXT]: the row of the check in $output.
check() { grep -qE "^  $1 +$2  .*${3-}" <<< "$output" || { echo "$output"; return 1; }; }

@test "symbols and debug information of the program" {
	start_as spin
	run "$MAZE" doctor "$last"
	[[ ${lines[0]} == "process $last (spin), user id $(id -u), $dir/spin" ]]
	check process yes
	check functions yes
	check lines yes
	strip "$PROGRAMS/spin" -o "$dir/stripped"
	start "$dir/stripped"
	run "$MAZE" doctor "$last"
	check functions no "$(readelf -n "$dir/stripped" | sed -n 's/.*Build ID: //p')"
	check lines no
}

@test "a separate debug file is found" {
	objcopy --only-keep-debug "$PROGRAMS/spin" "$dir/split.debug"
	(cd "$dir" && objcopy --strip-all --add-gnu-debuglink=split.debug "$PROGRAMS/spin" split)
	start "$dir/split"
	run "$MAZE" doctor "$last"
	check functions yes 'debug file'
	check lines yes
}

@test "JavaScript: the perf map, or the options that write it" {
	start_as node
	run "$MAZE" doctor "$last"
	check language no '--perf-basic-prof .*--perf-basic-prof-only-functions.*--interpreted-frames-native-stack.*NODE_OPTIONS'
	echo '1000 10 f' > "$map"
	run "$MAZE" doctor "$last"
	check language yes "$map"
	"$MAZE" doctor --json "$last" | python3 -c '
import json, sys
result = json.load(sys.stdin)
assert result["language"] == "JavaScript" and result["comm"] == "node", result
assert {c["check"]: c["ok"] for c in result["checks"]}["language"] is True, result'
}

@test "a perf map that is a pipe, or of another user, is refused" {
	start_as node
	mkfifo "$map"
	run "$MAZE" doctor "$last"
	check language no 'not a regular file'
	rm "$map"
	needs_root 'give a file to another user'
	for_everyone
	cp "$PROGRAMS/spin" "$public/node"
	start setpriv --reuid 65534 --regid 65534 --clear-groups "$public/node"
	wait_until runs "$last" node
	map=/tmp/perf-$last.map
	echo '1000 10 f' > "$map"
	chown 1 "$map"
	run "$MAZE" doctor "$last"
	check language no 'neither to the user'
}

@test "Node itself: NODE_OPTIONS may have the options" {
	needs_program node
	export NODE_OPTIONS='--perf-basic-prof-only-functions --interpreted-frames-native-stack'
	start node -e 'setInterval(() => {}, 1000)'
	map=/tmp/perf-$last.map
	wait_until test -s "$map"
	run "$MAZE" doctor "$last"
	check language yes "$map"
}

@test "Python: its stacks can be read, if its version is known" {
	[ -x /usr/bin/python3 ] || skip 'no /usr/bin/python3'
	start /usr/bin/python3 -c 'import time; time.sleep(600)'
	run "$MAZE" doctor "$last"
	case $(/usr/bin/python3 --version) in
	'Python 3.1'[1234].*) check language yes "CPython $(/usr/bin/python3 --version | cut -d ' ' -f 2)" ;;
	*) check language no ;;
	esac
	# No interpreter is in a program that only has the name of one.
	start_as python3
	run "$MAZE" doctor "$last"
	check language no '_PyRuntime'
}

@test "Ruby and PHP are recognized, other programs are not" {
	local name
	for name in ruby3.3 php-fpm8.2; do
		start_as "$name"
		run "$MAZE" doctor "$last"
		check language no interpreter
	done
	start_as node_exporter
	run "$MAZE" doctor "$last"
	[[ $output != *language* ]]
}

@test "an incident has the note of the doctor" {
	needs_bpf
	start_as node
	run "$MAZE" doctor "$last"
	hint=$(sed -n 's/^  language *no *//p' <<< "$output")
	[ -n "$hint" ]
	"$MAZE" run --soft 50ms --hard 200ms --soft-signal 0 --quiet --incidents "$dir/kept" -- "$dir/node" || :
	COLUMNS=10000 "$MAZE" report --incidents "$dir/kept" last | grep -F -- "$hint"
}

@test "text of the process is escaped" {
	start_as $'x\e[31m\n  watch yes'
	run "$MAZE" doctor "$last"
	[[ $output != *$'\e'* ]]
	[ "$(grep -c '^  watch' <<< "$output")" -eq 1 ]
	"$MAZE" doctor --json "$last" | python3 -m json.tool > /dev/null
}

@test "processes that do not exist or may not be watched" {
	start "$PROGRAMS/spin" --for-ms 1
	wait "$last"
	refused 1 "$MAZE" doctor "$last"
	run -1 "$MAZE" doctor 1
	check watch no
	refused 2 "$MAZE" doctor x
	refused 2 "$MAZE" doctor 1 2
}

@test "a plain user and the process of another user" {
	needs_root 'become another user'
	start_as node
	for_everyone
	run -1 as_user_with '' "$public/maze" doctor "$last"
	check watch no 'another user'
	check process no CAP_SYS_PTRACE
	[[ $output != *language* ]]
}
