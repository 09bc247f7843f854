# SPDX-License-Identifier: GPL-2.0-only
# maze incidents and maze report, from files alone: no engine and no privileges.

bats_require_minimum_version 1.5.0
load test_helper

LOOP=20261124T204512Z-4711-4713-0

setup_file() {
	# Sentences on one line.
	export COLUMNS=10000
	export INCIDENTS=$BATS_FILE_TMPDIR/incidents
	"$BATS_TEST_DIRNAME/../incidents/write" "$INCIDENTS"
}

incidents() { "$MAZE" incidents --incidents "$INCIDENTS/good" "$@"; }
report() { "$MAZE" report --incidents "$INCIDENTS/good" "$@"; }

# The output has no control characters.
harmless() {
	[ -n "$output" ] && ! printf '%s' "$output" | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]'
}

@test "the list has one line for each incident, the newest last" {
	run incidents
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 9 ]
	[[ ${lines[1]} =~ ^$LOOP\ .*\ orderd\ .*\ 4713\ .*\ hard\ .*\ 2s\ .*\ hash_name\ .*\ sent\ SIGXCPU,\ SIGKILL$ ]]
	[[ ${lines[8]} == 20261124T205500Z-666-667-0* ]]
}

@test "the list names a group by its process and its scope" {
	run incidents
	[[ ${lines[7]} =~ ^20261124T205500Z-1230-tree-0\ .*\ make\ +tree\ .*\ c_parser_declaration\ .*\ sent\ SIGKILL$ ]]
	[ "$(incidents --json | json 'd[6]["scope"], d[5]["scope"]')" = "tree None" ]
}

@test "the list shows which signals were not sent" {
	run incidents
	[[ ${lines[3]} == *"did not deliver SIGXCPU: no handler" ]]
	[[ ${lines[4]} == *"shadow: would have ended it with SIGKILL" ]]
	[[ ${lines[5]} == *"recorded only" ]]
}

@test "the list is printed as JSON" {
	incidents --json > "$BATS_TEST_TMPDIR/list"
	[ "$(json 'len(d)' < "$BATS_TEST_TMPDIR/list")" -eq 8 ]
	[ "$(json 'd[0]["function"], d[0]["function_samples"], d[0]["samples"], d[0]["time"]' < "$BATS_TEST_TMPDIR/list")" = \
		"hash_name 36 50 2026-11-24T20:45:13.000044000Z" ]
}

@test "the keys of the list as JSON are those of tests/stable/incidents.txt" {
	diff <(grep -v '^#' "$BATS_TEST_DIRNAME/../stable/incidents.txt") \
		<(incidents --json | json '"\n".join(d[0])')
}

@test "incidents are counted by their signature, and repeated ones name the first" {
	local again=$BATS_TEST_TMPDIR/again
	cp -r "$INCIDENTS/good" "$again"
	sed 's/20261124T204512Z-4711-4713-0/20261125T101112Z-99-99-0/' "$again/$LOOP.json" > "$again/20261125T101112Z-99-99-0.json"
	run -0 "$MAZE" incidents --group --incidents "$again"
	[ "${#lines[@]}" -eq 9 ]
	[ "${lines[8]}" = "    2  2026-11-24 20:45:12  2026-11-25 10:11:12  $LOOP  orderd: queue_peek < retry_until_ok < dispatch_orders" ]
	run -0 "$MAZE" incidents --group --json --incidents "$again"
	[ "$(json 'd[7]["count"], d[7]["first"], d[7]["last"], d[7]["last_time"]' <<< "$output")" = \
		"2 $LOOP 20261125T101112Z-99-99-0 2026-11-25T10:11:12.000000000Z" ]
	[ "$("$MAZE" incidents --json --incidents "$again" | json 'd[0]["repeats"]')" = None ]
	run -0 "$MAZE" report --incidents "$again" 20261125T101112Z-99-99-0
	[[ ${lines[0]} == "incident 20261125T101112Z-99-99-0, which repeats"* ]]
	[[ $output == *"  repeats    $LOOP"* ]]
	run -0 "$MAZE" report --html --incidents "$again" 20261125T101112Z-99-99-0
	[[ $output == *"<dt>repeats</dt>"*"$LOOP"* ]]
	run -0 "$MAZE" report --incidents "$again" "$LOOP"
	[[ $output != *repeats* ]]
	run -0 "$MAZE" incidents --group --incidents "$BATS_TEST_TMPDIR"
	[ "$output" = "no incidents in $BATS_TEST_TMPDIR" ]
}

