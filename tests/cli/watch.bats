# SPDX-License-Identifier: GPL-2.0-only
# maze watch, unwatch, list, events, doctor, unload: the pinned engine.

bats_require_minimum_version 1.5.0
load test_helper

@test "a PID that nobody has" {
	refused 1 "$MAZE" watch 4194303
	says "no process has the PID 4194303"
	nothing_pinned
}

@test "PID 1" {
	refused 1 "$MAZE" watch 1
	says "init"
	nothing_pinned
}

@test "a kernel thread" {
	refused 1 "$MAZE" watch 2
	says "kernel thread"
	nothing_pinned
}

@test "maze itself" {
	start "$MAZE" run -- sleep 100
	sleep 1
	refused 1 "$MAZE" watch "$last"
	says "maze itself"
	nothing_pinned
}

@test "a thread's ID in place of a process's" {
	start "$PROGRAMS/thread_spins"
	sleep 0.3
	for tid in $(ls "/proc/$last/task"); do
		[ "$tid" = "$last" ] || other=$tid
	done
	refused 1 "$MAZE" watch "$other"
	says "--thread $other"
}

@test "one thread only" {
	start "$PROGRAMS/thread_spins"
	sleep 0.3
	for tid in $(ls "/proc/$last/task"); do
		[ "$tid" = "$last" ] || other=$tid
	done
	"$MAZE" watch --soft 1h --hard 2h --thread "$other"
	[ "$("$MAZE" list --json | grep -c '"tid"')" -eq 1 ]
	"$MAZE" list --json | grep -q "\"tid\":$other"
	"$MAZE" unwatch --thread "$other"
	[ "$("$MAZE" list --json)" = "[]" ]
}

@test "without the right to look" {
	start sleep 100
	"$MAZE" watch "$last"
	for_everyone
	refused 1 as_nobody "" "$public/maze" watch "$last"
	says "run maze as root"
}

@test "the list is JSON, and the entries are in the format of 2008" {
	start sleep 100
	"$MAZE" watch --soft 3s --hard 5s --soft-signal TERM "$last"
	"$MAZE" list --json | python3 -m json.tool > /dev/null
	run cat /sys/fs/bpf/maze/entries
	[ "${lines[0]}" = "pid: count: soft-limit: hard-limit: soft-signal: hard-signal:" ]
	[ "${lines[1]}" = "$last: 0: 3000: 5000: 15: 9:" ]
}

@test "what is refused beside what is not" {
	start sleep 100
	refused 1 "$MAZE" watch "$last" 4194303
	says "4194303"
	[ "$("$MAZE" list --json | grep -c '"tid"')" -eq 1 ]
}

@test "unwatch what is not watched" {
	start sleep 100
	one=$last
	start sleep 100
	"$MAZE" watch "$one"
	refused 1 "$MAZE" unwatch "$last"
	says "not watched"
}

@test "a watch ends with its process, and says so" {
	start "$PROGRAMS/spin" --for-ms 3000
	"$MAZE" watch --soft 1h --hard 2h "$last"
	wait "$last"
	[ "$("$MAZE" list --json)" = "[]" ]
	"$MAZE" events --json | grep -q '"event":"exit"'
}

@test "events to a pipe that is closed" {
	start sleep 100
	"$MAZE" watch "$last"
	run bash -c "'$MAZE' events --follow | head -1"
	[ "$status" -eq 0 ]
}

@test "events without an engine" {
	refused 1 "$MAZE" events
	says "no engine is loaded"
}

@test "an engine of another version is refused, and the remedy works" {
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

@test "the pins of a load that was killed half-way are cleared away" {
	mkdir /sys/fs/bpf/maze-loading
	bpftool map create /sys/fs/bpf/maze-loading/meta type array key 4 value 8 entries 1 name meta
	start sleep 100
	"$MAZE" watch "$last"
	[ ! -e /sys/fs/bpf/maze-loading ]
}

@test "killed at any moment of a load, the next command is well" {
	start sleep 100
	sleeper=$last
	for delay in 0.05 0.2 0.35 0.45 0.55 0.65; do
		"$MAZE" watch "$sleeper" &
		victim=$!
		sleep "$delay"
		kill -KILL "$victim" 2> /dev/null || :
		wait "$victim" 2> /dev/null || :
		[ ! -e /sys/fs/bpf/maze ] || "$MAZE" list > /dev/null
	done
	"$MAZE" watch "$sleeper"
	"$MAZE" unload
	nothing_pinned
}

@test "without a BPF file system it mounts one" {
	start sleep 100
	run unshare --mount --propagation private sh -c \
		"umount /sys/fs/bpf && '$MAZE' watch $last && '$MAZE' list --json && '$MAZE' unload"
	[ "$status" -eq 0 ]
	[[ $output == *'"comm":"sleep"'* ]]
	nothing_pinned
}

@test "doctor tells the truth with and without type information" {
	run "$MAZE" doctor
	[ "$status" -eq 0 ]
	[[ $output == *"bpf: can run here"* ]]
	run unshare --mount sh -c "mount -t tmpfs none /sys/kernel/btf && exec '$MAZE' doctor"
	[ "$status" -eq 0 ]
	[[ $output == *"bpf: cannot run here"*"/sys/kernel/btf/vmlinux"*"poll: can run here"* ]]
	"$MAZE" doctor --json | python3 -m json.tool > /dev/null
}

@test "unload twice" {
	start sleep 100
	"$MAZE" watch "$last"
	run "$MAZE" unload
	[ "$status" -eq 0 ]
	[[ $output == *"nothing is watched any more"* ]]
	run "$MAZE" unload
	[ "$status" -eq 0 ]
	[[ $output == *"nothing was loaded"* ]]
}
