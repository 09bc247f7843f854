# SPDX-License-Identifier: GPL-2.0-only
# maze(1) and groups: requests to mazed, the list, and errors; maze run and maze watch --wait
# with limits for a process, a tree or a control group.

bats_require_minimum_version 1.5.0
load test_helper

setup() {
	dir=$BATS_TEST_TMPDIR
	unset MAZE_SOCKET
}

# A stub of mazed that answers each request with the next paragraph of standard input.
serve() {
	cat > "$dir/answers"
	"$PROGRAMS/fake_mazed" "$dir/s" "$dir/answers" > "$dir/requests" 3>&- &
	started+=("$!")
	wait_until [ -S "$dir/s" ]
}

requests_are() { diff "$dir/requests" -; }
began() { sed 's/.*)//' "/proc/$1/stat" | cut -d' ' -f21; }

@test "watch sends the scope and the share" {
	start sleep 1000
	for scope in process tree; do
		rm -f "$dir/s"
		serve <<< '{"ok":true}'
		run -0 "$MAZE" watch --socket "$dir/s" --scope "$scope" --share 90% --soft 10s "$last"
		[ -z "$output" ]
		signals='"soft-signal":"warn","hard-signal":"SIGKILL"'
		[ "$scope" = process ] || signals='"kill":false'
		requests_are <<< "{\"do\":\"watch\",\"pid\":$last,\"start\":$(began "$last"),\"policy\":{\"soft\":\"10s\",\"hard\":\"20s\",$signals,\"scope\":\"$scope\",\"share\":\"90%\",\"shadow\":false}}"
	done
}

@test "watch and unwatch send the path of a control group" {
	serve <<- 'END'
		{"ok":true}

		{"ok":true}
	END
	run -0 "$MAZE" watch --socket "$dir/s" --scope cgroup --share 150% --soft 1min --hard 0 --kill \
		--shadow /system.slice/a.service /b
	policy='"policy":{"soft":"1min","hard":"0","kill":true,"scope":"cgroup","share":"150%","shadow":true}'
	requests_are <<- END
		{"do":"watch","cgroup":"/system.slice/a.service",$policy}
		{"do":"watch","cgroup":"/b",$policy}
	END
	rm "$dir/s"
	serve <<< '{"ok":true}'
	run -0 "$MAZE" unwatch --socket "$dir/s" --scope cgroup /b
	requests_are <<< '{"do":"unwatch","cgroup":"/b"}'
}

@test "a PID means the control group of its process" {
	local path
	start sleep 1000
	path=$(sed -n 's/^0:://p' "/proc/$last/cgroup")
	[ -n "$path" ] || skip 'no control groups of version 2 here'
	serve <<< '{"ok":true}'
	run -0 "$MAZE" unwatch --socket "$dir/s" --scope cgroup "$last"
	requests_are <<< "{\"do\":\"unwatch\",\"cgroup\":\"$path\"}"
	refused 1 "$MAZE" unwatch --socket "$dir/s" --scope cgroup 4194303
	says 'no process with the PID 4194303'
}

# A list of one thread and three groups, in an answer of two lines of groups.
serve_list() {
	rm -f "$dir/s"
	serve <<- 'END'
		{"ok":true,"engine":"bpf","groups":[{"scope":"process","pid":70,"cgroup_id":0,"comm":"java","name":"java","uid":0,"members":1,"level_ns":1500000001,"used_ns":2,"elapsed_ns":3,"share":0.9,"soft_ns":10000000000,"hard_ns":0,"soft_signal":"warn","hard_signal":"SIGKILL","shadow":false,"fired":"none","episode":0}]}
		{"entry":{"pid":7,"tid":8,"comm":"a b","uid":0,"count_ns":1000000,"soft_ns":7000000000,"hard_ns":0,"soft_signal":"SIGXCPU","hard_signal":null,"recovery":"inf","yield":"reset","inherit":true,"shadow":true,"fired":"none","episode":0,"engine":"bpf"}}
		{"groups":[{"scope":"tree","pid":71,"cgroup_id":0,"comm":"make","name":"make","uid":0,"members":12,"level_ns":0,"used_ns":2,"elapsed_ns":3,"share":1.5,"soft_ns":10000000000,"hard_ns":20000000000,"soft_signal":null,"hard_signal":"SIGKILL","shadow":false,"fired":"none","episode":0},{"scope":"cgroup","pid":0,"cgroup_id":4711,"comm":"a.service","name":"/system.slice/a\u001b.service","uid":0,"members":3,"level_ns":5000000000,"used_ns":2,"elapsed_ns":3,"share":0.015,"soft_ns":10000000000,"hard_ns":0,"soft_signal":null,"hard_signal":null,"shadow":true,"fired":"soft","episode":4}]}
		{"ok":true,"done":true}
	END
}