@test "invalid incident files are named, and hide no valid one" {
	mkdir "$BATS_TEST_TMPDIR/mixed"
	cp "$INCIDENTS"/good/$LOOP.json "$INCIDENTS"/bad/*.json "$BATS_TEST_TMPDIR/mixed"
	touch "$BATS_TEST_TMPDIR/mixed/notes.txt" "$BATS_TEST_TMPDIR/mixed/.half.json"
	run --separate-stderr "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/mixed"
	[ "$status" -eq 1 ]
	[[ $output == *orderd* ]]
	[ "${#stderr_lines[@]}" -eq 11 ]
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

@test "a missing directory is an error" {
	refused 1 "$MAZE" incidents --incidents "$BATS_TEST_TMPDIR/none"
	says "none: No such file or directory"
	refused 1 "$MAZE" report --incidents "$BATS_TEST_TMPDIR/none" last
	says "none: No such file or directory"
}

@test "a report of a group has its share, its consumers and their stacks" {
	run report tree-0
	[ "$status" -eq 0 ]
	holds "The tree of make (PID 1230) used 1min 20s of CPU time in 40s, 20s more than 150% of a CPU allows."
	holds "The largest part was used by thread cc1 4321, 46 % of the CPU time. It was in c_parser_declaration"
	holds "Consumer: thread cc1 4321, 46 % of the CPU time"
	holds "Hottest stack: 18 of 27 samples (67 %)"
	holds "Consumer: ended children of dash 1250, 31 % of the CPU time"
	holds "Consumer: thread reaper 1251 of dash 1250, 2 % of the CPU time. It was in vfork"
	holds "unit       build.service"
	holds "group      tree of 14 processes"
	holds "limits     soft 10s none, hard 20s SIGKILL, share 150%"
	lacks "without sleeping"
	lacks "thread     "
}

@test "the consumers of a group are the outermost frames of its folded stacks" {
	run report --folded tree-0
	holds "cc1 4321;__libc_start_call_main;toplev::main(int, char**);c_parse_file;c_parser_declaration 18"
	holds "reaper 1251;vfork;copy_process_[k] 1"
}

@test "the page of a group has its consumers" {
	run report --html tree-0
	holds '<h2 id="consumers-title">Largest consumers</h2>'
	holds 'thread <code>cc1 4321</code>, 46 % of the CPU time'
	holds 'ended children of <code>dash 1250</code>, 31 % of the CPU time'
	holds "<strong>1min 20s</strong> of CPU time in 40s, 20s more than 150% of a CPU allows."
}

@test "a report has the process, the time, the location and the signals" {
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

@test "a loop in the kernel is reported by its caller in user mode, then the kernel function" {
	run report 901-901-0
	holds 'It was in fallocate64 (libc.so.6) in all 12 samples, mostly in the kernel (ext4_mb_find_by_goal), nearly always inside main.'
	holds '  ext4_mb_find_by_goal '
	holds 'maze did not deliver SIGXCPU (no handler) at 1s'
	holds 'recovery 9'
	run incidents
	[[ ${lines[3]} == *" fallocate64 "* ]]
}

# write_incident DIR CODE: the incident $LOOP after the Python CODE has changed its object d.
write_incident() {
	python3 - "$INCIDENTS/good/$LOOP.json" "$1" "$2" << 'END'
import json, sys
d = json.load(open(sys.argv[1]))
exec(sys.argv[3])
json.dump(d, open(sys.argv[2] + "/" + d["id"] + ".json", "w"))
END
}

# write_astray DIR [CODE]: the kernel's stack by frame pointers, and the unwound stack.
write_astray() {
	write_incident "$1" '
d["stacks"] = [{"frames": d["stacks"][0]["frames"][:1], "cut": True, "astray": True}]
for sample in d["samples"]:
    sample["stack"] = 0
'"${2-}"
}

@test "a broken stack walk is reported, and the unwound stack comes first" {
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

@test "the report says why a Python service loops, and what it achieved" {
	local part

	run report 5150-5150-0
	[ "$status" -eq 0 ]
	holds 'It was in the Python function BaseEventLoop._run_once (/usr/lib/python3.11/asyncio/base_events.py:1869) in all 49 reads'
	holds 'is closed at its other end, and the thread does not close it.'
	holds 'After the first verdict, in 951ms of CPU time, the thread read 42.1 GB in 10280 calls, wrote 0 bytes in 0 calls, had 4 page faults (1 major) and slept 0 times; the resident memory of the process grew by 12.5 MB.'
	holds '        85200        38 %  epoll_wait, fd 4: positive'
	holds '  fd 4       epoll, watches fd 7 (EPOLLIN|EPOLLRDHUP|EPOLLERR|EPOLLHUP), fd 9'
	report --html 5150-5150-0 > "$BATS_TEST_TMPDIR/page"
	for part in '<p class="progress">After the first verdict, ' '<h2 id="python-title">Python stack</h2>' \
		'<td class="figure">85200</td><td class="figure">38 %</td><td><code>epoll_wait</code>, fd 4: positive</td>' \
		'Later in the episode: 1722 in 20ms of CPU time' 'At the end it was in <code>epoll_wait</code>, fd 4, for 3us' \
		'<dt>fd 9</dt><dd><code>eventfd</code>, count 0</dd>' '"name":"Python","title":"All reads of the Python stack"'; do
		grep -qF -- "$part" "$BATS_TEST_TMPDIR/page" || { echo "it lacks: $part"; false; }
	done
}

@test "the report says where the incident is from" {
	local text

	run report $LOOP
	for text in \
		'  container  3f0c9d5e7a1b42c68d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e, by cri-o' \
		'  pod        0f8a6c1e-52d7-4b39-9c0e-7a1d2b3c4e5f' \
		'  unit       orderd.service, user unit worker.service' \
		'  host       till-7' \
		'  machine ID 5c1f0e8ab3d94f7e8d0c6a2b94e7f310' \
		'  boot ID    9b2d7c4e1f6a4b0c8e3d5a7f9c1b2e40' \
		'  system     Debian GNU/Linux 12 (bookworm), ID debian, version 12' \
		'  kernel     Linux 6.1.0-28-amd64, x86_64' \
		'  maze       version 1.0.0, engine bpf, interface 9'; do
		holds "$text"
	done
	[[ $(report --html $LOOP) == *'<dt>host</dt><dd><code>till-7</code></dd>'* ]]
	[ "$(report --json $LOOP | json 'd["machine"]["host"], d["process"]["pod"], d["maze"]["engine"]')" = \
		"till-7 0f8a6c1e-52d7-4b39-9c0e-7a1d2b3c4e5f bpf" ]
	# Of a fact, the first text may be unknown.
	mkdir "$BATS_TEST_TMPDIR/partly"
	write_incident "$BATS_TEST_TMPDIR/partly" 'd["machine"] = {"os_id": "debian"}; del d["maze"]'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/partly" last
	holds '  system     ID debian'
	lacks 'kernel   '
	lacks 'maze   '
}

@test "in shadow the report has the signal that would be sent, and its effect" {
	run report 3300-3300-0
	holds 'maze would not have delivered SIGXCPU (no handler) at 500ms, then would have ended it with SIGKILL at 1s (the policy is in shadow).'
	holds 'soft at 500ms, limit 500ms: shadow: would not have delivered SIGXCPU: no handler'
	holds 'limits     soft 500ms warn, hard 1s SIGKILL'
}

@test "an incident with nearly all fields missing is reported" {
	run report 77-77-0
	[ "$status" -eq 0 ]
	holds 'No stack was taken, so the code location is unknown.'
}

@test "last is the newest, also within one second" {
	mkdir "$BATS_TEST_TMPDIR/two"
	run report last
	holds "incident 20261124T205500Z-666-667-0"
	# The later incident has the ID that sorts first.
	sed 's/20:45:13/20:45:12/; s/"comm": "orderd"/"comm": "early"/' "$INCIDENTS/good/$LOOP.json" \
		> "$BATS_TEST_TMPDIR/two/20261124T204512Z-99-99-0.json"
	sed 's/"comm": "orderd"/"comm": "late"/' "$INCIDENTS/good/$LOOP.json" \
		> "$BATS_TEST_TMPDIR/two/20261124T204512Z-11-11-0.json"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/two" last
	holds "late (PID 4711"
}

# write_bystander DIR [CODE]: a second thread of the same process, which reached its soft
# limit later and was killed by the SIGKILL to the first thread.
write_bystander() {
	cp "$INCIDENTS/good/$LOOP.json" "$1/"
	write_incident "$1" '
d["id"] = "20261124T204513Z-4711-4712-0"
soft, hard, end = d["records"]
soft["time"] = "2026-11-24T20:45:13.500000000Z"
d["records"] = [soft, end]
for record in d["records"]:
    record["tid"], record["comm"] = 4712, "dispatch-1"
'"${2-}"
}

@test "of two threads of a process, last is the killed one" {
	mkdir "$BATS_TEST_TMPDIR/threads"
	write_bystander "$BATS_TEST_TMPDIR/threads"
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" last
	holds "incident $LOOP"
	holds 'maze sent SIGXCPU at 1s, then SIGKILL at 2s; the thread ended.'
	# A later signal to this thread does not matter.
	write_bystander "$BATS_TEST_TMPDIR/threads" 'soft["time"] = "2026-11-24T20:45:14.022500000Z"'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/threads" last
	holds "incident $LOOP"
}

@test "the report states that another thread's signal ended the thread" {
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

@test "incidents of another process with the same PID, or of another time, are left out" {
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

@test "an ambiguous ID, an unknown ID and a path are refused" {
	refused 1 report 20261124
	says "8 IDs begin or end with 20261124"
	refused 1 report 2525
	says "no ID in"
	refused 1 report ../good/$LOOP
	says "not a path"
	refused 1 report "$INCIDENTS/good/$LOOP.json"
	says "not a path"
}

@test "a missing ID, two IDs and two forms are refused" {
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

@test "an incident without samples to fold is reported" {
	run --separate-stderr report --folded 77-77-0
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	says "has no samples"
	# The unwound stack stands for the samples that the engine did not take.
	mkdir "$BATS_TEST_TMPDIR/unwound"
	write_incident "$BATS_TEST_TMPDIR/unwound" 'd["stacks"] = d["samples"] = []'
	[[ $("$MAZE" report --incidents "$BATS_TEST_TMPDIR/unwound" --folded last) == '_start;clone3;'*';queue_find;hash_name 1' ]]
}

@test "--json prints the file unchanged" {
	report --json $LOOP | cmp - "$INCIDENTS/good/$LOOP.json"
	report --json 666-667-0 | cmp - "$INCIDENTS/good/20261124T205500Z-666-667-0.json"
}

@test "hostile names are escaped for terminals, in any locale" {
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

@test "--json to a terminal has no control bytes" {
	run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' --json 666-667-0" /dev/null
	output=${output//$'\r'/}
	output=${output//$'\177'/}
	harmless
}

# too_wide COLUMNS: the lines of the output that are wider, in characters.
too_wide() { printf '%s\n' "$output" | tr -d '\r' | LC_ALL=C.UTF-8 awk -v columns="$1" 'length > columns'; }

@test "lines fit the terminal's width, and 80 columns elsewhere" {
	local id

	COLUMNS=60 TERM=dumb run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	[ "$status" -eq 0 ]
	[ -z "$(too_wide 60)" ]
	unset COLUMNS
	for id in $LOOP 2210-2210-0 901-901-0 3300-3300-0 77-77-0 5150-5150-0 666-667-0; do
		run report $id
		[ "$status" -eq 0 ]
		[ -z "$(too_wide 80)" ] || { echo "$id:"; too_wide 80; false; }
	done
}

@test "long names are cut, and what identifies a location is not" {
	local id=8f3ad5c1e09b7642d1c05be39a47f2108c6de954

	unset COLUMNS
	mkdir "$BATS_TEST_TMPDIR/long"
	write_incident "$BATS_TEST_TMPDIR/long" '
name, path = "f" * 300, "/" + "d" * 300
first = d["stacks"][0]["frames"]
first[0].update(function=name, file=path + ".h", line=4711)
first[1] = {"module": path, "build_id": first[1]["build_id"], "offset": 77}
first[2].update(function="g" * 60, file="peek.c")
first[3].update(function="h" * 20, file="i" * 30 + ".c")
d["stacks"] = [d["stacks"][0]]
d["unwound"] = {"frames": first, "took_ns": 123456000000}
for sample in d["samples"]: sample["stack"] = 0
d["process"].update(cgroup=path, exe=path, comm="c" * 15, cmdline=[path, path])
d["rule"], d["notes"] = name, [path, "two words " + name]
'
	run "$MAZE" report --incidents "$BATS_TEST_TMPDIR/long" last
	[ "$status" -eq 0 ]
	[ -z "$(too_wide 80)" ] || { too_wide 80; false; }
	[[ $output == *$'\n  '"fffffff"*$'fff...\n    /ddddd'* ]]
	holds "    build-id $id"
	holds "  $(printf 'g%.0s' {1..60})  peek.c:61"
	holds "  $(printf 'h%.0s' {1..20})  $(printf 'i%.0s' {1..30}).c:171"
	# Whole without the line breaks.
	output=$(sed 's/^ *//' <<< "$output" | tr -d '\n')
	holds "$(printf 'd%.0s' {1..300})+0x4d"
	holds "$(printf 'd%.0s' {1..300}).h:4711, inlined"
	holds "cgroup     /$(printf 'd%.0s' {1..300})started"
}

@test "headings are bold on a capable terminal, and not elsewhere" {
	unset NO_COLOR
	TERM=xterm run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	holds $'\033[1mFacts'
	TERM=xterm NO_COLOR=1 run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' $LOOP" /dev/null
	lacks $'\033'
	TERM=xterm run report $LOOP
	lacks $'\033'
}

@test "--html is one file without links and with a closed policy" {
	run report $LOOP --html
	[ "$status" -eq 0 ]
	holds "default-src 'none'; style-src 'sha256-"
	[ "$(printf '%s' "$output" | grep -cE '(src|href|action)=|unsafe-inline')" -eq 0 ]
	[ "$(printf '%s\n' "$output" | tail -n 1)" = "</html>" ]
}

@test "other threads that ran have a line each" {
	run report 3300-3300-0
	holds 'Other threads that ran'
	holds '3304       worker-1, 98 % of a CPU, in Builtin:StringIndexOf ([anon]) in 90 % of 10 samples'
	holds '3305       worker-2, 20 % of a CPU, no stack was taken'
	run report --html 3300-3300-0
	holds '<dt>TID 3304</dt><dd><code>worker-1</code>, 98 % of a CPU, in <code>Builtin:StringIndexOf</code>'
}
