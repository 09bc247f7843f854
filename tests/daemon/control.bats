#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed's control socket (maze-control(5)): requests, permissions, and hostile clients.

bats_require_minimum_version 1.5.0
load test_helper

@test "watch, list and unwatch by root" {
	serve < /dev/null
	start sleep 1000
	run ask <<< "{\"do\":\"watch\",\"id\":7,\"pid\":$last,\"policy\":{\"soft\":\"7s\",\"inherit\":false}}"
	[ "$output" = '{"ok":true,"id":7}' ]
	run ask <<< '{"do":"list","id":"x"}'
	[[ ${lines[0]} == '{"ok":true,"engine":"bpf","id":"x"}' ]]
	[[ ${lines[1]} == '{"entry":{'*"\"pid\":$last,"*'"soft_ns":7000000000,"hard_ns":14000000000,'*'},"id":"x"}' ]]
	[[ ${lines[2]} == '{"ok":true,"done":true,"id":"x"}' ]]
	[ ${#lines[@]} -eq 3 ]
	ask <<< "{\"do\":\"unwatch\",\"pid\":$last}" | grep -qx '{"ok":true}'
	run ask <<< '{"do":"list"}'
	[ ${#lines[@]} -eq 2 ]
	stop_mazed
	nothing_pinned
}

@test "an entry and a group have their rule, and the status has counts" {
	serve <<< $'[rule sleepers]\ncomm = sleep\nsoft = 1h\n[rule whole]\ncomm = sleep\nscope = process\nshare = 90%\nsoft = 1h'
	start sleep 1000
	by_rule=$last
	wait_until watched "$by_rule"
	start tail -f /dev/null
	ask <<< "{\"do\":\"watch\",\"pid\":$last}"
	run ask <<< '{"do":"list"}'
	[[ $output == *"\"pid\":$by_rule,"*'"engine":"bpf","rule":"sleepers"}'* ]]
	[[ $output == *'"groups":['*"\"pid\":$by_rule,"*'"rule":"whole"}]'* ]]
	run ! grep -q "\"pid\":$last,.*\"rule\"" <<< "$output"
	run ask <<< '{"do":"status"}'
	[[ $output == *'"watched":2,"verdicts":0,"signals":0,"lost":0}' ]]
	stop_mazed
}

# The entries of two lists are the same; the second has only what differs from the one before.
same_entries() {
	python3 -c '
import json, sys
full, entry, bytes = ([], []), {}, [0, 0]
for i, path in enumerate(sys.argv[1:3]):
    for line in open(path):
        change = json.loads(line).get("entry")
        if change is None:
            continue
        bytes[i] += len(line)
        entry = {**entry, **change} if i else change
        full[i].append({k: v for k, v in entry.items() if v is not None and k != "count_ns"})
assert len(full[0]) == 4 and full[0] == full[1], full
assert bytes[1] < bytes[0] / 2, bytes' "$@"
}

@test "a list of changes has the same entries in fewer bytes" {
	serve <<< $'[rule sleepers]\ncomm = sleep\nsoft = 1h\nsoft-signal = 0\nhard = 0'
	for _ in 1 2 3; do
		start sleep 1000
		wait_until watched "$last"
	done
	# One episode without an end, once it has started.
	cp "$(command -v sleep)" "$dir/other"
	start "$dir/other" 1000
	wait_until sleeps "$last"
	ask <<< "{\"do\":\"watch\",\"pid\":$last}"
	ask <<< '{"do":"list"}' > "$dir/list"
	ask <<< '{"do":"list","changes":true}' > "$dir/changes"
	same_entries "$dir/list" "$dir/changes"
	stop_mazed
}

# The keys of each line of an answer.
answer_keys() {
	python3 -c '
import json, sys
for line in sys.stdin:
    answer = json.loads(line)
    print("<", *sorted(key + ("=" + answer[key] if key == "errno" else "") for key in answer))' | uniq
}

@test "requests and the keys of answers are those of tests/stable/control.txt" {
	local request

	serve < /dev/null
	start sleep 1000
	grep -v '^#' "$BATS_TEST_DIRNAME/../stable/control.txt" > "$dir/listed"
	while read -r request; do
		echo "> $request"
		request=${request//PID/$last}
		ask <<< "${request//START/$(began "$last")}" | answer_keys
	done < <(sed -n 's/^> //p' "$dir/listed") > "$dir/got"
	diff "$dir/listed" "$dir/got"
	stop_mazed
}

@test "a user's watch of his process catches it, and he gets the event" {
	serve < /dev/null
	start_as 65534 "$PROGRAMS/spin"
	echo '{"do":"events","follow":true}' |
		setpriv --reuid=65534 --regid=65534 --clear-groups "$CLIENT" "$socket" hold \
			> "$dir/events" 3>&- &
	started+=("$!")
	wait_until grep -q '"ok":true' "$dir/events"
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"start\":$(began "$last"),\"policy\":{\"soft\":\"100ms\",\"soft-signal\":\"KILL\",\"hard\":\"0\"}}" |
		grep -qx '{"ok":true}'
	wait_until ended "$last"
	wait_until grep -q "\"event\":\"soft\",\"pid\":$last," "$dir/events"
	wait_until logged '"event":"soft"'
	# Never early.
	[ "$(sed -n 's/.*"event":"soft".*"count_ns":\([0-9]*\),.*/\1/p' "$dir/events")" -ge 100000000 ]
	stop_mazed
}

@test "a verdict is the same from mazed and from its log, and is in the statistics" {
	serve <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = KILL
		hard = 0
	END
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until logged '"event":"soft"'
	run -0 "$MAZE" events --socket "$socket" --rule 'spin*' --event soft
	[[ $output == *"Z soft: spin[$last] "*', rule spinners' ]]
	from_mazed=$output
	run -0 "$MAZE" events --file "$log" --pid "$last" --event verdict
	[ "$output" = "$from_mazed" ]
	run -0 "$MAZE" events --file "$log" --rule other
	[ -z "$output" ]
	run -0 "$MAZE" events --socket "$socket" --unit other
	[ -z "$output" ]
	# Every user gets the totals.
	run ask_as 65534 <<< '{"do":"stats"}'
	[[ $output == *'"records":{"soft":1,"hard":0,"shadow":0,"sent":1,"lost":0}'* ]]
	# In one bucket, and in no second one.
	[ "$(sed 's/.*"threads":{"counts":\[\([0-9,]*\)\].*/\1/; s/[^1]//g' <<< "$output")" = 1 ]
	stop_mazed
}

@test "a user cannot watch, unwatch or list processes of others" {
	serve < /dev/null
	start sleep 1000
	of_root=$last
	start_as 65533 sleep 1000
	of_other=$last
	ask <<< "{\"do\":\"watch\",\"pid\":$of_root,\"policy\":{\"soft\":\"7s\"}}"
	ask_as 65533 <<< "{\"do\":\"watch\",\"pid\":$of_other,\"policy\":{\"soft\":\"7s\"}}" | grep -qx '{"ok":true}'
	for pid in "$of_root" "$of_other"; do
		for verb in watch unwatch; do
			run ask_as 65534 <<< "{\"do\":\"$verb\",\"pid\":$pid}"
			[[ $output == '{"ok":false,"errno":"EPERM",'* ]]
		done
	done
	run ask_as 65534 <<< '{"do":"list"}'
	[ ${#lines[@]} -eq 2 ]
	run ask_as 65533 <<< '{"do":"list"}'
	[ ${#lines[@]} -eq 3 ]
	run ask_as 65534 <<< '{"do":"events","kept":true}'
	[ ${#lines[@]} -eq 2 ]
	for verb in reload thaw; do
		all=
		[ $verb = reload ] || all=',"all":true'
		run ask_as 65534 <<< "{\"do\":\"$verb\"$all}"
		[[ $output == '{"ok":false,"errno":"EPERM",'* ]]
	done
	watched "$of_root"
	watched "$of_other"
	stop_mazed
}

@test "a process with only one of a user's ids is not his" {
	serve < /dev/null
	cp "$(command -v sleep)" "$dir/sleep"
	chmod 4755 "$dir/sleep"
	start setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/sleep" 1000
	wait_until grep -q '^Uid:[[:space:]]65534[[:space:]]0' "/proc/$last/status"
	run ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last}"
	[[ $output == *'"errno":"EPERM"'* ]]
	unwatched "$last"
	stop_mazed
}

@test "a watched process that changes its user gets no signal" {
	serve < /dev/null
	mkfifo "$dir/go"
	chmod 666 "$dir/go"
	# A setuid program: the real id is the user's, the effective id is root.
	cp "$PROGRAMS/spin" "$dir/spin"
	chmod 4755 "$dir/spin"
	start_as 65534 sh -c "read -r line < '$dir/go'; exec '$dir/spin' --for-ms 300"
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":{\"soft\":\"100ms\",\"soft-signal\":\"KILL\",\"hard\":\"0\"}}" |
		grep -qx '{"ok":true}'
	echo > "$dir/go"
	status=0
	wait "$last" || status=$?
	[ "$status" -eq 0 ]
	# It was watched, and the watch ended at the verdict.
	unwatched "$last"
	run ! grep -q '"event":"soft"' "$log"
	stop_mazed
}

@test "a reused PID is refused" {
	serve < /dev/null
	start_as 65534 sleep 1000
	began=$(began "$last")
	old=$last
	kill "$old"
	wait "$old" || :
	# Start times have a resolution of a hundredth of a second.
	is_later() { awk -v began="$began" '{ exit !($1 * 100 > began + 1) }' /proc/uptime; }
	wait_until is_later
	# Reuse the number; this PID namespace belongs to the test.
	for ((i = 0; i < 50; i++)); do
		echo $((old - 1)) > /proc/sys/kernel/ns_last_pid
		start setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000
		[ "$last" -ne "$old" ] || break
	done
	[ "$last" -eq "$old" ]
	wait_until is_of "$last" 65534
	run ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$old,\"start\":$began}"
	[[ $output == *'"errno":"ESRCH"'*'another start time'* ]]
	unwatched "$old"
	stop_mazed
}

@test "a client in another PID namespace is refused" {
	serve < /dev/null
	run unshare --pid --fork --mount --propagation unchanged --mount-proc timeout 60 "$CLIENT" "$socket" talk <<< '{"do":"watch","pid":1}'
	[[ $output == *'"errno":"EPERM"'*'PID namespace'* ]]
	stop_mazed
}

@test "an invalid request is refused with a sentence, and changes nothing" {
	serve < /dev/null
	start sleep 1000
	while IFS='|' read -r errno request; do
		run ask <<< "$request"
		[[ $output == '{"ok":false,"errno":"'"$errno"'","text":"'?*'"}' ]] || { echo "$request: $output"; false; }
	done <<- END
		EBADMSG|
		EBADMSG|watch $last
		EBADMSG|[1,2]
		EBADMSG|{"do":"list"
		EBADMSG|{"do":"list","do":"list"}
		EINVAL|{}
		EINVAL|{"do":"dance"}
		EINVAL|{"do":1}
		EINVAL|{"do":"watch"}
		EINVAL|{"do":"watch","pid":"$last"}
		EINVAL|{"do":"watch","pid":0}
		EINVAL|{"do":"watch","pid":-1}
		EINVAL|{"do":"watch","pid":4294967297}
		EINVAL|{"do":"watch","pid":$last.0}
		EINVAL|{"do":"watch","pid":$last,"polcy":{}}
		EINVAL|{"do":"watch","pid":$last,"policy":[]}
		EINVAL|{"do":"watch","pid":$last,"policy":{"sofft":"1s"}}
		EINVAL|{"do":"watch","pid":$last,"policy":{"soft":1}}
		EINVAL|{"do":"watch","pid":$last,"policy":{"soft":"2s","hard":"1s"}}
		EINVAL|{"do":"watch","pid":$last,"policy":{"shadow":"yes"}}
		EINVAL|{"do":"watch","pid":$last,"policy":{"no-inherit":true}}
		EINVAL|{"do":"watch","start":1}
		EINVAL|{"do":"unwatch","pid":$last,"policy":{}}
		EINVAL|{"do":"thaw"}
		EINVAL|{"do":"thaw","pid":$last,"all":true}
		EINVAL|{"do":"thaw","cgroup":"relative"}
		EINVAL|{"do":"list","id":[1]}
		EPERM|{"do":"watch","pid":1}
		EPERM|{"do":"watch","pid":$mazed}
		ESRCH|{"do":"watch","pid":4194303}
		ENOENT|{"do":"unwatch","pid":$last}
	END
	unwatched "$last"
	# A line that is too long, without a newline at the end.
	run timeout 60 "$CLIENT" "$socket" talk < <(head -c 5000 /dev/zero | tr '\0' x)
	[[ $output == *'"errno":"EMSGSIZE"'* ]]
	stop_mazed
}

@test "several requests at once are answered in order" {
	serve < /dev/null
	seq 0 99 | sed 's/.*/{"do":"status","id":&}/' > "$dir/requests"
	ask < "$dir/requests" > "$dir/answers"
	[ "$(grep -c '"ok":true' "$dir/answers")" -eq 100 ]
	sed 's/.*"id":\([0-9]*\).*/\1/' "$dir/answers" > "$dir/ids"
	seq 0 99 | cmp - "$dir/ids"
	# mazed does not wait between requests: each wait would take the accuracy of a
	# timer.
	seq 4000 | sed 's/.*/{"do":"status"}/' > "$dir/requests"
	[ "$(ask < "$dir/requests" | grep -c '"ok":true')" -eq 4000 ]
	stop_mazed
}

@test "a user's watch replaces a rule in shadow until unwatch, but not an enforcing rule" {
	serve <<- 'END'
		[rule mine]
		comm = sleep
		cmdline = "*sleep 1000"
		soft = 9s
		shadow = yes
		[rule strict]
		comm = sleep
		soft = 8s
	END
	start_as 65534 sleep 1000
	shadowed=$last
	start_as 65534 sleep 2000
	strict=$last
	soft_is() { "$MAZE" list --json | grep "\"pid\":$1," | grep -q "\"soft_ns\":$2,"; }
	wait_until soft_is "$shadowed" 9000000000
	wait_until soft_is "$strict" 8000000000
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$shadowed,\"policy\":{\"soft\":\"3s\"}}" | grep -qx '{"ok":true}'
	soft_is "$shadowed" 3000000000
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$shadowed}" | grep -qx '{"ok":true}'
	# The rule needs the command line, which the worker reads meanwhile.
	wait_until soft_is "$shadowed" 9000000000
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$shadowed}" | grep -q ENOENT
	soft_is "$shadowed" 9000000000
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$strict,\"policy\":{\"soft\":\"3s\"}}" | grep -q EEXIST
	soft_is "$strict" 8000000000
	# A watch by root replaces any other, and stays.
	ask <<< "{\"do\":\"watch\",\"pid\":$strict,\"policy\":{\"soft\":\"5s\"}}" | grep -qx '{"ok":true}'
	reload_mazed
	soft_is "$strict" 5000000000
	stop_mazed
	nothing_pinned
}

@test "a user's watch of one thread replaces the rule for that thread only" {
	serve <<- 'END'
		[rule mains]
		thread = none-such
		action = ignore
		[rule many]
		comm = many_threads
		soft = 9s
		shadow = yes
	END
	start_as 65534 "$PROGRAMS/many_threads" --count 3
	count_of() { "$MAZE" list --json | grep "\"pid\":$last," | grep -c "\"soft_ns\":$1,"; }
	has() { [ "$(count_of "$1")" -eq "$2" ]; }
	wait_until has 9000000000 4
	tids=("/proc/$last/task/"*)
	tid=${tids[2]##*/}
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"tid\":$tid,\"policy\":{\"soft\":\"3s\"}}" | grep -qx '{"ok":true}'
	has 3000000000 1
	has 9000000000 3
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$last,\"tid\":$tid}" | grep -qx '{"ok":true}'
	has 9000000000 4
	stop_mazed
}

# Yields do not reset: a first episode is discarded where the yield probe is attached late.
@test "a user's watch does not fill the log" {
	serve < /dev/null
	mkfifo "$dir/go"
	chmod 666 "$dir/go"
	start_as 65534 sh -c "read -r _ < '$dir/go'; exec '$PROGRAMS/sleep_now_and_then' --work-ms 2 --sleep-ms 1 --rounds 50"
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":{\"soft\":\"1ms\",\"soft-signal\":\"0\",\"hard\":\"0\",\"yield\":\"count\"}}" |
		grep -qx '{"ok":true}'
	echo > "$dir/go"
	wait_until ended "$last"
	# The user gets all events.
	[ "$(ask_as 65534 <<< '{"do":"events","kept":true}' | grep -c '"event":"soft"')" -ge 50 ]
	stop_mazed
	# Its records, also that of the watch. The messages about incidents have ten more.
	records="\"event\":\"[a-z]*\",\"pid\":$last,"
	at_most_ten_a_period "$records" 'watches of user id 65534'
	[ "$(grep -c "$records" "$log")" -ge 10 ]
}

@test "a user has a limit of watched processes" {
	chmod 755 "$dir"
	configure <<< 'entries-per-user = 2'
	start_mazed
	start_as 65534 sleep 1000
	start_as 65534 sleep 1000
	start_as 65534 sleep 1000
	for pid in "${started[@]:0:2}"; do
		ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$pid}" | grep -qx '{"ok":true}'
	done
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last}" | grep -q '"errno":"EDQUOT"'
	unwatched "$last"
	logged_times 1 'has reached its limit of watched processes'
	# What was given back can be had again.
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":${started[0]}}"
	free_again() { ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last}" | grep -qx '{"ok":true}'; }
	wait_until free_again
	stop_mazed
}

@test "reload by the socket works as SIGHUP, and a bad file is an error" {
	serve < /dev/null
	ask <<< '{"do":"reload"}' | grep -qx '{"ok":true}'
	echo '[rule broken' >> "$conf"
	ask <<< '{"do":"reload"}' | grep -q '"errno":"EINVAL"'
	logged 'the old rules stay in force'
	stop_mazed
}

@test "mazed replaces the socket of a killed mazed, but not of a running one" {
	serve < /dev/null
	RUNTIME_DIRECTORY=$dir/other run "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $output == *'another program listens'* ]]
	ask <<< '{"do":"status"}' | grep -q '"ok":true'
	kill_mazed
	[ -S "$socket" ]
	start_mazed
	ask <<< '{"do":"status"}' | grep -q '"ok":true'
	stop_mazed
	[ ! -e "$socket" ]
}

# Hostile clients run while a spinner has to be caught; mazed's size stays bounded.
caught_all_the_same() {
	start "$PROGRAMS/spin"
	ask <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":{\"soft\":\"100ms\",\"soft-signal\":\"KILL\",\"hard\":\"0\"}}" |
		grep -qx '{"ok":true}'
	wait_until ended "$last"
	wait_until logged "\"event\":\"soft\",\"pid\":$last,"
}
# A first incident loads a program, for which libbpf reads the types of the kernel.
has_its_size_again() { [ $(($(resident_kb) - before)) -lt 8192 ]; }
resident_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$mazed/status"; }

@test "each kind of hostile client is logged once, and mazed still catches a spinner" {
	serve < /dev/null
	caught_all_the_same
	before=$(resident_kb)
	start_as 65534 "$CLIENT" "$socket" silent 100000
	mkfifo "$dir/crowd"
	sleep 1000 3>&- > "$dir/crowd" &
	started+=("$!")
	setpriv --reuid=65533 --regid=65533 --clear-groups "$CLIENT" "$socket" crowd 1000 3>&- \
		< "$dir/crowd" > "$dir/counts" &
	started+=("$!")
	start setpriv --reuid=65532 --regid=65532 --clear-groups "$CLIENT" "$socket" garbage 64
	caught_all_the_same
	wait_until grep -q refused "$dir/counts"
	# A quarter of the limit of 32.
	grep -qx '8 connected, 992 refused' "$dir/counts"
	caught_all_the_same
	wait_until ended "$last"
	# ASan keeps freed memory for a while.
	[ "$(basename "$(dirname "$MAZED")")" = sanitize ] || wait_until has_its_size_again
	echo "# resident: $before KiB before, $(resident_kb) KiB after" >&3
	logged_times 1 'user id 65533'
	wait_until logged_times 1 'user id 65532'
	stop_mazed
}