@test "list shows groups and their levels below the threads" {
	serve_list
	run -0 "$MAZE" list --socket "$dir/s"
	cat > "$dir/wanted" <<- 'END'
		    PID     TID NAME                   COUNT  RECOVERY  YIELD  LIMITS
		      7       8 a b                      1ms  inf       reset  soft 7s SIGXCPU, hard off, shadow

		    PID SCOPE   PROCESSES        LEVEL  SHARE   LIMITS, NAME
		     70 process         1     1s 500ms  90%     soft 10s warn, hard off  java
		     71 tree           12            0  150%    soft 10s none, hard 20s SIGKILL  make
		      - cgroup          3           5s  1.5%    soft 10s none, hard off, shadow  /system.slice/a\x1b.service
	END
	diff "$dir/wanted" - <<< "$output"
	serve_list
	[ "$("$MAZE" list --socket "$dir/s" --json | json '[e.get("scope") for e in d]')" = "[None, 'process', 'tree', 'cgroup']" ]
	serve_list
	"$MAZE" list --socket "$dir/s" --json | json 'd[3]' > "$dir/group"
	grep -q "'level_ns': 5000000000" "$dir/group"
	grep -q "'share': 0.015" "$dir/group"
}

@test "an invalid group gives a sentence" {
	serve <<- 'END'
		{"ok":true,"engine":"bpf","groups":[{"scope":"slice"}]}
		{"ok":true,"done":true}
	END
	refused 1 "$MAZE" list --socket "$dir/s"
	says 'invalid group'
}

@test "a group needs mazed or --wait" {
	start sleep 1000
	for scope in process tree cgroup; do
		refused 1 "$MAZE" watch --direct --scope "$scope" --share 90% "$last"
		says "--scope $scope needs mazed, which is not used here, or --wait"
	done
	refused 1 "$MAZE" unwatch --direct --scope cgroup /a
	says 'mazed is not used here'
	nothing_pinned
}

@test "options that contradict a scope are refused" {
	while IFS='|' read -r options sentence; do
		# shellcheck disable=SC2086 # split on purpose
		refused 2 "$MAZE" $options
		says "$sentence"
	done <<- 'END'
		run --scope cgroup --share 90% -- true|COMMAND gets no control group of its own
		run --scope tree -- true|scope tree needs a share
		run --share 90% -- true|share is for groups
		run --scope tree --share 90 -- true|invalid share "90"
		run --scope slice -- true|invalid scope "slice"
		run --scope process --share 90% --no-inherit -- true|no-inherit is for scope thread
		run --scope tree --share 90% --hard-signal KILL -- true|give kill to end all processes
		watch --scope process --share 90% --thread 1|--thread is for --scope thread
		watch --scope cgroup --share 90% --wait|no control group given
		watch --scope cgroup --share 90% --wait a|invalid path or PID "a"
		unwatch --scope tree 1|invalid --scope "tree"
	END
}

@test "a missing control group is an error" {
	findmnt -t cgroup2 > /dev/null || skip 'no control groups of version 2 are mounted'
	refused 1 "$MAZE" watch --wait --scope cgroup --share 90% /maze-has-no-such-group
	says 'no control group has the path /maze-has-no-such-group'
	refused 1 "$MAZE" watch --wait --scope cgroup --share 90% /../../etc
	says 'cannot open the control group /../../etc'
}

@test "scopes and shares complete" {
	[ "$("$MAZE" complete -- run --scope '')" = $'thread\nprocess\ntree\ncgroup' ]
	[ "$("$MAZE" complete -- unwatch --scope '')" = cgroup ]
	"$MAZE" complete -- watch --share '' | grep -qx 90%
}

# ---- with the engine ----------------------------------------------------------------

# With a share of 1 %, also a group that gets little CPU time reaches its limits.
group=(--share 1% --soft 100ms --hard 200ms)

