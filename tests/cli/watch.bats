# SPDX-License-Identifier: GPL-2.0-only
# maze watch, unwatch, list, events, doctor, unload: the pinned engine.

bats_require_minimum_version 1.5.0
load test_helper

# All of these tests use the pinned engine.
setup() { needs_bpf; }

# Starts a program with two threads; $last is its process, $other the second thread.
start_two_threads() {
	start "$PROGRAMS/thread_spins"
	wait_until has_threads "$last" 2
	for other in "/proc/$last/task"/*; do
		other=${other##*/}
		[ "$other" = "$last" ] || break
	done
}

@test "an unused PID is refused" {
	refused 1 "$MAZE" watch 4194303
	says "no process has the PID 4194303"
	nothing_pinned
}

@test "PID 1 is refused" {
	refused 1 "$MAZE" watch 1
	says "init"
	nothing_pinned
}

@test "a kernel thread is refused" {
	needs_kernel_thread
	refused 1 "$MAZE" watch 2
	says "kernel thread"
	nothing_pinned
}

@test "maze itself is refused" {
	start "$MAZE" run -- sh -c 'touch "$0"; exec sleep 100' "$BATS_TEST_TMPDIR/up"
	wait_until [ -e "$BATS_TEST_TMPDIR/up" ]
	refused 1 "$MAZE" watch "$last"
	says "maze itself"
	nothing_pinned
}

@test "a thread's ID in place of a process's is refused" {
	start_two_threads
	refused 1 "$MAZE" watch "$other"
	says "--thread $other"
}

@test "watch --thread watches one thread only" {
	start_two_threads
	"$MAZE" watch --soft 1h --hard 2h --thread "$other"
	[ "$("$MAZE" list --json | grep -c '"tid"')" -eq 1 ]
	"$MAZE" list --json | grep -q "\"tid\":$other"
	"$MAZE" unwatch --thread "$other"
	[ "$("$MAZE" list --json)" = "[]" ]
}

@test "without the privilege, watch is refused" {
	start sleep 100
	"$MAZE" watch "$last"
	for_everyone
	refused 1 as_user_with "" "$public/maze" watch "$last"
	says "run maze as root"
}

@test "the list is JSON, and the entries are in the format of 2008" {
	start sleep 100
	wait_until sleeps "$last"
	"$MAZE" watch --soft 3s --hard 5s --soft-signal TERM "$last"
	"$MAZE" list --json | python3 -m json.tool > /dev/null
	run cat /sys/fs/bpf/maze/entries
	[ "${lines[0]}" = "pid: count: soft-limit: hard-limit: soft-signal: hard-signal:" ]
	[ "${lines[1]}" = "$last: 0: 3000: 5000: 15: 9:" ]
}

@test "watch derives a limit, and prints both on a terminal" {
	start sleep 100
	on_terminal "$MAZE" watch --soft 30s "$last"
	[ "$status" -eq 0 ]
	[ "$output" = "maze watch: soft limit 30s, hard limit 1min" ]
	"$MAZE" list --json | grep -q '"soft_ns":30000000000,"hard_ns":60000000000,'
	on_terminal "$MAZE" watch --quiet --hard 4s "$last"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	"$MAZE" list --json | grep -q '"soft_ns":2000000000,"hard_ns":4000000000,'
}

@test "a refused process does not stop the watch of another" {
	start sleep 100
	refused 1 "$MAZE" watch "$last" 4194303
	says "4194303"
	[ "$("$MAZE" list --json | grep -c '"tid"')" -eq 1 ]
}

@test "unwatch of an unwatched process fails" {
	start sleep 100
	one=$last
	start sleep 100
	"$MAZE" watch "$one"
	refused 1 "$MAZE" unwatch "$last"
	says "not watched"
}

@test "a watch ends with its process, with a record" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	start sh -c 'read -r _ < "$0"' "$BATS_TEST_TMPDIR/go"
	"$MAZE" watch --soft 1h --hard 2h "$last"
	"$MAZE" list --json | grep -q "\"pid\":$last,"
	echo > "$BATS_TEST_TMPDIR/go"
	wait "$last"
	[ "$("$MAZE" list --json)" = "[]" ]
	"$MAZE" events --json | grep -q '"event":"exit"'
}

@test "events to a closed pipe end quietly" {
	start sleep 100
	"$MAZE" watch "$last"
	run timeout 60 bash -c "'$MAZE' events --follow | head -1"
	[ "$status" -eq 0 ]
}

@test "without an engine, list, events and unload succeed, and unwatch fails" {
	run -0 "$MAZE" list
	[ "$output" = "nothing is watched" ]
	refused 0 "$MAZE" events
	says "no engine is loaded"
	refused 0 "$MAZE" events --follow
	says "no engine is loaded"
	run -0 "$MAZE" unload
	[ "$output" = "no engine is loaded" ]
	start sleep 100
	refused 1 "$MAZE" unwatch "$last"
	says "no engine is loaded"
}

