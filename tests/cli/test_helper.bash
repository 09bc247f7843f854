# SPDX-License-Identifier: GPL-2.0-only
# Shared by the tests of maze(1) and, through daemon/test_helper.bash, of mazed(8). $MAZE
# is the program, $PROGRAMS the directory of the test programs. Run it under
# scripts/in-private-bpffs; without that no test pins anything.
# shellcheck shell=bash

MAZE=${MAZE:-build/maze}
PROGRAMS=${PROGRAMS:-build/tests/programs}

# `run` waits until all have closed its pipe, also a command that spins and whose maze has
# failed. No test uses this much CPU time. SIGXCPU ends it, unless it is caught or ignored;
# SIGKILL, the hard limit's, would look like maze's.
ulimit -S -t 300

# bats traces each command, which takes 0.2 ms. Functions that run many commands begin with
# `local -; set +T`: no trace until they return. A failure in them has the line of their call.

# Started processes, killed by exact PID after each test, also when it failed.
started=()

# Returns when the program runs: until its execve the child is this shell, which a rule
# may match.
start() {
	local -; set +T
	"$@" 3>&- > /dev/null 2>&1 &
	started+=("$!")
	last=$!
	[ "$(type -t "$1")" != file ] || wait_until has_begun "$last"
}

# A command prefix: it writes its PID to the file in the next argument, then executes the
# command.
# shellcheck disable=SC2016,SC2034 # for the shell that is run; used by tests
announced=(sh -c 'echo $$ > "$0.tmp" && mv "$0.tmp" "$0" && exec "$@"')

