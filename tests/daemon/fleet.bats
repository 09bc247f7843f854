#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# docs/fleet/: files for other programs that read the log of mazed.

load test_helper

# Prints "REASON TEXT" for each line of the log that a rule matches. As in
# node-problem-detector, the match must reach the end of the buffer, which is one line.
events() {
	python3 - docs/fleet/node-problem-detector.json "$log" <<- 'END'
		import json, re, sys

		monitor = json.load(open(sys.argv[1]))
		assert monitor["bufferSize"] == 1 and monitor["pluginConfig"]["source"] == "mazed"
		rules = [(r["reason"], re.compile(r["pattern"] + r"\Z")) for r in monitor["rules"]]
		assert all(r["type"] == "temporary" for r in monitor["rules"])
		for line in open(sys.argv[2]):
		    if line.startswith("mazed: "):
		        text = line[len("mazed: "):].rstrip("\n")
		        for reason, pattern in rules:
		            if pattern.search(text):
		                print(reason, text)
	END
}

@test "each event of node-problem-detector comes from the log, once" {
	# On standard error, lines are the texts that the journal gets as MESSAGE=.
	log=stderr
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		hard = 200ms
		soft-signal = 0
		max-hard = 1/1h
	END
	log=$dir/out
	start_mazed
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	start "$PROGRAMS/spin"
	wait_until logged 'has reached max-hard'
	echo 'no such key = 1' >> "$conf"
	kill -HUP "$mazed"
	wait_until logged 'reload refused'
	"$MAZE" unload
	wait_until ended "$mazed"
	mazed=
	events > "$dir/events"
	diff - <(cut -d ' ' -f 1 "$dir/events" | sort) <<- 'END'
		MazeConfigurationRefused
		MazeEngineUnloaded
		MazeRuleTripped
		RunawayThreadNotSignaled
		RunawayThreadSignaled
	END
	grep -q '^RunawayThreadSignaled hard: spin\[.*sent SIGKILL ' "$dir/events"
	grep -q '^RunawayThreadNotSignaled hard: spin\[.*, max-hard is reached ' "$dir/events"
	# None is left out of the test.
	[ "$(grep -c '"reason"' docs/fleet/node-problem-detector.json)" -eq 5 ]
}
