#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The breaker of a rule (max-hard), and maze rules.

bats_require_minimum_version 1.5.0
load test_helper

# A rule for the test program, with these further keys.
crowd() {
	chmod 755 "$dir"
	configure <<- EOF
		[rule crowd]
		comm = spin
		soft = 0
		hard = 40ms
		$1
	EOF
}

rules() { "$MAZE" rules --socket "$socket" "$@"; }
# The value of a key of the rule crowd, as JSON.
crowd_has() {
	rules --json | python3 -c '
import json, sys
print(json.dumps(next(r for r in json.load(sys.stdin) if r["rule"] == "crowd")[sys.argv[1]]))' "$1"
}
spin() { start "$PROGRAMS/spin"; }
alive_are() {
	local pid alive=0
	for pid in "${@:2}"; do
		ended "$pid" || alive=$((alive + 1))
	done
	[ "$alive" -eq "$1" ]
}
hard_records() { logged_times "$1" '"event":"hard"'; }

@test "of many at once only max-hard end, until an operator resets the rule" {
	local pids=()

	crowd 'max-hard = 2/1h'
	start_mazed
	for _ in 1 2 3 4 5 6; do
		spin
		pids+=("$last")
	done
	wait_until hard_records 6
	wait_until alive_are 4 "${pids[@]}"
	kill -STOP "${pids[@]}" 2> /dev/null || :
	[ "$(times_logged '"tripped":true')" -eq 4 ]
	[ "$(times_logged '"sent":true')" -eq 2 ]
	# The message counts the records before it. Those of the two that end may come later.
	logged_times 1 'rule crowd has reached max-hard, 2 in 1h'
	grep -qE 'max-hard, 2 in 1h( \([12] process(es)? of 1 user\))?: it is in shadow until' "$log"
	[ "$(crowd_has mode)" = '"shadow"' ]
	[ "$(crowd_has hard) $(crowd_has shadow_hard) $(crowd_has watched)" = '2 4 4' ]
	[[ $(crowd_has tripped) == \"20* ]]
	stop_all

	# It stays so over a reload, a mazed that is killed, and an engine that is unloaded.
	reload_mazed
	kill_mazed
	start_mazed
	spin
	wait_until hard_records 7
	stop_all
	stop_mazed
	start_mazed
	spin
	wait_until hard_records 8
	[ "$(times_logged '"sent":true')" -eq 2 ]
	[[ $(crowd_has tripped) == \"20* ]]

	run -1 rules reset nosuch
	[[ $output == *'no rule has the name "nosuch"'* ]]
	run as_user 65534 "$MAZE" rules --socket "$socket" reset crowd
	[ "$status" -eq 1 ]
	[[ $output == *'reset requires root'* ]]
	rules reset crowd
	[ "$(crowd_has tripped)" = null ]
	spin
	killed "$last"
	stop_mazed
	[ ! -s "$RUNTIME_DIRECTORY/tripped" ]
}

@test "the threads of a process count once, and its users are logged" {
	crowd $'comm = many_threads\nhard-signal = 0\nmax-hard = 2/1h'
	sed -i '/^comm = spin$/d' "$conf"
	start_mazed
	start "$PROGRAMS/many_threads" --count 0 --spin 4
	wait_until hard_records 4
	[ "$(crowd_has tripped) $(crowd_has hard)" = 'null 4' ]
	stop_all
	start as_user 65534 "$PROGRAMS/many_threads" --count 0 --spin 1
	wait_until hard_records 5
	start as_user 65534 "$PROGRAMS/many_threads" --count 0 --spin 1
	wait_until logged 'rule crowd has reached max-hard, 2 in 1h (2 processes of 2 users): it is'
	stop_all
	stop_mazed
}

@test "what max-hard has counted survives a mazed that is killed, not one that ends" {
	crowd 'max-hard = 2/1h'
	start_mazed --engine bpf
	spin
	killed "$last"
	kill_mazed
	start_mazed --engine bpf
	spin
	killed "$last"
	spin
	wait_until logged '"tripped":true'
	kill -0 "$last"
	rules reset crowd
	stop_all
	spin
	killed "$last"
	stop_mazed
	start_mazed --engine bpf
	spin
	killed "$last"
	spin
	killed "$last"
	stop_mazed
}

@test "maze rules changes the mode of a rule, for good or until mazed ends" {
	local file=$conf.d/zz-mode-crowd.conf

	crowd 'shadow = yes'
	start_mazed
	run rules
	[[ ${lines[0]} == 'RULE '*' MODE '*' WATCHED '*' SOFT '*' HARD  TRIPPED '*'WOULD HAVE'* ]]
	[[ ${lines[1]} =~ ^'crowd '.*'shadow '.*' 0 ' ]]

	# Until mazed ends, also over a reload.
	rules enforce crowd --runtime
	[ "$(crowd_has mode) $(crowd_has runtime)" = '"enforcing" true' ]
	reload_mazed
	[ "$(crowd_has mode)" = '"enforcing"' ]
	[ ! -e "$file" ]
	spin
	killed "$last"

	# For good: a file, which replaces the mode of --runtime. Its text is whole.
	rules shadow crowd
	[ "$(sed 1d "$file")" = $'[mode crowd]\nshadow = yes' ]
	[ "$(crowd_has mode) $(crowd_has runtime)" = '"shadow" false' ]
	spin
	wait_until logged '"shadow":true'
	kill -0 "$last"
	[ "$(crowd_has shadow_hard)" = 1 ]
	"$MAZED" --config "$conf" --explain "$last" | grep -q "its mode is from $file:2"
	rules enforce crowd
	[ "$(cd "$conf.d" && ls)" = zz-mode-crowd.conf ]
	killed "$last"
	stop_mazed
	start_mazed
	spin
	killed "$last"

	# A reload that is refused changes nothing.
	cp "$file" "$dir/before"
	echo '[rule broken' > "$conf.d/broken.conf"
	run rules shadow crowd
	[ "$status" -eq 1 ]
	cmp "$file" "$dir/before"
	[ "$(crowd_has mode)" = '"enforcing"' ]
	# The brake works even then.
	rules shadow crowd --runtime
	[ "$(crowd_has mode)" = '"shadow"' ]
	rm "$conf.d/broken.conf"

	# A later file wins, and maze says so.
	printf '[mode crowd]\nshadow = yes\n' > "$conf.d/zzz.conf"
	run rules enforce crowd
	[ "$status" -eq 1 ]
	[[ $output == *'rule crowd is shadow: a file that is read after '*' has its mode too'* ]]

	run -1 rules shadow nosuch
	[[ $output == *'no rule has the name "nosuch"'* ]]
	run as_user 65534 "$MAZE" rules --socket "$socket" shadow crowd --runtime
	[[ $output == *'mode requires root'* ]]
	# A plain user may read.
	as_user 65534 "$MAZE" rules --socket "$socket" | grep -q '^crowd '
	run -2 rules enforce
	run -2 rules stop crowd
	run -2 rules reset crowd --runtime
	stop_mazed
}
