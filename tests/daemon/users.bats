#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed and its users: a process that blocks its readers delays only its own incidents,
# and only the user who causes a load pays for it.

bats_require_minimum_version 1.5.0
load test_helper

USER_ID=65534

# Starts a victim of fuse_hang in that mode, into $victim; its server is $server.
hang() {
	needs_root 'mount a FUSE'
	mkdir -p "$dir/mnt"
	chmod 755 "$dir"
	"$PROGRAMS/fuse_hang" "$dir/mnt" "$USER_ID" "$1" 3>&- > "$dir/hang" 2>&1 &
	server=$!
	started+=("$server")
	wait_until grep -q 'victim\|no FUSE' "$dir/hang"
	umount -l "$dir/mnt" 2> /dev/null || :
	! grep -q 'no FUSE' "$dir/hang" || skip "$(cat "$dir/hang")"
	victim=$(sed -n 's/victim //p' "$dir/hang")
}

release() { kill -USR1 "$server"; }

# In state D (uninterruptible sleep); read from a file that does not touch the process's
# memory.
workers_asleep() {
	local stat pid comm state parent rest count=0
	for stat in /proc/[0-9]*/stat; do
		read -r pid comm state parent rest < "$stat" 2> /dev/null || continue
		[ "$comm" != '(maze-worker)' ] || [ "$parent" != "$mazed" ] || [ "$state" != D ] ||
			count=$((count + 1))
	done
	echo "$count"
}
asleep() { [ "$(workers_asleep)" -eq "$1" ]; }

