# SPDX-License-Identifier: GPL-2.0-only
# maze run: how it ends, what it passes on, what it leaves behind.

bats_require_minimum_version 1.5.0
load test_helper

setup() { any_engine; }

@test "ends with the status of its command" {
	run "$MAZE" run "${engine[@]}" -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
}

@test "ends with 128+N when its command died of a signal" {
	run "$MAZE" run "${engine[@]}" -- sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "a command that does not exist" {
	refused 127 "$MAZE" run "${engine[@]}" -- /no/such/command
	says "not found"
}

@test "a command that is not executable" {
	refused 126 "$MAZE" run "${engine[@]}" -- /etc/passwd
	says "cannot execute"
}

@test "a file for events that cannot be written" {
	refused 125 "$MAZE" run "${engine[@]}" --events /no/such/dir/file -- touch "$BATS_TEST_TMPDIR/ran"
	says "cannot append to /no/such/dir/file"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "without the right to load anything" {
	for_everyone
	refused 125 as_user_with "" "$public/maze" run --engine bpf -- true
	says "CAP_BPF"
}

@test "with the engine of a module that is not loaded" {
	[ ! -e /proc/maze ] || skip "it is loaded here"
	refused 125 "$MAZE" run --engine kmod -- true
	says "the kernel module maze is not loaded"
}

@test "with CAP_BPF but without CAP_PERFMON" {
	needs_root 'give capabilities'
	needs_bpf
	for_everyone
	refused 125 as_user_with +bpf "$public/maze" run --engine bpf -- true
	says "CAP_PERFMON"
}

@test "with CAP_BPF and CAP_PERFMON, and no right to look for a pinned engine" {
	needs_root 'give capabilities'
	needs_bpf
	chmod 700 /sys/fs/bpf
	for_everyone
	run as_user_with +bpf,+perfmon "$public/maze" run --soft 50ms --hard 100ms -- "$public/spin"
	[ "$status" -eq 137 ]
}

@test "on a kernel without type information" {
	needs_bpf
	refused 125 unshare --mount --propagation unchanged sh -c "mount -t tmpfs none /sys/kernel/btf && exec '$MAZE' run --engine bpf -- true"
	says "/sys/kernel/btf/vmlinux"
}

@test "prints one soft and one hard record of a spinner, and ends with 137" {
	run --separate-stderr "$MAZE" run "${engine[@]}" --json --soft 100ms --hard 200ms -- "$PROGRAMS/spin"
	[ "$status" -eq 137 ]
	[ -z "$output" ]
	[ "$(printf '%s\n' "$stderr" | grep -c '"event":"soft"')" -eq 1 ]
	[ "$(printf '%s\n' "$stderr" | grep -c '"event":"hard"')" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "appends events to a file, whole lines of JSON" {
	echo '{"before": true}' > "$BATS_TEST_TMPDIR/events"
	run "$MAZE" run "${engine[@]}" --events "$BATS_TEST_TMPDIR/events" --soft 50ms --hard 100ms -- "$PROGRAMS/spin"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/events")" -eq 3 ]
	while read -r line; do
		printf '%s' "$line" | python3 -m json.tool > /dev/null
	done < "$BATS_TEST_TMPDIR/events"
}

@test "a full disk stops the file, not the command" {
	run --separate-stderr "$MAZE" run "${engine[@]}" --events /dev/full --soft 50ms --hard 0 --soft-signal 0 -- \
		"$PROGRAMS/spin" --for-ms 100
	[ "$status" -eq 0 ]
	says "; ignoring"
}

@test "passes a signal on" {
	start "$MAZE" run "${engine[@]}" -- sh -c 'trap "exit 9" TERM; touch "$0"; while :; do sleep 0.05; done' \
		"$BATS_TEST_TMPDIR/up"
	wait_until [ -e "$BATS_TEST_TMPDIR/up" ]
	kill -TERM "$last"
	wait_until ended "$last"
	status=0
	wait "$last" || status=$?
	[ "$status" -eq 9 ]
}

@test "passes standard input and output through" {
	result=$(echo through | "$MAZE" run "${engine[@]}" -- cat)
	[ "$result" = through ]
}

@test "leaves nothing behind" {
	run "$MAZE" run "${engine[@]}" -- true
	nothing_pinned
}

@test "killed with SIGKILL it leaves no pin, and its command runs on" {
	start "$MAZE" run "${engine[@]}" --soft 1h --hard 2h -- \
		"${announced[@]}" "$BATS_TEST_TMPDIR/pid" \
		"$PROGRAMS/sleep_now_and_then" --work-ms 1 --sleep-ms 20 --rounds 100000
	wait_until [ -e "$BATS_TEST_TMPDIR/pid" ]
	child=$(cat "$BATS_TEST_TMPDIR/pid")
	wait_until runs "$child" sleep_now_and_t
	kill -KILL "$last"
	wait "$last" || :
	# No longer a child of what is started here.
	started+=("$child")
	nothing_pinned
	spins "$child"
}

@test "uses the pinned engine, and takes its watches out again" {
	needs_bpf
	start sleep 100
	sleeper=$last
	"$MAZE" watch "$sleeper"
	run "$MAZE" run --soft 1h --hard 2h -- sh -c "'$MAZE' list"
	[ "$status" -eq 0 ]
	[[ $output == *sleep* ]]
	[[ $output == *maze* || $output == *sh* ]]
	[ "$("$MAZE" list | wc -l)" -eq 2 ]
}

# Loading an engine is 100 ms of CPU and more. The inner one's child is watched by both.
nested() {
	run --separate-stderr "$MAZE" run "${outer[@]}" --json --soft 20ms --soft-signal 0 --hard 0 -- \
		"$MAZE" run "${engine[@]}" --soft 1h --hard 2h -- "$PROGRAMS/spin" --for-ms 200
	[ "$status" -eq 0 ]
	[[ $stderr == *'"event":"soft"'*'"comm":"spin"'* ]]
	[[ $stderr != *'"comm":"maze'* ]] || { echo "$stderr"; return 1; }
}

@test "a maze run in a maze run is not judged, and what it runs is" {
	outer=(--engine poll --yield count)
	nested
	needs_bpf
	outer=(--engine bpf)
	nested
}

# It either leaves the CPU, as its own account of context switches shows, or is caught.
short_sleeps() {
	cat > "$BATS_TEST_TMPDIR/naps.py" <<- 'END'
		import ctypes, resource, sys, time
		libc = ctypes.CDLL(None)
		libc.prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK: 1 ns
		longest, begin, switches = 0.0, time.thread_time(), -1
		while time.thread_time() < 1:
		    libc.usleep(1)
		    now = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
		    if now != switches:
		        begin, switches = time.thread_time(), now
		    longest = max(longest, time.thread_time() - begin)
		print(longest)
	END
	run --separate-stderr "$MAZE" run "${engine[@]}" --json --soft 100ms --soft-signal 0 --hard 0 -- \
		python3 "$BATS_TEST_TMPDIR/naps.py"
	[ "$status" -eq 0 ]
	caught=$(grep -c '"event":"soft"' <<< "$stderr" || :)
	python3 -c '
import sys
longest, caught = float(sys.argv[1]), int(sys.argv[2])
sys.exit((longest >= 0.2 and not caught) or (longest < 0.09 and caught))
' "$output" "$caught" || { echo "longest $output s, caught $caught times"; return 1; }
}

@test "a sleep too short to leave the CPU for is none" {
	needs_program python3
	short_sleeps
}

# It proves something once its four yielders have used more than the soft limit each, and
# that depends on what else runs: a yielder makes way.
@test "stress-ng's yielder, which we did not write, is left alone" {
	needs_bpf
	needs_program stress-ng
	for seconds in 1 4; do
		run -0 --separate-stderr bash -c 'time "$@"' bash "$MAZE" run --json --soft 200ms --hard 400ms -- \
			stress-ng --quiet --yield 1 -t "$seconds"
		[[ $stderr != *'"event"'* ]]
		used_ms=$(awk '/^(user|sys)/ { split($2, t, /[ms]/); s += t[1] * 60 + t[2] } END { print int(s * 1000) }' <<< "$stderr")
		[ "$used_ms" -lt 1000 ] || return 0
	done
	skip "other processes left the yielders only $used_ms ms of CPU"
}
