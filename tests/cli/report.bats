# SPDX-License-Identifier: GPL-2.0-only
# maze incidents and maze report, from files alone: no engine, no privilege.

bats_require_minimum_version 1.5.0
load test_helper

LOOP=20261124T204512Z-4711-4713-0

setup_file() {
	export INCIDENTS=$BATS_FILE_TMPDIR/incidents
	"$BATS_TEST_DIRNAME/../incidents/write" "$INCIDENTS"
}

incidents() { "$MAZE" incidents --incidents "$INCIDENTS/good" "$@"; }
report() { "$MAZE" report --incidents "$INCIDENTS/good" "$@"; }

# Whether a text says something, all of it on one line.
holds() {
	case $output in
	*"$1"*) ;;
	*) echo "it holds: $output"; return 1 ;;
	esac
}

lacks() {
	case $output in
	*"$1"*) echo "it holds: $output"; return 1 ;;
	esac
}

# Nothing that a terminal would act on.
harmless() {
	[ -n "$output" ] && ! printf '%s' "$output" | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]'
}

json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

@test "the list has one line for each incident, the newest last" {
	run incidents
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 7 ]
	[[ ${lines[1]} =~ ^$LOOP\ .*\ orderd\ .*\ 4713\ .*\ hard\ .*\ 2s\ .*\ hash_name\ .*\ sent\ SIGXCPU,\ SIGKILL$ ]]
	[[ ${lines[6]} == 20261124T205500Z-666-667-0* ]]
}

@test "the list tells what was not sent" {
	run incidents
	[[ ${lines[3]} == *"did not deliver SIGXCPU: no handler" ]]
	[[ ${lines[4]} == *"shadow: would have ended it with SIGKILL" ]]
	[[ ${lines[5]} == *"recorded only" ]]
}

@test "the list as JSON" {
	incidents --json > "$BATS_TEST_TMPDIR/list"
	[ "$(json 'len(d)' < "$BATS_TEST_TMPDIR/list")" -eq 6 ]
	[ "$(json 'd[0]["function"], d[0]["function_samples"], d[0]["samples"], d[0]["time"]' < "$BATS_TEST_TMPDIR/list")" = \
		"hash_name 36 50 2026-11-24T20:45:13.000044000Z" ]
}

