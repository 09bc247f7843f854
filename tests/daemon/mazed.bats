#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed(8): rules become watches, and stay so whatever happens to mazed.

bats_require_minimum_version 1.5.0
load test_helper

@test "a spinner is caught by the rule that it falls under, and the log says which" {
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
	wait_until said '"rule":"spinners"'
	grep -F '"event":"soft"' "$log" | grep -qF "\"pid\":$last,"
	stop_mazed
}

@test "who ran before mazed is enrolled, and who no rule means is left alone" {
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

# As it is shipped but for shadow, and with limits for which a test can wait.
configure_as_shipped() {
	configure < <(sed -e 's/^shadow = yes/shadow = no/' -e 's/^soft = 10s/soft = 500ms/' \
		-e 's/^hard = 1min/hard = 1s/' "$BATS_TEST_DIRNAME/../../packaging/maze.conf")
	mkdir "$conf.d"
	printf '[rule tested]\ncomm = plain warned\n' > "$conf.d/tested.conf"
}

# said_of PID EVENT TEXT: so does a record of it.
said_of() { grep -F "\"event\":\"$2\",\"pid\":$1," "$log" | grep -qF -- "$3"; }

warns_as_shipped() {
	cp "$BASH" "$dir/plain"
	cp "$BASH" "$dir/warned"
	configure_as_shipped
	start_mazed "$@"
	start "$dir/plain" -c 'while :; do :; done'
	plain=$last
	# Once it has slept its handler is there for the whole episode.
	start "$dir/warned" -c 'trap "> $0" XCPU; sleep 0.01; while :; do :; done' "$dir/came"
	warned=$last
	killed "$plain"
	killed "$warned"
	wait_until said_of "$warned" hard '"sent":true'
	wait_until said_of "$plain" hard '"sent":true'
	said_of "$plain" soft '"sent":false,"not_sent":"no handler","fatal":false'
	! said_of "$plain" soft '"sent":true'
	said_of "$warned" soft '"sent":true,"fatal":false'
	[ -e "$dir/came" ]
	stop_mazed
}

@test "by the rules as shipped a warning comes to a handler and spares the rest until hard" {
	warns_as_shipped
}

@test "by the rules as shipped, with the engine poll" {
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

@test "what others watch stays as it is, and the engine for them" {
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
	said 'the engine stays'
}

@test "an exec into what is ignored ends the watch, and into what is watched begins it" {
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

@test "a rule for main threads leaves the others alone" {
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
	# The second thread begins with the first one's watch, until mazed has looked at it:
	# by a limit that kills, it could be killed before.
	only_one() { [ "$("$MAZE" list --json | grep -c "\"pid\":$last,")" -eq 1 ]; }
	wait_until only_one || show_log
	"$MAZE" list --json | grep "\"pid\":$last," | grep -q "\"tid\":$last,"
	stop_mazed
}

@test "a name that a program gives itself counts" {
	configure <<- 'END'
		[rule named]
		comm = named-later
	END
	start_mazed
	start bash -c 'printf named-later > /proc/self/comm; while :; do sleep 1; done'
	wait_until watched "$last"
	stop_mazed
}

@test "killed, mazed leaves the engine enforcing, and the next one says what was done" {
	configure <<- 'END'
		[rule spinners]
		comm = runaway
		soft = 0
		hard = 100ms
	END
	cp "$BASH" "$dir/runaway"
	mkfifo "$dir/go"
	start_mazed
	# It runs away once there is no mazed.
	start "$dir/runaway" -c "read -r _ < '$dir/go'; while :; do :; done"
	wait_until watched "$last"
	kill_mazed
	echo > "$dir/go"
	wait_until ended "$last"
	start_mazed
	wait_until said 'while no mazed ran'
	grep -F '"event":"hard"' "$log" | grep -F "\"pid\":$last," | grep -qF '"rule":"spinners"'
	stop_mazed
	nothing_pinned
}

@test "a watch that is right goes on counting across a kill and a reload" {
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = 0
		hard = 1h
	END
	start_mazed
	start "$PROGRAMS/spin"
	wait_until said '"event":"soft"'
	count_of() { "$MAZE" list --json | sed -n "s/.*\"pid\":$1,.*\"count_ns\":\([0-9]*\),.*/\1/p"; }
	before=$(count_of "$last")
	kill_mazed
	start_mazed
	reload_mazed
	# Its episode did not begin anew.
	[ "$(count_of "$last")" -ge "$before" ]
	stop_mazed
	said_times 1 '"event":"soft"'
}

@test "bad files leave the old rules in force, and each fault is said with file and line" {
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
		before=$(times_said 'the old rules stay in force')
		kill -HUP "$mazed"
		wait_until said_times $((before + 1)) 'the old rules stay in force'
	done
	# The first bad line: behind those of configure and of the good file.
	said "$conf:$(($(grep -c '' "$conf") - 2)): "
	said 'colour'
	said 'cmdline'
	said 'never used'
	start "$PROGRAMS/spin"
	killed "$last"
	stop_mazed
}

@test "a reload lets go of what no rule means any more, and takes up what one does" {
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
@test "with three hundred watched sleepers nothing wakes mazed" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	start "$PROGRAMS/copies" 300 sleep 1000
	wait_until eval '[ "$("$MAZE" list | grep -c sleep)" -ge 300 ]'
	wait_until no_timer_within "$((idle_s + 1))"
	wait_until is_idle
	wakeups before
	pass_seconds "$idle_s"
	wakeups after
	echo "# woken $((after - before)) times in $idle_s s, $(grep VmRSS "/proc/$mazed/status")" >&3
	[ "$after" -eq "$before" ]
	stop_mazed
}

@test "who makes more events than can be looked at hides nobody, and is said once a minute" {
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
	wait_until said 'lost: scanning all processes'
	for ((i = 0; i < 3; i++)); do
		start "$PROGRAMS/spin"
		killed "$last"
	done
	reload_mazed
	said_apart 60 'lost: scanning all processes'
	# To look at everything again is no news either.
	said_times 2 ' in force, '
	stop_mazed
}

@test "a burst of more than is looked at in one go is looked at to its end" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	start_mazed
	kill -STOP "$mazed"
	start "$PROGRAMS/copies" 800 sleep 1000
	wait_until eval '[ "$(grep -l "^sleep$" /proc/[0-9]*/comm 2> /dev/null | wc -l)" -ge 800 ]'
	kill -CONT "$mazed"
	wait_until is_idle
	# By the shell itself: a process that is started now would be an event that wakes mazed.
	mapfile -t entries < /sys/fs/bpf/maze/entries
	echo "${#entries[@]} lines"
	# The heading, the sleepers, and what has started them at most.
	[ "${#entries[@]}" -ge 801 ]
	stop_mazed
}

@test "there is one mazed: a second one says so and ends" {
	configure < /dev/null
	start_mazed
	run --separate-stderr "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $stderr == *'another mazed is running'* ]]
	stop_mazed
}

@test "wrong use is refused with a sentence" {
	for arguments in '--no-such' 'argument' '--explain x' '--thread 1' '--check --explain 1' '--engine steam'; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr "$MAZED" $arguments
		[ "$status" -eq 2 ]
		[ -n "$stderr" ]
	done
	run --separate-stderr "$MAZED" --config "$dir/none"
	[ "$status" -eq 1 ]
	[[ $stderr == *"$dir/none"* ]]
}

@test "--check and --explain say what the rules are and do" {
	configure <<- 'END'
		[rule sleepers]
		comm = sleep
	END
	"$MAZED" --config "$conf" --check | grep -q '^accepted: 1 rule'
	start sleep 1000
	"$MAZED" --config "$conf" --explain "$last" | grep -q '^rule sleepers: it is watched'
}

@test "a stage's command runs with its record, and the log says so" {
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

@test "an incident is kept of each verdict, with its rule, and as its settings say" {
	configure <<- 'END'
		incidents-kept = 2
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
	wait_until said_times 3 '"message":"incident 2'
	wait_until eval '[ "$(ls "$dir/incidents" | wc -l)" -eq 2 ]'
	# Written before all of it is known, and again after.
	reported() {
		"$MAZE" report --incidents "$dir/incidents" last > "$dir/report" 2> "$dir/refused" &&
			grep -q "^spin (PID $last).* It was in spin_on .*, then sent SIGKILL at 200ms" "$dir/report"
	}
	wait_until reported || { cat "$dir/report" "$dir/refused"; false; }
	grep -q '^  rule  *spinners$' "$dir/report"
	[ "$(stat -c %a "$dir/incidents")" = 700 ]
	# Without, from the next reload on.
	sed -i 's/^incidents = .*/incidents = no/' "$conf"
	reload_mazed
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until said "\"event\":\"exit\",\"pid\":$last,"
	stop_mazed
	[ "$(ls "$dir/incidents" | wc -l)" -eq 2 ]
	said_times 3 '"message":"incident 2'
}

@test "a directory of incidents that takes none is said once, and stops nothing" {
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
	wait_until said_times 3 '"event":"hard"'
	stop_mazed
	said_times 1 "$dir/incidents"
}
