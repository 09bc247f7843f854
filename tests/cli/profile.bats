# SPDX-License-Identifier: GPL-2.0-only
# The profiles of maze report for other readers. tests/incidents/fold is a reader of this
# project; pprof, where it is installed, is one of others.

bats_require_minimum_version 1.5.0
load test_helper

LOOP=20261124T204512Z-4711-4713-0

setup_file() {
	export INCIDENTS=$BATS_FILE_TMPDIR/incidents
	"$BATS_TEST_DIRNAME/../incidents/write" "$INCIDENTS"
}

report() { "$MAZE" report --incidents "$INCIDENTS/good" "$@"; }
fold() { report "--$1" "$2" | "$BATS_TEST_DIRNAME/../incidents/fold" "$1"; }

# Whether a line of the output is the text.
has() { printf '%s\n' "$output" | grep -qxF -- "$1" || { echo "it lacks: $1"; printf '%s\n' "$output"; return 1; }; }

# pprof, or go tool pprof, or the program in $PPROF, into the array $pprof.
needs_pprof() {
	if [ -n "${PPROF-}" ]; then
		pprof=("$PPROF")
	elif [ -n "$(command -v pprof)" ]; then
		pprof=(pprof)
	elif [ -n "$(command -v go)" ] && go tool -n pprof > /dev/null 2>&1; then
		pprof=(go tool pprof)
	else
		skip 'neither pprof nor go tool pprof is installed'
	fi
	export PPROF_TMPDIR=$BATS_TEST_TMPDIR
}

@test "both profiles have the folded stacks" {
	local form id

	for form in pprof speedscope; do
		for id in $LOOP 901-901-0 3300-3300-0; do
			run fold $form $id
			[ "$status" -eq 0 ]
			diff <(report --folded $id | LC_ALL=C sort) \
				<(printf '%s\n' "$output" | head -n "$(report --folded $id | wc -l)" | LC_ALL=C sort)
		done
	done
}

@test "the reads of the Python stack are a profile of their own for speedscope only" {
	run fold speedscope 5150-5150-0
	[ "$status" -eq 0 ]
	has 'type sampled serve nanoseconds'
	has 'type sampled reads of the Python stack none'
	has 'also <module>;main;run;BaseEventLoop.run_forever;BaseEventLoop._run_once;EpollSelector.select 35'
	[ "$(report --folded 5150-5150-0 | awk '{ sum += $NF } END { print sum }')" -eq 50 ]
	[ "$(report --folded 5150-5150-0 | grep -c '_run_once')" -eq 0 ]
	run fold pprof 5150-5150-0
	[ "$status" -eq 0 ]
	[[ $output != *_run_once* ]]
}

@test "a pprof profile has period, times, comments, mappings and lines" {
	run fold pprof $LOOP
	[ "$status" -eq 0 ]
	has 'types samples:count cpu:nanoseconds cpu:nanoseconds'
	has 'period 20021000'
	has 'time 1795553113000041000'
	has "comment incident $LOOP"
	has "comment $("$MAZE" --version)"
	has 'mapping /usr/sbin/orderd 8f3ad5c1e09b7642d1c05be39a47f2108c6de954 0x40'
	has 'mapping [kernel]  0x0'
	# The program comes first, and inlined functions are lines of one location.
	[[ $output == *$'mapping /usr/sbin/orderd '*$'mapping /usr/lib/x86_64-linux-gnu/libc.so.6 '* ]]
	has 'location 0x1000000001234 hash_name:names.h:33 queue_find:queue.c:102'
	has 'location 0x1000000001234 hash_name:names.h:35 queue_find:queue.c:102'
	# The address of a caller is inside of its call.
	has 'location 0x1000000002460 queue_peek:queue.c:61'
	has 'location 0xffffffff9d15e7bf futex_wake::0'
}

@test "a frame without a name is a location without a line" {
	run fold pprof 2210-2210-0
	[ "$status" -eq 0 ]
	has 'location 0x1000000001130 '
	has 'location 0x7f3a10e4c020 '
	has 'mapping [anon]  0x0'
}

@test "speedscope gets the samples in their order" {
	run fold speedscope $LOOP
	[ "$status" -eq 0 ]
	[ "$(printf '%s\n' "$output" | grep -c '^innermost ')" -eq 50 ]
	[[ $output == *$'innermost queue_find\ninnermost hash_name\ninnermost hash_name\ninnermost __memcmp_avx2_movbe\n'* ]]
	has 'type sampled dispatch-2 nanoseconds'
	has 'weights 20021000'
}

@test "profiles of incidents with hostile names or without samples are valid" {
	run fold pprof 666-667-0
	[ "$status" -eq 0 ]
	[ "$(printf '%s' "$output" | LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]')" -eq 0 ]
	run fold speedscope 666-667-0
	[ "$status" -eq 0 ]
	for form in pprof speedscope; do
		run --separate-stderr fold $form 77-77-0
		[ "$status" -eq 0 ]
		says 'has no samples'
	done
}

@test "pprof reads the profile" {
	needs_pprof
	report --pprof $LOOP > "$BATS_TEST_TMPDIR/profile"
	run "${pprof[@]}" -top "$BATS_TEST_TMPDIR/profile"
	[ "$status" -eq 0 ]
	[[ $output == *"File: orderd"*"incident $LOOP"*"Total samples = 1001.05ms"* ]]
	[[ $output =~ flat%.*$'\n'' '+720.76ms\ 72.00%\ 72.00%\ +720.76ms\ 72.00%\ \ hash_name ]]
	run "${pprof[@]}" -lines -sample_index=samples -top "$BATS_TEST_TMPDIR/profile"
	[[ $output =~ 28\ 56.00%.*hash_name\ names.h:33\ \(inline\) ]]
}

@test "a profile for pprof is not written to a terminal" {
	run script -qec "'$MAZE' report --incidents '$INCIDENTS/good' --pprof $LOOP" /dev/null
	[ "$status" -eq 2 ]
	[[ $output == *"redirect it to a file"* ]]
	refused 2 report --pprof --speedscope $LOOP
	says 'exclude each other'
}
