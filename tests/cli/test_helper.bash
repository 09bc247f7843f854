# SPDX-License-Identifier: GPL-2.0-only
# What the command line's tests share. $MAZE is the program, $PROGRAMS the directory
# of the programs that misbehave; run under scripts/in-private-bpffs.
# shellcheck shell=bash

MAZE=${MAZE:-build/maze}
PROGRAMS=${PROGRAMS:-build/tests/programs}

# Started processes, killed by exact pid after each test, also when it failed.
started=()

start() {
	"$@" 3>&- > /dev/null 2>&1 &
	started+=("$!")
	last=$!
}

stop_all() {
	local pid
	for pid in "${started[@]}"; do
		kill -KILL "$pid" 2> /dev/null || :
		wait "$pid" 2> /dev/null || :
	done
	started=()
}

# A refusal: the exit status, one clear line, and on standard error only.
refused() {
	local wanted=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$wanted" ] || { echo "status $status: $stderr"; return 1; }
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

# Copies of the program and of a spinner where any user may run them, wherever the
# build directory is; $public goes in teardown.
public=
for_everyone() {
	public=$(mktemp -d)
	chmod 755 "$public"
	cp "$MAZE" "$public/maze"
	cp "$PROGRAMS/spin" "$public/spin"
}

# As a user who is nobody, with only the capabilities named ("" or "+bpf,+perfmon").
as_nobody() {
	local capabilities=$1
	shift
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		${capabilities:+--inh-caps "$capabilities" --ambient-caps "$capabilities"} "$@"
}

nothing_pinned() {
	[ -z "$(ls -A /sys/fs/bpf | grep -v '\.debug$')" ] || { ls /sys/fs/bpf; return 1; }
}

teardown() {
	stop_all
	[ -z "$public" ] || rm -rf "$public"
	"$MAZE" unload > /dev/null 2>&1 || :
}
