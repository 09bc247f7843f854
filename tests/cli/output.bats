# SPDX-License-Identifier: GPL-2.0-only
# Standard output that cannot be written: every command reports it, and its exit status is 1.

bats_require_minimum_version 1.5.0
load test_helper

@test "each help, and the version" {
	local command commands
	output_is_lost "$MAZE" --help
	output_is_lost "$MAZE" --version
	mapfile -t commands < <("$MAZE" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	[ "${#commands[@]}" -ge 11 ]
	for command in "${commands[@]}"; do
		output_is_lost "$MAZE" "$command" --help
		output_is_lost "$MAZE" help "$command"
	done
}

@test "doctor, and the list of nothing" {
	output_is_lost "$MAZE" doctor
	output_is_lost "$MAZE" doctor --json
	[ "$(id -u)" -eq 0 ] || return 0
	output_is_lost "$MAZE" list
	output_is_lost "$MAZE" list --json
}

@test "incidents and report, in each format" {
	local kept=$BATS_TEST_TMPDIR/kept format
	"$BATS_TEST_DIRNAME/../incidents/write" "$kept"
	output_is_lost "$MAZE" incidents --incidents "$kept/good"
	output_is_lost "$MAZE" incidents --incidents "$kept/good" --json
	for format in '' --html --folded --pprof --speedscope --json; do
		output_is_lost "$MAZE" report --incidents "$kept/good" $format 20261124T204512Z-4711-4713-0
	done
}

@test "load, list, events and unload" {
	needs_bpf
	output_is_lost "$MAZE" load
	start sleep 1000
	"$MAZE" watch "$last"
	output_is_lost "$MAZE" list
	output_is_lost "$MAZE" list --json
	output_is_lost "$MAZE" events
	output_is_lost "$MAZE" events --json
	output_is_lost "$MAZE" events --follow
	output_is_lost "$MAZE" unload
}

@test "events --follow ends when the reader of its output exits" {
	needs_bpf
	"$MAZE" load
	without_reader 141 --default-signal=PIPE "$MAZE" events --follow
	without_reader 1 --ignore-signal=PIPE "$MAZE" events --follow
	says 'cannot write to standard output: Broken pipe'
}

@test "a command that prints nothing needs no standard output" {
	any_engine
	# The command has the closed standard output of maze.
	# shellcheck disable=SC2016 # for the shell that is run
	run -7 bash -c '"$@" >&-' bash "$MAZE" run "${engine[@]}" -- sh -c '[ ! -e /proc/$$/fd/1 ] && exit 7'
	run -2 bash -c '"$@" > /dev/full' bash "$MAZE" run
}
