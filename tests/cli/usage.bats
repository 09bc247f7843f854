# SPDX-License-Identifier: GPL-2.0-only
# Invalid input: a clear sentence, exit status 2, nothing run, nothing changed.

bats_require_minimum_version 1.5.0
load test_helper

@test "a missing command is refused" {
	refused 2 "$MAZE"
	says "no command given"
}

@test "an unknown command is refused" {
	refused 2 "$MAZE" wacth
	says 'unknown command "wacth"; did you mean "watch"?'
	refused 2 "$MAZE" frobnicate
	says 'unknown command "frobnicate"; see maze --help'
}

@test "--soft without a value is refused" {
	refused 2 "$MAZE" run --soft
	says "--soft needs a value"
}

@test "half a millisecond is refused" {
	refused 2 "$MAZE" run --soft 0.5ms -- touch "$BATS_TEST_TMPDIR/ran"
	says "500us is below 1ms"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "ten years is refused" {
	refused 2 "$MAZE" run --soft 10years --hard 0 -- true
	says "above 366 days"
}

@test "a hard limit below soft is refused" {
	refused 2 "$MAZE" run --soft 2s --hard 1s -- true
	says "hard limit 1s is below the soft limit 2s"
}

@test "both stages off is refused" {
	refused 2 "$MAZE" run --soft 0 --hard 0 -- true
	says "both limits are 0"
}

@test "signal 99 is refused" {
	refused 2 "$MAZE" run --hard-signal 99 -- true
	says 'invalid signal "99"'
}

@test "an invalid duration is refused" {
	refused 2 "$MAZE" run --soft 10x -- true
	says 'unknown unit "x"'
}

@test "an invalid recovery is refused" {
	refused 2 "$MAZE" run --recovery -1 -- true
	says 'invalid recovery "-1"'
}

@test "a recovery for locks without a ratio is refused" {
	refused 2 "$MAZE" run --recovery lock: -- true
	says 'invalid recovery "lock:"'
}

@test "a signal to neither thread nor process is refused" {
	refused 2 "$MAZE" run --signal-to group -- true
	says 'give thread or process'
}

@test "an invalid yield rule is refused" {
	refused 2 "$MAZE" run --yield maybe -- true
	says "give reset or count"
}

@test "an unknown option is refused" {
	refused 2 "$MAZE" run --sotf 1s -- true
	says "unknown option --sotf; did you mean --soft?"
	refused 2 "$MAZE" list --no-such-thing
	says "unknown option --no-such-thing; see maze list --help"
	refused 2 "$MAZE" list -xy
	says "unknown option -x;"
	refused 2 "$MAZE" list --json=yes
	says "--json takes no value;"
}

@test "options may follow arguments, but not a command" {
	refused 2 "$MAZE" watch 12a --soft 0.5ms
	says "500us is below 1ms"
	any_engine
	run -0 "$MAZE" run "${engine[@]}" sh -c 'echo "$0"' --help
	[ "$output" = --help ]
	run -0 "$MAZE" run "${engine[@]}" -- sh -c 'echo "$0"' --help
	[ "$output" = --help ]
}

@test "an unknown engine is refused" {
	refused 2 "$MAZE" run --engine warp -- true
	says 'unknown engine "warp"'
}

@test "run without a command is refused" {
	refused 2 "$MAZE" run --soft 1s
	says "no command given"
}

@test "an invalid PID is refused" {
	refused 2 "$MAZE" watch 12a
	says 'invalid PID "12a"'
	nothing_pinned
}

@test "watch without a PID is refused" {
	refused 2 "$MAZE" watch --soft 1s
	says "no process given"
}

# Lines wider than $1 columns.
too_wide() { awk -v width="$1" 'length > width'; }

@test "each command has a help, within 80 columns" {
	local command commands
	mapfile -t commands < <("$MAZE" complete -- '' | cut -f 1)
	[ "${#commands[@]}" -ge 11 ]
	for command in "${commands[@]}"; do
		run -0 "$MAZE" "$command" --help
		[[ $output == *"Usage: maze $command"* ]]
		[ -z "$(too_wide 80 <<< "$output")" ] || { too_wide 80 <<< "$output"; return 1; }
	done
	run -0 "$MAZE" --help
	[ -z "$(too_wide 80 <<< "$output")" ]
}

# in_columns COLUMNS COMMAND: its output on a terminal, into $output.
in_columns() {
	run env -u COLUMNS script -qec "stty cols $1; $2" /dev/null
	output=${output//$'\r'/}
}

@test "errors and doctor fit a terminal, and are whole lines elsewhere" {
	in_columns 60 "$MAZE doctor"
	[[ $output == *bpf:* ]]
	[ -z "$(too_wide 60 <<< "$output")" ] || { too_wide 60 <<< "$output"; return 1; }
	in_columns 40 "$MAZE watch 12a"
	[ "$output" = 'maze watch: invalid PID "12a"; see maze
            watch --help' ]
	refused 2 "$MAZE" watch 12a
	[ "$stderr" = 'maze watch: invalid PID "12a"; see maze watch --help' ]
}

@test "maze protect refuses what it cannot do" {
	refused 2 "$MAZE" protect
	says "no unit given"
	refused 2 "$MAZE" protect --user a.service
	says "mazed reads the unit files of the system only"
	refused 2 "$MAZE" protect --soft 2s --hard 1s a.service
	says "hard limit 1s is below the soft limit 2s"
	[ ! -d /run/systemd/system ] || skip "systemd runs here"
	for command in protect unprotect; do
		refused 1 "$MAZE" "$command" a.service
		says "not booted with systemd"
	done
}
