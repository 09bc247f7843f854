#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed's control socket and clients that hold it up. A file of its own, so that the half
# minute of the first test passes while other files run.

bats_require_minimum_version 1.5.0
load test_helper

@test "who does not read is sent away after half a minute" {
	chmod 755 "$dir"
	configure < /dev/null
	start_mazed
	start "$CLIENT" "$socket" silent 100000
	# The half minute, and as long again as anything may take.
	wait_until ended "$last" || wait_until ended "$last"
	said 'it did not read its answers'
	stop_mazed
}

@test "descriptors that take a minute to close do not hold mazed up" {
	serve < /dev/null
	# So that the client has closed its own before mazed drops the last of each.
	kill -STOP "$mazed"
	as_user 65534 "$CLIENT" "$socket" linger 50 > "$dir/taken" 3>&- &
	started+=("$!")
	wait_until grep -qx 50 "$dir/taken"
	kill -CONT "$mazed"
	# mazed that waits for one of these does not answer within ask's minute.
	for ((i = 0; i < 20; i++)); do
		ask <<< '{"do":"status"}' | grep -q '"ok":true'
	done
	stop_mazed
}
