# SPDX-License-Identifier: GPL-2.0-only
# What the daemon's tests share. $MAZE and $MAZED are the programs, $PROGRAMS the
# directory of the programs that misbehave. Run with a BPF file system and a pid
# namespace of their own, so that the rules meet nobody else's processes.
# shellcheck shell=bash

MAZE=${MAZE:-build/maze}
MAZED=${MAZED:-build/mazed}
PROGRAMS=${PROGRAMS:-build/tests/programs}

setup() {
	dir=$(mktemp -d)
	export RUNTIME_DIRECTORY=$dir/run
	conf=$dir/maze.conf
	log=$dir/log
	socket=$dir/control.sock
	# Asked for by name only: the engine is to be looked at without mazed.
	export MAZE_SOCKET=
	started=()
	mazed=
}

teardown() {
	local pid
	for pid in "${started[@]}" $mazed; do
		kill -KILL "$pid" 2> /dev/null || :
		wait "$pid" 2> /dev/null || :
	done
	"$MAZE" unload > /dev/null 2>&1 || :
	rm -rf "$dir"
}

# The configuration: [daemon] for the tests, then what stands on standard input.
configure() {
	{
		printf '[daemon]\nlog = %s\ncontrol-socket = %s\nincidents = %s\n' "$log" "$socket" "$dir/incidents"
		cat
	} > "$conf"
}

start() {
	"$@" 3>&- > /dev/null 2>&1 &
	started+=("$!")
	last=$!
}

# Asked every now and then, for as long as a slow machine may take.
eventually() {
	local i
	for ((i = 0; i < 600; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "not in half a minute: $*"
	cat "$log" "$dir/out" 2> /dev/null
	return 1
}

said() { grep -qF -- "$1" "$log" 2> /dev/null; }
said_times() { [ "$(grep -cF -- "$2" "$log")" -eq "$1" ]; }

# Starts mazed and waits until all processes have been looked at.
start_mazed() {
	local before
	before=$(grep -cF 'rules are in force' "$log" 2> /dev/null || :)
	"$MAZED" --config "$conf" "$@" 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	eventually in_force_again "${before:-0}"
}

in_force_again() { [ "$(grep -cF 'rules are in force' "$log" 2> /dev/null)" -gt "$1" ]; }

reload_mazed() {
	local before
	before=$(grep -cF 'rules are in force' "$log")
	kill -HUP "$mazed"
	eventually in_force_again "$before"
}

stop_mazed() {
	kill -TERM "$mazed"
	wait "$mazed"
	mazed=
}

kill_mazed() {
	kill -KILL "$mazed"
	wait "$mazed" 2> /dev/null || :
	mazed=
}

ended() { ! kill -0 "$1" 2> /dev/null; }
watched() { "$MAZE" list --json 2> /dev/null | grep -q "\"pid\":$1,"; }
unwatched() { ! watched "$1"; }
nothing_pinned() { [ -z "$(ls -A /sys/fs/bpf | grep -v '\.debug$')" ]; }

# How often mazed has gone to sleep, into the variable of that name; starts no process.
wakeups() {
	local key value rest
	while read -r key value rest; do
		[ "$key" != voluntary_ctxt_switches: ] || printf -v "$1" %s "$value"
	done < "/proc/$mazed/status"
}
