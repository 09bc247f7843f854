#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# maze run --incidents: the incident has the location of a caught thread, whatever the
# process does next. Errors with the incident directory do not change enforcement.

bats_require_minimum_version 1.5.0
load test_helper

setup_file() {
	cat > "$BATS_FILE_TMPDIR/loop.c" <<- 'END'
		volatile unsigned long sink;
		__attribute__((noinline)) static void inner(unsigned long n) { for (;;) sink += n * n; }
		__attribute__((noinline)) static void middle(unsigned long n) { inner(n + 1); sink++; }
		__attribute__((noinline)) static void outer(unsigned long n) { middle(n + 1); sink++; }
		int main(int argc, char **argv) { (void)argv; outer((unsigned long)argc); return 0; }
	END
}

# Only the bpf engine takes stacks.
setup() {
	dir=$BATS_TEST_TMPDIR
	kept=$dir/kept
	work=
	needs_bpf
}

teardown() {
	[ -z "$work" ] || umount "$work"
	[ -z "$public" ] || rm -rf "$public"
}

# Built once for each set of options.
build_loop() {
	local built=$BATS_FILE_TMPDIR/loop$*
	[ -e "$built" ] || (cd "$BATS_FILE_TMPDIR" && ${CC:-gcc} -O2 -g -fomit-frame-pointer -Wl,--build-id "$@" loop.c -o "$built")
	cp "$built" "$dir/loop"
}

# Caught at 30 ms, killed at 230 ms: some ten samples. The exit status is as without
# incidents.
caught() {
	run --separate-stderr "$MAZE" run --soft 30ms --hard 230ms --soft-signal 0 --incidents "$kept" \
		"$@" -- "$dir/loop"
	[ "$status" -eq 137 ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *' hard: '* ]]
}

report() { COLUMNS=10000 "$MAZE" report --incidents "$kept" last; }

# Then the program's path is the kernel's, which begins at the machine's root, not at that
# of the chroot.
ended_unseen_in_chroot() {
	report | grep -q 'had ended before it was read' &&
		report | grep -q "^  program  */..*$dir/loop\$"
}

# At least nine tenths of the samples have this innermost frame.
named() {
	report >&2
	"$MAZE" report --incidents "$kept" --folded last | tee /dev/stderr | awk -v frame="$1" '
		{ count = $NF; all += count; sub(/ [0-9]+$/, ""); n = split($0, stack, ";") }
		stack[n] ~ "^" frame "$" { in_it += count }
		END { exit !(all && in_it >= all * 0.9) }'
}

found_reported() { found_report 2> /dev/null | grep -qE "$1"; }

# python_service REGEX ARG...: a service whose handler computes, an asyncio coroutine, in a
# thread of CPython, until an incident of it has the line. It sleeps now and then, which begins
# another incident: where maze is late, all samples of one come before the first read. The
# import of asyncio is another episode: how much CPU time it uses is the machine's, too.
python_service() {
	local regex=$1
	shift
	cat > "$dir/service.py" <<- 'END'
		import asyncio, hashlib, sys, time
		def step(total):
		    return total + 1
		class Handler:
		    async def compute(self):
		        total = 0
		        while True:
		            end = time.thread_time() + 1.5
		            while time.thread_time() < end:
		                total = step(total)
		                if len(sys.argv) > 1:
		                    hashlib.sha256(b"x" * 10000000)
		            await asyncio.sleep(0.001)
		async def main():
		    await asyncio.sleep(0.01)
		    await asyncio.gather(Handler().compute(), asyncio.sleep(1000))
		asyncio.run(main())
	END
	run_until "some_incident found_reported '$regex'" --soft 300ms -- /usr/bin/python3 "$dir/service.py" "$@"
	found_report | tee "$dir/reported" >&2
}

@test "a loop three calls deep, without frame pointers, is named" {
	build_loop
	caught
	named inner
	report | grep -q '^  inner .*loop.c:2'
	report | grep -qx "  host       $(uname -n)"
	report | grep -qx "  kernel     Linux $(uname -r), $(uname -m)"
	report | grep -qx "  maze       version $("$MAZE" --version | cut -d ' ' -f 2), engine bpf, interface [0-9]*"
	[ "$(stat -c %a "$kept" "$kept"/*.json | tr '\n' ' ')" = '700 600 ' ]
}

