# SPDX-License-Identifier: GPL-2.0-only
# maze observe: the streaks of programs.

bats_require_minimum_version 1.5.0
load test_helper

account_size=$((8 + 65536 * 14 * 8))

setup() {
	observation=$BATS_TEST_TMPDIR/observation
	account=$BATS_TEST_TMPDIR/account
	go=$BATS_TEST_TMPDIR/go
	mkfifo "$go"
	truncate -s "$account_size" "$account"
}

# observe_run OPTION... -- COMMAND...: the command begins when maze observes its process.
# The observation is in $observation when the command has ended.
observe_run() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2016 # for the shell that is run
	MAZE_TEST_ACCOUNT=$account start sh -c 'read -r _ < "$0"; exec "$@"' "$go" "$@"
	observed=$last
	"$MAZE" observe "${options[@]}" --json "$observed" > "$observation" &
	started+=("$!")
	observer=$!
	wait_until runs "$observer" maze-private
	echo > "$go"
}

# Observes a spinner for a second. Its count begins at its next switch that the kernel shows,
# perhaps not within that second.
observe_running() {
	"$MAZE" observe --for 1s --json "$1" > "$observation" &&
		[ "$(observation_of spin "['running'] is not None")" = True ]
}

# compare PROGRAM VIEW [MARGIN_NS]: with the program's own account. Some kernels hide a
# switch now and then. Then the engine sees the begin of a watch, or the end of a wait for a
# lock, too late, so the streak before it is too long and the one after it too short.
compare() {
	"$BATS_TEST_DIRNAME/compare-streaks" "$observation" "$1" "$account" "$2" "${3-0}" 4
}

observation_of() {
	json "next(c for c in d['classes'] if c['program'] == '$1')$2" < "$observation" || {
		cat "$observation" >&2
		return 1
	}
}

@test "the streaks are those of the program's own account" {
	needs_bpf
	observe_run -- "$PROGRAMS/sleep_now_and_then" --work-ms 7 --rounds 60
	wait "$observer"
	compare sleep_now_and_then 0
	run -0 observation_of sleep_now_and_then "['processes']"
	[ "$output" = 1 ] || { echo "it is $output"; cat "$observation"; return 1; }
}

@test "a wait for a lock that takes all off the count ends a streak" {
	needs_bpf
	observe_run -- "$PROGRAMS/sleep_now_and_then" --work-ms 7 --sleep-ms 3 --rounds 60 --lock
	wait "$observer"
	compare sleep_now_and_then 0
}

@test "a yield ends a streak, also if nothing else can run" {
	needs_bpf
	# As the only task of its real-time priority it goes on without a switch.
	chrt -f 9 true || skip 'no real-time tasks here'
	observe_run -- chrt -f 9 "$PROGRAMS/yielder" --work-us 3000 --for-ms 400
	wait "$observer"
	# The engine knows the time of a yield to a fraction of a millisecond.
	compare yielder 1 200000
}

@test "the end of a process ends its streak, and each process counts" {
	needs_bpf
	# shellcheck disable=SC2016 # for the shell that is run
	# The one without a sanitizer, whose leak checker is a second process.
	observe_run -- sh -c 'for i in $(seq 20); do "$0" --version > /dev/null; done' "${BUILD:-build}/maze"
	wait "$observer"
	[ "$(observation_of maze "['processes']")" -eq 20 ]
	# A process whose only switch is hidden has no streak.
	[ "$(observation_of maze "['streaks'] >= 4")" = True ]
	[ "$(observation_of maze "['longest']['comm']")" = maze ]
}

@test "a thread that never sleeps is in the observation too" {
	needs_bpf
	start "$PROGRAMS/spin"
	wait_until observe_running "$last"
	[ "$(observation_of spin "['streaks']")" -eq 0 ]
	[ "$(observation_of spin "['longest']")" = None ]
	[ "$(observation_of spin "['exe']")" = "$(realpath "$PROGRAMS/spin")" ]
	[ "$(observation_of spin "['users']")" = "['$(id -un)']" ]
	[ "$(observation_of spin "['running']['pid']")" -eq "$last" ]
}

