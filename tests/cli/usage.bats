# SPDX-License-Identifier: GPL-2.0-only
# Bad input: a clear sentence, exit status 2, nothing run, nothing changed.

bats_require_minimum_version 1.5.0
load test_helper

@test "no command at all" {
	refused 2 "$MAZE"
	says "no command given"
}

@test "a command that there is not" {
	refused 2 "$MAZE" wacth
	says 'unknown command "wacth"; did you mean "watch"?'
	refused 2 "$MAZE" frobnicate
	says 'unknown command "frobnicate"; see maze --help'
}

@test "--soft without a value" {
	refused 2 "$MAZE" run --soft
	says "--soft needs a value"
}

@test "half a millisecond" {
	refused 2 "$MAZE" run --soft 0.5ms -- touch "$BATS_TEST_TMPDIR/ran"
	says "500us is below 1ms"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "ten years" {
	refused 2 "$MAZE" run --soft 10years --hard 0 -- true
	says "above 366 days"
}

@test "hard below soft" {
	refused 2 "$MAZE" run --soft 2s --hard 1s -- true
	says "hard limit 1s is below the soft limit 2s"
}

@test "both stages off" {
	refused 2 "$MAZE" run --soft 0 --hard 0 -- true
	says "both limits are 0"
}

@test "signal 99" {
	refused 2 "$MAZE" run --hard-signal 99 -- true
	says 'invalid signal "99"'
}

@test "a duration that is none" {
	refused 2 "$MAZE" run --soft 10x -- true
	says 'unknown unit "x"'
}

@test "a recovery that is none" {
	refused 2 "$MAZE" run --recovery -1 -- true
	says 'invalid recovery "-1"'
}

@test "a recovery for locks that has no ratio" {
	refused 2 "$MAZE" run --recovery lock: -- true
	says 'invalid recovery "lock:"'
}

@test "a signal to what is neither thread nor process" {
	refused 2 "$MAZE" run --signal-to group -- true
	says 'give thread or process'
}

@test "a yield rule that is none" {
	refused 2 "$MAZE" run --yield maybe -- true
	says "give reset or count"
}

@test "an option that there is not" {
	refused 2 "$MAZE" run --sotf 1s -- true
	says "unknown option --sotf"
}

@test "an engine that there is not" {
	refused 2 "$MAZE" run --engine warp -- true
	says 'unknown engine "warp"'
}

@test "no command to run" {
	refused 2 "$MAZE" run --soft 1s
	says "no command given"
}

@test "a PID that is none" {
	refused 2 "$MAZE" watch 12a
	says 'invalid PID "12a"'
	nothing_pinned
}

@test "no PID to watch" {
	refused 2 "$MAZE" watch --soft 1s
	says "no process given"
}

@test "each command has a help" {
	for command in run watch unwatch list events thaw incidents report doctor load unload; do
		run "$MAZE" "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == *"Usage: maze $command"* ]]
	done
	run "$MAZE" --help
	[ "$status" -eq 0 ]
}
