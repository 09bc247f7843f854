# SPDX-License-Identifier: GPL-2.0-only
# Shared by the tests of mazed. $MAZE and $MAZED are the programs, $PROGRAMS the directory
# of the test programs. Run it with a private BPF file system and a private PID namespace,
# so that the rules match no other processes.
# shellcheck shell=bash

# shellcheck source=tests/cli/test_helper.bash
source "$BATS_TEST_DIRNAME/../cli/test_helper.bash"

MAZED=${MAZED:-build/mazed}

# Tests also run programs as other users, and the build directory may be below a directory
# that only root can enter, such as /root.
setup_file() {
	public_programs=$(mktemp -d)
	export public_programs
	chmod 755 "$public_programs"
	cp -al "$PROGRAMS/." "$public_programs/" 2> /dev/null || cp -a "$PROGRAMS/." "$public_programs/"
	export PROGRAMS=$public_programs
}

teardown_file() { rm -rf "$public_programs"; }

setup() {
	dir=$(mktemp -d)
	export RUNTIME_DIRECTORY=$dir/run STATE_DIRECTORY=$dir/state
	conf=$dir/maze.conf
	log=$dir/log
	socket=$dir/control.sock
	# Empty, so that maze reads the engine without mazed unless a test names the
	# socket.
	export MAZE_SOCKET=
	mazed=
}

teardown() { clean_up; }

clean_up() {
	local -; set +T
	[ -z "$mazed" ] || started+=("$mazed")
	stop_all
	remove_cgroups
	unload_engine
	rm -rf "$dir"
}

remove_cgroups() {
	local -; set +T
	local path
	for path in "${cgroups[@]}"; do
		[ ! -d "$path" ] || wait_until rmdir "$path" 2> /dev/null || :
	done
	cgroups=()
}