# verdicts SCOPE [TEXT]: one soft and one hard record of this scope, none early, in $stderr or
# the text. "1.1 %", because the clocks are read one after the other.
verdicts() {
	printf '%s\n' "${2-$stderr}" | python3 -c '
import json, sys
records = [json.loads(line) for line in sys.stdin if line.startswith("{")]
records = [r for r in records if r["event"] in ("soft", "hard")]
assert [r["event"] for r in records] == ["soft", "hard"], records
for r in records:
    assert r["scope"] == sys.argv[1] and r["share"] == 0.01, r
    assert r["used_ns"] >= r["count_ns"] >= r["limit_ns"], r
    assert "asleep_ns" not in r and "sleeps" not in r, r
    assert r["count_ns"] <= r["used_ns"] - 0.009 * r["elapsed_ns"], r
' "$1"
}

@test "run --scope process: a soft and a hard verdict, and SIGKILL" {
	run -137 --separate-stderr "$MAZE" run --scope process "${group[@]}" --json -- "$PROGRAMS/spin"
	verdicts process
	[[ $stderr == *'"event":"hard",'*'"signal":"SIGKILL",'*'"sent":true,'* ]]
	run -137 --separate-stderr "$MAZE" run --scope process "${group[@]}" -- "$PROGRAMS/spin"
	says ' more than 1% of a CPU allows, limit 200ms; sent SIGKILL ('
}

@test "threads that take turns reach the limits of their process, and none of a thread" {
	run -0 --separate-stderr "$MAZE" run --soft 100ms --hard 0 --json -- "$PROGRAMS/handoff" --for-ms 600
	[ -z "$stderr" ]
	run -137 --separate-stderr "$MAZE" run --scope process "${group[@]}" --json -- "$PROGRAMS/handoff" --for-ms 600000
	verdicts process
}

@test "run --scope process with the bpf engine" {
	needs_bpf
	run -137 --separate-stderr "$MAZE" run --engine bpf --scope process "${group[@]}" --json -- "$PROGRAMS/spin"
	verdicts process
	nothing_pinned
}

@test "an ordinary user has groups too" {
	for_everyone
	run -137 --separate-stderr as_user_with "" "$public/maze" run --scope process "${group[@]}" --json -- "$public/spin"
	verdicts process
	needs_root 'become another user'
	start sleep 100
	refused 1 as_user_with "" "$public/maze" watch --wait --scope tree "${group[@]}" "$last"
	says 'belongs to another user'
}

# No process of this tree uses as much CPU time as the soft limit.
respawner=("$PROGRAMS/respawn" --for-ms 600000)

@test "run --scope tree --kill: children that end early reach both limits" {
	run -137 --separate-stderr "$MAZE" run --scope tree "${group[@]}" --kill --json -- "${respawner[@]}"
	verdicts tree
	[[ $stderr == *'"event":"hard",'*'"signal":"SIGKILL",'*'"sent":true,'* ]]
}

@test "run --scope tree without --kill sends nothing" {
	: > "$dir/events"
	# shellcheck disable=SC2016 # for the shell that is run
	run -7 --separate-stderr "$MAZE" run --scope tree "${group[@]}" --json --events "$dir/events" -- \
		sh -c 'until grep -q hard "$0"; do "$1" --for-ms 20; done; exit 7' "$dir/events" "$PROGRAMS/spin"
	verdicts tree
	[[ $stderr != *'"sent":true'* ]]
}

@test "run --scope tree: an orphan is a member" {
	# shellcheck disable=SC2016 # for the shell that is run
	run -5 --separate-stderr "$MAZE" run --quiet --scope tree "${group[@]}" --kill --json -- \
		sh -c 'sh -c "\"\$0\" --ignore & :" "$0"; exit 5' "$PROGRAMS/spin"
	verdicts tree
}

# Starts maze run with a command that ends with 5 and leaves a process that waits for a line
# in $dir/go. Returns when maze has reported it; $running is maze, $left the process.
leave_one() {
	local family=()
	mkfifo "$dir/go"
	: > "$dir/errors"
	# shellcheck disable=SC2016 # for the shell that is run
	"$MAZE" run --scope tree --share 90% --soft 1h "$@" --events "$dir/events" --all -- \
		sh -c '(read -r _ < "$0") & exit 5' "$dir/go" 2> "$dir/errors" 3>&- &
	running=$!
	started+=("$running")
	wait_until grep -q 'the command has ended; 1 process of its tree still runs, watched; waiting for' "$dir/errors"
	add_family "$running"
	left=${family[0]}
	started+=("$left")
}

