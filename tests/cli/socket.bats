#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze(1) as a client of mazed: its requests, and how it handles every answer.

bats_require_minimum_version 1.5.0
load test_helper

setup() {
	dir=$(mktemp -d)
	public=$dir # teardown removes it
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

@test "watch sends each process with its start time, and the whole policy" {
	start sleep 1000
	one=$last
	start sleep 1000
	serve <<- 'END'
		{"ok":true}

		{"ok":true}
	END
	run "$MAZE" watch --socket "$dir/s" --soft 300ms --hard 0 --soft-signal TERM --recovery 0.5 \
		--shadow --no-inherit --yield count "$one" "$last"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	policy='"policy":{"soft":"300ms","hard":"0","soft-signal":"SIGTERM","hard-signal":"SIGKILL","recovery":"0.5","signal-to":"thread","yield":"count","inherit":false,"shadow":true}'
	requests_are <<- END
		{"do":"watch","pid":$one,"start":$(began "$one"),$policy}
		{"do":"watch","pid":$last,"start":$(began "$last"),$policy}
	END
	nothing_pinned
}

@test "watch --thread, unwatch and thaw send their requests" {
	start sleep 1000
	serve <<- 'END'
		{"ok":true}

		{"ok":true}
	END
	MAZE_SOCKET=$dir/s run "$MAZE" unwatch --thread "$last"
	[ "$status" -eq 0 ]
	requests_are <<< "{\"do\":\"unwatch\",\"pid\":$last,\"start\":$(began "$last"),\"tid\":$last}"
	rm "$dir/s"
	serve <<< '{"ok":true}'
	run "$MAZE" thaw --socket "$dir/s" --cgroup /a/b
	[ "$status" -eq 0 ]
	requests_are <<< '{"do":"thaw","cgroup":"/a/b"}'
	refused 2 "$MAZE" thaw --socket "$dir/s"
	refused 2 "$MAZE" thaw --socket "$dir/s" --all 17
	refused 1 "$MAZE" thaw --all
	says 'mazed is not running'
}

@test "a refusal is printed in mazed's words, and maze does not act by itself" {
	start sleep 1000
	serve <<< '{"ok":false,"errno":"EPERM","text":"process 7 is not wholly yours"}'
	refused 1 "$MAZE" watch --socket "$dir/s" "$last"
	says 'maze watch: process 7 is not wholly yours'
	nothing_pinned
}

@test "list and events print the same as without mazed" {
	serve <<- 'END'
		{"ok":true,"engine":"kmod"}
		{"entry":{"pid":7,"tid":8,"comm":"a b","uid":0,"count_ns":1000000,"soft_ns":7000000000,"hard_ns":0,"soft_signal":"SIGXCPU","hard_signal":null,"recovery":"inf","yield":"reset","inherit":true,"shadow":true,"fired":"none","episode":0,"engine":"kmod"}}
		{"ok":true,"done":true}
	END
	run "$MAZE" list --socket "$dir/s"
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = '      7       8 a b                      1ms  inf       reset  soft 7s SIGXCPU, hard off, shadow' ]
	rm "$dir/s"
	# The record is not from before the boot.
	serve <<- END
		{"ok":true,"engine":"bpf"}
		{"record":{"time":"$(date -u +%FT%T.%NZ)","event":"soft","pid":7,"tid":7,"comm":"x","uid":0,"count_ns":2,"limit_ns":1,"signal":"SIGXCPU","signal_number":24,"sent":true,"shadow":false,"engine":"bpf","cpu":0,"episode":0}}
		{"ok":true,"done":true}
	END
	run "$MAZE" events --socket "$dir/s" --json
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *'"event":"soft","pid":7,"tid":7,"comm":"x",'*'"count_ns":2,'* ]]
	requests_are <<< '{"do":"events","kept":true,"follow":false}'
}

