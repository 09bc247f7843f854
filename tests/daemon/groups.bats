#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed and groups: rules and requests for processes, trees and control groups.

bats_require_minimum_version 1.5.0
load test_helper
load ../cli/screen_helper

teardown() {
	end_terminal
	clean_up
}

# For ordinary users, a directory with all files of a delegated group.
give_cgroup() { chown -R "$1" "$cgroup_dir"; }
move_into_cgroup() { echo "$1" > "$cgroup_dir/cgroup.procs"; }
# A frozen process stops as soon as it is thawed. On a slow machine the level is 0 by then, and
# the process would be frozen again after 100 ms.
stop_when_thawed() { kill -STOP "$1"; }

# A Python expression over the list of groups `g` is true; `g` as root or as the user $2 has it.
groups_hold() {
	local list
	list=$(if [ -n "${2-}" ]; then ask_as "$2"; else ask; fi <<< '{"do":"list"}')
	python3 -c '
import json, sys
g = [group for line in sys.stdin for group in json.loads(line).get("groups", [])]
sys.exit(0 if eval(sys.argv[1]) else f"not {sys.argv[1]}: {g}")' "$1" <<< "$list"
}
count_groups() { groups_hold "len(g) == $1" "${2-}"; }

frozen_are() { "$MAZE" metrics --socket "$socket" | grep -qx "maze_frozen_cgroups $1"; }

answers() { [[ $output == *"$1"* ]] || { echo "$output"; return 1; }; }

# policy SCOPE [MORE]: the object of a request, whose limits no test reaches.
policy() { echo "{\"scope\":\"$1\",\"share\":\"90%\",\"soft\":\"1h\",\"hard\":\"2h\"${2-}}"; }

@test "a rule of scope process catches two threads that hand over" {
	serve <<- 'END'
		[rule pairs]
		comm = handoff
		scope = process
		share = 1%
		soft = 100ms
		hard = 250ms
		repeat = 0
	END
	start "$PROGRAMS/handoff" --for-ms 600000
	killed "$last"
	wait_until logged '"event":"hard","scope":"process"'
	[ "$(grep -c '"event":"hard"' "$log")" -eq 1 ]
	grep -F '"event":"hard"' "$log" | grep -F "\"pid\":$last," | grep -F '"sent":true' |
		grep -qF '"rule":"pairs"'
	# Never early.
	[ "$(sed -n 's/.*"event":"hard".*"count_ns":\([0-9]*\),.*/\1/p' "$log")" -ge 250000000 ]
	stop_mazed
	nothing_pinned
}

@test "a rule of scope tree makes one tree, and kill ends all its processes" {
	serve <<- 'END'
		[rule supervisors]
		comm = respawn
		scope = tree
		share = 1%
		soft = 100ms
		hard = 200ms
		kill = yes
		soft-exec = /bin/sh -c "echo $MAZE_SCOPE of $MAZE_PID, signal $MAZE_SIGNAL"
	END
	start "$PROGRAMS/respawn" --for-ms 600000
	killed "$last"
	wait_until logged '"event":"hard","scope":"tree"'
	# Each child matches the rule too.
	[ "$(grep -c '"event":"hard"' "$log")" -eq 1 ]
	wait_until logged "tree of $last, signal none"
	wait_until count_groups 0
	stop_mazed
}

@test "a tree of a rule has no second root below it, whichever is seen first" {
	needs_root 'choose PIDs'
	[ -w /proc/sys/kernel/ns_last_pid ] || skip 'PIDs cannot be chosen'
	cp "$BASH" "$dir/plain"
	configure <<- 'END'
		[rule trees]
		comm = plain sleep
		scope = tree
		share = 90%
	END
	# The child has the lower PID, so the scan of /proc finds it first.
	echo 20000 > /proc/sys/kernel/ns_last_pid
	start "$dir/plain" -c 'echo 10000 > /proc/sys/kernel/ns_last_pid; sleep 1000 & wait'
	wait_until pgrep -P "$last" -x sleep
	[ "$(pgrep -P "$last" -x sleep)" -lt "$last" ]
	start_mazed
	groups_hold "[(x['pid'], x['scope'], x['members']) for x in g] == [($last, 'tree', 2)]"
	# Neither does a child of a child that matches no rule.
	root=$last
	start "$dir/plain" -c 'sh -c "sleep 1000 & wait" & wait'
	wait_until groups_hold "sorted(x['pid'] for x in g) == sorted([$root, $last])"
	wait_until groups_hold "all(x['members'] == (2 if x['pid'] == $root else 3) for x in g)"
	count_groups 2
	stop_mazed
}