ended_with_5() {
	status=0
	wait_until ended "$running"
	wait "$running" || status=$?
	[ "$status" -eq 5 ]
}

@test "run --scope tree stays until the last process has ended" {
	leave_one
	run ! grep -q '"event":"exit"' "$dir/events"
	echo > "$dir/go"
	ended_with_5
	[ "$(grep -c '"event":"exit","scope":"tree"' "$dir/events")" -eq 1 ]
	run ! grep 'no longer watched' "$dir/errors"
}

@test "SIGTERM ends the wait for a tree" {
	leave_one
	kill -TERM "$running"
	ended_with_5
	grep -q '1 process of its tree still runs, no longer watched' "$dir/errors"
	kill -0 "$left"
}

@test "with a pinned engine, run --scope tree stays too" {
	needs_bpf
	"$MAZE" load
	leave_one --engine bpf
	echo > "$dir/go"
	ended_with_5
}

@test "run --scope process ends with its command" {
	# shellcheck disable=SC2016 # for the shell that is run
	run -5 --separate-stderr "$MAZE" run --stay --scope process --share 90% --soft 1h -- \
		sh -c 'sleep 1000 > /dev/null 2>&1 3>&- & echo $!; exit 5'
	started+=("$output")
	kill -0 "$output"
	[ -z "$stderr" ]
}

@test "on a terminal, run prints derived limits, and nothing about yields" {
	on_terminal "$MAZE" run --scope process --share 90% --soft 30s -- true
	[ "$status" -eq 0 ]
	[ "$output" = "maze run: soft limit 30s, hard limit 1min" ]
	on_terminal "$MAZE" run --engine poll --scope tree --share 90% --soft 1s --hard 3s -- true
	[ -z "$output" ]
}

@test "watch --wait --scope process ends with the process" {
	start "$PROGRAMS/spin" --ignore
	run -0 --separate-stderr timeout 60 "$MAZE" watch --wait --scope process "${group[@]}" --json "$last"
	verdicts process
	nothing_pinned
}

@test "watch --wait --scope tree watches the children of a running process" {
	start "${respawner[@]}"
	run -0 --separate-stderr timeout 60 "$MAZE" watch --wait --scope tree "${group[@]}" --kill --json "$last"
	verdicts tree
	wait_until ended "$last"
}

@test "watch --wait refuses what cannot be a group, and watches the rest" {
	start "$PROGRAMS/spin" --ignore
	run -1 --separate-stderr timeout 60 "$MAZE" watch --wait --scope process "${group[@]}" --json 4194303 "$last"
	says 'no process has the PID 4194303'
	verdicts process
	refused 1 "$MAZE" watch --wait --scope tree "${group[@]}" 1
	says 'init'
}

@test "watch --wait --scope cgroup ends when the control group is removed" {
	local mount
	needs_root 'make a control group'
	mount=$(findmnt -n -f -t cgroup2 -o TARGET) || skip 'no control groups of version 2 are mounted'
	cgroup=$mount/maze-test-$BASHPID
	mkdir "$cgroup" || skip "no control group can be made in $mount"
	id=$(stat -c %i "$cgroup")
	start "$PROGRAMS/spin"
	spinner=$last
	echo "$spinner" > "$cgroup/cgroup.procs"
	"$MAZE" watch --wait --scope cgroup "${group[@]}" --kill --events "$dir/events" --all "/${cgroup##*/}" \
		2> "$dir/errors" 3>&- &
	watcher=$!
	started+=("$watcher")
	wait_until ended "$spinner"
	wait_until grep -q '"event":"hard"' "$dir/events"
	kill -0 "$watcher"
	wait_until rmdir "$cgroup"
	wait_until ended "$watcher"
	wait "$watcher"
	verdicts cgroup "$(cat "$dir/events")"
	grep -q "\"event\":\"soft\",\"scope\":\"cgroup\",\"pid\":0,.*\"cgroup_id\":$id," "$dir/events"
	grep -q '"event":"exit","scope":"cgroup",' "$dir/events"
	grep -q " hard: maze-test-[0-9]* cgroup $id used .*; sent SIGKILL (" "$dir/errors"
}

teardown() {
	stop_all
	[ -z "${cgroup-}" ] || [ ! -d "$cgroup" ] || wait_until rmdir "$cgroup"
	[ -z "$public" ] || rm -rf "$public"
	unload_engine
}