# Creates a control group of this name in the root of version 2, in $cgroup.
make_cgroup() {
	local -; set +T
	local root
	needs_root 'make a control group'
	root=$(findmnt -nt cgroup2 -o TARGET | head -n1)
	[ -n "$root" ] && [ -w "$root" ] || skip 'no control groups of version 2'
	cgroup=/maze-test-${dir##*.}-$1
	cgroup_dir=$root$cgroup
	mkdir "$cgroup_dir"
	cgroups+=("$cgroup_dir")
}

# Writes the configuration: [daemon] for the tests, then standard input.
configure() {
	{
		printf '[daemon]\nlog = %s\ncontrol-socket = %s\nincidents = %s\n' "$log" "$socket" "$dir/incidents"
		cat
	} > "$conf"
}

# mazed needs root, and an engine that can be pinned.
needs_mazed() {
	needs_root 'run mazed'
	needs_bpf
}

logged() { grep -qF -- "$1" "$log" 2> /dev/null; }
times_logged() {
	local times
	times=$(grep -cF -- "$1" "$log" 2> /dev/null) || :
	echo "${times:-0}"
}
logged_times() { [ "$(times_logged "$2")" -eq "$1" ]; }
# Lines with that text are at least so many seconds apart by their times; 1 s covers the
# truncated fractions.
logged_apart() {
	grep -F -- "$2" "$log" | sed 's/.*"time":"\([^"]*\)".*/\1/' | date -f - +%s |
		awk -v apart="$(($1 - 1))" 'NR > 1 && $1 - last < apart { exit 1 } { last = $1 }'
}

# at_most_ten_a_period PATTERN NAME: the log has ten of these lines in each period, and a
# summary of that name has the number of the others.
at_most_ten_a_period() {
	local shown summaries
	shown=$(grep -c "$1" "$log")
	summaries=$(grep -c "\"message\":\"$2: [0-9]* more record" "$log")
	echo "$2: $shown shown, $summaries summaries"
	[ "$summaries" -ge 1 ] && [ "$shown" -le $((10 * (summaries + 1))) ]
}

show_log() {
	cat "$log" "$dir/out" 2> /dev/null
	return 1
}

# Starts mazed and waits until it has scanned all processes.
start_mazed() {
	local -; set +T
	local before
	needs_mazed
	before=$(times_logged ' in force, ')
	"$MAZED" --config "$conf" "$@" 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	wait_until in_force_again "$before" || show_log
}

in_force_again() { [ "$(times_logged ' in force, ')" -gt "$1" ]; }

reload_mazed() {
	local -; set +T
	local before
	before=$(times_logged ' in force, ')
	kill -HUP "$mazed"
	wait_until in_force_again "$before" || show_log
}

stop_mazed() {
	local -; set +T
	kill -TERM "$mazed"
	wait_until ended "$mazed" || show_log
	wait "$mazed"
	mazed=
}

hand_over() {
	local -; set +T
	local status=0

	kill -USR1 "$mazed"
	wait_until ended "$mazed" || show_log
	wait "$mazed" || status=$?
	mazed=
	[ "$status" -eq 3 ]
}

kill_mazed() {
	kill -KILL "$mazed"
	wait "$mazed" 2> /dev/null || :
	mazed=
}

# Killed by SIGKILL; a program that was not caught ends by its own alarm instead.
killed() {
	local status=0
	wait_until ended "$1" || return
	wait "$1" || status=$?
	[ "$status" -eq 137 ]
}

watched() { "$MAZE" list --json 2> /dev/null | grep -q "\"pid\":$1,"; }
unwatched() { ! watched "$1"; }

# The number of voluntary switches of mazed, into the variable of that name; starts no
# process.
wakeups() {
	local lines
	mapfile -t lines < "/proc/$mazed/status"
	# The first match; nonvoluntary_ctxt_switches comes after it.
	[[ "${lines[*]}" =~ voluntary_ctxt_switches:[[:space:]]*([0-9]+) ]]
	printf -v "$1" %s "${BASH_REMATCH[1]}"
}

# The timers of mazed, which it opens when it begins, into $timers.
find_timers() {
	mapfile -t timers < \
		<(find "/proc/$mazed/fd" -lname 'anon_inode:\[timerfd\]' -printf "/proc/$mazed/fdinfo/%f\n")
	timers_of=$mazed
}

# No timer of mazed is due within so many seconds. (mazed detaches the yield probe a
# second after it began.)
no_timer_within() {
	local file lines
	for file in "${timers[@]}"; do
		mapfile -t lines < "$file"
		[[ "${lines[*]}" =~ it_value:\ \(([0-9]+),\ ([0-9]+)\) ]] || return 1
		((BASH_REMATCH[1] >= $1 || BASH_REMATCH[1] + BASH_REMATCH[2] == 0)) || return 1
	done
}

# mazed sleeps, and has not been woken since the last call, so it has nothing to do, and no
# timer wakes it within so many seconds. Starts no process, which would be an event that
# wakes mazed, and may make it set a timer; but the first call does, and is false.
is_idle() {
	local pid comm state rest before=${idle_wakeups-}
	[ "${timers_of-}" = "$mazed" ] || { find_timers; return 1; }
	wakeups idle_wakeups
	read -r pid comm state rest < "/proc/$mazed/stat"
	[ "$state" = S ] && [ "$idle_wakeups" = "$before" ] && no_timer_within "$1"
}

# ---- the control socket

CLIENT=$PROGRAMS/control_client

# Sends standard input, one request a line; prints the answers.
ask() { timeout 60 "$CLIENT" "$socket" talk; }
as_user() {
	local uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
ask_as() { as_user "$1" timeout 60 "$CLIENT" "$socket" talk; }
start_as() {
	local uid=$1
	shift
	start setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
	wait_until is_of "$last" "$uid"
}
is_of() { grep -q "^Uid:[[:space:]]$2" "/proc/$1/status"; }
began() { sed 's/.*)//' "/proc/$1/stat" | cut -d' ' -f21; }

# Starts mazed with these further rules, reachable for every user.
serve() {
	chmod 755 "$dir"
	configure
	start_mazed
}

# ---- units

# systemd accepts the units without a warning.
valid_units() {
	needs_program systemd-analyze
	run systemd-analyze verify --man=no "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# Whether the exposure of the unit is at most so many tenths, into $status.
run_exposure() { run systemd-analyze security --offline=yes --threshold="$1" --no-pager "$2"; }
exposed_at_most() {
	needs_program systemd-analyze
	run_exposure "$@"
	echo "${lines[-1]}"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == *'exposure level'* ]]
}