@test "a rule of scope cgroup names the group, and its actions are on the group" {
	make_cgroup busy.service
	serve <<- END
		[rule services]
		cgroup = $cgroup
		scope = cgroup
		share = 1%
		soft = 100ms
		hard = 0
		soft-freeze = yes
		soft-exec = /bin/sh -c "echo \$MAZE_SCOPE \$MAZE_CGROUP"
	END
	frozen_are 0
	start sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec $PROGRAMS/handoff --for-ms 600000"
	wait_until logged '"event":"soft","scope":"cgroup"'
	wait_until logged "cgroup $cgroup"
	grep -F '"event":"soft"' "$log" | grep -F "\"cgroup\":\"$cgroup\"" |
		grep -qF "\"cgroup_id\":$(stat -c %i "$cgroup_dir"),"
	wait_until logged "froze its cgroup $cgroup"
	grep -qx 1 "$cgroup_dir/cgroup.freeze"
	groups_hold "[x['name'] for x in g] == ['$cgroup']"
	frozen_are 1
	stop_when_thawed "$last"
	ask <<< "{\"do\":\"thaw\",\"cgroup\":\"$cgroup\"}" | grep -qx '{"ok":true}'
	frozen_are 0
	stop_mazed
	grep -qx 0 "$cgroup_dir/cgroup.freeze"
}

@test "maze top thaws what a rule has frozen" {
	make_cgroup frozen.service
	serve <<- END
		[rule frozen]
		comm = handoff
		scope = process
		share = 1%
		soft = 100ms
		hard = 0
		soft-freeze = yes
	END
	start sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec $PROGRAMS/handoff --for-ms 600000"
	wait_until logged "froze its cgroup $cgroup"
	grep -qx 1 "$cgroup_dir/cgroup.freeze"
	export MAZE_SOCKET=$socket
	on_screen 120 24 "$MAZE" top
	wait_until line_has 4 ' handoff '
	stop_when_thawed "$last"
	keys t
	wait_until grep -qx 0 "$cgroup_dir/cgroup.freeze"
	wait_for_screen "thawed"
	stop_mazed
}

@test "a process or a tree is frozen only if its control group has nothing else" {
	make_cgroup shared
	serve <<- 'END'
		[rule pairs]
		comm = handoff
		scope = process
		share = 1%
		soft = 100ms
		hard = 0
		soft-freeze = yes
	END
	start sleep 1000
	other=$last
	move_into_cgroup "$other"
	start sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec $PROGRAMS/handoff --for-ms 600000"
	wait_until logged "also contains process $other, which is not in the process"
	grep -qx 0 "$cgroup_dir/cgroup.freeze"
	kill "$other" "$last"
	wait_until ended "$other"
	wait_until ended "$last"
	start sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec $PROGRAMS/handoff --for-ms 600000"
	wait_until logged "froze its cgroup $cgroup"
	stop_mazed
}

@test "a process that moves into a control group is a member" {
	make_cgroup moved
	serve <<- END
		[rule groups]
		cgroup = $cgroup
		scope = cgroup
		share = 90%
	END
	start sleep 1000
	first=$last
	start sleep 1000
	move_into_cgroup "$first"
	wait_until groups_hold "[x['members'] for x in g] == [1]"
	move_into_cgroup "$last"
	wait_until groups_hold "[x['members'] for x in g] == [2]"
	stop_mazed
}