# The descendants of a process, into $family; a killed maze leaves its command behind.
add_family() {
	local -; set +T
	local level=("$1")
	while [ ${#level[@]} -gt 0 ]; do
		read -r -d '' -a level < <(printf '%s\n' "${level[@]}" |
			sed 's|.*|/proc/&/task/&/children|' | xargs cat 2> /dev/null) || :
		family+=("${level[@]}")
	done
}

stop_all() {
	local -; set +T
	local pid family
	for pid in "${started[@]}"; do
		family=()
		add_family "$pid"
		kill -KILL "$pid" "${family[@]}" 2> /dev/null || :
		wait "$pid" 2> /dev/null || :
	done
	started=()
}

# Waits without starting a process.
pass_seconds() {
	[ -n "${never_readable-}" ] || exec {never_readable}<> <(:)
	read -r -t "$1" -u "$never_readable" _ || :
}

# Waits until a command succeeds, for a minute. A pause of the machine does not end it, nor
# that all is slow right after one: the command is tried 200 times at least. The counter is not
# named i, because `run` in the command sets a variable of that name: the wait had no end.
# bash can lose the SIGCHLD of a child that ends while it reaps another. That child stays a
# zombie until the next command in the foreground, so there is one each second.
wait_until() {
	local -; set +T
	local wait_tries wait_began=$SECONDS
	for ((wait_tries = 1; wait_tries <= 200 || SECONDS - wait_began < 60; wait_tries++)); do
		! "$@" || return 0
		pass_seconds 0.05
		((wait_tries % 20)) || sleep 0
	done
	echo "not within a minute: $*"
	[ "$1" != ended ] || show_process "$2"
	return 1
}

# Each in a line, because the report of a suite has few lines of a failure.
show_process() {
	grep -hE '^(State|PPid|Threads|Sig...|ShdPnd):' "/proc/$1/status" | xargs
	tail -n +1 "/proc/$1/task"/*/{comm,wchan,stack} | xargs
} 2> /dev/null

has_begun() { ! cmp -s "/proc/$1/cmdline" "/proc/$$/cmdline"; }
ended() { ! kill -0 "$1" 2> /dev/null; }
is_zombie() { grep -q '^State:.*Z' "/proc/$1/status" 2> /dev/null; }
has_threads() { [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$2" ]; }
runs() { [ "$(cat "/proc/$1/comm" 2> /dev/null)" = "$2" ]; }
# It waits for something, so its start, in which it uses CPU time, is over.
sleeps() { grep -q '^State:.*S (' "/proc/$1/status" 2> /dev/null; }

# run_until CONDITION ARG...: `maze run` with the arguments until the condition holds for the
# incident, and as well when the command has ended. Nothing else ends the command: how much
# CPU time it uses until maze has looked at it is the machine's. $prefix executes maze.
prefix=()
run_until() {
	local condition=$1
	shift
	start "${prefix[@]}" "$MAZE" run --hard 1h --soft-signal 0 --incidents "$kept" "$@"
	wait_until eval "$condition"
	# maze forwards it to the command, and then ends with its status.
	kill -TERM "$last"
	wait_until ended "$last"
	unset 'started[-1]'
	status=0
	wait "$last" || status=$?
	[ "$status" -eq 143 ]
	eval "$condition"
}

# some_incident COMMAND...: it holds for an incident, whose id it finds in $found.
some_incident() {
	local file
	for file in "$kept"/*.json; do
		found=$(basename "$file" .json)
		! "$@" || return 0
	done
	return 1
}
found_report() { COLUMNS=10000 "$MAZE" report --incidents "$kept" "$found"; }

reported() { report 2> /dev/null | grep -qE "$1"; }

# Each of 36 spinners ended at its hard limit, and each soft verdict has its incident, or maze
# reports that it is lost: at its end maze writes for some seconds only. Their number is in
# $lost. The parent of the spinners may have an incident: on a slow machine a fork alone is
# over a soft limit of some ms.
crowd_has_incidents() {
	local -; set +T
	lost=$(grep -oE '[0-9]+ (more )?incidents (of user id [0-9]+ )?are lost' <<< "$stderr" |
		awk '{ sum += $1 } END { print sum + 0 }')
	[ "$(grep -c ' hard: spin' <<< "$stderr")" -eq 36 ] &&
		[ $(($(find "$kept" -name '*.json' | wc -l) + lost)) -eq "$(grep -c ' soft: ' <<< "$stderr")" ]
}

# The CPU clock of the process's main thread, in ns, into the variable of that name.
cpu_clock() {
	local clock rest
	{ read -r clock rest < "/proc/$1/schedstat"; } 2> /dev/null || return 1
	printf -v "$2" %s "$clock"
}

# Waits until the CPU clock of the main thread moves.
spins() {
	local before
	cpu_clock "$1" before
	wait_until used_more "$1" "$before"
}

used_more() {
	local now
	cpu_clock "$1" now && [ "$now" -gt "$2" ]
}

# The victim of fuse_hang, whose CPU time is no longer needed, burns no more, and blocks its
# readers as before. A signal stops it by the thread that it names; the other one is
# uninterruptible.
stop_burning() {
	local burns=$1 thread
	for thread in "/proc/$1/task"/*; do
		[ "${thread##*/}" = "$1" ] || burns=${thread##*/}
	done
	kill -STOP "$burns"
}

# Why tests of the bpf engine cannot run here; empty: they can run.
bpf_refusal() {
	local -; set +T
	local known=$BATS_FILE_TMPDIR/bpf-refusal
	[ -e "$known" ] || "$MAZE" doctor | awk -v private="${MAZE_PRIVATE_BPFFS-}" '
		/^bpf: can run here/ {
			if (!private) print "no BPF file system of its own; use scripts/in-private-bpffs"
		}
		/^bpf: cannot run here/ { refused = 1; next }
		refused { sub(/^ */, ""); print; exit }' > "$known" || :
	cat "$known"
}

needs_bpf() {
	local why
	why=$(bpf_refusal)
	[ -z "$why" ] || skip "$why"
}

needs_root() { [ "$(id -u)" -eq 0 ] || skip "only root can $1"; }

# Mounts of the test that the rest of the machine does not see.
needs_private_mounts() {
	needs_root mount
	unshare --mount --propagation private true 2> /dev/null ||
		skip 'no mount namespace with private mounts here: / is not a mount point, or CAP_SYS_ADMIN is missing'
}

needs_user_namespace() {
	unshare -Urpf --mount-proc true 2> /dev/null ||
		skip 'no user namespace here: it is forbidden, or / is not a mount point'
}

# In a PID namespace, PID 2 is another process or unused.
needs_kernel_thread() { runs 2 kthreadd || skip 'no kernel thread is seen here'; }

needs_program() { [ -n "$(command -v "$1")" ] || skip "$1 is not installed"; }

# Options of maze run for tests that work with any engine, into $engine: none where the
# bpf engine can run, otherwise the poll engine with options that avoid its remark about
# yields.
any_engine() {
	engine=()
	[ -z "$(bpf_refusal)" ] || engine=(--engine poll --yield count)
}

# A refusal: the exit status, one line, and only on standard error.
refused() {
	local -; set +T
	local wanted=$1
	shift
	run "-$wanted" --separate-stderr "$@"
	[ -z "$output" ] || { echo "on standard output: $output"; return 1; }
	# shellcheck disable=SC2154 # set by run --separate-stderr
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ] || { echo "not one line: $stderr"; return 1; }
}