@test "list names the private engines that it does not list" {
	local private
	start "$MAZE" run --quiet -- sleep 100
	private=$last
	wait_until runs "$private" maze-private
	on_terminal "$MAZE" list
	[ "$status" -eq 0 ]
	[[ $'\n'$output$'\n' == *$'\n'"maze list: maze run (PID $private) has a private engine, whose watches are not listed"$'\n'* ]]
	"$MAZE" load
	start "$MAZE" run --quiet --all --soft 1h --hard 2h -- sleep 100
	listed() { "$MAZE" list | grep -q ' sleep .* soft 1h '; }
	wait_until listed
	on_terminal "$MAZE" list
	[[ $output == *"(PID $private)"* && $output != *"(PID $last)"* ]]
}

@test "an engine of another version is refused, and the remedy works" {
	needs_program bpftool
	mkdir /sys/fs/bpf/maze
	bpftool map create /sys/fs/bpf/maze/meta type array key 4 value 8 entries 1 name meta
	bpftool map update pinned /sys/fs/bpf/maze/meta key 0 0 0 0 value hex 45 5a 41 4d 63 00 00 00
	start sleep 100
	refused 1 "$MAZE" watch "$last"
	says "ABI version 99"
	says "maze unload"
	"$MAZE" unload
	"$MAZE" watch "$last"
}

@test "the pins of a load that was killed midway are removed" {
	needs_program bpftool
	mkdir /sys/fs/bpf/maze-loading
	bpftool map create /sys/fs/bpf/maze-loading/meta type array key 4 value 8 entries 1 name meta
	start sleep 100
	"$MAZE" watch "$last"
	[ ! -e /sys/fs/bpf/maze-loading ]
}

# The moments are fractions of the time that a load takes on this machine.
@test "after a kill at any moment of a load, the next command works" {
	start sleep 100
	sleeper=$last
	begin=${EPOCHREALTIME/[.,]/}
	"$MAZE" watch "$sleeper"
	took_us=$((${EPOCHREALTIME/[.,]/} - begin))
	"$MAZE" unload
	for percent in 15 40 60 75 90 100; do
		printf -v moment '0.%06d' $((took_us * percent / 100 % 1000000))
		"$MAZE" watch "$sleeper" 3>&- &
		victim=$!
		pass_seconds "$((took_us * percent / 100 / 1000000))${moment#0}"
		kill -KILL "$victim" 2> /dev/null || :
		wait "$victim" 2> /dev/null || :
		[ ! -e /sys/fs/bpf/maze ] || "$MAZE" list > /dev/null
	done
	"$MAZE" watch "$sleeper"
	"$MAZE" unload
	nothing_pinned
}

@test "a command that waits for an engine does not load one after unload" {
	needs_program flock
	start sleep 100
	"$MAZE" watch "$last"
	# The test holds the lock in place of maze unload.
	exec {lock}< /sys/fs/bpf
	flock "$lock"
	start "$MAZE" list {lock}<&-
	wait_until grep -q -- "-> FLOCK.* $last " /proc/locks
	mv /sys/fs/bpf/maze /sys/fs/bpf/away
	exec {lock}<&-
	wait_until ended "$last"
	[ ! -e /sys/fs/bpf/maze ]
	mv /sys/fs/bpf/away /sys/fs/bpf/maze
	"$MAZE" unload
	nothing_pinned
}

@test "without a BPF file system it mounts one" {
	start sleep 100
	# The BPF file system of these tests, and those below it.
	run -0 unshare --mount --propagation unchanged sh -c \
		"while umount /sys/fs/bpf 2> /dev/null; do :; done; '$MAZE' watch $last && '$MAZE' list --json && '$MAZE' unload"
	[[ $output == *'"comm":"sleep"'* ]]
	nothing_pinned
}

@test "doctor is right with and without type information" {
	run "$MAZE" doctor
	[ "$status" -eq 0 ]
	[[ $output == *"bpf: can run here"* ]]
	run unshare --mount --propagation unchanged sh -c "mount -t tmpfs none /sys/kernel/btf && exec '$MAZE' doctor"
	[ "$status" -eq 0 ]
	[[ $output == *"bpf: cannot run here"*"/sys/kernel/btf/vmlinux"*"poll: can run here"* ]]
	"$MAZE" doctor --json | python3 -m json.tool > /dev/null
}

@test "doctor shows what the loaded engine has done" {
	run ! grep -q "since it was loaded" <("$MAZE" doctor)
	start sleep 100
	"$MAZE" watch "$last"
	"$MAZE" doctor | grep -qx "  1 task watched; since it was loaded: 0 verdicts, 0 signals, 0 children not watched"
	start sh -c 'while :; do :; done'
	"$MAZE" watch --soft 50ms --soft-signal 0 --hard 100ms "$last"
	wait_until ended "$last"
	"$MAZE" doctor | grep -qx "  1 task watched; since it was loaded: 2 verdicts, 1 signal, 0 children not watched"
	"$MAZE" doctor --json | python3 -c '
import json, sys
reports = {report["engine"]: report for report in json.load(sys.stdin)}
counts = reports["bpf"]["counts"]
assert counts["watched"] == 1 and counts["verdicts"] == 2 and counts["signals"] == 1, counts
assert reports["poll"]["counts"] is None'
}

@test "a second unload is not an error" {
	start sleep 100
	"$MAZE" watch "$last"
	run "$MAZE" unload
	[ "$status" -eq 0 ]
	[[ $output == *"all watches ended"* ]]
	run "$MAZE" unload
	[ "$status" -eq 0 ]
	[[ $output == *"no engine is loaded"* ]]
}
