#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the checks with real programs: the programs, control groups as systemd makes
# them, and a directory that is removed at the end. To be sourced.
#
#   BUILD          directory of maze and mazed (build)
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the scripts that source it

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(realpath -- "$here/../..")
build=$(realpath -- "${BUILD:-build}")
work=$(mktemp -d)
log=$work/log
groups=()
pids=()
mazed=
chmod 755 "$work"

say() { printf '# %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Ends what was started, but mazed.
end_all() {
	local pid

	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2> /dev/null || :
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2> /dev/null || :
	done
	pids=()
}

end_mazed() {
	[ -n "$mazed" ] || return 0
	kill -TERM "$mazed" 2> /dev/null || :
	wait "$mazed" 2> /dev/null || :
	mazed=
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	local i

	end_all
	end_mazed
	# The deepest groups were made last.
	for ((i = ${#groups[@]} - 1; i >= 0; i--)); do
		rmdir -- "${groups[i]}" 2> /dev/null || :
	done
	rm -rf -- "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The mount of the control groups of version 2, alone or beside those of version 1.
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$root" ] || die 'no control groups of version 2 are mounted; the rules need them'

# make_group GROUP: makes the group and its parents.
make_group() {
	[ ! -d "$root/$1" ] || return 0
	[ "${1%/*}" = "$1" ] || make_group "${1%/*}"
	mkdir -- "$root/$1" || die "cannot make the control group $1"
	groups+=("$root/$1")
}

# in_group GROUP COMMAND...: replaces this (sub)shell with the command in the group.
in_group() {
	echo "$BASHPID" > "$root/$1/cgroup.procs"
	shift
	exec "$@"
}

start_in() {
	make_group "$1"
	(in_group "$@") < /dev/null >> "$work/out" 2>&1 &
	pids+=("$!")
}

run_in() {
	make_group "$1"
	(in_group "$@") < /dev/null >> "$work/out" 2>&1 || { tail -n 20 "$work/out" >&2; die "failed: $*"; }
}

eventually() {
	for _ in $(seq 600); do
		! "$@" > /dev/null 2>&1 || return 0
		sleep 0.1
	done
	die "not within a minute: $*"
}

# Unpacks missing packages without installing them: they would start daemons.
# npm is left out where one exists: another Node.js has its own npm, which does not fit
# Debian's.
find_programs() {
	local packages command

	mapfile -t packages < <("$top/scripts/deps" --list try-real-programs |
		if [ -n "$(command -v npm)" ]; then grep -vx npm; else cat; fi)
	"$top/bench/fetch-peers" --public "$work/peers" "$build/real" "${packages[@]}" 2>&1 > "$build/real.paths" |
		tee -a "$work/out" | sed -n '/^== \|^fetch-peers: /p' >&2
	# shellcheck source=/dev/null
	. "$build/real.paths"
	: "${peers_path?}" "${peers_libraries?}"
	export PATH=$PATH:$peers_path
	[ -z "$peers_libraries" ] || export LD_LIBRARY_PATH=$peers_libraries
	use_unpacked_java
	for command in redis-server redis-benchmark redis-cli nginx wrk node npm java python3 ssh sshd; do
		[ -n "$(command -v "$command")" ] || die "$command is not installed; make real-check installs it"
	done
	# The real program: a version manager's python3 is a script in another language.
	python=$(python3 -c 'import sys; print(sys.executable)')
	postgres=$(find /usr/lib/postgresql "$work/peers/root/usr/lib/postgresql" -name pg_ctl -printf '%h\n' 2> /dev/null | sort -V | tail -n 1 || :)
	[ -n "$postgres" ] || die 'postgresql is not installed; make real-check installs it'
	use_unpacked_node
}

# Debian's Node.js has the path /usr/share/nodejs compiled in: the unpacked files are
# mounted there, in this mount namespace only. It does not find Debian's certificates by
# itself.
use_unpacked_node() {
	local root=$work/peers/root certificates=/etc/ssl/certs/ca-certificates.crt

	[ -d "$root/usr/share/nodejs" ] || return 0
	mount -t overlay overlay -o "ro,lowerdir=$root/usr/share:/usr/share" /usr/share ||
		die 'the unpacked npm cannot be mounted at /usr/share'
	if [ ! -e "$certificates" ]; then
		certificates=$work/certificates
		cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$certificates"
	fi
	export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$certificates}
}

# Debian's Java is a directory of its own. It has no link in usr/bin until it is
# configured, and has links to files below /etc, where nothing is unpacked.
use_unpacked_java() {
	local root=$work/peers/root link bin

	for bin in "$root"/usr/lib/jvm/java-*/bin; do
		[ -x "$bin/java" ] || continue
		PATH=$PATH:$bin
		find "${bin%/bin}" -type l -lname '/etc/java-*' -print | while IFS= read -r link; do
			ln -sfn -- "$root$(readlink -- "$link")" "$link"
		done
	done
}

# compile_java FILE...: into $work/classes. The runtime has the compiler but no javac.
compile_java() {
	java -m jdk.compiler/com.sun.tools.javac.Main -d "$work/classes" "$@" >> "$work/out" 2>&1 ||
		{ tail -n 20 "$work/out" >&2; die "cannot compile $*"; }
}

# ---- services, each in its own control group, and their load generators

nginx_group=system.slice/maze-nginx.service
redis_group=system.slice/maze-redis.service
postgres_group=system.slice/maze-postgres.service
java_group=system.slice/maze-java.service
python_group=system.slice/maze-python.service
python2_group=system.slice/maze-python2.service
user_group=user.slice/maze-user.scope
# PostgreSQL refuses to run as root.
as_nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)

start_postgres() {
	if [ ! -d "$work/db" ]; then
		install -d -o nobody "$work/db"
		run_in $postgres_group "${as_nobody[@]}" "$postgres/initdb" -D "$work/db" -U postgres -A trust --no-sync
	fi
	start_in $postgres_group "${as_nobody[@]}" "$postgres/postgres" -D "$work/db" \
		-k "$work/db" -c listen_addresses= -c fsync=off
	database=(-h "$work/db" -U postgres)
	eventually "$postgres/pg_isready" -h "$work/db"
	run_in $user_group "$postgres/pgbench" "${database[@]}" -i -s 5 postgres
}

# free_port VARIABLE: a port that is free at the moment, also of other runs of these
# checks.
free_port() {
	printf -v "$1" %s "$("$python" -c 'import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])')"
}

start_nginx() {
	local port

	free_port port
	mkdir -p "$work/www"
	head -c 4096 /dev/zero > "$work/www/page"
	cat > "$work/nginx.conf" <<-END
		daemon off;
		worker_processes 2;
		pid $work/nginx.pid;
		error_log $work/nginx-error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $work/nginx-body;
			proxy_temp_path $work/nginx-proxy;
			fastcgi_temp_path $work/nginx-fastcgi;
			uwsgi_temp_path $work/nginx-uwsgi;
			scgi_temp_path $work/nginx-scgi;
			server { listen 127.0.0.1:$port; root $work/www; include $work/nginx.d/*; }
		}
	END
	start_in $nginx_group nginx -c "$work/nginx.conf"
	nginx_page=http://127.0.0.1:$port/page
	eventually answers "$port"
}

start_redis() {
	start_in $redis_group redis-server --unixsocket "$work/redis" --port 0 --save '' --dir "$work"
	eventually redis-cli -s "$work/redis" ping
}

start_java_service() {
	local port

	free_port port
	compile_java "$here/Service.java"
	start_in $java_group java -cp "$work/classes" Service "$port" 2
	java_page=http://127.0.0.1:$port/page
	eventually answers "$port"
}

# One worker with one event loop; two with two, in a thread each.
start_python_service() {
	local port

	free_port port
	start_in $python_group "$python" "$here/service.py" "$port" 1
	python_page=http://127.0.0.1:$port/page
	eventually answers "$port"
	free_port port
	start_in $python2_group "$python" "$here/service.py" "$port" 2
	python2_page=http://127.0.0.1:$port/page
	eventually answers "$port"
}

# Whether the server at that port sends its page.
answers() {
	"$python" -c 'import sys, urllib.request
page = urllib.request.urlopen("http://127.0.0.1:%s/page" % sys.argv[1]).read()
sys.exit(len(page) != 4096)' "$1"
}

# The CPU time of the busiest thread of a group, in ms.
busiest_ms() {
	local tid ns rest most=0

	while read -r tid; do
		{ read -r ns rest < "/proc/$tid/schedstat"; } 2> /dev/null || continue
		[ "$ns" -le "$most" ] || most=$ns
	done < "$root/$1/cgroup.threads"
	echo $((most / 1000000))
}

# load_until_used MS GROUP COMMAND...: runs the load until a thread of the group has used
# so much CPU time. The output of the command goes to $work/load. A signal ends it.
load_until_used() {
	local group=$2 until running i

	until=$(($(busiest_ms "$group") + $1))
	shift 2
	make_group $user_group
	# The shell ignores SIGINT in background processes.
	(in_group $user_group env --default-signal=INT "$@") < /dev/null > "$work/load" 2>&1 &
	running=$!
	pids+=("$running")
	for ((i = 0; i < 6000 && $(busiest_ms "$group") < until; i++)); do
		kill -0 "$running" 2> /dev/null || { cat "$work/load" >&2; die "ended early: $*"; }
		[ -n "$(cat "$root/$group/cgroup.procs")" ] || { tail -n 20 "$work/out" >&2; die "no process in $group"; }
		sleep 0.1
	done
	kill -INT "$running"
	wait "$running" || :
	unset 'pids[-1]'
	[ "$i" -lt 6000 ] || die "in ten minutes no thread of $group used the CPU time: $*"
}

# Starts mazed with the shipped configuration and standard input; returns when it has
# scanned all processes. The rules of the file $own_rules are tried before the shipped ones.
own_rules=
start_mazed() {
	export RUNTIME_DIRECTORY=$work/run
	mkdir -p "$work/maze.conf.d"
	cp "$top/packaging/maze.conf" "$work/maze.conf.d/90-maze.conf"
	cp "${own_rules:-/dev/null}" "$work/maze.conf"
	{
		printf '[daemon]\nlog = %s\ncontrol-socket = %s\nincidents = %s\n' \
			"$log" "$work/socket" "$work/incidents"
		cat
	} > "$work/maze.conf.d/here.conf"
	"$build/mazed" --config "$work/maze.conf" > "$work/mazed" 2>&1 &
	mazed=$!
	eventually grep -qF ' in force, ' "$log"
}
