#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The metrics of mazed: maze metrics, its text file, and /metrics of maze-exporter.

bats_require_minimum_version 1.5.0
load test_helper

EXPORTER=${EXPORTER:-build/maze-exporter}

read_metrics() { "$BATS_TEST_DIRNAME/read_metrics.py" "$1"; }
# All samples of maze metrics, into $dir/metrics.
scrape() {
	"$MAZE" metrics --socket "$socket" > "$dir/text" &&
		read_metrics openmetrics < "$dir/text" > "$dir/metrics"
}
# The value of a series at the last scrape.
last_value() { sed -n "s/^$1 //p" "$dir/metrics"; }
value_is() {
	scrape && [ "$(last_value "$1")" = "$2" ]
}
is_positive() {
	scrape && last_value "$1" | awk '{ exit !($1 > 0) }'
}
# A verdict of a rule that is enforced (false) or in shadow (true).
verdicts_are() { value_is "maze_verdicts_total{rule=\"$1\",stage=\"$2\",shadow=\"$3\"}" "$4"; }

@test "verdicts, signals, actions and the breaker count from 0 on" {
	chmod 755 "$dir"
	configure <<- 'END'
		[rule enforced]
		comm = spin
		soft = 0
		hard = 100ms
		hard-renice = 5
		max-hard = 1/1h
		[rule watched]
		comm = sleep
		shadow = yes
		soft = 100ms
		hard = 0
	END
	before=$(date +%s)
	start_mazed
	start sleep 1000
	wait_until watched "$last"
	verdicts_are enforced hard false 0
	[ "$(grep -c '^maze_verdicts_total' "$dir/metrics")" -eq 16 ]
	[ "$(grep -c '^maze_actions_total{rule="enforced"' "$dir/metrics")" -eq 3 ]
	[ "$(last_value 'maze_watched_threads{rule="watched"}')" = 1 ]
	[ "$(last_value 'maze_last_verdict_timestamp_seconds{rule="enforced",stage="hard"}')" = 0.000000000 ]
	[ "$(last_value 'maze_build_info{version="'"$("$MAZE" --version | cut -d ' ' -f 2)"'"}')" = 1 ]
	[ "$(last_value 'maze_config_last_reload_successful')" = 1 ]
	series=$(wc -l < "$dir/metrics")
	started=$(last_value process_start_time_seconds)
	# The clock of start times has a resolution of its own.
	[ "${started%.*}" -ge $((before - 2)) ]
	[ "${started%.*}" -le $(($(date +%s) + 2)) ]

	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until verdicts_are enforced hard false 1
	[ "$(last_value 'maze_signals_total{rule="enforced",stage="hard",result="sent"}')" = 1 ]
	[ "$(last_value 'maze_rule_tripped{rule="enforced"}')" = 0 ]
	[ "$(last_value 'maze_verdict_lateness_seconds_count{scope="thread"}')" = 1 ]
	# It comes after the signal, and may find that the thread has ended.
	wait_until logged '"action":"renice"'
	scrape
	[ "$(awk '/^maze_actions_total{rule="enforced"/ { sum += $2 } END { print sum }' "$dir/metrics")" = 1 ]
	wait_until value_is maze_incidents_written_total 1
	last_value 'maze_runaway_cpu_seconds_total{rule="enforced"}' | awk '{ exit !($1 >= 0.1 && $1 < 10) }'

	# The second one trips the rule.
	start "$PROGRAMS/spin"
	wait_until verdicts_are enforced hard true 1
	wait_until value_is 'maze_rule_tripped{rule="enforced"}' 1
	last_value 'maze_longest_episode_ratio{rule="enforced"}' | awk '{ exit !($1 >= 1) }'
	[ "$(wc -l < "$dir/metrics")" -eq "$series" ]

	# A refused reload, and one that is not.
	loaded=$(last_value maze_config_last_reload_success_timestamp_seconds)
	cp "$conf" "$dir/good"
	echo 'no = key' >> "$conf"
	kill -HUP "$mazed"
	wait_until value_is maze_config_last_reload_successful 0
	[ "$(last_value maze_config_last_reload_success_timestamp_seconds)" = "$loaded" ]
	cp "$dir/good" "$conf"
	reload_mazed
	value_is maze_config_last_reload_successful 1
	[ "$(last_value maze_config_last_reload_success_timestamp_seconds)" != "$loaded" ]
	verdicts_are enforced hard false 1
	[ "$(wc -l < "$dir/metrics")" -eq "$series" ]
	stop_mazed
}

