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
	says "unknown option --sotf"
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

@test "each command has a help" {
	for command in run watch unwatch list events thaw incidents report doctor load unload; do
		run "$MAZE" "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == *"Usage: maze $command"* ]]
	done
	run "$MAZE" --help
	[ "$status" -eq 0 ]
}