@test "files that are no incidents are named, and hide no other" {
	mkdir "$BATS_TEST_TMPDIR/mixed"
	cp "$INCIDENTS"/good/$LOOP.json "$INCIDENTS"/bad/*.json "$BATS_TEST_TMPDIR/mixed"
	touch "$BATS_TEST_TMPDIR/mixed/notes.txt" "$BATS_TEST_TMPDIR/mixed/.half.json"
	run --separate-stderr "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/mixed"
	[ "$status" -eq 1 ]
	[[ $output == *orderd* ]]
	[ "${#stderr_lines[@]}" -eq 9 ]
	says "mixed/bad-sample.json: not an incident: \"stack\" in \"samples\" must be an index"
	says "mixed/version-2.json: incident format version 2"
}

@test "an empty directory has no incidents" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	run "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/empty"
	[ "$status" -eq 0 ]
	holds "no incidents in"
	run "$MAZE" incidents --json --incidents "$BATS_TEST_TMPDIR/empty"
	[ "$output" = "[]" ]
}

@test "a directory that there is not" {
	refused 1 "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/none"
	says "none: No such file or directory"
	refused 1 "$MAZE" report --incidents "$BATS_TEST_TMPDIR/none" last
	says "none: No such file or directory"
}

@test "a report says what, for how long, where, and what was done" {
	run report $LOOP
	[ "$status" -eq 0 ]
	holds 'orderd (PID 4711, thread 4713 "dispatch-2") used 2s of CPU time without sleeping.'
	holds 'It was in hash_name (names.h:33, inlined) in 72 % of 50 samples, nearly always inside queue_peek.'
	holds 'maze sent SIGXCPU at 1s, then SIGKILL at 2s; the thread ended.'
	holds 'Hottest stack: 36 of 50 samples (72 %), innermost first'
	holds 'since      2026-11-24 20:45:12.000 UTC at the latest'
	holds 'limits     soft 1s SIGXCPU, hard 2s SIGKILL, recovery inf, yield reset'
	holds 'rule       servers'
	holds '- The command line was masked in one place'
}

@test "a stripped program is reported by build-id and offset" {
	run report 20261124T2047
	holds 'It was in crunch+0x1130 (build-id 8f3ad5c1e09b7642d1c05be39a47f2108c6de954) in 67 % of 6 samples'
	holds '6, and 2 more were lost'
	holds 'No symbols: /opt/acme/bin/crunch is stripped'
}

@test "a loop in the kernel is reported by the function that called it, and the kernel's behind it" {
	run report 901-901-0
	holds 'It was in fallocate64 (libc.so.6) in all 12 samples, mostly in the kernel (ext4_mb_find_by_goal), nearly always inside main.'
	holds '  ext4_mb_find_by_goal '
	holds 'maze did not deliver SIGXCPU (no handler) at 1s'
	holds 'recovery 9'
	run incidents
	[[ ${lines[3]} == *" fallocate64 "* ]]
}

# What the kernel's walk by frame pointers found, and the unwind beside it.
write_astray() {
	python3 - "$INCIDENTS/good/$LOOP.json" "$1" "${2-}" << 'END'
import json, sys
d = json.load(open(sys.argv[1]))
stack = d["stacks"][0]
d["stacks"] = [{"frames": stack["frames"][:1], "cut": True, "astray": True}]
for sample in d["samples"]:
    sample["stack"] = 0
exec(sys.argv[3])
json.dump(d, open(sys.argv[2] + "/" + d["id"] + ".json", "w"))
END
}

@test "that the stack walk went astray is said, and the unwound stack comes first" {
	mkdir "$BATS_TEST_TMPDIR/astray"
	write_astray "$BATS_TEST_TMPDIR/astray"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/astray" last
	[[ $output == *"Unwound stack"*"  queue_find "*"  worker_main "*"Hottest stack"* ]]
	holds 'Unwound stack: taken once, by debug information, in 1ms, innermost first'
	holds '(outer frames are missing: code without frame pointers)'
	lacks 'too deep'
	"$MAZE" report --html --incidents "$BATS_TEST_TMPDIR/astray" last > "$BATS_TEST_TMPDIR/page"
	grep -q 'Outer frames are missing: code without frame pointers' "$BATS_TEST_TMPDIR/page"
	[[ $(cat "$BATS_TEST_TMPDIR/page") == *"Unwound once"*"frames are missing"* ]]
	# Nothing to show first.
	write_astray "$BATS_TEST_TMPDIR/astray" 'd["unwound"] = None'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/astray" last
	holds '(outer frames are missing: code without frame pointers)'
	# A stack that was too deep is another thing.
	write_astray "$BATS_TEST_TMPDIR/astray" 'del d["stacks"][0]["astray"]'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/astray" last
	[[ $output == *"Hottest stack"*"Unwound stack"* ]]
	holds '(outer frames are missing: the stack is too deep)'
}

@test "in shadow it says which signal would have come, and what it would have ended" {
	run report 3300-3300-0
	holds 'maze would not have delivered SIGXCPU (no handler) at 500ms, then would have ended it with SIGKILL at 1s (the policy is in shadow).'
	holds 'soft at 500ms, limit 500ms: shadow: would not have delivered SIGXCPU: no handler'
	holds 'limits     soft 500ms warn, hard 1s SIGKILL'
}

@test "an incident of which nearly everything is missing" {
	run report 77-77-0
	[ "$status" -eq 0 ]
	holds 'No stack was taken, so where it was is unknown.'
}

@test "last is the newest, also among those of the same second" {
	mkdir "$BATS_TEST_TMPDIR/two"
	run report last
	holds "incident 20261124T205500Z-666-667-0"
	# The later one has the ID that sorts first.
	sed 's/20:45:13/20:45:12/; s/"comm": "orderd"/"comm": "early"/' "$INCIDENTS/good/$LOOP.json" \
		> "$BATS_TEST_TMPDIR/two/20261124T204512Z-99-99-0.json"
	sed 's/"comm": "orderd"/"comm": "late"/' "$INCIDENTS/good/$LOOP.json" \
		> "$BATS_TEST_TMPDIR/two/20261124T204512Z-11-11-0.json"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/two" last
	holds "late (PID 4711"
}

# A second thread of the same process, which reached its soft limit later, and which the
# SIGKILL to the first one ended. write_bystander DIR [CODE]: CODE changes its object d.
write_bystander() {
	cp "$INCIDENTS/good/$LOOP.json" "$1/"
	python3 - "$INCIDENTS/good/$LOOP.json" "$1" "${2-}" << 'END'
import json, sys
d = json.load(open(sys.argv[1]))
d["id"] = "20261124T204513Z-4711-4712-0"
soft, hard, end = d["records"]
soft["time"] = "2026-11-24T20:45:13.500000000Z"
d["records"] = [soft, end]
for record in d["records"]:
    record["tid"], record["comm"] = 4712, "dispatch-1"
exec(sys.argv[3])
json.dump(d, open(sys.argv[2] + "/" + d["id"] + ".json", "w"))
END
}

@test "of two threads of a process, last is the one that was killed" {
	mkdir "$BATS_TEST_TMPDIR/threads"
	write_bystander "$BATS_TEST_TMPDIR/threads"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" last
	holds "incident $LOOP"
	holds 'maze sent SIGXCPU at 1s, then SIGKILL at 2s; the thread ended.'
	# Whatever was sent to this one later.
	write_bystander "$BATS_TEST_TMPDIR/threads" 'soft["time"] = "2026-11-24T20:45:14.022500000Z"'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" last
	holds "incident $LOOP"
}

@test "that another thread's signal ended a thread is said" {
	mkdir "$BATS_TEST_TMPDIR/threads"
	write_bystander "$BATS_TEST_TMPDIR/threads"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" 4711-4712-0
	output=$(tr '\n' ' ' <<< "$output")
	holds 'sent SIGXCPU at 1s; the thread ended after maze sent SIGKILL to thread 4713 of the process.'
	"$MAZE" report --html --incidents "$BATS_TEST_TMPDIR/threads" 4711-4712-0 | grep -q 'SIGKILL.* to thread 4713'
}

@test "a signal that another thread handled is not why a thread ended" {
	mkdir "$BATS_TEST_TMPDIR/threads"
	write_bystander "$BATS_TEST_TMPDIR/threads"
	sed -i 's/"SIGKILL"/"SIGTERM"/g; s/"fatal": true/"fatal": false/g' "$BATS_TEST_TMPDIR/threads/$LOOP.json"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" 4711-4712-0
	holds 'sent SIGXCPU at 1s; the thread ended.'
}

@test "incidents of another process that had the same PID, or of another time, are left out" {
	local change
	mkdir "$BATS_TEST_TMPDIR/threads"
	for change in 'd["process"]["started"] = "2026-11-24T20:45:12.402117530Z"' \
		'end["time"] = "2026-11-24T20:45:13.600000000Z"; d["process"]["started"] = None' \
		'soft["time"] = "2026-11-24T20:46:13.5Z"; end["time"] = "2026-11-24T20:46:14Z"'; do
		write_bystander "$BATS_TEST_TMPDIR/threads" "$change"
		run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" last
		holds 'incident 20261124T204513Z-4711-4712-0'
		holds 'sent SIGXCPU at 1s; the thread ended.'
	done
}

@test "an ID that is several, none, or a path" {
	refused 1 report 20261124
	says "6 IDs begin or end with 20261124"
	refused 1 report 2525
	says "no ID in"
	refused 1 report ../good/$LOOP
	says "not a path"
	refused 1 report "$INCIDENTS/good/$LOOP.json"
	says "not a path"
}

@test "no ID, two of them, two forms" {
	refused 2 report
	says "no incident given"
	refused 2 report one two
	says "no incident given"
	refused 2 report --html --json last
	says "exclude each other"
	refused 2 incidents one
	says "unexpected argument"
}

@test "folded stacks are outermost first, with counts that add up" {
	run report --folded $LOOP
	[ "$status" -eq 0 ]
	holds "clone3;start_thread;worker_main;dispatch_orders;retry_until_ok;queue_peek;queue_find;hash_name 36"
	holds ";do_syscall_64_[k];__x64_sys_futex_[k];"
	[ "$(printf '%s\n' "$output" | awk '{ sum += $NF } END { print sum }')" -eq 50 ]
}

@test "a semicolon in a name separates nothing in folded stacks" {
	run report --folded 3300-3300-0
	holds 'LazyCompile:*spinForever\x3bagain /srv/app/loop.js:12 22'
}

@test "nothing to fold is said" {
	run --separate-stderr report --folded 77-77-0
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	says "has no samples"
}

@test "--json gives the file as it is" {
	report --json $LOOP | cmp - "$INCIDENTS/good/$LOOP.json"
	report --json 666-667-0 | cmp - "$INCIDENTS/good/20261124T205500Z-666-667-0.json"
}

@test "hostile names reach no terminal, in any locale" {
	for locale in C C.UTF-8; do
		LC_ALL=$locale run incidents
		harmless
		LC_ALL=$locale run report 666-667-0
		harmless
		holds '\x1b[2J'
		LC_ALL=$locale run report --folded 666-667-0
		[ "$(printf '%s' "$output" | LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]')" -eq 0 ]
	done
}

@test "--json to a terminal has no byte that it would act on" {
	run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' --json 666-667-0" /dev/null
	output=${output//$'\r'/}
	output=${output//$'\177'/}
	harmless
}

@test "lines are as wide as the terminal, and as long as they are elsewhere" {
	COLUMNS=60 TERM=dumb run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	[ "$status" -eq 0 ]
	[ "$(printf '%s\n' "$output" | tr -d '\r' | awk 'length > 60' | grep -cv '^Unwound')" -eq 0 ]
	COLUMNS=60 run report $LOOP
	[ "$(printf '%s\n' "$output" | awk 'length > 200' | wc -l)" -ge 1 ]
}

@test "headings are bold on a terminal that can, and not elsewhere" {
	unset NO_COLOR
	TERM=xterm run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	holds $'\033[1mFacts'
	TERM=xterm NO_COLOR=1 run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	lacks $'\033'
	TERM=xterm run report $LOOP
	lacks $'\033'
}

@test "--html is one file without a link, its policy closed" {
	run report --html $LOOP
	[ "$status" -eq 0 ]
	holds "default-src 'none'; style-src 'sha256-"
	[ "$(printf '%s' "$output" | grep -cE '(src|href|action)=|unsafe-inline')" -eq 0 ]
	[ "$(printf '%s\n' "$output" | tail -n 1)" = "</html>" ]
}

@test "a full disk is said" {
	for form in --html --folded --json; do
		run --separate-stderr bash -c "'$MAZE' report --incidents '$INCIDENTS/good' $form $LOOP > /dev/full"
		[ "$status" -eq 1 ]
		says "cannot write to standard output"
	done
}
