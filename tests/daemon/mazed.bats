#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed(8): rules become watches, and the watches survive whatever happens to mazed.

bats_require_minimum_version 1.5.0
load test_helper

@test "a spinner is caught by the rule that it matches, and the log names the rule" {
	configure <<- 'END'
		[rule spinners]
		comm = spin*
		soft = 100ms
		soft-signal = KILL
		hard = 0
	END
	start_mazed
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until logged '"rule":"spinners"'
	grep -F '"event":"soft"' "$log" | grep -qF "\"pid\":$last,"
	stop_mazed
}

@test "a process from before mazed is watched, and one that no rule matches is not" {
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = KILL
		hard = 0
	END
	start "$PROGRAMS/spin"
	spinner=$last
	start "$PROGRAMS/thread_spins"
	other=$last
	start_mazed
	killed "$spinner"
	unwatched "$other"
	kill -0 "$other"
	stop_mazed
}

# The shipped configuration without shadow, and with limits that suit a test.
configure_as_shipped() {
	configure < <(sed -e 's/^shadow = yes/shadow = no/' -e 's/^soft = 10s/soft = 200ms/' \
		-e 's/^hard = 1min/hard = 400ms/' "$BATS_TEST_DIRNAME/../../packaging/maze.conf")
	mkdir "$conf.d"
	# A warning can take several tries, each of which has a record and a hard verdict.
	printf '[rule tested]\ncomm = plain warned\nmax-hard = off\nrepeat = 0\n' > "$conf.d/tested.conf"
}

# logged_of PID EVENT TEXT: a record of that event and process has the text.
logged_of() { grep -F "\"event\":\"$2\",\"pid\":$1," "$log" | grep -qF -- "$3"; }

# A runaway thread with a handler is warned, and killed at the hard limit. A late check finds
# both limits passed, so the handler has no time to run.
is_warned() {
	rm -f "$dir/came"
	# After its sleep the handler exists for the whole episode.
	start "$dir/warned" -c 'trap "> $0" XCPU; sleep 0.01; while :; do :; done' "$dir/came"
	warned=$last
	killed "$warned" || not_killed=$warned
	[ -e "$dir/came" ] || [ -n "$not_killed" ]
}

warns_as_shipped() {
	cp "$BASH" "$dir/plain"
	cp "$BASH" "$dir/warned"
	configure_as_shipped
	start_mazed "$@"
	start "$dir/plain" -c 'while :; do :; done'
	plain=$last
	not_killed=
	wait_until is_warned
	# Only the missing warning permits another try.
	[ -z "$not_killed" ]
	killed "$plain"
	wait_until logged_of "$warned" hard '"sent":true'
	wait_until logged_of "$plain" hard '"sent":true'
	logged_of "$plain" soft '"sent":false,"not_sent":"no handler","fatal":false'
	run ! logged_of "$plain" soft '"sent":true'
	logged_of "$warned" soft '"sent":true,"fatal":false'
	stop_mazed
}

@test "under the shipped rules a handler gets a warning, and other processes run until hard" {
	warns_as_shipped
}

@test "under the shipped rules, with the poll engine" {
	configure < /dev/null
	"$MAZED" --config "$conf" --engine poll 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	wait_until eval 'in_force_again 0 || ended "$mazed"'
	! grep -q 'process connector' "$dir/out" || skip 'the process connector takes the initial namespaces'
	stop_mazed
	warns_as_shipped --engine poll
}

@test "SIGTERM removes every watch and the engine" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start sleep 1000
	start_mazed
	watched "$last"
	stop_mazed
	nothing_pinned
	kill -0 "$last"
}

@test "watches of others stay unchanged, and the engine stays for them" {
	needs_mazed
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
		soft = 7s
	END
	start sleep 1000
	"$MAZE" watch --soft 9s "$last"
	start sleep 1000
	start_mazed
	"$MAZE" list --json | grep "\"pid\":${started[0]}," | grep -q '"soft_ns":9000000000'
	"$MAZE" list --json | grep "\"pid\":${started[1]}," | grep -q '"soft_ns":7000000000'
	stop_mazed
	watched "${started[0]}"
	unwatched "${started[1]}"
	logged 'the engine stays'
}

