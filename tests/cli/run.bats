# SPDX-License-Identifier: GPL-2.0-only
# maze run: how it ends, what it passes on, what it leaves behind.

bats_require_minimum_version 1.5.0
load test_helper

@test "ends with the status of its command" {
	run "$MAZE" run -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
}

@test "ends with 128+N when its command died of a signal" {
	run "$MAZE" run -- sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "a command that does not exist" {
	refused 127 "$MAZE" run -- /no/such/command
	says "is not found"
}

@test "a command that is not executable" {
	refused 126 "$MAZE" run -- /etc/passwd
	says "cannot be executed"
}

@test "a file for events that cannot be written" {
	refused 125 "$MAZE" run --events /no/such/dir/file -- touch "$BATS_TEST_TMPDIR/ran"
	says "cannot append to /no/such/dir/file"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "without the right to load anything" {
	for_everyone
	refused 125 as_nobody "" "$public/maze" run --engine bpf -- true
	says "CAP_BPF"
}

@test "with the engine of a module that is not loaded" {
	[ ! -e /proc/maze ] || skip "it is loaded here"
	refused 125 "$MAZE" run --engine kmod -- true
	says "the kernel module maze is not loaded"
}

@test "with CAP_BPF but without CAP_PERFMON" {
	for_everyone
	refused 125 as_nobody +bpf "$public/maze" run --engine bpf -- true
	says "CAP_PERFMON"
}

@test "with CAP_BPF and CAP_PERFMON, and no right to look for a pinned engine" {
	chmod 700 /sys/fs/bpf
	for_everyone
	run as_nobody +bpf,+perfmon "$public/maze" run --soft 50ms --hard 100ms -- "$public/spin"
	[ "$status" -eq 137 ]
}

@test "on a kernel without type information" {
	refused 125 unshare --mount sh -c "mount -t tmpfs none /sys/kernel/btf && exec '$MAZE' run --engine bpf -- true"
	says "/sys/kernel/btf/vmlinux"
}

@test "prints one soft and one hard record of a spinner, and ends with 137" {
	run --separate-stderr "$MAZE" run --json --soft 100ms --hard 200ms -- "$PROGRAMS/spin"
	[ "$status" -eq 137 ]
	[ -z "$output" ]
	[ "$(printf '%s\n' "$stderr" | grep -c '"event":"soft"')" -eq 1 ]
	[ "$(printf '%s\n' "$stderr" | grep -c '"event":"hard"')" -eq 1 ]
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 2 ]
}

@test "appends events to a file, whole lines of JSON" {
	echo '{"before": true}' > "$BATS_TEST_TMPDIR/events"
	run "$MAZE" run --events "$BATS_TEST_TMPDIR/events" --soft 50ms --hard 100ms -- "$PROGRAMS/spin"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/events")" -eq 3 ]
	while read -r line; do
		printf '%s' "$line" | python3 -m json.tool > /dev/null
	done < "$BATS_TEST_TMPDIR/events"
}

@test "a full disk stops the file, not the command" {
	run --separate-stderr "$MAZE" run --events /dev/full --soft 50ms --hard 0 --soft-signal 0 -- \
		"$PROGRAMS/spin" --for-ms 100
	[ "$status" -eq 0 ]
	says "going on without it"
}

@test "passes a signal on" {
	start "$MAZE" run -- sh -c 'trap "exit 9" TERM; touch "$0"; while :; do sleep 0.05; done' \
		"$BATS_TEST_TMPDIR/up"
	while [ ! -e "$BATS_TEST_TMPDIR/up" ]; do sleep 0.05; done
	kill -TERM "$last"
	status=0
	wait "$last" || status=$?
	[ "$status" -eq 9 ]
}

@test "passes standard input and output through" {
	result=$(echo through | "$MAZE" run -- cat)
	[ "$result" = through ]
}

@test "leaves nothing behind" {
	run "$MAZE" run -- true
	nothing_pinned
}

@test "killed with SIGKILL it leaves no pin, and its command runs on" {
	start "$MAZE" run --soft 1h --hard 2h -- "$PROGRAMS/sleep_now_and_then" --work-ms 1 --sleep-ms 20 --rounds 500
	for _ in $(seq 100); do
		child=$(cat "/proc/$last/task/$last/children")
		child=${child%% *}
		[ -z "$child" ] || ! grep -q sleep_now "/proc/$child/comm" || break
		sleep 0.1
	done
	[ -n "$child" ]
	kill -KILL "$last"
	sleep 0.3
	nothing_pinned
	kill -0 "$child"
	kill -KILL "$child"
}

@test "uses the pinned engine, and takes its watches out again" {
	start sleep 100
	sleeper=$last
	"$MAZE" watch "$sleeper"
	run "$MAZE" run --soft 1h --hard 2h -- sh -c "'$MAZE' list"
	[ "$status" -eq 0 ]
	[[ $output == *sleep* ]]
	[[ $output == *maze* || $output == *sh* ]]
	[ "$("$MAZE" list | wc -l)" -eq 2 ]
}

@test "stress-ng's yielder, which we did not write, is left alone" {
	run --separate-stderr "$MAZE" run --json --soft 200ms --hard 400ms -- \
		stress-ng --quiet --yield 1 -t 3
	[ "$status" -eq 0 ]
	[[ $stderr != *'"event"'* ]]
}
