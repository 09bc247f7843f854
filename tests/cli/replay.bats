# SPDX-License-Identifier: GPL-2.0-only
# maze replay: verdicts for traces that are written by hand. The work is in
# tests/unit/test_replay.c.

bats_require_minimum_version 1.5.0
load test_helper

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# switch TIME PREV PID STATE NEXT PID [CPU]: a line of perf script.
switch() {
	printf '%16s %7d [%03d] %12s: sched:sched_switch: prev_comm=%s prev_pid=%d prev_prio=120 prev_state=%s ==> next_comm=%s next_pid=%d next_prio=120\n' \
		"$2" "$3" "${7:-0}" "$1" "$2" "$3" "$4" "$5" "$6"
}

# event TIME COMM PID EVENT FIELDS
event() { printf '%16s %7d [000] %12s: %s: %s\n' "$2" "$3" "$1" "$4" "$5"; }

# A spinner uses 1 s, waits for half a second, uses 1.5 s and sleeps.
spinner() {
	switch 1.000000 swapper/0 0 R spin 100
	switch 2.000000 spin 100 R+ other 200
	switch 2.500000 other 200 S spin 100
	switch 4.000000 spin 100 S swapper/0 0
}

# The event, the thread, the time and the count of each verdict.
verdicts() {
	"$MAZE" replay --quiet --json "$@" | python3 -c '
import json, sys
for line in sys.stdin:
    d = json.loads(line)
    print(d["event"], d["tid"], d["time"][17:23], d["count_ns"] // 1000000, d.get("rule", ""))'
}

@test "a limit is reached at its time, also after a preemption" {
	spinner > trace
	[ "$(verdicts --soft 1200ms --hard 2s trace)" = $'soft 100 02.700 1200 \nhard 100 03.500 2000 ' ]
	run -0 --separate-stderr "$MAZE" replay --soft 1200ms --hard 2s trace
	[ "${lines[0]}" = '1970-01-01T00:00:02.700000000Z soft: spin[100] thread 100 used 1s 200ms of CPU without sleeping, limit 1s 200ms; shadow: would have sent SIGXCPU (replay, cpu 0)' ]
	says '4 switches of 2 threads'
	says 'a wait for a lock counts as any other sleep, and yields are not seen'
	[ -z "$(verdicts --soft 3s trace)" ]
	[ "$(verdicts --soft 2s --hard 0 - < trace)" = 'soft 100 03.500 2000 ' ]
}

@test "a thread that still runs is charged up to the end of the trace" {
	{
		switch 1.000000 swapper/0 0 R spin 100
		switch 3.000000 swapper/1 0 R other 200 1
	} > trace
	[ "$(verdicts --soft 2s --hard 0 trace)" = 'soft 100 03.000 2000 ' ]
}

@test "a sleep, a yield and a stop reset the count, and a lock takes a part off" {
	{
		switch 1.000000 swapper/0 0 R spin 100
		event 1.900000 spin 100 syscalls:sys_enter_futex 'uaddr: 0x1'
		switch 2.000000 spin 100 S swapper/0 0
		event 2.100000 swapper/0 0 sched:sched_waking 'comm=spin pid=100 prio=120 target_cpu=000'
		switch 2.900000 swapper/0 0 R spin 100
		event 2.950000 spin 100 syscalls:sys_exit_futex 0x0
		event 3.400000 spin 100 syscalls:sys_enter_sched_yield ''
		switch 4.400000 spin 100 T swapper/0 0
	} > trace
	# 1 s, of which the wait of 100 ms takes 500 ms, and 500 ms up to the yield.
	[ "$(verdicts --soft 1s --hard 0 --recovery lock:5 trace)" = $'soft 100 02.000 1000 \nsoft 100 04.400 1000 ' ]
	[ "$(verdicts --soft 1200ms --hard 0 --recovery lock:1 trace)" = 'soft 100 03.200 1200 ' ]
	[ "$(verdicts --soft 1900ms --hard 0 --recovery lock:1 --yield count trace)" = 'soft 100 03.900 1900 ' ]
	[ "$(verdicts --soft 1500ms --hard 0 --recovery inf --yield count trace)" = 'soft 100 04.400 1500 ' ]
}

@test "children are watched like their parent, and --no-inherit ends that" {
	{
		switch 1.000000 swapper/0 0 R parent 100
		event 1.100000 parent 100 sched:sched_process_fork 'comm=parent pid=100 child_comm=parent child_pid=101'
		event 1.200000 parent 100 task:task_rename 'pid=101 oldcomm=parent newcomm=child oom_score_adj=0'
		switch 1.300000 parent 100 S child 101
		switch 2.400000 child 101 Z swapper/0 0
	} > trace
	[ "$(verdicts --soft 1s --hard 0 --comm 'par*' trace)" = 'soft 101 02.300 1000 ' ]
	[ -z "$(verdicts --soft 1s --hard 0 --comm 'par*' --no-inherit trace)" ]
	[ "$(verdicts --soft 1s --hard 0 --comm child trace)" = 'soft 101 02.300 1000 ' ]
}

@test "trace-cmd report and the file of tracefs are read" {
	cat > trace <<-'END'
		version = 6
		cpus=2
		          <idle>-0     [000]     1.000000000: sched_switch:         swapper/0:0 [120] R ==> spin:100 [120]
		            spin-100   [000]     2.000000000: sched_switch:         spin:100 [120] S ==> swapper/0:0 [120]
	END
	[ "$(verdicts --soft 1s --hard 0 trace)" = 'soft 100 02.000 1000 ' ]
	cat > trace <<-'END'
		# tracer: nop
		          <idle>-0       (-------) [000] d..2.     1.000000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=spin next_pid=100 next_prio=120
		            spin-100     (     90) [000] .....     1.500000: sys_sched_yield()
		            spin-100     (     90) [000] d..2.     2.500000: sched_switch: prev_comm=spin prev_pid=100 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
	END
	[ "$(verdicts --soft 1s --hard 0 trace)" = 'soft 100 02.500 1000 ' ]
}

@test "missing events reset counts, and are reported" {
	{
		switch 1.000000 swapper/0 0 R spin 100
		switch 1.000000 swapper/1 0 R preempted 300 1
		switch 1.900000 preempted 300 R swapper/1 0 1
		echo 'CPU:0 [LOST 12 EVENTS]'
		switch 2.500000 swapper/1 0 R preempted 300 1
		switch 2.900000 preempted 300 R swapper/1 0 1
		switch 3.000000 spin 100 R swapper/0 0
		switch 4.000000 other 200 R swapper/0 0
	} > trace
	run -0 --separate-stderr "$MAZE" replay --quiet --soft 1s trace
	[ -z "$output" ]
	says 'the trace has lost 12 events'
	says '1 switch is missing in the trace'
}

@test "a truncated, reordered or hostile trace is refused with its line" {
	spinner > good
	head -c -30 good > trace
	run -1 --separate-stderr "$MAZE" replay --quiet --soft 1s --hard 0 trace
	[[ $output == *soft:* ]]
	says 'trace: line 4: the trace ends within this line'
	{ sed -n '1p; 3p' good; sed -n '2p' good; } > trace
	run -1 --separate-stderr "$MAZE" replay --quiet trace
	says 'line 3: its time is before that of an earlier event of its CPU'
	echo 'this is no trace' > trace
	refused 1 "$MAZE" replay --quiet trace
	says 'line 1: it is no event'
	sed 's/prev_pid=100/prev_pid=4194305/' good > trace
	refused 1 "$MAZE" replay --quiet trace
	says 'line 2: invalid fields of sched_switch'
	sed 's/\[000\]/[9999]/' good > trace
	refused 1 "$MAZE" replay --quiet trace
	says 'line 1: no machine has a CPU of this number'
	head -c 3000000 /dev/zero > trace
	refused 1 "$MAZE" replay --quiet trace
	says 'line 1: it has more than 1 MiB'
	printf 'maze-tr\n' > trace
	refused 1 "$MAZE" replay --quiet trace
	says 'the trace ends within its header'
	refused 1 "$MAZE" replay /nonexistent
	refused 1 "$MAZE" replay .
}

@test "--rules: the first rule that matches has its policy" {
	spinner > trace
	cat > new.conf <<-'END'
		[rule others]
		comm = other
		action = ignore

		[rule spinners]
		comm = sp*
		soft = 2s
		hard = 0
		shadow = no
	END
	[ "$(verdicts --rules new.conf trace)" = 'soft 100 03.500 2000 spinners' ]
	run -0 --separate-stderr "$MAZE" replay --rules new.conf trace
	holds ', rule spinners, enforcing'
	printf '[rule bad]\nsoft = x\n' > bad.conf
	run -1 --separate-stderr "$MAZE" replay --rules bad.conf trace
	says 'bad.conf:2: soft:'
	says 'the rules in bad.conf are refused'
}

@test "--rules: threads of a process, if the trace tells it" {
	{
		switch 1.000000 swapper/0 0 R server 100
		event 1.100000 server 100 task:task_newtask 'pid=101 comm=server clone_flags=3d0f00 oom_score_adj=0'
		event 1.200000 server 100 task:task_newtask 'pid=102 comm=server clone_flags=1200000 oom_score_adj=0'
		event 1.300000 server 100 task:task_rename 'pid=101 oldcomm=server newcomm=worker oom_score_adj=0'
		switch 2.000000 server 100 S worker 101
		switch 4.000000 worker 101 S server 102
		switch 6.000000 server 102 S swapper/0 0
	} | sed 's|^\( *server\) *100 |\1 100/100 |' > trace
	printf '[rule workers]\ncomm = server\nthread = work*\nsoft = 1s\nhard = 0\n' > new.conf
	[ "$(verdicts --rules new.conf trace)" = 'soft 101 03.000 1000 workers' ]
	printf '[rule mains]\ncomm = server\nthread = main\nsoft = 1500ms\nhard = 0\n' > new.conf
	[ "$(verdicts --rules new.conf trace)" = 'soft 102 05.500 1500 mains' ]
	printf '[rule all]\ncomm = server\nthread = all\nsoft = 1500ms\nhard = 0\n' > new.conf
	[ "$(verdicts --rules new.conf trace)" = $'soft 101 03.500 1500 all\nsoft 102 05.500 1500 all' ]
}

@test "--assume: keys that a trace does not tell" {
	spinner > trace
	printf '[rule services]\ncgroup = system.slice\nsoft = 2s\nhard = 0\n' > new.conf
	refused 1 "$MAZE" replay --quiet --rules new.conf trace
	says 'rule services (new.conf:1) has the key cgroup, which a trace does not tell'
	[ "$(verdicts --rules new.conf --assume yes trace)" = 'soft 100 03.500 2000 services' ]
	[ -z "$(verdicts --rules new.conf --assume no trace)" ]
	printf '[rule all]\nscope = process\nshare = 90%%\n' > new.conf
	run -0 --separate-stderr "$MAZE" replay --rules new.conf trace
	says 'rule all (new.conf:1) is for groups, which are not replayed'
}

@test "--against: the difference of two files of rules, and exit status 3" {
	spinner > trace
	printf '[rule all]\nsoft = 1s\nhard = 2s\n' > old.conf
	cp old.conf new.conf
	run -0 "$MAZE" replay --quiet --rules new.conf --against old.conf trace
	[ -z "$output" ]
	printf '[rule all]\nsoft = 1s\nhard = 2500ms\n' > new.conf
	run -3 "$MAZE" replay --quiet --rules new.conf --against old.conf trace
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == '- '*' hard: spin'*'limit 2s;'* ]]
	[[ ${lines[1]} == '+ '*' hard: spin'*'limit 2s 500ms;'* ]]
	run -3 "$MAZE" replay --quiet --json --rules new.conf --against old.conf trace
	[ "$(json 'd["diff"]' <<< "${lines[0]}")" = - ]
	printf '[rule all]\nsoft = 1s\nhard = 2s\nshadow = yes\n' > new.conf
	run -3 "$MAZE" replay --quiet --rules new.conf --against old.conf trace
	[ "${#lines[@]}" -eq 4 ]
}