@test "an exec of an ignored program ends the watch, and one of a watched program begins it" {
	cp "$PROGRAMS/spin" "$dir/ignored"
	mkfifo "$dir/go"
	configure <<- 'END'
		[rule ignored]
		comm = ignored
		action = ignore
		[rule shells]
		comm = bash
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	start bash -c "read -r _ < '$dir/go'; exec '$dir/ignored'"
	wait_until watched "$last"
	echo > "$dir/go"
	wait_until unwatched "$last"
	start sleep 1000
	wait_until watched "$last"
	stop_mazed
}

@test "a rule for main threads does not watch other threads" {
	configure <<- 'END'
		[rule mains]
		comm = thread_spins
		thread = main
		soft = 100ms
		soft-signal = 0
		hard = 0
	END
	start_mazed
	start "$PROGRAMS/thread_spins"
	wait_until watched "$last"
	wait_until has_threads "$last" 2
	# The second thread inherits the first one's watch until mazed has checked it;
	# with a limit that kills, it could be killed before.
	only_one() { [ "$("$MAZE" list --json | grep -c "\"pid\":$last,")" -eq 1 ]; }
	wait_until only_one || show_log
	"$MAZE" list --json | grep "\"pid\":$last," | grep -q "\"tid\":$last,"
	stop_mazed
}

@test "a name that a program sets for itself is matched" {
	configure <<- 'END'
		[rule named]
		comm = named-later
	END
	start_mazed
	start bash -c 'printf named-later > /proc/self/comm; while :; do sleep 1; done'
	wait_until watched "$last"
	stop_mazed
}

@test "the engine enforces after mazed is killed, and the next mazed logs the verdicts" {
	configure <<- 'END'
		[rule spinners]
		comm = runaway
		soft = 0
		hard = 100ms
	END
	cp "$BASH" "$dir/runaway"
	mkfifo "$dir/go"
	start_mazed
	# It becomes a runaway thread after the end of mazed.
	start "$dir/runaway" -c "read -r _ < '$dir/go'; while :; do :; done"
	wait_until watched "$last"
	kill_mazed
	echo > "$dir/go"
	wait_until ended "$last"
	start_mazed
	wait_until logged 'while no mazed ran'
	grep -F '"event":"hard"' "$log" | grep -F "\"pid\":$last," | grep -qF '"rule":"spinners"'
	stop_mazed
	nothing_pinned
}

count_of() { "$MAZE" list --json | sed -n "s/.*\"pid\":$1,.*\"count_ns\":\([0-9]*\),.*/\1/p"; }

# Starts mazed and a spinner, which passes its soft limit. $before is its count then. Yields
# do not reset: where only mazed can hold the yield probe, a lone yield without it is missed,
# so counts that yields reset are discarded.
start_counting() {
	configure <<- 'END'
		[rule spinners]
		comm = spin
		yield = count
		soft = 100ms
		soft-signal = 0
		hard = 1h
	END
	start_mazed
	start "$PROGRAMS/spin"
	wait_until logged '"event":"soft"'
	# mazed answers when it has saved its position after that record. The next one would log
	# the record again.
	ask <<< '{"do":"status"}' | grep -q '"ok":true'
	before=$(count_of "$last")
}

@test "a correct watch keeps its count across a kill and a reload" {
	start_counting
	kill_mazed
	start_mazed
	reload_mazed
	# The count was not reset.
	[ "$(count_of "$last")" -ge "$before" ]
	stop_mazed
	logged_times 1 '"event":"soft"'
}

@test "SIGUSR1 hands over watches and counts to the next mazed" {
	start_counting
	hand_over
	logged 'hands over to the next mazed'
	watched "$last"
	start_mazed
	[ "$(count_of "$last")" -ge "$before" ]
	stop_mazed
	logged_times 1 '"event":"soft"'
	nothing_pinned
}

@test "after maze load --replace, mazed of another version watches again" {
	needs_program bpftool
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	start sleep 1000
	wait_until watched "$last"
	hand_over
	# The version of its layout is 99 now.
	bpftool map update pinned /sys/fs/bpf/maze/meta key 0 0 0 0 value hex 45 5a 41 4d 63 00 00 00
	run "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $output == *'has ABI version 99'* ]]
	run "$MAZE" load
	[ "$status" -eq 1 ]
	run "$MAZE" load --replace
	[ "$status" -eq 0 ]
	[[ $output == 'the engine of another version of maze was unloaded: '* ]]
	start_mazed
	watched "$last"
	stop_mazed
	nothing_pinned
}

@test "mazed does not replace pins that are not an engine of maze" {
	needs_mazed
	needs_program bpftool
	configure < /dev/null
	mkdir /sys/fs/bpf/maze
	bpftool map create /sys/fs/bpf/maze/meta type array key 4 value 8 entries 1 name meta
	run "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $output == *'is not an engine of maze'* ]]
	[ -e /sys/fs/bpf/maze/meta ]
}

@test "bad files leave the old rules in force, and each error is logged with file and line" {
	good='[rule sleepers]
comm = sleep
[rule spinners]
comm = spin
soft = 100ms
soft-signal = KILL
hard = 0'
	configure <<< "$good"
	start_mazed
	for bad in 'this is no line' '[rule x]
colour = red' '[rule x]
cmdline = (' '[rule never]
comm = sleep
user = root'; do
		configure <<< "$good
$bad"
		before=$(times_logged 'the old rules stay in force')
		kill -HUP "$mazed"
		wait_until logged_times $((before + 1)) 'the old rules stay in force'
	done
	# The first bad line: later than those of configure and of the good file.
	logged "$conf:$(($(grep -c '' "$conf") - 2)): "
	logged 'colour'
	logged 'cmdline'
	logged 'never used'
	start "$PROGRAMS/spin"
	killed "$last"
	stop_mazed
}

@test "a reload unwatches processes without a rule, and watches those with a new rule" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start sleep 1000
	start_mazed
	watched "$last"
	configure <<- 'END'
		[rule spinners]
		comm = spin
	END
	reload_mazed
	unwatched "$last"
	stop_mazed
}

# MAZE_IDLE_S: how long nothing may happen.
idle_s=${MAZE_IDLE_S:-5}
@test "three hundred watched sleepers do not wake mazed" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	start "$PROGRAMS/copies" 300 sleep 1000
	wait_until eval '[ "$("$MAZE" list | grep -c sleep)" -ge 300 ]'
	# No timer within a day: the time that passes may be longer than asked for.
	wait_until is_idle 86400
	wakeups before
	pass_seconds "$idle_s"
	wakeups after
	echo "# woken $((after - before)) times in $idle_s s, $(grep VmRSS "/proc/$mazed/status")" >&3
	[ "$after" -eq "$before" ]
	stop_mazed
}

