#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# mazed(8) without an installation: no journal, no file of rules, no service manager.

bats_require_minimum_version 1.5.0
load test_helper

# A copy of /etc for in_container, without files of maze.
make_etc() {
	needs_mazed
	needs_private_mounts
	cp -a /etc "$dir/etc"
	rm -rf "$dir/etc/maze"
	mkdir -p "$dir/etc/maze/maze.conf.d"
}

# Runs mazed and then the command in namespaces of their own, as in a container: without a
# journal, and with $dir/etc as /etc.
in_container() {
	# Two, because a second reader of one could see the end of the first writer.
	mkfifo "$dir/go" "$dir/stop"
	# shellcheck disable=SC2016 # for the inner shell
	start env -u RUNTIME_DIRECTORY -u NOTIFY_SOCKET dir="$dir" MAZED="$MAZED" PROGRAMS="$PROGRAMS" \
		unshare --pid --fork --kill-child --mount-proc --cgroup --propagation private sh -c '
		mount --bind "$dir/etc" /etc
		for each in /run /var/lib /usr/local/lib; do
			mount -t tmpfs none "$each"
		done
		"$MAZED" > "$dir/out" 2> "$dir/err" &
		eval "$0"
		kill -TERM $!
		wait $!
		echo $? > "$dir/ended"' "$1"
}

printed() { grep -qsF -- "$1" "$dir/err"; }
ready_times() { [ "$(grep -cF ' in force, ' "$dir/err" 2> /dev/null)" -eq "$1" ]; }

show_err() {
	cat "$dir/err"
	return 1
}

@test "mazed alone prints one line when it is ready, and a rule by comm catches a spinner" {
	make_etc
	cat > "$dir/etc/maze/maze.conf.d/local.conf" <<- 'END'
		[rule spinners]
		comm = spin
		soft = 100ms
		soft-signal = KILL
		hard = 0
		shadow = no
	END
	in_container 'read -r _ < "$dir/go"; "$PROGRAMS/spin"; echo $? > "$dir/status"'
	wait_until ready_times 1 || show_err
	printed ' rules in force, 0 processes watched by them, engine bpf, log: standard error'
	printed '/etc/maze/maze.conf: it does not exist'
	printed 'uses its built-in rules, with shadow = yes'
	echo > "$dir/go"
	wait_until [ -s "$dir/ended" ] || show_err
	[ "$(cat "$dir/status")" -eq 137 ]
	[ "$(cat "$dir/ended")" -eq 0 ]
	grep '^mazed: soft: ' "$dir/err" | grep -q 'rule spinners$'
	ready_times 1
	# No rule has a command, so the log has nothing about commands.
	[ "$(grep -c 'exec: ' "$dir/err")" -eq 0 ]
	[ ! -s "$dir/out" ]
	nothing_pinned
}

@test "where no process matches, mazed prints why, and what it says to write helps" {
	make_etc
	in_container 'read -r _ < "$dir/go"; kill -HUP $!; read -r _ < "$dir/stop"'
	wait_until printed 'no process is watched' || show_err
	printed 'but mazed runs in the control group /, as in a container'
	rule=$(grep -o '"\[rule [a-z]*\]" to /etc/maze/maze.conf.d/local.conf' "$dir/err")
	rule=${rule#\"}
	echo "${rule%%\"*}" > "$dir/etc/maze/maze.conf.d/local.conf"
	echo > "$dir/go"
	wait_until ready_times 2 || show_err
	grep ' in force, ' "$dir/err" | tail -n 1 | grep -q ' [1-9][0-9]* process.* watched by them, '
	echo > "$dir/stop"
	wait_until [ -s "$dir/ended" ] || show_err
	[ "$(cat "$dir/ended")" -eq 0 ]
}

@test "maze unload ends mazed with a sentence, also in the terminal, and exit status 4" {
	needs_mazed
	needs_program script
	configure < /dev/null
	script -qec "exec '$MAZED' --config '$conf'" /dev/null < /dev/null > "$dir/err" 2>&1 3>&- &
	mazed=$!
	wait_until in_force_again 0 || show_log
	"$MAZE" unload
	wait_until ended "$mazed" || show_log
	status=0
	wait "$mazed" || status=$?
	mazed=
	[ "$status" -eq 4 ]
	ready_times 1
	for word in 'maze unload' 'has unloaded the engine' 'mazed ends'; do
		logged "$word"
		printed "$word"
	done
	[ "$(grep -c 'unloaded' "$dir/err")" -eq 1 ]
	run ! printed 'No such file'
}
