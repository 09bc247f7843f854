# SPDX-License-Identifier: GPL-2.0-only
# maze run: its exit status, signals, input and output, and cleanup.

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

@test "a missing command ends with 127" {
	refused 127 "$MAZE" run "${engine[@]}" -- /no/such/command
	says "not found"
}

@test "a command that is not executable ends with 126" {
	refused 126 "$MAZE" run "${engine[@]}" -- /etc/passwd
	says "cannot execute"
}

@test "an unwritable file for events is refused" {
	refused 125 "$MAZE" run "${engine[@]}" --events /no/such/dir/file -- touch "$BATS_TEST_TMPDIR/ran"
	says "cannot append to /no/such/dir/file"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "without the privilege to load an engine, run is refused" {
	for_everyone
	refused 125 as_user_with "" "$public/maze" run --engine bpf -- true
	says "CAP_BPF"
}

@test "the engine of an unloaded module is refused" {
	[ ! -e /proc/maze ] || skip "it is loaded here"
	refused 125 "$MAZE" run --engine kmod -- true
	says "the kernel module maze is not loaded"
}

@test "CAP_BPF without CAP_PERFMON is refused" {
	needs_root 'give capabilities'
	needs_bpf
	for_everyone
	refused 125 as_user_with +bpf "$public/maze" run --engine bpf -- true
	says "CAP_PERFMON"
}

@test "CAP_BPF and CAP_PERFMON suffice, without access to a pinned engine" {
	needs_root 'give capabilities'
	needs_bpf
	chmod 700 /sys/fs/bpf
	for_everyone
	run as_user_with +bpf,+perfmon "$public/maze" run --soft 50ms --hard 100ms -- "$public/spin"
	[ "$status" -eq 137 ]
}

@test "a kernel without type information is refused" {
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

@test "one limit derives the other, and maze prints both on a terminal" {
	on_terminal "$MAZE" run "${engine[@]}" --soft 30s -- true
	[ "$status" -eq 0 ]
	[ "$output" = "maze run: soft limit 30s, hard limit 1min" ]
	on_terminal "$MAZE" run "${engine[@]}" --hard 5s -- true
	[ "$status" -eq 0 ]
	[ "$output" = "maze run: soft limit 2s 500ms, hard limit 5s" ]
	for given in '--soft 1s --hard 3s' '--soft 0' '--hard 0' '--shadow'; do
		# shellcheck disable=SC2086 # split on purpose
		on_terminal "$MAZE" run "${engine[@]}" $given -- true
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
}

@test "the derived limit is in force" {
	run -137 --separate-stderr "$MAZE" run "${engine[@]}" --hard 200ms --soft-signal 0 --json -- "$PROGRAMS/spin"
	[ "$(grep -o '"limit_ns":[0-9]*' <<< "$stderr")" = $'"limit_ns":100000000\n"limit_ns":200000000' ]
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
	local said=$BATS_TEST_TMPDIR/said pid=$BATS_TEST_TMPDIR/pid
	"$MAZE" run "${engine[@]}" --events /dev/full --soft 50ms --hard 0 --soft-signal 0 -- \
		"${announced[@]}" "$pid" "$PROGRAMS/spin" 3>&- 2> "$said" &
	last=$!
	started+=("$last")
	wait_until grep -q '; ignoring' "$said"
	spins "$(cat "$pid")"
	kill -TERM "$last"
	status=0
	wait "$last" || status=$?
	[ "$status" -eq 143 ]
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

@test "a record has the control group of its thread" {
	local mount group
	needs_root 'make a control group'
	needs_bpf
	mount=$(findmnt -n -f -t cgroup2 -o TARGET) || skip 'no control groups of version 2 are mounted'
	group=$mount/maze-test-$BASHPID
	mkdir "$group" || skip "no control group can be made in $mount"
	run -0 sh -c 'echo $$ > "$1/cgroup.procs" && exec "$2" run --engine bpf --all --json -- true' \
		sh "$group" "$MAZE"
	# The last process has ended, but the kernel may still hold it for an instant.
	id=$(stat -c %i "$group")
	wait_until rmdir "$group"
	[ "$(grep -c "\"event\":\"exit\".*\"cgroup_id\":$id," <<< "$output")" -eq 1 ]
}

@test "leaves nothing behind" {
	run "$MAZE" run "${engine[@]}" -- true
	nothing_pinned
}

@test "after SIGKILL it leaves no pin, and its command runs on" {
	start "$MAZE" run "${engine[@]}" --soft 1h --hard 2h -- \
		"${announced[@]}" "$BATS_TEST_TMPDIR/pid" \
		"$PROGRAMS/sleep_now_and_then" --work-ms 1 --sleep-ms 20 --rounds 100000
	wait_until [ -e "$BATS_TEST_TMPDIR/pid" ]
	child=$(cat "$BATS_TEST_TMPDIR/pid")
	wait_until runs "$child" sleep_now_and_t
	kill -KILL "$last"
	wait "$last" || :
	# It is no longer a child of this shell.
	started+=("$child")
	nothing_pinned
	spins "$child"
}

@test "uses the pinned engine, and removes its watches" {
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

# Loading an engine takes at least 100 ms of CPU. Both instances watch the child of the
# inner one. It spins until it has a record: the poll engine may be late.
nested() {
	export MAZE_TEST_EVENTS=$BATS_TEST_TMPDIR/events
	rm -f "$MAZE_TEST_EVENTS"
	run --separate-stderr "$MAZE" run "${outer[@]}" --json --events "$MAZE_TEST_EVENTS" --soft 20ms \
		--soft-signal 0 --hard 0 -- \
		"$MAZE" run "${engine[@]}" --soft 1h --hard 2h -- "$PROGRAMS/spin" --until soft
	[ "$status" -eq 0 ]
	[[ $stderr == *'"event":"soft"'*'"comm":"spin"'* ]]
	[[ $stderr != *'"comm":"maze'* ]] || { echo "$stderr"; return 1; }
}

@test "a maze run in a maze run is not judged, but its command is" {
	outer=(--engine poll --yield count)
	nested
	needs_bpf
	outer=(--engine bpf)
	nested
}

# The program either leaves the CPU, as its number of context switches shows, or is
# caught.
short_sleeps() {
	cat > "$BATS_TEST_TMPDIR/naps.py" <<- 'END'
		import ctypes, os, resource, time
		libc = ctypes.CDLL(None)
		# A child begins at 0, without the CPU time of the start of the interpreter.
		if os.fork():
		    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
		libc.prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK: 1 ns
		longest, begin, switches = 0.0, 0.0, 0
		while time.thread_time() < 0.4:
		    libc.usleep(1)
		    now = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
		    if now != switches:
		        begin, switches = time.thread_time(), now
		    longest = max(longest, time.thread_time() - begin)
		# The end of the interpreter uses CPU time too.
		print(longest, os.getpid(), flush=True)
		while resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw == switches:
		    time.sleep(0.01)
		os._exit(0)
	END
	run --separate-stderr "$MAZE" run "${engine[@]}" --json --soft 100ms --soft-signal 0 --hard 0 -- \
		python3 "$BATS_TEST_TMPDIR/naps.py"
	[ "$status" -eq 0 ]
	read -r longest pid <<< "$output"
	caught=$(grep -c "\"event\":\"soft\",\"pid\":$pid," <<< "$stderr" || :)
	python3 -c '
import sys
longest, caught = float(sys.argv[1]), int(sys.argv[2])
sys.exit((longest >= 0.2 and not caught) or (longest < 0.09 and caught))
' "$longest" "$caught" || { echo "longest $longest s, caught $caught times"; return 1; }
}

@test "a sleep that is too short to leave the CPU is not a reset" {
	needs_program python3
	short_sleeps
}

# The test needs each of its four yielders to use more than the soft limit, which depends
# on the other load: a yielder gives way.
@test "stress-ng's yielder gets no verdict" {
	needs_bpf
	needs_program stress-ng
	for seconds in 1 4; do
		run -0 --separate-stderr bash -c 'time "$@"' bash "$MAZE" run --json --soft 100ms --hard 200ms -- \
			stress-ng --quiet --yield 1 -t "$seconds"
		[[ $stderr != *'"event"'* ]]
		used_ms=$(awk '/^(user|sys)/ { split($2, t, /[ms]/); s += t[1] * 60 + t[2] } END { print int(s * 1000) }' <<< "$stderr")
		[ "$used_ms" -lt 500 ] || return 0
	done
	skip "other processes left the yielders only $used_ms ms of CPU"
}