@test "a flood of events hides no process, and is logged once a minute" {
	configure <<- 'END'
		[rule pollers]
		thread = dpdk-*
		action = ignore
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = KILL
		hard = 0
	END
	start_mazed
	start setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAMS/renamer" --count 2000
	wait_until logged 'lost: scanning all processes'
	for ((i = 0; i < 3; i++)); do
		start "$PROGRAMS/spin"
		killed "$last"
	done
	reload_mazed
	logged_apart 60 'lost: scanning all processes'
	# To look at everything again is no news either.
	logged_times 2 ' in force, '
	stop_mazed
}

@test "a burst larger than one batch is processed to its end" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	kill -STOP "$mazed"
	start "$PROGRAMS/copies" 800 sleep 1000
	wait_until eval '[ "$(grep -l "^sleep$" /proc/[0-9]*/comm 2> /dev/null | wc -l)" -ge 800 ]'
	kill -CONT "$mazed"
	wait_until is_idle 6
	# By the shell itself: starting a process would be an event that wakes mazed.
	mapfile -t entries < /sys/fs/bpf/maze/entries
	echo "${#entries[@]} lines"
	# At most the heading, the sleepers, and the processes that started them.
	[ "${#entries[@]}" -ge 801 ]
	stop_mazed
}

@test "a second mazed refuses to start" {
	configure < /dev/null
	start_mazed
	run --separate-stderr "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $stderr == *'another mazed is running'* ]]
	stop_mazed
}

@test "a wrong command line is refused with a sentence" {
	for arguments in '--no-such' 'argument' '--explain x' '--thread 1' '--check --explain 1' '--engine steam'; do
		# shellcheck disable=SC2086 # split on purpose
		run --separate-stderr "$MAZED" $arguments
		[ "$status" -eq 2 ]
		[ -n "$stderr" ]
	done
	run --separate-stderr "$MAZED" --config "$dir/none"
	[ "$status" -eq 1 ]
	[[ $stderr == *"$dir/none"* ]]
}

@test "--check and --explain describe the rules" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	"$MAZED" --config "$conf" --check | grep -q '^accepted: 1 rule'
	start sleep 1000
	"$MAZED" --config "$conf" --explain "$last" |
		grep -q '^rule sleepers: the thread is watched'
}

