#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze escapes the bytes of process names before it prints them on a terminal.

bats_require_minimum_version 1.5.0
load test_helper

setup() { fifo=$(mktemp -u); }

teardown() {
	stop_all
	unload_engine
	rm -f "$fifo"
}

is_named() { [ "$(tr -d '\n' < "/proc/$1/comm" | wc -c)" -eq "$2" ]; }

@test "list escapes control and reordering characters of a name" {
	needs_root 'pin an engine'
	needs_bpf
	mkfifo "$fifo"
	# U+009B, a terminal's CSI; a byte that is not UTF-8; U+202E; and U+00FC.
	start bash -c "printf 'a\xc2\x9b1\xff\xe2\x80\xae\xc3\xbc' > /proc/self/comm; read -r line < '$fifo'"
	wait_until is_named "$last" 10
	"$MAZE" watch --soft 10s "$last"
	"$MAZE" list > "$BATS_TEST_TMPDIR/text"
	"$MAZE" list --json > "$BATS_TEST_TMPDIR/json"
	grep -qF "$(printf 'a\\u{009b}1\\xff\\u{202e}\xc3\xbc')" "$BATS_TEST_TMPDIR/text"
	run ! env LC_ALL=C grep -q '[^ -~]' "$BATS_TEST_TMPDIR/json"
	"$MAZE" unwatch "$last"
}