@test "the line about an incident has the whole command that shows it" {
	local command
	build_loop
	kept="$dir/john's incidents"
	caught
	command=$(sed -n 's/^maze run: incident \([^:]*\): maze report \(--incidents .* \1\)$/\2/p' <<< "$stderr")
	eval "COLUMNS=10000 run -0 \"\$MAZE\" report $command"
	[[ $output == *"It was in inner ("* ]]
}

@test "one unwind also names its callers, but not with --no-unwind" {
	build_loop
	run_until 'report | grep -A 9 "^Unwound stack" | grep -q "^  outer "' --soft 30ms -- "$dir/loop"
	# All samples get them: the kernel's walk ends in inner().
	"$MAZE" report --incidents "$kept" --folded last | tee /dev/stderr | grep -q ';main;outer;middle;inner [0-9]*$'
	"$MAZE" report --incidents "$kept" --html last | grep -q '"name":"middle"'
	rm -rf "$kept"
	caught --no-unwind
	[ "$(report | grep -c '^Unwound stack')" -eq 0 ]
	[ "$("$MAZE" report --incidents "$kept" --folded last | grep -c middle)" -eq 0 ]
}

@test "a stripped loop with a separate debug file is named" {
	build_loop
	(cd "$dir" && objcopy --only-keep-debug loop loop.debug && objcopy --strip-all --add-gnu-debuglink=loop.debug loop)
	caught
	named inner
	report | grep -q '^  inner .*loop.c:2'
}

@test "a loop in a static-pie program is named" {
	build_loop -static-pie
	caught
	named inner
	report | grep -q '^  inner .*loop.c:2'
}

@test "a stripped loop without a debug file has build-id and offset" {
	build_loop
	strip "$dir/loop"
	caught
	# The loop has several instructions, and no symbol groups them.
	named 'loop[+]0x[0-9a-f]+'
	report | grep -q "build-id $(readelf -n "$dir/loop" | sed -n 's/.*Build ID: //p')"
}

@test "a program killed a millisecond after its soft verdict has its incident" {
	build_loop
	run -137 --separate-stderr "$MAZE" run --soft 30ms --hard 31ms --incidents "$kept" -- "$dir/loop"
	[ "$status" -eq 137 ]
	report >&2
	! ended_unseen_in_chroot ||
		skip 'in a chroot, the file of a program that ended before maze looked cannot be found'
	report | grep -q 'It was in inner ('
}

@test "a loop in a system call has the kernel's functions" {
	run --separate-stderr "$MAZE" run --soft 50ms --hard 250ms --soft-signal 0 --incidents "$kept" \
		-- dd if=/dev/zero of=/dev/null bs=64M
	[ "$status" -eq 137 ]
	report >&2
	report | grep -qE '^  [a-z_]*read[a-z_]* +kernel$'
}

@test "code that Node compiles at run time is named by its perf map" {
	needs_program node
	echo 'function wedgedCallback(n) { let x = 0; for (;;) x = (x * 31 + n) | 0; }
		setTimeout(() => wedgedCallback(7), 10);' > "$dir/wedged.js"
	# shellcheck disable=SC2016 # for the inner shell to expand
	run_until 'named ".*wedgedCallback.*"' --soft 300ms \
		-- sh -c 'echo $$ > "$1"; cd "${1%/*}" && exec node --perf-basic-prof "$2"' sh "$dir/pid" "$dir/wedged.js"
	rm -f "/tmp/perf-$(cat "$dir/pid").map"
}