@test "maze record writes a trace that maze replay reads" {
	needs_bpf
	"$MAZE" record --out trace 2> said 3>&- &
	started+=("$!")
	local recorder=$! spinner clock line
	wait_until test -s trace
	start "$PROGRAMS/spin"
	spinner=$last
	spins "$spinner"
	cpu_clock "$spinner" clock
	wait_until used_more "$spinner" $((clock + 300000000))
	kill -KILL "$spinner"
	wait_until ended "$spinner"
	kill -INT "$recorder"
	wait "$recorder"
	grep -q ' switches, .* events lost' said
	run -0 --separate-stderr "$MAZE" replay --json --soft 20ms --hard 0 --comm spin trace
	# Other tests have programs of this name too.
	line=$(grep -m 1 "\"tid\":$spinner," <<< "$output")
	[ "$(json 'd["tid"], d["pid"], d["comm"], d["count_ns"]' <<< "$line")" = "$spinner $spinner spin 20000000" ]
	[[ $(json 'd["time"]' <<< "$line") == "$(date -u +%Y)"-* ]]
}

@test "usage" {
	refused 2 "$MAZE" replay
	refused 2 "$MAZE" replay a b
	refused 2 "$MAZE" replay --rules a --soft 1s b
	says '--rules has policies of its own'
	refused 2 "$MAZE" replay --against a b
	refused 2 "$MAZE" replay --assume yes b
	refused 2 "$MAZE" replay --rules a --assume maybe b
	refused 2 "$MAZE" replay --scope tree b
	refused 2 "$MAZE" replay --comm '[' b
	refused 2 "$MAZE" record
	refused 2 "$MAZE" record --out a --for 0
	refused 1 "$MAZE" record --out /nonexistent/a
	spinner > trace
	output_is_lost "$MAZE" replay --quiet --soft 1s trace
}
