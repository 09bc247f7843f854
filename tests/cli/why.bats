# SPDX-License-Identifier: GPL-2.0-only
# maze why: a process that spins now, without a limit, a watch or an engine.

bats_require_minimum_version 1.5.0
load test_helper

setup() {
	# Sentences on one line.
	export COLUMNS=10000
	looker=("$MAZE")
}

why() { run --separate-stderr "$MAZE" why "$@"; }

may_sample() { [ "$(id -u)" -eq 0 ] || [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ]; }
needs_samples() { may_sample || skip 'kernel.perf_event_paranoid permits no stacks to this user'; }

# A look in the background, into $looked; returns when its worker samples.
look_on() {
	looked=$BATS_TEST_TMPDIR/looked
	"$MAZE" why "$@" 3>&- > "$looked" 2>&1 &
	look=$!
	started+=("$look")
	wait_until samples "$look"
}

# Its worker is in uninterruptible sleep.
is_blocked() { grep -q '^State:.*D' $(sed 's|[0-9]\+|/proc/&/status|g' "/proc/$1/task/$1/children") /dev/null 2> /dev/null; }

samples() {
	local pid
	for pid in $(cat "/proc/$1/task/$1/children" 2> /dev/null); do
		[ -z "$(find "/proc/$pid/fd" -lname 'anon_inode:\[perf_event\]' 2> /dev/null)" ] ||
			return 0
	done
	return 1
}
samples_or_ended() { samples "$1" || ended "$1"; }

run_times() { awk '{ print FILENAME, $1 }' "/proc/$1/task"/*/schedstat; }
# Whether so many threads of the process have run for 200 ms since run_times printed that.
have_run() {
	{ echo "$3"; run_times "$2"; } | awk -v threads="$1" '
		$1 in before { count += $2 - before[$1] >= 2e8; next }
		{ before[$1] = $2 }
		END { exit count < threads }'
}

# why_until THREADS PID ARG...: sets what run sets, for a look of 10 s that ends when so many
# threads of the process have run for 200 ms in it. On a crowded machine they wait for a CPU
# in most of the time. $looker executes maze.
why_until() {
	local threads=$1 pid=$2 before

	"${looker[@]}" why --for 10s "${@:3}" 3>&- > "$BATS_TEST_TMPDIR/looked" 2> "$BATS_TEST_TMPDIR/said" &
	look=$!
	started+=("$look")
	wait_until samples_or_ended "$look"
	before=$(run_times "$pid")
	wait_until have_run "$threads" "$pid" "$before"
	kill -INT "$look" 2> /dev/null || : # it has ended
	status=0
	wait "$look" || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/looked")
	stderr=$(cat "$BATS_TEST_TMPDIR/said")
	mapfile -t lines <<< "$output"
}

# So that maze does not wait for a process that has all of that CPU.
leave_cpu_0() { taskset -cp "$(($(nproc) - 1))" "$BASHPID"; }

@test "a loop in user code is named" {
	needs_samples
	start "$PROGRAMS/spin"
	why_until 1 "$last" "$last"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "thread $last of PID $last" ]
	holds "spin (PID $last) used "
	holds ' of CPU time in '
	holds 'It was in spin_on (tests/programs/program.h:'
	holds 'Hottest stack'
	lacks 'What was done'
	lacks 'limits'
	lacks 'Other threads'
}

# Whether it had 10 ms or more in the slices in which they are counted, and their pattern was
# seen. On a crowded machine it waits for a CPU in many of them.
calls_are_counted() {
	why --for 2s "$1"
	[[ $status -eq 0 && $output =~ 'System calls: '[0-9]+' in '[1-9][0-9]+ms ]] &&
		holds 'poll returned 0 at once'
}

@test "its system calls say why" {
	needs_root 'count system calls in every configuration'
	needs_bpf
	# Its calls are counted in a slice in which it has to run. With more precedence, it would
	# delay the kernel threads that the end of a BPF program waits for.
	start nice -n -10 taskset -c 0 python3 -c 'import select, sys
poll = select.poll()
open(sys.argv[1], "w")
while True: poll.poll(0)' "$BATS_TEST_TMPDIR/ready"
	wait_until test -e "$BATS_TEST_TMPDIR/ready"
	leave_cpu_0
	wait_until calls_are_counted "$last"
	lacks 'were not counted'
}

@test "a process that sleeps is none that spins" {
	start sleep 1000
	wait_until sleeps "$last"
	why --for 300ms "$last"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	says "process $last does not spin: "
	says ' 300ms'
}

@test "of several threads, the one that spins is shown" {
	needs_samples
	start "$PROGRAMS/thread_spins"
	spinner=
	wait_until has_threads "$last" 2
	for thread in "/proc/$last/task"/*; do
		[ "${thread##*/}" = "$last" ] || spinner=${thread##*/}
	done
	why_until 1 "$last" "$last"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "thread $spinner of PID $last" ]
	why_until 1 "$last" "$spinner"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "thread $spinner of PID $last" ]
	holds 'spin_on'
}