says() {
	case $stderr in
	*"$1"*) ;;
	*) echo "it says: $stderr"; return 1 ;;
	esac
}

# Runs a command with a full, a closed and an abandoned standard output.
output_is_lost() {
	local -; set +T
	# shellcheck disable=SC2016 # for the shell that is run
	refused 1 bash -c '"$@" > /dev/full' bash "$@"
	says 'cannot write to standard output: No space left on device'
	# shellcheck disable=SC2016
	refused 1 bash -c '"$@" >&-' bash "$@"
	says 'cannot write to standard output: Bad file descriptor'
	without_reader 141 --default-signal=PIPE "$@"
	[ -z "$stderr" ]
	without_reader 1 --ignore-signal=PIPE "$@"
	says 'cannot write to standard output: Broken pipe'
}

# The standard output is a pipe that has no reader any more.
without_reader() {
	local -; set +T
	local wanted=$1 fifo=$BATS_TEST_TMPDIR/fifo
	shift
	[ -p "$fifo" ] || mkfifo "$fifo"
	# shellcheck disable=SC2016 # for the shell that is run
	run "-$wanted" --separate-stderr bash -c '
		exec 7<> "$0" 8> "$0" 7>&-
		exec env "$@" >&8 8>&-' "$fifo" "$@"
}

# Runs a command on a terminal of $terminal_width columns, or a wide one, into $output and
# $status.
on_terminal() {
	needs_program script
	COLUMNS=${terminal_width:-1000} run script -qec "$(printf '%q ' "$@")" /dev/null < /dev/null
	output=${output//$'\r'/}
}

# Copies the program and a spinner to a directory that every user can reach, once in a test;
# teardown removes $public.
public=
for_everyone() {
	[ -z "$public" ] || return 0
	public=$(mktemp -d)
	chmod 755 "$public"
	cp "$MAZE" "$public/maze"
	cp "$PROGRAMS/spin" "$public/spin"
}

# Runs as an ordinary user with only the named capabilities ("" or "+bpf,+perfmon"); only
# root can give capabilities.
as_user_with() {
	local capabilities=$1
	shift
	if [ "$(id -u)" -ne 0 ] && [ -z "$capabilities" ]; then
		"$@"
		return
	fi
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		${capabilities:+--inh-caps "$capabilities" --ambient-caps "$capabilities"} "$@"
}

# The same without capabilities, for a command that has to keep its PID.
plain_user=()
[ "$EUID" -ne 0 ] || plain_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# Without a private BPF file system no test pins, and the pins of others stay.
nothing_pinned() {
	local -; set +T
	[ -n "${MAZE_PRIVATE_BPFFS-}" ] || return 0
	[ -z "$(ls -A /sys/fs/bpf | grep -v '\.debug$')" ] || { ls /sys/fs/bpf; return 1; }
}

unload_engine() { nothing_pinned > /dev/null || "$MAZE" unload > /dev/null 2>&1 || :; }

teardown() {
	local -; set +T
	stop_all
	[ -z "$public" ] || rm -rf "$public"
	unload_engine
}

# Whether one line of the output contains the text.
holds() {
	case $output in
	*"$1"*) ;;
	*) echo "it holds: $output ${stderr-}"; return 1 ;;
	esac
}

lacks() {
	case $output in
	*"$1"*) echo "it holds: $output"; return 1 ;;
	esac
}

# A version manager's python3 is a shell script, which uses twice the CPU time of the program.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
# Without the site module it starts in three quarters of the time.
python3() { command "$python" -IS "$@"; }

# A Python expression over d, the JSON of standard input.
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