other_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# A descriptor of /proc/PID: the poll engine has it while it watches the process.
watches() { find "/proc/$1/fd" -lname "/proc/$2" 2> /dev/null | grep -q .; }

@test "observe --all finds processes that begin later, and SIGINT ends it with the table" {
	needs_root 'start processes of another user'
	for_everyone
	"${other_user[@]}" "$public/maze" observe --engine poll --all > "$observation" &
	started+=("$!")
	observer=$!
	wait_until runs "$observer" maze-private
	cp "$public/spin" "$public/of-root"
	cp "$public/spin" "$public/later"
	start "$public/of-root"
	# A process that may not be watched at first, because it has its user later.
	# shellcheck disable=SC2016 # for the shell that is run
	start sh -c 'read -r _ < "$0"; exec "$@"' "$go" "${other_user[@]}" "$public/later"
	later=$last
	start "${other_user[@]}" "$public/spin"
	wait_until runs "$last" spin
	wait_until watches "$observer" "$last"
	spins "$last"
	echo > "$go"
	wait_until watches "$observer" "$later"
	kill -INT "$observer"
	wait "$observer"
	run -0 cat "$observation"
	holds PROGRAM
	holds "now, PID $last"
	lacks of-root
}

@test "the observation is written at its beginning and at its end" {
	needs_bpf
	observe_run --out "$BATS_TEST_TMPDIR/out" -- "$PROGRAMS/spin" --for-ms 20
	wait_until [ -s "$BATS_TEST_TMPDIR/out" ]
	wait "$observer"
	cmp <(json "sorted(c['program'] for c in d['classes'])" < "$BATS_TEST_TMPDIR/out") \
		<(json "sorted(c['program'] for c in d['classes'])" < "$observation")
	[ "$(json "d['version']" < "$BATS_TEST_TMPDIR/out")" -eq 1 ]
	[ "$(json "all(len(day['date']) == 10 for day in d['days'])" < "$observation")" = True ]
}

# How often the threads of the process have left the CPU by themselves.
switches() { awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum + 0 }' "/proc/$1/task"/*/status; }
switches_are() { [ "$(switches "$1")" -ge "$2" ]; }

@test "the poll engine sees streaks up to its last check" {
	observe_run --engine poll -- "$PROGRAMS/sleep_now_and_then" --work-ms 100 --rounds 100000
	before=$(switches "$observed")
	wait_until switches_are "$observed" $((before + 10))
	# Where the engine is late, it sees the sleeps at its next check, if the program has not
	# ended. It sleeps after each check. These are more than one streak has.
	before=$(switches "$observer")
	wait_until switches_are "$observer" $((before + 50))
	kill -INT "$observer"
	wait "$observer"
	[ "$(json "d['engine']" < "$observation")" = poll ]
	[ "$(observation_of sleep_now_and_then "['streaks'] >= 5")" = True ]
	[ "$(observation_of sleep_now_and_then "['longest']['ns'] >= 50000000")" = True ]
}

@test "processes, or all of them, must be given" {
	refused 2 "$MAZE" observe
	says "give PIDs, or --all"
	refused 2 "$MAZE" observe --all $$
	says "give PIDs, or --all"
	refused 2 "$MAZE" observe --for 0 $$
	says "the duration is 0"
	refused 2 "$MAZE" observe one
	says 'invalid PID "one"'
	refused 1 "$MAZE" observe --engine poll 4194303
	says "no process has the PID 4194303"
}

@test "a file that cannot be written ends the observation at its beginning" {
	start "$PROGRAMS/spin"
	refused 1 "$MAZE" observe --engine poll --for 20s --out "$BATS_TEST_TMPDIR/none/file" "$last"
	says "cannot write $BATS_TEST_TMPDIR/none/file"
}