@test "a thread that only waits for a CPU is not shown" {
	needs_root 'take the CPU from it'
	start taskset -c 0 "$PROGRAMS/thread_spins"
	sleeper=$last
	wait_until has_threads "$sleeper" 2
	start nice -n -12 taskset -c 0 "$PROGRAMS/spin"
	leave_cpu_0
	for _ in {1..4}; do
		why --for 300ms "$sleeper"
		[ "${lines[0]-}" != "thread $sleeper of PID $sleeper" ]
	done
}

@test "a thread other than the first one is looked at alone" {
	start "$PROGRAMS/many_threads" --count 1 --spin 1
	wait_until has_threads "$last" 3
	before=$(run_times "$last")
	wait_until have_run 1 "$last" "$before"
	# By CPU time: the one that sleeps, and the one that spins.
	mapfile -t threads < <(awk '{ print $1, FILENAME }' "/proc/$last/task"/*/schedstat | sort -n |
		cut -d / -f 5 | grep -vx "$last")
	why_until 1 "$last" "${threads[1]}"
	[ "$status" -eq 0 ]
	why --for 300ms "${threads[0]}"
	[ "$status" -eq 1 ]
	says "thread ${threads[0]} does not spin: "
}

# A look lists the threads that run in its first part. On a crowded machine one of the three
# may have no CPU in that part.
other_two_have_lines() {
	why_until 3 "$1" "$1"
	[ "$status" -eq 0 ] &&
		[ "$(grep -c ' of a CPU, in spin_on (tests/programs/program.h:' <<< "$output")" -eq 2 ]
}
other_two_are_siblings() {
	why_until 3 "$1" --json "$1"
	[ "$status" -eq 0 ] &&
		[ "$(json 'len(d["siblings"]), len({s["tid"] for s in d["siblings"]} | {d["look"]["tid"]})' <<< "$output")" = '2 3' ]
}

@test "other threads that run have a line each" {
	needs_samples
	start "$PROGRAMS/many_threads" --count 1 --spin 3
	wait_until has_threads "$last" 5
	wait_until other_two_have_lines "$last"
	holds 'Other threads that ran'
	wait_until other_two_are_siblings "$last"
}

@test "an ordinary user sees the loop of an own process" {
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ] ||
		skip 'kernel.perf_event_paranoid permits no stacks to users'
	for_everyone
	start "${plain_user[@]}" "$public/spin"
	wait_until runs "$last" spin
	looker=("${plain_user[@]}" "$public/maze")
	why_until 1 "$last" "$last"
	[ "$status" -eq 0 ]
	holds 'It was in spin_on (tests/programs/program.h:'
	holds 'System calls were not counted: this needs CAP_BPF and CAP_PERFMON'
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -lt 2 ] ||
		holds 'Stacks were taken only in user code'
}

@test "an ordinary user may not look at processes of others" {
	needs_root 'have a process that a user may not read'
	for_everyone
	start "$PROGRAMS/spin"
	refused 1 as_user_with '' "$public/maze" why "$last"
	says "process $last may not be read by this user"
}

@test "what is no process of a program is refused" {
	refused 2 "$MAZE" why
	refused 2 "$MAZE" why 1 2
	refused 2 "$MAZE" why spin
	says 'invalid PID "spin"'
	refused 2 "$MAZE" why 0
	refused 1 "$MAZE" why 1073741823
	says 'no process or thread has the ID 1073741823'
	# shellcheck disable=SC2016 # for the shell that is run
	start sh -c '(while [ "$(cat /proc/$$/comm)" != sleep ]; do :; done) & echo $! > "$0"
		exec sleep 1000' "$BATS_TEST_TMPDIR/zombie"
	wait_until test -s "$BATS_TEST_TMPDIR/zombie"
	zombie=$(cat "$BATS_TEST_TMPDIR/zombie")
	wait_until is_zombie "$zombie"
	refused 1 "$MAZE" why "$zombie"
	says "process $zombie has ended"
}

@test "a kernel thread is refused" {
	needs_kernel_thread
	refused 1 "$MAZE" why 2
	says '2 (kthreadd) is a kernel thread and has no code of a program'
}

@test "the time is bounded" {
	refused 2 "$MAZE" why --for 99ms $$
	says '"99ms" is not within 100ms to 60s'
	refused 2 "$MAZE" why --for 61s $$
	refused 2 "$MAZE" why --for soon $$
	refused 2 "$MAZE" why --html --json $$
	says '--html, --folded and --json exclude each other'
}

# A look of the whole time: it is shorter where the process has no CPU at its beginning.
look_as_json() {
	"$MAZE" why --for 500ms --json "$1" > "$BATS_TEST_TMPDIR/look" &&
		[ "$(json 'd["look"]["wall_ns"] >= 5e8' < "$BATS_TEST_TMPDIR/look")" = True ]
}

@test "a look as JSON is an incident without records, which maze report shows" {
	start "$PROGRAMS/spin"
	wait_until look_as_json "$last"
	[ "$(json 'd["records"], d["look"]["tid"], d["policy"]' < "$BATS_TEST_TMPDIR/look")" = "[] $last None" ]
	[ "$(json '0 < d["look"]["cpu_ns"] + d["look"]["waited_ns"] <= 1.1 * d["look"]["wall_ns"]' < "$BATS_TEST_TMPDIR/look")" = True ]
	[ "$(json 'len(d["samples"]) <= 120, len(d["stacks"]) <= 120' < "$BATS_TEST_TMPDIR/look")" = 'True True' ]
	id=$(json 'd["id"]' < "$BATS_TEST_TMPDIR/look")
	mkdir "$BATS_TEST_TMPDIR/kept"
	mv "$BATS_TEST_TMPDIR/look" "$BATS_TEST_TMPDIR/kept/$id.json"
	run -0 "$MAZE" report --incidents "$BATS_TEST_TMPDIR/kept" last
	[ "${lines[0]}" = "thread $last of PID $last" ]
	run -0 "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/kept"
	holds "$id"
}

@test "the page and the folded stacks are those of maze report" {
	needs_samples
	start "$PROGRAMS/spin"
	why_until 1 "$last" --html "$last"
	[ "$status" -eq 0 ]
	holds "<p class=\"kicker\">maze thread <code>$last</code> of PID <code>$last</code></p>"
	holds 'maze only looked at the thread.'
	holds '<code>spin_on</code>'
	why_until 1 "$last" --folded "$last"
	[ "$status" -eq 0 ]
	[[ $output =~ (^|;)spin_on\ [0-9]+ ]]
}

@test "Ctrl-C ends it earlier, with what it has" {
	needs_samples
	start "$PROGRAMS/spin"
	look_on --for 60s "$last"
	kill -INT "$look"
	wait "$look"
	output=$(cat "$looked")
	[ "${output%%$'\n'*}" = "thread $last of PID $last" ]
	lacks 'of CPU time in 1min'
}

@test "a process that ends meanwhile is shown" {
	needs_samples
	start "$PROGRAMS/spin"
	look_on --for 60s "$last"
	kill -KILL "$last"
	wait "$look"
	output=$(cat "$looked")
	[ "${output%%$'\n'*}" = "thread $last of PID $last" ]
	holds 'The thread ended while maze looked at it'
}

@test "a process that blocks its readers does not block maze" {
	needs_root 'mount a FUSE'
	public=$(mktemp -d)
	mkdir "$public/mnt"
	chmod 755 "$public" "$public/mnt"
	"$PROGRAMS/fuse_hang" "$public/mnt" 65534 memory 3>&- > "$public/hang" 2>&1 &
	server=$!
	started+=("$server")
	wait_until grep -q 'victim\|no FUSE' "$public/hang"
	umount -l "$public/mnt" 2> /dev/null || :
	! grep -q 'no FUSE' "$public/hang" || skip "$(cat "$public/hang")"
	victim=$(sed -n 's/victim //p' "$public/hang")
	"$MAZE" why --for 60s "$victim" 3>&- > "$public/looked" 2>&1 &
	look=$!
	started+=("$look")
	wait_until is_blocked "$look"
	kill -INT "$look"
	stop_burning "$victim"
	status=0
	wait "$look" || status=$?
	[ "$status" -eq 1 ]
	grep -q "process $victim could not be read in time" "$public/looked"
	kill -USR1 "$server"
}