@test "verdicts in shadow count as such, and watches by request under one label" {
	chmod 755 "$dir"
	configure <<- 'END'
		[rule dry]
		comm = spin
		shadow = yes
		soft = 100ms
		hard = 0
	END
	start_mazed
	start "$PROGRAMS/spin"
	wait_until verdicts_are dry soft true 1
	[ "$(last_value 'maze_signals_total{rule="dry",stage="soft",result="sent"}')" = 0 ]
	start "$PROGRAMS/sleep_now_and_then" --rounds 100000
	ask <<< "{\"do\":\"watch\",\"pid\":$last}"
	scrape
	last_value 'maze_watched_threads{rule="(requests)"}' | awk '{ exit !($1 >= 1) }'
	stop_mazed
}

# That many threads of the rule are watched, by the metrics and by the list.
watches() {
	value_is "maze_watched_threads{rule=\"$1\"}" "$2" &&
		[ "$(ask <<< '{"do":"list"}' | grep -c "\"rule\":\"$1\"")" -eq "$2" ]
}

@test "maze_watched_threads is what maze list has, as threads begin and end" {
	serve <<- 'END'
		[rule many]
		comm = many_threads
		shadow = yes
		[rule one]
		comm = sleep_now*
		shadow = yes
	END
	watches many 0
	start "$PROGRAMS/many_threads" --count 50
	start "$PROGRAMS/many_threads" --count 7
	few=$last
	start "$PROGRAMS/sleep_now_and_then" --rounds 100000
	wait_until watches many 59
	wait_until watches one 1
	kill -KILL "$few"
	wait_until ended "$few"
	watches many 51
	# By request, and no longer by the rule.
	ask <<< "{\"do\":\"watch\",\"pid\":$last}"
	watches one 0
	value_is 'maze_watched_threads{rule="(requests)"}' 1
	sed -i 's/many_threads/none/' "$conf"
	reload_mazed
	watches many 0
	stop_mazed
}

@test "a user gets what maze rules and maze stats show, and a reader all" {
	serve <<- 'END'
		readers = 65533
		[rule dry]
		shadow = yes
		comm = spin
	END
	ask_as 65534 <<< '{"do":"metrics"}' > "$dir/other"
	grep -q 'maze_verdicts_total{rule=\\"dry\\"' "$dir/other"
	run ! grep -q 'longest_episode\|runaway\|process_\|(requests)\|signals' "$dir/other"
	ask_as 65533 <<< '{"do":"metrics","format":"prometheus"}' > "$dir/reader"
	grep -q 'maze_longest_episode_ratio{rule=\\"dry\\"' "$dir/reader"
	[ "$(tail -n 1 "$dir/reader")" = '{"ok":true,"done":true}' ]
	run ask <<< '{"do":"metrics","format":"xml"}'
	[[ $output == '{"ok":false,"errno":"EINVAL",'* ]]
	stop_mazed
}

# Whether the parent has used CPU time, for a further fork, since then, or has ended.
has_forked() { used_more "$1" "$2" || ended "$1"; }