@test "a standard output that cannot be written is reported" {
	configure < /dev/null
	start sleep 1000
	for arguments in --help --version --check "--explain $last"; do
		# shellcheck disable=SC2086 # split on purpose
		output_is_lost "$MAZED" --config "$conf" $arguments
	done
}

@test "a stage's command runs with its record, and is logged" {
	cat > "$dir/tell" <<- END
		#!/bin/sh
		cat > "$dir/told.tmp"
		printf '%s\n' "\$MAZE_RULE \$MAZE_EVENT \$MAZE_PID" > "$dir/environment"
		mv "$dir/told.tmp" "$dir/told"
	END
	chmod 755 "$dir/tell"
	configure <<- END
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = 0
		soft-exec = $dir/tell
		soft-renice = 15
		hard = 0
	END
	start_mazed
	start "$PROGRAMS/spin"
	wait_until [ -e "$dir/told" ]
	[ "$(cat "$dir/environment")" = "spinners soft $last" ]
	grep -q "\"pid\":$last," "$dir/told"
	wait_until eval '[ "$(cut -d" " -f19 "/proc/$last/stat")" -eq 15 ]'
	stop_mazed
}

# ends_at_200ms COMM [KEY]: the rule spinners for programs of that name, and a key of [daemon].
ends_at_200ms() {
	configure <<- END
		${2-}
		[rule spinners]
		comm = $1
		max-hard = off
		soft = 100ms
		hard = 200ms
		soft-signal = 0
		repeat = 0
	END
}

# reported PID: the last incident is that of a spinner, with its location and end.
reported() {
	COLUMNS=10000 "$MAZE" report --incidents "$dir/incidents" last > "$dir/report" 2> "$dir/refused" &&
		grep -q "^spin (PID $1).* It was in spin_on .*, then sent SIGKILL at [0-9.]*m*s" "$dir/report"
}

@test "each verdict has an incident, with its rule, according to the settings" {
	ends_at_200ms spin 'incidents-kept = 2'
	start_mazed
	for i in 1 2 3; do
		start "$PROGRAMS/spin"
		wait_until ended "$last"
	done
	wait_until logged_times 3 '"message":"incident 2'
	logged_times 3 ": maze report --incidents $dir/incidents 2"
	wait_until eval '[ "$(ls "$dir/incidents" | wc -l)" -eq 2 ]'
	# mazed writes it before all data is known, and again afterwards.
	wait_until reported "$last" || { cat "$dir/report" "$dir/refused"; false; }
	grep -q '^  rule  *spinners$' "$dir/report"
	[ "$(stat -c %a "$dir/incidents")" = 700 ]
	# No incidents from the next reload on.
	sed -i 's/^incidents = .*/incidents = no/' "$conf"
	reload_mazed
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until logged "\"event\":\"exit\",\"pid\":$last,"
	stop_mazed
	[ "$(ls "$dir/incidents" | wc -l)" -eq 2 ]
	logged_times 3 '"message":"incident 2'
}

@test "a program in a /tmp that mazed does not share is named, also after its end" {
	ends_at_200ms sh
	mkdir "$dir/tmp"
	cp "$PROGRAMS/spin" "$dir/tmp"
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\nexec unshare --mount sh -c %s "%s" "%s" "$@"\n' \
		"'mount -t tmpfs none \"\$0\" && exec \"\$@\"'" "$dir/tmp" "$(realpath "$MAZED")" > "$dir/mazed"
	chmod 755 "$dir/mazed"
	MAZED=$dir/mazed
	start_mazed
	# It has ended before mazed reads its verdicts, so the kernel has the facts.
	start sh -c 'kill -STOP $$; exec "$0"' "$dir/tmp/spin"
	wait_until grep -q "^State:.*stopped" "/proc/$last/status"
	wait_until watched "$last"
	kill -STOP "$mazed"
	kill -CONT "$last"
	wait_until ended "$last"
	kill -CONT "$mazed"
	wait_until reported "$last" || { cat "$dir/report" "$dir/refused"; false; }
	stop_mazed
}

@test "an unusable incident directory is logged once, and enforcement goes on" {
	touch "$dir/incidents"
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		hard = 200ms
		soft-signal = 0
		repeat = 0
	END
	start_mazed
	for i in 1 2 3; do
		start "$PROGRAMS/spin"
		wait_until ended "$last"
	done
	wait_until logged_times 3 '"event":"hard"'
	stop_mazed
	logged_times 1 "$dir/incidents"
}
