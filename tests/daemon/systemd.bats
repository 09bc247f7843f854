#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed as a service of systemd, as far as that can be seen where systemd is not PID 1:
# the unit file, and what mazed tells its manager. tests/vm/check-systemd has the rest.

bats_require_minimum_version 1.5.0
load test_helper

UNIT=${BATS_TEST_DIRNAME}/../../packaging/systemd/mazed.service.in

install_unit() {
	mkdir -p "$dir/sbin"
	cp "$MAZED" "$dir/sbin/mazed"
	sed "s|@PREFIX@|$dir|" "$UNIT" > "$dir/mazed.service"
}

manage() {
	"$PROGRAMS/notify_socket" "$dir/notify" > "$dir/told" 3>&- &
	started+=("$!")
	eventually [ -S "$dir/notify" ]
	export NOTIFY_SOCKET=$dir/notify
}

told() { grep -qx "$mazed $1" "$dir/told"; }
told_times() { [ "$(grep -cx "$mazed $2" "$dir/told")" -eq "$1" ]; }

@test "the unit is one that systemd takes without a word" {
	install_unit
	run systemd-analyze verify --man=no "$dir/mazed.service"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run systemd-analyze verify --man=no "$UNIT"
	[ "$status" -ne 0 ]
}

# What is above 3.0 are two lines that incidents need, with their reasons in the unit:
# the names of kernel functions, and openat2.
@test "the unit's exposure is 3.2 at most" {
	install_unit
	run systemd-analyze security --offline=yes --threshold=32 --no-pager "$dir/mazed.service"
	echo "${lines[-1]}"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == *'exposure level'* ]]
	# It can fail.
	sed -i '/^CapabilityBoundingSet/d' "$dir/mazed.service"
	run systemd-analyze security --offline=yes --threshold=32 --no-pager "$dir/mazed.service"
	[ "$status" -ne 0 ]
}

@test "what the unit leaves of root's privileges is enough for the bpf engine" {
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
	eventually said 'rules are in force'
	start setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAMS/spin"
	eventually ended "$last"
	eventually said '"rule":"spinners"'
	! said 'lacks CAP_KILL'
	stop_mazed
	nothing_pinned
}

@test "without the right to signal, mazed says what it does not watch" {
	configure < /dev/null
	setpriv --bounding-set=-all,+bpf,+perfmon,+sys_ptrace --inh-caps=-all "$MAZED" --config "$conf" \
		--engine bpf 3>&- > "$dir/out" 2>&1 &
	mazed=$!
	eventually said 'rules are in force'
	said 'lacks CAP_KILL'
	stop_mazed
}

@test "ready when all were looked at, reloading and ready again, stopping" {
	manage
	configure < /dev/null
	start_mazed
	eventually told 'READY=1'
	reload_mazed
	eventually told_times 2 'READY=1'
	told 'RELOADING=1'
	told 'MONOTONIC_USEC=[0-9]*'
	echo '[rule' >> "$conf"
	kill -HUP "$mazed"
	eventually told 'STATUS=a reload was refused; the old rules are in force'
	told_times 2 'RELOADING=1'
	told_times 3 'READY=1'
	told_times 0 'STOPPING=1'
	kill -TERM "$mazed"
	wait "$mazed"
	eventually told 'STOPPING=1'
	mazed=
}

@test "the watchdog is fed while mazed is alive, and no longer" {
	manage
	configure < /dev/null
	export WATCHDOG_USEC=400000
	start_mazed
	eventually told 'READY=1'
	fed() { [ "$(grep -cx "$mazed WATCHDOG=1" "$dir/told")" -gt "$1" ]; }
	eventually fed 2
	kill -STOP "$mazed"
	# What was on the way has come by then.
	sleep 0.5
	before=$(grep -cx "$mazed WATCHDOG=1" "$dir/told")
	sleep 1
	! fed "$before"
	kill -CONT "$mazed"
	eventually fed "$before"
	stop_mazed
}

@test "a start that fails says why, and is never ready" {
	manage
	echo 'nonsense' > "$conf"
	run "$MAZED" --config "$conf"
	[ "$status" -eq 1 ]
	[[ $output == *'mazed --check'* ]]
	! grep -q READY=1 "$dir/told"
}
