#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed's control socket with clients that block. In a file of its own, so that the half
# minute of the first test passes while other files run.

bats_require_minimum_version 1.5.0
load test_helper

@test "a client that does not read is disconnected after half a minute" {
	chmod 755 "$dir"
	configure < /dev/null
	start_mazed
	start "$CLIENT" "$socket" silent 100000
	# Half a minute plus the usual timeout.
	wait_until ended "$last" || wait_until ended "$last"
	logged 'it did not read its answers'
	stop_mazed
}

@test "descriptors that take a minute to close do not delay mazed" {
	serve < /dev/null
	# The client must close its own descriptors before mazed drops the last
	# references.
	kill -STOP "$mazed"
	as_user 65534 "$CLIENT" "$socket" linger 50 > "$dir/taken" 3>&- &
	started+=("$!")
	wait_until grep -qx 50 "$dir/taken"
	kill -CONT "$mazed"
	# A mazed that waits for one of these closes does not answer within the timeout of
	# ask.
	for ((i = 0; i < 20; i++)); do
		ask <<< '{"do":"status"}' | grep -q '"ok":true'
	done
	stop_mazed
}