@test "a control group whose processes match several rules has the first of these rules" {
	make_cgroup several
	serve <<- END
		[rule first]
		comm = sleep
		cgroup = $cgroup
		scope = cgroup
		share = 80%
		[rule second]
		cgroup = $cgroup
		scope = cgroup
		share = 90%
	END
	cp "$BASH" "$dir/plain"
	start "$dir/plain" -c "read -r _ < <(:); while :; do read -r -t 1000 _ <> <(:); done"
	move_into_cgroup "$last"
	wait_until groups_hold "[x['share'] for x in g] == [0.9]"
	start sleep 1000
	move_into_cgroup "$last"
	wait_until groups_hold "[(x['share'], x['members']) for x in g] == [(0.8, 2)]"
	# An event of the other process changes nothing.
	start "$dir/plain" -c "echo \$\$ > $cgroup_dir/cgroup.procs; exec $dir/plain -c 'while :; do read -r -t 1000 _ <> <(:); done'"
	wait_until groups_hold "[(x['share'], x['members']) for x in g] == [(0.8, 3)]"
	reload_mazed
	groups_hold "[x['share'] for x in g] == [0.8]"
	stop_mazed
}

@test "the control groups of one user leave those of others watched" {
	local i sleepers
	make_cgroup of-user
	cgroups=("$cgroup_dir"/{258..1}.service "${cgroups[@]}")
	mkdir "$cgroup_dir"/{1..258}.service
	chown 65534 "$cgroup_dir"/{1..258}.service
	start "$PROGRAMS/copies" 258 sleep 1000
	has_children() { read -r -a sleepers < "/proc/$last/task/$last/children"; [ ${#sleepers[@]} -eq 258 ]; }
	wait_until has_children
	for i in {1..258}; do
		echo "${sleepers[i - 1]}" > "$cgroup_dir/$i.service/cgroup.procs"
	done
	# The last is of root, and has the highest PID, so the scan finds it last.
	chown 0 "$cgroup_dir/258.service"
	serve <<- END
		[rule all]
		cgroup = $cgroup/*.service
		scope = cgroup
		share = 90%
	END
	count_groups 257
	groups_hold "any(x['name'] == '$cgroup/258.service' for x in g)"
	logged 'rules watch 256 control groups of user id 65534, the maximum'
	stop_mazed
}

three_groups() {
	cat <<- END
		[rule processes]
		comm = sleep
		scope = process
		share = ${1-90%}
		[rule trees]
		comm = sleep
		scope = tree
		share = 90%
		[rule groups]
		comm = sleep
		cgroup = $cgroup
		scope = cgroup
		share = 90%
	END
}

@test "a reload keeps, replaces and ends groups" {
	make_cgroup reloaded
	serve < <(three_groups)
	start sleep 1000
	move_into_cgroup "$last"
	wait_until count_groups 3
	configure < <(three_groups)
	reload_mazed
	count_groups 3
	# Another policy.
	configure < <(three_groups 80%)
	reload_mazed
	groups_hold "sorted(x['share'] for x in g) == [0.8, 0.9, 0.9]"
	# Another condition: no process matches any more.
	configure < <(three_groups | sed 's/^comm = sleep/comm = other/')
	reload_mazed
	count_groups 0
	configure < <(three_groups)
	reload_mazed
	count_groups 3
	# No such rules.
	configure < /dev/null
	reload_mazed
	count_groups 0
	stop_mazed
}

@test "an ignored process has no group" {
	serve <<- 'END'
		[rule idlers]
		comm = sleep
		action = ignore
		[rule processes]
		scope = process
		share = 90%
	END
	start sleep 1000
	start "$PROGRAMS/spin"
	wait_until groups_hold "any(x['pid'] == $last for x in g)"
	groups_hold "all(x['comm'] != 'sleep' for x in g)"
	stop_mazed
}

@test "an exec that ends the match of a rule ends its groups" {
	cp "$BASH" "$dir/plain"
	mkfifo "$dir/go"
	serve <<- 'END'
		[rule processes]
		comm = plain
		scope = process
		share = 90%
		[rule trees]
		comm = plain
		scope = tree
		share = 90%
	END
	start "$dir/plain" -c "read -r _ < $dir/go; exec sleep 1000"
	wait_until count_groups 2
	echo > "$dir/go"
	wait_until count_groups 0
	kill -0 "$last"
	stop_mazed
}

# ---- requests

@test "root watches, lists and unwatches groups of each scope" {
	make_cgroup asked
	serve < /dev/null
	start sleep 1000
	run ask <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":$(policy process)}"
	[ "$output" = '{"ok":true}' ]
	run ask <<< "{\"do\":\"watch\",\"pid\":$last,\"start\":$(began "$last"),\"policy\":$(policy tree ',"kill":true')}"
	[ "$output" = '{"ok":true}' ]
	move_into_cgroup "$last"
	run ask <<< "{\"do\":\"watch\",\"cgroup\":\"$cgroup\",\"policy\":$(policy cgroup)}"
	[ "$output" = '{"ok":true}' ]
	groups_hold "sorted(x['scope'] for x in g) == ['cgroup', 'process', 'tree']"
	groups_hold "[x['hard_signal'] for x in g if x['scope'] == 'tree'] == ['SIGKILL']"
	ask <<< '{"do":"status"}' | grep -q '"groups":3'
	MAZE_SOCKET=$socket "$MAZE" list --json | grep -q '"scope":"cgroup"'
	ask <<< "{\"do\":\"unwatch\",\"cgroup\":\"$cgroup\"}" | grep -qx '{"ok":true}'
	ask <<< "{\"do\":\"unwatch\",\"pid\":$last}" | grep -qx '{"ok":true}'
	count_groups 0
	run ask <<< "{\"do\":\"unwatch\",\"cgroup\":\"$cgroup\"}"
	answers '"errno":"ENOENT"'
	stop_mazed
}

@test "a user watches groups of his own only" {
	make_cgroup user
	serve < /dev/null
	start sleep 1000
	of_root=$last
	start_as 65534 sleep 1000
	run ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":$(policy tree)}"
	[ "$output" = '{"ok":true}' ]
	run ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$of_root,\"policy\":$(policy tree)}"
	answers '"errno":"EPERM"'
	run ask_as 65534 <<< "{\"do\":\"watch\",\"cgroup\":\"$cgroup\",\"policy\":$(policy cgroup)}"
	answers '"errno":"EPERM"'
	give_cgroup 65534
	move_into_cgroup "$last"
	run ask_as 65534 <<< "{\"do\":\"watch\",\"cgroup\":\"$cgroup\",\"policy\":$(policy cgroup)}"
	[ "$output" = '{"ok":true}' ]
	ask <<< "{\"do\":\"watch\",\"pid\":$of_root,\"policy\":$(policy process)}"
	count_groups 2 65534
	count_groups 0 65533
	count_groups 3
	run ask_as 65533 <<< "{\"do\":\"unwatch\",\"cgroup\":\"$cgroup\"}"
	answers '"errno":"EPERM"'
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"cgroup\":\"$cgroup\"}" | grep -qx '{"ok":true}'
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$last}" | grep -qx '{"ok":true}'
	run ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$last}"
	answers '"errno":"ENOENT"'
	groups_hold "[x['pid'] for x in g] == [$of_root]"
	stop_mazed
}

shadow_and_not() {
	cat <<- END
		[rule groups]
		cgroup = $cgroup
		scope = cgroup
		share = 80%
		shadow = $1
		[rule trees]
		comm = sleep
		scope = tree
		share = 80%
		shadow = $1
	END
}

@test "a user's group replaces that of a rule in shadow, until he ends it" {
	make_cgroup replaced
	give_cgroup 65534
	serve < <(shadow_and_not yes)
	start_as 65534 sleep 1000
	move_into_cgroup "$last"
	wait_until count_groups 2
	ask_as 65534 <<< "{\"do\":\"watch\",\"cgroup\":\"$cgroup\",\"policy\":$(policy cgroup)}" | grep -qx '{"ok":true}'
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":$(policy tree)}" | grep -qx '{"ok":true}'
	groups_hold "[x['share'] for x in g] == [0.9, 0.9]"
	reload_mazed
	groups_hold "[x['share'] for x in g] == [0.9, 0.9]"
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"cgroup\":\"$cgroup\"}" | grep -qx '{"ok":true}'
	ask_as 65534 <<< "{\"do\":\"unwatch\",\"pid\":$last}" | grep -qx '{"ok":true}'
	groups_hold "[x['share'] for x in g] == [0.8, 0.8]"
	# A rule that enforces is not replaced, and replaces.
	configure < <(shadow_and_not no)
	reload_mazed
	run ask_as 65534 <<< "{\"do\":\"watch\",\"cgroup\":\"$cgroup\",\"policy\":$(policy cgroup)}"
	answers '"errno":"EEXIST"'
	run ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":$(policy tree)}"
	answers '"errno":"EEXIST"'
	groups_hold "[x['share'] for x in g] == [0.8, 0.8]"
	stop_mazed
}

@test "a user watches only so many groups, and another user has his own" {
	local i
	serve <<- 'END'
		[daemon]
		entries-per-user = 3
	END
	for i in 1 2 3 4; do
		start_as 65534 sleep 1000
	done
	for i in "${started[@]}"; do
		echo "{\"do\":\"watch\",\"pid\":$i,\"policy\":$(policy process)}"
	done | ask_as 65534 > "$dir/answers"
	[ "$(grep -c '"ok":true' "$dir/answers")" -eq 3 ]
	grep -qF 'you watch 3 of at most 3 groups' "$dir/answers"
	# One that he watches already takes no more room.
	ask_as 65534 <<< "{\"do\":\"watch\",\"pid\":${started[0]},\"policy\":$(policy process)}" | grep -qx '{"ok":true}'
	start_as 65533 sleep 1000
	ask_as 65533 <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":$(policy process)}" | grep -qx '{"ok":true}'
	count_groups 4
	stop_mazed
}

@test "requests and rules for groups that contradict themselves are refused" {
	serve < /dev/null
	start sleep 1000
	run ask <<< "{\"do\":\"watch\",\"pid\":$last,\"policy\":{\"scope\":\"tree\"}}"
	answers 'needs a share'
	run ask <<< '{"do":"watch","cgroup":"/","policy":{"scope":"cgroup","share":"90%"}}'
	answers '"ok":false'
	run ask <<< '{"do":"watch","cgroup":"/../..","policy":{"scope":"cgroup","share":"90%"}}'
	answers '"errno":"EINVAL"'
	run ask <<< '{"do":"watch","cgroup":"/none","policy":{"scope":"cgroup","share":"90%"}}'
	answers '"errno":"ENOENT"'
	count_groups 0
	configure <<- 'END'
		[rule groups]
		scope = cgroup
		share = 90%
		hard-signal = TERM
	END
	run "$MAZED" --config "$conf" --check
	[ "$status" -eq 1 ]
	answers 'hard-signal is for one thread or process'
	stop_mazed
}

@test "mazed --explain shows the rule of each scope, and the trees above" {
	make_cgroup explained
	configure <<- END
		[rule all]
		[rule trees]
		comm = bash
		scope = tree
		share = 150%
		[rule groups]
		cgroup = $cgroup
		scope = cgroup
		share = cpus-0
		cpu-quota = no
	END
	start bash -c 'sleep 1000 & wait'
	wait_until pgrep -P "$last" -x sleep
	child=$(pgrep -P "$last" -x sleep)
	move_into_cgroup "$child"
	run "$MAZED" --config "$conf" --explain "$child"
	[ "$status" -eq 0 ]
	answers 'rule all: the thread is watched'
	answers "process $last (bash) above it matches rule trees: its tree has this process"
	answers 'rule groups: the control group of the process is watched'
	answers 'cpu-quota no'
	run "$MAZED" --config "$conf" --check
	[ "$status" -eq 0 ]
	kill "$child"
}