@test "Java methods are named by a perf map that is requested on a setting" {
	local user=()
	needs_program javac
	for_everyone
	cat > "$public/Wedged.java" <<- 'END'
		public class Wedged {
			static int sink;
			static void loop() { for (;;) sink = sink * 31 + 7; }
			public static void main(String[] arguments) { loop(); }
		}
	END
	javac -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -d "$public" "$public/Wedged.java"
	chmod a+r "$public"/*
	# A virtual machine of root gets no request.
	[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	run_until 'named "void Wedged.loop.*"' --java-perf-map --soft 500ms \
		-- "${announced[@]}" "$dir/pid" "${user[@]}" \
		java -XX:+UseSerialGC -XX:+PreserveFramePointer -cp "$public" Wedged
	[ ! -e "/tmp/.attach_pid$(cat "$dir/pid")" ]
	rm -f "/tmp/perf-$(cat "$dir/pid").map" "/tmp/.java_pid$(cat "$dir/pid")"
	# Without the setting there is only the note.
	rm -r "$kept"
	run_until 'reported Compiler.perfmap' --soft 300ms -- "${announced[@]}" "$dir/pid" "${user[@]}" \
		java -XX:+UseSerialGC -cp "$public" Wedged
	[ ! -e "/tmp/perf-$(cat "$dir/pid").map" ]
}

@test "the Python function, file and line of a busy handler are named" {
	[ -x /usr/bin/python3 ] || skip 'no /usr/bin/python3'
	python_service "in the Python function Handler.compute \($dir/service.py:(9|10|11)\)"
	# Nine tenths of the reads have the function. Their number depends on the load of the
	# machine: a read belongs to the samples that have arrived.
	/usr/bin/python3 - "$kept/$found.json" <<- 'END'
		import json, sys
		incident = json.load(open(sys.argv[1]))
		python = incident["python"]
		stacks = [[frame["function"] for frame in stack["frames"]] for stack in python["stacks"]]
		inside = [read for read in python["reads"] if "Handler.compute" in stacks[read["stack"]][:2]]
		print(len(incident["samples"]), "samples,", len(python["reads"]), "reads", file=sys.stderr)
		assert inside and len(inside) >= 0.9 * len(python["reads"]), (len(inside), python)
		assert all(stack[-1] == "<module>" for stack in stacks), stacks
	END
}

@test "C code that Python calls is joined with the Python stack" {
	[ -x /usr/bin/python3 ] || skip 'no /usr/bin/python3'
	python_service '^C code called from Python' hash
	sed -n '/^C code called from Python/,/^$/p' "$dir/reported" > "$dir/joined"
	grep -qE "^  Handler.compute +$dir/service.py:12" "$dir/joined"
	grep -q '^  <module>' "$dir/joined"
	run ! grep -q '_PyEval_EvalFrameDefault' "$dir/joined"
}

@test "each program of a crowd has its incident" {
	run --separate-stderr "$MAZE" run --soft 10ms --hard 20ms --soft-signal 0 --incidents "$kept" \
		-- "$PROGRAMS/copies" 36 "$PROGRAMS/spin"
	crowd_has_incidents
	hards=$("$MAZE" incidents --incidents "$kept" | grep -c ' hard ')
	[ "$hards" -le 36 ] && [ "$hards" -ge $((36 - lost)) ]
}

@test "an impossible directory is reported once, and the program is still caught" {
	build_loop
	touch "$kept"
	caught
	[ "$(grep -cF "$kept" <<< "$stderr")" -eq 1 ]
}

@test "a full directory is reported, and the program is still caught" {
	needs_private_mounts
	build_loop
	mkdir -m 700 "$kept"
	mount -t tmpfs -o size=4k,mode=700 tmpfs "$kept"
	work=$kept
	head -c 4096 /dev/zero > "$kept/full"
	caught
	[ "$(grep -c 'maze run: .*No space left' <<< "$stderr")" -eq 1 ]
}

@test "a read-only directory is reported once, and the program is still caught" {
	needs_private_mounts
	build_loop
	mkdir -m 700 "$kept"
	mount -t tmpfs -o ro,mode=700 tmpfs "$kept"
	work=$kept
	caught
	[ "$(grep -c 'maze run: .*Read-only' <<< "$stderr")" -eq 1 ]
}

@test "the system calls of a loop are shown; a loop in user code has none" {
	run_until 'reported "^ +[0-9]+ .* %  read, fd [0-9]+: EAGAIN$"' --soft 50ms -- "$PROGRAMS/poller" --read
	rm -rf "$kept"
	build_loop
	run_until 'reported "^System calls: none in "' --soft 30ms -- "$dir/loop"
}
