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
	eventually ended "$last"
	eventually said '"rule":"spinners"'
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
	eventually ended "$spinner"
	unwatched "$other"
	kill -0 "$other"
	stop_mazed
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
	eventually watched "$last"
	echo > "$dir/go"
	eventually unwatched "$last"
	start sleep 1000
	eventually watched "$last"
	stop_mazed
}

@test "a rule for main threads leaves the others alone" {
	configure <<- 'END'
		[rule mains]
		comm = thread_spins
		thread = main
		soft = 100ms
		hard = 200ms
	END
	start_mazed
	start "$PROGRAMS/thread_spins"
	eventually watched "$last"
	[ "$("$MAZE" list --json | grep -c "\"pid\":$last,")" -eq 1 ]
	"$MAZE" list --json | grep "\"pid\":$last," | grep -q "\"tid\":$last,"
	kill -0 "$last"
	stop_mazed
}

@test "a name that a program gives itself counts" {
	configure <<- 'END'
		[rule named]
		comm = named-later
	END
	start_mazed
	start bash -c 'printf named-later > /proc/self/comm; while :; do sleep 1; done'
	eventually watched "$last"
	stop_mazed
}

@test "killed, mazed leaves the engine enforcing, and the next one says what was done" {
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 0
		hard = 300ms
	END
	start_mazed
	start "$PROGRAMS/spin"
	eventually watched "$last"
	kill_mazed
	eventually ended "$last"
	start_mazed
	eventually said 'while no mazed ran'
	grep -F '"event":"hard"' "$log" | grep -F "\"pid\":$last," | grep -qF '"rule":"spinners"'
	stop_mazed
	nothing_pinned
}

@test "a watch that is right goes on counting across a kill and a reload" {
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 1s
		soft-signal = 0
		hard = 3s
	END
	start_mazed
	start "$PROGRAMS/spin"
	eventually said '"event":"soft"'
	kill_mazed
	start_mazed
	reload_mazed
	eventually ended "$last"
	# One soft verdict: its episode did not begin anew.
	eventually said '"event":"hard"'
	said_times 1 '"event":"soft"'
	stop_mazed
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
		before=$(grep -cF 'the rules that were in force stay' "$log" || :)
		kill -HUP "$mazed"
		eventually [ "$(grep -cF 'the rules that were in force stay' "$log")" -gt "$before" ] ||
			eventually said_times $((before + 1)) 'the rules that were in force stay'
	done
	# The first bad line: behind those of configure and of the good file.
	said "$conf:$(($(grep -c '' "$conf") - 2)): "
	said 'colour'
	said 'cmdline'
	said 'never used'
	start "$PROGRAMS/spin"
	eventually ended "$last"
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

# As a test: enough to see all kinds. MAZE_STORM=500 MAZE_STORM_KILLS=20 for a real one,
# on a machine that has nothing else to do.
storm=${MAZE_STORM:-60}
kills=${MAZE_STORM_KILLS:-6}
storm_rule() {
	configure <<- 'END'
		[rule spinners]
		comm = spin*
		soft = 300ms
		hard = 600ms
		repeat = 0
	END
}

weathered() {
	sed 's/^/# /' "$dir/storm" >&3
	grep -qE "^spinners $storm ended $storm unsignalled 0 twice 0 longest-ms [0-9]+ innocents $storm hurt 0\$" "$dir/storm"
	[ "$(awk '{ print $10 }' "$dir/storm")" -lt "$1" ]
}

@test "a storm: every spinner is caught, once, and no innocent is" {
	storm_rule
	start_mazed
	"$PROGRAMS/storm" "$dir" "$storm" "$storm" 50 1 > "$dir/storm"
	weathered 2000
	eventually said_times "$storm" '"event":"soft"'
	[ "$(grep -F '"event":"soft"' "$log" | grep -cF '"rule":"spinners"')" -eq "$storm" ]
	stop_mazed
}

@test "a storm in which mazed is killed again and again: none survives, none twice" {
	storm_rule
	"$PROGRAMS/storm" "$dir" "$storm" "$storm" 20 2 > "$dir/storm" &
	started+=("$!")
	running=$!
	for ((i = 0; i < kills; i++)); do
		start_mazed
		sleep 0.$((RANDOM % 5))
		kill_mazed
	done
	start_mazed
	wait "$running"
	# Who began while there was no mazed had to wait for the next one, which takes long
	# under the sanitizers.
	if [ "$(basename "$(dirname "$MAZED")")" = sanitize ]; then weathered 4000; else weathered 2000; fi
	grep -F 'while no mazed ran' "$log" | sed 's/.*"message":/# /' | tail -n 3 >&3
	stop_mazed
	nothing_pinned
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
	eventually eval '[ "$("$MAZE" list | grep -c sleep)" -ge 300 ]'
	# By the shell itself, since whoever is started meanwhile is looked at.
	mkfifo "$dir/never"
	exec 9<> "$dir/never"
	read -r -t 2 -u 9 _ || :
	wakeups before
	read -r -t "$idle_s" -u 9 _ || :
	wakeups after
	exec 9<&-
	echo "# woken $((after - before)) times in $idle_s s, $(grep VmRSS "/proc/$mazed/status")" >&3
	[ "$after" -eq "$before" ]
	stop_mazed
}

@test "who makes more events than can be looked at hides nobody, and is said once" {
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
	eventually said 'process events were lost'
	for ((i = 0; i < 3; i++)); do
		start "$PROGRAMS/spin"
		eventually ended "$last"
	done
	reload_mazed
	said_times 1 'process events were lost'
	# To look at everything again is no news either.
	said_times 2 'rules are in force'
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
	eventually eval '[ "$(grep -l "^sleep$" /proc/[0-9]*/comm | wc -l)" -ge 800 ]'
	kill -CONT "$mazed"
	# By the shell itself: what is started now would be an event that wakes mazed.
	mkfifo "$dir/never"
	exec 9<> "$dir/never"
	for ((i = 0; i < 20; i++)); do
		wakeups before
		read -r -t 1 -u 9 _ || :
		wakeups after
		[ "$before" -ne "$after" ] || break
	done
	exec 9<&-
	[ "$("$MAZE" list | grep -c sleep)" -ge 800 ]
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
	eventually [ -e "$dir/told" ]
	[ "$(cat "$dir/environment")" = "spinners soft $last" ]
	grep -q "\"pid\":$last," "$dir/told"
	eventually eval '[ "$(cut -d" " -f19 "/proc/$last/stat")" -eq 15 ]'
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
		eventually ended "$last"
	done
	eventually said_times 3 '"message":"incident 2'
	eventually eval '[ "$(ls "$dir/incidents" | wc -l)" -eq 2 ]'
	"$MAZE" report --incidents "$dir/incidents" last > "$dir/report"
	grep -q "^spin (PID $last).* It was in main " "$dir/report"
	grep -q '^  rule  *spinners$' "$dir/report"
	[ "$(stat -c %a "$dir/incidents")" = 700 ]
	# Without, from the next reload on.
	sed -i 's/^incidents = .*/incidents = no/' "$conf"
	reload_mazed
	start "$PROGRAMS/spin"
	eventually ended "$last"
	eventually said "\"event\":\"exit\",\"pid\":$last,"
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
		eventually ended "$last"
	done
	eventually said_times 3 '"event":"hard"'
	stop_mazed
	said_times 1 "$dir/incidents"
}
