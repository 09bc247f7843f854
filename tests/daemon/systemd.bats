#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed as a service of systemd, tested without systemd as PID 1: the unit file, and the
# messages to the service manager. tests/vm/check-systemd tests the rest.

bats_require_minimum_version 1.5.0
load test_helper

UNIT=${BATS_TEST_DIRNAME}/../../packaging/systemd/mazed.service.in

install_unit() {
	mkdir -p "$dir/sbin"
	cp "$MAZED" "$dir/sbin/mazed"
	sed "s|@S*BINDIR@|$dir/sbin|" "$UNIT" > "$dir/mazed.service"
}

manage() {
	needs_mazed
	"$PROGRAMS/notify_socket" "$dir/notify" > "$dir/told" 3>&- &
	started+=("$!")
	wait_until [ -S "$dir/notify" ]
	export NOTIFY_SOCKET=$dir/notify
}

notify() {
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), sys.argv[2])' "$1" "$dir/notify"
}

is_stopped() { grep -q '^State:.*T' "/proc/$1/status"; }

told() { grep -qx "$mazed $1" "$dir/told"; }
told_times() { [ "$(grep -cx "$mazed $2" "$dir/told")" -eq "$1" ]; }

@test "systemd accepts the unit without a warning" {
	install_unit
	valid_units "$dir/mazed.service"
	run systemd-analyze verify --man=no "$UNIT"
	[ "$status" -ne 0 ]
}

# Two lines that incidents need raise it above 3.0, with their reasons in the unit: the
# names of kernel functions, and openat2.
@test "the unit's exposure is 3.2 at most" {
	install_unit
	exposed_at_most 32 "$dir/mazed.service"
	# The unit without its restrictions exceeds the limit.
	sed -i '/^CapabilityBoundingSet/d' "$dir/mazed.service"
	run_exposure 32 "$dir/mazed.service"
	[ "$status" -ne 0 ]
}

@test "the unit's remaining privileges suffice for the bpf engine" {
	needs_mazed
	chmod 755 "$dir"
	configure <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = KILL
		hard = 0
	END
	bounding=$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr A-Z a-z | sed 's/cap_/,+/g; s/ //g')
	setpriv --bounding-set="-all$bounding" --inh-caps=-all --no-new-privs "$MAZED" --config "$conf" \
		--engine bpf 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	wait_until logged ' in force, '
	start setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAMS/spin"
	wait_until ended "$last"
	wait_until logged '"rule":"spinners"'
	run ! logged 'lacks CAP_KILL'
	stop_mazed
	nothing_pinned
}

@test "without the right to signal, mazed logs which processes it does not watch" {
	needs_mazed
	configure < /dev/null
	setpriv --bounding-set=-all,+bpf,+perfmon,+sys_ptrace --inh-caps=-all "$MAZED" --config "$conf" \
		--engine bpf 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	wait_until logged ' in force, '
	logged 'lacks CAP_KILL'
	stop_mazed
}

@test "mazed reports ready after the first scan, reloading, ready again, and stopping" {
	manage
	configure < /dev/null
	start_mazed
	wait_until told 'READY=1'
	reload_mazed
	wait_until told_times 2 'READY=1'
	told 'RELOADING=1'
	told 'MONOTONIC_USEC=[0-9]*'
	echo '[rule' >> "$conf"
	kill -HUP "$mazed"
	wait_until told 'STATUS=a reload was refused; the old rules are in force'
	told_times 2 'RELOADING=1'
	told_times 3 'READY=1'
	told_times 0 'STOPPING=1'
	kill -TERM "$mazed"
	wait_until ended "$mazed" || show_log
	wait "$mazed"
	wait_until told 'STOPPING=1'
	mazed=
}

@test "mazed feeds the watchdog only while it works" {
	manage
	configure < /dev/null
	export WATCHDOG_USEC=400000
	start_mazed
	wait_until told 'READY=1'
	fed() { [ "$(grep -cx "$mazed WATCHDOG=1" "$dir/told")" -gt "$1" ]; }
	wait_until fed 2
	kill -STOP "$mazed"
	wait_until is_stopped "$mazed"
	# The service manager may get further messages after mazed's last one.
	notify MARK=1
	wait_until grep -q 'MARK=1' "$dir/told"
	before=$(grep -cx "$mazed WATCHDOG=1" "$dir/told")
	# Four times the interval between two messages.
	pass_seconds 0.8
	notify MARK=2
	wait_until grep -q 'MARK=2' "$dir/told"
	run ! fed "$before"
	kill -CONT "$mazed"
	wait_until fed "$before"
	stop_mazed
}

@test "a failed start logs its reason, and never reports ready" {
	manage
	echo 'nonsense' > "$conf"
	run "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $output == *'mazed --check'* ]]
	run ! grep -q READY=1 "$dir/told"
}