@test "stats shows what mazed has counted" {
	serve <<- 'END'
		{"ok":true,"watched":12,"verdicts":5,"signals":4,"inherit_failures":0,"timer_expiries":99,"records":{"soft":3,"hard":2,"shadow":1,"sent":4,"lost":0},"lateness":{"bounds_ns":[10000,25000,50000],"threads":{"counts":[0,4,0,1],"sum_ns":110000,"max_ns":51000},"groups":{"counts":[0,0,0,0],"sum_ns":0,"max_ns":0}},"engine":"bpf","since":"2026-06-15T08:00:00.000000000Z","groups":2}
	END
	TZ=UTC run -0 --separate-stderr "$MAZE" stats --socket "$dir/s"
	[ "$output" = "$(cat <<- 'END'
		engine                     bpf
		threads watched            12
		groups watched             2

		Since the engine was loaded
		  verdicts                 5
		  signals sent             4
		  children not watched     0
		  timer expirations        99

		Since mazed began, 2026-06-15 08:00:00
		  soft verdicts            3
		  hard verdicts            2
		  verdicts in shadow       1
		  signals sent             4
		  records lost             0

		Lateness of 5 verdicts of threads: mean 22us, at most 51us
		  up to 25us            4  ########################################
		  up to 50us            0
		  above 50us            1  ##########
	END
	)" ]
	requests_are <<< '{"do":"stats"}'
}

@test "an empty list is not an error" {
	serve <<- 'END'
		{"ok":true,"engine":"bpf"}
		{"ok":true,"done":true}
	END
	run "$MAZE" list --socket "$dir/s"
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing is watched' ]
}

@test "every invalid answer in place of mazed gives a sentence" {
	while IFS='|' read -r answer sentence; do
		rm -f "$dir/s"
		printf '{"ok":true,"engine":"bpf"}\n%b\n' "$answer" | serve
		refused 1 "$MAZE" list --socket "$dir/s"
		says "$sentence"
	done <<- 'END'
		[]|is not a JSON object
		hello|is not a JSON object
		{"entry":7}|refused the request without a reason
		{"entry":{}}|invalid list entry
		{"ok":true,"other":1}|has no "entry"
		{"ok":false,"text":"enough"}|enough
	END
	rm "$dir/s"
	printf '{"ok":true}\n' | serve
	refused 1 "$MAZE" list --socket "$dir/s"
	says 'closed the connection'
	rm "$dir/s"
	head -c 70000 /dev/zero | tr '\0' x | serve
	refused 1 "$MAZE" list --socket "$dir/s"
	says 'a line that is too long'
	rm "$dir/s"
	serve < /dev/null
	refused 1 "$MAZE" list --socket "$dir/s"
	says 'closed the connection'
}

@test "maze top has the sentence for an invalid answer, and nothing else" {
	start "$python" -c 'import os, socket, sys
listener = socket.create_server(sys.argv[1] + ".new", family=socket.AF_UNIX)
os.rename(sys.argv[1] + ".new", sys.argv[1])
peers = [listener.accept()[0] for _ in range(2)]
peers[1].sendall(b"hello\n")
peers[1].recv(4096)
peers[1].recv(4096)' "$dir/s"
	wait_until [ -S "$dir/s" ]
	refused 1 "$MAZE" top --once --socket "$dir/s"
	says 'is not a JSON object'
}

@test "maze top does not wait for a mazed that has stopped, even if its backlog is full" {
	serve < /dev/null
	kill -STOP "${started[-1]}"
	# The first one leaves two connections, and there is room for no other.
	for _ in 1 2; do
		refused 1 timeout 20 "$MAZE" top --once --socket "$dir/s"
		says 'does not answer'
	done
}

@test "a missing mazed is an error only where one should run" {
	refused 1 "$MAZE" list --socket "$dir/none"
	says 'is mazed running'
	MAZE_SOCKET=$dir/none refused 1 "$MAZE" list
	says 'is mazed running'
	MAZE_SOCKET=$dir/none run "$MAZE" list --direct
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing is watched' ]
	MAZE_SOCKET=$dir/none run "$MAZE" list --engine bpf
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing is watched' ]
	MAZE_SOCKET='' run "$MAZE" list
	[ "$status" -eq 0 ]
	[ "$output" = 'nothing is watched' ]
	refused 1 "$MAZE" list --socket "$dir/$(printf '%0200d' 0)"
	says 'is longer than'
}

@test "options for mazed and options for its absence exclude each other" {
	refused 2 "$MAZE" list --socket "$dir/s" --direct
	refused 2 "$MAZE" list --socket "$dir/s" --engine bpf
	refused 2 "$MAZE" watch --wait --socket "$dir/s" 1
	refused 2 "$MAZE" watch --wait --direct 1
}
