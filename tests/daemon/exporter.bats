#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze-exporter: its HTTP server beside hostile clients, and what it gets from mazed.
# tests/page/check-exporter opens its pages.

bats_require_minimum_version 1.5.0
load test_helper

EXPORTER=${EXPORTER:-build/maze-exporter}

get() {
	python3 -c 'import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
client.connect(sys.argv[1])
client.sendall(b"GET %s HTTP/1.0\r\n\r\n" % sys.argv[2].encode())
sys.stdout.buffer.write(client.makefile("rb").read())' "$dir/public/http.sock" "$1"
}

# As a user without privileges, in this group.
start_exporter() {
	start setpriv --reuid=65532 --regid=65532 --groups="$1" "$dir/public/maze-exporter" \
		--listen "$dir/public/http.sock" --socket "$socket" --incidents "$dir/incidents"
	exporter=$last
}

@test "hostile clients, and a hostile control socket" {
	chmod 755 "$dir"
	mkdir "$dir/incidents"
	cp "$EXPORTER" "$dir/maze-exporter"
	"$BATS_TEST_DIRNAME/exporter_peers.py" "$dir/maze-exporter" "$dir" >&3
}

watches_are() { [ "$(get /state | tail -n 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["watched"])')" = "$1" ]; }
has() { get "$1" | grep -qF -- "$2"; }
has_incident() { id=$(ls "$dir/incidents") && [ -n "$id" ]; }

# The incident may be written again between the two.
has_page() {
	get "/incidents/${id%.json}" | sed '1,/^\r$/d' > "$dir/page"
	"$MAZE" report --incidents "$dir/incidents" --html last | cmp -s - "$dir/page"
}

@test "readers alone see all, and mazed may come and go" {
	needs_mazed
	mkdir -m 755 "$dir/public" && chmod 1777 "$dir/public"
	cp "$EXPORTER" "$dir/public/maze-exporter"
	mkdir "$dir/incidents"
	chgrp 65533 "$dir/incidents" && chmod 2750 "$dir/incidents"
	chmod 755 "$dir"
	configure <<- 'END'
		readers = 65533
		[rule spinners]
		comm = spin
		soft = 100ms
		hard = 200ms
		[rule sleepers]
		comm = sleep
	END
	start sleep 1000
	start_exporter 65533
	# Without mazed it runs, and says so.
	wait_until has /state 'mazed does not run'
	start_mazed
	wait_until watches_are 1
	start "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until has_incident
	wait_until has /state "\"incident\":\"${id%.json}\""
	[ "$(stat -c %a:%g "$dir/incidents/$id")" = 640:65533 ]
	# The incident is written at the soft limit, and again after the end of its process.
	wait_until has /incidents 'sent SIGKILL'
	# The page is that of maze report; its policy is in the header too.
	wait_until has_page
	has "/incidents/${id%.json}" "script-src 'sha256-"
	# Another group sees neither watches nor incidents.
	kill "$exporter"
	wait_until ended "$exporter"
	start_exporter 65532
	wait_until has /state '"rules":2'
	watches_are 0
	has /incidents 'Permission denied'
	stop_mazed
	wait_until has /state '"failure":"'
	start_mazed
	wait_until has /state '"failure":null'
	stop_mazed
}

@test "the unit's exposure is 1.5 at most, and systemd accepts it" {
	units=$BATS_TEST_DIRNAME/../../packaging/systemd
	cp "$EXPORTER" "$dir/maze-exporter"
	cp "$units/maze-exporter.socket" "$dir/"
	sed "s|@SBINDIR@|$dir|" "$units/maze-exporter.service.in" > "$dir/maze-exporter.service"
	valid_units "$dir/maze-exporter.service" "$dir/maze-exporter.socket"
	exposed_at_most 15 "$dir/maze-exporter.service"
	sed -i '/^CapabilityBoundingSet\|^PrivateUsers\|^SystemCallFilter/d' "$dir/maze-exporter.service"
	run_exposure 15 "$dir/maze-exporter.service"
	[ "$status" -ne 0 ]
}
