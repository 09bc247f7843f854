# SPDX-License-Identifier: GPL-2.0-only
# maze without privileges: the poll engine, chosen automatically or by name.

bats_require_minimum_version 1.5.0
load test_helper

# caught OUTPUT ENGINE: one soft and one hard record, none early, as text.
caught() {
	local counts
	[ "$(grep -c " soft: .*limit 100ms.*($2," <<< "$1")" -eq 1 ] || { echo "$1"; return 1; }
	[ "$(grep -c " hard: .*limit 200ms.*($2," <<< "$1")" -eq 1 ] || { echo "$1"; return 1; }
	counts=$(sed -n 's/.* used \([0-9.]*\)ms of CPU.*limit \([0-9]*\)ms.*/\1 \2/p' <<< "$1")
	awk '$1 < $2 { exit 1 }' <<< "$counts" || { echo "early: $1"; return 1; }
}

# A root directory with only maze, its libraries and a shell.
small_root() {
	local library
	needs_program busybox
	for_everyone
	mkdir -p "$public/proc" "$public/bin" "$public/tmp"
	ldd "$MAZE" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$public$(dirname "$library")"
		cp -L "$library" "$public$library"
	done
	cp "$(command -v busybox)" "$public/bin/sh"
}

@test "a plain user: a spinner is caught at both limits" {
	for_everyone
	run as_user_with "" "$public/maze" run --soft 100ms --hard 200ms -- sh -c 'while :; do :; done'
	[ "$status" -eq 137 ]
	caught "$output" poll
}

@test "in a user and PID namespace of its own" {
	needs_user_namespace
	run unshare -Urpf --mount-proc "$MAZE" run --soft 100ms --hard 200ms -- sh -c 'while :; do :; done'
	[ "$status" -eq 137 ]
	caught "$output" poll
}

@test "in a chroot with only /proc" {
	needs_private_mounts
	small_root
	run unshare --mount --propagation private sh -c '
		mount -t proc proc "$0/proc" || exit 1
		exec chroot "$0" /maze run --soft 100ms --hard 200ms -- /bin/sh -c "while :; do :; done"
	' "$public"
	[ "$status" -eq 137 ] || { echo "$output"; return 1; }
	caught "$output" poll
}

@test "in a chroot without /proc, no engine can run, and each has a reason" {
	needs_root chroot
	! ldd "$MAZE" | grep -q libasan || skip 'ASan itself needs /proc'
	small_root
	run chroot "$public" /maze run -- /bin/sh -c :
	[ "$status" -eq 125 ]
	[ "$(wc -l <<< "$output")" -eq 1 ]
	run chroot "$public" /maze doctor
	[ "$status" -eq 1 ]
	grep -q "mount -t proc proc /proc" <<< "$output"
}

# on_terminal as an ordinary user.
on_terminal_as_user() {
	for_everyone
	user=()
	[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	on_terminal "${user[@]}" "$public/maze" "$@"
}

@test "auto prints on a terminal in one line which engine it uses, and why" {
	[ ! -e /proc/maze ] || skip 'the kernel module is loaded'
	on_terminal_as_user run -- true
	[ "$status" -eq 0 ]
	[[ $output == "maze run: engine poll, because uid "*" lacks CAP_BPF; yields are not detected" ]]
	[ "${#lines[@]}" -eq 1 ]
	on_terminal_as_user run --yield count --soft 30s -- true
	[[ $output == "maze run: soft limit 30s, hard limit 1min; engine poll, because uid "*" lacks CAP_BPF" ]]
	terminal_width=80 on_terminal_as_user run -- true
	[ "${#lines[@]}" -eq 1 ]
}

@test "without a terminal, or with --quiet, an ordinary user sees no remarks" {
	on_terminal_as_user run --quiet --soft 30s -- true
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run -0 as_user_with "" "$public/maze" run --soft 30s -- true
	[ -z "$output" ]
	run -137 as_user_with "" "$public/maze" run --quiet --soft 50ms -- "$public/spin"
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "maze: "*" soft: "* && ${lines[1]} == "maze: "*" hard: "*", limit 100ms; "* ]]
}

@test "an engine that is chosen by name prints nothing about others" {
	on_terminal "$MAZE" run --engine poll --yield count -- true
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a remark states that yields are not seen, unless yields count" {
	on_terminal "$MAZE" run --engine poll -- true
	[ "$status" -eq 0 ]
	[ "$output" = "maze run: engine poll; yields are not detected" ]
}

@test "a yield that must reset is refused" {
	refused 125 "$MAZE" run --engine poll --yield reset -- true
	says "--yield reset is impossible"
}

@test "watch is refused without a pinned engine, with the remedy" {
	start sleep 100
	refused 1 "$MAZE" watch --engine poll "$last"
	says "maze watch --wait"
	for_everyone
	refused 1 as_user_with "" "$public/maze" watch "$last"
	says "maze watch --wait"
	[ -n "$(bpf_refusal)" ] || chmod 700 /sys/fs/bpf
	refused 1 as_user_with "" "$public/maze" watch "$last"
	says "maze watch --wait"
}

@test "watch --wait stays until the process has ended" {
	start "$PROGRAMS/spin" --ignore
	run timeout 60 "$MAZE" watch --wait --engine poll --soft 100ms --hard 200ms "$last"
	[ "$status" -eq 0 ]
	caught "$output" poll
}

@test "watch --wait works with the bpf engine too, and leaves nothing pinned" {
	needs_bpf
	start "$PROGRAMS/spin" --ignore
	run timeout 60 "$MAZE" watch --wait --engine bpf --soft 100ms --hard 200ms "$last"
	[ "$status" -eq 0 ]
	caught "$output" bpf
	nothing_pinned
}

@test "watch --wait ends its watches at SIGTERM" {
	start "$PROGRAMS/spin" --ignore
	target=$last
	"$MAZE" watch --wait --engine poll --soft 50ms --soft-signal 0 --hard 1h "$target" \
		> "$BATS_TEST_TMPDIR/records" 2>&1 3>&- &
	started+=("$!")
	waiting=$!
	wait_until grep -q ' soft: ' "$BATS_TEST_TMPDIR/records"
	kill -TERM "$waiting"
	wait_until ended "$waiting"
	status=0
	wait "$waiting" || status=$?
	[ "$status" -eq 143 ]
	spins "$target"
}

@test "watch --wait refuses the processes that watch refuses" {
	refused 1 "$MAZE" watch --wait --engine poll --yield count 1
	says "init"
	refused 1 "$MAZE" watch --wait --engine poll --yield count 4194303
	says "no process has the PID 4194303"
}

@test "watch --wait refuses a kernel thread" {
	needs_root 'watch another user'\''s processes'
	needs_kernel_thread
	refused 1 "$MAZE" watch --wait --engine poll --yield count 2
	says "kernel thread"
}

@test "options of watch for records need --wait" {
	refused 2 "$MAZE" watch --json 1
	says "need --wait"
}

@test "list and events cannot use a poll engine, and state it" {
	refused 0 "$MAZE" events --engine poll
	says "runs in the maze process that started it"
}

# The grandchild spins for longer than the test may take, so that it can be found at any
# time.
grandchild_is_caught() {
	run -0 timeout 60 "$@" "$MAZE" run --engine poll --soft 100ms --hard 200ms -- \
		"$PROGRAMS/forker" --orphan-ms 200000
	caught "$output" poll
}

@test "a grandchild that was forked away twice is caught" {
	grandchild_is_caught
}

@test "a grandchild is caught where the kernel reports no forks" {
	needs_user_namespace
	grandchild_is_caught unshare -Urpf --mount-proc
}

@test "the command has the limit on open files that maze had" {
	[ "$(ulimit -n 512; "$MAZE" run --engine poll --yield count -- sh -c 'ulimit -n')" = 512 ]
}

@test "a full pipe for records delays no verdict" {
	# There is no reader of the records, and the pipe is full from the start.
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 7<> "$BATS_TEST_TMPDIR/full"
	dd if=/dev/zero bs=65536 count=1 >&7 2> /dev/null
	"$MAZE" run --engine poll --yield count --soft 50ms --hard 100ms -- \
		"${announced[@]}" "$BATS_TEST_TMPDIR/pid" "$PROGRAMS/spin" 2>&7 3>&- > /dev/null &
	started+=("$!")
	wait_until [ -e "$BATS_TEST_TMPDIR/pid" ]
	spinner=$(cat "$BATS_TEST_TMPDIR/pid")
	killed() { ended "$spinner" || is_zombie "$spinner"; }
	wait_until killed
	exec 7>&-
}

# usable ENGINE: the value in the doctor's JSON on standard input.
usable() {
	python3 -c 'import json, sys
print([e["usable"] for e in json.load(sys.stdin) if e["engine"] == sys.argv[1]][0])' "$1"
}

# Other tests trust the doctor about the bpf engine, so these tests check the doctor.
@test "the doctor is right: root" {
	needs_bpf
	run -0 "$MAZE" run --engine bpf -- true
	[ "$("$MAZE" doctor --json | usable poll)" = True ]
}

@test "the doctor is right: a plain user" {
	for_everyone
	[ "$(as_user_with "" "$public/maze" doctor --json | usable bpf)" = False ]
	[ "$(as_user_with "" "$public/maze" doctor --json | usable poll)" = True ]
}

@test "the doctor is right: BTF hidden" {
	needs_bpf
	hidden() {
		unshare --mount --propagation unchanged sh -c '
			mount -t tmpfs none /sys/kernel/btf || exit 99
			exec "$@"' sh "$@"
	}
	[ "$(hidden "$MAZE" doctor --json | usable bpf)" = False ]
	hidden "$MAZE" doctor | grep -q BTF
	[ "$(hidden "$MAZE" doctor --json | usable poll)" = True ]
	run hidden "$MAZE" run --soft 100ms --hard 200ms -- "$PROGRAMS/spin" --ignore
	[ "$status" -eq 137 ]
	caught "$output" poll
}
