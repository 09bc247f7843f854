# SPDX-License-Identifier: GPL-2.0-only
# A terminal for the tests of maze top: tmux, with a server of its own for each test.
# shellcheck shell=bash

# The account's own shell may be nologin.
terminal() { SHELL=/bin/sh LC_ALL=C.UTF-8 tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@" 3>&-; }

# on_screen COLUMNS LINES COMMAND...: runs it there. Its standard error goes to a file, and
# its exit status to another one.
on_screen() {
	needs_program tmux
	# No daemon: a signal to the suite ends it too.
	start terminal -D
	wait_until terminal list-sessions
	printf '%q ' "${@:3}" > "$BATS_TEST_TMPDIR/command"
	terminal new-session -d -x "$1" -y "$2" \
		". '$BATS_TEST_TMPDIR/command' 2> '$BATS_TEST_TMPDIR/err'; echo \$? > '$BATS_TEST_TMPDIR/status'"
}

keys() { terminal send-keys "$@"; }
screen() { terminal capture-pane -p; }
# A line of the screen, the first is 1.
screen_line() { screen | sed -n "$1p"; }
line_has() { [[ $(screen_line "$1") == *"$2"* ]]; }
screen_has() { [[ $(screen) == *"$1"* ]]; }
screen_lacks() { ! screen_has "$1"; }
wait_for_screen() { wait_until screen_has "$1" || { screen; return 1; }; }
left_screen() { [ -s "$BATS_TEST_TMPDIR/status" ]; }

# The programs first: with the terminal, a SIGCONT goes to them, which the search for leaks
# of ASan at their end does not survive.
end_terminal() {
	local pane family=()

	[ -S "$BATS_TEST_TMPDIR/tmux" ] || return 0
	for pane in $(terminal list-panes -a -F '#{pane_pid}' 2> /dev/null); do
		add_family "$pane"
	done
	kill -KILL "${family[@]}" 2> /dev/null || :
	terminal kill-server 2> /dev/null || :
}
