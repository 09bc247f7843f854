# SPDX-License-Identifier: GPL-2.0-only
# maze suggest, from a file alone: no engine and no privileges.

bats_require_minimum_version 1.5.0
load test_helper

setup_file() {
	export SEEN=$BATS_FILE_TMPDIR/streaks.json RULES=$BATS_FILE_TMPDIR/suggested.conf
	"$BATS_TEST_DIRNAME/../streaks/write" > "$SEEN"
	"$MAZE" suggest --from "$SEEN" > "$RULES"
}

# The comment and the rule of a program.
about() { NAME="# $1: " awk -v RS= 'index($0, ENVIRON["NAME"]) == 1' "$RULES"; }

@test "mazed accepts the suggested rules as they are" {
	run -0 "$MAZED" --check --config "$RULES"
	[ "$output" = "accepted: 16 rules in 1 file, 0 notes" ]
	[ "$(grep -c '^shadow = yes$' "$RULES")" -eq 15 ]
}

@test "a limit comes with its data, its model and the false verdicts to expect" {
	run about httpd
	holds "streaks: 20000, processes: 10, CPU time: 4min"
	holds "The longest streak had 610ms: httpd, PID 4711, at 2026-11-20 10:00:00 UTC."
	holds "generalized Pareto, shape 0.3"
	holds "Expected false verdicts in a month: at most 0.01 (95%), 0.0"
	holds "exe = /usr/bin/httpd"
	holds "soft = 10s"
	holds "hard = 20s"
	holds "shadow = yes"
}

@test "classes of one program under several rules have one rule" {
	run about postgres
	holds "streaks: 25000, processes: 20"
	holds "Units: postgresql@15-main.service."
	holds "Now under: services."
	[ "$(grep -c '^\[rule seen-postgres' "$RULES")" -eq 1 ]
}

@test "a loop is named, and not learnt as normal" {
	run about looper
	holds "SUSPICIOUS, a streak that has not ended had 2w: looper, PID 666."
	holds "soft = 1s"
	run about once-looped
	holds "SUSPICIOUS, the longest streak had 1h: once-looped, PID 4711"
	holds "soft = 1s"
	run about always
	holds "SUSPICIOUS"
	lacks "[rule"
}

@test "a program that is never asleep is ignored" {
	run about cc1
	holds "never asleep, by design"
	holds "action = ignore"
}

@test "what is too rare to say is no rule" {
	run about rare
	holds "Too rare to say for a risk of 0.01: too few streaks for a tail fit."
	holds "Observe for 28 more days"
	holds "--risk 6.6 accepts them"
	holds "# [rule seen-rare]"
	run about two-kinds
	holds "the streaks are in too few buckets for a tail fit"
	run about single
	holds "Too rare to say"
	lacks "[rule"
}

@test "a higher risk accepts the rule of three" {
	run -0 "$MAZE" suggest --from "$SEEN" --risk 6.6
	holds "Model: rule of three"
	holds $'\n[rule seen-rare]'
}

@test "the rule of three of an observation of a minute is accepted, and is a plain number" {
	"$BATS_TEST_DIRNAME/../streaks/write" 'days=[{"date": "2026-11-10", "seconds": 60}]' > "$BATS_TEST_TMPDIR/minute"
	run -0 "$MAZE" suggest --from "$BATS_TEST_TMPDIR/minute" --min-days 0 --risk 131501
	holds "A rule has at most 131501 false verdicts in a month"
	holds $'\n[rule seen-rare]'
}

@test "hostile names stay within comments and values" {
	run ! LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f]' "$RULES"
	run -1 grep -F '[rule all]' <(grep -v '^#' "$RULES")
	run about 'a b ; c'
	holds 'exe = "/tmp/a b \; c"'
	run about 'evil\x0a[rule all]\x0ahard = 1ms'
	holds "No rule: its path cannot be written in a rule file"
}

@test "a program without a path and a whole name has no rule" {
	run about cut-at-31-bytes-0123456789abcde
	holds "No rule: its path cannot be written in a rule file, or is not known."
	run about "(unknown program)"
	holds "No rule"
	lacks "[rule"
	run ! grep -F "(other programs)" "$RULES"
	run about no-path
	holds "exe = no-path"
}

@test "too little is refused, with what is missing" {
	"$BATS_TEST_DIRNAME/../streaks/write" 'days=[{"date": "2026-11-10", "seconds": 86400}]' > "$BATS_TEST_TMPDIR/day"
	refused 1 "$MAZE" suggest --from "$BATS_TEST_TMPDIR/day"
	says "too little was observed: 1.0 of 7 days, and 1 of 7 days of the week;"
	run -0 "$MAZE" suggest --min-days 1 --from "$BATS_TEST_TMPDIR/day"
	holds "which may not have all days of a week"
	refused 1 "$MAZE" suggest --min-processes 1000 --from "$SEEN"
	says "too little was observed: 681 of 1000 processes; observe for longer, or lower --min-days or --min-processes"
}

@test "an invalid file is refused, with its key" {
	cd "$BATS_TEST_TMPDIR"
	local write=$BATS_TEST_DIRNAME/../streaks/write
	"$write" 'version=2' > version
	"$write" 'classes=[{"program": "p", "processes": 1, "cpu_ns": 1, "buckets": [[1152, 1], [1200, 1]]}]' > bucket
	"$write" 'classes=[{"program": "p", "processes": -1, "cpu_ns": 1}]' > processes
	"$write" 'classes=[{"processes": 1, "cpu_ns": 1}]' > program
	"$write" 'days=[{"date": "yesterday", "seconds": 1}]' > date
	echo '{' > syntax
	refused 1 "$MAZE" suggest --from version
	says "version: format version 2; this maze reads version 1"
	refused 1 "$MAZE" suggest --from bucket
	says 'bucket: not a file of maze observe: "buckets" in "classes" must be pairs of a lower bound'
	refused 1 "$MAZE" suggest --from processes
	says '"processes" in "classes" must be a whole number of at least 0'
	refused 1 "$MAZE" suggest --from program
	says '"program" in "classes" must be a string'
	refused 1 "$MAZE" suggest --from date
	says '"date" in "days" must be a date such as'
	refused 1 "$MAZE" suggest --from syntax
	says "syntax: not a file of maze observe: not JSON"
	refused 1 "$MAZE" suggest --from none
	says "none: cannot open it: No such file or directory"
}

@test "an invalid number is refused" {
	refused 2 "$MAZE" suggest --risk 0
	says 'invalid --risk "0"; give a number from 1e-06 to 1e+07'
	refused 2 "$MAZE" suggest --min-days 7d
	says 'invalid --min-days "7d"; give a number from 0 to 3660'
	refused 2 "$MAZE" suggest --min-processes nan
	says 'invalid --min-processes "nan"'
}