@test "10,000 processes and 100 restarts of a service begin no series" {
	make_cgroup restarted.service
	serve <<- END
		[rule storm]
		comm = forker
		soft = 0
		hard = 1h
		[rule all-of-it]
		comm = forker
		scope = tree
		share = 1%
		soft = 100ms
		hard = 0
		[rule services]
		cgroup = $cgroup
		scope = cgroup
		share = 1%
		soft = 0
		hard = 1h
	END
	scrape
	series=$(wc -l < "$dir/metrics")
	start "$PROGRAMS/forker" --storm 10000
	storm=$last
	for ((i = 0; i < 100; i++)); do
		rmdir "$cgroup_dir"
		mkdir "$cgroup_dir"
		sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec true"
	done
	start sh -c "echo \$\$ > $cgroup_dir/cgroup.procs && exec sleep 1000"
	wait_until value_is 'maze_watched_groups{rule="services"}' 1
	[ "$(wc -l < "$dir/metrics")" -eq "$series" ]
	while cpu_clock "$storm" before; do
		wait_until has_forked "$storm" "$before"
	done
	wait "$storm"
	# The children were watched: only all of them together use that much.
	wait_until is_positive 'maze_verdicts_total{rule="all-of-it",stage="soft",shadow="false"}'
	[ "$(wc -l < "$dir/metrics")" -eq "$series" ]
	[ "$(last_value 'maze_watched_threads{rule="storm"}')" = 0 ]
	stop_mazed
}

textfile() { "$MAZE" metrics --socket "$socket" --textfile "$1"; }

@test "--textfile replaces the file as a whole, or leaves it as it is" {
	serve <<< $'[rule dry]\nshadow = yes\ncomm = spin'
	mkdir "$dir/textfiles"
	(umask 077 && textfile "$dir/textfiles/maze.prom")
	[ "$(stat -c %a "$dir/textfiles/maze.prom")" = 644 ]
	read_metrics prometheus < "$dir/textfiles/maze.prom" > "$dir/metrics"
	grep -q '^maze_verdicts_total{rule="dry"' "$dir/metrics"
	# node_exporter has these of its own, and refuses them twice.
	run ! grep -q '^process_' "$dir/textfiles/maze.prom"
	# A reader has the old text or the new one.
	exec {old}< "$dir/textfiles/maze.prom"
	cp "$dir/textfiles/maze.prom" "$dir/before"
	textfile "$dir/textfiles/maze.prom"
	cmp /dev/fd/$old "$dir/before"
	[ "$(ls "$dir/textfiles")" = maze.prom ]

	run ! --separate-stderr textfile "$dir/textfiles"
	[[ $stderr == *'it is not a regular file' ]]
	ln -s "$dir/before" "$dir/textfiles/link.prom"
	run ! --separate-stderr textfile "$dir/textfiles/link.prom"
	[ -h "$dir/textfiles/link.prom" ]
	rm "$dir/textfiles/link.prom"
	run ! --separate-stderr textfile "$dir/none/maze.prom"
	[[ $stderr == *'No such file or directory' ]]
	# A full disk.
	mount -t tmpfs -o size=8k none "$dir/textfiles"
	echo old > "$dir/textfiles/maze.prom"
	run ! --separate-stderr textfile "$dir/textfiles/maze.prom"
	full="$stderr $(cat "$dir/textfiles/"*)"
	umount "$dir/textfiles"
	[[ $full == *'No space left on device old' ]]
	stop_mazed
	cp "$dir/textfiles/maze.prom" "$dir/before"
	run -1 --separate-stderr textfile "$dir/textfiles/maze.prom"
	[[ $stderr == *'is mazed running'* ]]
	cmp "$dir/textfiles/maze.prom" "$dir/before"
	run -1 --separate-stderr "$MAZE" metrics
	[ "$stderr" = 'maze metrics: mazed is not running, and only mazed counts metrics' ]
	[ -z "$output" ]
}

