# SPDX-License-Identifier: GPL-2.0-only
# maze run after its command has ended while other watched processes still run: it names
# them, or waits for them with --stay.

bats_require_minimum_version 1.5.0
load test_helper

# A command that leaves behind $1 processes that run "$@" after it, once they do. Their
# PIDs are in $left; the test that started them kills them. It sleeps in its loop, so that it
# reaches no limit itself on a busy machine.
# shellcheck disable=SC2016 # for the shell that is run
leaving=(sh -c 'n=$1; shift
	while [ "$n" -gt 0 ]; do
		"$@" > /dev/null 2>&1 3>&- & echo $! >> "$0"; n=$((n - 1)); name=sh
		while [ "$name" = sh ]; do sleep 0.01; read -r name < "/proc/$!/comm"; done
	done
	exit 5')

setup() {
	left=$BATS_TEST_TMPDIR/left
	: > "$left"
}

# The PIDs after a run; they are no longer children of this shell.
survivors() { mapfile -t pids < "$left" && started+=("${pids[@]}"); }

# Runs the function with each private engine, whose options are in $engine.
with_each_engine() {
	engine=(--engine poll --yield count)
	"$@"
	[ -n "$(bpf_refusal)" ] || { engine=(--engine bpf) && "$@"; }
}

lists_one() {
	: > "$left"
	run -5 --separate-stderr "$MAZE" run "${engine[@]}" -- "${leaving[@]}" "$left" 1 sleep 1000
	survivors
	[ "$stderr" = "maze run: the command has ended; 1 process still runs, no longer watched: sleep (PID ${pids[0]})" ]
}

@test "names the processes that still run, and states that they are unwatched" {
	with_each_engine lists_one
}

lists_many() {
	: > "$left"
	run -5 --separate-stderr "$MAZE" run "${engine[@]}" -- "${leaving[@]}" "$left" 10 sleep 1000
	survivors
	says "10 processes still run, no longer watched: "
	[ "$(grep -o '(PID [0-9]*)' <<< "$stderr" | wc -l)" -eq 8 ]
	[[ $stderr == *" and 2 more" ]]
}

@test "names eight of them, and counts the rest" {
	with_each_engine lists_many
}

silent() {
	run -0 --separate-stderr "$MAZE" run "${engine[@]}" "$@"
	[ -z "$stderr" ]
}

@test "prints nothing when all have ended, are not watched, or with --quiet" {
	with_each_engine silent -- sh -c 'sleep 0.01 & wait'
	with_each_engine silent --stay -- sh -c 'sleep 0.01 & wait'
	with_each_engine silent --no-inherit -- "${leaving[@]/exit 5/exit 0}" "$left" 1 sleep 1000
	with_each_engine silent --quiet -- "${leaving[@]/exit 5/exit 0}" "$left" 1 sleep 1000
	survivors
}

# Only a maze that still watches ends these processes. They begin to spin when maze has named
# them: before that, one could reach its limit, and maze would name the other one only.
held() {
	local errors=$BATS_TEST_TMPDIR/errors go=$BATS_TEST_TMPDIR/go gate
	: > "$left"
	: > "$errors"
	rm -f "$go"
	mkfifo "$go"
	# shellcheck disable=SC2016 # for the shell that is run
	"$MAZE" run --stay "${engine[@]}" --soft 50ms --hard 100ms -- "${leaving[@]}" "$left" 2 \
		bash -c 'read -r _ < "$1"; exec "$2" --ignore' bash "$go" "$PROGRAMS/spin" 2> "$errors" 3>&- &
	running=$!
	started+=("$running")
	wait_until grep -q -e '--stay waits for: ' "$errors"
	grep -q '2 processes still run, watched; --stay waits for: ' "$errors"
	survivors
	exec {gate}<> "$go"
	printf '\n\n' >&"$gate"
	wait_until ended "$running"
	exec {gate}>&-
	status=0
	wait "$running" || status=$?
	[ "$status" -eq 5 ]
	[ "$(grep -c ' hard: spin' "$errors")" -eq 2 ]
	! grep -q 'no longer watched' "$errors"
}

@test "--stay watches until all have ended, and ends as the command did" {
	with_each_engine held
}

released() {
	: > "$left"
	# Removes the output of the run before.
	: > "$BATS_TEST_TMPDIR/errors"
	"$MAZE" run --stay "${engine[@]}" -- "${leaving[@]}" "$left" 1 sleep 1000 \
		2> "$BATS_TEST_TMPDIR/errors" 3>&- &
	running=$!
	started+=("$running")
	wait_until grep -q -e '--stay waits' "$BATS_TEST_TMPDIR/errors"
	survivors
	kill -TERM "$running"
	wait_until ended "$running"
	status=0
	wait "$running" || status=$?
	[ "$status" -eq 5 ]
	grep -q "1 process still runs, no longer watched: sleep (PID ${pids[0]})" "$BATS_TEST_TMPDIR/errors"
	runs "${pids[0]}" sleep
}

@test "SIGTERM ends the wait of --stay, and the remaining processes are named" {
	with_each_engine released
}

@test "a pinned engine still watches them, and maze states it" {
	needs_bpf
	"$MAZE" load
	run -5 --separate-stderr "$MAZE" run --soft 1h --hard 2h -- "${leaving[@]}" "$left" 1 sleep 1000
	survivors
	says "1 process still runs, watched by the pinned engine until maze unwatch: sleep (PID ${pids[0]})"
	"$MAZE" list | grep -q "^ *${pids[0]} .* sleep "
	"$MAZE" unwatch "${pids[0]}"
}

@test "--stay holds them in a pinned engine too" {
	needs_bpf
	"$MAZE" load
	engine=()
	held
	[ "$("$MAZE" list | wc -l)" -le 1 ]
}
