#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze events: its filters, its times and colours, and the logs of mazed as sources. The lines
# are those of tests/unit/test_log.c.

bats_require_minimum_version 1.5.0
load test_helper

setup() {
	log=$BATS_TEST_TMPDIR/log
	export TZ=CET-1CEST,M3.5.0,M10.5.0/3
	{
		record 2026-06-15T08:00:00.125000000Z soft 101 spin 1000 batch nginx.service
		record 2026-06-15T09:00:00.000000000Z hard 101 spin 1000 batch nginx.service
		record 2026-06-15T10:00:00.000000000Z soft 202 'my job' 0 web ssh.service
		record 2026-06-15T10:30:00.000000000Z exit 202 'my job' 0 web ssh.service
		record 2026-06-15T11:00:00.000000000Z action 303 other 1000 web session-1.scope \
			',"stage":"hard","action":"renice","tried":true,"applied":true,"message":"renice: other[303] thread 303: nice 19, rule web"'
		echo '{"time":"2026-06-15T12:00:00.000000000Z","event":"message","priority":"info","message":"mazed begins"}'
		record 2026-06-15T12:30:00.000000000Z lost 0 '' 0 '' '' ',"lost":3' | sed 's/,"rule":"","unit":""//'
	} > "$log"
}

# record TIME EVENT PID COMM UID RULE UNIT [MEMBERS]
record() {
	printf '{"time":"%s","event":"%s","pid":%d,"tid":%d,"comm":"%s","uid":%d,"cgroup_id":1,"count_ns":600000123,"limit_ns":600000000,"signal":"SIGXCPU","signal_number":24,"sent":true,"fatal":false,"used_ns":600000123,"asleep_ns":0,"sleeps":0,"shadow":false,"engine":"bpf","cpu":3,"episode":7,"rule":"%s","unit":"%s"%s}\n' \
		"$1" "$2" "$3" "$3" "$4" "$5" "$6" "$7" "${8-}"
}

# The hours of what the options leave.
hours() { run -0 --separate-stderr "$MAZE" events --file "$log" "$@"; printf '%s' "$output" | sed 's/^[^T]*T\(..\).*/\1 /' | tr -d '\n'; }

@test "a log file has the records and actions, in the format of the engine" {
	[ "$(hours)" = '08 09 10 10 11 12 ' ]
	run -0 --separate-stderr "$MAZE" events --file "$log"
	[ "${lines[0]}" = '2026-06-15T08:00:00.125000000Z soft: spin[101] thread 101 uid 1000 used 600.000123ms of CPU without sleeping, limit 600ms; sent SIGXCPU (bpf, cpu 3), rule batch' ]
	[ "${lines[4]}" = '2026-06-15T11:00:00.000000000Z action: renice: other[303] thread 303: nice 19, rule web' ]
	[ "${lines[5]}" = '2026-06-15T12:30:00.000000000Z lost: 3 records overwritten unread (bpf)' ]
	# As JSON, an event keeps all its keys.
	run -0 "$MAZE" events --file "$log" --json
	[ "$output" = "$(grep -v '"message","priority"' "$log")" ]
	run -0 "$MAZE" events --file - < "$log"
	[ "${#lines[@]}" -eq 6 ]
}

@test "filters leave what matches each of them; a loss concerns all" {
	[ "$(hours --pid 202)" = '10 10 12 ' ]
	[ "$(hours --comm 'm? *')" = '10 10 12 ' ]
	[ "$(hours --user root)" = '10 10 12 ' ]
	[ "$(hours --user 1000)" = '08 09 11 12 ' ]
	[ "$(hours --rule web)" = '10 10 11 12 ' ]
	[ "$(hours --unit nginx)" = '08 09 12 ' ]
	[ "$(hours --unit 'session-*.scope')" = '11 12 ' ]
	[ "$(hours --event verdict)" = '08 09 10 ' ]
	[ "$(hours --event hard,action)" = '09 11 ' ]
	[ "$(hours --event lost)" = '12 ' ]
	[ "$(hours --event soft --user 1000 --rule batch)" = '08 ' ]
	[ "$(hours --event exit --user 1000)" = '' ]
	[ "$(hours --since 2026-06-15T09:00:00Z --until 2026-06-15T10:00:00Z)" = '09 10 ' ]
	# Without an offset, times are local, which is two hours later here.
	[ "$(hours --since '2026-06-15 11:00' --until '2026-06-15 12:00:00')" = '09 10 ' ]
	[ "$(hours --since today)" = '' ]
}

@test "on a terminal, times are local and events have colours" {
	needs_program script
	local red=$'\e[1;31m' plain=$'\e[0m'
	shown() { TERM=xterm script -qec "$* $MAZE events --file $log --event hard ${options-}" /dev/null; }
	run -0 shown NO_COLOR=
	[[ $output == "2026-06-15 11:00:00.000 ${red}hard${plain}: spin[101] "* ]]
	run -0 shown NO_COLOR=1
	[[ $output == "2026-06-15 11:00:00.000 hard: spin[101] "* ]]
	options='--color never' run -0 shown NO_COLOR=
	[[ $output == *' hard: '* ]]
	run -0 "$MAZE" events --file "$log" --event hard --color=always
	[[ $output == "2026-06-15T09:00:00.000000000Z ${red}hard${plain}: "* ]]
	run -0 "$MAZE" events --file "$log" --event hard
	[[ $output == *'Z hard: '* ]]
}