# tests/with-promtool has it where it is not installed.
@test "promtool accepts the metrics" {
	needs_program promtool
	serve <<- 'END'
		[rule dry]
		comm = spin
		shadow = yes
		soft = 100ms
		soft-renice = 5
		hard = 0
	END
	start "$PROGRAMS/spin"
	wait_until verdicts_are dry soft true 1
	textfile "$dir/maze.prom"
	promtool check metrics < "$dir/maze.prom"
	# With process_*.
	ask <<< '{"do":"metrics","format":"prometheus"}' | python3 -c '
import json, sys
print(end="".join(json.loads(line).get("metrics", "") for line in sys.stdin))' > "$dir/all"
	grep -q '^process_open_fds ' "$dir/all"
	promtool check metrics < "$dir/all"
	echo 'maze_total 1' | run ! promtool check metrics
	stop_mazed
}

# The answer to /metrics with this Accept, into $dir/head and $dir/body.
get_metrics() {
	python3 -c 'import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
client.connect(sys.argv[1])
client.sendall(b"GET /metrics HTTP/1.0\r\nAccept: %s\r\n\r\n" % sys.argv[2].encode())
head, body = client.makefile("rb").read().split(b"\r\n\r\n", 1)
open(sys.argv[3] + "/head", "wb").write(head.replace(b"\r", b""))
open(sys.argv[3] + "/body", "wb").write(body)' "$dir/public/http.sock" "$1" "${2-$dir}"
}
type_is() { get_metrics "$1" && grep -qxF "Content-Type: $2" "$dir/head"; }

@test "maze-exporter serves /metrics in the format that a client accepts" {
	needs_mazed
	plain='text/plain; version=0.0.4; charset=utf-8'
	open='application/openmetrics-text; version=1.0.0; charset=utf-8'
	prometheus='application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
	mkdir -m 755 "$dir/public" && chmod 1777 "$dir/public"
	cp "$EXPORTER" "$dir/public/maze-exporter"
	chmod 755 "$dir"
	configure <<- 'END'
		readers = 65533
		[rule dry]
		shadow = yes
		comm = spin
	END
	start setpriv --reuid=65532 --regid=65532 --groups=65533 "$dir/public/maze-exporter" \
		--listen "$dir/public/http.sock" --socket "$socket" --incidents "$dir"
	wait_until get_metrics '*/*'
	grep -q ' 503 ' "$dir/head"
	grep -q 'mazed does not run' "$dir/body"
	start_mazed
	wait_until type_is "$prometheus" "$open"
	read_metrics openmetrics < "$dir/body" > "$dir/metrics"
	[ "$(last_value 'maze_signals_total{rule="dry",stage="hard",result="sent"}')" = 0 ]
	for accept in '*/*' 'text/plain' "$open;q=0.1, text/plain" 'application/openmetrics-text; q=0' \
		'application/openmetrics-text;version=9.0.0' '' ',;=,;q=nan' ; do
		wait_until type_is "$accept" "$plain"
		read_metrics prometheus < "$dir/body" > "$dir/metrics"
		[ "$(last_value 'maze_signals_total{rule="dry",stage="hard",result="sent"}')" = 0 ]
	done
	type_is 'APPLICATION/openmetrics-text' "$open"
	# Those that ask at the same time share an answer.
	for i in 1 2 3 4 5 6 7 8; do
		mkdir "$dir/$i"
		get_metrics '*/*' "$dir/$i" 3>&- &
		clients+=($!)
	done
	type_is "$open" "$open"
	wait "${clients[@]}"
	for i in 1 2 3 4 5 6 7 8; do
		read_metrics prometheus < "$dir/$i/body" > "$dir/metrics"
	done
	stop_mazed
}

@test "the units of maze metrics are valid" {
	units=$BATS_TEST_DIRNAME/../../packaging/systemd
	cp "$MAZE" "$dir/maze"
	cp "$units/maze-metrics.timer" "$dir/"
	sed "s|@BINDIR@|$dir|" "$units/maze-metrics.service.in" > "$dir/maze-metrics.service"
	valid_units "$dir/maze-metrics.service" "$dir/maze-metrics.timer"
	exposed_at_most 20 "$dir/maze-metrics.service"
}