# The user's incident is complete and has that note.
has_note() { grep -qs "$1" "$dir"/incidents/*-u"$USER_ID"*.json; }
has_incident_of() { grep -qs "\"pid\":$1," "$dir"/incidents/*.json; }

watch_victim() {
	ask <<< "{\"do\":\"watch\",\"pid\":$victim,\"policy\":{\"soft\":\"100ms\",\"soft-signal\":\"0\",\"hard\":\"0\"}}" |
		grep -qx '{"ok":true}'
}

# mazed still serves others: it answers, and a thread of root gets its incident.
serves_others() {
	local spin
	ask <<< '{"do":"list"}' | grep -q '"done":true'
	start "$PROGRAMS/spin"
	spin=$last
	wait_until ended "$spin"
	wait_until has_incident_of "$spin"
}

spinners() {
	chmod 755 "$dir"
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 30ms
		hard = 60ms
		soft-signal = 0
		repeat = 0
		max-hard = off
	END
}

@test "a process with a locked memory map delays only its own incidents" {
	spinners
	start_mazed
	hang memory
	watch_victim
	wait_until logged '"event":"soft"'
	stop_burning "$victim"
	serves_others
	wait_until logged 'has not answered in time'
	wait_until has_note 'was not read'
	serves_others
	stop_mazed
}

@test "a file that is never opened leaves a worker behind, which is counted" {
	spinners
	start_mazed
	hang open
	watch_victim
	wait_until grep -q 'open held' "$dir/hang"
	stop_burning "$victim"
	wait_until asleep 1
	serves_others
	wait_until logged "incidents of user id $USER_ID: the worker process has not answered in time; workers left behind: 1"
	wait_until has_note 'was not read'
	# Killed, and still there; a second verdict of that user leaves no second one. Another
	# worker may be in state D while it writes.
	wait_until asleep 1
	ask <<< "{\"do\":\"unwatch\",\"pid\":$victim}" | grep -qx '{"ok":true}'
	watch_victim
	kill -CONT "$victim"
	wait_until logged_times 2 "\"event\":\"soft\",\"pid\":$victim,"
	stop_burning "$victim"
	serves_others
	wait_until asleep 1
	logged_times 1 'has not answered in time'
	release
	wait_until asleep 0
	stop_mazed
}

has_soft_ns() { "$MAZE" list --json | grep "\"pid\":$1," | grep -q "\"soft_ns\":$2"; }

@test "a rule by command line and --explain work when a memory map is locked" {
	spinners
	cat >> "$conf" <<- 'END'
		[rule by-command-line]
		cmdline = *needle*
		soft = 77s
		hard = 0
		[rule victims]
		comm = fuse_hang
		soft = 88s
		hard = 0
	END
	start_mazed
	hang memory
	stop_burning "$victim"
	# The victim began before its memory was locked. It moves to another control
	# group, so mazed checks it again.
	reload_mazed
	wait_until logged "the command line of process $victim (user id $USER_ID) cannot be read"
	wait_until has_soft_ns "$victim" 88000000000
	start bash -c 'exec -a needle sleep 1000'
	wait_until has_soft_ns "$last" 77000000000
	timeout 60 "$MAZED" --config "$conf" --explain "$victim" > "$dir/explained"
	grep -q 'cmdline .*(unreadable: reading its memory timed out)' "$dir/explained"
	stop_mazed
}

@test "maze run --incidents ends, and writes, although a memory map is locked" {
	hang memory
	kill -KILL "$server"
	# A file of its own: the first server's line in "$dir/hang" names another process.
	cat > "$dir/job" <<- 'END'
		"$PROGRAMS/fuse_hang" "$1/mnt" 65534 memory > "$1/second" 2>&1 &
		echo "$!" > "$1/server"
		until grep -q victim "$1/second"; do sleep 0.05; done
		victim=$(sed -n 's/victim //p' "$1/second")
		until grep -qs "\"event\":\"soft\",\"pid\":$victim," "$1/events"; do sleep 0.05; done
		kill -STOP $(ls "/proc/$victim/task" | grep -vx "$victim")
	END
	# The memory stays locked until this shell ends the server.
	run timeout 60 "$MAZE" run --soft 200ms --soft-signal 0 --hard 0 --events "$dir/events" \
		--incidents "$dir/own" -- bash "$dir/job" "$dir"
	kill -KILL "$(cat "$dir/server")" 2> /dev/null || :
	umount -l "$dir/mnt" 2> /dev/null || :
	echo "status $status: $output; $(cat "$dir/second" "$dir/events")"
	[ "$status" -eq 0 ]
	grep -q 'was not read' "$dir"/own/*.json
}

# ---- shares ----------------------------------------------------------------------------------

@test "a user's flood of verdicts costs root no incident, and the log few lines" {
	needs_root 'be another user'
	spinners
	sed -i 's/^\[rule spinners\]/incidents-kept = 8\n&/' "$conf"
	start_mazed
	for i in 1 2 3; do
		serves_others
	done
	before=$(ls "$dir/incidents")
	setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups "$PROGRAMS/sleep_now_and_then" \
		--work-ms 2 --sleep-ms 1 --rounds 100000 3>&- > /dev/null 2>&1 &
	started+=("$!")
	victim=$!
	wait_until grep -q sleep_now "/proc/$victim/comm"
	ask_as "$USER_ID" <<< "{\"do\":\"watch\",\"pid\":$victim,\"policy\":{\"soft\":\"1ms\",\"soft-signal\":\"0\",\"hard\":\"0\"}}" |
		grep -qx '{"ok":true}'
	# It has filled its own table, and the directory.
	wait_until logged "more than 64 incidents of user id $USER_ID are open at the same time"
	wait_until eval '[ "$(ls "$dir/incidents" | wc -l)" -ge 8 ]' || show_log
	for i in 4 5 6; do
		serves_others
	done
	kill -KILL "$victim"
	wait_until logged "incidents of user id $USER_ID are lost"
	# Root's share is six of eight: three earlier incidents and the new ones.
	for file in $before; do
		[ -e "$dir/incidents/$file" ]
	done
	[ "$(ls "$dir/incidents" | grep -vc -- -u)" -eq 6 ]
	stop_mazed
	at_most_ten_a_period "incident 2.*-u$USER_ID\"" "incidents of user id $USER_ID"
	at_most_ten_a_period "\"event\":\"soft\",\"pid\":$victim," "watches of user id $USER_ID"
}

@test "the doctor of a process with a locked memory map gives up" {
	hang memory
	stop_burning "$victim"
	run -1 "$MAZE" doctor "$victim"
	[[ $output == *'did not return in time'* ]]
	release
}