@test "lines that are no records are counted, and the others printed" {
	{ echo 'garbage'; echo; echo '{"event":"soft"}'; head -c 200000 /dev/zero | tr '\0' x; echo; } >> "$log"
	record 2026-06-15T13:00:00Z soft 101 'a\u001b[2Jb' 1000 r u >> "$log"
	run -1 --separate-stderr "$MAZE" events --file "$log"
	[ "${#lines[@]}" -eq 7 ]
	[[ ${lines[6]} == *'soft: a\x1b[2Jb[101] '* ]]
	[[ $stderr == *'3 of 12 lines are no records; the first of them is line 8' ]]
	refused 1 "$MAZE" events --file "$BATS_TEST_TMPDIR/none"
	refused 1 "$MAZE" events --file "$BATS_TEST_TMPDIR"
}

@test "wrong options are refused, and nothing is read" {
	local option
	touch "$log"
	for option in '--since tomorrow' '--until 2026-02-30' '--pid x' '--pid 0' '--user no-such-user' \
		'--event none' '--event soft,' '--comm [' '--color yes' '--since today --until yesterday' \
		--journal --direct '--engine bpf' --follow; do
		# shellcheck disable=SC2086 # an option and its value
		refused 2 "$MAZE" events --file "$log" $option
	done
	refused 2 "$MAZE" events --journal --socket /x
	refused 2 "$MAZE" events --direct --rule x
	refused 2 "$MAZE" events --direct --unit x
	refused 2 "$MAZE" events --direct --event action
}

# A journald of the test, in private file systems. Only root's entries are mazed's.
journal() {
	cat > "$BATS_TEST_TMPDIR/journal" <<- 'END'
		set -eu
		# bats waits until all have closed this descriptor.
		exec 3>&-
		mount -t tmpfs none /run
		mkdir -p /run/systemd/journal /run/log/journal
		/lib/systemd/systemd-journald & journald=$!
		reader=
		trap 'kill $journald $reader 2> /dev/null || :; wait' EXIT
		for ((i = 0; i < 600; i++)); do [ ! -S /run/systemd/journal/socket ] || break; sleep 0.1; done
		entry() { printf 'MESSAGE=%s\nSYSLOG_IDENTIFIER=%s\nMAZE_EVENT=hard\nMAZE_TIME=2026-06-15T0%s:00:00.000000000Z\nMAZE_PID=101\nMAZE_TID=101\nMAZE_COMM=spin\nMAZE_UID=1000\nMAZE_CGROUP_ID=1\nMAZE_COUNT_NS=600000123\nMAZE_LIMIT_NS=600000000\nMAZE_SIGNAL=SIGKILL\nMAZE_SENT=yes\nMAZE_FATAL=yes\nMAZE_USED_NS=600000123\nMAZE_ASLEEP_NS=0\nMAZE_SLEEPS=0\nMAZE_SHADOW=no\nMAZE_ENGINE=bpf\nMAZE_CPU=3\nMAZE_EPISODE=7\nMAZE_RULE=batch\nMAZE_UNIT=nginx.service\nMAZE_POD=7d1f6a0e\nMAZE_CONTAINER=web\n' "$@"; }
		entry one mazed 7 | logger --journald
		entry two other 8 | logger --journald
		entry three mazed 9 | setpriv --reuid=65534 --clear-groups logger --journald
		entry four mazed 1 | sed 's/^MAZE_EVENT=.*/MAZE_EVENT=action\nMAZE_STAGE=hard\nMAZE_ACTION=renice\nMAZE_TRIED=yes\nMAZE_APPLIED=no/' | logger --journald
		# An entry of mazed 0.1.0 has no time, and a message is no record.
		entry five mazed 0 | sed '/^MAZE_TIME/d' | logger --journald
		printf 'MESSAGE=mazed begins\nSYSLOG_IDENTIFIER=mazed\n' | logger --journald
		until_true() { for ((i = 0; i < 600; i++)); do ! "$@" || return 0; sleep 0.1; done; return 1; }
		sees() { journalctl --quiet MESSAGE="$1" | grep -q .; }
		until_true sees 'mazed begins'
		has_lines() { [ "$(wc -l < "$1")" -eq "$2" ]; }
		# An entry that comes later, and the end of the reader.
		follows() {
			"$1" events --journal --follow > "$2" & reader=$!
			until_true has_lines "$2" 3
			entry six mazed 6 | logger --journald
			until_true has_lines "$2" 4
			kill "$reader"
			cat "$2"
		}
		"$@"
	END
	run -0 --separate-stderr timeout -k 10 120 unshare --mount --propagation private bash "$BATS_TEST_TMPDIR/journal" "$@"
}

@test "the journal has the same records, and only those of mazed" {
	needs_private_mounts
	needs_program logger
	needs_program setpriv
	[ -x /lib/systemd/systemd-journald ] || skip 'systemd-journald is not installed'
	journal "$MAZE" events --journal
	[ "${lines[0]}" = '2026-06-15T07:00:00.000000000Z hard: spin[101] thread 101 uid 1000 used 600.000123ms of CPU without sleeping, limit 600ms; sent SIGKILL (bpf, cpu 3), rule batch' ]
	[ "${lines[1]}" = '2026-06-15T01:00:00.000000000Z action: four' ]
	[[ ${lines[2]} == 20*' hard: spin[101] '* ]]
	[ "${#lines[@]}" -eq 3 ]
	journal follows "$(realpath "$MAZE")" "$BATS_TEST_TMPDIR/followed"
	[[ ${lines[3]} == '2026-06-15T06:00:00.000000000Z hard: spin[101] '* ]]
	journal "$MAZE" events --journal --event action --unit nginx --json
	[[ $output == *'"signal_number":9,'*'"unit":"nginx.service"'* ]]
	[[ $output == *'"pod":"7d1f6a0e","container":"web"'* ]]
	[[ $output == *'"action":"renice","stage":"hard","tried":true,"applied":false'*'"message":"four"'* ]]
}
